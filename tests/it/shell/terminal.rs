//! A shell on a pseudo-terminal of its own, in a home of its own.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::{lchown, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use odin::model::{Launch, Shell};
use odin::source::spool::parse;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use rustix::pty::{OpenptFlags, ioctl_tiocgptpeer, openpt, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use tempfile::TempDir;

/// What is waited for comes at once, or something is wrong.
const PATIENCE: Duration = Duration::from_secs(30);

/// Stands in for claude. Homes have a link to it: what is written while another thread forks may not be run at once.
const CLAUDE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/shell/claude");

pub(super) const CTRL_C: &str = "\u{3}";
pub(super) const CTRL_Z: &str = "\u{1a}";

/// Someone who is not root, to whom the modes of files mean something.
pub(super) const NOBODY: u32 = 65534;

/// How a shell is to be started.
pub(super) struct Setup {
    shell: Shell,
    home: TempDir,
    before: String,
    after: String,
    variables: Vec<(String, String)>,
    /// In front of the shell's own words.
    command: Vec<String>,
    is_hooked: bool,
    is_nobody: bool,
}

impl Setup {
    pub(super) fn new(shell: Shell) -> Self {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(home.path().join("bin")).unwrap();
        // Without it the first fish of a home sets out to read all manual pages.
        fs::create_dir_all(home.path().join(".local/share/fish/generated_completions")).unwrap();
        symlink(CLAUDE, home.path().join("bin/claude")).unwrap();
        mknodat(CWD, home.path().join("go"), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        Self {
            shell,
            home,
            before: String::new(),
            after: String::new(),
            variables: vec![],
            command: vec![],
            is_hooked: true,
            is_nobody: false,
        }
    }

    /// Lines of the rc file, before the hook is sourced.
    pub(super) fn before(mut self, lines: &str) -> Self {
        self.before += lines;
        self.before.push('\n');
        self
    }

    /// And after.
    pub(super) fn after(mut self, lines: &str) -> Self {
        self.after += lines;
        self.after.push('\n');
        self
    }

    pub(super) fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.into(), value.into()));
        self
    }

    pub(super) fn under(mut self, command: &[&str]) -> Self {
        self.command = command.iter().copied().map(Into::into).collect();
        self
    }

    pub(super) fn without_hook(mut self) -> Self {
        self.is_hooked = false;
        self
    }

    pub(super) fn by_nobody(mut self) -> Self {
        self.is_nobody = true;
        self
    }

    /// What claude is, in place of the stand-in.
    pub(super) fn with_claude(self, program: &Path) -> Self {
        let link = self.home().join("bin/claude");
        fs::remove_file(&link).unwrap();
        symlink(program, link).unwrap();
        self
    }

    pub(super) fn home(&self) -> &Path {
        self.home.path()
    }

    /// Starts the shell, and waits until it can be typed at.
    pub(super) fn start(self) -> Terminal {
        self.write_rc();
        let is_nobody = self.is_nobody && rustix::process::geteuid().is_root();
        if is_nobody {
            give_away(self.home());
        }
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        unlockpt(&master).unwrap();
        // Wide enough that nothing typed wraps.
        tcsetwinsize(&master, Winsize { ws_row: 50, ws_col: 500, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
        let end = ioctl_tiocgptpeer(&master, OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)
            .unwrap();
        // The shell owns the terminal, or Ctrl-C and job control would do nothing.
        let mut command = Command::new("setsid");
        command
            .arg("--ctty")
            .args(&self.command)
            .args([self.shell.name(), "-i"])
            .env_clear()
            .env("HOME", self.home())
            .env("PATH", path(self.home()))
            .env("TERM", "dumb")
            .env("LC_ALL", "C.UTF-8")
            .env("TZ", "UTC")
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .current_dir(self.home())
            .stdin(Stdio::from(end.try_clone().unwrap()))
            .stdout(Stdio::from(end.try_clone().unwrap()))
            .stderr(Stdio::from(end));
        if is_nobody {
            command.uid(NOBODY).gid(NOBODY);
        }
        let child = command.spawn().unwrap();
        drop(command);
        let mut terminal = Terminal {
            shell: self.shell,
            home: self.home,
            master: Some(master.into()),
            child,
            seen: String::new(),
            greeting: String::new(),
        };
        terminal.greeting = terminal.prompt();
        terminal
    }

    /// The rc file ends with a mark that is printed at every prompt, behind all other hooks.
    fn write_rc(&self) {
        let path = self.home().join(match self.shell {
            Shell::Bash => ".bashrc",
            Shell::Zsh => ".zshrc",
            Shell::Fish => ".config/fish/config.fish",
        });
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let (calm, mark) = match self.shell {
            Shell::Bash => (
                "PS1='=> '\nHISTFILE=~/history",
                "__mark() { \\builtin echo \"<P $?>\"; }\nPROMPT_COMMAND+=(__mark)",
            ),
            Shell::Zsh => (
                "PROMPT='=> '\nunsetopt prompt_sp\nHISTFILE=~/history",
                "__mark() { \\builtin echo \"<P $?>\"; }\nprecmd_functions+=(__mark)",
            ),
            Shell::Fish => (
                "set -g fish_greeting\nfunction fish_prompt; echo -n '=> '; end",
                "function __mark --on-event fish_prompt; echo \"<P $status>\"; end",
            ),
        };
        let hook =
            if self.is_hooked { format!("source {}", hook(self.shell).display()) } else { String::new() };
        let lines = [calm, &self.before, &hook, &self.after, mark].join("\n");
        fs::write(path, lines + "\n").unwrap();
    }
}

/// Makes nobody the owner of a path and of what is below it.
pub(super) fn give_away(path: &Path) {
    lchown(path, Some(NOBODY), Some(NOBODY)).unwrap();
    for entry in path.read_dir().into_iter().flatten() {
        give_away(&entry.unwrap().path());
    }
}

/// The hook as it lies in the repository.
pub(super) fn hook(shell: Shell) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("shell").join(format!("odin.{}", shell.name()))
}

