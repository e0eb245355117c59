//! Tests of the whole platform: real processes, real clients, faults.
