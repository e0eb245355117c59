//! Makes the alternatives of an enum as strict as their readers are.
//!
//! The derived schema of a tagged enum leaves its alternatives open for other members, which their readers refuse.
//! And it puts an alternative with a body of its own together from that body, which is closed, and the tag, so that
//! each of the two refuses what the other demands.

use std::collections::BTreeMap;

use utoipa::openapi::schema::{AdditionalProperties, Object, Schema, SchemaType, Type};
use utoipa::openapi::{Components, RefOr};

/// Closes the alternatives of every schema.
pub(super) fn close_alternatives(components: &mut Components) {
    let bodies: BTreeMap<String, Object> = components
        .schemas
        .iter()
        .filter_map(|(name, schema)| match schema {
            RefOr::T(Schema::Object(object)) if is_closed(object) => {
                Some((format!("#/components/schemas/{name}"), object.clone()))
            }
            _ => None,
        })
        .collect();
    for schema in components.schemas.values_mut() {
        let RefOr::T(Schema::OneOf(alternatives)) = schema else { continue };
        for alternative in &mut alternatives.items {
            if let Some(whole) = whole(alternative, &bodies) {
                *alternative = RefOr::T(Schema::Object(whole));
            }
        }
    }
}

fn is_closed(object: &Object) -> bool {
    matches!(object.additional_properties.as_deref(), Some(AdditionalProperties::FreeForm(false)))
}

/// The alternative as one closed object; none if it is something else, or knows itself what it takes.
fn whole(alternative: &RefOr<Schema>, bodies: &BTreeMap<String, Object>) -> Option<Object> {
    let mut whole = match alternative {
        RefOr::T(Schema::Object(object)) if is_object(object) => object.clone(),
        RefOr::T(Schema::AllOf(parts)) => {
            let mut whole = Object::with_type(Type::Object);
            whole.description.clone_from(&parts.description);
            for part in &parts.items {
                let part = match part {
                    RefOr::T(Schema::Object(object)) => object,
                    RefOr::Ref(reference) => {
                        let said = Some(&reference.description).filter(|text| !text.is_empty());
                        whole.description = whole.description.or_else(|| said.cloned());
                        bodies.get(&reference.ref_location)?
                    }
                    RefOr::T(_) => return None,
                };
                whole.required.extend(part.required.iter().cloned());
                whole.properties.extend(part.properties.clone());
            }
            whole
        }
        _ => return None,
    };
    if whole.additional_properties.is_none() {
        whole.additional_properties = Some(Box::new(AdditionalProperties::FreeForm(false)));
    }
    Some(whole)
}

fn is_object(object: &Object) -> bool {
    matches!(object.schema_type, SchemaType::Type(Type::Object)) && !object.properties.is_empty()
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    #[test]
    fn an_alternative_with_a_body_of_its_own_takes_the_tag_with_it() {
        let document = serde_json::to_value(crate::openapi()).unwrap();
        let alternatives = document.pointer("/components/schemas/KeyPurpose/oneOf").unwrap();
        let server = &alternatives[0];
        let has = |name: &str| server["properties"].get(name).is_some();
        assert!(has("kind") && has("project") && has("environment"), "{server}");
        for alternative in alternatives.as_array().unwrap() {
            assert_eq!(alternative["additionalProperties"], Value::Bool(false), "{alternative}");
        }
    }
}