pub(super) fn hook_text(shell: Shell) -> String {
    fs::read_to_string(hook(shell)).unwrap()
}

/// The stand-in comes first.
pub(super) fn path(home: &Path) -> String {
    format!("{}/bin:{}", home.display(), std::env::var("PATH").unwrap())
}

/// What a person sees and types.
pub(super) struct Terminal {
    pub(super) shell: Shell,
    home: TempDir,
    master: Option<File>,
    child: Child,
    /// Printed, and not looked at yet.
    seen: String,
    /// Printed before the first prompt.
    pub(super) greeting: String,
}

impl Terminal {
    pub(super) fn home(&self) -> &Path {
        self.home.path()
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(super) fn send(&mut self, keys: &str) {
        self.master.as_mut().unwrap().write_all(keys.as_bytes()).unwrap();
    }

    /// Types a line, and returns what is printed until the next prompt, the line itself included.
    #[track_caller]
    pub(super) fn run(&mut self, line: &str) -> String {
        self.send(&format!("{line}\r"));
        self.prompt()
    }

    /// The status of the last line, as the user sees it.
    #[track_caller]
    pub(super) fn status(&mut self) -> u8 {
        let variable = if self.shell == Shell::Fish { "$status" } else { "$?" };
        let printed = self.run(&format!("echo is={variable}="));
        let status = printed.rsplit("is=").next().unwrap().split('=').next().unwrap();
        status.parse().unwrap_or_else(|_| panic!("no status in {printed:?}"))
    }

    /// Starts claude with words that make it wait, and returns its pid once it does.
    #[track_caller]
    pub(super) fn run_until_it_waits(&mut self, line: &str) -> u32 {
        self.send(&format!("{line}\r"));
        self.running()
    }

    #[track_caller]
    pub(super) fn running(&mut self) -> u32 {
        self.until("<run ");
        self.until(">").trim_end_matches('>').parse().unwrap()
    }

    /// Lets a claude that waits go on.
    pub(super) fn let_go(&self) {
        File::options().write(true).open(self.home().join("go")).unwrap().write_all(b"\n").unwrap();
    }

    /// What is printed until the next prompt. Behind the mark the shell takes the terminal over, and shows that it has.
    #[track_caller]
    pub(super) fn prompt(&mut self) -> String {
        let printed = self.until("<P ");
        self.until("=> ");
        printed.strip_suffix("<P ").unwrap().into()
    }

    /// What is printed up to some text, and that.
    #[track_caller]
    pub(super) fn until(&mut self, wanted: &str) -> String {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(at) = self.seen.find(wanted) {
                let rest = self.seen.split_off(at + wanted.len());
                return std::mem::replace(&mut self.seen, rest);
            }
            let left = end.saturating_duration_since(Instant::now());
            assert!(self.read(left), "no {wanted:?} in {:?}", self.seen);
        }
    }

