//! What Claude Code costs: transcripts, read once, become a ledger of API responses that reports are read from.
//!
//! ```text
//! source ─► ingest ─► ledger ─┬─► report  ─► cli
//!                   collector ┴─► metrics ─► agent
//! ```
//!
//! `ARCHITECTURE.md` has the picture, and the rules that `tests/it/layers.rs` checks.

pub mod agent;
pub mod cli;
pub mod collector;
pub mod doctor;
pub mod endpoint;
pub mod metrics;
pub mod report;
pub mod setup;
pub mod shell;

pub use odin_core::{config, ingest, ledger, model, pricing, source};
