//! Which cells a report takes in.

use std::collections::HashSet;

use super::{Error, Projects, Query, nearest};
use crate::ledger::{Dimension, Ledger};

pub(super) struct Filter {
    /// The ids that pass, of what an origin tells; all of these must.
    pub(super) of_origin: Vec<(Dimension, HashSet<i64>)>,
    /// None where all do.
    pub(super) models: Option<HashSet<i64>>,
}

impl Filter {
    pub(super) fn find(ledger: &Ledger, query: &Query) -> Result<Self, Error> {
        let mut of_origin = Vec::new();
        for (dimension, what, wanted) in [
            (Dimension::Project, "project", &query.project),
            (Dimension::Branch, "branch", &query.branch),
            (Dimension::Session, "session", &query.session),
            (Dimension::Account, "account", &query.account),
        ] {
            if let Some(wanted) = wanted {
                of_origin.push((dimension, ids(ledger, &query.projects, dimension, what, wanted)?));
            }
        }
        let model = |wanted| ids(ledger, &query.projects, Dimension::Model, "model", wanted);
        let models = query.model.as_deref().map(model);
        Ok(Self { of_origin, models: models.transpose()? })
    }
}

/// The path of the one project that is meant: by its path, an alias, a group or the end of a path.
pub fn project(ledger: &Ledger, projects: &Projects, wanted: &str) -> Result<String, Error> {
    let ids = ids(ledger, projects, Dimension::Project, "project", wanted)?;
    let mut names = ledger.names(Dimension::Project)?;
    let mut paths: Vec<String> = ids.iter().filter_map(|id| names.remove(id)).collect();
    paths.sort_unstable();
    match paths.pop() {
        Some(path) if paths.is_empty() => Ok(path),
        last => {
            paths.extend(last);
            Err(Error::Several { wanted: wanted.into(), paths })
        }
    }
}

/// The ids of the names that match.
fn ids(
    ledger: &Ledger,
    projects: &Projects,
    dimension: Dimension,
    what: &'static str,
    wanted: &str,
) -> Result<HashSet<i64>, Error> {
    let names = ledger.names(dimension)?;
    let is_priced_as = |name: &str| ledger.priced_as(name) == Some(wanted);
    for matches in ways(dimension, wanted, projects, &is_priced_as) {
        let ids: HashSet<i64> = names.iter().filter(|(_, name)| matches(name)).map(|(id, _)| *id).collect();
        if !ids.is_empty() {
            return Ok(ids);
        }
    }
    let given = projects.names().filter(|_| dimension == Dimension::Project);
    let near = nearest(wanted, names.values().map(String::as_str).chain(given));
    Err(Error::NoMatch { what, wanted: wanted.into(), near })
}

type Test<'t> = Box<dyn Fn(&str) -> bool + 't>;

/// How a name may match, the strictest way first; one counts only if none before it finds anything.
fn ways<'t>(
    dimension: Dimension,
    wanted: &'t str,
    projects: &'t Projects,
    is_priced_as: &'t dyn Fn(&str) -> bool,
) -> Vec<Test<'t>> {
    let path = wanted.trim_end_matches('/');
    let ends_with = move |name: &str| name.strip_suffix(path).is_some_and(|before| before.ends_with('/'));
    match dimension {
        Dimension::Account => vec![Box::new(move |name| name == path), Box::new(ends_with)],
        Dimension::Project => {
            let group = |name: &str| projects.group(name).map(|group| projects.group_name(group));
            vec![
                Box::new(move |name| name == path),
                Box::new(move |name| projects.alias(name) == Some(wanted)),
                Box::new(move |name| group(name) == Some(wanted)),
                Box::new(ends_with),
            ]
        }
        Dimension::Model => {
            vec![
                Box::new(move |name| name == wanted || is_priced_as(name)),
                Box::new(move |name| name.contains(wanted)),
            ]
        }
        Dimension::Session => {
            vec![Box::new(move |name| name == wanted), Box::new(move |name| name.starts_with(wanted))]
        }
        _ => vec![Box::new(move |name| name == wanted)],
    }
}

#[cfg(test)]
mod tests {
    use super::ways;
    use crate::ledger::Dimension;
    use crate::report::Projects;

    fn matching<'n>(dimension: Dimension, wanted: &str, names: &[&'n str]) -> Vec<&'n str> {
        let is_priced_as = |name: &str| name == "opus-latest" && wanted == "claude-opus-5";
        let alias = ("/w/odin-web".into(), "web".into());
        let group = ("old".into(), vec!["/w/old".into()]);
        let projects = Projects::new(&[alias], &[group]).unwrap();
        let ways = ways(dimension, wanted, &projects, &is_priced_as);
        let found =
            ways.iter().map(|matches| names.iter().copied().filter(|name| matches(name)).collect::<Vec<_>>());
        found.into_iter().find(|names| !names.is_empty()).unwrap_or_default()
    }

    #[test]
    fn a_project_is_its_alias_or_its_group_before_the_end_of_a_path() {
        let names = ["/w/odin", "/w/old/odin", "/w/odin-web", "/x/web", "/x/old"];
        assert_eq!(matching(Dimension::Project, "web", &names), ["/w/odin-web"]);
        assert_eq!(matching(Dimension::Project, "old", &names), ["/w/old/odin"]);
        assert_eq!(matching(Dimension::Project, "web", &names[3..]), ["/x/web"]);
    }

    #[test]
    fn a_project_is_its_path_or_the_end_of_it() {
        let names = ["/w/odin", "/w/old/odin", "/w/odin-web", "odin"];
        for (wanted, want) in [
            ("/w/odin", &["/w/odin"][..]),
            ("/w/odin/", &["/w/odin"]),
            ("odin", &["odin"]),
            ("old/odin", &["/w/old/odin"]),
            ("odin-web", &["/w/odin-web"]),
            ("din", &[]),
            ("", &[]),
        ] {
            assert_eq!(matching(Dimension::Project, wanted, &names), want, "{wanted}");
        }
        assert_eq!(matching(Dimension::Project, "odin", &names[..3]), ["/w/odin", "/w/old/odin"]);
    }

    #[test]
    fn a_model_is_its_id_or_what_it_is_priced_as_or_a_part() {
        let names = ["claude-opus-5", "claude-opus-5-5", "opus-latest", "claude-haiku-5"];
        for (wanted, want) in [
            ("claude-opus-5", &["claude-opus-5", "opus-latest"][..]),
            ("opus", &["claude-opus-5", "claude-opus-5-5", "opus-latest"]),
            ("sonnet", &[]),
        ] {
            assert_eq!(matching(Dimension::Model, wanted, &names), want, "{wanted}");
        }
    }

    #[test]
    fn a_session_is_its_id_or_the_beginning_of_some() {
        let names = ["ab", "abc", "abd", "b"];
        assert_eq!(matching(Dimension::Session, "ab", &names), ["ab"]);
        assert_eq!(matching(Dimension::Session, "a", &names), ["ab", "abc", "abd"]);
        assert_eq!(matching(Dimension::Branch, "a", &names), [""; 0]);
    }
}
