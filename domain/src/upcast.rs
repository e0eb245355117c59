//! How events of earlier versions are read today.
//!
//! Every event is at version 1, so there is nothing to upcast yet. When a version 2 comes, its upcaster is added
//! here and the golden file of version 1 stays.

use cqrs_es::persist::EventUpcaster;

/// All upcasters, in the order they are applied.
pub fn upcasters() -> Vec<Box<dyn EventUpcaster>> {
    Vec::new()
}
