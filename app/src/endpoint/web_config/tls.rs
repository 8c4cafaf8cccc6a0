//! What the file says of TLS, as rustls takes it.

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::ring::{self, kx_group};
use rustls::crypto::{CryptoProvider, SupportedKxGroup};
use rustls::pki_types::pem::{Error as PemError, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, SupportedCipherSuite, SupportedProtocolVersion, version};
use webpki::EndEntityCert;

use super::Error;
use super::file::{ClientAuth, Curve, TlsServer, Version, beside, text_of};

pub(in crate::endpoint) struct Tls {
    pub(in crate::endpoint) config: Arc<ServerConfig>,
    pub(in crate::endpoint) requires_certificate: bool,
    /// None: any that the CA vouches for.
    allowed_sans: Option<Vec<String>>,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.debug_struct("Tls")
            .field("requires_certificate", &self.requires_certificate)
            .finish_non_exhaustive()
    }
}

impl Tls {
    /// `path` is the file that said it.
    pub(super) fn new(path: &Path, said: &TlsServer) -> Result<Self, Error> {
        let wrong = |what: String| Error::Wrong { path: path.to_owned(), what };
        let (certs_at, certs) = pem(path, "cert", said.cert.as_deref(), said.cert_file.as_deref())?;
        let key = said.key.as_ref().map(|key| key.0.as_str());
        let (key_at, key) = pem(path, "key", key, said.key_file.as_deref())?;
        let certs = certificates(&certs).map_err(|error| unusable(&certs_at, "certificate", &error))?;
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes())
            .map_err(|error| unusable(&key_at, "private key", &error))?;

        let provider = Arc::new(provider(said).map_err(&wrong)?);
        let versions = versions(said).map_err(&wrong)?;
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&versions)
            .map_err(|error| wrong(error.to_string()))?;
        let names_ca = said.client_ca.is_some() || said.client_ca_file.is_some();
        let builder = if said.client_auth_type == ClientAuth::No {
            if names_ca || said.client_allowed_sans.is_some() {
                return Err(wrong(
                    "client certificates are told of, but no client_auth_type that asks for any".into(),
                ));
            }
            builder.with_no_client_auth()
        } else {
            let (at, cas) =
                pem(path, "client_ca", said.client_ca.as_deref(), said.client_ca_file.as_deref())?;
            let mut roots = RootCertStore::empty();
            for ca in certificates(&cas).map_err(|error| unusable(&at, "certificate", &error))? {
                roots.add(ca).map_err(|error| unusable(&at, "certificate", &error))?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            let verifier = match said.client_auth_type {
                ClientAuth::Required => verifier,
                _ if said.client_allowed_sans.is_some() => {
                    let what = "client_allowed_sans takes client_auth_type RequireAndVerifyClientCert";
                    return Err(wrong(what.into()));
                }
                _ => verifier.allow_unauthenticated(),
            };
            builder.with_client_cert_verifier(verifier.build().map_err(|error| wrong(error.to_string()))?)
        };
        let mut config = builder
            .with_single_cert(certs, key)
            .map_err(|error| wrong(format!("certificate and key cannot be used: {error}")))?;
        config.ignore_client_order = said.prefer_server_cipher_suites.unwrap_or(true);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self {
            config: Arc::new(config),
            requires_certificate: said.client_auth_type == ClientAuth::Required,
            allowed_sans: said.client_allowed_sans.clone(),
        })
    }

    /// Whether a client may come in by its certificate, which has been verified.
    pub(in crate::endpoint) fn allows(&self, certificates: Option<&[CertificateDer]>) -> bool {
        let Some(allowed) = &self.allowed_sans else { return true };
        let Some(Ok(certificate)) = certificates.and_then(<[_]>::first).map(EndEntityCert::try_from) else {
            return false;
        };
        let is_allowed = |name: &str| allowed.iter().any(|allowed| allowed == name);
        let has_address = |allowed: &String| {
            let address = allowed.parse::<IpAddr>();
            address
                .is_ok_and(|ip| certificate.verify_is_valid_for_subject_name(&ServerName::from(ip)).is_ok())
        };
        certificate.valid_dns_names().any(is_allowed)
            || certificate.valid_uri_names().any(is_allowed)
            || allowed.iter().any(has_address)
    }
}

/// PEM that stands in the file, or in one that it names, and where that is.
fn pem(
    path: &Path,
    key: &str,
    inline: Option<&str>,
    file: Option<&Path>,
) -> Result<(PathBuf, String), Error> {
    let wrong = |what: String| Err(Error::Wrong { path: path.to_owned(), what });
    match (inline, file) {
        (Some(text), None) => Ok((path.to_owned(), text.to_owned())),
        (None, Some(file)) => {
            let file = beside(path, file);
            text_of(&file).map(|text| (file, text))
        }
        (None, None) => wrong(format!("TLS takes one of {key} and {key}_file")),
        (Some(_), Some(_)) => wrong(format!("{key} and {key}_file cannot both be meant")),
    }
}

fn certificates(pem: &str) -> Result<Vec<CertificateDer<'static>>, PemError> {
    let certificates = CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<Vec<_>, _>>()?;
    if certificates.is_empty() { Err(PemError::NoItemsFound) } else { Ok(certificates) }
}

fn unusable(path: &Path, what: &str, error: &dyn std::error::Error) -> Error {
    Error::Wrong { path: path.to_owned(), what: format!("no {what} that can be used: {error}") }
}

fn provider(said: &TlsServer) -> Result<CryptoProvider, String> {
    let mut provider = ring::default_provider();
    if !said.cipher_suites.is_empty() {
        // Go's names, and that of TLS 1.3 suites is without the 13. Those are not for choosing.
        let name = |suite: &SupportedCipherSuite| format!("{:?}", suite.suite()).replace("TLS13_", "TLS_");
        let known = &provider.cipher_suites;
        if let Some(other) =
            said.cipher_suites.iter().find(|wanted| !known.iter().any(|suite| name(suite) == **wanted))
        {
            let known: Vec<String> = known.iter().map(name).collect();
            return Err(format!("the cipher suite {other} is none of {}", known.join(", ")));
        }
        let rank = |suite: &SupportedCipherSuite| {
            said.cipher_suites.iter().position(|wanted| name(suite) == *wanted)
        };
        let is_tls13 = |suite: &SupportedCipherSuite| suite.tls13().is_some();
        provider.cipher_suites.retain(|suite| is_tls13(suite) || rank(suite).is_some());
        provider.cipher_suites.sort_by_key(|suite| (!is_tls13(suite), rank(suite)));
    }
    if !said.curve_preferences.is_empty() {
        provider.kx_groups = said.curve_preferences.iter().map(|curve| group(*curve)).collect();
    }
    Ok(provider)
}

fn group(curve: Curve) -> &'static dyn SupportedKxGroup {
    match curve {
        Curve::CurveP256 => kx_group::SECP256R1,
        Curve::CurveP384 => kx_group::SECP384R1,
        Curve::X25519 => kx_group::X25519,
    }
}

fn versions(said: &TlsServer) -> Result<Vec<&'static SupportedProtocolVersion>, String> {
    let least = said.min_version.unwrap_or(Version::Tls12);
    let most = said.max_version.unwrap_or(Version::Tls13);
    let all = [(Version::Tls13, &version::TLS13), (Version::Tls12, &version::TLS12)];
    let meant: Vec<_> =
        all.into_iter().filter(|(version, _)| (least..=most).contains(version)).map(|(_, it)| it).collect();
    if meant.is_empty() { Err("min_version is above max_version".into()) } else { Ok(meant) }
}
