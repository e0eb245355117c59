//! Waiting for what happens soon, without guessing how soon.

use std::{
    fmt::Debug,
    future::Future,
    time::{Duration, Instant},
};

/// Asks again and again until the answer is `true` or `Ok`, and returns what was in it.
///
/// The time is a bound after which the test fails, not a duration that is slept: give it plenty.
///
/// # Panics
/// When it does not happen in time; the message holds the last answer.
#[track_caller]
pub fn eventually<F, Answer>(
    within: Duration,
    mut ask: impl FnMut() -> F,
) -> impl Future<Output = Answer::Value>
where
    F: Future<Output = Answer>,
    Answer: Outcome,
{
    const PAUSE: Duration = Duration::from_millis(10);
    let caller = std::panic::Location::caller();
    async move {
        let started = Instant::now();
        loop {
            match ask().await.outcome() {
                Ok(value) => return value,
                Err(last) if started.elapsed() > within => {
                    panic!("{caller}: not within {within:?}, the last answer was {last}")
                }
                Err(_) => tokio::time::sleep(PAUSE).await,
            }
        }
    }
}

/// An answer that can be "not yet".
pub trait Outcome {
    /// What is in a good answer.
    type Value;

    /// The value, or the reason why not yet.
    ///
    /// # Errors
    /// When it is not yet.
    fn outcome(self) -> Result<Self::Value, String>;
}

impl Outcome for bool {
    type Value = ();

    fn outcome(self) -> Result<(), String> {
        if self { Ok(()) } else { Err("false".to_owned()) }
    }
}

impl<T, E: Debug> Outcome for Result<T, E> {
    type Value = T;

    fn outcome(self) -> Result<T, String> {
        self.map_err(|error| format!("{error:?}"))
    }
}

impl<T> Outcome for Option<T> {
    type Value = T;

    fn outcome(self) -> Result<T, String> {
        self.ok_or_else(|| "none".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_asks_until_the_answer_is_good() {
        let mut asked = 0;
        let found = eventually(Duration::from_secs(60), || {
            asked += 1;
            let answer = if asked < 3 { Err("not yet") } else { Ok(asked) };
            async move { answer }
        });
        assert_eq!(found.await, 3);
    }

    #[tokio::test]
    #[should_panic(expected = "the last answer was \"never\"")]
    async fn it_fails_with_the_last_answer() {
        eventually(Duration::ZERO, || async { Err::<(), _>("never") }).await;
    }
}
