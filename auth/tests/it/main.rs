//! Who may do what: the table of roles, random policies against plain sets, and changes under load.

mod grants;
mod naive;
mod property;
mod roles;
mod swap;
mod world;
