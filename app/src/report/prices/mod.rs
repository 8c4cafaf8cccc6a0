//! What models cost and why: the price list and the user's own prices, for people and for programs.
//!
//! [`sheet`] finds the models that are asked for; `table` and `json` write them.

pub mod json;
pub mod table;

use std::cmp::Reverse;

use super::nearest;
use crate::model::Tokens;
use crate::pricing::overlay::{Contract, Deal, Discount};
use crate::pricing::table::{Entry, ModelPrices, Speed, Time};
use crate::pricing::{Flags, Model, Prices, Request};

/// A prompt above every threshold, so that a bill says all that it may have to say.
const LONG_PROMPT: i64 = 1_000_000;

/// Some models and what they cost at a time.
#[derive(Debug)]
pub struct Sheet<'p> {
    prices: &'p Prices,
    at: Time,
    /// The id that was asked for and what it turned out to be; none: several models, or all.
    asked: Option<(String, Model<'p>)>,
    /// The newest first.
    models: Vec<&'p ModelPrices>,
}

/// No model is meant, by no id and no part of one.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("no price for `{asked}`; the nearest: {}", near.join(", "))]
pub struct Unknown {
    pub asked: String,
    pub near: Vec<String>,
}

/// The model of an id as anyone writes it, else those that have `asked` in their id; without it, all that can be had.
pub fn sheet<'p>(prices: &'p Prices, asked: Option<&str>, at: Time) -> Result<Sheet<'p>, Unknown> {
    let all = || prices.table.models.iter().chain(&prices.rules.models);
    let sheet = |asked, mut models: Vec<&'p ModelPrices>| {
        models.sort_by_key(|model| (Reverse(model.released.unwrap_or(Time(i64::MAX))), model.id.as_str()));
        Sheet { prices, at, asked, models }
    };
    let Some(asked) = asked else {
        return Ok(sheet(None, all().filter(|model| is_current(model, at)).collect()));
    };
    let one = |id: &str| {
        let model = prices.resolve(id);
        model.prices.map(|found| sheet(Some((id.into(), model)), vec![found]))
    };
    if let Some(sheet) = one(asked) {
        return Ok(sheet);
    }
    let part = asked.trim().to_lowercase();
    let aliases = prices.rules.aliases.keys().map(String::as_str);
    let known: Vec<&str> = all().map(|model| model.id.as_str()).chain(aliases).collect();
    let mut ids: Vec<&str> = known.iter().copied().filter(|id| id.contains(&part)).collect();
    if let [id] = ids[..]
        && let Some(sheet) = one(id)
    {
        return Ok(sheet);
    }
    for id in &mut ids {
        *id = prices.priced_as(id).unwrap_or(id);
    }
    if ids.is_empty() {
        return Err(Unknown { asked: asked.into(), near: nearest(asked, known) });
    }
    Ok(sheet(None, all().filter(|model| ids.contains(&model.id.as_str())).collect()))
}

/// Whether it could be asked at the time, as far as is known, for a price that is known.
fn is_current(model: &ModelPrices, at: Time) -> bool {
    let is_released = model.released.is_none_or(|released| released <= at);
    is_released && !is_retired(model, at) && model.entries.iter().any(|entry| entry.period().contains(at))
}

fn is_retired(model: &ModelPrices, at: Time) -> bool {
    model.first_party_retired.is_some_and(|retired| retired <= at)
}

impl<'p> Sheet<'p> {
    fn holds(&self, entry: &Entry) -> bool {
        entry.period().contains(self.at)
    }

    /// The prices of a speed that hold.
    fn entry<'m>(&self, model: &'m ModelPrices, speed: Speed) -> Option<&'m Entry> {
        model.entries.iter().find(|entry| entry.speed == speed && self.holds(entry))
    }

    fn contract(&self, model: &ModelPrices) -> Option<&'p Contract> {
        self.prices.rules.contracts.get(&model.id)
    }

    /// What the user's contract puts in the place of what a response of a speed costs.
    fn deal(&self, model: &ModelPrices, speed: Speed) -> Option<Deal<'p>> {
        self.prices.resolve(&model.id).deal(speed == Speed::Fast, self.at)
    }

    /// Whether a discount is the one that counts, at some speed.
    fn counts(&self, model: &ModelPrices, discount: &Discount) -> bool {
        [Speed::Standard, Speed::Fast].into_iter().any(|speed| match self.deal(model, speed) {
            Some(Deal::Discount(counted)) => std::ptr::eq(counted, discount),
            _ => false,
        })
    }

    /// What the bill of a response would say.
    fn flags(&self, model: &Model, speed: Speed) -> Flags {
        let bill = self.prices.bill(&Request {
            model,
            speed: speed.name(),
            inference_geo: "",
            service_tier: "",
            message_id: "",
            at_ms: self.at.0,
            tokens: Tokens { input: LONG_PROMPT, ..Tokens::default() },
            web_searches: 0,
            attempts: &[],
            is_refused: false,
        });
        bill.flags
    }
}

