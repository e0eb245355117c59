//! Examples of bodies, by the id of the operation.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::Value;
use utoipa::openapi::RefOr;
use utoipa::openapi::path::Operation;

static EXAMPLES: LazyLock<BTreeMap<String, Value>> = LazyLock::new(|| {
    serde_json::from_str(include_str!("examples.json")).expect("a test reads the examples")
});

/// Adds the operation's example, if there is one.
pub(super) fn add_example(operation: &mut Operation) {
    let Some(example) = operation.operation_id.as_ref().and_then(|id| EXAMPLES.get(id)) else {
        return;
    };
    if let Some(RefOr::T(body)) = &mut operation.request_body {
        for content in body.content.values_mut() {
            if let RefOr::T(content) = content {
                content.example = Some(example.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_example_is_of_an_operation_with_a_body() {
        let document = serde_json::to_value(crate::openapi()).unwrap();
        let operations = document["paths"].as_object().unwrap().values();
        let with_body: Vec<&str> = operations
            .flat_map(|item| item.as_object().unwrap().values())
            .filter(|operation| {
                operation.pointer("/requestBody/content/application~1json/example").is_some()
            })
            .filter_map(|operation| operation["operationId"].as_str())
            .collect();
        for id in EXAMPLES.keys() {
            assert!(with_body.contains(&id.as_str()), "{id}");
        }
    }
}
