//! What the cache saved: what the same tokens would have cost as plain input, less what they cost.
//!
//! What a cache read costs less than input is saved, what a cache write costs more is spent on it; so all in all the
//! saving can be negative. All of it is at list price, under what multiplied the response's prices. Nothing else changes: a prompt is
//! as long with a cache as without, so that its tier stays.

use std::ops::{AddAssign, Neg};

use super::{Bill, Flags, Prices, Request};
use crate::model::{Attempt, Tokens};

/// What the cache changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Saved {
    /// What cache reads would have cost more as plain input.
    pub reads_picousd: i64,
    /// What cache writes cost beyond plain input.
    pub writes_picousd: i64,
}

impl Saved {
    /// All in all.
    pub fn net_picousd(self) -> i64 {
        self.reads_picousd - self.writes_picousd
    }
}

impl AddAssign for Saved {
    fn add_assign(&mut self, other: Self) {
        self.reads_picousd += other.reads_picousd;
        self.writes_picousd += other.writes_picousd;
    }
}

impl Neg for Saved {
    type Output = Self;

    fn neg(self) -> Self {
        Self { reads_picousd: -self.reads_picousd, writes_picousd: -self.writes_picousd }
    }
}

/// Of one response. None: without a price for all of it, there is nothing to say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Saving {
    /// Of the response's own tokens.
    pub own: Option<Saved>,
    /// Of each of the bill's extras.
    pub extras: Vec<Option<Saved>>,
}

impl Prices {
    /// What the cache saved of a bill, which these prices made for the request.
    pub fn saving(&self, request: &Request, bill: &Bill) -> Saving {
        // Attempts that were not priced one by one must not begin to be.
        let is_priced = |index| {
            !bill.flags.contains(Flags::ITERATIONS_MISMATCH)
                || bill.extras.iter().any(|extra| extra.attempt == index)
        };
        let without = |tokens_of: fn(&Tokens) -> Tokens| {
            let attempts = request.attempts.iter().enumerate().map(|(index, attempt)| Attempt {
                tokens: if is_priced(index) { tokens_of(&attempt.tokens) } else { Tokens::default() },
                ..attempt.clone()
            });
            let attempts: Vec<Attempt> = attempts.collect();
            self.bill(&Request { tokens: tokens_of(&request.tokens), attempts: &attempts, ..*request })
        };
        let (unread, uncached) = (without(unread), without(uncached));
        let saved = |cost: Option<i64>, unread: Option<i64>, uncached: Option<i64>| {
            Some(Saved {
                reads_picousd: unread?.checked_sub(cost?)?,
                writes_picousd: unread?.checked_sub(uncached?)?,
            })
        };
        let extras = bill.extras.iter().zip(&unread.extras).zip(&uncached.extras);
        Saving {
            own: saved(bill.cost_picousd, unread.cost_picousd, uncached.cost_picousd),
            extras: extras
                .map(|((cost, unread), uncached)| {
                    saved(cost.cost_picousd, unread.cost_picousd, uncached.cost_picousd)
                })
                .collect(),
        }
    }
}

fn unread(tokens: &Tokens) -> Tokens {
    Tokens { input: tokens.input + tokens.cache_read, cache_read: 0, ..*tokens }
}

fn uncached(tokens: &Tokens) -> Tokens {
    Tokens { input: tokens.prompt(), output: tokens.output, ..Tokens::default() }
}

#[cfg(test)]
mod tests {
    use super::{Saved, Saving};
    use crate::model::{Attempt, AttemptKind, Tokens};
    use crate::pricing::{Prices, Request};
    use jiff::Timestamp;
    use proptest::prelude::*;

    /// `tokens` are those of input, output, cache reads, and cache writes of 5 minutes and of an hour.
    fn saving(model: &str, tokens: [i64; 5], change: impl Fn(&mut Request)) -> Saving {
        saving_of_attempts(model, tokens, &[], change)
    }

    fn saving_of_attempts(
        model: &str,
        tokens: [i64; 5],
        attempts: &[Attempt],
        change: impl Fn(&mut Request),
    ) -> Saving {
        let prices = Prices::embedded();
        let model = prices.resolve(model);
        let at: Timestamp = "2026-11-20T12:00Z".parse().unwrap();
        let mut request = Request {
            model: &model,
            speed: "standard",
            inference_geo: "",
            service_tier: "standard",
            message_id: "msg_01",
            at_ms: at.as_millisecond(),
            tokens: of(tokens),
            web_searches: 0,
            attempts,
            is_refused: false,
        };
        change(&mut request);
        prices.saving(&request, &prices.bill(&request))
    }

