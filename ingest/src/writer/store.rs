//! Writing batches into ClickHouse.
//!
//! An insert carries a token, so that ClickHouse takes it once even if it is repeated. The token names the stream,
//! the positions and the number of rows, and also *which life of the server* it was made for: ClickHouse notes a token
//! before the part it belongs to is in place, and a kill between the two leaves a token whose rows are nowhere. After
//! a restart the token is therefore another, and rows that were there already are told by their ids.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use clickhouse::error::Error;
use clickhouse::{Client, Row, RowOwned, RowWrite};
use jiff::Timestamp;
use serde::Deserialize;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::assembly::Request;
use super::batch::{Batch, Message};
use super::measure;
use super::options::WriterOptions;
use super::park::{Parked, Parking, Reason};
use super::patience::Patience;
use super::refusal::Verdict;
use super::rows::{ProgressRow, TableRow};
use super::status::Status;

/// How often an error of unclear meaning is waited for.
const UNCLEAR_TRIES: u32 = 6;

/// The writer is to stop.
#[derive(Debug)]
pub(super) struct Stopped;

/// The tables.
pub(super) struct Store {
    client: Client,
    timeout: Duration,
    parking: Parking,
    status: Status,
    stop: CancellationToken,
    /// When ClickHouse was started, if that is known.
    life: Mutex<Option<i64>>,
    /// When the newest record that is written was taken.
    newest: Timestamp,
}

/// Rows of one table, and which of them belong to which message.
struct Rows<'a, R> {
    stream: i128,
    rows: &'a [R],
    of: fn(&Message) -> &Range<usize>,
}

impl Store {
    pub(super) fn new(
        options: &WriterOptions,
        parking: Parking,
        status: Status,
        stop: CancellationToken,
    ) -> Self {
        let WriterOptions { clickhouse, insert_timeout, .. } = options;
        Self {
            client: clickhouse.clone(),
            timeout: *insert_timeout,
            parking,
            status,
            stop,
            life: Mutex::new(None),
            newest: Timestamp::UNIX_EPOCH,
        }
    }

    /// The position up to which everything is written; waits until ClickHouse can say it.
    pub(super) async fn progress(&mut self) -> Result<u64, Stopped> {
        #[derive(Row, Deserialize)]
        struct Written {
            position: u64,
            at: i64,
        }
        let query = "SELECT max(position) AS position, toUnixTimestamp64Milli(max(at)) AS at FROM telemetry_progress";
        let mut patience = Patience::new("asking ClickHouse how far telemetry is written");
        loop {
            match self.client.query(query).fetch_one::<Written>().await {
                Ok(Written { position, at }) => {
                    patience.works();
                    self.newest = Timestamp::from_millisecond(at).unwrap_or_default();
                    return Ok(position);
                }
                Err(error) => self.pause(&mut patience, &error).await?,
            }
        }
    }

    /// Writes one batch after the other.
    pub(super) async fn follow(&mut self, requests: &mpsc::Sender<Request>) -> Result<(), Stopped> {
        loop {
            let (request, batch) = oneshot::channel();
            requests.send(request).await.map_err(|_| Stopped)?;
            let batch = batch.await.map_err(|_| Stopped)?;
            self.write(batch).await?;
        }
    }

    async fn write(&mut self, mut batch: Batch) -> Result<(), Stopped> {
        let begun = Instant::now();
        let mut parked = std::mem::take(&mut batch.undecodable);
        let stream = batch.stream;
        let exposures = Rows { stream, rows: &batch.exposures, of: |message| &message.exposures };
        let metrics = Rows { stream, rows: &batch.metrics, of: |message| &message.metrics };
        let senders = Rows { stream, rows: &batch.senders, of: |message| &message.senders };
        let (exposures, metrics) = tokio::try_join!(
            self.insert(&exposures, &batch.messages),
            self.insert(&metrics, &batch.messages),
        )?;
        // What a sender says is written last: a message that is parked and replayed comes with another position, and
        // would be counted twice. Events have ids.
        for refused in exposures.into_iter().chain(metrics) {
            if !parked
                .iter()
                .any(|each| each.sequence == refused.sequence && each.reason == refused.reason)
            {
                parked.push(refused);
            }
        }
        let is_refused = |message: &Message| {
            parked
                .iter()
                .any(|each| each.sequence == message.sequence && each.reason == Reason::Refused)
        };
        let mut refused = Vec::new();
        for run in batch.messages.chunk_by(|a, b| !is_refused(a) && !is_refused(b)) {
            if !is_refused(&run[0]) {
                refused.extend(self.insert(&senders, run).await?);
            }
        }
        parked.extend(refused);
        self.park(stream, &parked).await?;
        self.finish(&batch, parked.len() as u64, begun).await
    }

    /// Says that the batch is written.
    async fn finish(&mut self, batch: &Batch, parked: u64, begun: Instant) -> Result<(), Stopped> {
        let Some(last) = batch.messages.last() else { return Ok(()) };
        self.newest = self.newest.max(batch.newest.unwrap_or_default());
        let now = Timestamp::try_from(SystemTime::now()).unwrap_or_default();
        let row = ProgressRow {
            position: last.sequence,
            at: self.newest.as_millisecond(),
            written_at: now.as_millisecond(),
        };
        let mut patience = Patience::new("writing the progress of telemetry");
        while let Err(error) = self.send(&[&row], None).await {
            self.pause(&mut patience, &error).await?;
        }
        patience.works();
        self.status.has_written(last.sequence, parked);
        let lag = self.status.get().lag();
        let age = Duration::try_from(now.duration_since(self.newest)).unwrap_or_default();
        measure::written(last.sequence, lag, begun.elapsed(), age, batch.expired);
        Ok(())
    }

