//! The task that keeps what is served equal to what is published.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_nats::Client;
use async_nats::connection::State;
use async_nats::jetstream::Context;
use async_nats::jetstream::stream::Info;
use ff_evaluator::wire::{Head, STREAM};
use rustc_hash::FxHashMap;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::{MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;

use super::reader::{Content, FollowError, Part, Reader, Update};
use crate::held::{Difference, Held, Objects};
use crate::store::Store;
use crate::{EdgeOptions, disk};

/// How long to wait before an interrupted stream is followed again.
const RETRY: Duration = Duration::from_millis(250);
/// How often an environment with the wrong hash is read anew.
const RELOAD: Duration = Duration::from_millis(500);
/// How often the stream is asked whether it is still the same.
const CHECK: Duration = Duration::from_secs(3);

/// Environments to be written to disk.
type Batch = Vec<(Arc<str>, Head, Objects)>;

#[derive(Debug)]
pub(crate) struct Follower {
    store: Arc<Store>,
    environments: FxHashMap<Arc<str>, Environment>,
    /// Their hash is not what their head says.
    broken: BTreeSet<Arc<str>>,
    /// Not on disk yet.
    unwritten: BTreeSet<Arc<str>>,
    directory: PathBuf,
    disk_delay: Duration,
    writing: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Environment {
    held: Held,
    /// The head of what is held; none before the first.
    head: Option<Head>,
}

impl Follower {
    pub(crate) fn new(store: Arc<Store>, copies: Vec<disk::Copy>, options: &EdgeOptions) -> Self {
        let environments = copies
            .into_iter()
            .map(|copy| (copy.environment, Environment { held: copy.held, head: Some(copy.head) }))
            .collect();
        Self {
            store,
            environments,
            broken: BTreeSet::new(),
            unwritten: BTreeSet::new(),
            directory: options.data_dir.clone(),
            disk_delay: options.disk_delay,
            writing: None,
        }
    }

    /// Follows until `stop`, through every interruption.
    pub(crate) async fn run(mut self, client: Client, stop: CancellationToken) {
        let context = async_nats::jetstream::new(client.clone());
        let mut failing = false;
        loop {
            let result = tokio::select! {
                () = stop.cancelled() => break,
                result = self.follow(&client, &context, &mut failing) => result,
            };
            self.store.metrics.following(false);
            if let Err(error) = result
                && !std::mem::replace(&mut failing, true)
            {
                // Said once for each outage, not once for each try.
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "config cannot be followed; serving what is there and trying again"
                );
            }
            tokio::select! {
                () = stop.cancelled() => break,
                () = sleep(RETRY) => {}
            }
        }
        if let Some(writing) = self.writing.take() {
            let _ = writing.await;
        }
        if let Some(writing) = self.write() {
            let _ = writing.await;
        }
    }

    async fn follow(
        &mut self,
        client: &Client,
        context: &Context,
        failing: &mut bool,
    ) -> Result<(), FollowError> {
        let made = stream_info(context).await?.created;
        let mut reader = Reader::start(context, None).await?;
        for (id, content) in reader.whole().await? {
            self.replace(id, content);
        }
        self.store.set_complete();
        self.store.metrics.following(true);
        if std::mem::replace(failing, false) {
            tracing::info!("config is followed again");
        }
        let [mut disk, mut reload, mut check] = [self.disk_delay, RELOAD, CHECK].map(|period| {
            let mut timer = interval(period);
            timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
            timer
        });
        loop {
            tokio::select! {
                update = reader.next() => {
                    if let Some(update) = update? {
                        self.take(context, update).await;
                    }
                }
                _ = disk.tick() => self.write_if_idle(),
                _ = reload.tick(), if !self.broken.is_empty() => {
                    for id in self.broken.clone() {
                        self.reload(context, &id).await;
                    }
                }
                _ = check.tick() => {
                    let connected = client.connection_state() == State::Connected;
                    self.store.metrics.following(connected);
                    if connected {
                        let info = stream_info(context).await?;
                        if info.created != made || info.state.last_sequence < reader.last {
                            return Err(FollowError::Replaced);
                        }
                    }
                }
            }
        }
    }

    async fn take(&mut self, context: &Context, update: Update) {
        let id = update.environment;
        let environment = self.environments.entry(Arc::clone(&id)).or_default();
        if update.sequence <= environment.held.floor {
            return;
        }
        match update.part {
            Part::Object(name, bytes) => environment.held.wait(name, bytes),
            Part::Head(head) => match environment.held.apply(&head) {
                Ok(changes) => {
                    self.broken.remove(&id);
                    self.serve(id, head, &changes);
                }
                Err(mismatch) => {
                    self.store.metrics.hash_mismatches.increment(1);
                    tracing::warn!(
                        error = &mismatch as &dyn std::error::Error,
                        environment = &*id,
                        "reading an environment anew"
                    );
                    self.reload(context, &id).await;
                }
            },
        }
    }

    /// Reads an environment anew; if that fails, it is tried again later.
    async fn reload(&mut self, context: &Context, id: &Arc<str>) {
        self.store.metrics.reloads.increment(1);
        self.broken.insert(Arc::clone(id));
        let read = async { Reader::start(context, Some(id)).await?.whole().await };
        match read.await {
            Ok(mut environments) => {
                if let Some(content) = environments.remove(id) {
                    self.replace(Arc::clone(id), content);
                }
            }
            Err(error) => tracing::warn!(
                error = &error as &dyn std::error::Error,
                environment = &**id,
                "an environment could not be read anew, trying again"
            ),
        }
    }

    /// Takes what the stream has of an environment in the place of what was held.
    fn replace(&mut self, id: Arc<str>, content: Content) {
        // Without a head it is being published for the first time; the head will come.
        let Some(head) = content.head else { return };
        match Held::whole(content.objects, &head) {
            Ok(mut held) => {
                held.floor = content.last;
                let before = self.environments.entry(Arc::clone(&id)).or_default();
                let changes = before.held.compare(&held);
                before.held = held;
                self.broken.remove(&id);
                self.serve(id, head, &changes);
            }
            Err(mismatch) => {
                self.store.metrics.hash_mismatches.increment(1);
                tracing::warn!(
                    error = &mismatch as &dyn std::error::Error,
                    environment = &*id,
                    "an environment is being changed, reading it anew"
                );
                self.broken.insert(id);
            }
        }
    }

    fn serve(&mut self, id: Arc<str>, head: Head, changes: &[Difference]) {
        let Some(environment) = self.environments.get_mut(&id) else { return };
        if environment.head.as_ref() == Some(&head) && changes.is_empty() {
            return;
        }
        self.store.put(&id, &head, &environment.held.objects, changes);
        environment.head = Some(head);
        self.unwritten.insert(id);
    }

    fn write_if_idle(&mut self) {
        if self.writing.as_ref().is_none_or(JoinHandle::is_finished) {
            self.writing = self.write();
        }
    }

    /// Writes to disk, beside everything else, what is not there yet.
    fn write(&mut self) -> Option<JoinHandle<()>> {
        let batch: Batch = std::mem::take(&mut self.unwritten)
            .into_iter()
            .filter_map(|id| {
                let environment = self.environments.get(&id)?;
                let head = environment.head.clone()?;
                Some((id, head, environment.held.objects.clone()))
            })
            .collect();
        if batch.is_empty() {
            return None;
        }
        let (directory, metrics) = (self.directory.clone(), Arc::clone(&self.store.metrics));
        Some(spawn_blocking(move || {
            for (id, head, objects) in batch {
                match disk::write(&directory, &id, &head, &objects) {
                    Ok(()) => metrics.disk_writes.increment(1),
                    Err(error) => {
                        metrics.disk_failures.increment(1);
                        tracing::error!(
                            error = &error as &dyn std::error::Error,
                            environment = &*id,
                            "the copy on disk was not written; a restart without NATS would serve an older config"
                        );
                    }
                }
            }
        }))
    }
}

async fn stream_info(context: &Context) -> Result<Info, FollowError> {
    let stream = context.get_stream(STREAM).await.map_err(FollowError::read)?;
    Ok(stream.cached_info().clone())
}
