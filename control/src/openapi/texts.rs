//! The limits of texts that people write. They are the same wherever such a text is sent, so they are told here, by
//! the name of the member, and not at each.

use std::collections::BTreeSet;

use ff_domain::metric::EVENT_MAX;
use ff_domain::text::{DESCRIPTION_MAX, NAME_MAX, TAG_MAX, TAGS_MAX};
use utoipa::openapi::path::{Operation, Paths};
use utoipa::openapi::schema::{AdditionalProperties, ArrayItems, Object, Schema, SchemaType, Type};
use utoipa::openapi::{Components, RefOr};

/// Most characters of a key that has no form of its own.
const KEY_MAX: usize = 128;
/// Not blank, and no NUL, which PostgreSQL does not store.
const SOMETHING: &str = "^[^\\u0000]*[^\\s\\u0000][^\\u0000]*$";
const ANYTHING: &str = "^[^\\u0000]*$";
/// No space around it, and no control character.
const WORD: &str = "^[^\\s\\u0000-\\u001f\\u007f-\\u009f]([^\\u0000-\\u001f\\u007f-\\u009f]*[^\\s\\u0000-\\u001f\\u007f-\\u009f])?$";
const TRIMMED: &str = "^[^\\s\\u0000]([^\\u0000]*[^\\s\\u0000])?$";

/// Limits the texts of everything that is sent.
pub(super) fn limit_texts(components: &mut Components, paths: &Paths) {
    let mut sent = BTreeSet::new();
    for item in paths.paths.values() {
        for operation in [&item.post, &item.put, &item.patch].into_iter().flatten() {
            for schema in bodies(operation) {
                follow(schema, components, &mut sent);
            }
        }
    }
    for name in sent {
        if let Some(RefOr::T(schema)) = components.schemas.get_mut(&name) {
            limit(schema);
        }
    }
}

fn bodies(operation: &Operation) -> impl Iterator<Item = &RefOr<Schema>> {
    let Some(RefOr::T(body)) = &operation.request_body else { return None.into_iter().flatten() };
    let schemas = body.content.values().filter_map(|content| match content {
        RefOr::T(content) => content.schema.as_ref(),
        RefOr::Ref(_) => None,
    });
    Some(schemas).into_iter().flatten()
}

/// Notes the names of all components that a schema leads to.
fn follow(schema: &RefOr<Schema>, components: &Components, sent: &mut BTreeSet<String>) {
    match schema {
        RefOr::Ref(reference) => {
            let name = reference.ref_location.rsplit('/').next().unwrap_or_default();
            if sent.insert(name.to_owned())
                && let Some(schema) = components.schemas.get(name)
            {
                follow(schema, components, sent);
            }
        }
        RefOr::T(schema) => parts(schema, &mut |part| follow(part, components, sent)),
    }
}

/// Hands out the schemas that a schema is made of.
fn parts(schema: &Schema, hand: &mut impl FnMut(&RefOr<Schema>)) {
    match schema {
        Schema::Object(object) => {
            object.properties.values().for_each(&mut *hand);
            if let Some(AdditionalProperties::RefOr(other)) =
                object.additional_properties.as_deref()
            {
                hand(other);
            }
        }
        Schema::Array(array) => {
            if let ArrayItems::RefOrSchema(items) = &array.items {
                hand(items);
            }
        }
        Schema::OneOf(either) => either.items.iter().for_each(hand),
        Schema::AllOf(all) => all.items.iter().for_each(hand),
        Schema::AnyOf(any) => any.items.iter().for_each(hand),
        _ => {}
    }
}

fn limit(schema: &mut Schema) {
    match schema {
        Schema::Object(object) => {
            for (name, member) in &mut object.properties {
                if let RefOr::T(member) = member {
                    limit_member(name, member);
                    if let Schema::Array(set) = member {
                        // A set that is sent may say things twice; it is answered with each once.
                        set.unique_items = false;
                    }
                }
            }
        }
        Schema::OneOf(either) => {
            for alternative in &mut either.items {
                if let RefOr::T(alternative) = alternative {
                    limit(alternative);
                }
            }
        }
        _ => {}
    }
}

fn limit_member(name: &str, member: &mut Schema) {
    match (name, member) {
        ("key", Schema::Object(text)) => limit_text(text, 1, KEY_MAX, WORD),
        ("name", Schema::Object(text)) => limit_text(text, 1, NAME_MAX, SOMETHING),
        ("description" | "hypothesis", Schema::Object(text)) => {
            limit_text(text, 0, DESCRIPTION_MAX, ANYTHING);
        }
        ("event", Schema::Object(text)) => limit_text(text, 1, EVENT_MAX, WORD),
        ("tags", Schema::Array(tags)) => {
            tags.max_items.get_or_insert(TAGS_MAX);
            limit_items(&mut tags.items, TAG_MAX, TRIMMED);
        }
        ("steps", Schema::Array(steps)) => limit_items(&mut steps.items, EVENT_MAX, WORD),
        _ => {}
    }
}

fn limit_items(items: &mut ArrayItems, most: usize, pattern: &str) {
    if let ArrayItems::RefOrSchema(items) = items
        && let RefOr::T(Schema::Object(text)) = items.as_mut()
    {
        limit_text(text, 1, most, pattern);
    }
}

/// Limits a text that has no limits of its own.
fn limit_text(text: &mut Object, least: usize, most: usize, pattern: &str) {
    let is_text = matches!(text.schema_type, SchemaType::Type(Type::String));
    if is_text && text.pattern.is_none() && text.max_length.is_none() {
        text.min_length = (least > 0).then_some(least);
        text.max_length = Some(most);
        text.pattern = Some(pattern.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    #[test]
    fn what_is_sent_is_limited_and_what_is_answered_is_not() {
        let document = serde_json::to_value(crate::openapi()).unwrap();
        let schemas = &document["components"]["schemas"];
        let sent = &schemas["CreateFlag"]["properties"];
        assert_eq!(
            (&sent["name"]["minLength"], &sent["name"]["maxLength"]),
            (&json!(1), &json!(256))
        );
        assert_eq!(sent["tags"]["items"]["maxLength"], json!(64));
        assert!(sent["tags"].get("uniqueItems").is_none());
        assert!(schemas["FlagState"]["properties"]["name"].get("maxLength").is_none());
    }
}