    fn of([input, output, cache_read, short, long]: [i64; 5]) -> Tokens {
        Tokens { input, output, cache_read, cache_write_5m: short, cache_write_1h: long }
    }

    fn attempt(kind: AttemptKind, model: Option<&str>, tokens: [i64; 5]) -> Attempt {
        Attempt { kind, model: model.map(Into::into), tokens: of(tokens) }
    }

    /// All in all; dollars by the million tokens are millionths of a dollar by the token.
    fn micro(saved: Option<Saved>) -> Option<i64> {
        saved.map(|saved| saved.net_picousd() / 1_000_000)
    }

    #[test]
    fn reads_save_and_writes_cost() {
        // Opus 5.5: input 4, 5-minute write 5, 1-hour write 8, read 0.20.
        for (tokens, want) in [
            ([7, 9, 0, 0, 0], 0),
            ([0, 0, 100, 0, 0], 380),
            ([0, 0, 0, 100, 0], -100),
            ([0, 0, 0, 0, 100], -400),
            ([7, 9, 1000, 100, 100], 3300),
        ] {
            assert_eq!(micro(saving("claude-opus-5-5", tokens, |_| {}).own), Some(want), "{tokens:?}");
        }
    }

    #[test]
    fn what_multiplies_the_price_multiplies_the_saving() {
        let tokens = [0, 0, 100, 0, 0];
        let opus = |change: fn(&mut Request)| micro(saving("claude-opus-5-5", tokens, change).own);
        assert_eq!(opus(|request| request.speed = "fast"), Some(760));
        assert_eq!(opus(|request| request.inference_geo = "us"), Some(418));
        assert_eq!(opus(|request| request.web_searches = 3), Some(380), "searches have no cache");
        assert_eq!(opus(|request| request.is_refused = true), Some(0), "what is not billed saves nothing");
    }

    #[test]
    fn the_tier_is_that_of_the_whole_prompt() {
        // Haiku 5.5: input 0.10 and read 0.01 up to 100,000, then 0.50 and 0.05.
        let haiku = |cache_read| micro(saving("claude-haiku-5-5", [0, 0, cache_read, 0, 0], |_| {}).own);
        assert_eq!(haiku(100_000), Some(9_000));
        assert_eq!(haiku(200_000), Some(90_000));
    }

    #[test]
    fn an_extra_attempt_saves_at_its_own_model() {
        let attempts = [
            attempt(AttemptKind::Message, None, [10, 5, 100, 0, 0]),
            attempt(AttemptKind::Advisor, Some("claude-fable-5-2"), [0, 3, 100, 0, 0]),
            attempt(AttemptKind::Advisor, Some("claude-next"), [0, 3, 100, 0, 0]),
        ];
        let got = saving_of_attempts("claude-opus-5-5", [10, 5, 100, 0, 0], &attempts, |_| {});
        assert_eq!(micro(got.own), Some(380));
        assert_eq!(got.extras.iter().map(|extra| micro(*extra)).collect::<Vec<_>>(), [Some(780), None]);
    }

    #[test]
    fn attempts_that_do_not_add_up_stay_one_request() {
        // They add up to as many tokens, of other classes: two prompts below the tier's bound, one above it.
        let attempts = [
            attempt(AttemptKind::Message, None, [80_000, 5, 0, 0, 0]),
            attempt(AttemptKind::Message, None, [0, 5, 80_000, 0, 0]),
        ];
        let got = saving_of_attempts("claude-haiku-5-5", [0, 10, 160_000, 0, 0], &attempts, |_| {});
        assert_eq!(micro(got.own), Some(72_000));
    }

    #[test]
    fn without_a_price_nothing_is_said() {
        assert_eq!(saving("claude-next", [1, 2, 3, 4, 5], |_| {}), Saving::default());
        assert_eq!(saving("<synthetic>", [0; 5], |_| {}).own, Some(Saved::default()));
    }

    proptest! {
        #[test]
        fn it_is_the_sum_over_the_classes(tokens in prop::array::uniform5(0..10_000_000_i64)) {
            let [_, _, read, short, long] = tokens;
            let want = read * 3_800_000 - short * 1_000_000 - long * 4_000_000;
            let got = saving("claude-opus-5-5", tokens, |_| {}).own.unwrap();
            prop_assert_eq!(got.net_picousd(), want);
            prop_assert_eq!(got.reads_picousd, read * 3_800_000);
        }
    }
}
