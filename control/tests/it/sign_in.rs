//! Single sign-on, at a certified provider that is a process of its own.

mod callbacks;
mod connections;
mod desk;
mod ending;
mod people;
mod tenants;

pub(crate) use desk::Desk;