#[cfg(test)]
mod tests {
    use super::{Sheet, Unknown, sheet};
    use crate::pricing::overlay::Overlay;
    use crate::pricing::table::Time;
    use crate::pricing::{Flags, Prices};

    pub(super) const PROFILE: &str = "arn:aws:bedrock:eu-west-1:1:application-inference-profile/abc";

    /// The embedded list and some prices of one's own.
    pub(super) fn prices() -> Prices {
        let text = format!(
            "[alias]
            '{PROFILE}' = 'claude-haiku-5-5'
            gateway = 'eu.anthropic.claude-opus-4-8'
            [[discount]]
            percent = '12.5'
            models = ['claude-haiku-*']
            until = 2026-12-01
            [[model]]
            id = 'claude-opus-4-8'
            input = '4'
            output = '20'
            cache_read = '0.4'
            cache_write_5m = '5'
            cache_write_1h = '8'
            from = 2026-06-01
            [[model]]
            id = 'acme/coder-1'
            input = '1.5'
            output = '6'"
        );
        Prices::load(&toml::from_str::<Overlay>(&text).unwrap()).unwrap()
    }

    pub(super) fn day(text: &str) -> Time {
        text.parse().unwrap()
    }

    fn ids<'p>(sheet: &Sheet<'p>) -> Vec<&'p str> {
        sheet.models.iter().map(|model| model.id.as_str()).collect()
    }

    #[test]
    fn a_model_is_found_by_any_spelling_an_alias_or_a_part() {
        let prices = prices();
        for (asked, want) in [
            ("claude-opus-5", &["claude-opus-5"][..]),
            ("us.anthropic.claude-opus-4-8-20260528-v1:0", &["claude-opus-4-8"]),
            ("Claude-Opus-4.8[1m]", &["claude-opus-4-8"]),
            (PROFILE, &["claude-haiku-5-5"]),
            ("gateway", &["claude-opus-4-8"]),
            ("gate", &["claude-opus-4-8"]),
            ("CODER", &["acme/coder-1"]),
            ("preview", &["claude-mythos-preview"]),
            ("3-opus", &["claude-3-opus"]),
            ("5-2", &["claude-fable-5-2", "claude-mythos-5-2"]),
        ] {
            let sheet = sheet(&prices, Some(asked), day("2026-11-24")).unwrap();
            assert_eq!((ids(&sheet), sheet.asked.is_some()), (want.to_vec(), want.len() == 1), "{asked}");
        }
    }

    #[test]
    fn several_come_newest_first_with_retired_ones() {
        let haikus = sheet(Prices::embedded(), Some("haiku"), day("2026-11-24")).unwrap();
        assert_eq!(
            ids(&haikus),
            ["claude-haiku-5-5", "claude-haiku-4-5", "claude-3-5-haiku", "claude-3-haiku"]
        );
    }

    #[test]
    fn all_are_those_that_could_be_had_then() {
        let prices = prices();
        let then = |text| ids(&sheet(&prices, None, day(text)).unwrap());
        assert_eq!(
            then("2024-06-20"),
            ["acme/coder-1", "claude-3-5-sonnet", "claude-3-haiku", "claude-3-opus", "claude-3-sonnet"]
        );
        let (before, after) = (then("2026-01-04"), then("2026-01-05"));
        assert!(before.contains(&"claude-3-opus") && !after.contains(&"claude-3-opus"));
        assert!(!after.contains(&"claude-opus-4-6"));
    }

    #[test]
    fn a_slip_is_told_with_the_nearest() {
        let Unknown { asked, near } =
            sheet(&prices(), Some("claude-opus-5-6"), day("2026-11-24")).unwrap_err();
        assert_eq!(asked, "claude-opus-5-6");
        assert!(near.contains(&"claude-opus-5-5".into()), "{near:?}");
        assert_eq!(sheet(&prices(), Some("gatewya"), day("2026-11-24")).unwrap_err().near[0], "gateway");
    }

    #[test]
    fn flags_are_those_of_a_bill_with_a_long_prompt() {
        let flags = |id: &str, at| {
            let sheet = sheet(Prices::embedded(), Some(id), day(at)).unwrap();
            let (_, model) = sheet.asked.as_ref().unwrap();
            sheet.flags(model, crate::pricing::table::Speed::Standard)
        };
        assert_eq!(flags("claude-opus-5-5", "2026-11-24"), Flags::default());
        assert_eq!(flags("anthropic.claude-opus-5-5", "2026-11-24"), Flags::REGION_UNKNOWN);
        assert_eq!(flags("eu.anthropic.claude-sonnet-4-5", "2026-11-24"), Flags::CLOUD_TIER_ASSUMED);
        assert_eq!(flags("claude-opus-4-7-fast", "2026-11-24"), Flags::FAST_PRICE_UNKNOWN);
    }
}
