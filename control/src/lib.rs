//! The control plane: REST over commands and queries.
