//! The arrows of the data flow, checked against every path in `src` that starts with `crate::`, and who may touch
//! the outside.

use std::fs;
use std::path::{Path, PathBuf};

/// The table of `ARCHITECTURE.md`: a module, and what it may use.
const MAY_USE: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("config", &["pricing"]),
    ("pricing", &["model"]),
    ("source", &["model", "config"]),
    ("collector", &["config", "metrics"]),
    ("ledger", &["model", "pricing"]),
    ("ingest", &["model", "source", "ledger"]),
    ("report", &["model", "pricing", "ledger", "shell"]),
    ("shell", &["model", "config", "source"]),
    ("setup", &["model", "config", "shell"]),
    ("doctor", &["setup", "shell"]),
    ("metrics", &[]),
    ("endpoint", &[]),
];

/// Modules that wire the others together, and may use all.
const WIRING: &[&str] = &["cli", "agent"];

/// What only the wiring may do, as it is written.
const ONLY_WIRING: &[&str] = &[
    "println!",
    "print!",
    "eprintln!",
    "eprint!",
    "stdout()",
    "stderr()",
    "SystemTime::now",
    "Timestamp::now",
    "Zoned::now",
    "env::var",
    "thread::spawn",
    "thread::scope",
];

/// What only the wiring may do, the server, whose deadlines are about clients and not about facts, and collectors, which
/// tell how long a device took.
const ONLY_WIRING_AND_ENDPOINT: &[&str] = &["Instant::now"];

/// What only the ledger may do.
const ONLY_LEDGER: &[&str] = &["rusqlite"];

#[test]
fn modules_only_use_what_lies_upstream() {
    let mut wrong = vec![];
    for (module, allowed) in MAY_USE {
        for line in lines_of(module) {
            for used in used_modules(&line.code) {
                if used != *module && !allowed.contains(&used.as_str()) {
                    wrong.push(format!("{}: {module} may not use {used}", line.place));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_module_has_its_place_in_the_table() {
    let known: Vec<&str> = MAY_USE.iter().map(|(module, _)| *module).chain(WIRING.iter().copied()).collect();
    for entry in sources().iter().flat_map(|source| fs::read_dir(source).unwrap()) {
        let path = entry.unwrap().path();
        let module = path.file_stem().unwrap().to_str().unwrap();
        assert!(known.contains(&module) || matches!(module, "lib" | "main"), "{module} is not in the table");
    }
}

#[test]
fn only_the_wiring_prints_starts_threads_and_asks_the_clock_and_the_environment() {
    let modules = MAY_USE.iter().map(|(module, _)| *module);
    assert_none_has(modules.clone(), ONLY_WIRING, "belongs into cli or agent");
    let modules = modules.filter(|module| !matches!(*module, "endpoint" | "collector"));
    assert_none_has(modules, ONLY_WIRING_AND_ENDPOINT, "belongs into cli, agent, endpoint or collector");
}

#[test]
fn only_the_ledger_speaks_sql() {
    let modules = MAY_USE.iter().map(|(module, _)| *module).chain(WIRING.iter().copied());
    assert_none_has(modules.filter(|module| *module != "ledger"), ONLY_LEDGER, "belongs into ledger");
}

#[test]
fn paths_are_found_however_they_are_written() {
    for (code, used) in [
        ("use crate::model::Tokens;", &["model"][..]),
        ("use crate::{model, pricing::Price};", &["model", "pricing"]),
        ("use crate::{model::{Tokens, Folder}, config};", &["model", "config"]),
        ("let a = crate::config::of(crate::model::B);", &["config", "model"]),
        ("pub(in crate::ledger) const A: i64 = 1;", &["ledger"]),
        ("use std::path::Path;", &[]),
    ] {
        assert_eq!(used_modules(code), used, "{code}");
    }
}

fn assert_none_has<'m>(modules: impl Iterator<Item = &'m str>, words: &[&str], why: &str) {
    let mut wrong = vec![];
    for line in modules.flat_map(lines_of) {
        wrong.extend(
            words
                .iter()
                .filter(|word| has(&line.code, word))
                .map(|word| format!("{}: {word} {why}", line.place)),
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Whether `word` stands in `code` with no longer name around its beginning.
fn has(code: &str, word: &str) -> bool {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(word).any(|(at, _)| !code[..at].ends_with(is_name))
}

/// The modules in the paths of a piece of code.
fn used_modules(code: &str) -> Vec<String> {
    let mut used = vec![];
    for (at, prefix) in code.match_indices("crate::") {
        let rest = &code[at + prefix.len()..];
        match rest.strip_prefix('{') {
            Some(list) => used.extend(top_of_list(list)),
            None => used.push(name(rest)),
        }
    }
    used
}

/// The first names of a list's entries, where lists may stand in lists.
fn top_of_list(list: &str) -> Vec<String> {
    let (mut names, mut depth, mut start) = (vec![], 0, 0);
    for (at, c) in list.char_indices() {
        match c {
            '{' => depth += 1,
            ',' if depth == 0 => {
                names.push(name(&list[start..at]));
                start = at + 1;
            }
            '}' if depth == 0 => {
                names.push(name(&list[start..at]));
                break;
            }
            '}' => depth -= 1,
            _ => {}
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

fn name(path: &str) -> String {
    path.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

/// A statement on its line, or what a list that goes over several of them makes.
struct Line {
    place: String,
    code: String,
}

/// The code of a module and all below it, without comments and tests.
fn lines_of(module: &str) -> Vec<Line> {
    let mut lines = vec![];
    for file in rust_files(module) {
        let text = fs::read_to_string(&file).unwrap();
        let mut open: Option<Line> = None;
        for (n, line) in text.lines().enumerate().take_while(|(_, line)| !line.starts_with("#[cfg(test)]")) {
            let code = line.split("//").next().unwrap().trim();
            let mut whole = open
                .take()
                .unwrap_or(Line { place: format!("{}:{}", file.display(), n + 1), code: String::new() });
            whole.code.push_str(code);
            let is_use = whole.code.starts_with("use ") || whole.code.starts_with("pub use ");
            if is_use && !whole.code.ends_with(';') {
                open = Some(whole);
            } else {
                lines.push(whole);
            }
        }
    }
    lines
}

/// Of both crates.
fn sources() -> [PathBuf; 2] {
    ["app/src", "core/src"].map(|source| Path::new(env!("CARGO_MANIFEST_DIR")).join(source))
}

/// `<module>.rs` and everything below `<module>/`.
fn rust_files(module: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = sources().map(|source| source.join(format!("{module}.rs"))).into();
    let mut stack: Vec<PathBuf> = sources().map(|source| source.join(module)).into();
    while let Some(folder) = stack.pop() {
        let Ok(entries) = fs::read_dir(folder) else { continue };
        for path in entries.map(|entry| entry.unwrap().path()) {
            if path.is_dir() { stack.push(path) } else { files.push(path) }
        }
    }
    files.retain(|path| path.is_file() && path.extension().is_some_and(|extension| extension == "rs"));
    files
}
