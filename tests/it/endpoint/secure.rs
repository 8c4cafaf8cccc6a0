//! TLS, client certificates, passwords and what else a web configuration asks for.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::StatusCode;
use odin::endpoint::web_config::{Error, WebConfig};
use odin::endpoint::{Options, Response, Route};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, SanType};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, ProtocolVersion, RootCertStore, StreamOwned};
use tempfile::TempDir;

use super::Served;
use super::client::{Client, connect};

/// A web configuration and the files that it names.
struct Folder {
    folder: TempDir,
}

/// Who vouches for certificates.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

/// A certificate and its key.
#[derive(Clone)]
struct Identity {
    pem: String,
    key_pem: String,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(vec![]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    fn vouch(&self, sans: Vec<SanType>) -> Identity {
        let mut params = CertificateParams::new(vec![]).unwrap();
        params.subject_alt_names = sans;
        let key = KeyPair::generate().unwrap();
        let pem = params.signed_by(&key, &self.issuer).unwrap().pem();
        Identity { pem, key_pem: key.serialize_pem() }
    }

    fn server(&self) -> Identity {
        self.vouch(vec![dns("localhost")])
    }
}

fn dns(name: &str) -> SanType {
    SanType::DnsName(name.try_into().unwrap())
}

impl Identity {
    fn certificate(&self) -> CertificateDer<'static> {
        CertificateDer::from_pem_slice(self.pem.as_bytes()).unwrap()
    }
}

impl Folder {
    fn new(config: &str) -> Self {
        let folder = Self { folder: tempfile::tempdir().unwrap() };
        folder.write("web.yml", config);
        folder
    }

    fn with_tls(more: &str, server: &Identity) -> Self {
        let tls = "tls_server_config:\n  cert_file: server.pem\n  key_file: server.key\n";
        let folder = Self::new(&format!("{tls}{more}"));
        folder.put(server);
        folder
    }

    fn put(&self, server: &Identity) {
        self.write("server.pem", &server.pem);
        self.write("server.key", &server.key_pem);
    }

    /// As an editor does it: never half a file.
    fn write(&self, name: &str, text: &str) {
        let new = self.folder.path().join("new");
        fs::write(&new, text).unwrap();
        fs::rename(new, self.folder.path().join(name)).unwrap();
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("web.yml")
    }

    fn load(&self) -> Result<WebConfig, Error> {
        WebConfig::load(&self.path())
    }

    fn serve(&self) -> (Served, Arc<WebConfig>) {
        let web = Arc::new(self.load().unwrap());
        let options = Options { web: Some(Arc::clone(&web)), ..Options::default() };
        let page = Route::get("/metrics", |_| Response::text(StatusCode::OK, "odin_build_info 1\n"));
        let posted = Route::post("/v1/logs", |request| Response::new("text/plain", request.body.clone()));
        (Served::new(options, vec![page, posted]), web)
    }
}

fn basic(user_and_password: &str) -> String {
    format!("Authorization: Basic {}\r\n", STANDARD.encode(user_and_password))
}

fn hash(password: &str) -> String {
    bcrypt::hash(password, 4).unwrap()
}

type Secure = Client<StreamOwned<ClientConnection, std::net::TcpStream>>;

/// Trusts the authority, and shows who it is.
fn secure(served: &Served, trusted: &Authority, identity: Option<&Identity>) -> Secure {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(trusted.pem.as_bytes()).unwrap()).unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let config = match identity {
        Some(Identity { key_pem, .. }) => {
            let key = PrivateKeyDer::from_pem_slice(key_pem.as_bytes()).unwrap();
            builder.with_client_auth_cert(vec![identity.unwrap().certificate()], key).unwrap()
        }
        None => builder.with_no_client_auth(),
    };
    let name = ServerName::try_from("localhost").unwrap();
    let connection = ClientConnection::new(Arc::new(config), name).unwrap();
    Client::over(StreamOwned::new(connection, connect(served.address)))
}

/// The status of a scrape; none if the server would not have it.
fn scraped(client: &mut Secure) -> Option<u16> {
    client.try_send("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").then_some(())?;
    client.answer().map(|answer| answer.status)
}

