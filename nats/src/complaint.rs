//! Why a connection fails again and again, said once for each reason: the client tries in the background and for ever,
//! and keeps to itself what is wrong.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use async_nats::Server;

/// What was said in this outage.
#[derive(Debug)]
pub(crate) struct Complaints {
    connection: &'static str,
    said: Mutex<BTreeSet<String>>,
}

impl Complaints {
    pub(crate) fn new(connection: &'static str) -> Self {
        Self { connection, said: Mutex::default() }
    }

    /// Looks at how the servers are doing; called before each attempt.
    pub(crate) fn look(&self, servers: &[Server]) {
        let failures =
            servers.iter().filter_map(|server| Some((server, server.last_error.as_ref()?)));
        for (server, error) in self.news(failures.collect()) {
            tracing::warn!(
                connection = self.connection,
                host = server.addr.host(),
                port = server.addr.port(),
                error = error.as_str(),
                "cannot connect to NATS; it is tried again until it succeeds"
            );
        }
    }

    fn news<'a, S>(&self, failures: Vec<(S, &'a String)>) -> Vec<(S, &'a String)> {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        if failures.is_empty() {
            // A connection was there in between.
            said.clear();
        }
        failures.into_iter().filter(|(_, error)| said.insert((*error).clone())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_given_once_in_an_outage() {
        let complaints = Complaints::new("test");
        let (refused, unknown) = ("refused".to_owned(), "unknown issuer".to_owned());
        let news = |errors: &[&String]| {
            complaints.news(errors.iter().map(|error| ((), *error)).collect()).len()
        };
        assert_eq!(news(&[]), 0);
        assert_eq!(news(&[&refused]), 1);
        assert_eq!(news(&[&refused, &unknown]), 1);
        assert_eq!(news(&[&refused, &unknown]), 0);
        assert_eq!(news(&[]), 0);
        assert_eq!(news(&[&refused]), 1);
    }
}
