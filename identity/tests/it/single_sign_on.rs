//! Single sign-on at a certified provider, and at one that lies.

mod callbacks;
mod connections;
mod forged_tokens;
mod hostile;
mod keys;
mod outages;
mod people;
mod real_provider;
mod sealing;
mod tls;
mod world;
