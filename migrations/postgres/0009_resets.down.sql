DELETE FROM identity.resets r
    WHERE r.user_id IS NOT NULL AND NOT EXISTS (SELECT FROM identity.users u WHERE u.id = r.user_id);
ALTER TABLE identity.resets
    ADD CONSTRAINT resets_user_id_fkey FOREIGN KEY (user_id) REFERENCES identity.users ON DELETE CASCADE;
