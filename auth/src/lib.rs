//! Who is asking, what they may do, and the secrets that prove it.
//!
//! Every route and every command of the platform passes through two questions. *Who are you?* is
//! answered by [`keys`] (SDK keys and API tokens), [`passwords`] and [`tokens`] (what a login hands
//! out), and ends in a [`Principal`]; [`lockout`] slows down those who guess. *May you?* is answered
//! by an [`Authorizer`] from the roles of [`access`], and ends in a [`Grant`], which cannot be made
//! in any other way: code that demands a `Grant` cannot be reached without authorisation.
//!
//! Architecture Invariant: this crate does no I/O and reads no clock. Time and randomness come in as
//! arguments, so every check can be tested at the second it changes its answer. The two exceptions
//! are the salt that bcrypt draws itself, and the blocking threads of [`PasswordService`].
//!
//! Architecture Invariant: no secret can be printed. Keys, passwords and the signing secret are kept
//! in types whose `Debug` is redacted, and no error carries what it refused.

pub mod access;
mod authorize;
pub mod keys;
pub mod lockout;
pub mod passwords;
mod permission;
mod principal;
mod system;
pub mod tokens;

pub use access::{
    Access, Assignment, BadRoleKey, BuiltInRole, CasbinAuthorizer, Enforcer, Gift,
    OrganizationPolicy, Place, RoleKey, RoleName,
};
pub use authorize::{Authorizer, Denied, Grant, Scope};
pub use keys::{KeyError, KeyHash, KeyKind, KeyPrefix, NewKey, ParsedKey, PlainKey};
pub use lockout::{LockedOut, Lockout, LockoutPolicy};
pub use passwords::{Cost, PasswordError, PasswordHash, PasswordService};
pub use permission::{Permission, UnknownPermission, right};
pub use principal::{Member, Principal, PrincipalKind, TokenRole, TokenScope};
pub use system::SystemAuthorizer;
pub use tokens::{
    AccessClaims, IssuedToken, SessionOf, TokenError, TokenKey, TokenKeyError, TokenKeys,
    TokenService,
};
