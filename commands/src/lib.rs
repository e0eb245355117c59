//! Executes commands against the event log.
