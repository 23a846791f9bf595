//! What has come of one HTTP/2 answer and has not been read.
//!
//! h2 keeps each DATA frame in a place of its own, which costs several hundred bytes however short the frame is. So what its
//! reader leaves there is moved together now and then. The bytes still count as unread: their window is given back to the peer
//! when the reader takes them. An answer that nobody reads takes its window and no more, in whatever frames it comes.

use crate::runtime::sync::Mutex;
use bytes::Bytes;
use h2::RecvStream;
use std::task::{Context, Poll, Waker, ready};

/// By how much the place for unread bytes grows.
const STEP: usize = 8 << 10;

pub struct Inbox(Mutex<Arrived>);

struct Arrived {
    stream: RecvStream,
    /// Unread bytes that stand before what `stream` still holds.
    kept: Vec<u8>,
    /// How the answer ended, where that stands behind what is kept.
    end: Option<Option<h2::Error>>,
    /// Whom new data wakes.
    reader: Option<Waker>,
}

impl Inbox {
    pub fn new(stream: RecvStream) -> Self {
        Inbox(Mutex::new(Arrived { stream, kept: Vec::new(), end: None, reader: None }))
    }

    /// The next of the data. None at its end.
    pub fn poll(&self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, h2::Error>>> {
        let mut arrived = self.0.lock();
        let arrived = &mut *arrived;
        if !arrived.kept.is_empty() {
            let data = Bytes::from(std::mem::take(&mut arrived.kept));
            arrived.taken(data.len());
            return Poll::Ready(Some(Ok(data)));
        }
        if let Some(end) = arrived.end.take() {
            return Poll::Ready(end.map(Err));
        }
        let Poll::Ready(next) = arrived.stream.poll_data(cx) else {
            if !arrived.reader.as_ref().is_some_and(|reader| reader.will_wake(cx.waker())) {
                arrived.reader = Some(cx.waker().clone());
            }
            return Poll::Pending;
        };
        if let Some(Ok(data)) = &next {
            arrived.taken(data.len());
        }
        Poll::Ready(next)
    }

    /// Moves together what its reader has left.
    pub fn sweep(&self) {
        let mut arrived = self.0.lock();
        if arrived.end.is_none() {
            let _ = arrived.poll_sweep();
        }
    }

    /// Whether the peer has said that nothing follows, and all has been read.
    pub fn is_over(&self) -> bool {
        let arrived = self.0.lock();
        arrived.kept.is_empty() && arrived.end.is_none() && arrived.stream.is_end_stream()
    }
}

impl Arrived {
    fn poll_sweep(&mut self) -> Poll<()> {
        let reader = self.reader.clone();
        // Whoever asks h2 is woken by it: it is asked in the reader's name.
        let mut cx = Context::from_waker(reader.as_ref().unwrap_or(Waker::noop()));
        loop {
            match ready!(self.stream.poll_data(&mut cx)) {
                Some(Ok(data)) => {
                    if self.kept.capacity() - self.kept.len() < data.len() {
                        let more = (self.kept.len() + data.len()).next_multiple_of(STEP) - self.kept.len();
                        self.kept.reserve_exact(more);
                    }
                    self.kept.extend_from_slice(&data);
                }
                end => {
                    self.end = Some(end.and_then(Result::err));
                    return Poll::Ready(());
                }
            }
        }
    }

    fn taken(&mut self, bytes: usize) {
        // It fails where the stream is over and has no window any more.
        let _ = self.stream.flow_control().release_capacity(bytes);
    }
}
