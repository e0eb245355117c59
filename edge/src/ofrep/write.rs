//! Writing answers, byte by byte into one buffer.

use ff_evaluator::{ErrorCode, Evaluation};

use crate::fragments::{Fragments, write_text};

/// Writes the answer for a flag, with the config's position if nothing else in the answer has it. Writes nothing if
/// there is no variation to serve.
pub(crate) fn success(
    out: &mut Vec<u8>,
    key: &str,
    fragments: Option<&Fragments>,
    evaluation: &Evaluation<'_>,
    with_position: bool,
) -> Result<(), ErrorCode> {
    if let Some(code) = evaluation.error {
        return Err(code);
    }
    let start = fragments.and_then(|fragments| fragments.start(key, evaluation));
    out.extend_from_slice(start.ok_or(ErrorCode::General)?);
    out.extend_from_slice(evaluation.reason.openfeature().as_bytes());
    out.push(b'"');
    if with_position {
        out.extend_from_slice(b",\"metadata\":{\"position\":");
        write_text(out, evaluation.position);
        write_decider(out, evaluation, b",");
        out.push(b'}');
    } else if evaluation.rule.is_some() {
        out.extend_from_slice(b",\"metadata\":{");
        write_decider(out, evaluation, b"");
        out.push(b'}');
    }
    out.push(b'}');
    Ok(())
}

/// Writes which rule decided, and of which experiment it is: what exposures carry back. An experiment never comes
/// without its rule.
fn write_decider(out: &mut Vec<u8>, evaluation: &Evaluation<'_>, separator: &[u8]) {
    let Some(rule) = evaluation.rule else { return };
    out.extend_from_slice(separator);
    out.extend_from_slice(b"\"ruleId\":");
    write_text(out, rule);
    if let Some(experiment) = evaluation.experiment {
        out.extend_from_slice(b",\"experiment\":");
        write_text(out, experiment);
    }
}

/// Writes why there is no answer.
pub(crate) fn failure(out: &mut Vec<u8>, key: Option<&str>, code: ErrorCode, details: &str) {
    out.push(b'{');
    if let Some(key) = key {
        out.extend_from_slice(b"\"key\":");
        write_text(out, key);
        out.push(b',');
    }
    out.extend_from_slice(b"\"errorCode\":\"");
    out.extend_from_slice(code.as_str().as_bytes());
    out.extend_from_slice(b"\",\"errorDetails\":");
    write_text(out, details);
    out.push(b'}');
}

/// What an error code means to whoever reads it.
pub(crate) fn details(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::FlagNotFound => "there is no such flag for this key; check the flag and the key",
        ErrorCode::TargetingKeyMissing => {
            "the flag is rolled out by share; send who asks as `targetingKey`"
        }
        ErrorCode::ParseError => "the flag's definition has a mistake; edit the flag",
        ErrorCode::TypeMismatch => "the flag is of another type",
        ErrorCode::InvalidContext => "the context is no object of attributes",
        ErrorCode::General => "the flag depends on something that is missing; edit the flag",
    }
}
