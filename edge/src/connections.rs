//! Open connections, and how to end them: politely when the edge stops, at once when a client does not read.

use std::sync::{Arc, Mutex, PoisonError};

use rustc_hash::FxHashMap;
use tokio::sync::oneshot;

/// How a connection is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// After the answer under way.
    Polite,
    /// At once.
    Cut,
}

/// Every open connection.
#[derive(Debug, Default)]
pub(crate) struct Connections {
    open: Mutex<(u64, FxHashMap<u64, oneshot::Sender<End>>)>,
}

/// Ends the connection that a request came in on.
#[derive(Debug, Clone)]
pub(crate) struct Cut {
    connections: Arc<Connections>,
    number: u64,
}

impl Connections {
    /// Notes a connection. The receiver says when it must end.
    pub(crate) fn open(self: &Arc<Self>) -> (Cut, oneshot::Receiver<End>) {
        let (sender, receiver) = oneshot::channel();
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.0 += 1;
        let number = open.0;
        open.1.insert(number, sender);
        drop(open);
        (Cut { connections: Arc::clone(self), number }, receiver)
    }

    /// Ends all of them.
    pub(crate) fn end_all(&self) {
        let open = std::mem::take(&mut self.open.lock().unwrap_or_else(PoisonError::into_inner).1);
        for sender in open.into_values() {
            // Whose receiver is gone has ended already.
            let _ = sender.send(End::Polite);
        }
    }

    fn take(&self, number: u64) -> Option<oneshot::Sender<End>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).1.remove(&number)
    }
}

impl Cut {
    /// Ends the connection at once, with whatever has not been sent.
    pub(crate) fn cut(&self) {
        if let Some(sender) = self.connections.take(self.number) {
            let _ = sender.send(End::Cut);
        }
    }

    /// The connection has ended.
    pub(crate) fn closed(&self) {
        drop(self.connections.take(self.number));
    }
}
