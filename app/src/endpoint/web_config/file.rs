//! The file as it is written.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue};
use serde::de::Visitor;
use serde::{Deserialize, Deserializer};

use super::Error;
use super::passwords::Users;
use super::rate::RateLimit;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    #[serde(rename = "tls_server_config")]
    pub(super) tls: Option<TlsServer>,
    #[serde(rename = "http_server_config")]
    pub(super) http: Option<HttpServer>,
    #[serde(rename = "basic_auth_users")]
    pub(super) users: Option<Users>,
    pub(super) rate_limit: Option<RateLimit>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct TlsServer {
    pub(super) cert: Option<String>,
    pub(super) cert_file: Option<PathBuf>,
    pub(super) key: Option<Secret>,
    pub(super) key_file: Option<PathBuf>,
    pub(super) client_auth_type: ClientAuth,
    pub(super) client_ca: Option<String>,
    pub(super) client_ca_file: Option<PathBuf>,
    pub(super) client_allowed_sans: Option<Vec<String>>,
    pub(super) min_version: Option<Version>,
    pub(super) max_version: Option<Version>,
    pub(super) cipher_suites: Vec<String>,
    pub(super) curve_preferences: Vec<Curve>,
    pub(super) prefer_server_cipher_suites: Option<bool>,
}

/// A private key, which no error message and no log must show.
#[derive(Deserialize)]
pub(super) struct Secret(pub(super) String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("<secret>")
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum ClientAuth {
    #[default]
    No,
    IfGiven,
    Required,
}

impl<'de> Deserialize<'de> for ClientAuth {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        scalar(from, |text| match text {
            "" | "NoClientCert" => Ok(Self::No),
            "VerifyClientCertIfGiven" => Ok(Self::IfGiven),
            "RequireAndVerifyClientCert" => Ok(Self::Required),
            "RequestClientCert" | "RequireAnyClientCert" | "RequireClientCert" => Err(format!(
                "{text} would accept any certificate without verifying it, which odin does not: \
                 use RequireAndVerifyClientCert"
            )),
            _ => Err(format!(
                "{text:?} is none of NoClientCert, VerifyClientCertIfGiven, RequireAndVerifyClientCert"
            )),
        })
    }
}

/// Text that means something, with what is wrong about it told at its own place in the file, which the parser knows
/// only as long as it is at the text.
pub(super) fn scalar<'de, D: Deserializer<'de>, T>(
    from: D,
    read: impl FnOnce(&str) -> Result<T, String>,
) -> Result<T, D::Error> {
    struct Scalar<F>(F);

    impl<T, F: FnOnce(&str) -> Result<T, String>> Visitor<'_> for Scalar<F> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
            f.write_str("text")
        }

        fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<T, E> {
            (self.0)(text).map_err(E::custom)
        }
    }

    from.deserialize_str(Scalar(read))
}

/// Those that are not broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub(super) enum Version {
    #[serde(rename = "TLS12")]
    Tls12,
    #[serde(rename = "TLS13")]
    Tls13,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(super) enum Curve {
    CurveP256,
    CurveP384,
    X25519,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HttpServer {
    /// Known, since it stands in many files; HTTP/1.1 is what every client speaks, too.
    #[serde(rename = "http2")]
    _http2: Option<bool>,
    headers: Option<BTreeMap<String, String>>,
}

/// The headers that may be set, and what they may say where that is told.
const HEADERS: &[(&str, &[&str])] = &[
    ("Content-Security-Policy", &[]),
    ("Strict-Transport-Security", &[]),
    ("X-Content-Type-Options", &["nosniff"]),
    ("X-Frame-Options", &["deny", "sameorigin"]),
    ("X-XSS-Protection", &[]),
];

impl File {
    pub(super) fn read(path: &Path) -> Result<Self, Error> {
        let text = text_of(path)?;
        // A file without a document asks for nothing.
        let file: Option<Self> =
            yaml_serde::from_str(&text).map_err(|source| Error::Parse { path: path.to_owned(), source })?;
        Ok(file.unwrap_or_default())
    }
}

pub(super) fn text_of(path: &Path) -> Result<String, Error> {
    std::fs::read_to_string(path).map_err(|source| Error::Read { path: path.to_owned(), source })
}

impl TlsServer {
    /// All files it names.
    pub(super) fn files(&self, config: &Path) -> impl Iterator<Item = PathBuf> {
        [&self.cert_file, &self.key_file, &self.client_ca_file]
            .into_iter()
            .flatten()
            .map(|file| beside(config, file))
    }
}

/// A path as it is meant by the file.
pub(super) fn beside(config: &Path, file: &Path) -> PathBuf {
    config.parent().unwrap_or(Path::new("")).join(file)
}

impl HttpServer {
    pub(super) fn headers(&self, path: &Path) -> Result<HeaderMap, Error> {
        let wrong = |what| Error::Wrong { path: path.to_owned(), what };
        let mut headers = HeaderMap::new();
        for (name, value) in self.headers.iter().flatten().filter(|(_, value)| !value.is_empty()) {
            let known = HEADERS.iter().find(|(known, _)| known == name);
            let Some((_, values)) = known else {
                let known: Vec<&str> = HEADERS.iter().map(|(name, _)| *name).collect();
                return Err(wrong(format!("the header {name} cannot be set, only {}", known.join(", "))));
            };
            if !values.is_empty() && !values.contains(&value.as_str()) {
                return Err(wrong(format!("{name} may be {}, not {value:?}", values.join(" or "))));
            }
            let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) else {
                return Err(wrong(format!("{name} cannot be {value:?}")));
            };
            headers.insert(name, value);
        }
        Ok(headers)
    }
}
