//! Password checks for an async server: on blocking threads, only so many at a time.
//!
//! A check takes a quarter of a second of a core. Without a limit, a burst of logins would take every
//! core from the requests that are quick.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use secrecy::SecretString;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use super::{Cost, PasswordError, PasswordHash, hash, verify};

/// Hashes and checks passwords; cheap to clone, and the clones share one limit.
#[derive(Debug, Clone)]
pub struct PasswordService {
    cost: Cost,
    permits: Arc<Semaphore>,
    computed: Arc<AtomicU64>,
}

impl PasswordService {
    /// A service that hashes with `cost` and runs at most `concurrency` checks at once.
    #[must_use]
    pub fn new(cost: Cost, concurrency: NonZeroUsize) -> Self {
        let permits = Arc::new(Semaphore::new(concurrency.get()));
        Self { cost, permits, computed: Arc::default() }
    }

    /// Hashes a password with a new salt.
    ///
    /// # Errors
    /// [`PasswordError::Hashing`] without randomness, [`PasswordError::Stopping`] at shutdown.
    pub async fn hash(&self, password: SecretString) -> Result<PasswordHash, PasswordError> {
        let cost = self.cost;
        self.run(move || hash(&password, cost)).await?
    }

    /// Whether `password` is the one of `stored`. Give `None` for a user who does not exist: it takes
    /// as long, and is never true.
    ///
    /// # Errors
    /// [`PasswordError::Stopping`] at shutdown.
    pub async fn verify(
        &self,
        password: SecretString,
        stored: Option<PasswordHash>,
    ) -> Result<bool, PasswordError> {
        let known = stored.is_some();
        let hash = stored.unwrap_or_else(|| PasswordHash::decoy(self.cost));
        let matches = self.run(move || verify(&password, &hash)).await?;
        Ok(known && matches)
    }

    /// How many hashes it and its clones have computed, to hash or to check: the work that an answer must not tell
    /// apart.
    #[must_use]
    pub fn computed(&self) -> u64 {
        self.computed.load(Ordering::Relaxed)
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, PasswordError> {
        let permit =
            Arc::clone(&self.permits).acquire_owned().await.expect("the semaphore is never closed");
        // The permit goes with the work: a caller who gives up does not make room for another check
        // while theirs is still running.
        let computed = Arc::clone(&self.computed);
        spawn_blocking(move || {
            let _permit = permit;
            let done = work();
            computed.fetch_add(1, Ordering::Relaxed);
            done
        })
        .await
        .map_err(|source| PasswordError::Stopping { source })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn service(concurrency: usize) -> PasswordService {
        PasswordService::new(Cost::MIN, NonZeroUsize::new(concurrency).unwrap())
    }

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .build()
            .unwrap()
            .block_on(future)
    }

    #[test]
    fn it_knows_the_password_and_never_an_unknown_user() {
        block_on(async {
            let service = service(2);
            let stored = service.hash("s3cret".into()).await.unwrap();
            assert!(service.verify("s3cret".into(), Some(stored.clone())).await.unwrap());
            assert!(!service.verify("other".into(), Some(stored)).await.unwrap());
            assert!(!service.verify("s3cret".into(), None).await.unwrap());
            assert_eq!(service.clone().computed(), 4);
        });
    }

    #[test]
    fn no_more_run_at_once_than_allowed() {
        let running = Arc::new(AtomicUsize::new(0));
        let most = Arc::new(Mutex::new(0));
        block_on(async {
            let service = service(2);
            let tasks: Vec<_> = (0..16)
                .map(|_| {
                    let (service, running, most) = (service.clone(), running.clone(), most.clone());
                    tokio::spawn(async move {
                        service
                            .run(move || {
                                let now = running.fetch_add(1, Ordering::SeqCst) + 1;
                                let mut most = most.lock().unwrap();
                                *most = now.max(*most);
                                drop(most);
                                std::thread::yield_now();
                                running.fetch_sub(1, Ordering::SeqCst);
                            })
                            .await
                            .unwrap();
                    })
                })
                .collect();
            for task in tasks {
                task.await.unwrap();
            }
        });
        assert!(*most.lock().unwrap() <= 2);
    }

    #[test]
    fn work_whose_caller_gave_up_still_holds_its_place() {
        block_on(async {
            let service = service(1);
            let (started, has_started) = std::sync::mpsc::channel();
            let (finish, may_finish) = std::sync::mpsc::channel::<()>();
            let caller = tokio::spawn({
                let service = service.clone();
                async move {
                    service
                        .run(move || {
                            started.send(()).unwrap();
                            may_finish.recv().unwrap();
                        })
                        .await
                }
            });
            spawn_blocking(move || has_started.recv().unwrap()).await.unwrap();
            caller.abort();
            assert!(caller.await.unwrap_err().is_cancelled());
            assert_eq!(service.permits.available_permits(), 0);

            finish.send(()).unwrap();
            assert!(!service.verify("a".into(), None).await.unwrap());
        });
    }
}
