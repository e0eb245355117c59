-- Which shape the tables of a generation have. A projector that makes another one rebuilds the projection before it goes
-- on, so that an installation whose program is replaced needs no command for that.
ALTER TABLE projection.checkpoint ADD COLUMN format integer NOT NULL DEFAULT 1 CHECK (format > 0);
