//! What each open connection is waiting for and since when, and which of them has to go.

use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::Limits;

/// How long a connection is safe from having to make room: time enough to send a request that is ready.
const GRACE: Duration = Duration::from_millis(50);

/// How long, and for how many bytes, a client that sends too much is listened to when it has been told so. To close at
/// once would take from it what it was told.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES: usize = 4 << 20;

/// What happens on a connection, and so whom it waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// For a request, with nothing of it there; or for the client to close.
    Idle,
    /// For the rest of a head, or of a TLS handshake. New connections begin here.
    Head,
    /// For a body.
    Body,
    /// For its turn: for a thread, or to have a password checked.
    Turn,
    /// For us.
    Answer,
    /// For the client to take the answer.
    Taking,
    /// For the client to stop sending what nobody wanted.
    Closing,
}

impl Phase {
    fn deadline(self, limits: &Limits) -> Duration {
        match self {
            Self::Idle => limits.idle,
            Self::Head => limits.head,
            Self::Body | Self::Taking => limits.transfer,
            Self::Closing => LINGER,
            // These have deadlines of their own, which are told to the client.
            Self::Turn => limits.turn * 2,
            Self::Answer => limits.answer * 2,
        }
    }
}

/// One connection, as the others see it.
#[derive(Debug)]
pub(super) struct Slot {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Clone, Copy)]
struct State {
    phase: Phase,
    since: Instant,
    /// All of the answer is in the hands of hyper; once flushed, it is with the client.
    is_handed_over: bool,
    is_cut: bool,
    /// Not all was read that the client may have sent.
    has_more: bool,
}

impl Slot {
    fn new() -> Self {
        let (phase, since) = (Phase::Head, Instant::now());
        let state = State { phase, since, is_handed_over: false, is_cut: false, has_more: false };
        Self { state: Mutex::new(state), changed: Notify::new() }
    }

    pub(super) fn enter(&self, phase: Phase) {
        let mut state = self.state();
        (state.phase, state.since, state.is_handed_over) = (phase, Instant::now(), false);
        self.changed.notify_one();
    }

    fn cut(&self) {
        self.state().is_cut = true;
        self.changed.notify_one();
    }

    pub(super) fn set_has_more(&self, has_more: bool) {
        self.state().has_more = has_more;
    }

    pub(super) fn waits_for_request(&self) -> bool {
        matches!(self.state().phase, Phase::Idle | Phase::Head)
    }

