//! The servers of the stack, as real processes.
