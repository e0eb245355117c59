//! Builds the read models, the audit log, the archive and the edge config from the log.
