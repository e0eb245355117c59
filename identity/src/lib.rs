//! The people of the platform: names, e-mails, passwords, sessions and how they sign in.
//!
//! The log knows people by their id alone. What is said about them, and everything that lets them in, is in the schema
//! `identity` of PostgreSQL, and nobody but this crate reads or writes it. [`People`] is where to begin: accounts,
//! signing in, sessions, resets, invitations, erasure. [`Revocations`] is what a service keeps in memory to refuse the
//! access tokens of a closed session at once, and [`Mailer`] sends what people get by mail.
//!
//! Architecture Invariant: an e-mail, a name or an address is in PostgreSQL and nowhere else. No error of this crate
//! has one in its text or in its causes, and none is logged.
//!
//! Architecture Invariant: a secret that lets somebody in is stored as a hash, and what a caller gets of it is a
//! [`SecretString`](secrecy::SecretString). Whether an e-mail is known cannot be told from an answer or from its time.
//!
//! Architecture Invariant: time comes in as `now`. Only the two loops read a clock, [`revocations::follow`] and [`sweep_hourly`].

mod email;
mod erase;
mod error;
mod invitations;
mod lockouts;
pub mod mail;
pub mod oidc;
mod password_rules;
mod passwords;
mod people;
mod redacted;
pub mod revocations;
mod secret;
mod sessions;
mod sign_in;
mod sweep;

pub use error::{DatabaseError, IdentityError};
pub use invitations::{Accept, AcceptError, Accepted, Invitation, Invited, Look, NewInvitation};
pub use mail::{MailError, Mailer};
pub use password_rules::{BadPassword, LONGEST_PASSWORD, SHORTEST_PASSWORD};
pub use passwords::{ChangeError, ResetError, ResetToken};
pub use people::{People, PeopleOptions, Person};
pub use revocations::{Revocation, Revocations};
pub use sessions::{OpenError, Opened, Origin, RefreshError, Refreshed, Session};
pub use sign_in::SignInError;
pub use sweep::sweep_hourly;