#[test]
fn only_who_knows_a_password_comes_in() {
    let folder = Folder::new(&format!("basic_auth_users:\n  ann: {}\n  bob: {}\n", hash("a:b"), hash("")));
    let (served, web) = folder.serve();
    assert!(web.has_auth());
    let mut client = Client::new(served.address);
    let refused = client.get("/metrics", "");
    assert_eq!(refused.status, 401);
    assert_eq!(refused.header("www-authenticate"), "Basic realm=\"odin\", charset=\"UTF-8\"");
    for (headers, status) in [
        (basic("ann:a:b"), 200),
        (basic("ann:a:b"), 200),
        (basic("ann:a:c"), 401),
        (basic("ann:"), 401),
        (basic("bob:"), 200),
        (basic("bob:a:b"), 401),
        (basic("eve:a:b"), 401),
        (basic("ann"), 401),
        ("Authorization: Bearer YW5uOmE6Yg==\r\n".into(), 401),
        ("Authorization: Basic ä\r\n".into(), 401),
    ] {
        assert_eq!(client.get("/metrics", &headers).status, status, "{headers}");
    }
    assert_eq!(client.get("/nothing", "").status, 401, "nor is told what there is");
    assert_eq!(client.get("/nothing", &basic("ann:a:b")).status, 404);
    assert_eq!(served.counts.unauthorized.load(Ordering::Relaxed), 9);

    client.send(format!(
        "POST /v1/logs HTTP/1.1\r\nHost: localhost\r\n{}Content-Length: 2\r\n\r\nhi",
        basic("ann:a:b")
    ));
    assert_eq!(client.answer().unwrap().text(), "hi");
}

