-- `commit` is json, not jsonb: it keeps the commit byte by byte, as the hash needs it.
CREATE TABLE {schema}.log (
    position       bigint      NOT NULL PRIMARY KEY,
    at             timestamptz NOT NULL,
    org            uuid        NOT NULL,
    project        uuid,
    aggregate_type text        NOT NULL,
    aggregate_id   uuid        NOT NULL,
    label          text,
    version        bigint      NOT NULL,
    actor_type     text        NOT NULL,
    actor_id       uuid        NOT NULL,
    via            text        NOT NULL,
    comment        text,
    actions        text[]      NOT NULL,
    commit         json        NOT NULL,
    row_hash       bytea       NOT NULL
);

-- What people call an aggregate, and its project.
CREATE TABLE {schema}.names (
    id      uuid NOT NULL PRIMARY KEY,
    project uuid,
    label   text
);
