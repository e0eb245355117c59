-- `document` is the aggregate's state as the domain writes it. It is json, not jsonb: it is never searched, and
-- must hold every text that an event can. `position` is the commit that changed the row last.

CREATE TABLE {schema}.organizations (
    id           uuid        NOT NULL PRIMARY KEY,
    key          text        COLLATE "C" NOT NULL,
    archived     boolean     NOT NULL,
    version      bigint      NOT NULL,
    created_at   timestamptz NOT NULL,
    updated_at   timestamptz NOT NULL,
    position     bigint      NOT NULL,
    document     json        NOT NULL
);

CREATE TABLE {schema}.projects (
    id           uuid        NOT NULL PRIMARY KEY,
    organization uuid        NOT NULL,
    key          text        COLLATE "C" NOT NULL,
    name         text        NOT NULL,
    description  text        NOT NULL,
    archived     boolean     NOT NULL,
    version      bigint      NOT NULL,
    created_at   timestamptz NOT NULL,
    updated_at   timestamptz NOT NULL,
    position     bigint      NOT NULL,
    document     json        NOT NULL
);

CREATE TABLE {schema}.environments (
    id           uuid        NOT NULL PRIMARY KEY,
    project      uuid        NOT NULL,
    key          text        COLLATE "C" NOT NULL,
    archived     boolean     NOT NULL,
    version      bigint      NOT NULL,
    created_at   timestamptz NOT NULL,
    updated_at   timestamptz NOT NULL,
    position     bigint      NOT NULL,
    document     json        NOT NULL
);

CREATE TABLE {schema}.flags (
    id           uuid        NOT NULL PRIMARY KEY,
    project      uuid        NOT NULL,
    key          text        COLLATE "C" NOT NULL,
    name         text        NOT NULL,
    description  text        NOT NULL,
    kind         text        NOT NULL,
    lifetime     text        NOT NULL,
    owner        uuid,
    client_side  boolean     NOT NULL,
    tags         text[]      NOT NULL,
    -- Keys of the environments in which it is on.
    enabled_in   text[]      NOT NULL,
    -- Key, name and description in lower case.
    search       text        NOT NULL,
    archived     boolean     NOT NULL,
    version      bigint      NOT NULL,
    created_at   timestamptz NOT NULL,
    updated_at   timestamptz NOT NULL,
    position     bigint      NOT NULL,
    document     json        NOT NULL
);

CREATE TABLE {schema}.segments (
    id           uuid        NOT NULL PRIMARY KEY,
    project      uuid        NOT NULL,
    key          text        COLLATE "C" NOT NULL,
    name         text        NOT NULL,
    description  text        NOT NULL,
    tags         text[]      NOT NULL,
    search       text        NOT NULL,
    archived     boolean     NOT NULL,
    version      bigint      NOT NULL,
    created_at   timestamptz NOT NULL,
    updated_at   timestamptz NOT NULL,
    position     bigint      NOT NULL,
    document     json        NOT NULL
);

CREATE TABLE {schema}.experiments (
    id           uuid        NOT NULL PRIMARY KEY,
    project      uuid        NOT NULL,
    key          text        COLLATE "C" NOT NULL,
    name         text        NOT NULL,
    hypothesis   text        NOT NULL,
    status       text        NOT NULL,
    flag         text        NOT NULL,
    environment  text        NOT NULL,
    owner        uuid,
    tags         text[]      NOT NULL,
    -- Keys of all metrics it is measured by, and of the layers it is in or leaves the holdout of.
    metrics      text[]      NOT NULL,
    layers       text[]      NOT NULL,
    -- Number of the last iteration; when the first began; when the last ended, if it has.
    iteration    bigint,
    started_at   timestamptz,
    ended_at     timestamptz,
    search       text        NOT NULL,
    archived     boolean     NOT NULL,
    version      bigint      NOT NULL,
    created_at   timestamptz NOT NULL,
    updated_at   timestamptz NOT NULL,
    position     bigint      NOT NULL,
    document     json        NOT NULL
);

CREATE TABLE {schema}.metrics (
    id           uuid        NOT NULL PRIMARY KEY,
    project      uuid        NOT NULL,
    key          text        COLLATE "C" NOT NULL,
    name         text        NOT NULL,
    description  text        NOT NULL,
    kind         text        NOT NULL,
    -- Names of the events it is computed from.
    events       text[]      NOT NULL,
    owner        uuid,
    tags         text[]      NOT NULL,
    search       text        NOT NULL,
    archived     boolean     NOT NULL,
    version      bigint      NOT NULL,
    created_at   timestamptz NOT NULL,
    updated_at   timestamptz NOT NULL,
    position     bigint      NOT NULL,
    document     json        NOT NULL
);

CREATE TABLE {schema}.layers (
    id           uuid        NOT NULL PRIMARY KEY,
    project      uuid        NOT NULL,
    key          text        COLLATE "C" NOT NULL,
    name         text        NOT NULL,
    description  text        NOT NULL,
    search       text        NOT NULL,
    archived     boolean     NOT NULL,
    version      bigint      NOT NULL,
    created_at   timestamptz NOT NULL,
    updated_at   timestamptz NOT NULL,
    position     bigint      NOT NULL,
    document     json        NOT NULL
);

-- Without the hash, in the document too: nothing that reads needs it.
CREATE TABLE {schema}.api_keys (
    id           uuid        NOT NULL PRIMARY KEY,
    organization uuid        NOT NULL,
    environment  uuid,
    -- The person whose token it is.
    owner        uuid,
    -- The service account that acts through it.
    account      uuid,
    name         text        NOT NULL,
    prefix       text        NOT NULL,
    purpose      json        NOT NULL,
    expires_at   timestamptz,
    archived     boolean     NOT NULL,
    version      bigint      NOT NULL,
    created_at   timestamptz NOT NULL,
    updated_at   timestamptz NOT NULL,
    position     bigint      NOT NULL,
    document     json        NOT NULL
);

CREATE TABLE {schema}.memberships (
    id           uuid        NOT NULL PRIMARY KEY,
    organization uuid        NOT NULL,
    user_id      uuid        NOT NULL,
    archived     boolean     NOT NULL,
    version      bigint      NOT NULL,
    created_at   timestamptz NOT NULL,
    updated_at   timestamptz NOT NULL,
    position     bigint      NOT NULL,
    document     json        NOT NULL
);

CREATE TABLE {schema}.service_accounts (
    id           uuid        NOT NULL PRIMARY KEY,
    organization uuid        NOT NULL,
    key          text        COLLATE "C" NOT NULL,
    name         text        NOT NULL,
    archived     boolean     NOT NULL,
    version      bigint      NOT NULL,
    created_at   timestamptz NOT NULL,
    updated_at   timestamptz NOT NULL,
    position     bigint      NOT NULL,
    document     json        NOT NULL
);
