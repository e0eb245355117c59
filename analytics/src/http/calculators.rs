//! What can be computed from what is sent, and nothing else.

use std::io::Cursor;

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::{BytesRejection, JsonRejection};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use ff_front::{BodyError, check_depth, plain_words};

use super::App;
use super::problem::{Problem, code};
use crate::host::Host;
use crate::planning::{PowerInput, PowerOutput};
use crate::stats;

/// Most lines of one request.
const LINES_MAX: usize = 10_000;
/// How deep a line nests.
const DEPTH: usize = 64;

/// Sample size, duration, power and detectable effect.
pub(crate) async fn power<H: Host>(
    State(app): State<App<H>>,
    body: Result<Json<PowerInput>, JsonRejection>,
) -> Result<Json<PowerOutput>, Problem> {
    let Json(input) =
        body.map_err(|rejection| unreadable(rejection.status(), &rejection.body_text()))?;
    let _turn = app.turn()?;
    let answer = tokio::task::spawn_blocking(move || crate::planning::power(&input)).await;
    let answer = answer.map_err(|error| Problem::internal(&error))?;
    answer.map(Json).map_err(|errors| {
        let detail = "the input is not valid, see `errors`";
        errors.into_iter().fold(
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, code::BAD_BODY, detail),
            |problem, error| problem.at(error.pointer, error.detail),
        )
    })
}

/// The statistics: one question a line, one answer a line, in the shapes of `ff stats`.
pub(crate) async fn stats<H: Host>(
    State(app): State<App<H>>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let body = body.map_err(|rejection| unreadable(rejection.status(), &rejection.body_text()))?;
    if body.iter().filter(|byte| **byte == b'\n').count() > LINES_MAX {
        let detail = format!("at most {LINES_MAX} lines in one request: send several");
        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, code::TOO_LARGE, detail));
    }
    for line in body.split(|byte| *byte == b'\n') {
        check_depth(line, DEPTH).map_err(BodyError::from)?;
    }
    let _turn = app.turn()?;
    let answers = tokio::task::spawn_blocking(move || {
        let mut answers = Vec::new();
        stats::run_lines(Cursor::new(body), &mut answers).map(|()| answers)
    });
    let answers = answers.await.map_err(|error| Problem::internal(&error))?;
    let answers = answers.map_err(|error| {
        Problem::new(StatusCode::BAD_REQUEST, code::BAD_BODY, format!("{error}: send UTF-8 text"))
    })?;
    Ok(([(header::CONTENT_TYPE, "application/x-ndjson")], answers).into_response())
}

/// A body that is not what was asked for. The library says what it did before it says what is wrong.
fn unreadable(status: StatusCode, said: &str) -> Problem {
    const BEGINNING: &str = "Failed to deserialize the JSON body into the target type: ";
    if status == StatusCode::UNPROCESSABLE_ENTITY {
        let said = said.strip_prefix(BEGINNING).unwrap_or(said);
        let (place, wrong) = said.split_once(": ").unwrap_or(("", said));
        // The place is a path with dots, or absent; what is wrong may have colons of its own.
        let is_place = !place.is_empty() && !place.contains(' ');
        let (place, wrong) = if is_place { (place, wrong) } else { ("", said) };
        let pointer: String = place
            .split('.')
            .filter(|part| !part.is_empty())
            .fold(String::new(), |pointer, part| {
                format!("{pointer}/{}", part.trim_end_matches(']').replace('[', "/"))
            });
        let detail = "the body is not what this request takes, see `errors`";
        return Problem::new(status, code::BAD_BODY, detail).at(pointer, plain_words(wrong));
    }
    let code =
        if status == StatusCode::PAYLOAD_TOO_LARGE { code::TOO_LARGE } else { code::BAD_BODY };
    Problem::new(status, code, said)
}