    /// Ends when the connection has to: its place is needed, or it was waited for too long.
    pub(super) async fn cut_or_late(&self, limits: &Limits, late: &AtomicU64) {
        loop {
            let State { phase, since, is_cut, .. } = *self.state();
            if is_cut {
                return;
            }
            let deadline = since + phase.deadline(limits);
            if tokio::time::timeout_at(deadline, self.changed.notified()).await.is_err() {
                late.fetch_add(1, Ordering::Relaxed);
                return;
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All open connections.
#[derive(Debug, Default)]
pub(super) struct Open {
    slots: Mutex<Vec<Arc<Slot>>>,
}

impl Open {
    pub(super) fn count(&self) -> usize {
        self.slots().len()
    }

    /// A place for one more connection, for which an older one may have to go. None: all are being answered.
    pub(super) async fn enter(&self, most: usize, evicted: &AtomicU64) -> Option<Arc<Slot>> {
        while self.count() >= most {
            let oldest = self.oldest(|phase| matches!(phase, Phase::Idle | Phase::Head | Phase::Closing));
            let oldest = oldest.or_else(|| self.oldest(|phase| phase != Phase::Answer));
            let (slot, since) = oldest?;
            if since.elapsed() >= GRACE {
                self.evict(&slot, evicted);
            } else {
                tokio::time::sleep_until(since + GRACE).await;
            }
        }
        let slot = Arc::new(Slot::new());
        self.slots().push(Arc::clone(&slot));
        Some(slot)
    }

    /// Lets `slot` enter a phase that only `most` may be in; the one that is in it for longest may have to go.
    pub(super) fn enter_phase(&self, slot: &Slot, phase: Phase, most: usize, evicted: &AtomicU64) {
        while self.slots().iter().filter(|slot| slot.state().phase == phase).count() >= most {
            let Some((oldest, _)) = self.oldest(|other| other == phase) else { break };
            self.evict(&oldest, evicted);
        }
        slot.enter(phase);
    }

    /// The one that is in a phase for longest has to go, unless it has only just come there.
    pub(super) fn make_room(&self, phase: Phase, evicted: &AtomicU64) {
        if let Some((oldest, since)) = self.oldest(|other| other == phase)
            && since.elapsed() >= GRACE
        {
            self.evict(&oldest, evicted);
        }
    }

    pub(super) fn leave(&self, slot: &Arc<Slot>) {
        self.slots().retain(|other| !Arc::ptr_eq(other, slot));
    }

    fn evict(&self, slot: &Arc<Slot>, evicted: &AtomicU64) {
        evicted.fetch_add(1, Ordering::Relaxed);
        slot.cut();
        self.leave(slot);
    }

    fn oldest(&self, is_meant: impl Fn(Phase) -> bool) -> Option<(Arc<Slot>, Instant)> {
        let slots = self.slots();
        let since = slots.iter().filter_map(|slot| {
            let state = slot.state();
            is_meant(state.phase).then_some((slot, state.since))
        });
        since.min_by_key(|(_, since)| *since).map(|(slot, since)| (Arc::clone(slot), since))
    }

    fn slots(&self) -> MutexGuard<'_, Vec<Arc<Slot>>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A stream that tells its slot of a request's first byte and an answer's last.
#[derive(Debug)]
pub(super) struct Watched<S> {
    stream: S,
    slot: Arc<Slot>,
    /// Of [`LINGER_BYTES`], once our side is closed.
    lingers: Option<usize>,
}

impl<S> Watched<S> {
    pub(super) fn new(stream: S, slot: Arc<Slot>) -> Self {
        Self { stream, slot, lingers: None }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context, to: &mut ReadBuf) -> Poll<io::Result<()>> {
        let before = to.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, to))?;
        if to.filled().len() > before && self.slot.state().phase == Phase::Idle {
            self.slot.enter(Phase::Head);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context,
        slices: &[IoSlice],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// Hyper flushes when it has written all that it has.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
        let state = *self.slot.state();
        if state.phase == Phase::Taking && state.is_handed_over {
            self.slot.enter(Phase::Idle);
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context) -> Poll<io::Result<()>> {
        if self.lingers.is_none() {
            ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
            let state = *self.slot.state();
            if !state.has_more && state.phase != Phase::Head {
                return Poll::Ready(Ok(()));
            }
            self.slot.enter(Phase::Closing);
        }
        let mut left = self.lingers.unwrap_or(LINGER_BYTES);
        let mut room = [MaybeUninit::uninit(); 4 << 10];
        while left > 0 {
            self.lingers = Some(left);
            let mut unwanted = ReadBuf::uninit(&mut room);
            ready!(Pin::new(&mut self.stream).poll_read(cx, &mut unwanted))?;
            match unwanted.filled().len() {
                0 => break,
                read => left = left.saturating_sub(read),
            }
        }
        Poll::Ready(Ok(()))
    }
}

/// The bytes of an answer, which tells its slot when hyper is done with it, as it is at once for HEAD.
#[derive(Debug)]
pub(super) struct Payload {
    bytes: Bytes,
    slot: Arc<Slot>,
}

impl Payload {
    pub(super) fn new(bytes: Bytes, slot: Arc<Slot>) -> Self {
        Self { bytes, slot }
    }
}

impl Drop for Payload {
    fn drop(&mut self) {
        self.slot.state().is_handed_over = true;
    }
}

impl Body for Payload {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let bytes = std::mem::take(&mut self.bytes);
        Poll::Ready((!bytes.is_empty()).then(|| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes.len() as u64)
    }
}
