//! Runs all day: threads, and what they do for each other.

pub mod claude;
pub mod runner;
