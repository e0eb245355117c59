//! The results of whole experiments: from plans and figures to verdicts, and back to what was put in.

mod by_hand;
mod decisions;
mod document;
mod extremes;
mod lab;
mod rates;
