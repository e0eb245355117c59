-- Who people are. The only table with personal data: the log knows people by their id alone, so that
-- erasing a row here erases the person.
CREATE SCHEMA identity;

CREATE TABLE identity.users (
    id            uuid        PRIMARY KEY,
    email         text        NOT NULL CHECK (email <> ''),
    name          text        NOT NULL,
    -- Absent for those who sign in elsewhere.
    password_hash text,
    created_at    timestamptz NOT NULL DEFAULT now(),
    disabled_at   timestamptz
);

CREATE UNIQUE INDEX users_email ON identity.users (lower(email));
