//! Links from what an operation answers to the operations on it, with the version that they build on.
//!
//! They follow from the paths: `POST /things` makes what `/things/{thing}` and all below it are about, and `GET` of
//! it has the `ETag` for whatever changes it.

use std::collections::BTreeMap;

use serde_json::Value;
use utoipa::openapi::link::{Link, LinkBuilder};
use utoipa::openapi::path::{Operation, Parameter, ParameterIn, PathItem, Paths};
use utoipa::openapi::schema::{KnownFormat, Schema, SchemaFormat};
use utoipa::openapi::{RefOr, Required};

/// What a link can lead to.
#[derive(Clone)]
struct Target {
    path: String,
    operation: Operation,
}

/// Adds the links.
pub(super) fn add_links(paths: &mut Paths) {
    let targets: Vec<Target> = paths
        .paths
        .iter()
        .flat_map(|(path, item)| {
            [&item.get, &item.post, &item.put, &item.patch, &item.delete]
                .into_iter()
                .flatten()
                .map(|operation| Target { path: path.clone(), operation: operation.clone() })
        })
        .collect();
    for (path, item) in &mut paths.paths {
        let PathItem { get, post, .. } = item;
        if let Some(made) = post.as_mut().and_then(|operation| answer(operation, "201")) {
            add(made, path, &targets, |target| made_by(path, target));
        }
        if let Some(read) = get.as_mut().and_then(|operation| answer(operation, "200")) {
            add(read, path, &targets, |target| changes(path, target).then(BTreeMap::new));
        }
    }
}

type Links = BTreeMap<String, RefOr<Link>>;

fn answer<'o>(operation: &'o mut Operation, status: &str) -> Option<&'o mut Links> {
    match operation.responses.responses.get_mut(status)? {
        RefOr::T(response) if response.headers.contains_key("ETag") => Some(&mut response.links),
        _ => None,
    }
}

/// Links to the targets that the answer is enough for; `own` are the parameters that it names.
fn add(
    links: &mut Links,
    from: &str,
    targets: &[Target],
    own: impl Fn(&Target) -> Option<BTreeMap<String, Value>>,
) {
    for target in targets {
        let Some(mut parameters) = own(target) else { continue };
        for name in names(from) {
            parameters.insert(format!("path.{name}"), format!("$request.path.{name}").into());
        }
        if names(&target.path).any(|name| !parameters.contains_key(&format!("path.{name}"))) {
            continue;
        }
        if demands_version(&target.operation) {
            parameters.insert("header.If-Match".to_owned(), "$response.header.ETag".into());
        }
        if takes(&target.operation, "FF-Min-Position") {
            let seen = "$response.header.FF-Position";
            parameters.insert("header.FF-Min-Position".to_owned(), seen.into());
        }
        let Some(id) = target.operation.operation_id.clone() else { continue };
        let link = parameters
            .into_iter()
            .fold(LinkBuilder::new().operation_id(&id), |link, (name, value)| {
                link.parameter(name, value)
            });
        links.insert(id, RefOr::T(link.build()));
    }
}

/// The parameter of what a `POST` to `collection` has made, if the target is about such a thing.
fn made_by(collection: &str, target: &Target) -> Option<BTreeMap<String, Value>> {
    let name = target.path.strip_prefix(collection)?.strip_prefix("/{")?.split('}').next()?;
    let value =
        if is_id(&target.operation, name) { "$response.body#/id" } else { "$request.body#/key" };
    Some(BTreeMap::from([(format!("path.{name}"), value.into())]))
}

/// Whether the target changes what is at `path`, or a part of it.
fn changes(path: &str, target: &Target) -> bool {
    let below = target.path.strip_prefix(path);
    below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        && demands_version(&target.operation)
}

/// Whether the path names the thing by an id that the server gave it, and not by its key.
fn is_id(operation: &Operation, name: &str) -> bool {
    let parameters = operation.parameters.iter().flatten();
    parameters.filter_map(given).any(|parameter| {
        let Some(RefOr::T(Schema::Object(schema))) = &parameter.schema else { return false };
        parameter.name == name
            && schema.format == Some(SchemaFormat::KnownFormat(KnownFormat::Uuid))
    })
}

fn demands_version(operation: &Operation) -> bool {
    header(operation, "If-Match").is_some_and(|header| header.required == Required::True)
}

fn takes(operation: &Operation, name: &str) -> bool {
    header(operation, name).is_some()
}

fn header<'o>(operation: &'o Operation, name: &str) -> Option<&'o Parameter> {
    operation
        .parameters
        .iter()
        .flatten()
        .filter_map(given)
        .find(|parameter| parameter.name == name && parameter.parameter_in == ParameterIn::Header)
}

fn given<T>(parameter: &RefOr<T>) -> Option<&T> {
    match parameter {
        RefOr::T(parameter) => Some(parameter),
        RefOr::Ref(_) => None,
    }
}

/// The names in a path.
fn names(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    #[test]
    fn what_is_made_or_read_leads_to_what_can_be_done_with_it() {
        let document = serde_json::to_value(crate::openapi()).unwrap();
        let links = |path: &str, place: &str| {
            document["paths"][path].pointer(&format!("/{place}/links")).cloned().unwrap_or_default()
        };
        let flags = "/api/v1/orgs/{org}/projects/{project}/flags";
        assert_eq!(
            links(flags, "post/responses/201")["update_flag"]["parameters"],
            json!({
                "header.If-Match": "$response.header.ETag",
                "path.flag": "$request.body#/key",
                "path.org": "$request.path.org",
                "path.project": "$request.path.project",
            })
        );
        let made = links("/api/v1/orgs/{org}/keys", "post/responses/201");
        assert_eq!(made["revoke_key"]["parameters"]["path.key"], "$response.body#/id");
        let read = links(&format!("{flags}/{{flag}}"), "get/responses/200");
        assert_eq!(read["update_flag"]["parameters"]["path.flag"], "$request.path.flag");
        assert!(read.get("archive_flag").is_none(), "it needs no version");
    }
}
