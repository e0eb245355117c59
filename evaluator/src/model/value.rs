//! Variations and the types of their values.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What the variations of a flag hold. It never changes in a flag's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ValueType {
    /// `true` or `false`.
    Boolean,
    /// Text.
    String,
    /// A JSON number. If any variation of a flag has a fraction, all of them are served as `2.0`.
    Number,
    /// A JSON object or array.
    Json,
}

impl ValueType {
    /// Whether a value is of this type. `null` is of none.
    pub fn admits(self, value: &Value) -> bool {
        match self {
            Self::Boolean => value.is_boolean(),
            Self::String => value.is_string(),
            Self::Number => value.is_number(),
            Self::Json => value.is_object() || value.is_array(),
        }
    }

    /// Its name in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Boolean => "boolean",
            Self::String => "string",
            Self::Number => "number",
            Self::Json => "json",
        }
    }
}

/// One of the values a flag can have.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Variation {
    /// Names it in rules and answers; unique in its flag.
    pub key: String,
    /// What people call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What the application gets.
    #[cfg_attr(feature = "openapi", schema(value_type = Value))]
    pub value: Value,
}
