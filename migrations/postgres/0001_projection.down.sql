DO $$
DECLARE
    generation text;
BEGIN
    FOR generation IN
        SELECT nspname FROM pg_namespace WHERE nspname ~ '^read_[a-z_]+_[0-9]+$'
    LOOP
        EXECUTE format('DROP SCHEMA %I CASCADE', generation);
    END LOOP;
END
$$;
DROP SCHEMA projection CASCADE;
