//! From a body to what is stored and what is answered.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashSet};

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use crate::CommitOptions;
use crate::batch::Batch;
use crate::commit::Chunk;
use crate::config::Environment;
use crate::event::{Attributes, Event, Exposure, Metric, Reason, Rejection};
use crate::record;
use crate::sender::Sender;

/// What a body comes to.
#[derive(Debug)]
pub(crate) struct Taken {
    pub(crate) answer: Answer,
    /// What is stored, cut where messages may be.
    pub(crate) chunks: Vec<Chunk>,
    pub(crate) exposures: u64,
    pub(crate) metrics: u64,
    /// Events with the id of another one in the same body; that one is stored.
    pub(crate) repeats: u64,
}

impl Taken {
    /// How many events the body had.
    pub(crate) fn events(&self) -> u64 {
        self.exposures + self.metrics + self.repeats + self.answer.rejected.len() as u64
    }
}

/// What the sender hears.
#[derive(Debug, Serialize)]
pub(crate) struct Answer {
    accepted: u64,
    pub(crate) rejected: Vec<RejectedEvent>,
    unknown: Unknown,
    /// What is wrong with the sender's own counts; its events are taken all the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    sender: Option<Rejection>,
}

#[derive(Debug, Serialize)]
pub(crate) struct RejectedEvent {
    index: usize,
    #[serde(flatten)]
    pub(crate) rejection: Rejection,
}

/// Names that the environment's config does not have, or does not have yet.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Unknown {
    flags: BTreeSet<String>,
    experiments: BTreeSet<String>,
    metrics: BTreeSet<String>,
}

impl Answer {
    /// How many names are unknown.
    pub(crate) fn unknown_names(&self) -> u64 {
        let Unknown { flags, experiments, metrics } = &self.unknown;
        (flags.len() + experiments.len() + metrics.len()) as u64
    }
}

/// Takes what can be taken of a body.
pub(crate) fn take(
    batch: &Batch<'_>,
    environment: &Environment,
    now: Timestamp,
    options: &CommitOptions,
) -> Taken {
    let (mut sender, refused) = match batch.sender.map(Sender::read).transpose() {
        Ok(sender) => (sender, None),
        Err(rejection) => (None, Some(rejection)),
    };
    let mut taking = Taking {
        environment,
        now,
        instance: sender.as_ref().map(|sender| sender.instance),
        seen: HashSet::with_capacity(batch.events.len()),
        unknown: Unknown::default(),
        chunks: Chunks { options, full: Vec::new(), open: Chunk::default() },
        exposures: 0,
        metrics: 0,
        repeats: 0,
    };
    let mut rejected = Vec::new();
    for (index, text) in batch.events.iter().enumerate() {
        let read =
            text.ok_or(Rejection::whole(Reason::NoText)).and_then(|text| Event::read(text, now));
        match read {
            Ok(Event::Exposure(exposure)) => taking.exposure(exposure, sender.as_mut()),
            Ok(Event::Metric(metric)) => taking.metric(&metric),
            Err(rejection) => rejected.push(RejectedEvent { index, rejection }),
        }
    }
    if let Some(sender) = sender {
        taking.sender(sender);
    }
    let Taking { unknown, chunks, exposures, metrics, repeats, .. } = taking;
    let accepted = exposures + metrics + repeats;
    let answer = Answer { accepted, rejected, unknown, sender: refused };
    Taken { answer, chunks: chunks.finish(), exposures, metrics, repeats }
}

struct Taking<'c> {
    environment: &'c Environment,
    now: Timestamp,
    instance: Option<Uuid>,
    /// The ids of exposures, and of metric events.
    seen: HashSet<(bool, Uuid)>,
    unknown: Unknown,
    chunks: Chunks<'c>,
    exposures: u64,
    metrics: u64,
    repeats: u64,
}

