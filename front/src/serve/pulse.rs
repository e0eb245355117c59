//! Whether a connection is used. hyper waits for ever for one that never says which protocol it speaks, and for one
//! with HTTP/2 that has nothing to say.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// The requests of a connection.
#[derive(Debug, Default)]
pub(super) struct Pulse {
    open: AtomicUsize,
    ever: AtomicBool,
    /// Since the last look.
    lately: AtomicBool,
}

/// What a look at a connection has found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Beat {
    /// There has never been a request.
    None,
    /// None is open, and none came since the last look.
    Idle,
    /// There are some.
    Busy,
}

/// A request that is being answered.
#[derive(Debug)]
pub(super) struct Open(Arc<Pulse>);

impl Pulse {
    pub(super) fn open(self: &Arc<Self>) -> Open {
        self.open.fetch_add(1, Ordering::Relaxed);
        self.ever.store(true, Ordering::Relaxed);
        self.lately.store(true, Ordering::Relaxed);
        Open(Arc::clone(self))
    }

    pub(super) fn beat(&self) -> Beat {
        let lately = self.lately.swap(false, Ordering::Relaxed);
        match () {
            () if !self.ever.load(Ordering::Relaxed) => Beat::None,
            () if lately || self.open.load(Ordering::Relaxed) > 0 => Beat::Busy,
            () => Beat::Idle,
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_is_busy_while_it_is_asked() {
        let pulse = Arc::new(Pulse::default());
        assert_eq!(pulse.beat(), Beat::None);
        let open = pulse.open();
        assert_eq!([pulse.beat(), pulse.beat()], [Beat::Busy, Beat::Busy]);
        drop(open);
        assert_eq!(pulse.beat(), Beat::Idle);
        drop(pulse.open());
        assert_eq!([pulse.beat(), pulse.beat()], [Beat::Busy, Beat::Idle]);
    }
}
