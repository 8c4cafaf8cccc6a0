//! One line for the client's status line.

use std::str::FromStr;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::Unreadable;
use super::budgets::{Spending, Standing};
use super::text::{plain, push_cost};
use crate::model::status::{Context, LimitUse};
use crate::pricing::half_to_even;

/// From so many percent on, a share is yellow, and red.
const NEAR: i128 = 80;
const CLOSE: i128 = 95;

const YELLOW: &str = "\x1b[33m";
const RED: &str = "\x1b[31m";
const PLAIN: &str = "\x1b[0m";

/// Of a percent.
const HUNDREDTHS: i128 = 100;

const NAMES: [(&str, Part); 8] = [
    ("model", Part::Model),
    ("branch", Part::Branch),
    ("session", Part::Session),
    ("today", Part::Today),
    ("block", Part::Block),
    ("context", Part::Context),
    ("limits", Part::Limits),
    ("budget", Part::Budget),
];

/// A part of the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Model,
    Branch,
    /// What the session cost, as the client reckons.
    Session,
    Today,
    /// What the present block cost, and when it ends.
    Block,
    Context,
    /// How much of the rate limits is used.
    Limits,
    /// The budget that most is spent of.
    Budget,
}

impl Part {
    /// All of them, in the order that they have if nobody wants another.
    pub fn all() -> impl Iterator<Item = Self> {
        NAMES.into_iter().map(|(_, part)| part)
    }
}

impl FromStr for Part {
    type Err = Unreadable;

    fn from_str(name: &str) -> Result<Self, Unreadable> {
        let found = NAMES.iter().find(|(known, _)| *known == name).map(|(_, part)| *part);
        found.ok_or_else(|| {
            let names = NAMES.map(|(name, _)| name).join(", ");
            Unreadable(format!("the status line has no part `{name}`; use {names}"))
        })
    }
}

/// What there is to show. What is not known is left out.
#[derive(Debug, Clone)]
pub struct Facts {
    pub now: Timestamp,
    pub zone: TimeZone,
    pub model: String,
    pub branch: Option<String>,
    pub session_usd: Option<f64>,
    pub context: Option<Context>,
    pub limits: Vec<LimitUse>,
    pub today: Option<Spending>,
    pub block: Option<Spending>,
    pub budgets: Vec<Standing>,
}

/// Without a newline. What comes near its limit is coloured where `has_colour`.
pub fn line(facts: &Facts, parts: &[Part], separator: &str, has_colour: bool) -> String {
    let shown: Vec<String> =
        parts.iter().map(|part| facts.part(*part, has_colour)).filter(|shown| !shown.is_empty()).collect();
    shown.join(separator)
}

impl Facts {
    fn part(&self, part: Part, has_colour: bool) -> String {
        match part {
            Part::Model => plain(&self.model).into(),
            Part::Branch => self.branch.as_deref().map(plain).unwrap_or_default().into(),
            Part::Session => self.session_usd.map(|usd| format!("session ${usd:.2}")).unwrap_or_default(),
            Part::Today => {
                self.today.as_ref().map(|today| format!("today {}", spent(today))).unwrap_or_default()
            }
            Part::Block => self.block(),
            Part::Context => {
                let used = self.context.map(|Context { tokens, size }| {
                    half_to_even(i128::from(tokens) * 100, size.max(1).into())
                });
                used.map(|used| coloured(&format!("context {used}%"), used, has_colour)).unwrap_or_default()
            }
            Part::Limits => self.limits(has_colour),
            Part::Budget => self.budget(has_colour),
        }
    }

    /// Until its own end, as far as that can be told from what was spent here.
    fn block(&self) -> String {
        let Some(block) = &self.block else { return String::new() };
        let Some((_, until)) = block.span else { return String::new() };
        format!("block {} to {}", spent(block), self.clock(until))
    }

    fn limits(&self, has_colour: bool) -> String {
        let shown = self.limits.iter().filter_map(|limit| {
            let resets = Timestamp::from_second(limit.resets_s).ok().filter(|resets| *resets > self.now)?;
            let used = half_to_even(limit.used.into(), HUNDREDTHS);
            let name = match &*limit.name {
                "five_hour" => "5h".into(),
                "seven_day" => "7d".into(),
                name => plain(name).replace('_', " "),
            };
            let text = if limit.name == "five_hour" || used >= NEAR {
                format!("{name} {used}% to {}", self.clock(resets))
            } else {
                format!("{name} {used}%")
            };
            Some(coloured(&text, used, has_colour))
        });
        shown.collect::<Vec<_>>().join(", ")
    }

