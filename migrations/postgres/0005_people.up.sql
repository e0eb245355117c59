-- People of an organization's identity provider, people who were erased, and everything that lets somebody in: sessions,
-- invitations, resets. Of a secret there is only the SHA-256; it is 32 random bytes, so that nobody finds it by trying.

ALTER TABLE identity.users
    ALTER COLUMN email DROP NOT NULL,
    ALTER COLUMN name DROP NOT NULL,
    -- Whose identity provider answers for them. They belong to this organization alone, and have no password here.
    ADD COLUMN organization uuid,
    ADD COLUMN erased_at timestamptz,
    ADD CONSTRAINT users_managed CHECK (organization IS NULL OR password_hash IS NULL),
    ADD CONSTRAINT users_reachable CHECK (organization IS NOT NULL OR erased_at IS NOT NULL OR email IS NOT NULL),
    -- What is left of somebody is the id that the log knows.
    ADD CONSTRAINT users_erased
        CHECK (erased_at IS NULL OR (email IS NULL AND name IS NULL AND password_hash IS NULL AND disabled_at IS NOT NULL));

DROP INDEX identity.users_email;
CREATE UNIQUE INDEX users_email ON identity.users (lower(email)) WHERE organization IS NULL;
CREATE UNIQUE INDEX users_email_managed ON identity.users (organization, lower(email)) WHERE organization IS NOT NULL;

-- Wrong passwords per e-mail, whether somebody has it or not. The key is the SHA-256 of the e-mail in lower case.
CREATE TABLE identity.lockouts (
    key        bytea       PRIMARY KEY CHECK (length(key) = 32),
    state      jsonb       NOT NULL,
    touched_at timestamptz NOT NULL
);
CREATE INDEX lockouts_touched_at ON identity.lockouts (touched_at);

CREATE TABLE identity.sessions (
    id           uuid        PRIMARY KEY,
    user_id      uuid        NOT NULL REFERENCES identity.users ON DELETE CASCADE,
    -- The session is good for this organization alone.
    organization uuid,
    created_at   timestamptz NOT NULL,
    last_used_at timestamptz NOT NULL,
    -- When it ends unless it is used before; moves with each use, never beyond ends_at.
    expires_at   timestamptz NOT NULL,
    ends_at      timestamptz NOT NULL,
    closed_at    timestamptz,
    -- From where it was opened, and with what. Gone once it is closed.
    address      text,
    agent        text,
    CHECK (expires_at <= ends_at),
    CHECK (closed_at IS NULL OR (address IS NULL AND agent IS NULL))
);
CREATE INDEX sessions_user ON identity.sessions (user_id);
CREATE INDEX sessions_expires_at ON identity.sessions (expires_at);

-- All refresh tokens of a session that have not expired: one that can be used, the others to know them again.
CREATE TABLE identity.refresh_tokens (
    hash       bytea       PRIMARY KEY CHECK (length(hash) = 32),
    session_id uuid        NOT NULL REFERENCES identity.sessions ON DELETE CASCADE,
    expires_at timestamptz NOT NULL,
    used_at    timestamptz
);
CREATE INDEX refresh_tokens_session ON identity.refresh_tokens (session_id);
CREATE INDEX refresh_tokens_expires_at ON identity.refresh_tokens (expires_at);

-- Access tokens that die before their time: of one session, or of all of a person. Read every second by every replica of
-- the control plane; of no use once those tokens would have expired anyway.
CREATE TABLE identity.revocations (
    user_id    uuid        NOT NULL,
    session_id uuid,
    at         timestamptz NOT NULL
);
CREATE INDEX revocations_at ON identity.revocations (at);

CREATE TABLE identity.invitations (
    id           uuid        PRIMARY KEY,
    organization uuid        NOT NULL,
    email        text        NOT NULL CHECK (email <> ''),
    roles        jsonb       NOT NULL,
    invited_by   uuid        NOT NULL,
    token_hash   bytea       NOT NULL UNIQUE CHECK (length(token_hash) = 32),
    created_at   timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL,
    accepted_at  timestamptz
);
CREATE UNIQUE INDEX invitations_email ON identity.invitations (organization, lower(email));
CREATE INDEX invitations_of ON identity.invitations (lower(email));

-- Forgotten passwords. Asking for somebody who does not exist leaves a row as well, so that it takes as long.
CREATE TABLE identity.resets (
    token_hash bytea       PRIMARY KEY CHECK (length(token_hash) = 32),
    key        bytea       NOT NULL CHECK (length(key) = 32),
    user_id    uuid        REFERENCES identity.users ON DELETE CASCADE,
    expires_at timestamptz NOT NULL
);
CREATE INDEX resets_key ON identity.resets (key);
CREATE INDEX resets_user ON identity.resets (user_id);
CREATE INDEX resets_expires_at ON identity.resets (expires_at);
