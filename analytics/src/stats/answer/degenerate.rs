//! Data on which methods break: the answer names what came of it, beside the numbers when there are any.

use serde_json::{Value, json};

use super::{Refusal, method};

/// Runs the method that the input names; `outcome` is `ok`, the code of what stands in the way, or what was done about
/// the input.
pub(super) fn outcome(mut input: Value) -> Result<Value, Refusal> {
    let name = match input.get_mut("method").map(Value::take) {
        Some(Value::String(name)) => name,
        _ => return Err(Refusal::UnknownGroup { group: String::new() }),
    };
    let run = method(&name).ok_or(Refusal::UnknownGroup { group: name.clone() })?;
    let information = input.get("information_fractions").cloned();
    Ok(match run(input) {
        Err(_) => json!({ "outcome": "invalid_input" }),
        Ok(Err(reason)) => json!({ "outcome": reason.code() }),
        Ok(Ok(mut output)) => {
            let outcome = match name.as_str() {
                "gs_lan_demets" => information_outcome(information.as_ref()),
                "relative_lift" if output["fieller_bounded"] == false => "fieller_unbounded",
                "cuped" | "cuped_suffstats" if output["ancova_theta"] == 0.0 => "unadjusted",
                _ => "ok",
            };
            output["outcome"] = outcome.into();
            output
        }
    })
}

fn information_outcome(information: Option<&Value>) -> &'static str {
    let times: Vec<f64> = information
        .and_then(Value::as_array)
        .map(|times| times.iter().filter_map(Value::as_f64).collect())
        .unwrap_or_default();
    if times.iter().any(|t| *t > 1.0) {
        "clamp_to_1"
    } else if times.windows(2).any(|pair| pair[1] <= pair[0]) {
        "no_new_information"
    } else {
        "ok"
    }
}
