//! The unread data of one HTTP/2 response.
//!
//! h2 keeps each DATA frame in an entry of its own, which costs several hundred bytes however short the frame is. So
//! unread frames are compacted now and then. Compacted bytes still count as unread: their part of the flow-control
//! window is released when the reader takes them. A response that is never read occupies its window and no more,
//! whatever the size of its frames.

use crate::runtime::sync::{Mutex, MutexGuard};
use bytes::Bytes;
use h2::RecvStream;
use std::task::{Context, Poll, Waker, ready};

/// The step by which the memory for compacted bytes grows.
const GROWTH: usize = 8 << 10;

/// The unread data of one HTTP/2 response.
pub struct StreamBuffer(Mutex<State>);

struct State {
    stream: RecvStream,
    /// Unread bytes that precede what `stream` still holds.
    compacted: Vec<u8>,
    /// The end of the response, if it follows the compacted bytes: an error or none.
    end: Option<Option<h2::Error>>,
    /// The waker of the reader, which new data wakes.
    reader: Option<Waker>,
}

impl StreamBuffer {
    pub fn new(stream: RecvStream) -> Self {
        StreamBuffer(Mutex::new(State { stream, compacted: Vec::new(), end: None, reader: None }))
    }

    /// Returns the next data, and None at the end.
    pub fn poll_data(&self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, h2::Error>>> {
        let mut state = self.lock();
        let state = &mut *state;
        if !state.compacted.is_empty() {
            let data = Bytes::from(std::mem::take(&mut state.compacted));
            state.release_window(data.len());
            return Poll::Ready(Some(Ok(data)));
        }
        if let Some(end) = state.end.take() {
            return Poll::Ready(end.map(Err));
        }
        let Poll::Ready(next) = state.stream.poll_data(cx) else {
            if !state.reader.as_ref().is_some_and(|reader| reader.will_wake(cx.waker())) {
                state.reader = Some(cx.waker().clone());
            }
            return Poll::Pending;
        };
        if let Some(Ok(data)) = &next {
            state.release_window(data.len());
        }
        Poll::Ready(next)
    }

    /// Joins the unread frames.
    pub fn compact(&self) {
        let mut state = self.lock();
        if state.end.is_none() {
            let _ = state.poll_compact();
        }
    }

    /// Returns whether the peer has ended the response and all of it was read.
    pub fn is_complete(&self) -> bool {
        let state = self.lock();
        state.compacted.is_empty() && state.end.is_none() && state.stream.is_end_stream()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock()
    }
}

impl State {
    fn poll_compact(&mut self) -> Poll<()> {
        let reader = self.reader.clone();
        // h2 wakes the last task that polled the stream, which has to stay the reader.
        let mut cx = Context::from_waker(reader.as_ref().unwrap_or(Waker::noop()));
        loop {
            match ready!(self.stream.poll_data(&mut cx)) {
                Some(Ok(data)) => {
                    if self.compacted.capacity() - self.compacted.len() < data.len() {
                        let length = self.compacted.len();
                        let more = (length + data.len()).next_multiple_of(GROWTH) - length;
                        self.compacted.reserve_exact(more);
                    }
                    self.compacted.extend_from_slice(&data);
                }
                end => {
                    self.end = Some(end.and_then(Result::err));
                    return Poll::Ready(());
                }
            }
        }
    }

    fn release_window(&mut self, bytes: usize) {
        // It fails after the end of the stream, which has no window.
        let _ = self.stream.flow_control().release_capacity(bytes);
    }
}
