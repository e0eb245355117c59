DROP TABLE identity.resets, identity.invitations, identity.revocations, identity.refresh_tokens, identity.sessions,
    identity.lockouts;

-- Nothing before this knows people without an e-mail, or two with the same.
DELETE FROM identity.users WHERE organization IS NOT NULL OR erased_at IS NOT NULL;
UPDATE identity.users SET name = '' WHERE name IS NULL;

DROP INDEX identity.users_email_managed;
DROP INDEX identity.users_email;
CREATE UNIQUE INDEX users_email ON identity.users (lower(email));

ALTER TABLE identity.users
    DROP CONSTRAINT users_erased,
    DROP CONSTRAINT users_reachable,
    DROP CONSTRAINT users_managed,
    DROP COLUMN erased_at,
    DROP COLUMN organization,
    ALTER COLUMN email SET NOT NULL,
    ALTER COLUMN name SET NOT NULL;
