//! What is known of all files below a config dir as one run of bytes, for looks for news: to read 9,600 rows takes ten
//! times as long.
//!
//! It is derived from `folder` and `transcript`, and void once these have changed (`account.changes` counts). Numbers
//! are LEB128, signed ones zigzag-coded; texts have their length before them; the CRC-32 of all stands at the front.

use super::cells::{put, take, unzigzag, zigzag};
use crate::model::{FileStamp, Folder, KnownFolder};

/// Of the CRC.
const HEAD: usize = 4;

pub(super) fn pack(known: &[KnownFolder]) -> Vec<u8> {
    let mut bytes = vec![0; HEAD];
    for KnownFolder { folder, files } in known {
        put_text(&mut bytes, &folder.path);
        put(&mut bytes, zigzag(folder.modified_ns));
        put(&mut bytes, files.len() as u64);
        for (name, stamp) in files {
            put_text(&mut bytes, name);
            for number in [stamp.device, stamp.inode, stamp.size_bytes, stamp.modified_ns] {
                put(&mut bytes, zigzag(number));
            }
        }
    }
    let crc = crc32fast::hash(&bytes[HEAD..]);
    bytes[..HEAD].copy_from_slice(&crc.to_le_bytes());
    bytes
}

/// None where the bytes are no such run.
pub(super) fn unpack(packed: &[u8]) -> Option<Vec<KnownFolder>> {
    let (crc, mut bytes) = packed.split_first_chunk::<HEAD>()?;
    if *crc != crc32fast::hash(bytes).to_le_bytes() {
        return None;
    }
    let mut known = Vec::new();
    while !bytes.is_empty() {
        let path = take_text(&mut bytes)?.into();
        let folder = Folder { path, modified_ns: number(&mut bytes)? };
        let count = usize::try_from(take(&mut bytes)?).ok()?;
        let mut files = Vec::with_capacity(count.min(bytes.len()));
        for _ in 0..count {
            let name = take_text(&mut bytes)?.into();
            let mut number = || number(&mut bytes);
            let stamp = FileStamp {
                device: number()?,
                inode: number()?,
                size_bytes: number()?,
                modified_ns: number()?,
            };
            files.push((name, stamp));
        }
        known.push(KnownFolder { folder, files });
    }
    Some(known)
}

fn number(bytes: &mut &[u8]) -> Option<i64> {
    take(bytes).map(unzigzag)
}

fn put_text(bytes: &mut Vec<u8>, text: &str) {
    put(bytes, text.len() as u64);
    bytes.extend(text.as_bytes());
}

fn take_text<'b>(bytes: &mut &'b [u8]) -> Option<&'b str> {
    let length = usize::try_from(take(bytes)?).ok()?;
    let (text, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    std::str::from_utf8(text).ok()
}

#[cfg(test)]
mod tests {
    use super::{pack, unpack};
    use crate::model::{FileStamp, Folder, KnownFolder};
    use proptest::prelude::*;

    fn folder() -> impl Strategy<Value = KnownFolder> {
        let stamp = any::<[i64; 4]>().prop_map(|[device, inode, size_bytes, modified_ns]| FileStamp {
            device,
            inode,
            size_bytes,
            modified_ns,
        });
        (".*", any::<i64>(), prop::collection::vec((".*", stamp), 0..4)).prop_map(
            |(path, modified_ns, files)| KnownFolder {
                folder: Folder { path: path.into(), modified_ns },
                files,
            },
        )
    }

    proptest! {
        #[test]
        fn what_was_packed_comes_out(known in prop::collection::vec(folder(), 0..4)) {
            prop_assert_eq!(unpack(&pack(&known)), Some(known));
        }

        #[test]
        fn what_is_damaged_is_void(known in prop::collection::vec(folder(), 0..4), at in any::<prop::sample::Index>()) {
            let mut bytes = pack(&known);
            let at = at.index(bytes.len());
            prop_assert_eq!(unpack(&bytes[..at]), None);
            bytes[at] ^= 1;
            prop_assert_eq!(unpack(&bytes), None);
        }
    }
}
