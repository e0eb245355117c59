//! One evaluation: the order in which a flag's parts are looked at.
//!
//! `evaluate` and `explain` run this same code. It is generic over what is traced, and with nothing traced the
//! tracing is compiled away, so the two cannot disagree and only one of them pays.

mod experiment;

use jiff::Timestamp;
use serde_json::Value;

use crate::bucketing::Split;
use crate::condition::{Check, CompiledTest, Node};
use crate::config::Config;
use crate::context::Context;
use crate::evaluation::{ErrorCode, Evaluation, Reason};
use crate::explain::{Outcome, Range, What};
use crate::flag::{Body, CompiledRule, Required, Serve};
use crate::names::{FlagSlot, SegmentSlot};
use crate::short::same_text;

/// How deep flags and segments may refer to each other. The domain refuses circles; one that slips through ends
/// here.
const MAX_DEPTH: u32 = 16;

/// How many references one evaluation follows. Without it, few flags that each refer to the next one twice would
/// take for ever without being deep.
const MAX_REFERENCES: u32 = 1_000;

/// Learns what an evaluation looks at. Every `enter` is followed by its `leave`.
pub(crate) trait Trace {
    fn enter(&mut self, what: impl FnOnce() -> What);
    fn leave(&mut self, outcome: impl FnOnce() -> Outcome);
}

/// Learns nothing.
pub(crate) struct Untraced;

impl Trace for Untraced {
    #[inline(always)]
    fn enter(&mut self, _: impl FnOnce() -> What) {}
    #[inline(always)]
    fn leave(&mut self, _: impl FnOnce() -> Outcome) {}
}

/// What a flag serves.
#[derive(Clone, Copy)]
pub(crate) struct Served<'c> {
    body: &'c Body,
    variation: usize,
    reason: Reason,
    rule: Option<&'c str>,
    experiment: Option<&'c str>,
}

impl<'c> Served<'c> {
    fn key(&self) -> &'c str {
        self.body.variations.get(self.variation).map_or("", |variation| &variation.key)
    }
}

/// An evaluation under way.
pub(crate) struct Run<'c, 'x, T> {
    config: &'c Config,
    context: &'x Context,
    now: Timestamp,
    depth: u32,
    references: u32,
    pub(crate) trace: T,
}

impl<'c, 'x, T: Trace> Run<'c, 'x, T> {
    pub(crate) fn new(config: &'c Config, context: &'x Context, now: Timestamp, trace: T) -> Self {
        Self { config, context, now, depth: 0, references: 0, trace }
    }

