//! Which cells a report takes in.

use std::collections::HashSet;

use super::{Error, Query, nearest};
use crate::ledger::{Dimension, Ledger, Origin, Terms};

/// The ids that pass; none where all do.
pub(super) struct Filter {
    project: Option<HashSet<i64>>,
    model: Option<HashSet<i64>>,
    branch: Option<HashSet<i64>>,
    session: Option<HashSet<i64>>,
}

impl Filter {
    pub(super) fn find(ledger: &Ledger, query: &Query) -> Result<Self, Error> {
        Ok(Self {
            project: ids(ledger, Dimension::Project, "project", query.project.as_deref())?,
            model: ids(ledger, Dimension::Model, "model", query.model.as_deref())?,
            branch: ids(ledger, Dimension::Branch, "branch", query.branch.as_deref())?,
            session: ids(ledger, Dimension::Session, "session", query.session.as_deref())?,
        })
    }

    pub(super) fn passes(&self, origin: &Origin, terms: Terms) -> bool {
        let has = |ids: &Option<HashSet<i64>>, id| ids.as_ref().is_none_or(|ids| ids.contains(&id));
        has(&self.project, origin.project)
            && has(&self.model, terms.model)
            && has(&self.branch, origin.branch)
            && has(&self.session, origin.session)
    }
}

/// The ids of the names that match; none where nothing is asked for.
fn ids(
    ledger: &Ledger,
    dimension: Dimension,
    what: &'static str,
    wanted: Option<&str>,
) -> Result<Option<HashSet<i64>>, Error> {
    let Some(wanted) = wanted else { return Ok(None) };
    let names = ledger.names(dimension)?;
    let is_priced_as = |name: &str| ledger.priced_as(name) == Some(wanted);
    for matches in ways(dimension, wanted, &is_priced_as) {
        let ids: HashSet<i64> = names.iter().filter(|(_, name)| matches(name)).map(|(id, _)| *id).collect();
        if !ids.is_empty() {
            return Ok(Some(ids));
        }
    }
    let near = nearest(wanted, names.values().map(String::as_str));
    Err(Error::NoMatch { what, wanted: wanted.into(), near })
}

type Test<'t> = Box<dyn Fn(&str) -> bool + 't>;

/// How a name may match, the strictest way first; only if none does, the second counts.
fn ways<'t>(dimension: Dimension, wanted: &'t str, is_priced_as: &'t dyn Fn(&str) -> bool) -> Vec<Test<'t>> {
    match dimension {
        Dimension::Project => {
            let path = wanted.trim_end_matches('/');
            let ends_with =
                move |name: &str| name.strip_suffix(path).is_some_and(|before| before.ends_with('/'));
            vec![Box::new(move |name| name == path), Box::new(ends_with)]
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

    fn matching<'n>(dimension: Dimension, wanted: &str, names: &[&'n str]) -> Vec<&'n str> {
        let is_priced_as = |name: &str| name == "opus-latest" && wanted == "claude-opus-5";
        let ways = ways(dimension, wanted, &is_priced_as);
        let found =
            ways.iter().map(|matches| names.iter().copied().filter(|name| matches(name)).collect::<Vec<_>>());
        found.into_iter().find(|names| !names.is_empty()).unwrap_or_default()
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
