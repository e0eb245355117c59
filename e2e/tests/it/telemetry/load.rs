//! Events at a steady rate from several senders, and what they were told.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use ff_e2e::{ClickHouse, Ingest, metric_events};

/// Events in a batch.
const BATCH: usize = 100;

/// What a sender does when it is not acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Sends the same batch again, until it is.
    Repeat,
    /// Notes it, and goes on with the next one.
    Note,
}

/// Senders at work.
pub struct Load {
    metric: String,
    stop: Arc<AtomicBool>,
    senders: Vec<tokio::task::JoinHandle<Told>>,
}

/// What senders were told.
#[derive(Debug, Default)]
pub struct Told {
    /// Ids of the events of batches that were acknowledged.
    pub acknowledged: BTreeSet<String>,
    /// Batches that were not: what was answered instead.
    pub refused: Vec<String>,
    /// When each acknowledged batch was sent, and what the acknowledgement took.
    pub took: Vec<(Instant, Duration)>,
}

impl Told {
    /// Events a second that were acknowledged of those sent in a time, and the 99th percentile of what that took.
    pub fn pace(&self, from: Instant, until: Instant) -> (f64, Duration) {
        let sent = self.took.iter().filter(|(sent, _)| (from..until).contains(sent));
        let mut took: Vec<Duration> = sent.map(|(_, took)| *took).collect();
        took.sort_unstable();
        let rate = (took.len() * BATCH) as f64 / (until - from).as_secs_f64();
        (rate, took.get(took.len() * 99 / 100).copied().unwrap_or_default())
    }
}

impl Load {
    /// Starts so many senders, which together send so many events a second.
    pub fn start(
        ingest: &Ingest,
        metric: &str,
        senders: usize,
        per_second: usize,
        refusal: Refusal,
    ) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let every = Duration::from_secs_f64((senders * BATCH) as f64 / per_second as f64);
        let sender = |_| {
            let (ingest, metric, stop) = (ingest.clone(), metric.to_owned(), Arc::clone(&stop));
            tokio::spawn(async move { send(&ingest, &metric, every, refusal, &stop).await })
        };
        let senders = (0..senders).map(sender).collect();
        Self { metric: metric.to_owned(), stop, senders }
    }

    /// Lets them finish what they are at, and answers what they were told.
    pub async fn stop(self) -> Told {
        self.stop.store(true, Ordering::SeqCst);
        let mut all = Told::default();
        for sender in self.senders {
            let told = sender.await.unwrap();
            all.acknowledged.extend(told.acknowledged);
            all.refused.extend(told.refused);
            all.took.extend(told.took);
        }
        assert!(!all.acknowledged.is_empty(), "nothing of {} was acknowledged", self.metric);
        all
    }
}

async fn send(
    ingest: &Ingest,
    metric: &str,
    every: Duration,
    refusal: Refusal,
    stop: &AtomicBool,
) -> Told {
    let (began, mut told) = (Instant::now(), Told::default());
    for number in 0_u32.. {
        tokio::time::sleep_until((began + every * number).into()).await;
        if stop.load(Ordering::SeqCst) {
            break;
        }
        let (body, ids) = metric_events(metric, BATCH);
        let sent = Instant::now();
        let answer = match refusal {
            Refusal::Repeat => ingest.deliver(&body).await.map_err(|error| format!("{error:#}")),
            Refusal::Note => match ingest.send(&body).await {
                Ok(receipt) if receipt.status == 202 => Ok(receipt),
                Ok(receipt) => Err(format!("{} {}", receipt.status, receipt.body)),
                Err(error) => Err(format!("{error:#}")),
            },
        };
        match answer {
            Ok(receipt) => {
                assert_eq!(receipt.body["accepted"], BATCH, "{}", receipt.body);
                told.took.push((sent, sent.elapsed()));
                told.acknowledged.extend(ids);
            }
            Err(answer) => told.refused.push(answer),
        }
    }
    told
}

/// Waits until all of these are stored, and fails if one is lost, stored twice, or was never sent.
pub async fn stored(clickhouse: &ClickHouse, metric: &str, acknowledged: &BTreeSet<String>) {
    let count = format!("SELECT uniqExact(id) FROM events_metric WHERE metric = '{metric}'");
    ff_testkit::eventually(Duration::from_secs(120), || async {
        match clickhouse.number(&count).await {
            Ok(stored) if stored >= acknowledged.len() as u64 => Ok(()),
            Ok(stored) => Err(format!("{stored} of {} are stored", acknowledged.len())),
            Err(error) => Err(format!("{error:#}")),
        }
    })
    .await;
    let rows = clickhouse.ids_of(metric).await.unwrap();
    let stored: BTreeSet<String> = rows.iter().cloned().collect();
    assert_eq!(rows.len(), stored.len(), "an event is counted twice");
    let lost: Vec<_> = acknowledged.difference(&stored).take(5).collect();
    assert!(lost.is_empty(), "acknowledged, but lost: {lost:?}");
    let foreign: Vec<_> = stored.difference(acknowledged).take(5).collect();
    assert!(foreign.is_empty(), "stored, but never acknowledged: {foreign:?}");
}