    /// Evaluates the flag that was asked for.
    #[inline]
    pub(crate) fn evaluate(&mut self, slot: FlagSlot) -> Evaluation<'c> {
        match self.flag(slot) {
            Ok(Served { body, variation, reason, rule, experiment }) => {
                self.config.answer(body, variation, reason, rule, experiment)
            }
            Err(code) => self.config.error(code),
        }
    }

    #[inline]
    fn flag(&mut self, slot: FlagSlot) -> Result<Served<'c>, ErrorCode> {
        let config = self.config;
        self.trace.enter(|| What::Flag { key: config.flag_key(slot).to_owned() });
        let served = match config.flag_at(slot).map(|flag| &flag.body) {
            None => Err(ErrorCode::FlagNotFound),
            Some(Err(code)) => Err(*code),
            Some(Ok(body)) => self.body(body),
        };
        self.trace.leave(|| match &served {
            Ok(served) => {
                Outcome::Serves { variation: served.key().to_owned(), reason: Some(served.reason) }
            }
            Err(code) => Outcome::Error(*code),
        });
        served
    }

    #[inline]
    fn body(&mut self, body: &'c Body) -> Result<Served<'c>, ErrorCode> {
        let serve = |variation, reason| {
            Ok(Served { body, variation, reason, rule: None, experiment: None })
        };
        if let Some((variation, reason)) = body.fixed {
            return serve(variation, reason);
        }
        for required in &body.prerequisites {
            if !self.prerequisite(required)? {
                return serve(body.off, Reason::PrerequisiteFailed);
            }
        }
        if !body.targets.is_empty()
            && let Some(key) = self.context.targeting_key()
            && let Some(variation) = body.targets.get(key)
        {
            self.trace.enter(|| What::Target { key: key.to_owned() });
            self.trace.leave(|| Outcome::Holds(true));
            return serve(*variation, Reason::TargetingMatch);
        }
        if let Some(experiment) = &body.experiment
            && let Some(served) = self.experiment(body, experiment)?
        {
            return Ok(served);
        }
        for rule in &body.rules {
            if self.rule(rule)? {
                let mut served = self.serve(body, &rule.then, Reason::TargetingMatch)?;
                served.rule = rule.id.as_deref();
                return Ok(served);
            }
        }
        self.serve(body, &body.default, Reason::Default)
    }

    fn prerequisite(&mut self, required: &'c Required) -> Result<bool, ErrorCode> {
        let config = self.config;
        self.trace.enter(|| What::Prerequisite {
            flag: config.flag_key(required.flag).to_owned(),
            variations: required.variations.iter().map(|key| key.to_string()).collect(),
        });
        let met = self.serves(required.flag, &required.variations);
        self.leave(met)
    }

    #[inline]
    fn rule(&mut self, rule: &'c CompiledRule) -> Result<bool, ErrorCode> {
        self.trace.enter(|| What::Rule {
            id: rule.id.as_deref().map(str::to_owned),
            name: rule.name.as_deref().map(str::to_owned),
        });
        let holds = match &rule.condition {
            None => Ok(true),
            // What most rules are, without a call.
            Some(Node::And(parts)) => self.all(parts),
            Some(condition) => self.condition(condition),
        };
        self.leave(holds)
    }

    #[inline]
    fn serve(
        &mut self,
        body: &'c Body,
        outcome: &'c Serve,
        named: Reason,
    ) -> Result<Served<'c>, ErrorCode> {
        let served =
            |variation, reason| Served { body, variation, reason, rule: None, experiment: None };
        let split = match outcome {
            Serve::Variation(variation) => return Ok(served(*variation, named)),
            Serve::Split(split) => split,
        };
        let value = split.bucketed(self.context);
        let bucket = match (&value, &body.seed) {
            (Some(value), Some(seed)) => Ok(seed.bucket(value)),
            (None, _) => Err(ErrorCode::TargetingKeyMissing),
            (_, None) => Err(ErrorCode::General),
        };
        self.split(body, split, value.as_deref(), bucket)
            .map(|variation| served(variation, Reason::Split))
    }

    /// Whose share a bucket is; `value` is what it was made from.
    #[inline]
    fn split(
        &mut self,
        body: &'c Body,
        split: &'c Split,
        value: Option<&str>,
        bucket: Result<u16, ErrorCode>,
    ) -> Result<usize, ErrorCode> {
        let variation = bucket.and_then(|bucket| split.variation(bucket).ok_or(ErrorCode::General));
        let name = |variation: usize| body.variations[variation].key.to_string();
        self.trace.enter(|| What::Rollout {
            bucket_by: split.bucket_by.as_ref().map(|attribute| attribute.path.to_string()),
            value: value.map(str::to_owned),
            bucket: bucket.ok(),
            ranges: split
                .ranges()
                .map(|(variation, from, to)| Range { variation: name(variation), from, to })
                .collect(),
        });
        self.trace.leave(|| match variation {
            Ok(variation) => Outcome::Serves { variation: name(variation), reason: None },
            Err(code) => Outcome::Error(code),
        });
        variation
    }

    fn condition(&mut self, node: &'c Node) -> Result<bool, ErrorCode> {
        match node {
            Node::Test(test) => self.test(test),
            Node::And(parts) => self.all(parts),
            Node::Or(parts) => {
                self.trace.enter(|| What::Or);
                let holds = self.first(parts, true);
                self.leave(holds)
            }
            Node::Not(part) => {
                self.trace.enter(|| What::Not);
                let holds = self.condition(part).map(|holds| !holds);
                self.leave(holds)
            }
        }
    }

    #[inline]
    fn all(&mut self, parts: &'c [Node]) -> Result<bool, ErrorCode> {
        self.trace.enter(|| What::And);
        let holds = self.first(parts, false).map(|found| !found);
        self.leave(holds)
    }

    /// Looks for the first part that comes out as wanted; the parts behind it are not looked at.
    #[inline]
    fn first(&mut self, parts: &'c [Node], wanted: bool) -> Result<bool, ErrorCode> {
        for part in parts {
            let holds = match part {
                Node::Test(test) => self.test(test)?,
                nested => self.condition(nested)?,
            };
            if holds == wanted {
                return Ok(true);
            }
        }
        Ok(false)
    }

    #[inline(always)]
    fn test(&mut self, test: &'c CompiledTest) -> Result<bool, ErrorCode> {
        let context = self.context;
        self.trace.enter(|| What::Test {
            test: (*test.source).clone(),
            actual: test.check.attribute().and_then(|attribute| context.find(attribute)).cloned(),
        });
        let holds = match &test.check {
            Check::Text { attribute, texts } => {
                let found = context.find(attribute).and_then(Value::as_str);
                Ok(found.is_some_and(|found| texts.iter().any(|text| same_text(found, text))))
            }
            other => self.check(other),
        };
        self.leave(holds)
    }

    /// Apart from [`Run::test`], so that the most frequent test stays small.
    #[inline(never)]
    fn check(&mut self, check: &'c Check) -> Result<bool, ErrorCode> {
        let found = || check.attribute().and_then(|attribute| self.context.find(attribute));
        match check {
            Check::Text { texts, .. } => {
                Ok(found().is_some_and(|value| texts.iter().any(|text| value == &**text)))
            }
            Check::Value { test, .. } => {
                Ok(found().is_some_and(|value| test.holds(value, self.now)))
            }
            Check::Exists { wanted, .. } => Ok(found().is_some() == *wanted),
            Check::Clock(clock) => Ok(clock.holds(self.now)),
            Check::Flag { flag, variations } => self.serves(*flag, variations),
            Check::Segments { segments, wanted } => {
                self.in_any(segments).map(|found| found == *wanted)
            }
        }
    }

    fn in_any(&mut self, segments: &'c [SegmentSlot]) -> Result<bool, ErrorCode> {
        for segment in segments {
            if self.segment(*segment)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether another flag serves one of some variations. Its error is the error of whoever asks: taking it for
    /// "no" would turn into "yes" behind a `not`.
    fn serves(&mut self, flag: FlagSlot, variations: &[Box<str>]) -> Result<bool, ErrorCode> {
        self.descend()?;
        let served = self.flag(flag);
        self.depth -= 1;
        match served {
            Ok(served) => Ok(variations.iter().any(|key| **key == *served.key())),
            Err(ErrorCode::FlagNotFound) => Err(ErrorCode::General),
            Err(code) => Err(code),
        }
    }

    fn segment(&mut self, slot: SegmentSlot) -> Result<bool, ErrorCode> {
        let config = self.config;
        self.trace.enter(|| What::Segment { key: config.segment_key(slot).to_owned() });
        let holds = match config.segment_at(slot).map(|segment| &segment.body) {
            None => Err(ErrorCode::General),
            Some(Err(code)) => Err(*code),
            Some(Ok(body)) => self.descend().and_then(|()| {
                let key = self.context.targeting_key();
                let holds = if key.is_some_and(|key| body.excluded.contains(key)) {
                    self.listed(What::Excluded);
                    Ok(false)
                } else if key.is_some_and(|key| body.included.contains(key)) {
                    self.listed(What::Included);
                    Ok(true)
                } else {
                    self.first(&body.rules, true)
                };
                self.depth -= 1;
                holds
            }),
        };
        self.leave(holds)
    }

    fn listed(&mut self, list: What) {
        self.trace.enter(|| list);
        self.trace.leave(|| Outcome::Holds(true));
    }

    fn descend(&mut self) -> Result<(), ErrorCode> {
        if self.depth == MAX_DEPTH || self.references == MAX_REFERENCES {
            return Err(ErrorCode::General);
        }
        self.depth += 1;
        self.references += 1;
        Ok(())
    }

    #[inline]
    fn leave(&mut self, holds: Result<bool, ErrorCode>) -> Result<bool, ErrorCode> {
        self.trace.leave(|| match holds {
            Ok(holds) => Outcome::Holds(holds),
            Err(code) => Outcome::Error(code),
        });
        holds
    }
}
