-- How far each projection has come. The tables of a generation are made by the projection itself, in a
-- schema `read_<name>_<generation>`, so that a rebuild fills a new one beside the one that is read.
CREATE SCHEMA projection;

CREATE TABLE projection.checkpoint (
    name       text        NOT NULL,
    generation integer     NOT NULL CHECK (generation > 0),
    state      text        NOT NULL CHECK (state IN ('building', 'live', 'retired', 'halted')),
    position   bigint      NOT NULL DEFAULT 0 CHECK (position >= 0),
    -- Why it halted.
    error      text,
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (name, generation)
) WITH (fillfactor = 50);

-- Exactly one generation is read.
CREATE UNIQUE INDEX checkpoint_live ON projection.checkpoint (name) WHERE state IN ('live', 'halted');
CREATE UNIQUE INDEX checkpoint_building ON projection.checkpoint (name) WHERE state = 'building';

-- Aggregates that a read model could not follow. They stay as they were until the model is rebuilt.
CREATE TABLE projection.parked (
    name           text        NOT NULL,
    generation     integer     NOT NULL,
    org            uuid        NOT NULL,
    aggregate_type text        NOT NULL,
    aggregate_id   uuid        NOT NULL,
    -- The commit that could not be applied, and how many of the aggregate were passed over with it.
    first_position bigint      NOT NULL,
    last_position  bigint      NOT NULL,
    commits        bigint      NOT NULL,
    error          text        NOT NULL,
    parked_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (name, generation, aggregate_type, aggregate_id),
    FOREIGN KEY (name, generation) REFERENCES projection.checkpoint ON DELETE CASCADE
);
