//! `odin up --demo`: the report of a small bundled sample, from a ledger that is thrown away.
//!
//! Four transcripts of one project: a session with its subagent, another one, which was interrupted, and a fork of that,
//! whose copied lines must not count twice. Prompts and what tools put out were left out.

use std::fs;

use anyhow::Context;

use super::{End, ingest, print, say, up};
use crate::config::Config;
use crate::ledger::Ledger;

const FOLDER: &str = ".claude/projects/-home-dev-shop";
const FILES: [(&str, &str); 5] = [
    ("6513270e-269e-4d37-a2a7-4de452e6b438.jsonl", include_str!("demo/main.jsonl")),
    (
        "6513270e-269e-4d37-a2a7-4de452e6b438/subagents/agent-a5f0c1d2e3b4a5968.jsonl",
        include_str!("demo/agent.jsonl"),
    ),
    (
        "6513270e-269e-4d37-a2a7-4de452e6b438/subagents/agent-a5f0c1d2e3b4a5968.meta.json",
        include_str!("demo/agent.meta.json"),
    ),
    ("d23f0824-128b-4f33-ac5c-7fd0a6a3a450.jsonl", include_str!("demo/checkout.jsonl")),
    ("9531985d-5d9d-49f8-a818-e811892f902b.jsonl", include_str!("demo/fork.jsonl")),
];

pub(super) fn run(config: &Config) -> anyhow::Result<End> {
    let scratch = tempfile::tempdir().context("cannot create a temporary folder")?;
    for (name, text) in FILES {
        let path = scratch.path().join(FOLDER).join(name);
        let folder = path.parent().context("a transcript lies in a folder")?;
        fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    let config = Config {
        state_dir: scratch.path().join("state"),
        claude_dirs: vec![scratch.path().join(".claude")],
        ..config.clone()
    };
    let mut ledger = Ledger::open(&config.ledger_path())?;
    let outcome = ingest::all(&mut ledger, &config, &mut ())?;
    say(&ingest::summary(&outcome));
    for options in [&["--last", "all"][..], &["--last", "all", "--by", "branch,model"]] {
        print(&format!("\nodin cost report {}\n", options.join(" ")))?;
        up::show(&ledger, &config, options)?;
    }
    say("\nThis was a sample; `odin up` shows your own.");
    Ok(End::Done)
}
