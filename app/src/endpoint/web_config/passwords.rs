//! Who may come in by name and password, hashed with bcrypt.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::str::FromStr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bcrypt::HashParts;
use ring::hmac;
use ring::rand::SystemRandom;
use serde::{Deserialize, Deserializer};

use super::file::scalar;

/// As many as there may be scrapers.
const REMEMBERED: usize = 128;

/// Names and hashes.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(transparent)]
pub(in crate::endpoint) struct Users(BTreeMap<String, Hash>);

#[derive(Clone)]
struct Hash(String);

impl<'de> Deserialize<'de> for Hash {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        scalar(from, |hash| match HashParts::from_str(hash) {
            Ok(_) => Ok(Self(hash.to_owned())),
            Err(_) => Err("a password must be a bcrypt hash, as of `htpasswd -nBC 10 NAME`".into()),
        })
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("<hash>")
    }
}

impl Hash {
    fn cost(&self) -> u32 {
        HashParts::from_str(&self.0).map_or(0, |parts| parts.get_cost())
    }
}

impl Users {
    pub(in crate::endpoint) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Name and password, as in an `Authorization` header.
pub(in crate::endpoint) fn basic(authorization: &str) -> Option<(String, String)> {
    let (scheme, encoded) = authorization.split_once(' ')?;
    let decoded = STANDARD.decode(encoded.trim()).ok().filter(|_| scheme.eq_ignore_ascii_case("basic"))?;
    let (user, password) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}

/// A check of a name and password that is still to be made, which takes 50 ms and more.
pub(in crate::endpoint) struct Check {
    hash: Hash,
    password: String,
    is_user: bool,
    tag: hmac::Tag,
}

impl Check {
    /// Takes the same time whether there is such a user or not.
    pub(in crate::endpoint) fn is_right(&self) -> bool {
        // An error can only be of the hash, which was read before.
        let is_right = bcrypt::verify(&self.password, &self.hash.0).unwrap_or(false);
        is_right && self.is_user
    }
}

/// Those that were right before, since checking takes so long. What is kept is of no use elsewhere: it is keyed by
/// random bytes of this process, and by the hash, so that a changed password ends it.
pub(in crate::endpoint) struct Passwords {
    key: hmac::Key,
    right: Mutex<VecDeque<hmac::Tag>>,
}

impl fmt::Debug for Passwords {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("Passwords")
    }
}

impl Passwords {
    /// None: the system gives no random bytes.
    pub(super) fn new() -> Option<Self> {
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new()).ok()?;
        Some(Self { key, right: Mutex::default() })
    }

    /// None: it was right before.
    pub(in crate::endpoint) fn check(&self, users: &Users, user: &str, password: String) -> Option<Check> {
        let known = users.0.get(user);
        // For one who is not known, the slowest of all.
        let hash = known.or_else(|| users.0.values().max_by_key(|hash| hash.cost()))?.clone();
        // Hashes are of one length, and a name has no colon.
        let tag = hmac::sign(&self.key, format!("{}{user}:{password}", hash.0).as_bytes());
        let is_remembered =
            known.is_some() && self.right().iter().any(|right| right.as_ref() == tag.as_ref());
        (!is_remembered).then(|| Check { hash, password, is_user: known.is_some(), tag })
    }

    /// Of one that was right.
    pub(in crate::endpoint) fn remember(&self, check: &Check) {
        let mut right = self.right();
        right.truncate(REMEMBERED - 1);
        right.push_front(check.tag);
    }

    fn right(&self) -> MutexGuard<'_, VecDeque<hmac::Tag>> {
        self.right.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn users() -> Users {
        let hash = bcrypt::hash("open sesame", 4).unwrap();
        yaml_serde::from_str(&format!("ann: {hash}\nbob: {}\n", bcrypt::hash("x", 5).unwrap())).unwrap()
    }

    #[test]
    fn a_header_tells_name_and_password() {
        let of = |user: &str| format!("Basic {}", STANDARD.encode(user));
        let told = |header: &str| basic(header).map(|(user, password)| format!("{user} {password}"));
        assert_eq!(told(&of("ann:a:b")).as_deref(), Some("ann a:b"));
        assert_eq!(told(&of(":")).as_deref(), Some(" "));
        assert_eq!(told(&of("ann:x").replace("Basic", "basic")).as_deref(), Some("ann x"));
        for nothing in
            ["", "Basic", "Basic ", "Basic !", "Bearer YTpi", &of("ann"), "Basic /w==", "Basic /zo="]
        {
            assert_eq!(told(nothing), None, "{nothing}");
        }
    }

    #[test]
    fn a_password_that_was_right_need_not_be_hashed_again() {
        let (passwords, users) = (Passwords::new().unwrap(), users());
        let check = passwords.check(&users, "ann", "open sesame".into()).unwrap();
        assert!(check.is_right());
        passwords.remember(&check);
        assert!(passwords.check(&users, "ann", "open sesame".into()).is_none());
        for (user, password) in
            [("ann", "open sesam"), ("bob", "open sesame"), ("eve", "open sesame"), ("", "")]
        {
            let check = passwords.check(&users, user, password.into()).unwrap();
            assert!(!check.is_right(), "{user} {password}");
        }
        let changed =
            yaml_serde::from_str(&format!("ann: {}", bcrypt::hash("open sesame", 4).unwrap())).unwrap();
        assert!(passwords.check(&changed, "ann", "open sesame".into()).is_some(), "another hash");
    }

    #[test]
    fn someone_unknown_is_hashed_as_long_as_the_slowest() {
        let check = Passwords::new().unwrap().check(&users(), "eve", "x".into()).unwrap();
        assert_eq!(check.hash.cost(), 5);
        assert!(!check.is_right(), "even with a password of another");
    }

    #[test]
    fn nothing_shows_a_hash() {
        assert!(!format!("{:?}", users()).contains("$2"));
    }
}
