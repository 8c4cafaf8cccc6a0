//! What a process is, from the name of its program.
//!
//! A script's own name stands in `comm`, and what runs it is the file behind `exe`; Node.js names its main thread.

use crate::model::process::ProcessKind;

/// Names without version, and with what they may be prefixed by: `x86_64-linux-gnu-gcc-12` is `gcc`.
const NAMES: &[(ProcessKind, &[&str])] = &[
    (ProcessKind::Claude, &["claude", "claude.exe"]),
    (
        ProcessKind::Lsp,
        &[
            "bash-language-server",
            "clangd",
            "csharp-ls",
            "gopls",
            "haskell-language-server",
            "intelephense",
            "jdtls",
            "kotlin-language-server",
            "lua-language-server",
            "marksman",
            "metals",
            "omnisharp",
            "pylsp",
            "pyright-langserver",
            "rust-analyzer",
            "solargraph",
            "sourcekit-lsp",
            "taplo",
            "terraform-ls",
            "typescript-language-server",
            "vtsls",
            "yaml-language-server",
            "zls",
        ],
    ),
    (
        ProcessKind::Browser,
        &[
            "brave",
            "chrome",
            "chrome-headless-shell",
            "chromedriver",
            "chromium",
            "chromium-browser",
            "firefox",
            "firefox-esr",
            "geckodriver",
            "google-chrome",
            "headless_shell",
            "microsoft-edge",
            "msedge",
            "webkitwebprocess",
        ],
    ),
    (ProcessKind::Vcs, &["git", "git-lfs", "gh", "glab", "hg", "jj", "svn"]),
    (
        ProcessKind::Compiler,
        &[
            "ar", "as", "bazel", "c++", "cargo", "cc", "cc1", "cc1plus", "clang", "clang++", "cmake",
            "collect2", "compile", "dotnet", "esbuild", "g++", "gcc", "ghc", "go", "gradle", "javac",
            "kotlinc", "ld", "ld.bfd", "ld.gold", "ld.lld", "link", "lld", "lto1", "make", "meson", "mold",
            "mvn", "ninja", "nvcc", "rustc", "rustdoc", "sccache", "swc", "swiftc", "tsc", "zig",
        ],
    ),
    (
        ProcessKind::Shell,
        &["ash", "bash", "busybox", "csh", "dash", "fish", "ksh", "mksh", "nu", "pwsh", "sh", "tcsh", "zsh"],
    ),
    (ProcessKind::Python, &["ipython", "pip", "pypy", "pytest", "python", "uv", "uvx"]),
    (
        ProcessKind::Node,
        &[
            "bun",
            "bunx",
            "deno",
            "mainthread",
            "node",
            "node-mainthread",
            "nodejs",
            "npm",
            "npx",
            "pnpm",
            "yarn",
        ],
    ),
];

/// What `name` (as in `comm`) and the file name of the program say; the name first, for it is nearer to a person's.
pub(super) fn of(name: &str, program: Option<&str>) -> ProcessKind {
    by_name(name).or_else(|| by_name(program?)).unwrap_or(ProcessKind::Other)
}

/// The name to keep: `comm` up to the first blank, because some programs put arguments into it, and at its full
/// length where `comm` was too short for it.
pub(super) fn display(name: &str, program: Option<&str>) -> String {
    let word = name.split_whitespace().next().unwrap_or_default().trim_end_matches(':');
    let whole = program.filter(|program| name.len() == 15 && program.starts_with(name)).unwrap_or(word);
    whole.chars().filter(|c| !c.is_control()).collect()
}

/// What processes of a command have in common: its name up to the first blank, without a version.
pub fn group(name: &str) -> &str {
    let word = name.split_whitespace().next().unwrap_or_default().trim_end_matches(':');
    Some(unversioned(word)).filter(|name| !name.is_empty()).unwrap_or(word)
}

fn unversioned(name: &str) -> &str {
    name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.' || c == '-')
}

fn by_name(name: &str) -> Option<ProcessKind> {
    let name = name.split_whitespace().next()?.to_ascii_lowercase();
    let find = |name: &str| NAMES.iter().find(|(_, names)| names.contains(&name)).map(|(kind, _)| *kind);
    let unversioned = unversioned(&name);
    let unprefixed = unversioned.rsplit_once("-gnu-").or_else(|| unversioned.rsplit_once("-musl-"));
    let is_git = name.starts_with("git-");
    find(&name)
        .or_else(|| find(unversioned))
        .or_else(|| find(unprefixed?.1))
        .or(is_git.then_some(ProcessKind::Vcs))
        .or_else(|| cut_short(&name))
}

/// `comm` has the first 15 bytes of longer names.
fn cut_short(name: &str) -> Option<ProcessKind> {
    let is_beginning = |whole: &&str| name.len() == 15 && whole.starts_with(name);
    NAMES.iter().find(|(_, names)| names.iter().any(is_beginning)).map(|(kind, _)| *kind)
}

#[cfg(test)]
mod tests {
    use super::{display, group, of};
    use crate::model::process::ProcessKind::{
        Browser, Claude, Compiler, Lsp, Node, Other, Python, Shell, Vcs,
    };

    #[test]
    fn a_process_is_what_its_name_says_else_what_runs_it() {
        let cases = [
            ("claude", Some("claude.exe"), Claude),
            ("claude.exe", None, Claude),
            ("bash", Some("bash"), Shell),
            ("sh", Some("dash"), Shell),
            ("configure", Some("dash"), Shell),
            ("node-MainThread", Some("node"), Node),
            ("npm exec secret", Some("node"), Node),
            ("next-server (v1", Some("node"), Node),
            ("vite", Some("node"), Node),
            ("python3", Some("python3.11"), Python),
            ("manage.py", Some("python3.11"), Python),
            ("git-remote-http", Some("git-remote-http"), Vcs),
            ("git", Some("git"), Vcs),
            ("x86_64-linux-gn", Some("x86_64-linux-gnu-gcc-12"), Compiler),
            ("clang-18", None, Compiler),
            ("cc1plus", None, Compiler),
            ("rustc", Some("rustc"), Compiler),
            ("rust-analyzer-p", Some("rust-analyzer-proc-macro-srv"), Other),
            ("typescript-lang", None, Lsp),
            ("rust-analyzer", Some("rust-analyzer"), Lsp),
            ("chrome", Some("chrome"), Browser),
            ("tail", Some("tail"), Other),
            ("tail", None, Other),
            ("", None, Other),
        ];
        for (name, program, kind) in cases {
            assert_eq!(of(name, program), kind, "{name:?} {program:?}");
        }
    }

    #[test]
    fn a_group_is_a_command_in_all_its_versions() {
        for (name, expected) in [
            ("python3.11", "python"),
            ("tmux: server", "tmux"),
            ("npm run a", "npm"),
            ("7z", "7z"),
            ("42", "42"),
        ] {
            assert_eq!(group(name), expected);
        }
    }

    #[test]
    fn what_may_be_an_argument_is_not_kept() {
        let cases = [
            ("npm run secret", Some("node"), "npm"),
            ("tmux: server", Some("tmux"), "tmux"),
            ("x86_64-linux-gn", Some("x86_64-linux-gnu-gcc-12"), "x86_64-linux-gnu-gcc-12"),
            ("fifteen-bytes-x", Some("node"), "fifteen-bytes-x"),
            ("a\u{1b}[31m", None, "a[31m"),
        ];
        for (name, program, kept) in cases {
            assert_eq!(display(name, program), kept, "{name:?}");
        }
    }
}
