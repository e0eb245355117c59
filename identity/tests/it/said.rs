//! What a test's thread says: log lines of this crate, and statements to Postgres.

use std::cell::RefCell;
use std::fmt::Debug;
use std::sync::Once;

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::registry;

const OURS: &str = "ff_identity";
const STATEMENTS: &str = "sqlx::query";

thread_local! {
    static SAID: RefCell<Option<Vec<Said>>> = const { RefCell::new(None) };
}

struct Said {
    target: &'static str,
    level: Level,
    /// The message, or the beginning of the statement.
    text: String,
}

/// Begins to listen to this thread, and forgets what it said before. A test on one thread hears all that it does.
pub(crate) fn listen() {
    static EVERYBODY: Once = Once::new();
    // One of a thread alone would miss what another thread was the first to say.
    EVERYBODY.call_once(|| {
        tracing::subscriber::set_global_default(registry().with(Listener)).unwrap();
    });
    SAID.set(Some(Vec::new()));
}

/// Which statements there were since.
pub(crate) fn statements() -> Vec<String> {
    texts(|said| said.target == STATEMENTS)
}

/// How many lines of this level there were since.
pub(crate) fn lines(level: Level) -> usize {
    texts(|said| said.target.starts_with(OURS) && said.level == level).len()
}

fn texts(which: impl Fn(&Said) -> bool) -> Vec<String> {
    SAID.with_borrow(|said| {
        let all = said.iter().flatten();
        all.filter(|said| which(said)).map(|said| said.text.clone()).collect()
    })
}

struct Listener;

impl<S: Subscriber> Layer<S> for Listener {
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        metadata.target().starts_with(OURS) || metadata.target() == STATEMENTS
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        SAID.with_borrow_mut(|said| {
            if let Some(said) = said {
                let mut text = Text::default();
                event.record(&mut text);
                let metadata = event.metadata();
                let (target, level) = (metadata.target(), *metadata.level());
                said.push(Said { target, level, text: text.0 });
            }
        });
    }
}

#[derive(Default)]
struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "message" {
            self.0 = format!("{value:?}");
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        // Short statements are their own summary, which leaves the other empty.
        if ["summary", "db.statement"].contains(&field.name()) && !value.is_empty() {
            value.clone_into(&mut self.0);
        }
    }
}
