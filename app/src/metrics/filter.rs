//! `collect[]` and `exclude[]`, by which a scraper asks for a part of the page, as in `node_exporter`.

use super::families::FRAME;

/// What the request is wrong about; its sender can set it right.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("collect[] and exclude[] cannot be used together")]
    Both,
    #[error("no collector {name:?}; there are: {known}")]
    Unknown { name: String, known: String },
}

/// Which collectors a page is made of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Filter {
    #[default]
    All,
    Only(Vec<String>),
    Except(Vec<String>),
}

impl Filter {
    /// The values of both parameters, and the names of collectors that can be had.
    pub fn new(collect: Vec<String>, exclude: Vec<String>, known: &[&str]) -> Result<Self, Error> {
        if let Some(name) = collect.iter().chain(&exclude).find(|name| !known.contains(&name.as_str())) {
            return Err(Error::Unknown { name: name.clone(), known: known.join(", ") });
        }
        match (collect.is_empty(), exclude.is_empty()) {
            (false, false) => Err(Error::Both),
            (false, true) => Ok(Self::Only(collect)),
            (true, false) => Ok(Self::Except(exclude)),
            (true, true) => Ok(Self::All),
        }
    }

    pub fn wants(&self, collector: &str) -> bool {
        let names = |list: &[String]| list.iter().any(|name| name == collector);
        match self {
            Self::All => true,
            Self::Only(list) => collector == FRAME || names(list),
            Self::Except(list) => !names(list),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: &[&str] = &["claude", "session"];

    fn filter(collect: &[&str], exclude: &[&str]) -> Result<Filter, Error> {
        let owned = |list: &[&str]| list.iter().map(ToString::to_string).collect();
        Filter::new(owned(collect), owned(exclude), KNOWN)
    }

    #[test]
    fn names_are_asked_for_or_left_out() {
        for (collect, exclude, wanted) in [
            (&[][..], &[][..], [true, true, true]),
            (&["claude"], &[], [true, false, true]),
            (&["claude", "claude", "session"], &[], [true, true, true]),
            (&[], &["claude"], [false, true, true]),
        ] {
            let filter = filter(collect, exclude).unwrap();
            assert_eq!(["claude", "session", FRAME].map(|name| filter.wants(name)), wanted, "{filter:?}");
        }
    }

    #[test]
    fn what_is_wrong_is_told_with_what_is_right() {
        assert_eq!(filter(&["claude"], &["session"]), Err(Error::Both));
        let unknown = filter(&["claude", "clod"], &[]).unwrap_err();
        assert_eq!(unknown.to_string(), r#"no collector "clod"; there are: claude, session"#);
        assert_eq!(
            filter(&[], &[FRAME]).unwrap_err().to_string(),
            r#"no collector "collector"; there are: claude, session"#
        );
    }
}
