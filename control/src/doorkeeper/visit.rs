//! Where a request comes from, for what is recorded about it.

use std::net::IpAddr;

use ff_security::Record;
use uuid::Uuid;

/// Where a request comes from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Visit {
    /// The address, as far as it can be trusted.
    pub(crate) address: Option<IpAddr>,
    /// The id of the request.
    pub(crate) request: Option<Uuid>,
}

impl Visit {
    /// The same record, of this visit.
    pub(crate) fn of(self, record: Record) -> Record {
        Record { address: self.address, request: self.request, ..record }
    }
}
