//! What people, and `--print-config`, get to read.

use std::io::{self, Write};

use serde::Serialize;

use super::flagd::Definitions;
use super::logic::Note;
use super::plan::{Conflict, FlagChange, Step};

/// The difference between the file and the control plane.
pub(crate) fn difference(
    definitions: &Definitions,
    changes: &[FlagChange<'_>],
    conflicts: &[(&str, Conflict)],
    out: &mut impl Write,
) -> io::Result<()> {
    for field in &definitions.ignored {
        writeln!(out, "note: field `{field}` of the file is ignored")?;
    }
    for change in changes {
        let definition = &change.wanted.definition;
        let key = &definition.key;
        if change.steps.first() == Some(&Step::Create) {
            let (kind, count) = (definition.kind.as_str(), definition.variations.len());
            let state = if definition.enabled { "on" } else { "off" };
            let rules = match definition.rules.len() {
                0 => String::new(),
                count => format!(", {}", counted(count, "rule")),
            };
            writeln!(
                out,
                "+ flag {key} ({kind}, {}{rules}, {state})",
                counted(count, "variation")
            )?;
        } else {
            let steps: Vec<String> = change.steps.iter().map(step).collect();
            writeln!(out, "~ flag {key}: {}", steps.join(", "))?;
        }
        for note in &change.wanted.notes {
            writeln!(out, "    note: {note}")?;
        }
    }
    for refused in &definitions.refused {
        writeln!(out, "! flag {} is refused: {}", refused.flag, refused.reason)?;
    }
    for (flag, conflict) in conflicts {
        writeln!(out, "! flag {flag} is refused: {conflict}")?;
    }
    if changes.is_empty() {
        writeln!(out, "nothing to change")?;
    }
    Ok(())
}

fn step(step: &Step) -> String {
    match step {
        Step::Create => "created".to_owned(),
        Step::Describe(_) => "description changed".to_owned(),
        Step::AddVariation(variation) => format!("variation {} added", variation.key),
        Step::ChangeVariation { key, value } => format!("variation {key} is now {value}"),
        Step::ReplaceTargeting(targeting) => {
            format!("targeting replaced ({})", counted(targeting.rules.len(), "rule"))
        }
        Step::RemoveVariation(key) => format!("variation {key} removed"),
        Step::TurnOn => "turned on".to_owned(),
        Step::TurnOff => "turned off".to_owned(),
    }
}

fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// What `--print-config` prints: an environment's definition, and what could not be kept.
#[derive(Serialize)]
struct Config<'f> {
    id: &'static str,
    salt: &'static str,
    position: &'static str,
    flags: Vec<&'f ff_evaluator::FlagDefinition>,
    segments: [(); 0],
    notes: Vec<FlagNote<'f>>,
    refused: Vec<RefusedFlag<'f>>,
}

#[derive(Serialize)]
struct FlagNote<'f> {
    flag: &'f str,
    #[serde(flatten)]
    note: &'f Note,
    text: String,
}

#[derive(Serialize)]
struct RefusedFlag<'f> {
    flag: &'f str,
    reason: String,
}

/// The flags as an environment's definition in JSON.
pub(crate) fn config(definitions: &Definitions, out: &mut impl Write) -> io::Result<()> {
    let flags = || definitions.flags.iter();
    let config = Config {
        id: "import",
        salt: "00000000000000000000000000000000",
        position: "0",
        flags: flags().map(|flag| &flag.definition).collect(),
        segments: [],
        notes: flags()
            .flat_map(|flag| flag.notes.iter().map(move |note| (&flag.definition.key, note)))
            .map(|(flag, note)| FlagNote { flag, note, text: note.to_string() })
            .collect(),
        refused: definitions
            .refused
            .iter()
            .map(|one| RefusedFlag { flag: &one.flag, reason: one.reason.to_string() })
            .collect(),
    };
    serde_json::to_writer_pretty(&mut *out, &config)?;
    writeln!(out)
}

#[cfg(test)]
mod tests {
    use super::super::{flagd, plan};
    use super::*;

    #[test]
    fn the_difference_says_what_comes_and_what_does_not() {
        let file = r#"{"x": 1, "flags": {
            "new": {"state": "ENABLED", "variants": {"on": 1, "off": 2}, "defaultVariant": "off",
                    "targeting": {"if": [{"<": [{"var": "age"}, 18]}, "on"]}},
            "split": {"state": "ENABLED", "variants": {"on": 1}, "defaultVariant": "on",
                      "targeting": {"fractional": [["on", 100]]}}
        }}"#;
        let definitions = flagd::read(file).unwrap();
        let steps = vec![Step::Create];
        let change = FlagChange { wanted: &definitions.flags[0], present_version: None, steps };
        let mut out = Vec::new();
        let conflict = [("old", plan::Conflict::Archived)];
        difference(&definitions, &[change], &conflict, &mut out).unwrap();
        let lines: Vec<String> =
            String::from_utf8(out).unwrap().lines().map(str::to_owned).collect();
        assert_eq!(lines[0], "note: field `x` of the file is ignored");
        assert_eq!(lines[1], "+ flag new (number, 2 variations, 1 rule, on)");
        assert!(lines[2].contains("not compared as one (attribute `age`)"), "{}", lines[2]);
        assert!(
            lines[3].starts_with("! flag split is refused: targeting: `fractional`"),
            "{}",
            lines[3]
        );
        assert_eq!(lines[4], "! flag old is refused: it exists and is archived: restore it first");
        assert_eq!(lines.len(), 5);
    }
}
