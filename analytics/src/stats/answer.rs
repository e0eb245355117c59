//! The statistics as JSON lines, so that anyone can check them or use them from a notebook.
//!
//! A question is `{"id": …, "group": …, "input": {…}}`, where the group names the method; its answer is
//! `{"id": …, "output": {…}}`. A question that has no answer gets `{"outcome": …}` as its output, the code of
//! [`NoAnswer`]; a line that is no question gets `{"id": …, "error": …}`. Index 0 is control and 1 is
//! treatment, alpha is 0.05 unless given.

mod binary;
mod degenerate;
mod distributions;
mod input;
mod looks;
mod means;
mod planning;
mod trust;

use std::io::{self, BufRead, Write};

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::no_answer::NoAnswer;

/// Why a line got no output.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    /// The line is not JSON, or not an object with a group and an input.
    #[error("the line is no question: send {{\"id\": …, \"group\": …, \"input\": …}}")]
    NoQuestion,
    /// Nobody knows the group.
    #[error("unknown group {group:?}: use the name of a method")]
    UnknownGroup {
        /// The name given.
        group: String,
    },
    /// The input lacks a field or has one of another type.
    #[error("the input does not fit the group {group:?}: {source}")]
    Input {
        /// The group.
        group: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// The method has no answer.
    #[error(transparent)]
    NoAnswer(#[from] NoAnswer),
}

type Answer = Result<Value, NoAnswer>;
type Method = fn(Value) -> Result<Answer, serde_json::Error>;

/// Answers one line.
#[must_use]
pub fn answer(line: &str) -> String {
    let Ok(Value::Object(mut question)) = serde_json::from_str::<Value>(line) else {
        return json!({ "id": null, "error": Refusal::NoQuestion.to_string() }).to_string();
    };
    let id = question.remove("id").unwrap_or(Value::Null);
    let group = question.remove("group");
    let input = question.remove("input");
    let output = match (group, input) {
        (Some(Value::String(group)), Some(input)) => dispatch(&group, input),
        _ => Err(Refusal::NoQuestion),
    };
    match output {
        Ok(output) => json!({ "id": id, "output": output }),
        Err(Refusal::NoAnswer(reason)) => {
            json!({ "id": id, "output": { "outcome": reason.code() } })
        }
        Err(refusal) => json!({ "id": id, "error": refusal.to_string() }),
    }
    .to_string()
}

/// Answers every line that is not empty, in order, one line each.
///
/// # Errors
/// When reading or writing fails. A line that is not UTF-8 is answered with an error like any other that is no question.
pub fn run_lines(mut reader: impl BufRead, mut writer: impl Write) -> io::Result<()> {
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line)? > 0 {
        let text = String::from_utf8_lossy(&line);
        if !text.trim().is_empty() {
            writeln!(writer, "{}", answer(text.trim()))?;
        }
        line.clear();
    }
    writer.flush()
}

fn dispatch(group: &str, input: Value) -> Result<Value, Refusal> {
    if group == "degenerate" {
        return degenerate::outcome(input);
    }
    let method = method(group).ok_or_else(|| Refusal::UnknownGroup { group: group.to_owned() })?;
    let answer =
        method(input).map_err(|source| Refusal::Input { group: group.to_owned(), source })?;
    Ok(answer?)
}

/// A method over the typed form of its input.
fn run<T: DeserializeOwned>(
    input: Value,
    method: fn(&T) -> Answer,
) -> Result<Answer, serde_json::Error> {
    serde_json::from_value(input).map(|input| method(&input))
}

fn method(group: &str) -> Option<Method> {
    Some(match group {
        "asymp_cs" => |input| run(input, looks::asymp_cs),
        "asymp_cs_running" => |input| run(input, looks::asymp_cs_running),
        "bayes_beta_binomial" => |input| run(input, binary::bayes),
        "bayes_normal" => |input| run(input, means::bayes),
        "chi2_2x2" | "chi2_2xk" => |input| run(input, binary::chi_square),
        "cuped" => |input| run(input, means::cuped),
        "cuped_suffstats" => |input| run(input, means::cuped_summary),
        "fisher_exact" => |input| run(input, binary::fisher),
        "gs_adjusted_p" => |input| run(input, looks::adjusted_p),
        "gs_inflation" => |input| run(input, looks::inflation),
        "gs_lan_demets" => |input| run(input, looks::lan_demets),
        "gs_naive_peeking" => |input| run(input, looks::peeking),
        "gs_obf" => |input| run(input, looks::o_brien_fleming),
        "gs_pocock" => |input| run(input, looks::pocock),
        "gs_repeated_ci" => |input| run(input, looks::repeated_interval),
        "heterogeneity" => |input| run(input, trust::heterogeneity),
        "mde" => |input| run(input, planning::mde),
        "moments" => |input| run(input, means::moments),
        "msprt_statsig" => |input| run(input, looks::msprt),
        "multiplicity" => |input| run(input, trust::multiplicity),
        "non_inferiority" => |input| run(input, means::non_inferiority),
        "power" => |input| run(input, planning::power),
        "prop_diff_ci" => |input| run(input, binary::difference),
        "quantile_clustered" => |input| run(input, trust::quantile_clustered),
        "quantile_iid" => |input| run(input, trust::quantile),
        "ratio_delta" => |input| run(input, means::ratio),
        "relative_lift" => |input| run(input, means::lift),
        "sample_size_mean" => |input| run(input, planning::sample_size_mean),
        "sample_size_proportion" => |input| run(input, planning::sample_size_proportion),
        "special_beta_cdf" => |input| run(input, distributions::beta_cdf),
        "special_chi2_sf" => |input| run(input, distributions::chi_square_sf),
        "special_normal_crit" => |input| run(input, distributions::normal_quantile),
        "special_normal_sf" => |input| run(input, distributions::normal_sf),
        "special_t_crit" => |input| run(input, distributions::student_quantile),
        "special_t_sf" => |input| run(input, distributions::student_sf),
        "srm" => |input| run(input, trust::srm),
        "srm_sequential" => |input| run(input, trust::srm_sequential),
        "welch_t" => |input| run(input, means::welch),
        "welch_t_raw" => |input| run(input, means::welch_raw),
        "wilson_ci" => |input| run(input, binary::wilson),
        "winsorize" => |input| run(input, trust::winsorize),
        _ => return None,
    })
}
