//! Publishes what edges need of every environment to FF_CONFIG.