#[test]
fn tls_is_spoken_where_there_is_a_certificate() {
    let authority = Authority::new();
    let folder = Folder::with_tls("", &authority.server());
    let (served, web) = folder.serve();
    assert!(!web.has_auth());
    let mut client = secure(&served, &authority, None);
    assert_eq!(client.get("/metrics", "").text(), "odin_build_info 1\n");
    assert_eq!(client.get("/metrics", "").status, 200);
    assert_eq!(client.stream().conn.protocol_version(), Some(ProtocolVersion::TLSv1_3));

    let mut plain = Client::new(served.address);
    plain.send("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert!(!String::from_utf8_lossy(&plain.rest()).contains("odin_build_info"));
    assert_eq!(scraped(&mut client), Some(200));
}

#[test]
fn tls_is_spoken_as_it_is_asked_for() {
    let authority = Authority::new();
    let more = "  max_version: TLS12\n  cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256]\n  \
        curve_preferences: [CurveP384]\n";
    let folder = Folder::with_tls(more, &authority.server());
    let (served, _) = folder.serve();
    let mut client = secure(&served, &authority, None);
    assert_eq!(scraped(&mut client), Some(200));
    let connection = &client.stream().conn;
    assert_eq!(connection.protocol_version(), Some(ProtocolVersion::TLSv1_2));
    let suite = connection.negotiated_cipher_suite().unwrap().suite();
    assert_eq!(suite, rustls::CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256);
    let group = connection.negotiated_key_exchange_group().unwrap().name();
    assert_eq!(group, rustls::NamedGroup::secp384r1);
}

#[test]
fn certificates_and_keys_may_stand_in_the_file() {
    let authority = Authority::new();
    let Identity { pem, key_pem } = authority.server();
    let indented = |pem: &str| pem.trim_end().replace('\n', "\n    ");
    let config = format!(
        "tls_server_config:\n  cert: |\n    {}\n  key: |\n    {}\n  client_ca: |\n    {}\n  \
         client_auth_type: RequireAndVerifyClientCert\n",
        indented(&pem),
        indented(&key_pem),
        indented(&authority.pem)
    );
    let folder = Folder::new(&config);
    let (served, _) = folder.serve();
    assert_eq!(scraped(&mut secure(&served, &authority, Some(&authority.vouch(vec![])))), Some(200));
}

#[test]
fn client_certificates_are_verified() {
    let (authority, other) = (Authority::new(), Authority::new());
    let (ours, theirs) = (authority.vouch(vec![dns("scraper.test")]), other.vouch(vec![dns("scraper.test")]));
    for (auth, without) in [("RequireAndVerifyClientCert", None), ("VerifyClientCertIfGiven", Some(200))] {
        let more = format!("  client_auth_type: {auth}\n  client_ca_file: ca.pem\n");
        let folder = Folder::with_tls(&more, &authority.server());
        folder.write("ca.pem", &authority.pem);
        let (served, web) = folder.serve();
        assert_eq!(web.has_auth(), without.is_none(), "{auth}");
        assert_eq!(scraped(&mut secure(&served, &authority, Some(&ours))), Some(200), "{auth}");
        assert_eq!(scraped(&mut secure(&served, &authority, Some(&theirs))), None, "{auth}");
        assert_eq!(scraped(&mut secure(&served, &authority, None)), without, "{auth}");
    }
}

#[test]
fn client_certificates_may_have_to_have_a_name() {
    let authority = Authority::new();
    let more = "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.pem\n  \
        client_allowed_sans: [scraper.test, 10.1.2.3, 'spiffe://test/prometheus']\n";
    let folder = Folder::with_tls(more, &authority.server());
    folder.write("ca.pem", &authority.pem);
    let (served, _) = folder.serve();
    let uri = |uri: &str| SanType::URI(uri.try_into().unwrap());
    let ip = |ip: &str| SanType::IpAddress(ip.parse().unwrap());
    for (sans, is_allowed) in [
        (vec![dns("scraper.test")], true),
        (vec![dns("other.test"), dns("scraper.test")], true),
        (vec![ip("10.1.2.3")], true),
        (vec![uri("spiffe://test/prometheus")], true),
        (vec![dns("other.test"), ip("10.1.2.4"), uri("spiffe://test/other")], false),
        (vec![dns("*.test")], false),
        (vec![dns("10.1.2.3")], false),
        (vec![], false),
    ] {
        let told = format!("{sans:?}");
        let identity = authority.vouch(sans);
        let status = scraped(&mut secure(&served, &authority, Some(&identity)));
        assert_eq!(status, is_allowed.then_some(200), "{told}");
    }
}

#[test]
fn changes_are_noticed() {
    let authority = Authority::new();
    let users = |password: &str| format!("basic_auth_users: {{ann: {}}}\n", hash(password));
    let first = authority.server();
    let folder = Folder::with_tls(&users("first"), &first);
    let (served, web) = folder.serve();
    let mut client = secure(&served, &authority, None);
    assert_eq!(client.get("/metrics", &basic("ann:first")).status, 200);
    assert_eq!(client.stream().conn.peer_certificates().unwrap()[0], first.certificate());

    let second = authority.server();
    folder.put(&second);
    let mut next = secure(&served, &authority, None);
    assert_eq!(next.get("/metrics", &basic("ann:first")).status, 200);
    assert_eq!(next.stream().conn.peer_certificates().unwrap()[0], second.certificate());

    let text = fs::read_to_string(folder.path()).unwrap();
    let (tls, _) = text.split_once("basic").unwrap();
    folder.write("web.yml", &format!("{tls}{}", users("second")));
    assert_eq!(client.get("/metrics", &basic("ann:first")).status, 401, "over an open connection, too");
    assert_eq!(client.get("/metrics", &basic("ann:second")).status, 200);
    assert!(web.trouble().is_none());

    for (wrong, why) in
        [("basic_auth_users: [", "not a web configuration"), (tls, "no longer asks"), ("", "no longer asks")]
    {
        folder.write("web.yml", wrong);
        let trouble = web.trouble().unwrap().to_string();
        assert!(trouble.contains(why), "{trouble}");
        assert_eq!(client.get("/metrics", &basic("ann:second")).status, 500, "{wrong}");
        assert_eq!(scraped(&mut secure(&served, &authority, None)), None, "{wrong}");
    }
    fs::remove_file(folder.path()).unwrap();
    assert!(matches!(*web.trouble().unwrap(), Error::Read { .. }));

    folder.write("web.yml", &text);
    assert!(web.trouble().is_none());
    assert_eq!(client.get("/metrics", &basic("ann:first")).status, 200);
}

#[test]
fn an_open_connection_does_not_get_around_a_certificate_that_is_asked_for_now() {
    let authority = Authority::new();
    let folder = Folder::new(&format!("basic_auth_users: {{ann: {}}}\n", hash("a")));
    let (served, _) = folder.serve();
    let mut client = Client::new(served.address);
    assert_eq!(client.get("/metrics", &basic("ann:a")).status, 200);
    folder.put(&authority.server());
    folder.write("ca.pem", &authority.pem);
    folder.write(
        "web.yml",
        "tls_server_config:\n  cert_file: server.pem\n  key_file: server.key\n  client_ca_file: ca.pem\n  \
         client_auth_type: RequireAndVerifyClientCert\n",
    );
    assert_eq!(client.get("/metrics", "").status, 403);
    assert_eq!(scraped(&mut secure(&served, &authority, Some(&authority.vouch(vec![])))), Some(200));
}

#[test]
fn headers_and_a_rate_may_be_asked_for() {
    let folder = Folder::new(
        "http_server_config:\n  http2: true\n  headers:\n    X-Frame-Options: deny\n    \
         Strict-Transport-Security: ''\nrate_limit:\n  interval: 1h\n  burst: 2\n",
    );
    let (served, _) = folder.serve();
    let mut client = Client::new(served.address);
    let answers = [(); 3].map(|()| client.get("/metrics", ""));
    assert_eq!(answers.each_ref().map(|answer| answer.status), [200, 200, 429]);
    for answer in &answers {
        assert_eq!(answer.header("x-frame-options"), "deny");
        assert_eq!(answer.header("strict-transport-security"), "");
    }
}

#[test]
fn what_cannot_be_honoured_is_told_with_its_place() {
    let authority = Authority::new();
    let ca = "  client_ca_file: ca.pem\n";
    for (config, words) in [
        ("rate_limit:\n\nbasic_auth_user:\n  ann: x\n", &["unknown field `basic_auth_user`", "line 3"][..]),
        ("\nbasic_auth_users:\n  ann: secret\n", &["bcrypt", "line 3"]),
        ("tls_server_config:\n  certfile: x\n", &["unknown field `certfile`", "line 2"]),
        ("tls_server_config: {}\n", &["cert_file"]),
        ("tls_server_config:\n  cert_file: server.pem\n", &["key_file"]),
        ("tls_server_config:\n  cert: x\n  cert_file: server.pem\n", &["both"]),
        ("tls_server_config:\n  cert_file: missing.pem\n  key_file: server.key\n", &["missing.pem"]),
        (
            "tls_server_config:\n  cert_file: server.key\n  key_file: server.key\n",
            &["server.key", "certificate"],
        ),
        (
            "tls_server_config:\n  cert_file: server.pem\n  key_file: server.pem\n",
            &["server.pem", "private key"],
        ),
        ("tls_server_config:\n  cert_file: ca.pem\n  key_file: server.key\n", &["certificate and key"]),
        ("TLS  min_version: TLS10\n", &["TLS10", "TLS12", "line 4"]),
        ("TLS  min_version: TLS13\n  max_version: TLS12\n", &["min_version is above max_version"]),
        ("TLS  cipher_suites: [TLS_RSA_WITH_RC4_128_SHA]\n", &["TLS_RSA_WITH_RC4_128_SHA", "TLS_ECDHE"]),
        ("TLS  curve_preferences: [CurveP521]\n", &["CurveP521", "X25519", "line 4"]),
        ("TLS  client_auth_type: RequireAnyClientCert\n", &["without verifying", "line 4"]),
        ("TLS  client_auth_type: Sometimes\n", &["Sometimes", "NoClientCert", "line 4"]),
        ("TLS  client_auth_type: RequireAndVerifyClientCert\n", &["client_ca"]),
        (&format!("TLS{ca}"), &["client_auth_type"]),
        (
            &format!("TLS{ca}  client_auth_type: VerifyClientCertIfGiven\n  client_allowed_sans: [a]\n"),
            &["client_allowed_sans"],
        ),
        ("http_server_config:\n  headers:\n    Server: odin\n", &["Server", "X-Frame-Options"]),
        ("http_server_config:\n  headers:\n    X-Frame-Options: allow\n", &["sameorigin"]),
        ("http_server_config:\n  headers:\n    X-XSS-Protection: \"a\\nb\"\n", &["X-XSS-Protection"]),
        ("rate_limit:\n  interval: soon\n", &["soon", "line 2"]),
        ("\n[]\n", &["line 2"]),
    ] {
        let tls = "tls_server_config:\n  cert_file: server.pem\n  key_file: server.key\n";
        let folder = Folder::new(&config.replace("TLS  ", &format!("{tls}  ")));
        folder.put(&authority.server());
        folder.write("ca.pem", &authority.pem);
        let error = folder.load().unwrap_err();
        let said = format!("{:#}", anyhow::Error::from(error));
        for word in words {
            assert!(said.contains(word), "{config}{said}");
        }
        assert!(!said.contains("PRIVATE KEY") && !said.contains("secret"), "{said}");
    }
}

#[test]
fn an_empty_file_asks_for_nothing() {
    for config in
        ["", "# nothing\n", "---\n", "tls_server_config:\nbasic_auth_users:\nhttp_server_config:\n", "{}"]
    {
        let web = Folder::new(config).load();
        assert!(web.as_ref().is_ok_and(|web| !web.has_auth()), "{config:?} {web:?}");
    }
}
