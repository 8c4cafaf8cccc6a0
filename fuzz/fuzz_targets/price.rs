//! Any model id, time and counts that the parser lets through: no panic, no overflow, no negative price.

#![no_main]

use libfuzzer_sys::arbitrary::{Arbitrary, Result, Unstructured};
use libfuzzer_sys::fuzz_target;
use odin::model::{Attempt, AttemptKind, Tokens};
use odin::pricing::{Bill, Prices, Request};

const MAX_COUNT: i64 = 1_000_000_000;
/// 2024 and 2028: before the first price, behind the last change.
const FROM_MS: i64 = 1_704_067_200_000;
const TO_MS: i64 = 1_830_297_600_000;

fuzz_target!(|asked: Asked| {
    let prices = Prices::embedded();
    if let Some(id) = prices.priced_as(asked.model) {
        assert_eq!(prices.priced_as(id), Some(id), "a name of the list is its own");
        assert_eq!(prices.priced_as(&asked.model.to_ascii_uppercase()), Some(id));
    }
    let bill = asked.bill(asked.tokens);
    assert_eq!(bill, asked.bill(asked.tokens), "the same response costs the same");
    assert!(bill.cost_picousd.is_none_or(|cost| cost >= 0), "{asked:?} {bill:?}");
    for extra in &bill.extras {
        assert!(extra.attempt < asked.attempts.len(), "{asked:?} {bill:?}");
        assert!(extra.cost_picousd.is_none_or(|cost| cost >= 0), "{asked:?} {bill:?}");
    }
    if asked.attempts.is_empty() && asked.tokens.output < MAX_COUNT {
        let more = asked.bill(Tokens { output: asked.tokens.output + 1, ..asked.tokens });
        // A refusal without output is free even where a price is missing.
        if let (Some(cost), Some(with_more)) = (bill.cost_picousd, more.cost_picousd) {
            assert!(with_more >= cost, "{asked:?}: output costs");
        }
    }
});

#[derive(Debug)]
struct Asked<'a> {
    model: &'a str,
    speed: &'a str,
    inference_geo: &'a str,
    service_tier: &'a str,
    message_id: &'a str,
    at_ms: i64,
    tokens: Tokens,
    web_searches: i64,
    attempts: Vec<Attempt>,
    is_refused: bool,
}

impl Asked<'_> {
    fn bill(&self, tokens: Tokens) -> Bill {
        let prices = Prices::embedded();
        prices.bill(&Request {
            model: &prices.resolve(self.model),
            speed: self.speed,
            inference_geo: self.inference_geo,
            service_tier: self.service_tier,
            message_id: self.message_id,
            at_ms: self.at_ms,
            tokens,
            web_searches: self.web_searches,
            attempts: &self.attempts,
            is_refused: self.is_refused,
        })
    }
}

impl<'a> Arbitrary<'a> for Asked<'a> {
    fn arbitrary(from: &mut Unstructured<'a>) -> Result<Self> {
        Ok(Self {
            speed: from.choose(&["", "standard", "fast"])?,
            inference_geo: from.choose(&["", "not_available", "global", "us"])?,
            service_tier: from.choose(&["", "standard", "batch", "priority"])?,
            message_id: from.choose(&["", "msg_01", "msg_bdrk_01", "msg_vrtx_01"])?,
            at_ms: from.int_in_range(FROM_MS..=TO_MS)?,
            tokens: tokens(from)?,
            web_searches: count(from)?,
            attempts: (0..from.int_in_range(0..=3)?).map(|_| attempt(from)).collect::<Result<_>>()?,
            is_refused: from.arbitrary()?,
            model: from.arbitrary()?,
        })
    }
}

fn tokens(from: &mut Unstructured) -> Result<Tokens> {
    Ok(Tokens {
        input: count(from)?,
        output: count(from)?,
        cache_read: count(from)?,
        cache_write_5m: count(from)?,
        cache_write_1h: count(from)?,
    })
}

fn count(from: &mut Unstructured) -> Result<i64> {
    let most = *from.choose(&[0, 1_000, 300_000, MAX_COUNT])?;
    from.int_in_range(0..=most)
}

fn attempt(from: &mut Unstructured) -> Result<Attempt> {
    let kinds = [AttemptKind::Message, AttemptKind::Fallback, AttemptKind::Advisor, AttemptKind::Compaction];
    let models = [None, Some("claude-opus-5-5"), Some("claude-haiku-5-5"), Some("claude-unheard-of-9")];
    let model = from.choose(&models)?.map(Into::into);
    Ok(Attempt { kind: *from.choose(&kinds)?, model, tokens: tokens(from)? })
}
