//! What stands before every HTTP service: TLS, client addresses, CORS, headers, and limits on bodies and time.
//!
//! ```text
//! Listener (TLS) ─▶ serve (connections, heads, streams, ClientAddress) ─▶ harden ─▶ cors ─▶ within ─▶ limited ─▶ routes
//! ```
//!
//! Invariants:
//! - Nobody who is slow, silent or hostile keeps anybody else waiting: handshakes, heads, bodies, answers and
//!   connections have limits in number, size and time, and an address has a share of the connections.
//! - A header counts as the address of a client only when a configured proxy wrote it.
//! - No body is unpacked, and no JSON is read, before it is known to stay within its limits.
//! - A certificate that cannot be used never replaces one that can.

mod address;
mod body;
mod cors;
mod headers;
mod listener;
mod places;
mod serve;
mod stream;
mod tls;
mod within;

pub use address::{ClientAddress, Proxies, ProxyError};
pub use body::{
    BodyError, BodyLimits, Encoding, TooDeep, check_depth, is_json, limited, plain_words,
};
pub use cors::{CorsRules, OriginError, Origins, cors};
pub use headers::{Csp, Harden, Store, harden};
pub use listener::{BindError, Listener, Protocols};
pub use places::{ConnectionLimits, Places, REFUSED_CONNECTIONS};
pub use serve::{ServeOptions, serve};
pub use stream::Stream;
pub use tls::{Certificates, Reloaded, Tls, TlsError};
pub use within::within;

/// Reading PEM files, for services that are clients too.
pub mod pem {
    pub use crate::tls::pem::{authorities, certificates, private_key};
}

/// Reading bodies, for services that do not use [`limited`].
pub mod bodies {
    pub use crate::body::{collect, read, unpack};
}
