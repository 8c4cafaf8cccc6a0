//! Generated transcripts and their truth, from `bench/gen_transcripts.py` of the shared folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;

use odin::model::{Tokens, fnv1a};
use serde_json::Value;

use crate::compare::{Rows, Sums, whole};
use crate::harness::skip;

pub(crate) const ZONES: [&str; 3] = ["America/New_York", "Asia/Tokyo", "Europe/Berlin"];

/// A Claude config dir, not to be changed, and what it costs.
pub(crate) struct Corpus {
    pub(crate) dir: PathBuf,
    pub(crate) truth: Truth,
}

impl Corpus {
    pub(crate) fn projects(&self) -> PathBuf {
        self.dir.join("projects")
    }
}

/// A `ledger.json`.
pub(crate) struct Truth(Value);

impl Truth {
    pub(crate) fn read(path: &Path) -> Self {
        Self(serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap())
    }

    pub(crate) fn total(&self) -> Sums {
        sums(&self.0["total"])
    }

    /// `kind` as in `by_<kind>`.
    pub(crate) fn by(&self, kind: &str) -> Rows {
        rows(&self.0[&format!("by_{kind}")])
    }

    pub(crate) fn by_local_day(&self, zone: &str) -> Rows {
        rows(&self.0["by_local_day"][zone])
    }

    pub(crate) fn unknown_models(&self) -> Vec<&str> {
        self.0["unknown_models"].as_array().unwrap().iter().map(|model| model.as_str().unwrap()).collect()
    }
}

fn rows(buckets: &Value) -> Rows {
    buckets.as_object().unwrap().iter().map(|(name, bucket)| (name.clone(), sums(bucket))).collect()
}

fn sums(bucket: &Value) -> Sums {
    Sums {
        responses: whole(&bucket["responses"]),
        tokens: Tokens {
            input: whole(&bucket["input"]),
            output: whole(&bucket["output"]),
            cache_read: whole(&bucket["cache_read"]),
            cache_write_5m: whole(&bucket["cache_write_5m"]),
            cache_write_1h: whole(&bucket["cache_write_1h"]),
        },
        web_searches: whole(&bucket["web_search_requests"]),
        cost_picousd: picousd(bucket["cost_usd"].as_str().unwrap()),
    }
}

/// Of dollars with twelve decimals.
fn picousd(text: &str) -> i64 {
    let (dollars, decimals) = text.split_once('.').unwrap();
    assert_eq!(decimals.len(), 12, "{text}");
    format!("{dollars}{decimals}").parse().unwrap()
}

/// The edge profile: a project for each rule. None: it cannot be made here, which has been told.
pub(crate) fn edge() -> Option<Corpus> {
    corpus("edge", &["--profile", "edge"])
}

/// 50 MB, as people use the client.
pub(crate) fn small(seed: u64) -> Option<Corpus> {
    corpus(&format!("50MB-{seed}"), &["--size", "50MB", "--seed", &seed.to_string()])
}

/// 1 GB, to be [`dropped`](discard) after use.
pub(crate) fn large(seed: u64) -> Option<Corpus> {
    corpus(&format!("1GB-{seed}"), &["--size", "1GB", "--seed", &seed.to_string()])
}

/// 5 GB, to be [`dropped`](discard) after use.
pub(crate) fn huge(seed: u64) -> Option<Corpus> {
    corpus(&format!("5GB-{seed}"), &["--size", "5GB", "--seed", &seed.to_string()])
}

/// Gives the space of a corpus back, unless it is to be kept between runs.
pub(crate) fn discard(corpus: &Corpus) {
    if std::env::var_os("ODIN_TEST_CORPORA").is_none() {
        fs::remove_dir_all(&corpus.dir).unwrap();
    }
}

/// Grows a config dir by so many responses; returns the truth about these.
pub(crate) fn append(dir: &Path, responses: u64, seed: u64) -> Option<Truth> {
    let (responses, seed) = (responses.to_string(), seed.to_string());
    generate(&generator()?, dir, &["--append", &responses, "--seed", &seed]);
    Some(Truth::read(&dir.join("ledger-append.json")))
}

/// Made once, and kept: other processes may make or read it at the same time.
fn corpus(name: &str, options: &[&str]) -> Option<Corpus> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let generator = generator()?;
    let cache = match std::env::var_os("ODIN_TEST_CORPORA") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(env!("CARGO_TARGET_TMPDIR")).join("corpora"),
    };
    let dir = cache.join(format!("{name}-{:016x}", version(&generator)));
    if !dir.exists() {
        fs::create_dir_all(&cache).unwrap();
        let scratch = tempfile::tempdir_in(&cache).unwrap();
        let made = scratch.path().join("corpus");
        generate(&generator, &made, options);
        if let Err(error) = fs::rename(&made, &dir) {
            assert!(dir.exists(), "cannot keep {}: {error}", dir.display());
        }
    }
    Some(Corpus { truth: Truth::read(&dir.join("ledger.json")), dir })
}

/// Of the generator and the prices that it goes by: another one makes another corpus.
fn version(generator: &Path) -> i64 {
    let prices = generator.with_file_name("../facts/claude-prices.json");
    fnv1a(&[fs::read(generator).unwrap(), fs::read(prices).unwrap()].concat())
}

fn generate(generator: &Path, dir: &Path, options: &[&str]) {
    let made = Command::new("python3").arg(generator).arg("--out").arg(dir).args(options).output().unwrap();
    assert!(made.status.success(), "{}: {}", generator.display(), String::from_utf8_lossy(&made.stderr));
}

fn generator() -> Option<PathBuf> {
    from_shared("bench/gen_transcripts.py")
}

/// A file of the shared folder, where that is there.
pub(crate) fn shared(name: &str) -> Option<PathBuf> {
    let shared = std::env::var_os("ODIN_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    let path = shared.join(name);
    if !path.is_file() {
        return missing(&format!("no {} (ODIN_SHARED names the shared folder)", path.display()));
    }
    Some(path)
}

/// A Python program of the shared folder, where both are there.
pub(crate) fn from_shared(name: &str) -> Option<PathBuf> {
    let program = shared(name)?;
    let python =
        Command::new("python3").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if !python.is_ok_and(|status| status.success()) {
        return missing("no python3");
    }
    Some(program)
}

fn missing<T>(what: &str) -> Option<T> {
    skip(what);
    None
}
