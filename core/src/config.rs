//! Where things are, and what the user chose: flag beats environment beats file, and everything has a default.
//!
//! State: `$ODIN_STATE_DIR`, else `$XDG_STATE_HOME/odin`, else `~/.local/state/odin`. The file: `$ODIN_CONFIG`, else
//! `$XDG_CONFIG_HOME/odin/config.toml`. Claude config dirs: `$CLAUDE_CONFIG_DIR` (a comma list), else those of
//! `~/.claude` and `$XDG_CONFIG_HOME/claude` that exist.

pub mod network;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use glob::Pattern;
use jiff::civil::Weekday;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use toml::Spanned;

use crate::pricing::overlay::{Origin, Overlay};
use network::Network;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("no home directory: set HOME, or ODIN_STATE_DIR and CLAUDE_CONFIG_DIR")]
    NoHome,
    #[error("cannot read {}", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{} is not a configuration odin understands", path.display())]
    Parse { path: PathBuf, source: toml::de::Error },
    #[error("{name} names no Claude config dir that exists: {value}")]
    NoSuchDir { name: &'static str, value: String },
}

/// All of it, settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    pub state_dir: PathBuf,
    /// Each holds a `projects/` folder, or may one day.
    pub claude_dirs: Vec<PathBuf>,
    /// IANA name; none: the system's.
    pub timezone: Option<String>,
    pub backups: Backups,
    /// The user's own prices.
    pub prices: Overlay,
    /// The first day of weeks.
    pub week_starts: Weekday,
    pub projects: Projects,
    /// Which collectors run, by name, where that is not left to odin.
    pub collectors: BTreeMap<String, bool>,
    /// Whether families are told that `node_exporter` has, too, under its names.
    pub tells_node: bool,
    pub statusline: Statusline,
    pub network: Network,
}

/// What the status line shows, where that is not left to odin.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Statusline {
    /// Names of parts, in their order.
    pub parts: Option<Vec<String>>,
    /// Between parts.
    pub separator: Option<String>,
}

/// Where the kernel's file systems are mounted; elsewhere than usual in a container, and in tests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roots {
    pub proc: PathBuf,
    pub sys: PathBuf,
    /// The root file system.
    pub root: PathBuf,
}

impl Default for Roots {
    fn default() -> Self {
        Self { proc: "/proc".into(), sys: "/sys".into(), root: "/".into() }
    }
}

/// How many automatic backups are kept.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Backups {
    /// The newest, one a day.
    pub daily: usize,
    /// Behind them the newest of each week.
    pub weekly: usize,
}

impl Default for Backups {
    fn default() -> Self {
        Self { daily: 7, weekly: 4 }
    }
}

/// What the user calls projects; `~` stands for the home no more.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Projects {
    /// Path and alias.
    pub aliases: Vec<(String, String)>,
    /// Name, and patterns of paths; in the order of the file.
    pub groups: Vec<(String, Vec<String>)>,
}

/// The file.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct File {
    timezone: Option<String>,
    #[serde(deserialize_with = "of_file")]
    week_starts: Option<Weekday>,
    claude: Claude,
    backups: Backups,
    prices: Overlay,
    projects: ProjectTables,
    collectors: BTreeMap<String, bool>,
    compat: Compat,
    statusline: Statusline,
    network: Network,
}

#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Compat {
    node: bool,
}

