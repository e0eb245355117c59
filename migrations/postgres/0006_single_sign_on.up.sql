-- Single sign-on: the identity providers of organizations, logins under way, and who came from where.

CREATE TABLE identity.connections (
    id            uuid        PRIMARY KEY,
    organization  uuid        NOT NULL,
    name          text        NOT NULL CHECK (name <> ''),
    issuer        text        NOT NULL CHECK (issuer <> ''),
    client_id     text        NOT NULL CHECK (client_id <> ''),
    -- Sealed with a key that is not in this database, and bound to issuer and client_id.
    client_secret bytea       NOT NULL,
    groups_claim  text,
    group_roles   jsonb       NOT NULL CHECK (jsonb_typeof(group_roles) = 'array'),
    default_roles jsonb       NOT NULL CHECK (jsonb_typeof(default_roles) = 'array'),
    email_domains text[]      NOT NULL,
    require_email boolean     NOT NULL,
    enabled       boolean     NOT NULL,
    version       bigint      NOT NULL CHECK (version > 0),
    created_at    timestamptz NOT NULL,
    updated_at    timestamptz NOT NULL
);
CREATE INDEX connections_organization ON identity.connections (organization);

-- Logins that were sent to a provider and have not come back. A row is taken out when it is used.
CREATE TABLE identity.sign_ins (
    state_hash   bytea       PRIMARY KEY CHECK (length(state_hash) = 32),
    connection   uuid        NOT NULL REFERENCES identity.connections ON DELETE CASCADE,
    -- What the connection was when the login began.
    version      bigint      NOT NULL,
    browser_hash bytea       NOT NULL CHECK (length(browser_hash) = 32),
    -- The nonce and the PKCE verifier, sealed.
    secrets      bytea       NOT NULL,
    redirect_uri text        NOT NULL,
    return_to    text        NOT NULL,
    expires_at   timestamptz NOT NULL
);
CREATE INDEX sign_ins_expires_at ON identity.sign_ins (expires_at);
CREATE INDEX sign_ins_connection ON identity.sign_ins (connection);

-- Who a subject of a provider is here. Of the subject there is only a SHA-256. Erasing a person removes their rows too:
-- whoever comes in as that subject afterwards is somebody new.
CREATE TABLE identity.external_identities (
    connection   uuid        NOT NULL REFERENCES identity.connections ON DELETE CASCADE,
    subject_hash bytea       NOT NULL CHECK (length(subject_hash) = 32),
    user_id      uuid        NOT NULL REFERENCES identity.users ON DELETE CASCADE,
    created_at   timestamptz NOT NULL,
    last_used_at timestamptz NOT NULL,
    PRIMARY KEY (connection, subject_hash),
    -- A second subject with the e-mail of a first one is another person.
    UNIQUE (connection, user_id)
);
CREATE INDEX external_identities_user ON identity.external_identities (user_id);
