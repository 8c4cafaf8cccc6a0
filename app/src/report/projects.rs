//! What the user calls projects: aliases for some, and groups of those whose paths match a pattern.

use std::collections::HashMap;

use glob::{MatchOptions, Pattern};

use super::Unreadable;

/// `*` and `?` stay within one folder's name, `**` is any number of folders; a leading dot is like any other.
const WITHIN_A_NAME: MatchOptions = MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: false,
};

#[derive(Debug, Clone, Default)]
pub struct Projects {
    /// By path.
    aliases: HashMap<String, String>,
    groups: Vec<Group>,
}

#[derive(Debug, Clone)]
struct Group {
    name: String,
    patterns: Vec<Pattern>,
}

impl Projects {
    /// Aliases by path; groups with the patterns of their projects. A pattern takes in the folder that it matches and
    /// all below it. One that does not begin with a slash matches wherever a folder's name begins.
    pub fn new(aliases: &[(String, String)], groups: &[(String, Vec<String>)]) -> Result<Self, Unreadable> {
        let group = |(name, patterns): &(String, Vec<String>)| {
            let patterns = patterns.iter().map(|text| pattern(text));
            let patterns = patterns.collect::<Result<_, _>>().map_err(|what| {
                Unreadable(format!("the group `{name}` of projects in the config cannot be read: {what}"))
            })?;
            Ok(Group { name: name.clone(), patterns })
        };
        let aliases = aliases.iter().map(|(path, alias)| (trimmed(path).into(), alias.clone()));
        Ok(Self {
            aliases: aliases.collect(),
            groups: groups.iter().map(group).collect::<Result<_, Unreadable>>()?,
        })
    }

    pub(super) fn alias(&self, path: &str) -> Option<&str> {
        self.aliases.get(path).map(String::as_str)
    }

    /// The first group that takes in a project, so that none counts twice.
    pub(super) fn group(&self, path: &str) -> Option<usize> {
        self.groups.iter().position(|group| group.patterns.iter().any(|pattern| takes_in(pattern, path)))
    }

    pub(super) fn group_name(&self, group: usize) -> &str {
        self.groups.get(group).map_or("", |group| &group.name)
    }

    /// Aliases and names of groups.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.aliases.values().chain(self.groups.iter().map(|group| &group.name)).map(String::as_str)
    }
}

fn pattern(text: &str) -> Result<Pattern, String> {
    let path = trimmed(text);
    if path.is_empty() {
        return Err("a pattern is empty".into());
    }
    let anywhere = if path.starts_with('/') { "" } else { "**/" };
    Pattern::new(&format!("{anywhere}{path}")).map_err(|error| format!("`{text}`: {}", error.msg))
}

fn takes_in(pattern: &Pattern, path: &str) -> bool {
    let ends = path.match_indices('/').map(|(at, _)| at).filter(|at| *at > 0).chain([path.len()]);
    ends.into_iter().any(|end| pattern.matches_with(&path[..end], WITHIN_A_NAME))
}

fn trimmed(path: &str) -> &str {
    path.trim_end_matches('/')
}

#[cfg(test)]
mod tests {
    use super::Projects;

    fn projects(groups: &[(&str, &[&str])]) -> Projects {
        let owned = |(name, patterns): &(&str, &[&str])| {
            ((*name).to_string(), patterns.iter().map(|pattern| (*pattern).to_string()).collect())
        };
        let groups: Vec<_> = groups.iter().map(owned).collect();
        Projects::new(&[("/w/odin/".into(), "odin".into())], &groups).unwrap()
    }

    #[test]
    fn a_pattern_takes_in_what_it_matches_and_all_below() {
        for (pattern, takes_in, leaves) in [
            ("/w/acme", &["/w/acme", "/w/acme/web"][..], &["/w/acme-web", "/w", "/v/w/acme"][..]),
            ("/w/acme/", &["/w/acme"], &["/w/acme-web"]),
            ("/w/acme-*", &["/w/acme-web", "/w/acme-web/api", "/w/acme-"], &["/w/acme", "/w/x/acme-web"]),
            ("/w/*/web", &["/w/acme/web", "/w/acme/web/a"], &["/w/web", "/w/a/b/web"]),
            ("/w/**/web", &["/w/web", "/w/a/b/web"], &["/v/web"]),
            ("acme-?", &["/w/acme-1", "/acme-2/web"], &["/w/acme-12", "/w/my-acme-1"]),
            ("w/acme", &["/w/acme", "/home/w/acme"], &["/w/x/acme"]),
            ("/w/[ab]x", &["/w/ax", "/w/bx"], &["/w/cx"]),
            ("/w/[!ab]x", &["/w/cx"], &["/w/ax"]),
            ("/w/*", &["/w/.hidden", "/w/a"], &["/w"]),
        ] {
            let projects = projects(&[("g", &[pattern])]);
            for path in takes_in {
                assert_eq!(projects.group(path), Some(0), "{pattern} {path}");
            }
            for path in leaves {
                assert_eq!(projects.group(path), None, "{pattern} {path}");
            }
        }
    }

    #[test]
    fn a_project_is_of_the_first_group_alone() {
        let projects = projects(&[("web", &["/w/*-web", "site"]), ("acme", &["/w/acme-*"])]);
        let group = |path| projects.group(path).map(|group| projects.group_name(group));
        assert_eq!(group("/w/acme-web"), Some("web"));
        assert_eq!(group("/w/acme-api"), Some("acme"));
        assert_eq!(group("/v/site"), Some("web"));
        assert_eq!(group("/w/odin"), None);
    }

    #[test]
    fn an_alias_is_of_one_path() {
        let projects = projects(&[]);
        assert_eq!((projects.alias("/w/odin"), projects.alias("/w/odin/docs")), (Some("odin"), None));
    }

    #[test]
    fn a_pattern_that_cannot_be_read_is_told() {
        for (pattern, want) in [("[", "`[`: invalid range"), ("a***", "`a***`: wildcards"), ("/", "is empty")]
        {
            let error = Projects::new(&[], &[("g".into(), vec![pattern.into()])]).unwrap_err().to_string();
            assert!(error.contains("the group `g`") && error.contains(want), "{error}");
        }
    }
}
