//! Reads the outside and yields facts. Knows nothing of the ledger.

pub mod agent_meta;
pub mod branch;
mod cost_state;
mod failure;
pub mod folders;
mod glance;
mod happening;
pub mod hooks;
mod lenient;
pub mod lines;
pub mod otlp;
pub mod process;
pub mod project;
pub mod registry;
mod response;
pub mod spool;
pub mod status;
pub mod transcript;
pub mod watch;
