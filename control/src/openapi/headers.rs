//! The headers that many operations share, each with the form that the server takes and gives.

use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{Object, ObjectBuilder, Type};
use utoipa::openapi::{Header, RefOr, Required, Response};

/// A decimal number as the log writes it: positions and seconds.
const NUMBER: &str = "^(0|[1-9][0-9]{0,17})$";
/// One strong entity tag; its text is a version.
const TAG: &str = "^\"(0|[1-9][0-9]{0,17})\"$";
const ASCII: &str = "^[\\t -~]*$";

/// A position that the answer must know of.
pub(super) fn minimum_position() -> Parameter {
    let text = "Wait up to 2 s for this position, then 503.";
    parameter("FF-Min-Position", false, text, matching(NUMBER))
}

/// The version that a change builds on; what overwrites must say it.
pub(super) fn version(required: bool) -> Parameter {
    let text = "The `ETag` of what is changed, such as `\"7\"`.";
    parameter("If-Match", required, text, matching(TAG))
}

/// What every command takes.
pub(super) fn of_command() -> [Parameter; 3] {
    let key = "Names the command: sent again with the same key, it is not done twice.";
    let form =
        text().pattern(Some("^[!-~]([ -~]*[!-~])?$")).min_length(Some(1)).max_length(Some(255));
    let comment = "Why, percent-encoded UTF-8 of at most 2000 characters; kept in the audit log.";
    let via = text().enum_values(Some(["ui", "cli", "api"]));
    [
        parameter("Idempotency-Key", false, key, form.build()),
        parameter("FF-Comment", false, comment, matching(ASCII)),
        parameter("FF-Via", false, "Through what: `ui`, `cli` or `api`.", via.build()),
    ]
}

/// What tells which state an answer shows.
pub(super) fn describe_state(response: &mut Response, logged: bool, versioned: bool) {
    if logged {
        describe(response, "FF-Position", "The place in the log this answer knows of.", NUMBER);
    }
    if versioned {
        describe(response, "ETag", "The version, for `If-Match`.", TAG);
    }
}

/// What comes with a problem of this status, so that the caller knows how to go on.
pub(super) fn describe_remedy(response: &mut Response, status: &str) {
    match status {
        "401" => describe(response, "WWW-Authenticate", "How to sign in.", "^Bearer"),
        "405" => describe(response, "Allow", "What is possible here.", "^[A-Z]+(,[A-Z]+)*$"),
        "412" => describe(response, "ETag", "The version it has now.", TAG),
        "429" | "503" => describe(response, "Retry-After", "Wait so many seconds.", NUMBER),
        _ => {}
    }
}

/// Where what was made is found.
pub(super) fn describe_location(response: &mut Response) {
    describe(response, "Location", "Where it is from now on.", "^/api/v1/");
}

fn describe(response: &mut Response, name: &str, description: &str, pattern: &str) {
    let mut header = Header::new(matching(pattern));
    header.description = Some(description.to_owned());
    response.headers.insert(name.to_owned(), RefOr::T(header));
}

fn parameter(name: &str, required: bool, description: &str, schema: Object) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Header)
        .required(if required { Required::True } else { Required::False })
        .description(Some(description))
        .schema(Some(schema))
        .build()
}

fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

fn matching(pattern: &str) -> Object {
    text().pattern(Some(pattern)).build()
}
