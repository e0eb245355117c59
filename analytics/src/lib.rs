//! Experiment analytics.
