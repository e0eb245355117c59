//! The load: users are evaluated at the edge and what they do is sent to the ingestor, a chunk of users at a time.
//!
//! A chunk is one batch of exposures and some of deeds, so that what is left out on purpose depends on the seed and
//! not on which answer came first.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;
use reqwest::Client;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use uuid::Uuid;

use super::effect::Effect;
use super::event::{self, Batch, Event, Receipt, Sender, Served};
use super::patience;
use super::place::Place;
use super::random;
use super::setup::Ready;
use super::shopper::{Shopper, Treatment};
use super::tally::Tally;

/// Most events in a request.
const BATCH: usize = 500;
/// Chunks of users at the same time.
const CHUNKS: usize = 4;
/// Evaluations of a chunk at the same time.
const EVALUATIONS: usize = 16;
/// Exposures of the treatment that are left out for a wrong ratio, as a share.
const SRM_LEFT_OUT: f64 = 0.1;
/// One in this many batches of exposures gets lost, the first among them: few users lose some, too.
const ONE_LOST_IN: u64 = 20;
/// How much slower pages are for the guardrail to notice.
const SLOWER: f64 = 1.2;

/// Something that goes wrong on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Broken {
    /// A tenth of the treatment's exposures is never made: a sample ratio mismatch
    Srm,
    /// Pages of the treatment take a fifth longer
    Guardrail,
    /// One in twenty batches of exposures gets lost after it was counted
    Loss,
}

/// What is to be sent.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) users: u64,
    pub(super) seed: u64,
    pub(super) effect: Effect,
    pub(super) broken: Option<Broken>,
    pub(super) history_days: u32,
    /// Users a second, if there is a limit.
    pub(super) rate: Option<f64>,
}

/// Sending it.
#[derive(Debug)]
pub(super) struct Load {
    wanted: Wanted,
    experiment: Ready,
    place: Place,
    client: Client,
    /// History ends here: the same all day, so that a repetition dates it the same.
    midnight: Timestamp,
    /// Who sends. The same whenever the same exposures are made, because they are the same events.
    instance: Uuid,
    /// Exposures made in the experiment.
    made: AtomicU64,
    /// Users done.
    done: AtomicU64,
    began: Instant,
}

impl Load {
    pub(super) fn new(
        wanted: Wanted,
        experiment: Ready,
        place: Place,
        client: Client,
    ) -> anyhow::Result<Self> {
        let iteration = experiment.iteration.to_be_bytes();
        let parts =
            [b"sender", &wanted.seed.to_be_bytes()[..], experiment.key.as_bytes(), &iteration];
        let now = jiff::Zoned::now().with_time_zone(jiff::tz::TimeZone::UTC);
        Ok(Self {
            instance: random::id(&parts),
            midnight: now.start_of_day()?.timestamp(),
            wanted,
            experiment,
            place,
            client,
            made: AtomicU64::new(0),
            done: AtomicU64::new(0),
            began: Instant::now(),
        })
    }

