//! Explanations: an evaluation with everything that was looked at on the way.
//!
//! Parts that an evaluation does not look at, because what came before already decided, are not in it.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::config::Config;
use crate::context::Context;
use crate::evaluation::{ErrorCode, Reason};
use crate::model::Test;
use crate::run::{Run, Trace};

/// An answer and how it came about.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explanation {
    /// The key that was asked for.
    pub flag: String,
    /// The config's position.
    pub position: String,
    /// When it was evaluated.
    pub at: Timestamp,
    /// What the application gets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
    /// The key of the variation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variation: Option<String>,
    /// Why.
    pub reason: Reason,
    /// What is wrong, if the reason is [`Reason::Error`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorCode>,
    /// The id of the rule that decided; with an experiment, that of its iteration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// The key of the experiment that the context takes part in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub experiment: Option<String>,
    /// What was looked at, in order; empty for an unknown flag.
    pub steps: Vec<Step>,
}

/// Something that was looked at.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Step {
    /// What it was.
    #[serde(flatten)]
    pub what: What,
    /// What came out.
    pub outcome: Outcome,
    /// What was looked at for that.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<Step>,
}

/// What was looked at.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum What {
    /// A flag: the one asked for, or one that it refers to.
    Flag {
        /// Its key.
        key: String,
    },
    /// Whether another flag serves what this one requires.
    Prerequisite {
        /// Its key.
        flag: String,
        /// The variations that count.
        variations: Vec<String>,
    },
    /// A single user's target.
    Target {
        /// The user's targeting key.
        key: String,
    },
    /// An experiment: whether it takes the context. The arm is a rollout behind it.
    Experiment {
        /// Its key.
        key: String,
        /// The id of its iteration.
        rule: String,
        /// The attribute that is hashed, if not the targeting key.
        #[serde(skip_serializing_if = "Option::is_none")]
        bucket_by: Option<String>,
        /// What is hashed; without it the experiment takes nobody.
        #[serde(skip_serializing_if = "Option::is_none")]
        value: Option<String>,
    },
    /// A part of the users that an experiment takes.
    Slice {
        /// What is hashed between the environment's salt and the value.
        seed: String,
        /// The bucket it gave, 0 to 9,999.
        bucket: u16,
        /// The buckets that are in: from one on and before another.
        ranges: Vec<[u16; 2]>,
    },
    /// A rule. Without steps it holds always.
    Rule {
        /// Its id.
        id: Option<String>,
        /// What people call it.
        #[serde(skip_serializing_if = "Option::is_none")]
        name: Option<String>,
    },
    /// Conditions that must all hold.
    And,
    /// Conditions of which one must hold.
    Or,
    /// A condition that must not hold.
    Not,
    /// One attribute compared with a value.
    Test {
        /// How, and with what.
        #[serde(flatten)]
        test: Test,
        /// The attribute's value; absent if there is none.
        #[serde(skip_serializing_if = "Option::is_none")]
        actual: Option<Value>,
    },
    /// Whether the context is in a segment.
    Segment {
        /// Its key.
        key: String,
    },
    /// The segment names the user as out.
    Excluded,
    /// The segment names the user as in.
    Included,
    /// A rollout.
    Rollout {
        /// The attribute that is hashed, if not the targeting key.
        #[serde(skip_serializing_if = "Option::is_none")]
        bucket_by: Option<String>,
        /// What was hashed after salt and flag key.
        #[serde(skip_serializing_if = "Option::is_none")]
        value: Option<String>,
        /// The bucket it gave, 0 to 9,999.
        #[serde(skip_serializing_if = "Option::is_none")]
        bucket: Option<u16>,
        /// Whose buckets are which.
        ranges: Vec<Range>,
    },
}

/// The buckets of a variation: from one on and before another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Range {
    /// Key of the variation.
    pub variation: String,
    /// The first bucket.
    pub from: u16,
    /// The first bucket that is no longer its.
    pub to: u16,
}

/// What came out.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Whether it holds.
    Holds(bool),
    /// Which variation it gives.
    Serves {
        /// Its key.
        variation: String,
        /// Why, for a flag.
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<Reason>,
    },
    /// It has no answer.
    Error(ErrorCode),
}

impl Config {
    /// Evaluates like [`Config::evaluate`] and records everything looked at.
    pub fn explain(&self, flag: &str, context: &Context, now: Timestamp) -> Explanation {
        let (evaluation, steps) = match self.slot(flag) {
            None => (self.error(ErrorCode::FlagNotFound), Vec::new()),
            Some(slot) => {
                let mut run = Run::new(self, context, now, Recorder::default());
                let evaluation = run.evaluate(slot);
                (evaluation, run.trace.done)
            }
        };
        Explanation {
            flag: flag.to_owned(),
            position: self.position().to_owned(),
            at: now,
            value: evaluation.value.cloned(),
            variation: evaluation.variation.map(str::to_owned),
            reason: evaluation.reason,
            error: evaluation.error,
            rule: evaluation.rule.map(str::to_owned),
            experiment: evaluation.experiment.map(str::to_owned),
            steps,
        }
    }
}

/// Builds the tree of steps.
#[derive(Default)]
struct Recorder {
    /// Entered and not left, outermost first, each with what was looked at inside it so far.
    open: Vec<(What, Vec<Step>)>,
    done: Vec<Step>,
}

impl Trace for Recorder {
    fn enter(&mut self, what: impl FnOnce() -> What) {
        self.open.push((what(), Vec::new()));
    }

    fn leave(&mut self, outcome: impl FnOnce() -> Outcome) {
        let Some((what, steps)) = self.open.pop() else { return };
        let step = Step { what, outcome: outcome(), steps };
        match self.open.last_mut() {
            Some((_, siblings)) => siblings.push(step),
            None => self.done.push(step),
        }
    }
}
