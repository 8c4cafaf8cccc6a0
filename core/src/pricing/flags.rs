//! What to know about a cost before trusting it: flags, their names in reports, and a sentence on each.

/// Of a bill. The low 12 bits are left to the ledger.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Flags(u32);

/// A flag's name, and what it means, as a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Remark {
    pub name: &'static str,
    pub meaning: &'static str,
}

impl Flags {
    pub const NOT_BILLED: Self = Self(1 << 12);
    pub const FAST_PRICE_UNKNOWN: Self = Self(1 << 13);
    pub const REGION_UNKNOWN: Self = Self(1 << 14);
    pub const PRIORITY_TIER: Self = Self(1 << 15);
    pub const ITERATIONS_MISMATCH: Self = Self(1 << 16);
    pub const DECLINED_NOT_BILLED: Self = Self(1 << 17);
    pub const CLOUD_TIER_ASSUMED: Self = Self(1 << 18);
    pub const REFUSAL_ON_CLOUD: Self = Self(1 << 19);
    pub const PROMOTION: Self = Self(1 << 20);
    pub const OWN_PRICE: Self = Self(1 << 21);

    const REMARKS: [(Self, Remark); 10] = [
        (
            Self::NOT_BILLED,
            Remark {
                name: "refusal_not_billed",
                meaning: "Refused before any output: the tokens are not charged for.",
            },
        ),
        (
            Self::FAST_PRICE_UNKNOWN,
            Remark {
                name: "fast_price_unknown",
                meaning: "Ran in fast mode when the model had no fast price; taken at the standard price, a lower bound.",
            },
        ),
        (
            Self::REGION_UNKNOWN,
            Remark {
                name: "region_unknown",
                meaning: "Ran on a cloud, whose regions may cost more, and the model id does not say where; taken without the surcharge.",
            },
        ),
        (
            Self::PRIORITY_TIER,
            Remark {
                name: "priority_tier",
                meaning: "Ran on the priority tier, which has no public price; taken at list price.",
            },
        ),
        (
            Self::ITERATIONS_MISMATCH,
            Remark {
                name: "iterations_mismatch",
                meaning: "The model requests behind the response do not sum to it; priced as one request.",
            },
        ),
        (
            Self::DECLINED_NOT_BILLED,
            Remark {
                name: "declined_not_billed",
                meaning: "A model declined before any output, for which there is no charge; another one answered.",
            },
        ),
        (
            Self::CLOUD_TIER_ASSUMED,
            Remark {
                name: "cloud_tier_assumed",
                meaning: "A long prompt on a cloud, assumed to pay the surcharge that the first-party API dropped.",
            },
        ),
        (
            Self::REFUSAL_ON_CLOUD,
            Remark {
                name: "refusal_on_cloud",
                meaning: "That a refusal is free is stated for the first-party API only; a cloud may charge for it.",
            },
        ),
        (
            Self::PROMOTION,
            Remark { name: "promotion", meaning: "A launch promotion was in force and is in the cost." },
        ),
        (
            Self::OWN_PRICE,
            Remark {
                name: "own_price",
                meaning: "No price list has the model; priced as [[prices.model]] of the configuration says.",
            },
        ),
    ];

    pub fn bits(self) -> u32 {
        self.0
    }

    /// Takes the flags out of bits that may hold others' too.
    pub fn from_bits(bits: u32) -> Self {
        Self(Self::REMARKS.iter().fold(0, |all, (flag, _)| all | flag.0) & bits)
    }

    pub fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    pub fn insert(&mut self, other: Self) {
        self.0 |= other.0;
    }

    /// What the flags say.
    pub fn explain(self) -> impl Iterator<Item = Remark> {
        Self::REMARKS.into_iter().filter(move |(flag, _)| self.contains(*flag)).map(|(_, remark)| remark)
    }

    pub fn names(self) -> impl Iterator<Item = &'static str> {
        self.explain().map(|remark| remark.name)
    }
}

/// What the usage itself leaves open, which the ledger knows of a response and no bill does.
impl Remark {
    pub const TTL_UNKNOWN: Self = Self {
        name: "ttl_unknown",
        meaning: "Cache writes came without their lifetime; taken as 5-minute writes, a lower bound.",
    };
    pub const CODE_EXECUTION: Self = Self {
        name: "code_execution_unpriced",
        meaning: "Code was executed in a container, which may be charged by the hour; the usage does not tell how long, so the cost is without it.",
    };
    pub const ABORTED: Self = Self {
        name: "aborted",
        meaning: "The response was cut short and its last usage never came; the output is a lower bound.",
    };
    pub const TIME_INFERRED: Self = Self {
        name: "time_inferred",
        meaning: "The response has no readable time; its neighbour's decides the prices and the day.",
    };
}

#[cfg(test)]
mod tests {
    use super::{Flags, Remark};

    #[test]
    fn flags_survive_the_ledger_and_leave_its_bits_alone() {
        let all = Flags::from_bits(u32::MAX);
        assert_eq!(all.names().count(), Flags::REMARKS.len());
        assert_eq!(all.bits() & 0xfff, 0);
        assert_eq!(Flags::from_bits(all.bits() | 1), all);
        assert!(all.contains(Flags::PRIORITY_TIER) && !Flags::default().contains(Flags::PRIORITY_TIER));
    }

    #[test]
    fn every_flag_has_a_name_of_its_own_and_says_one_sentence() {
        let usage = [Remark::TTL_UNKNOWN, Remark::CODE_EXECUTION, Remark::ABORTED, Remark::TIME_INFERRED];
        let all: Vec<Remark> = Flags::from_bits(u32::MAX).explain().chain(usage).collect();
        for (at, Remark { name, meaning }) in all.iter().enumerate() {
            assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{name}");
            assert!(all[..at].iter().all(|other| other.name != *name), "{name} is there twice");
            let is_sentence = meaning.starts_with(char::is_uppercase) && meaning.ends_with('.');
            assert!(is_sentence && !meaning.contains(". "), "{name}: {meaning}");
        }
    }
}
