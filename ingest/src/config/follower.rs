//! The task that keeps keys and names equal to what is published.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_nats::Client;
use async_nats::connection::State;
use async_nats::jetstream::Context;
use async_nats::jetstream::stream::Info;
use ff_evaluator::wire::STREAM;
use rustc_hash::FxHashMap;
use tokio::time::{MissedTickBehavior, interval, sleep};
use uuid::Uuid;

use super::held::Held;
use super::reader::{FollowError, Reader, Update};
use super::{Config, Environment, Organization, World};
use crate::IngestOptions;
use crate::metrics::Metrics;
use crate::private::Hasher;

/// How long to wait before an interrupted stream is followed again.
const RETRY: Duration = Duration::from_millis(250);
/// How often the stream is asked whether it is still the same.
const CHECK: Duration = Duration::from_secs(3);

#[derive(Debug)]
pub(crate) struct Follower {
    config: Arc<Config>,
    metrics: Arc<Metrics>,
    options: IngestOptions,
    held: BTreeMap<Uuid, Held>,
    /// Kept through every change: their hashers are made once.
    organizations: FxHashMap<Uuid, Arc<Organization>>,
}

impl Follower {
    pub(crate) fn new(config: Arc<Config>, metrics: Arc<Metrics>, options: &IngestOptions) -> Self {
        Self {
            config,
            metrics,
            options: options.clone(),
            held: BTreeMap::new(),
            organizations: FxHashMap::default(),
        }
    }

    /// Follows for ever, through every interruption.
    pub(crate) async fn run(mut self, client: Client) {
        let context = async_nats::jetstream::new(client.clone());
        let mut failing = false;
        loop {
            let result = self.follow(&client, &context, &mut failing).await;
            self.metrics.following.set(0.0);
            if let Err(error) = result
                && !std::mem::replace(&mut failing, true)
            {
                // Said once for each outage, not once for each try.
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "config cannot be followed; using what is there and trying again"
                );
            }
            sleep(RETRY).await;
        }
    }

    async fn follow(
        &mut self,
        client: &Client,
        context: &Context,
        failing: &mut bool,
    ) -> Result<(), FollowError> {
        let made = stream_info(context).await?.created;
        let mut reader = Reader::start(context).await?;
        let whole = reader.whole().await?;
        self.replace(whole);
        self.config.complete.store(true, Ordering::Release);
        self.metrics.following.set(1.0);
        if std::mem::replace(failing, false) {
            tracing::info!("config is followed again");
        }
        let mut check = interval(CHECK);
        check.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                update = reader.next() => {
                    if let Some(Update { environment, part }) = update?
                        && self.held.entry(environment).or_default().take(part)
                    {
                        self.publish(environment);
                    }
                }
                _ = check.tick() => {
                    let connected = client.connection_state() == State::Connected;
                    self.metrics.following.set(f64::from(u8::from(connected)));
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

    /// Takes what the stream has in the place of what was held. An environment that the stream does not have whole is
    /// being published anew, and stays as it was until its head arrives.
    fn replace(&mut self, whole: BTreeMap<Uuid, Held>) {
        for held in self.held.values_mut() {
            held.expect_anew();
        }
        for (id, fresh) in whole {
            if self.held.entry(id).or_default().replace(fresh) {
                self.publish(id);
            }
        }
    }

    /// Lets requests see an environment as it is held now.
    fn publish(&mut self, id: Uuid) {
        let Some(held) = self.held.get(&id).filter(|held| held.headed) else { return };
        // Without one of its own in the config, an environment stands for itself.
        let owner = held.organization();
        let organization = owner.unwrap_or(id);
        let organization = self.organizations.entry(organization).or_insert_with(|| {
            let secret = self.options.hash_secret.as_ref();
            Arc::new(Organization {
                id: organization,
                hasher: secret.map(|secret| Hasher::new(secret, organization)),
            })
        });
        let environment =
            Environment { id, organization: Arc::clone(organization), owner, names: held.names() };

        let before = self.config.world.load();
        let mut environments = before.environments.clone();
        environments.insert(id, Arc::new(environment));
        let mut keys: FxHashMap<_, _> = before
            .keys
            .iter()
            .filter(|(_, key)| key.environment != id)
            .map(|(hash, key)| (*hash, Arc::clone(key)))
            .collect();
        for key in held.keys(id) {
            let known = before.keys.get(&key.hash).filter(|known| ***known == key);
            keys.insert(key.hash, known.cloned().unwrap_or_else(|| Arc::new(key)));
        }
        self.config.world.store(Arc::new(World { keys, environments }));
    }
}

async fn stream_info(context: &Context) -> Result<Info, FollowError> {
    let stream = context.get_stream(STREAM).await.map_err(FollowError::read)?;
    Ok(stream.cached_info().clone())
}
