//! ODIN as its users meet it: the built binary over transcripts whose true cost is known.
//!
//! | variable | |
//! |---|---|
//! | `ODIN_SHARED` | folder with the corpus generator and the mock service; default `../shared` |
//! | `ODIN_TEST_STRICT=1` | what cannot be tested here fails instead of being skipped |
//! | `ODIN_TEST_CORPORA` | folder in which generated corpora are kept between runs |
//! | `ODIN_TEST_BIN` | the binary to test; default the one just built |
//! | `ODIN_TEST_LARGE=1` | also corpora of 1 GB |
//! | `ODIN_TEST_HUGE=1` | also a corpus of 5 GB |
//! | `ODIN_TEST_KILLS` | how often to kill an ingest; default 200 |
//! | `ODIN_TEST_PROMETHEUS=1` | let Prometheus scrape the agent for 5 minutes instead of 20 s |
//! | `ODIN_TEST_REAL_CLIENT=1` | also the real client; `ODIN_TEST_CLIENT` is its path |

#![allow(clippy::unwrap_used)]

mod agent;
mod agent_life;
mod budgets;
mod cli;
mod compare;
mod confined;
mod corpora;
mod corpus;
mod cost_state;
mod damage;
mod dead_mount;
mod doctor;
mod durability;
mod edge;
mod endpoint;
mod harness;
mod hook;
mod launches;
mod layers;
mod life;
mod merge;
mod metrics;
mod network;
mod node_exporter;
mod node_fixtures;
mod node_random;
mod otlp;
mod power;
mod prices;
mod processes;
mod prometheus;
mod random;
mod real_client;
mod sessions;
mod setup;
mod shell;
mod statusline;
mod systemd;
mod top;
mod trees;
