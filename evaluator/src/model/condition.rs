//! Conditions: tests of attributes, nested with `and`, `or` and `not`. How they are read from JSON is in
//! `condition_json`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What must hold of a context.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(no_recursion))]
#[serde(untagged)]
pub enum Condition {
    /// All of them; true when there is none.
    And {
        /// The parts.
        and: Vec<Condition>,
    },
    /// Any of them; false when there is none.
    Or {
        /// The parts.
        or: Vec<Condition>,
    },
    /// The opposite.
    Not {
        /// The part.
        not: Box<Condition>,
    },
    /// One attribute compared with a value.
    Test(Test),
}

impl Condition {
    /// How many conditions may lie inside each other: a single test counts as one.
    pub const MAX_DEPTH: usize = 32;
}

/// One attribute compared with a value. A missing attribute makes it false, also for negative operators.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Test {
    /// A plain attribute name, or a JSON pointer (`/address/zip`). For `flag_is` the key of the other flag. Absent
    /// for `in_segment`, `not_in_segment`, `time_of_day` and `weekday`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attribute: Option<String>,
    /// How to compare.
    pub operator: Operator,
    /// What to compare with; its shape depends on the operator. Absent for `exists` and `not_exists`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Value>))]
    pub value: Option<Value>,
    /// Whether letters are compared without regard to case; for operators on text only.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ignore_case: bool,
}

macro_rules! operators {
    ($($(#[$doc:meta])* $variant:ident = $name:tt,)+) => {
        /// How an attribute is compared. Types are never coerced: `"1"` is not `1`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        pub enum Operator {
            $($(#[$doc])* #[serde(rename = $name)] $variant,)+
        }

        impl Operator {
            /// Every operator, in the order of the documentation.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// Its name in JSON.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }
        }
    };
}

operators! {
    /// The same JSON value (numbers by value: `1` equals `1.0`).
    Eq = "eq",
    /// Another JSON value.
    Neq = "neq",
    /// One of a list.
    In = "in",
    /// None of a list.
    NotIn = "not_in",
    /// Text with this part (or one of these parts).
    Contains = "contains",
    /// Text that begins so (or with one of these).
    StartsWith = "starts_with",
    /// Text that ends so (or with one of these).
    EndsWith = "ends_with",
    /// Text in which a regular expression is found.
    Matches = "matches",
    /// A greater number.
    Gt = "gt",
    /// A greater or equal number.
    Gte = "gte",
    /// A smaller number.
    Lt = "lt",
    /// A smaller or equal number.
    Lte = "lte",
    /// An earlier instant: RFC 3339, or relative to now as an ISO 8601 duration (`-P7D`).
    Before = "before",
    /// A later instant, written likewise.
    After = "after",
    /// The same semantic version, build metadata aside.
    SemverEq = "semver_eq",
    /// A newer semantic version.
    SemverGt = "semver_gt",
    /// A newer or the same semantic version.
    SemverGte = "semver_gte",
    /// An older semantic version.
    SemverLt = "semver_lt",
    /// An older or the same semantic version.
    SemverLte = "semver_lte",
    /// A semantic version in a range: `^1.2`, `~1.2`, `1.x`, `>=1, <3`.
    SemverRange = "semver_range",
    /// There is a value, and it is not null.
    Exists = "exists",
    /// There is no value, or it is null.
    NotExists = "not_exists",
    /// An array with any of these.
    AnyOf = "any_of",
    /// An array with all of these.
    AllOf = "all_of",
    /// An array with none of these.
    NoneOf = "none_of",
    /// An array of this length: a number, or `{"gte": 2, "lt": 5}`.
    Size = "size",
    /// An IP address in one of these networks.
    InCidr = "in_cidr",
    /// The context is in one of these segments.
    InSegment = "in_segment",
    /// The context is in none of these segments.
    NotInSegment = "not_in_segment",
    /// Another flag serves one of these variations.
    FlagIs = "flag_is",
    /// The time of day: `{"from": "09:00", "to": "17:30", "time_zone": "Europe/Berlin"}`; may cross midnight.
    TimeOfDay = "time_of_day",
    /// The day of the week: `{"days": ["mon", "tue"], "time_zone": "Europe/Berlin"}`.
    Weekday = "weekday",
}
