//! What is known of all files below a config dir as one run of bytes, for looks for news: to read 9,600 rows takes ten
//! times as long.
//!
//! It is derived from `folder` and `transcript`, and void once these have changed (`account.changes` counts). Numbers
//! are LEB128, signed ones zigzag-coded; texts have their length before them; the CRC-32 of all stands at the front.

use super::cells::{put, take, unzigzag, zigzag};
use crate::model::{FileStamp, Folder, KnownFolder};

/// Of the CRC.
const HEAD: usize = 4;

/// What is known of all files below a config dir; taken apart by whoever needs it, on whatever thread.
#[derive(Debug, Clone)]
pub enum Known {
    Rows(Vec<KnownFolder>),
    /// Checked to be whole.
    Packed(Vec<u8>),
}

impl Known {
    /// Of bytes that may be damaged.
    pub(super) fn packed(bytes: &[u8]) -> Option<Self> {
        let (crc, rest) = bytes.split_first_chunk::<HEAD>()?;
        (*crc == crc32fast::hash(rest).to_le_bytes()).then(|| Self::Packed(rest.into()))
    }

    /// In bytes or so; what is small is not worth a thread.
    pub fn size(&self) -> usize {
        match self {
            Self::Rows(known) => known.iter().map(|known| 60 * (1 + known.files.len())).sum(),
            Self::Packed(bytes) => bytes.len(),
        }
    }

    pub fn folders(&self) -> Vec<KnownFolder> {
        match self {
            Self::Rows(known) => known.clone(),
            Self::Packed(bytes) => unpack(bytes),
        }
    }
}

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

fn unpack(mut bytes: &[u8]) -> Vec<KnownFolder> {
    let mut known = Vec::new();
    while !bytes.is_empty() {
        let Some(folder) = folder(&mut bytes) else { break };
        known.push(folder);
    }
    known
}

fn folder(bytes: &mut &[u8]) -> Option<KnownFolder> {
    let path = take_text(bytes)?.into();
    let folder = Folder { path, modified_ns: number(bytes)? };
    let count = usize::try_from(take(bytes)?).ok()?;
    let mut files = Vec::with_capacity(count.min(bytes.len()));
    for _ in 0..count {
        let name = take_text(bytes)?.into();
        let mut number = || number(bytes);
        let stamp =
            FileStamp { device: number()?, inode: number()?, size_bytes: number()?, modified_ns: number()? };
        files.push((name, stamp));
    }
    Some(KnownFolder { folder, files })
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
    use super::{Known, pack};
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
            prop_assert_eq!(Known::packed(&pack(&known)).map(|packed| packed.folders()), Some(known));
        }

        #[test]
        fn what_is_damaged_is_void(known in prop::collection::vec(folder(), 0..4), at in any::<prop::sample::Index>()) {
            let mut bytes = pack(&known);
            let at = at.index(bytes.len());
            prop_assert!(Known::packed(&bytes[..at]).is_none());
            bytes[at] ^= 1;
            prop_assert!(Known::packed(&bytes).is_none());
        }
    }
}