impl Taking<'_> {
    fn exposure(&mut self, mut exposure: Exposure<'_>, sender: Option<&mut Sender<'_>>) {
        if !self.seen.insert((true, exposure.id)) {
            self.repeats += 1;
            return;
        }
        self.exposures += 1;
        let names = &self.environment.names;
        if !names.flags.contains(&*exposure.flag) {
            note(&mut self.unknown.flags, &exposure.flag);
        }
        if let Some(experiment) = &exposure.experiment
            && !names.experiments.contains(&**experiment)
        {
            note(&mut self.unknown.experiments, experiment);
        }
        if let Some(sender) = sender {
            sender.accepted(exposure.experiment.as_deref());
        }
        exposure.attributes.hide(self.environment.organization.hasher.as_ref());
        self.chunks.push(&Line::Exposure {
            environment: self.environment.id,
            id: exposure.id,
            at: exposure.at,
            received: self.now,
            user_key: &exposure.user_key,
            flag: &exposure.flag,
            variation: &exposure.variation,
            rule: exposure.rule,
            experiment: exposure.experiment,
            config: exposure.config,
            instance: self.instance,
            attributes: exposure.attributes,
        });
    }

    fn metric(&mut self, metric: &Metric<'_>) {
        if !self.seen.insert((false, metric.id)) {
            self.repeats += 1;
            return;
        }
        self.metrics += 1;
        if !self.environment.names.metrics.contains(&*metric.metric) {
            note(&mut self.unknown.metrics, &metric.metric);
        }
        self.chunks.push(&Line::Metric {
            environment: self.environment.id,
            id: metric.id,
            at: metric.at,
            received: self.now,
            user_key: &metric.user_key,
            metric: &metric.metric,
            value: metric.value,
        });
    }

    fn sender(&mut self, sender: Sender<'_>) {
        for (experiment, count) in sender.exposures {
            self.chunks.push(&record::Record::Sender(record::Sender {
                environment: self.environment.id,
                instance: sender.instance,
                received: self.now,
                experiment: experiment.into_owned(),
                sent: count.sent,
                accepted: count.accepted,
            }));
        }
    }
}

fn note(names: &mut BTreeSet<String>, name: &str) {
    if !names.contains(name) {
        names.insert(name.to_owned());
    }
}

/// [`record::Record`], borrowed.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Line<'a> {
    Exposure {
        environment: Uuid,
        id: Uuid,
        at: Timestamp,
        received: Timestamp,
        user_key: &'a str,
        flag: &'a str,
        variation: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        rule: Option<Cow<'a, str>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        experiment: Option<Cow<'a, str>>,
        config: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        instance: Option<Uuid>,
        #[serde(skip_serializing_if = "Attributes::is_empty")]
        attributes: Attributes<'a>,
    },
    Metric {
        environment: Uuid,
        id: Uuid,
        at: Timestamp,
        received: Timestamp,
        user_key: &'a str,
        metric: &'a str,
        value: f64,
    },
}

/// Lines, cut so that each piece fits into a message.
struct Chunks<'c> {
    options: &'c CommitOptions,
    full: Vec<Chunk>,
    open: Chunk,
}

impl Chunks<'_> {
    fn push(&mut self, line: &impl Serialize) {
        let before = self.open.bytes.len();
        serde_json::to_writer(&mut self.open.bytes, line).expect("a vector takes any text");
        self.open.bytes.push(b'\n');
        self.open.lines += 1;
        if self.open.bytes.len() > self.options.bytes && before > 0 {
            let bytes = self.open.bytes.split_off(before);
            self.open.lines -= 1;
            self.full.push(std::mem::replace(&mut self.open, Chunk { bytes, lines: 1 }));
        }
        if self.open.lines == self.options.events {
            self.full.push(std::mem::take(&mut self.open));
        }
    }

    fn finish(mut self) -> Vec<Chunk> {
        if self.open.lines > 0 {
            self.full.push(self.open);
        }
        self.full
    }
}

#[cfg(test)]
mod tests;