    /// How many users are done.
    pub(super) fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    /// Waits until the edge serves the experiment. Its position need not reach that of the command: a commit that
    /// changes nothing for an edge does not move it.
    pub(super) async fn edge_is_ready(&self) -> anyhow::Result<()> {
        const LONGEST: Duration = Duration::from_secs(30);
        let rule = format!("{}:{}", self.experiment.key, self.experiment.iteration);
        loop {
            let config = patience::send("the edge", || self.config()).await?.response;
            let config: Value = config.json().await.context("the edge's config")?;
            let flags = config["flags"].as_array().into_iter().flatten();
            let mut flags = flags.filter(|flag| flag["key"] == *self.experiment.flag);
            if flags.any(|flag| flag["enabled"] == true && flag["experiment"]["rule"] == *rule) {
                return Ok(());
            }
            anyhow::ensure!(
                self.began.elapsed() < LONGEST,
                "the edge does not serve the experiment yet: is the projector running?"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    fn config(&self) -> reqwest::RequestBuilder {
        self.client
            .get(format!("{}/v1/config", self.place.edge))
            .bearer_auth(self.place.server_key.expose_secret())
    }

    /// Sends all of it.
    pub(super) async fn run(self: &Arc<Self>) -> anyhow::Result<Tally> {
        let size = self.chunk_size();
        let chunks = (0..self.wanted.users.div_ceil(size)).map(|chunk| {
            let load = Arc::clone(self);
            let users = chunk * size..self.wanted.users.min((chunk + 1) * size);
            async move { tokio::spawn(async move { load.chunk(chunk, users).await }).await? }
        });
        stream::iter(chunks)
            .buffer_unordered(CHUNKS)
            .try_fold(Tally::default(), |mut all, chunk| async move {
                all.merge(chunk);
                Ok(all)
            })
            .await
    }

    /// As many users as exposures fit into a batch, or what comes in a second if that is less.
    fn chunk_size(&self) -> u64 {
        let second = self.wanted.rate.map_or(f64::INFINITY, f64::ceil);
        (1..BATCH as u64).find(|size| *size as f64 >= second).unwrap_or(BATCH as u64)
    }

    async fn chunk(&self, chunk: u64, users: std::ops::Range<u64>) -> anyhow::Result<Tally> {
        let (mut tally, mut exposures, mut deeds) = (Tally::default(), Vec::new(), Vec::new());
        let mut visits = stream::iter(users.map(|number| self.visit(number))).buffered(EVALUATIONS);
        while let Some(visit) = visits.next().await {
            let Visit { shopper, served, at, took, repeated } = visit?;
            tally.users += 1;
            tally.repeated += repeated;
            tally.evaluations.push(took);
            self.follow(&shopper, &served, at, &mut deeds);
            if self.leaves_out(&shopper, &served) {
                tally.dropped += 1;
                continue;
            }
            if self.is_in_it(&served) {
                *tally.arms.entry(served.variant.clone()).or_default() += 1;
                self.made.fetch_add(1, Ordering::SeqCst);
            }
            let flag = &self.experiment.flag;
            exposures.push(event::exposure(&shopper, flag, &served, self.wanted.seed, at));
        }
        if self.loses(chunk) {
            tally.dropped += exposures.len() as u64;
        } else {
            self.send(&exposures, &mut tally).await?;
        }
        // Deeds come last, and every user has some: so the last batch of all says how many exposures were made in
        // all, also if the last batch of exposures got lost.
        for batch in deeds.chunks(BATCH) {
            self.send(batch, &mut tally).await?;
        }
        self.done.fetch_add(tally.users, Ordering::Relaxed);
        Ok(tally)
    }

    /// A shopper comes, and is served.
    async fn visit(&self, number: u64) -> anyhow::Result<Visit> {
        if let Some(rate) = self.wanted.rate {
            let due = self.began + Duration::from_secs_f64(number as f64 / rate);
            tokio::time::sleep_until(due.into()).await;
        }
        let shopper = Shopper::new(self.wanted.seed, number);
        let answer = patience::send("the edge", || self.evaluation(&shopper)).await?;
        let patience::Answered { response, took, repeated } = answer;
        let served = patience::read("the edge", response).await?;
        let now = Timestamp::now().as_millisecond();
        let at = Timestamp::from_millisecond(now).context("the clock is out of range")?;
        Ok(Visit { shopper, served, at, took, repeated })
    }

    fn evaluation(&self, shopper: &Shopper) -> reqwest::RequestBuilder {
        let Shopper { key, country, plan, device, .. } = shopper;
        let context =
            json!({"targetingKey": key, "country": country, "plan": plan, "device": device});
        self.client
            .post(format!("{}/ofrep/v1/evaluate/flags/{}", self.place.edge, self.experiment.flag))
            .bearer_auth(self.place.server_key.expose_secret())
            .json(&json!({"context": context}))
    }

    /// What the shopper did before, and does now.
    fn follow(&self, shopper: &Shopper, served: &Served, at: Timestamp, deeds: &mut Vec<Event>) {
        let Wanted { seed, history_days, .. } = self.wanted;
        let before = shopper.history(history_days);
        deeds.extend(event::history(shopper, seed, self.midnight, &before));
        let now = shopper.visit(self.treatment(served));
        deeds.extend(event::visit(shopper, served, seed, at, &now));
    }

    /// What is served does what it does, whoever decided it.
    fn treatment(&self, served: &Served) -> Treatment {
        if served.variant == self.experiment.control {
            return Treatment::NONE;
        }
        let slower = self.wanted.broken == Some(Broken::Guardrail);
        Treatment {
            conversion: self.wanted.effect.factor(),
            page_load: if slower { SLOWER } else { 1.0 },
        }
    }

    fn is_in_it(&self, served: &Served) -> bool {
        served.metadata.experiment.as_deref() == Some(&self.experiment.key)
    }

    fn leaves_out(&self, shopper: &Shopper, served: &Served) -> bool {
        self.wanted.broken == Some(Broken::Srm)
            && self.is_in_it(served)
            && served.variant != self.experiment.control
            && shopper.chance("left out") < SRM_LEFT_OUT
    }

    fn loses(&self, chunk: u64) -> bool {
        self.wanted.broken == Some(Broken::Loss) && chunk.is_multiple_of(ONE_LOST_IN)
    }

    async fn send(&self, events: &[Event], tally: &mut Tally) -> anyhow::Result<()> {
        if events.is_empty() {
            return Ok(());
        }
        let made = self.made.load(Ordering::SeqCst);
        let exposures = BTreeMap::from([(self.experiment.key.as_str(), made)]);
        let sender = Sender { instance: self.instance, exposures };
        let body =
            serde_json::to_vec(&Batch { events, sender }).context("events are plain JSON")?;
        let body = bytes::Bytes::from(body);
        let request = || {
            self.client
                .post(format!("{}/v1/events", self.place.ingest))
                .bearer_auth(self.place.server_key.expose_secret())
                .header("Content-Type", "application/json")
                .body(body.clone())
        };
        let answer = patience::send("the ingestor", request).await?;
        tally.repeated += answer.repeated;
        tally.count(patience::read::<Receipt>("the ingestor", answer.response).await?);
        Ok(())
    }
}

/// A shopper, and what they were served.
struct Visit {
    shopper: Shopper,
    served: Served,
    at: Timestamp,
    took: Duration,
    repeated: u64,
}

#[cfg(test)]
mod tests;