impl Default for Compat {
    fn default() -> Self {
        Self { node: true }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Claude {
    config_dirs: Vec<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct ProjectTables {
    alias: BTreeMap<String, String>,
    /// Where they stand tells their order.
    groups: BTreeMap<String, Spanned<Vec<String>>>,
}

/// A variable of the environment by name; empty counts as unset.
pub type Lookup<'a> = &'a dyn Fn(&str) -> Option<OsString>;

impl Config {
    /// Reads the environment through `variable`, and the file it leads to.
    pub fn load(variable: Lookup) -> Result<Self, Error> {
        let set = |name: &str| set(variable, name);
        let home = home_dir(variable);
        let config_home = base_dir(variable, "XDG_CONFIG_HOME", ".config");

        let mut file = match (set("ODIN_CONFIG").map(PathBuf::from), &config_home) {
            (Some(path), _) => read(&path)?.ok_or_else(|| missing(&path))?,
            (None, Some(folder)) => read(&folder.join("odin/config.toml"))?.unwrap_or_default(),
            (None, None) => File::default(),
        };
        if let Some(list) = &mut file.prices.file {
            // Beside the config file, unless it says more.
            let folder = file.prices.origin.path.parent().unwrap_or(Path::new(""));
            *list = folder.join(expand(list, home.as_deref()));
        }
        let state_dir = state_dir(variable).ok_or(Error::NoHome)?;
        let projects = file.projects.settled(home.as_deref());
        let claude_dirs = match set("CLAUDE_CONFIG_DIR") {
            Some(list) => named_dirs("CLAUDE_CONFIG_DIR", &split_list(&list))?,
            None if !file.claude.config_dirs.is_empty() => {
                let dirs = file.claude.config_dirs.iter().map(|dir| expand(dir, home.as_deref()));
                named_dirs("claude.config_dirs", &dirs.collect::<Vec<_>>())?
            }
            None => {
                let home = home.ok_or(Error::NoHome)?;
                let candidates =
                    [Some(home.join(".claude")), config_home.map(|folder| folder.join("claude"))];
                candidates.into_iter().flatten().filter(|path| path.is_dir()).collect()
            }
        };
        let week_starts = file.week_starts.unwrap_or(Weekday::Monday);
        let File { timezone, backups, prices, collectors, compat, statusline, network, .. } = file;
        Ok(Self {
            state_dir,
            claude_dirs,
            timezone,
            backups,
            prices,
            week_starts,
            projects,
            collectors,
            tells_node: compat.node,
            statusline,
            network,
        })
    }

    pub fn ledger_path(&self) -> PathBuf {
        self.state_dir.join("ledger.db")
    }

    /// The folder of backups.
    pub fn backups_path(&self) -> PathBuf {
        self.state_dir.join("backups")
    }

    /// The folder that the shell hooks write to, which find it by the same rule.
    pub fn spool_path(&self) -> PathBuf {
        self.state_dir.join("spool")
    }
}

/// The folder of the ledger and the spool, which no file decides.
pub fn state_dir(variable: Lookup) -> Option<PathBuf> {
    let named = set(variable, "ODIN_STATE_DIR").map(PathBuf::from);
    named.or_else(|| Some(base_dir(variable, "XDG_STATE_HOME", ".local/state")?.join("odin")))
}

pub fn home_dir(variable: Lookup) -> Option<PathBuf> {
    set(variable, "HOME").map(PathBuf::from).or_else(std::env::home_dir)
}

/// A folder that a variable names by its absolute path, else one below the home.
pub fn base_dir(variable: Lookup, name: &str, default: &str) -> Option<PathBuf> {
    let named = set(variable, name).map(PathBuf::from).filter(|path| path.is_absolute());
    named.or_else(|| Some(home_dir(variable)?.join(default)))
}

fn set(variable: Lookup, name: &str) -> Option<OsString> {
    variable(name).filter(|value| !value.is_empty())
}

impl ProjectTables {
    fn settled(self, home: Option<&Path>) -> Projects {
        let home = home.map(Path::to_string_lossy);
        let expanded = |path: &str, home: Option<&str>| match (path.strip_prefix('~'), home) {
            (Some(rest), Some(home)) if rest.is_empty() || rest.starts_with('/') => format!("{home}{rest}"),
            _ => path.into(),
        };
        let aliases = self.alias.into_iter().map(|(path, alias)| (expanded(&path, home.as_deref()), alias));
        // The home's own name is no pattern.
        let escaped = home.as_deref().map(Pattern::escape);
        let mut groups: Vec<_> = self.groups.into_iter().collect();
        groups.sort_by_key(|(_, patterns)| patterns.span().start);
        let groups = groups.into_iter().map(|(name, patterns)| {
            let patterns = patterns.get_ref().iter().map(|path| expanded(path, escaped.as_deref()));
            (name, patterns.collect())
        });
        Projects { aliases: aliases.collect(), groups: groups.collect() }
    }
}

/// The folder of transcripts of a config dir; one that is named `projects` is that folder itself.
pub fn projects_dir(claude_dir: &Path) -> PathBuf {
    if claude_dir.file_name().is_some_and(|name| name == "projects") {
        claude_dir.into()
    } else {
        claude_dir.join("projects")
    }
}

const WEEKDAYS: [(&str, Weekday); 7] = [
    ("monday", Weekday::Monday),
    ("tuesday", Weekday::Tuesday),
    ("wednesday", Weekday::Wednesday),
    ("thursday", Weekday::Thursday),
    ("friday", Weekday::Friday),
    ("saturday", Weekday::Saturday),
    ("sunday", Weekday::Sunday),
];

/// A day of the week by its English name.
pub fn weekday(name: &str) -> Result<Weekday, String> {
    let found = WEEKDAYS.iter().find(|(known, _)| name.eq_ignore_ascii_case(known));
    found.map(|(_, day)| *day).ok_or_else(|| format!("use {}", WEEKDAYS.map(|(name, _)| name).join(", ")))
}

fn of_file<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Weekday>, D::Error> {
    let name = String::deserialize(deserializer)?;
    weekday(&name).map(Some).map_err(|usage| D::Error::custom(format!("no weekday `{name}`; {usage}")))
}

fn read(path: &Path) -> Result<Option<File>, Error> {
    match std::fs::read_to_string(path) {
        Ok(text) => match toml::from_str::<File>(&text) {
            Ok(mut file) => {
                file.prices.origin = Origin { path: path.into(), text };
                Ok(Some(file))
            }
            Err(source) => Err(Error::Parse { path: path.into(), source }),
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(Error::Read { path: path.into(), source }),
    }
}

fn missing(path: &Path) -> Error {
    Error::Read { path: path.into(), source: std::io::ErrorKind::NotFound.into() }
}

fn split_list(list: &OsString) -> Vec<PathBuf> {
    use std::os::unix::ffi::OsStrExt;
    let parts = list.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    parts.filter(|part| !part.is_empty()).map(|part| std::ffi::OsStr::from_bytes(part).into()).collect()
}

fn expand(path: &Path, home: Option<&Path>) -> PathBuf {
    match (path.strip_prefix("~"), home) {
        (Ok(rest), Some(home)) => home.join(rest),
        _ => path.into(),
    }
}

/// Those that exist; naming none that does is a mistake worth telling.
fn named_dirs(name: &'static str, dirs: &[PathBuf]) -> Result<Vec<PathBuf>, Error> {
    let found: Vec<PathBuf> = dirs.iter().filter(|dir| dir.is_dir()).cloned().collect();
    if found.is_empty() {
        let value = dirs.iter().map(|dir| dir.display().to_string()).collect::<Vec<_>>().join(", ");
        return Err(Error::NoSuchDir { name, value });
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::{Config, Error};
    use jiff::civil::Weekday;
    use std::collections::HashMap;
    use std::fs;
    use std::path::Path;

    fn load(variables: &[(&str, &Path)]) -> Result<Config, Error> {
        let variables: HashMap<_, _> =
            variables.iter().map(|(k, v)| (*k, v.as_os_str().to_owned())).collect();
        Config::load(&|name| variables.get(name).cloned())
    }

    #[test]
    fn defaults_lie_in_the_home() {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir_all(home.path().join(".claude")).unwrap();
        fs::create_dir_all(home.path().join(".config/claude")).unwrap();
        let config = load(&[("HOME", home.path())]).unwrap();
        assert_eq!(config.state_dir, home.path().join(".local/state/odin"));
        assert_eq!(config.claude_dirs, [home.path().join(".claude"), home.path().join(".config/claude")]);
        assert!(config.tells_node);
    }

    #[test]
    fn the_environment_beats_the_file_and_the_file_the_defaults() {
        let home = tempfile::tempdir().unwrap();
        for dir in [".claude", "a", "b", ".config/odin"] {
            fs::create_dir_all(home.path().join(dir)).unwrap();
        }
        let file = home.path().join(".config/odin/config.toml");
        fs::write(&file, "timezone = 'Asia/Tokyo'\nweek_starts = 'Sunday'\n[claude]\nconfig_dirs = ['~/a', '/does/not/exist']\n[collectors]\nagent = false\n[compat]\nnode = false\n")
            .unwrap();
        let config = load(&[("HOME", home.path())]).unwrap();
        assert_eq!(config.claude_dirs, [home.path().join("a")]);
        assert_eq!(config.timezone.as_deref(), Some("Asia/Tokyo"));
        assert_eq!(config.week_starts, Weekday::Sunday);
        assert_eq!(config.collectors, [("agent".to_owned(), false)].into());
        assert!(!config.tells_node);

        let list = format!("{0}/b, {0}/a", home.path().display());
        let config = load(&[("HOME", home.path()), ("CLAUDE_CONFIG_DIR", Path::new(&list))]).unwrap();
        assert_eq!(config.claude_dirs, [home.path().join("b"), home.path().join("a")]);
    }

    #[test]
    fn project_names_know_the_home_and_groups_keep_their_order() {
        let home = tempfile::tempdir().unwrap();
        let odd = home.path().join("a[b]");
        fs::create_dir_all(odd.join(".config/odin")).unwrap();
        let text = "[projects.alias]\n'~/odin' = 'o'\n'~x' = 'x'\n[projects.groups]\nz = ['~/w/*', 'acme-*']\na = ['~']\n";
        fs::write(odd.join(".config/odin/config.toml"), text).unwrap();
        let projects = load(&[("HOME", &odd)]).unwrap().projects;
        let (folder, odd) = (home.path().display(), odd.display());
        assert_eq!(projects.aliases, [(format!("{odd}/odin"), "o".into()), ("~x".into(), "x".into())]);
        let escaped = format!("{folder}/a[[]b[]]");
        assert_eq!(
            projects.groups,
            [("z".into(), vec![format!("{escaped}/w/*"), "acme-*".into()]), ("a".into(), vec![escaped])]
        );
    }

    #[test]
    fn what_is_not_understood_is_told_with_its_line() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("odin.toml");
        for (line, word) in
            [("timezon = 'UTC'", "timezon"), ("week_starts = 'sun'", "no weekday `sun`; use monday")]
        {
            fs::write(&file, format!("\n{line}\n")).unwrap();
            let error = load(&[("HOME", home.path()), ("ODIN_CONFIG", &file)]).unwrap_err();
            let Error::Parse { source, .. } = error else { panic!("{error}") };
            assert!(source.to_string().contains("line 2") && source.to_string().contains(word), "{source}");
        }
    }

    #[test]
    fn a_price_list_lies_beside_the_file_or_where_it_says() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("etc/odin.toml");
        fs::create_dir(home.path().join("etc")).unwrap();
        fs::create_dir(home.path().join(".claude")).unwrap();
        for (list, want) in [
            ("prices.json", home.path().join("etc/prices.json")),
            ("~/prices.json", home.path().join("prices.json")),
            ("/srv/prices.json", "/srv/prices.json".into()),
        ] {
            let text = format!("[prices]\nfile = '{list}'\n");
            fs::write(&file, &text).unwrap();
            let config = load(&[("HOME", home.path()), ("ODIN_CONFIG", &file)]).unwrap();
            assert_eq!(config.prices.file, Some(want));
            assert_eq!((config.prices.origin.path, config.prices.origin.text), (file.clone(), text));
        }
    }

    #[test]
    fn a_price_that_cannot_be_read_is_told_with_its_line() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("odin.toml");
        fs::write(&file, "timezone = 'UTC'\n[[prices.discount]]\npercent = 12.5\n").unwrap();
        let error = load(&[("HOME", home.path()), ("ODIN_CONFIG", &file)]).unwrap_err();
        let Error::Parse { source, .. } = error else { panic!("{error}") };
        assert!(
            source.to_string().contains("line 3") && source.to_string().contains("in quotes"),
            "{source}"
        );
    }

    #[test]
    fn naming_no_folder_that_exists_is_an_error() {
        let home = tempfile::tempdir().unwrap();
        let error =
            load(&[("HOME", home.path()), ("CLAUDE_CONFIG_DIR", Path::new("/does/not/exist"))]).unwrap_err();
        assert!(matches!(error, Error::NoSuchDir { .. }));
    }
}