    async fn park(&self, stream: i128, parked: &[Parked]) -> Result<(), Stopped> {
        let mut patience = Patience::new("parking a message of telemetry");
        for each in parked {
            while let Err(error) = self.parking.park(stream, each).await {
                self.pause(&mut patience, &*error).await?;
            }
            patience.works();
        }
        Ok(())
    }

    /// Inserts the rows of these messages, and returns the messages whose rows are refused.
    async fn insert<R>(
        &self,
        rows: &Rows<'_, R>,
        messages: &[Message],
    ) -> Result<Vec<Parked>, Stopped>
    where
        R: TableRow + RowOwned + RowWrite + Sync,
    {
        loop {
            let mut refused = Vec::new();
            let (mut taken, mut clear) = (false, false);
            let mut tries = UNCLEAR_TRIES;
            // Halves of what is refused, until single messages are left.
            let mut waiting = vec![messages];
            while let Some(part) = waiting.pop() {
                let [first, .., last] = part else {
                    let [only] = part else { continue };
                    match self.insert_part(rows, only, only, tries).await? {
                        Ok(count) => taken |= count > 0,
                        Err(error) => {
                            clear |= Verdict::on(&error) == Verdict::Refused;
                            refused.push(Parked {
                                sequence: only.sequence,
                                payload: only.payload.clone(),
                                reason: Reason::Refused,
                                error: error.to_string(),
                            });
                        }
                    }
                    continue;
                };
                match self.insert_part(rows, first, last, tries).await? {
                    Ok(count) => taken |= count > 0,
                    Err(_) => {
                        tries = 1;
                        let (left, right) = part.split_at(part.len() / 2);
                        waiting.extend([right, left]);
                    }
                }
            }
            if taken || clear || refused.len() < 2 {
                return Ok(refused);
            }
            // All refused alike, for no reason that has to do with values: it is the table, and not the rows.
            let cause = Error::BadResponse(refused.swap_remove(0).error);
            let mut patience = Patience::new("writing telemetry");
            self.pause(&mut patience, &cause).await?;
        }
    }

    /// Inserts the rows of the messages from `first` to `last`, and returns how many there were or why they are refused.
    async fn insert_part<R>(
        &self,
        Rows { stream, rows, of }: &Rows<'_, R>,
        first: &Message,
        last: &Message,
        tries: u32,
    ) -> Result<Result<usize, Error>, Stopped>
    where
        R: TableRow + RowOwned + RowWrite + Sync,
    {
        let rows: Vec<&R> = rows[of(first).start..of(last).end].iter().collect();
        if rows.is_empty() {
            return Ok(Ok(0));
        }
        let token = format!("{stream}:{}-{}:{}", first.sequence, last.sequence, rows.len());
        let mut patience = Patience::new("writing telemetry");
        loop {
            // Asked again after a failure: the server may have been restarted in between.
            let sent = async {
                let life = self.life(patience.failures() > 0).await?;
                self.send(&rows, Some(format!("{}:{token}:{life}", R::TABLE))).await
            };
            let Err(error) = sent.await else {
                patience.works();
                self.status.writes(true);
                measure::rows(R::TABLE, rows.len());
                return Ok(Ok(rows.len()));
            };
            match Verdict::on(&error) {
                Verdict::Refused => return Ok(Err(error)),
                Verdict::Unclear if patience.failures() + 1 >= tries => return Ok(Err(error)),
                Verdict::Unclear | Verdict::Wait => self.pause(&mut patience, &error).await?,
            }
        }
    }

    /// One try.
    async fn send<R>(&self, rows: &[&R], token: Option<String>) -> Result<(), Error>
    where
        R: TableRow + RowOwned + RowWrite + Sync,
    {
        let sent = async {
            let mut insert = self.client.insert::<R>(R::TABLE).await?;
            insert = insert.with_timeouts(Some(self.timeout), Some(self.timeout));
            if let Some(token) = token {
                insert = insert.with_setting("insert_deduplication_token", token);
            }
            for row in rows {
                insert.write(row).await?;
            }
            insert.end().await
        };
        let result = sent.await;
        if result.is_err() {
            // The columns may be others when ClickHouse is back.
            self.client.clear_cached_metadata().await;
        }
        result
    }

    /// When ClickHouse was started, in seconds. To be wrong by one does no harm: it makes another token.
    async fn life(&self, afresh: bool) -> Result<i64, Error> {
        let known = *self.life.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(life) = known.filter(|_| !afresh) {
            return Ok(life);
        }
        let query = self.client.query("SELECT toInt64(toUnixTimestamp(now())) - toInt64(uptime())");
        let life = query.fetch_one::<i64>().await?;
        *self.life.lock().unwrap_or_else(PoisonError::into_inner) = Some(life);
        Ok(life)
    }

    async fn pause(
        &self,
        patience: &mut Patience,
        error: &(dyn std::error::Error + Send + Sync + 'static),
    ) -> Result<(), Stopped> {
        self.status.writes(false);
        tokio::select! {
            () = self.stop.cancelled() => Err(Stopped),
            () = patience.wait(error) => Ok(()),
        }
    }
}
