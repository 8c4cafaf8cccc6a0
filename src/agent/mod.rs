//! What runs all day: wiring, and besides `cli` the only place that starts threads and asks the clock.

pub mod runner;
