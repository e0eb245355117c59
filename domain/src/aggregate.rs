//! What all aggregates share: deciding, and how that plugs into cqrs-es.

use cqrs_es::{Aggregate, event_sink::EventSink};

/// Decides commands against an aggregate's state, without changing it.
pub trait Decision: Aggregate {
    /// The events the command leads to; none if it would change nothing.
    fn decide(
        &self,
        command: Self::Command,
        facts: &Self::Services,
    ) -> Result<Vec<Self::Event>, Self::Error>;
}

/// Gives an aggregate's events to cqrs-es: `Aggregate::handle` for whoever has a [`Decision`].
pub(crate) async fn handle<A: Decision>(
    aggregate: &mut A,
    command: A::Command,
    facts: &A::Services,
    sink: &EventSink<A>,
) -> Result<(), A::Error> {
    for event in aggregate.decide(command, facts)? {
        sink.write(event, aggregate).await;
    }
    Ok(())
}
