//! Messages that are written together.

use async_nats::jetstream;

use crate::Entry;
use crate::message::{Message, Unreadable, Uses};

#[derive(Debug, Default)]
pub(super) struct Batch<'m> {
    pub(super) entries: Vec<Entry>,
    pub(super) uses: Vec<Uses>,
    /// Those it was read from.
    pub(super) messages: Vec<&'m jetstream::Message>,
}

impl<'m> Batch<'m> {
    /// Reads what can be read, and tells what cannot.
    pub(super) fn read(
        messages: &'m [jetstream::Message],
    ) -> (Self, Vec<(&'m jetstream::Message, Unreadable)>) {
        let mut batch = Self::default();
        let mut unreadable = Vec::new();
        for message in messages {
            match Message::read(&message.payload) {
                Ok(Message::Record(entry)) => batch.entries.push(*entry),
                Ok(Message::Uses(uses)) => batch.uses.push(uses),
                Err(error) => {
                    unreadable.push((message, error));
                    continue;
                }
            }
            batch.messages.push(message);
        }
        (batch, unreadable)
    }
}
