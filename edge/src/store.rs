//! Everything the edge serves. One task changes it; any number of requests read it without waiting.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwap;
use ff_evaluator::wire::{Head, ObjectKind};
use rustc_hash::FxHashMap;
use tokio_util::sync::CancellationToken;

use crate::environment::Environment;
use crate::held::{Difference, Objects};
use crate::keyring::Keyring;
use crate::metrics::Metrics;
use crate::served::Served;

#[derive(Debug)]
pub(crate) struct Store {
    environments: ArcSwap<FxHashMap<Arc<str>, Arc<Environment>>>,
    keyring: ArcSwap<Keyring>,
    /// The whole stream was read once, even if there was nothing in it.
    complete: AtomicBool,
    public_url: Option<String>,
    /// Ends every open stream.
    pub(crate) root: CancellationToken,
    pub(crate) metrics: Arc<Metrics>,
}

impl Store {
    pub(crate) fn new(metrics: Arc<Metrics>, public_url: Option<String>) -> Self {
        Self {
            environments: ArcSwap::default(),
            keyring: ArcSwap::default(),
            complete: AtomicBool::new(false),
            public_url,
            root: CancellationToken::new(),
            metrics,
        }
    }

    /// Serves a version of an environment's config. Called by one task only.
    pub(crate) fn put(
        &self,
        id: &Arc<str>,
        head: &Head,
        objects: &Objects,
        changes: &[Difference],
    ) {
        let known = self.environments.load().get(id).cloned();
        let keys_changed = changes.iter().any(|change| change.name.0 == ObjectKind::Key);
        let environment = match known {
            Some(environment) => {
                let before = environment.served();
                if before.head == *head && changes.is_empty() {
                    return;
                }
                let next = before.next(head.clone(), objects, changes);
                // Who is refused is refused before anything else is seen, and who is let in sees the newest.
                if keys_changed {
                    self.put_keys(&environment, objects);
                }
                environment.replace(next, changes);
                environment
            }
            None => {
                let served = Served::compile(id, head.clone(), objects);
                let environment = Arc::new(Environment::new(Arc::clone(id), served));
                let mut environments = FxHashMap::clone(&self.environments.load());
                environments.insert(Arc::clone(id), Arc::clone(&environment));
                self.environments.store(Arc::new(environments));
                self.put_keys(&environment, objects);
                environment
            }
        };
        self.metrics.applied(&environment.id, &head.position);
    }

    fn put_keys(&self, environment: &Arc<Environment>, objects: &Objects) {
        let url = self.public_url.as_deref();
        let next = self.keyring.load().with(environment, objects, url, &self.root);
        self.keyring.store(Arc::new(next));
    }

    /// Who may ask.
    pub(crate) fn keyring(&self) -> arc_swap::Guard<Arc<Keyring>> {
        self.keyring.load()
    }

    /// The stream has been read to its end.
    pub(crate) fn set_complete(&self) {
        self.complete.store(true, Ordering::Release);
    }

    /// Whether there is something to serve from.
    pub(crate) fn is_ready(&self) -> bool {
        self.complete.load(Ordering::Acquire) || !self.environments.load().is_empty()
    }

    /// Serves what is on disk, and answers it for comparison with what NATS has.
    pub(crate) fn load_disk(&self, directory: &Path) -> Vec<crate::disk::Copy> {
        let copies = crate::disk::read_all(directory, &self.metrics);
        for copy in &copies {
            self.put(&copy.environment, &copy.head, &copy.held.objects, &[]);
        }
        copies
    }
}
