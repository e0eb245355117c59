//! Who may do what: the table of roles, random policies against plain sets, and changes under load. And which access
//! tokens are refused.

mod forged;
mod gifts;
mod giving;
mod grants;
mod lazy;
mod naive;
mod property;
mod roles;
mod scanner;
mod session;
mod swap;
mod world;
