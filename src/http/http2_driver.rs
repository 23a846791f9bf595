//! The task that drives an HTTP/2 connection, and the state that it shares with the calls on the connection.
//!
//! The task also compacts the unread data of responses before more is read, and closes the connection if the peer is
//! gone.

use super::frame_coalescer::{CoalescedLink, Traffic};
use super::http2_ping::Http2Ping;
use super::http2_ping::PingTimes;
use super::stream_buffer::StreamBuffer;
use crate::runtime::sync::Mutex;
use bytes::Bytes;
use futures::task::AtomicWaker;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};

type H2Connection = h2::client::Connection<CoalescedLink, Bytes>;

/// A listener that is notified when a connection may take another call, or is closed.
pub trait CapacityListener: Send + Sync {
    fn on_capacity(self: Arc<Self>);
}

/// The state that the task and the calls of a connection share.
pub struct ConnectionState {
    pub traffic: Arc<Traffic>,
    /// Wakes the task.
    pub driver: AtomicWaker,
    max_calls: AtomicUsize,
    calls: AtomicUsize,
    closed: AtomicBool,
    /// Whether it was closed because the peer did not acknowledge a ping.
    peer_lost: AtomicBool,
    buffers: Mutex<Vec<Weak<StreamBuffer>>>,
}

impl ConnectionState {
    pub fn new(traffic: Arc<Traffic>, max_calls: usize) -> Self {
        ConnectionState {
            traffic,
            driver: AtomicWaker::new(),
            max_calls: AtomicUsize::new(max_calls),
            calls: AtomicUsize::new(0),
            closed: AtomicBool::new(false),
            peer_lost: AtomicBool::new(false),
            buffers: Mutex::default(),
        }
    }

    /// Returns whether the connection may take further calls at all.
    pub fn is_open(&self) -> bool {
        !self.closed.load(Ordering::Relaxed) && !self.traffic.has_goaway()
    }

    pub fn is_peer_lost(&self) -> bool {
        self.peer_lost.load(Ordering::Relaxed)
    }

    /// Returns how many calls the peer admits at once, as far as is known.
    pub fn max_calls(&self) -> usize {
        self.max_calls.load(Ordering::Relaxed)
    }

    pub fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }

    /// Counts one more call, if there is capacity for it.
    pub fn admit_call(&self) -> bool {
        let admitted = self.calls() < self.max_calls();
        if admitted {
            self.calls.fetch_add(1, Ordering::Relaxed);
        }
        admitted
    }

    pub fn release_call(&self) {
        self.calls.fetch_sub(1, Ordering::Relaxed);
    }

    pub fn add_buffer(&self, buffer: &Arc<StreamBuffer>) {
        self.buffers.lock().push(Arc::downgrade(buffer));
    }

    fn compact_buffers(&self) {
        let mut buffers = self.buffers.lock();
        buffers.retain(|buffer| buffer.upgrade().inspect(|buffer| buffer.compact()).is_some());
    }
}

/// The task that drives a connection.
pub struct Driver {
    /// None once it is closed.
    connection: Option<H2Connection>,
    state: Arc<ConnectionState>,
    http2_ping: Http2Ping,
    listener: Weak<dyn CapacityListener>,
}

impl Driver {
    pub fn new(
        mut connection: H2Connection,
        state: Arc<ConnectionState>,
        pings: PingTimes,
        listener: Weak<dyn CapacityListener>,
    ) -> Self {
        let ping_pong = connection.ping_pong().expect("the only handle for pings");
        Driver { connection: Some(connection), state, http2_ping: Http2Ping::new(pings, ping_pong), listener }
    }
}

impl Future for Driver {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Driver { connection: slot, state, http2_ping, listener } = &mut *self;
        let Some(connection) = slot else { return Poll::Ready(()) };
        let closed = Pin::new(&mut *connection).poll(cx).is_ready();
        let mut changed = closed;
        if state.traffic.take_settings() {
            state.max_calls.store(connection.max_concurrent_send_streams(), Ordering::Relaxed);
            changed = true;
        }
        if closed || poll_peer_lost(http2_ping, state, cx).is_ready() {
            state.closed.store(true, Ordering::Relaxed);
            // Dropping the connection ends its streams.
            *slot = None;
            changed = true;
        } else if state.traffic.is_paused() {
            state.compact_buffers();
            state.traffic.resume();
        }
        if changed && let Some(listener) = listener.upgrade() {
            listener.on_capacity();
        }
        if slot.is_none() { Poll::Ready(()) } else { Poll::Pending }
    }
}

/// Ready if the peer did not acknowledge a ping.
fn poll_peer_lost(http2_ping: &mut Http2Ping, state: &ConnectionState, cx: &mut Context<'_>) -> Poll<()> {
    if http2_ping.is_stopped() {
        // The waker of the task stays the same: registering it once is enough.
        state.driver.register(cx.waker());
    }
    if state.calls() == 0 {
        http2_ping.stop();
        return Poll::Pending;
    }
    let polled = http2_ping.poll_expired(state.traffic.reads(), cx);
    if polled.is_ready() {
        state.peer_lost.store(true, Ordering::Relaxed);
    }
    polled
}
