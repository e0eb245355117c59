-- Signed statements "the audit log ended here, with this hash". They outlive every rebuild of the audit
-- log, which must come to the same hashes again.
CREATE SCHEMA audit;

CREATE TABLE audit.head (
    position   bigint      NOT NULL CHECK (position > 0),
    row_hash   bytea       NOT NULL CHECK (octet_length(row_hash) = 32),
    public_key bytea       NOT NULL CHECK (octet_length(public_key) = 32),
    signature  bytea       NOT NULL CHECK (octet_length(signature) = 64),
    at         timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (position, public_key)
);
