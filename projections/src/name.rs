//! The projections by name, and the schemas their generations live in.

use std::{fmt, str::FromStr};

/// A projection into Postgres.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProjectionName {
    /// Lists and details of organizations and all that is in them.
    Catalog,
    /// Who changed what, when and why, one row per commit.
    Audit,
    /// The events themselves, for history and states of the past.
    Archive,
}

/// There is no projection of this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no projection `{0}`, there are catalog, audit and archive")]
pub struct UnknownProjection(pub String);

impl ProjectionName {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Catalog, Self::Audit, Self::Archive];

    /// The name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Catalog => "catalog",
            Self::Audit => "audit",
            Self::Archive => "archive",
        }
    }

    /// Where a generation has its tables.
    pub(crate) const fn schema(self, generation: i32) -> Schema {
        Schema { name: self, generation }
    }
}

impl fmt::Display for ProjectionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ProjectionName {
    type Err = UnknownProjection;

    fn from_str(text: &str) -> Result<Self, UnknownProjection> {
        let found = Self::ALL.into_iter().find(|name| name.as_str() == text);
        found.ok_or_else(|| UnknownProjection(text.to_owned()))
    }
}

/// The schema of one generation. Made of a fixed word and a number, so it needs no quoting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Schema {
    pub(crate) name: ProjectionName,
    pub(crate) generation: i32,
}

impl fmt::Display for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "read_{}_{}", self.name, self.generation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back_and_others_refused() {
        for name in ProjectionName::ALL {
            assert_eq!(name.as_str().parse(), Ok(name));
        }
        assert_eq!("Audit".parse::<ProjectionName>(), Err(UnknownProjection("Audit".to_owned())));
        assert_eq!(ProjectionName::Catalog.schema(3).to_string(), "read_catalog_3");
    }
}
