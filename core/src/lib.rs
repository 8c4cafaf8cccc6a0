//! From what Claude Code writes to a ledger of API responses: facts, prices, sources, and the only SQL.
//!
//! A crate of its own so that it can be built for speed and all else for size.

pub mod config;
pub mod ingest;
pub mod ledger;
pub mod model;
pub mod pricing;
pub mod source;
