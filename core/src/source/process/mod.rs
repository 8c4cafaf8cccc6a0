//! The process tree of every live session, from `/proc`.
//!
//! One look is one pass: [`procfs`] lists processes, with one file of each ([`stat`]); [`trees`] decides from that, and
//! from the client's registry, which session each belongs to; only of those are the dearer files read. What a process
//! used is charged to its session once, by [`account`], however it ends.

pub mod account;
pub mod kind;
pub mod procfs;
pub mod stat;
pub mod trees;
