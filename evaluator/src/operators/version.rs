//! Operators on semantic versions. Both sides are full versions of Semantic Versioning 2.0 (`1.4.0`, no leading
//! `v`); build metadata is never looked at. Ranges are those of Cargo: parts joined by commas, `1.2` means `^1.2`,
//! and a pre-release is in a range only if a part of it names a pre-release of the same version.

use semver::{Version, VersionReq};

use super::Given;
use super::order::Comparison;
use crate::problem::ProblemKind;

/// A version compared with a version or a range.
#[derive(Debug)]
pub(crate) enum VersionTest {
    Compare(Comparison, Version),
    Range(VersionReq),
}

impl VersionTest {
    pub(crate) fn compare(given: &mut Given<'_, '_>, comparison: Comparison) -> Option<Self> {
        let version = Version::parse(given.text("a version")?)
            .map_err(|error| ProblemKind::Version { detail: error.to_string() });
        given.problems.note(given.place, version).map(|bound| Self::Compare(comparison, bound))
    }

    pub(crate) fn range(given: &mut Given<'_, '_>) -> Option<Self> {
        let range = VersionReq::parse(given.text("a version range")?)
            .map_err(|error| ProblemKind::VersionRange { detail: error.to_string() });
        given.problems.note(given.place, range).map(Self::Range)
    }

    pub(crate) fn holds(&self, text: &str) -> bool {
        let Ok(version) = Version::parse(text) else { return false };
        match self {
            Self::Compare(comparison, bound) => comparison.admits(version.cmp_precedence(bound)),
            Self::Range(range) => range.matches(&version),
        }
    }
}
