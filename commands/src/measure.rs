//! The metrics of commands.

use std::time::Duration;

use metrics::{counter, describe_counter, describe_histogram, histogram};

use crate::{CommandError, Done, Executable};

const COMMANDS: &str = "ff_commands_total";
const DURATION: &str = "ff_command_duration_seconds";
const CONFLICTS: &str = "ff_command_conflicts_total";

/// Says what the metrics mean.
pub(crate) fn describe() {
    describe_counter!(COMMANDS, "Commands, by kind of aggregate and outcome");
    describe_histogram!(
        DURATION,
        metrics::Unit::Seconds,
        "Time from a command to its answer, by kind of aggregate and outcome"
    );
    describe_counter!(
        CONFLICTS,
        "Appends that another commit was faster than, by kind of aggregate"
    );
}

/// Counts a command that has been answered.
pub(crate) fn answered<A: Executable>(
    answer: &Result<Done<A>, CommandError<A>>,
    duration: Duration,
) {
    let outcome = match answer {
        Ok(Done { repeated: true, .. }) => "repeated",
        Ok(Done { changed: false, .. }) => "unchanged",
        Ok(_) => "changed",
        Err(error) => error.outcome(),
    };
    counter!(COMMANDS, "aggregate" => A::TYPE, "outcome" => outcome).increment(1);
    histogram!(DURATION, "aggregate" => A::TYPE, "outcome" => outcome).record(duration);
}

/// Counts an append that another commit was faster than.
pub(crate) fn conflict<A: Executable>() {
    counter!(CONFLICTS, "aggregate" => A::TYPE).increment(1);
}
