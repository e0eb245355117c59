ALTER TABLE projection.checkpoint DROP COLUMN format;
