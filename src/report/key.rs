//! What a report groups by.

use std::str::FromStr;

use super::Unreadable;
use super::calendar::Unit;
use crate::ledger::Dimension;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    Time(Unit),
    Name(Dimension),
}

impl Key {
    /// As on the command line and in JSON.
    pub const ALL: [(&str, Self); 11] = [
        ("hour", Self::Time(Unit::Hour)),
        ("day", Self::Time(Unit::Day)),
        ("week", Self::Time(Unit::Week)),
        ("month", Self::Time(Unit::Month)),
        ("session", Self::Name(Dimension::Session)),
        ("project", Self::Name(Dimension::Project)),
        ("model", Self::Name(Dimension::Model)),
        ("branch", Self::Name(Dimension::Branch)),
        ("agent", Self::Name(Dimension::Agent)),
        ("host", Self::Name(Dimension::Host)),
        ("account", Self::Name(Dimension::Account)),
    ];

    /// For people to choose from.
    pub fn names() -> String {
        Self::ALL.map(|(name, _)| name).join(", ")
    }

    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, key)| *key == self).map_or("", |(name, _)| name)
    }
}

impl FromStr for Key {
    type Err = Unreadable;

    fn from_str(text: &str) -> Result<Self, Unreadable> {
        let found = Self::ALL.iter().find(|(name, _)| *name == text);
        found.map(|(_, key)| *key).ok_or_else(|| Unreadable(format!("use {}", Self::names())))
    }
}
