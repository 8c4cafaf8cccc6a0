//! Reads the outside and yields facts. Knows nothing of the ledger.

pub mod agent_meta;
pub mod branch;
mod failure;
pub mod folders;
mod glance;
mod happening;
mod lenient;
pub mod lines;
pub mod process;
pub mod project;
pub mod registry;
mod response;
pub mod spool;
pub mod status;
pub mod transcript;
pub mod watch;
