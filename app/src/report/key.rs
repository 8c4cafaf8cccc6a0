//! What a report groups by.

use std::str::FromStr;

use super::Unreadable;
use super::calendar::Unit;
use crate::ledger::Dimension;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    Time(Unit),
    /// A window of five hours.
    Block,
    /// Of projects, as the user has made them.
    Group,
    /// A run of claude, as a shell saw it.
    Launch,
    Name(Dimension),
}

impl Key {
    /// As on the command line and in JSON.
    pub const ALL: [(&str, Self); 17] = [
        ("hour", Self::Time(Unit::Hour)),
        ("day", Self::Time(Unit::Day)),
        ("week", Self::Time(Unit::Week)),
        ("month", Self::Time(Unit::Month)),
        ("block", Self::Block),
        ("session", Self::Name(Dimension::Session)),
        ("project", Self::Name(Dimension::Project)),
        ("group", Self::Group),
        ("model", Self::Name(Dimension::Model)),
        ("branch", Self::Name(Dimension::Branch)),
        ("agent", Self::Name(Dimension::Agent)),
        ("agent_type", Self::Name(Dimension::AgentType)),
        ("launch", Self::Launch),
        ("skill", Self::Name(Dimension::Skill)),
        ("mcp_server", Self::Name(Dimension::McpServer)),
        ("host", Self::Name(Dimension::Host)),
        ("account", Self::Name(Dimension::Account)),
    ];

    /// For people to choose from.
    pub fn names() -> String {
        Self::ALL.map(|(name, _)| name).join(", ")
    }

    /// What it is of those that asked.
    pub(super) fn of_origin(self) -> Option<Dimension> {
        match self {
            Self::Time(_) | Self::Block | Self::Launch | Self::Name(Dimension::Model) => None,
            Self::Group => Some(Dimension::Project),
            Self::Name(dimension) => Some(dimension),
        }
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