    fn budget(&self, has_colour: bool) -> String {
        let Some(most) = self.budgets.iter().max_by_key(|standing| standing.percent()) else {
            return String::new();
        };
        let used = most.percent();
        let text = format!("{} budget {used}%", most.budget.period.name());
        coloured(&text, if most.is_over() { used.max(CLOSE) } else { used }, has_colour)
    }

    /// With the day where it is not today.
    fn clock(&self, at: Timestamp) -> String {
        let (at, now) =
            (at.to_zoned_datetime(self.zone.clone()), self.now.to_zoned_datetime(self.zone.clone()));
        at.strftime(if at.date() == now.date() { "%H:%M" } else { "%a %H:%M" }).to_string()
    }
}

fn spent(spending: &Spending) -> String {
    let mut text = String::new();
    push_cost(&mut text, spending.amount.cost_picousd, spending.amount.priced(), 2);
    text
}

fn coloured(text: &str, percent: i128, has_colour: bool) -> String {
    let colour = match percent {
        CLOSE.. => RED,
        NEAR.. => YELLOW,
        _ => return text.into(),
    };
    if has_colour { format!("{colour}{text}{PLAIN}") } else { text.into() }
}

#[cfg(test)]
mod tests {
    use super::{Facts, Part, line};
    use crate::model::status::{Context, LimitUse};
    use crate::report::budgets::Spending;
    use jiff::tz::TimeZone;

    fn facts() -> Facts {
        let at = |text: &str| text.parse::<jiff::Timestamp>().unwrap();
        let limit = |name: &str, used, resets: &str| LimitUse {
            name: name.into(),
            used,
            resets_s: at(resets).as_second(),
        };
        let block = Spending {
            span: Some((at("2026-11-24T10:00Z"), at("2026-11-24T15:00Z"))),
            ..Spending::default()
        };
        Facts {
            now: at("2026-11-24T12:00Z"),
            zone: TimeZone::get("Europe/Berlin").unwrap(),
            model: "Opus\u{1b} 5.5".into(),
            branch: Some("main".into()),
            session_usd: Some(0.0106),
            context: Some(Context { tokens: 162_000, size: 200_000 }),
            limits: vec![
                limit("five_hour", 2350, "2026-11-24T14:00Z"),
                limit("seven_day", 9700, "2026-11-27T14:00Z"),
                limit("seven_day_opus", 100, "2026-11-27T14:00Z"),
                limit("gone", 9900, "2026-11-24T11:59Z"),
            ],
            today: Some(Spending::default()),
            block: Some(block),
            budgets: vec![],
        }
    }

    #[test]
    fn a_line_has_what_is_known_in_the_order_that_is_wanted() {
        let all: Vec<Part> = Part::all().collect();
        assert_eq!(
            line(&facts(), &all, " · ", false),
            "Opus\u{fffd} 5.5 · main · session $0.01 · today $0.00 · block $0.00 to 16:00 · context 81% · \
             5h 24% to 15:00, 7d 97% to Fri 15:00, seven day opus 1%"
        );
        let nothing = Facts { branch: None, session_usd: None, today: None, limits: vec![], ..facts() };
        assert_eq!(
            line(
                &nothing,
                &["limits", "today", "model", "session"].map(|part| part.parse().unwrap()),
                " ",
                true
            ),
            "Opus\u{fffd} 5.5"
        );
        assert!("colour".parse::<Part>().unwrap_err().to_string().contains("use model, branch"));
    }

    #[test]
    fn what_comes_near_its_limit_is_coloured() {
        assert_eq!(
            line(&facts(), &[Part::Context, Part::Limits], " ", true),
            "\u{1b}[33mcontext 81%\u{1b}[0m 5h 24% to 15:00, \u{1b}[31m7d 97% to Fri 15:00\u{1b}[0m, seven day opus 1%"
        );
    }
}
