//! Reads the outside and yields facts. Knows nothing of the ledger.

pub mod folders;
mod lenient;
pub mod lines;
pub mod project;
pub mod transcript;
