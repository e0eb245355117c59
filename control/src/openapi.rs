//! The OpenAPI 3.1 document, generated from the handlers.
//!
//! What is true of every operation (headers, problems, who may call) is added here, by method, so that it is the
//! same everywhere and no handler can leave it out.

mod closed;
mod examples;
mod headers;
mod links;
mod texts;

use std::collections::BTreeSet;

use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::response::{Response, ResponseBuilder};
use utoipa::openapi::schema::{Schema, Type};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{
    Components, Content, ContentBuilder, InfoBuilder, OpenApi, Ref, RefOr, SecurityRequirement,
    tag::TagBuilder,
};
use utoipa::{PartialSchema as _, ToSchema as _};

use crate::problem::Document;
use crate::routes;

const JSON_PROBLEM: &str = "application/problem+json";
/// Operations about people, who are no aggregates: they have no version, and nothing of them is in the log.
const PEOPLE: [&str; 3] = ["sessions", "people", "security"];
/// Operations about what has a version and is in no log either.
const CONNECTIONS: &str = "sign-in";

/// The document of the whole API.
#[must_use]
pub fn openapi() -> OpenApi {
    let (_, mut api) = routes::protected().split_for_parts();
    let (_, public) = routes::public().split_for_parts();
    let open: BTreeSet<_> = public.paths.paths.keys().cloned().collect();
    api.merge(public);
    api.info = InfoBuilder::new()
        .title("Control plane")
        .version("1")
        .description(Some(DESCRIPTION))
        .build();
    api.tags = Some(
        TAGS.iter()
            .map(|(name, description)| {
                TagBuilder::new().name(*name).description(Some(*description)).build()
            })
            .collect(),
    );
    let components = api.components.get_or_insert_with(Components::new);
    add_shared(components);
    add_security(components);
    api.security = Some(vec![requirement("session"), requirement("token")]);
    closed::close_alternatives(components);
    texts::limit_texts(components, &api.paths);
    for (path, item) in &mut api.paths.paths {
        complete_path(path, item, open.contains(path));
    }
    links::add_links(&mut api.paths);
    api
}

const DESCRIPTION: &str = "\
Commands and queries of the platform.

Sign in with `POST /api/v1/sessions`, or issue an API token, and send `Authorization: Bearer …`. \
Every answer names the state it shows: `ETag` is the version of a thing, `FF-Position` the place in the log \
that the answer knows of. Send a position as `FF-Min-Position` to see your own writes. What replaces or removes \
needs `If-Match`. Errors are problem documents (RFC 9457) with a `code` and, where a place in the request is \
wrong, a pointer to it.";

const TAGS: [(&str, &str); 17] = [
    ("sessions", "Signing in"),
    ("people", "Oneself, passwords, and the way in for those who are invited"),
    ("organizations", "The tenants: nothing is shared between two of them"),
    ("projects", "What groups environments, flags and segments"),
    ("environments", "Stages of deployment, each with its own targeting, keys and config"),
    ("flags", "Flags, their variations and their targeting"),
    ("segments", "Named groups of users for the rules of many flags"),
    (
        "experiments",
        "Variations of a flag compared by metrics, from the draft to the shipped winner",
    ),
    ("metrics", "What experiments are measured by"),
    (
        "layers",
        "Shares of users: experiments of one layer never share a user, holdouts are in none",
    ),
    ("members", "Who belongs to an organization, and what they may do in it"),
    ("roles", "What members may do: roles, the permissions they are made of, and one's own"),
    ("service accounts", "What programs share that belong to nobody in particular"),
    ("keys", "Keys of SDKs, and tokens of programs that use this API"),
    ("audit", "Who changed what, when and why"),
    ("sign-in", "Connections of an organization to its identity providers"),
    ("security", "What happened at the doors: sign-ins, refusals, rights given and taken"),
];

/// What no handler names: problems, and what lies behind the recursion of conditions.
fn add_shared(components: &mut Components) {
    let mut schemas = vec![
        (Document::name().into_owned(), Document::schema()),
        (ff_evaluator::Test::name().into_owned(), ff_evaluator::Test::schema()),
    ];
    Document::schemas(&mut schemas);
    ff_evaluator::Test::schemas(&mut schemas);
    components.schemas.extend(schemas);
    for (status, name, description) in PROBLEMS {
        let mut response = problem(description);
        headers::describe_remedy(&mut response, status);
        components.responses.insert(name.to_owned(), RefOr::T(response));
    }
}

fn add_security(components: &mut Components) {
    let bearer = |description: &str| {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer);
        SecurityScheme::Http(scheme.description(Some(description)).build())
    };
    components.add_security_scheme(
        "session",
        bearer("An access token from `POST /api/v1/sessions`, good for 15 minutes."),
    );
    components.add_security_scheme(
        "token",
        bearer("An API token (`ff_pat_…`), good for the paths of its organization."),
    );
}

