//! Single sign-on: people of an organization come in through its own identity provider (OpenID Connect).
//!
//! An organization keeps [`Connection`]s to providers. [`SingleSignOn::begin`] sends a browser to one
//! (authorization code with PKCE), [`SingleSignOn::finish`] takes it back and ends in an [`External`], somebody the
//! provider has vouched for, and [`SingleSignOn::resolve`] says who that is here.
//!
//! What the provider says is believed about its own people and nothing else: an [`External`] belongs to the
//! organization of the connection, and so must the session that is opened for them. An organization runs its
//! provider, so it could claim anybody's e-mail.
//!
//! Architecture Invariant: a login is bound to the browser that began it, to one connection as it was then, and to an
//! address that this connection alone comes back to, and can be finished once. The address of its own keeps a hostile
//! provider of one organization from having a code of another one's provider redeemed.
//!
//! Architecture Invariant: what a provider answers is never part of an error, but for error codes and names of fields.
//! It may hold tokens and names of people.
//!
//! Not defended: a provider, or who runs it, may sign in as any of its own people; a public address of somebody
//! else may be asked for a discovery document by who may edit connections; one who can read the memory of the
//! process has all secrets.

mod begin;
mod claims;
mod connection;
mod connections;
mod finish;
mod id_token;
mod network;
mod outbound;
mod people;
mod provider;
mod providers;
mod reseal;
mod seal;

use secrecy::SecretString;
use sqlx::PgPool;

pub use begin::{BeginError, Begun};
pub use claims::External;
pub use connection::{BadConnection, Connection, ConnectionDraft, GroupRoles};
pub use connections::ConnectionError;
pub use finish::{Callback, FinishError};
pub use id_token::IdTokenError;
pub use network::{AddressError, Reach};
pub use outbound::{Outbound, OutboundError, OutboundOptions, OutboundSetupError};
pub use people::{ResolveError, Resolved};
pub use provider::ProviderError;
pub use reseal::Resealed;
pub use seal::{SealError, WeakSealingKey};

use providers::Providers;
use seal::Sealer;

/// Everything about single sign-on; cheap to clone.
#[derive(Debug, Clone)]
pub struct SingleSignOn {
    pool: PgPool,
    sealer: Sealer,
    outbound: Outbound,
    providers: Providers,
}

impl SingleSignOn {
    /// Over this database. A key derived from `sealing_key` seals the client secrets that are stored; with another
    /// one they have to be entered again.
    ///
    /// # Errors
    /// [`WeakSealingKey`] below 32 bytes.
    pub fn new(
        pool: PgPool,
        sealing_key: &SecretString,
        outbound: Outbound,
    ) -> Result<Self, WeakSealingKey> {
        let sealer = Sealer::new(sealing_key)?;
        Ok(Self { pool, sealer, providers: Providers::new(outbound.clone()), outbound })
    }

    /// Also opens what this key has sealed, and seals nothing with it: for as long as it takes to replace one key by
    /// another. [`SingleSignOn::reseal`] ends that.
    ///
    /// # Errors
    /// [`WeakSealingKey`] below 32 bytes.
    pub fn and_previous(self, sealing_key: &SecretString) -> Result<Self, WeakSealingKey> {
        Ok(Self { sealer: self.sealer.and_previous(sealing_key)?, ..self })
    }
}