    /// Reads what there is; false if nothing comes any more.
    fn read(&mut self, patience: Duration) -> bool {
        let master = self.master.as_mut().unwrap();
        let mut ready = [PollFd::new(master, PollFlags::IN)];
        let patience = Timespec::try_from(patience).unwrap();
        if poll(&mut ready, Some(&patience)).unwrap() == 0 {
            return false;
        }
        let mut buffer = [0; 4096];
        // A terminal that nobody has open any more fails to be read.
        let Ok(count @ 1..) = master.read(&mut buffer) else { return false };
        self.seen.push_str(&String::from_utf8_lossy(&buffer[..count]));
        true
    }

    /// Waits until the shell ends, and returns all that was printed meanwhile.
    pub(super) fn end(&mut self) -> String {
        while self.read(PATIENCE) {}
        self.child.wait().unwrap();
        std::mem::take(&mut self.seen)
    }

    /// Closes the terminal, as a window is closed, and waits until the shell ends.
    pub(super) fn close(&mut self) {
        drop(self.master.take());
        self.child.wait().unwrap();
    }

    pub(super) fn spool(&self) -> PathBuf {
        self.home().join(".local/state/odin/spool")
    }

    /// All that was noted.
    #[track_caller]
    pub(super) fn launches(&self) -> Vec<Launch> {
        launches(&self.spool())
    }

    /// The one launch that was noted since the last look.
    #[track_caller]
    pub(super) fn launch(&mut self) -> Launch {
        let mut launches = self.take_launches();
        assert_eq!(launches.len(), 1, "{launches:?}");
        launches.remove(0)
    }

    #[track_caller]
    pub(super) fn take_launches(&mut self) -> Vec<Launch> {
        let launches = self.launches();
        for entry in self.spool().read_dir().into_iter().flatten() {
            fs::remove_file(entry.unwrap().path()).unwrap();
        }
        launches
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // Closing the terminal ends what still runs in it; what has ended already cannot be killed.
        drop(self.master.take());
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// The lines of a spool, each whole.
#[track_caller]
pub(super) fn launches(spool: &Path) -> Vec<Launch> {
    let mut launches = vec![];
    for entry in spool.read_dir().into_iter().flatten() {
        let bytes = fs::read(entry.unwrap().path()).unwrap();
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            let launch = line.strip_suffix(b"\n").and_then(|line| parse(line).ok());
            launches.push(launch.unwrap_or_else(|| panic!("malformed: {:?}", String::from_utf8_lossy(line))));
        }
    }
    launches
}

/// Without the sequences by which shells paint: `ESC [ … letter`, `ESC ] … BEL` and `ESC` with one character.
pub(super) fn plain(printed: &str) -> String {
    let mut parts = printed.split('\u{1b}');
    let mut text: String = parts.next().unwrap().into();
    for part in parts {
        let end = match part.chars().next() {
            Some('[') => part.find(|c: char| c.is_ascii_alphabetic() || c == '~'),
            Some(']') => part.find('\u{7}'),
            _ => Some(0),
        };
        text += end.and_then(|end| part.get(end + 1..)).unwrap_or_default();
    }
    text
}