fn requirement(scheme: &str) -> SecurityRequirement {
    SecurityRequirement::new(scheme, [] as [&str; 0])
}

fn complete_path(path: &str, item: &mut PathItem, open: bool) {
    // Tokens belong to an organization, so only people may ask about several.
    let people_only = !path.contains("{org}") && !open;
    for (method, operation) in [
        (Method::Get, &mut item.get),
        (Method::Post, &mut item.post),
        (Method::Replace, &mut item.put),
        (Method::Replace, &mut item.patch),
        (Method::Replace, &mut item.delete),
    ] {
        let Some(operation) = operation else { continue };
        if open {
            operation.security = Some(Vec::new());
        } else if people_only {
            operation.security = Some(vec![requirement("session")]);
        }
        complete(method, path, open, operation);
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Method {
    Get,
    Post,
    /// `PUT`, `PATCH` and `DELETE`: what overwrites needs a version.
    Replace,
}

fn complete(method: Method, path: &str, open: bool, operation: &mut Operation) {
    let explain = path.ends_with("/explain");
    let tags = operation.tags.iter().flatten();
    let people = tags.clone().any(|tag| PEOPLE.contains(&tag.as_str()));
    let logged = !people && !tags.into_iter().any(|tag| tag == CONNECTIONS);
    let query = method == Method::Get || explain;
    if let Some(RefOr::T(body)) = &mut operation.request_body {
        body.content.values_mut().for_each(drop_null);
    }
    examples::add_example(operation);
    let parameters = operation.parameters.get_or_insert_default();
    let replaces = method == Method::Replace;
    if query && !open {
        parameters.push(RefOr::T(headers::minimum_position()));
    } else if !query && !people && (replaces || logged) {
        parameters.push(RefOr::T(headers::version(replaces)));
    }
    if !query && logged {
        parameters.extend(headers::of_command().map(RefOr::T));
    }
    let one = path.ends_with('}') || !query;
    for (status, response) in &mut operation.responses.responses {
        if let RefOr::T(response) = response
            && status.starts_with('2')
            && !people
        {
            headers::describe_state(response, logged, one && !explain);
            if status == "201" {
                headers::describe_location(response);
            }
        }
    }
    for status in problems(method, explain, people) {
        let reference = RefOr::Ref(Ref::from_response_name(name_of(status)));
        operation.responses.responses.entry(status.to_owned()).or_insert(reference);
    }
}

/// A body that may be left out is no `null` where it is given.
fn drop_null(content: &mut RefOr<Content>) {
    let RefOr::T(content) = content else { return };
    let Some(RefOr::T(Schema::OneOf(either))) = &mut content.schema else { return };
    let null = |item: &RefOr<Schema>| match item {
        RefOr::T(Schema::Object(object)) => object.schema_type == Type::Null.into(),
        _ => false,
    };
    either.items.retain(|item| !null(item));
    if let [only] = either.items.as_slice() {
        content.schema = Some(only.clone());
    }
}

/// Every status that a problem can have: its name here, and what it means.
const PROBLEMS: [(&str, &str, &str); 14] = [
    ("400", "BadRequest", "Something in the request cannot be read"),
    ("401", "Unauthorized", "Not signed in, or no longer"),
    ("403", "Forbidden", "Not permitted"),
    ("404", "NotFound", "It does not exist, or is not yours"),
    ("405", "MethodNotAllowed", "Not possible with this method"),
    ("409", "Conflict", "In conflict with what is there"),
    ("412", "PreconditionFailed", "Changed meanwhile; `ETag` has the version it has now"),
    ("413", "ContentTooLarge", "The body is too large"),
    ("415", "UnsupportedMediaType", "The body is not JSON"),
    ("422", "UnprocessableContent", "The input is not valid, see `errors`"),
    ("428", "PreconditionRequired", "`If-Match` is missing"),
    ("429", "TooManyRequests", "Too many requests, see `Retry-After`"),
    ("500", "InternalServerError", "Something broke on this side"),
    ("503", "ServiceUnavailable", "Not available now, see `Retry-After`"),
];

fn name_of(status: &str) -> &'static str {
    let found = PROBLEMS.iter().find(|(each, _, _)| *each == status);
    found.map(|(_, name, _)| *name).expect("every status of `problems` is in the table")
}

/// What can go wrong, by kind of operation.
fn problems(method: Method, explain: bool, people: bool) -> impl Iterator<Item = &'static str> {
    let body = method != Method::Get;
    let change = body && !explain;
    [
        (true, &["400", "401", "403", "404", "405", "429", "500", "503"][..]),
        (body, &["413", "415", "422"]),
        (change, &["409"]),
        (change && !people, &["412"]),
        (method == Method::Replace && !people, &["428"]),
    ]
    .into_iter()
    .filter_map(|(applies, statuses)| applies.then_some(statuses))
    .flatten()
    .copied()
}

fn problem(description: &str) -> Response {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    ResponseBuilder::new().description(description).content(JSON_PROBLEM, content).build()
}
