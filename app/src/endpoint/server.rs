//! Connections come in, requests go to their routes, answers go out.

use std::convert::Infallible;
use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Incoming};
use hyper::header::{ALLOW, AUTHORIZATION, HOST, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use hyper::http::request::Parts;
use hyper::http::uri::Authority;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;

use super::connection::{Open, Payload, Phase, Slot, Watched};
use super::host::Names;
use super::request::{self, Request};
use super::route::{self, Found};
use super::web_config::{self, Settled, WebConfig};
use super::{Error, Limits, Response, Route};

/// More headers than any scraper, browser or OTLP client sends.
const MOST_HEADERS: usize = 64;

/// Connections that the kernel keeps until they are accepted, where the system allows as many.
const WAITING: i32 = 1_024;

/// After an error of `accept`, such as too many open files, before it is tried again.
const PAUSE: Duration = Duration::from_millis(50);

/// How long a body is waited for while others wait for its place.
const BODY_PATIENCE: Duration = Duration::from_secs(1);

/// How long an unused thread stays. Prometheus comes back within a minute.
const THREAD_STAYS: Duration = Duration::from_secs(65);

#[derive(Debug, Clone, Default)]
pub struct Options {
    pub limits: Limits,
    /// Names besides `localhost` and addresses of loopback that a server on loopback answers to.
    pub hosts: Vec<String>,
    /// TLS, and who may come in. None: plain HTTP for everyone.
    pub web: Option<Arc<WebConfig>>,
}

/// What happened so far.
#[derive(Debug, Default)]
pub struct Counts {
    pub connections: AtomicU64,
    /// That had to make room for others.
    pub evicted: AtomicU64,
    /// That were waited for too long.
    pub late: AtomicU64,
    pub requests: AtomicU64,
    /// Requests told to come back, as too many were being answered.
    pub refused: AtomicU64,
    /// Requests whose answer was not made in time.
    pub overdue: AtomicU64,
    /// Requests of somebody who did not say who they are, or not rightly.
    pub unauthorized: AtomicU64,
}

/// Ends a server from anywhere.
#[derive(Debug, Clone)]
pub struct Stop(Arc<watch::Sender<bool>>);

impl Stop {
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
}

#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    shared: Arc<Shared>,
    stop: Stop,
}

#[derive(Debug)]
struct Shared {
    address: SocketAddr,
    limits: Limits,
    routes: Vec<Route>,
    names: Names,
    web: Option<Arc<WebConfig>>,
    open: Open,
    answers: Arc<Semaphore>,
    /// As many bodies are held at a time, from their first byte until they are answered.
    bodies: Arc<Semaphore>,
    /// Hashing takes all of a core, so one is enough for who may be guessing.
    password_checks: Semaphore,
    counts: Arc<Counts>,
}

impl Server {
    /// Takes a bound listener, so that an address in use is told before anything else is started.
    pub fn new(listener: TcpListener, options: Options, routes: Vec<Route>) -> std::io::Result<Self> {
        listener.set_nonblocking(true)?;
        // The standard library asks for 128, beyond which the kernel lets connections wait for a second and more.
        rustix::net::listen(&listener, WAITING)?;
        let address = listener.local_addr()?;
        let Options { limits, hosts, web } = options;
        let shared = Arc::new(Shared {
            address,
            names: Names::new(address, hosts),
            web,
            open: Open::default(),
            answers: Arc::new(Semaphore::new(limits.answers)),
            bodies: Arc::new(Semaphore::new(limits.answers.div_ceil(2))),
            password_checks: Semaphore::new(1),
            counts: Arc::default(),
            limits,
            routes,
        });
        Ok(Self { listener, shared, stop: Stop(Arc::new(watch::Sender::new(false))) })
    }

    pub fn address(&self) -> SocketAddr {
        self.shared.address
    }

    pub fn stop(&self) -> Stop {
        self.stop.clone()
    }

    pub fn counts(&self) -> Arc<Counts> {
        Arc::clone(&self.shared.counts)
    }

