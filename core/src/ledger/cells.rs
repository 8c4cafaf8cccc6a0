//! Packed cells: the sums of one UTC day as one run of bytes.
//!
//! Cells stand in the order of their keys. A cell is a run of LEB128 numbers: quarter of the day, origin, terms,
//! provenance and pricing in one, responses, the five token classes, web searches, list cost, by how much the contract
//! cost differs from it, and what the cache saved and cost; sums are zigzag-coded, so that a small negative one is short too.
//! Before them stands the CRC-32 of the run: SQLite has no checksums, and a flipped bit must not become a wrong cost.

use super::rollup::{Key, Sums};
use crate::model::Tokens;
use crate::pricing::saving::Saved;

pub(super) const QUARTERS_OF_DAY: i64 = 96;

/// The day that a quarter lies in.
pub(super) fn day_of(quarter: i64) -> i64 {
    quarter.div_euclid(QUARTERS_OF_DAY)
}

/// Of the CRC.
const HEAD: usize = 4;

/// Packs cells, all of one day.
pub(super) fn pack(cells: &[(Key, Sums)]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEAD + cells.len() * 32);
    bytes.extend([0; HEAD]);
    for (key, sums) in cells {
        let kind = key.provenance << 2 | i64::from(key.is_contracted) << 1 | i64::from(key.is_priced);
        for number in [key.quarter.rem_euclid(QUARTERS_OF_DAY), key.origin, key.terms, kind] {
            put(&mut bytes, number.cast_unsigned());
        }
        let Sums { responses, tokens, web_searches, cost_picousd, contract_picousd, saved } = *sums;
        let Tokens { input, output, cache_read, cache_write_5m, cache_write_1h } = tokens;
        let extra = contract_picousd.wrapping_sub(cost_picousd);
        for number in [
            responses,
            input,
            output,
            cache_read,
            cache_write_5m,
            cache_write_1h,
            web_searches,
            cost_picousd,
            extra,
            saved.reads_picousd,
            saved.writes_picousd,
        ] {
            put(&mut bytes, zigzag(number));
        }
    }
    let crc = crc32fast::hash(&bytes[HEAD..]);
    bytes[..HEAD].copy_from_slice(&crc.to_le_bytes());
    bytes
}

/// Whether the bytes are as they were packed, in this or an older format.
pub(super) fn is_whole(packed: &[u8]) -> bool {
    packed
        .split_first_chunk::<HEAD>()
        .is_some_and(|(crc, bytes)| *crc == crc32fast::hash(bytes).to_le_bytes())
}

/// Takes them apart. False where the bytes are no such run: the ledger is damaged.
pub(super) fn unpack(day: i64, packed: &[u8], mut each: impl FnMut(Key, Sums)) -> bool {
    if !is_whole(packed) {
        return false;
    }
    let mut bytes = &packed[HEAD..];
    while !bytes.is_empty() {
        let Some((key, sums)) = cell(day, &mut bytes) else { return false };
        each(key, sums);
    }
    true
}

fn cell(day: i64, bytes: &mut &[u8]) -> Option<(Key, Sums)> {
    let quarter = day * QUARTERS_OF_DAY + take(bytes)?.cast_signed();
    let (origin, terms) = (take(bytes)?.cast_signed(), take(bytes)?.cast_signed());
    let kind = take(bytes)?.cast_signed();
    let key = Key {
        quarter,
        origin,
        terms,
        provenance: kind >> 2,
        is_priced: kind & 1 != 0,
        is_contracted: kind & 2 != 0,
    };
    let mut sum = || take(bytes).map(unzigzag);
    let responses = sum()?;
    let tokens = Tokens {
        input: sum()?,
        output: sum()?,
        cache_read: sum()?,
        cache_write_5m: sum()?,
        cache_write_1h: sum()?,
    };
    let (web_searches, cost_picousd) = (sum()?, sum()?);
    let contract_picousd = cost_picousd.wrapping_add(sum()?);
    let saved = Saved { reads_picousd: sum()?, writes_picousd: sum()? };
    Some((key, Sums { responses, tokens, web_searches, cost_picousd, contract_picousd, saved }))
}

pub(super) fn put(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    bytes.push(number.to_le_bytes()[0]);
}

pub(super) fn take(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

pub(super) fn zigzag(number: i64) -> u64 {
    (number << 1 ^ number >> 63).cast_unsigned()
}

pub(super) fn unzigzag(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ -((number & 1).cast_signed())
}

#[cfg(test)]
mod tests {
    use super::{QUARTERS_OF_DAY, pack, unpack};
    use crate::ledger::rollup::{Key, Sums};
    use crate::model::Tokens;
    use crate::pricing::saving::Saved;
    use proptest::prelude::*;

    fn unpacked(day: i64, bytes: &[u8]) -> (Vec<(Key, Sums)>, bool) {
        let mut cells = vec![];
        let is_whole = unpack(day, bytes, |key, sums| cells.push((key, sums)));
        (cells, is_whole)
    }

    fn sums() -> impl Strategy<Value = Sums> {
        let tokens =
            any::<[i64; 5]>().prop_map(|[input, output, cache_read, cache_write_5m, cache_write_1h]| {
                Tokens { input, output, cache_read, cache_write_5m, cache_write_1h }
            });
        (any::<[i64; 6]>(), tokens).prop_map(
            |(
                [responses, web_searches, cost_picousd, contract_picousd, reads_picousd, writes_picousd],
                tokens,
            )| Sums {
                responses,
                tokens,
                web_searches,
                cost_picousd,
                contract_picousd,
                saved: Saved { reads_picousd, writes_picousd },
            },
        )
    }

    prop_compose! {
        fn key(day: i64)(
            quarter in 0..QUARTERS_OF_DAY,
            origin in 0..i64::MAX,
            terms in 0..i64::MAX,
            provenance in 0..2_i64,
            is_priced in any::<bool>(),
            is_contracted in any::<bool>(),
        ) -> Key {
            Key { quarter: day * QUARTERS_OF_DAY + quarter, origin, terms, provenance, is_priced, is_contracted }
        }
    }

    proptest! {
        #[test]
        fn what_was_packed_comes_out(
            (day, cells) in (-1_000_000..1_000_000_i64).prop_flat_map(|day| {
                (Just(day), prop::collection::vec((key(day), sums()), 0..20))
            })
        ) {
            prop_assert_eq!(unpacked(day, &pack(&cells)), (cells, true));
        }

        #[test]
        fn a_flipped_bit_or_a_lost_end_is_told(
            cells in prop::collection::vec((key(7), sums()), 0..4),
            at in any::<prop::sample::Index>(),
            bit in 0..8_u8,
        ) {
            let bytes = pack(&cells);
            let at = at.index(bytes.len());
            prop_assert_eq!(unpacked(7, &bytes[..at]), (vec![], false));
            let mut flipped = bytes;
            flipped[at] ^= 1_u8 << bit;
            prop_assert_eq!(unpacked(7, &flipped), (vec![], false));
        }

        #[test]
        fn any_bytes_end(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            unpacked(0, &bytes);
        }
    }
}
