-- Checking the reference was work that only a row of somebody known caused, and could be measured. Nobody is ever deleted
-- from identity.users (erasing leaves the id), and what is reset is looked up there anyway.
ALTER TABLE identity.resets DROP CONSTRAINT resets_user_id_fkey;