    /// Serves on this thread until it is told to stop, and then for [`Limits::stop`] at most. An answer that is still
    /// being made then is left to its thread, which ends with the process.
    pub fn run(self) -> Result<(), Error> {
        let address = self.shared.address;
        let error = |source| Error::Serve { address, source };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .max_blocking_threads(self.shared.limits.answers + 1)
            .thread_keep_alive(THREAD_STAYS)
            .thread_name("odin-answer")
            .build()
            .map_err(error)?;
        let served = runtime.block_on(self.serve());
        runtime.shutdown_background();
        served.map_err(error)
    }

    async fn serve(self) -> std::io::Result<()> {
        let Self { listener, shared, stop } = self;
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let mut stopped = stop.0.subscribe();
        tokio::select! {
            _ = stopped.wait_for(|is_stopped| *is_stopped) => {}
            () = accept(&listener, &shared, &stop) => {}
        }
        drop((listener, stopped));
        // Every connection holds a receiver. Those that are still open when time is up end with the runtime.
        let _ = tokio::time::timeout(shared.limits.stop, stop.0.closed()).await;
        Ok(())
    }
}

async fn accept(listener: &tokio::net::TcpListener, shared: &Arc<Shared>, stop: &Stop) {
    loop {
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            // Gone before it was accepted.
            Err(error)
                if matches!(error.kind(), ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset) =>
            {
                continue;
            }
            Err(_) => {
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        count(&shared.counts.connections);
        match shared.open.enter(shared.limits.connections, &shared.counts.evicted).await {
            Some(slot) => {
                tokio::spawn(connection(Arc::clone(shared), slot, stream, peer, stop.0.subscribe()));
            }
            None => count(&shared.counts.refused),
        }
    }
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

async fn connection(
    shared: Arc<Shared>,
    slot: Arc<Slot>,
    stream: TcpStream,
    peer: SocketAddr,
    stopped: watch::Receiver<bool>,
) {
    // Whole answers are written at once, so there is nothing to wait for; where this fails, they come a bit later.
    let _ = stream.set_nodelay(true);
    tokio::select! {
        () = slot.cut_or_late(&shared.limits, &shared.counts.late) => {}
        () = converse_securely(&shared, &slot, stream, peer, stopped) => {}
    }
    shared.open.leave(&slot);
}

async fn converse_securely(
    shared: &Arc<Shared>,
    slot: &Arc<Slot>,
    stream: TcpStream,
    peer: SocketAddr,
    stopped: watch::Receiver<bool>,
) {
    let web = shared.web.as_ref().map(|web| web.current()).transpose();
    // With a configuration that cannot be used it is not known what to ask of a client, so none comes in.
    let Ok(web) = web else { return };
    let Some(tls) = web.as_ref().and_then(|web| web.tls.as_ref()) else {
        let client = Client { peer, has_certificate: false };
        return converse(shared, slot, stream, client, stopped).await;
    };
    // A handshake that fails is the client's affair, like all that it says.
    let Ok(stream) = TlsAcceptor::from(Arc::clone(&tls.config)).accept(stream).await else { return };
    let certificates = stream.get_ref().1.peer_certificates();
    if tls.allows(certificates) {
        let client = Client { peer, has_certificate: certificates.is_some() };
        converse(shared, slot, stream, client, stopped).await;
    }
}

/// Who is at the other end.
#[derive(Debug, Clone, Copy)]
struct Client {
    peer: SocketAddr,
    /// Which was verified.
    has_certificate: bool,
}

/// All requests of a connection. How it ends is the client's affair.
async fn converse<S>(
    shared: &Arc<Shared>,
    slot: &Arc<Slot>,
    stream: S,
    client: Client,
    mut stopped: watch::Receiver<bool>,
) where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let service = service_fn(|request: hyper::Request<Incoming>| async {
        let (head, body) = request.into_parts();
        slot.set_has_more(!body.is_end_stream());
        count(&shared.counts.requests);
        let response = secured(shared, slot, &head, body, client).await;
        shared.open.enter_phase(slot, Phase::Taking, shared.limits.answers, &shared.counts.evicted);
        let mut taken = hyper::Response::new(Payload::new(response.body, Arc::clone(slot)));
        (*taken.status_mut(), *taken.headers_mut()) = (response.status, response.headers);
        Ok::<_, Infallible>(taken)
    });
    let stream = TokioIo::new(Watched::new(stream, Arc::clone(slot)));
    let mut conversation = pin!(
        http1::Builder::new()
            // Ours know of bodies and answers, too.
            .header_read_timeout(None)
            .max_headers(MOST_HEADERS)
            .max_buf_size(shared.limits.head_bytes)
            .serve_connection(stream, service)
    );
    tokio::select! {
        // So that an answer that is ready says that it is the last.
        biased;
        _ = stopped.wait_for(|is_stopped| *is_stopped) => {}
        _ = conversation.as_mut() => return,
    }
    if slot.waits_for_request() {
        return;
    }
    conversation.as_mut().graceful_shutdown();
    let _ = conversation.await;
}

/// The answer, once it is clear who asks, with the headers that the web configuration adds to all.
async fn secured(
    shared: &Arc<Shared>,
    slot: &Slot,
    head: &Parts,
    body: Incoming,
    client: Client,
) -> Response {
    let Some(web) = &shared.web else { return respond(shared, slot, head, body, client.peer).await };
    let Ok(settled) = web.current() else {
        let why = "the web configuration cannot be used, which odin's log tells more of\n";
        return Response::text(StatusCode::INTERNAL_SERVER_ERROR, why);
    };
    let mut response = if settled.rate.as_ref().is_some_and(|rate| !rate.admits(Instant::now())) {
        Response::text(StatusCode::TOO_MANY_REQUESTS, "more requests than rate_limit allows\n")
    } else {
        match refusal(shared, web, &settled, slot, head, client).await {
            Some(refusal) => refusal,
            None => respond(shared, slot, head, body, client.peer).await,
        }
    };
    for (name, value) in &settled.headers {
        // What the answer itself says is more particular.
        response.headers.entry(name).or_insert_with(|| value.clone());
    }
    response
}

/// What someone is told who may not come in.
async fn refusal(
    shared: &Shared,
    web: &Arc<WebConfig>,
    settled: &Settled,
    slot: &Slot,
    head: &Parts,
    client: Client,
) -> Option<Response> {
    if !client.has_certificate && settled.tls.as_ref().is_some_and(|tls| tls.requires_certificate) {
        let why = "certificates are asked for since this connection was opened: open another\n";
        return Some(Response::text(StatusCode::FORBIDDEN, why));
    }
    if settled.users.is_empty() {
        return None;
    }
    if let Some((user, password)) = web_config::basic(request::text(&head.headers, AUTHORIZATION)) {
        let check = web.passwords.check(&settled.users, &user, password)?;
        slot.enter(Phase::Turn);
        let turn = tokio::time::timeout(shared.limits.turn, shared.password_checks.acquire());
        let Ok(Ok(_turn)) = turn.await else {
            count(&shared.counts.refused);
            return Some(busy("too many passwords are being checked\n".into()));
        };
        slot.enter(Phase::Answer);
        let checked = tokio::task::spawn_blocking(move || check.is_right().then_some(check)).await;
        if let Ok(Some(check)) = checked {
            web.passwords.remember(&check);
            return None;
        }
    }
    count(&shared.counts.unauthorized);
    let challenge = HeaderValue::from_static("Basic realm=\"odin\", charset=\"UTF-8\"");
    let refusal = Response::text(StatusCode::UNAUTHORIZED, "name and password, please\n");
    Some(refusal.with_header(WWW_AUTHENTICATE, challenge))
}

async fn respond(
    shared: &Arc<Shared>,
    slot: &Slot,
    head: &Parts,
    body: Incoming,
    peer: SocketAddr,
) -> Response {
    let route = match route::find(&shared.routes, &head.method, head.uri.path()) {
        Found::Route(route) => route,
        Found::OtherMethods(methods) => return only(methods),
        Found::Nothing => return Response::text(StatusCode::NOT_FOUND, "there is nothing at this path\n"),
    };
    // What is asked of a proxy names its host in the request line.
    let host = head.uri.authority().map_or(request::text(&head.headers, HOST), Authority::as_str);
    if !route.is_for_any_host && !shared.names.has(host) {
        return misdirected(host);
    }
    let (mut bytes, mut place) = (Bytes::new(), None);
    if route.method == Method::POST {
        // One that is too long is refused by what its head says.
        if body.size_hint().lower() <= shared.limits.body_bytes as u64 {
            place = place_for_body(shared, slot).await;
            if place.is_none() {
                count(&shared.counts.refused);
                return busy("too many bodies are on their way\n".into());
            }
        }
        slot.enter(Phase::Body);
        bytes = match request::read(body, shared.limits.body_bytes).await {
            Ok(bytes) => bytes,
            Err(refusal) => return refusal,
        };
        slot.set_has_more(false);
    }
    let request = Request::new(head, bytes, peer, shared.limits.answer);
    if route.is_quick {
        make(route, &request)
    } else {
        make_on_a_thread(shared, slot, route, request, place).await
    }
}

/// Waits until fewer bodies are held. After a while, the one that is waited for longest has to go.
async fn place_for_body(shared: &Shared, slot: &Slot) -> Option<OwnedSemaphorePermit> {
    slot.enter(Phase::Turn);
    let place = |patience| tokio::time::timeout(patience, Arc::clone(&shared.bodies).acquire_owned());
    if let Ok(place) = place(BODY_PATIENCE.min(shared.limits.turn)).await {
        return place.ok();
    }
    shared.open.make_room(Phase::Body, &shared.counts.evicted);
    place(shared.limits.turn).await.ok()?.ok()
}

fn make(route: &Route, request: &Request) -> Response {
    (route.answer)(request).encoded(&request.accept_encoding)
}

async fn make_on_a_thread(
    shared: &Shared,
    slot: &Slot,
    route: &Route,
    mut request: Request,
    place: Option<OwnedSemaphorePermit>,
) -> Response {
    slot.enter(Phase::Turn);
    let asked = Instant::now();
    let turn = Arc::clone(&shared.answers).acquire_owned();
    // The semaphore is never closed, so only time can run out.
    let Ok(Ok(turn)) = tokio::time::timeout(shared.limits.turn.min(request.budget / 2), turn).await else {
        count(&shared.counts.refused);
        return busy(format!("{} answers are being made already\n", shared.limits.answers));
    };
    slot.enter(Phase::Answer);
    request.budget = request.budget.saturating_sub(asked.elapsed());
    let route = route.clone();
    // The thread keeps its turn, and so its place, when it is no longer waited for.
    let answer = tokio::task::spawn_blocking(move || {
        let response = make(&route, &request);
        drop((request, place, turn));
        response
    });
    match tokio::time::timeout(shared.limits.answer, answer).await {
        Ok(Ok(response)) => response,
        // It panicked, where that does not end the process.
        Ok(Err(_)) => {
            Response::text(StatusCode::INTERNAL_SERVER_ERROR, "making the answer came to a bad end\n")
        }
        Err(_) => {
            count(&shared.counts.overdue);
            busy(format!("the answer was not made within {} s\n", shared.limits.answer.as_secs_f32()))
        }
    }
}

fn only(methods: String) -> Response {
    let said = Response::text(StatusCode::METHOD_NOT_ALLOWED, format!("this path answers to {methods}\n"));
    match HeaderValue::try_from(methods) {
        Ok(methods) => said.with_header(ALLOW, methods),
        Err(_) => said,
    }
}

fn misdirected(host: &str) -> Response {
    let why = format!(
        "{host:?} is no name of this server, so a web page may be asking without your knowledge: \
         use localhost, or add the name to web.hosts\n"
    );
    Response::text(StatusCode::MISDIRECTED_REQUEST, why)
}

fn busy(why: String) -> Response {
    Response::text(StatusCode::SERVICE_UNAVAILABLE, why)
        .with_header(RETRY_AFTER, HeaderValue::from_static("1"))
}
