-- What happened at the doors: sign-ins, refusals, denials, rights given and taken, and the use of keys.
CREATE SCHEMA security;

CREATE TABLE security.log (
    id           uuid        PRIMARY KEY,
    at           timestamptz NOT NULL,
    kind         text        NOT NULL CHECK (kind <> ''),
    outcome      text        NOT NULL CHECK (outcome IN ('ok', 'refused')),
    -- Absent where none is known, as with a wrong key.
    organization uuid,
    actor_kind   text,
    actor_id     uuid,
    subject_kind text,
    -- An id, or the key of what has none.
    subject_id   text,
    session      uuid,
    address      inet,
    service      text        NOT NULL,
    request      uuid,
    reason       text,
    detail       jsonb       NOT NULL DEFAULT '{}',
    -- The person or key whose address it is.
    holder       uuid,
    CHECK ((actor_kind IS NULL) = (actor_id IS NULL)),
    CHECK ((subject_kind IS NULL) = (subject_id IS NULL))
);

CREATE INDEX log_organization ON security.log (organization, at, id);
CREATE INDEX log_at ON security.log (at);
CREATE INDEX log_actor ON security.log (actor_id, at, id) WHERE actor_id IS NOT NULL;
CREATE INDEX log_subject ON security.log (subject_id, at, id) WHERE subject_id IS NOT NULL;
CREATE INDEX log_holder ON security.log (holder) WHERE address IS NOT NULL;

-- Rows stay as they are. This stops mistakes, and a program that was talked into a statement; the owner of the database
-- can drop the trigger.
CREATE FUNCTION security.keep() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.address IS NULL AND to_jsonb(NEW) - 'address' = to_jsonb(OLD) - 'address' THEN
        RETURN NEW;
    END IF;
    IF TG_OP = 'DELETE' AND current_setting('security.removing', true) = 'retention' THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'rows of security.log are not changed or removed'
        USING ERRCODE = 'insufficient_privilege',
              HINT = 'Set how long they are kept, or erase the person.';
END
$$;

CREATE TRIGGER keep BEFORE UPDATE OR DELETE ON security.log FOR EACH ROW EXECUTE FUNCTION security.keep();
CREATE TRIGGER keep_all BEFORE TRUNCATE ON security.log FOR EACH STATEMENT EXECUTE FUNCTION security.keep();

-- When and how often keys are used, without addresses.
CREATE TABLE security.key_use (
    key_id       uuid        NOT NULL,
    service      text        NOT NULL,
    organization uuid,
    first_used   timestamptz NOT NULL,
    last_used    timestamptz NOT NULL,
    uses         bigint      NOT NULL CHECK (uses >= 0),
    PRIMARY KEY (key_id, service)
) WITH (fillfactor = 70);

-- Messages with uses of keys that are counted, so that one that is delivered again is not.
CREATE TABLE security.counted (
    id uuid        PRIMARY KEY,
    at timestamptz NOT NULL
);

-- People and keys whose addresses are erased, also from what is written later because it was on its way.
CREATE TABLE security.erased (
    holder uuid        PRIMARY KEY,
    at     timestamptz NOT NULL DEFAULT now()
);
