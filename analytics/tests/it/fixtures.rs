//! Reads cases and compares answers with them.

use ff_analytics::stats::answer;
use serde::Deserialize;
use serde_json::{Map, Value, json};

#[derive(Deserialize)]
pub(crate) struct Case {
    pub(crate) id: String,
    pub(crate) group: String,
    pub(crate) input: Value,
    expected: Map<String, Value>,
    tolerance: Map<String, Value>,
    from: Vec<String>,
}

pub(crate) fn read(name: &str) -> Vec<Case> {
    let path = format!("{}/tests/fixtures/{name}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

impl Case {
    /// What differs from the expectation.
    pub(crate) fn differences(&self) -> Vec<String> {
        let line = json!({ "id": self.id, "group": self.group, "input": self.input }).to_string();
        let reply: Value = serde_json::from_str(&answer(&line)).unwrap();
        assert_eq!(reply["id"], self.id.as_str());
        assert!(!self.from.is_empty(), "{} must say where its numbers come from", self.id);
        self.expected
            .iter()
            .flat_map(|(key, expected)| {
                let mut found = Vec::new();
                self.compare(key, key, expected, &reply["output"][key], &mut found);
                found
            })
            .map(|what| format!("{} {what} (reply {})", self.id, reply))
            .map(|what| what.chars().take(400).collect())
            .collect()
    }

    fn compare(&self, key: &str, at: &str, expected: &Value, got: &Value, found: &mut Vec<String>) {
        match (expected, got) {
            (Value::Array(expected_items), Value::Array(items))
                if expected_items.len() == items.len() =>
            {
                for (i, (expected, got)) in expected_items.iter().zip(items).enumerate() {
                    if !self.may_be_ignored(key, i) {
                        self.compare(key, &format!("{at}[{i}]"), expected, got, found);
                    }
                }
            }
            (Value::Number(_), Value::Number(_)) => {
                let (expected, got) = (expected.as_f64().unwrap(), got.as_f64().unwrap());
                let of = |name| {
                    let own = self.tolerance.get(key).and_then(|own| own.get(name));
                    own.or_else(|| self.tolerance.get(name)).and_then(Value::as_f64).unwrap_or(0.0)
                };
                let allowed = of("abs") + of("rel") * expected.abs();
                // A deviation that is not comparable (NaN) fails too.
                let within = (got - expected).abs() <= allowed;
                if !within {
                    found.push(format!("{at}: expected {expected:e}, got {got:e}"));
                }
            }
            _ if expected == got => {}
            _ => found.push(format!("{at}: expected {expected}, got {got}")),
        }
    }

    /// A boundary that spends almost nothing may be reported as none.
    fn may_be_ignored(&self, key: &str, look: usize) -> bool {
        let limit =
            self.tolerance.get("ignore_boundary_if_alpha_spent_below").and_then(Value::as_f64);
        let spent = self.expected.get("alpha_spent").and_then(|spent| spent[look].as_f64());
        key == "boundaries_z"
            && matches!((limit, spent), (Some(limit), Some(spent)) if spent < limit)
    }
}
