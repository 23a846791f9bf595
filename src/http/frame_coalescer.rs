//! Joins DATA frames of HTTP/2 that arrive together and belong to one stream.
//!
//! The service writes each event into a DATA frame of its own. What an HTTP/2 implementation does for a frame (find its
//! stream, keep its windows, queue it, wake its reader) costs several times as much as the event in it. The boundaries
//! between DATA frames have no meaning (RFC 9113, section 6.1). So frames are joined below HTTP/2: all that arrives
//! with one read of the connection is passed on in as few frames as it fits into. No frame waits for another: a frame
//! that arrives alone is passed on alone. Flow-control windows count bytes, and do not change.
//!
//! [`Traffic`] counts the frames and bytes. Reading pauses after a certain amount, so that the task that drives the
//! connection can do other work.
//!
//! Frames that cannot be joined cost as much as ever, and a peer can send frames without content without end. Each of
//! those adds to a debt, which content in either direction pays off. Reading fails if the debt is too large.

use super::frame_head::{DATA, END_STREAM, FRAME_HEAD, FrameHead, GOAWAY, PADDED, SETTINGS};
use super::link::Link;
use super::read_buffer::{self, FIRST_READ, MAX_READ};
use super::written_frames::WrittenFrames;
use bytes::{Buf, BytesMut};
use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

/// The longest payload of a frame that peers may send, and of a joined frame.
pub const MAX_PAYLOAD: usize = 16 << 10;
/// The frames, or bytes, after which reading pauses until [`Traffic::resume`].
const FRAMES_PER_TURN: usize = 512;
const BYTES_PER_TURN: usize = 1 << 20;
/// The debt of a frame without content, in bytes of content, and the largest debt: that of 10,000 frames in a row. A
/// peer that receives a long request sends a few hundred for each MiB, and a peer that sends pings a few each minute.
const DEBT: u64 = 64;
const MAX_DEBT: u64 = 10_000 * DEBT;

/// The counters of a connection's traffic. One task writes them.
#[derive(Default)]
pub struct Traffic {
    /// The number of reads.
    reads: AtomicU64,
    /// The bytes written.
    written: AtomicU64,
    /// The last stream whose request was written, or is about to be.
    opened: AtomicU32,
    /// The frames and bytes that were passed on since reading was last resumed.
    frames: AtomicUsize,
    bytes: AtomicUsize,
    /// Whether SETTINGS have arrived since [`Traffic::take_settings`].
    settings: AtomicBool,
    goaway: AtomicBool,
    /// Whether reading has failed because of frames without content.
    flooded: AtomicBool,
}

impl Traffic {
    pub fn reads(&self) -> u64 {
        self.reads.load(Ordering::Relaxed)
    }

    fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// Returns whether the request of a stream was written in whole or in part, or is about to be. Streams are opened
    /// in order.
    pub fn has_opened(&self, stream: u32) -> bool {
        self.opened.load(Ordering::Relaxed) >= stream
    }

    /// Returns whether SETTINGS have arrived since the last call.
    pub fn take_settings(&self) -> bool {
        self.settings.load(Ordering::Relaxed) && self.settings.swap(false, Ordering::Relaxed)
    }

    /// Returns whether the peer has announced that it closes the connection.
    pub fn has_goaway(&self) -> bool {
        self.goaway.load(Ordering::Relaxed)
    }

    /// Returns whether the peer has sent too many frames without content.
    pub fn is_flooded(&self) -> bool {
        self.flooded.load(Ordering::Relaxed)
    }

    /// Returns whether reading is paused, or is about to be.
    pub fn is_paused(&self) -> bool {
        self.frames.load(Ordering::Relaxed) >= FRAMES_PER_TURN || self.bytes.load(Ordering::Relaxed) >= BYTES_PER_TURN
    }

    /// Resumes reading.
    pub fn resume(&self) {
        self.frames.store(0, Ordering::Relaxed);
        self.bytes.store(0, Ordering::Relaxed);
    }

    fn add(&self, coalesced: &Coalesced) {
        self.frames.store(self.frames.load(Ordering::Relaxed) + coalesced.frames, Ordering::Relaxed);
        self.bytes.store(self.bytes.load(Ordering::Relaxed) + coalesced.original_length, Ordering::Relaxed);
        if coalesced.settings {
            self.settings.store(true, Ordering::Relaxed);
        }
        if coalesced.goaway {
            self.goaway.store(true, Ordering::Relaxed);
        }
    }
}

/// A link to a peer that speaks HTTP/2. Reads return coalesced frames.
pub struct CoalescedLink {
    link: Link,
    traffic: Arc<Traffic>,
    input: BytesMut,
    /// The length of the coalesced frames at the beginning of `input`.
    ready: usize,
    /// Whether complete frames may follow those.
    more: bool,
    next_read: usize,
    /// The end of reading. Reported once, after the input before it.
    end: Option<io::Result<()>>,
    /// The peer's debt, and what had been written when it was last computed.
    debt: u64,
    written: u64,
    written_frames: WrittenFrames,
}

impl CoalescedLink {
    pub fn new(link: Link, traffic: Arc<Traffic>) -> Self {
        CoalescedLink {
            link,
            traffic,
            input: BytesMut::new(),
            ready: 0,
            more: false,
            next_read: FIRST_READ,
            end: None,
            debt: 0,
            written: 0,
            written_frames: WrittenFrames::default(),
        }
    }

    /// Adds the debt of these frames, and returns whether it is still acceptable.
    fn add_debt(&mut self, coalesced: &Coalesced) -> bool {
        let written = self.traffic.written();
        let paid = coalesced.content as u64 + (written - self.written);
        self.written = written;
        self.debt = (self.debt + coalesced.without_content as u64 * DEBT).saturating_sub(paid);
        self.debt <= MAX_DEBT
    }

    /// Reads what is available, up to a limit. Ready if anything was read, or reading has ended.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut has_read = false;
        while self.end.is_none() && self.input.len() < MAX_READ {
            read_buffer::reserve(&mut self.input, self.next_read);
            match pin!(self.link.read_buf(&mut self.input)).poll(cx) {
                Poll::Ready(Ok(0)) => self.end = Some(Ok(())),
                Poll::Ready(Ok(read)) => {
                    has_read = true;
                    self.traffic.reads.store(self.traffic.reads() + 1, Ordering::Relaxed);
                    if read >= self.next_read {
                        self.next_read = MAX_READ.min(self.next_read * 2);
                    }
                }
                Poll::Ready(Err(error)) => self.end = Some(Err(error)),
                Poll::Pending if has_read => break,
                Poll::Pending => return Poll::Pending,
            }
        }
        Poll::Ready(())
    }

    /// Notes what was written of `buffers`, and which requests are in them.
    fn note_write(&mut self, polled: &Poll<io::Result<usize>>, buffers: &[IoSlice<'_>]) {
        let written = if let Poll::Ready(Ok(written)) = *polled { written } else { 0 };
        self.traffic.written.store(self.traffic.written() + written as u64, Ordering::Relaxed);
        let mut left = written;
        // What is not written yet is certain to be written next.
        let mut unwritten = None;
        for buffer in buffers {
            let (now, later) = buffer.split_at(buffer.len().min(left));
            left -= now.len();
            let on_headers = |stream| self.traffic.opened.store(stream, Ordering::Relaxed);
            self.written_frames.advance(now, on_headers);
            if !later.is_empty() {
                unwritten.get_or_insert(self.written_frames).advance(later, on_headers);
            }
        }
    }
}

impl AsyncRead for CoalescedLink {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let link = self.get_mut();
        while link.ready == 0 {
            if link.traffic.is_paused() {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            if !link.more {
                if let Some(end) = &mut link.end {
                    // h2 reports a frame that is cut off.
                    if link.input.is_empty() {
                        return Poll::Ready(std::mem::replace(end, Ok(())));
                    }
                    link.ready = link.input.len();
                    break;
                }
                ready!(link.poll_fill(cx));
            }
            let coalesced = coalesce(&mut link.input, FRAMES_PER_TURN);
            link.traffic.add(&coalesced);
            if !link.add_debt(&coalesced) {
                link.traffic.flooded.store(true, Ordering::Relaxed);
                return Poll::Ready(Err(io::ErrorKind::InvalidData.into()));
            }
            (link.ready, link.more) = (coalesced.length, coalesced.more);
        }
        let length = link.ready.min(buffer.remaining());
        buffer.put_slice(&link.input[..length]);
        link.input.advance(length);
        link.ready -= length;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for CoalescedLink {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.link).poll_write(cx, bytes);
        self.note_write(&polled, &[IoSlice::new(bytes)]);
        polled
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.link).poll_write_vectored(cx, bytes);
        self.note_write(&polled, bytes);
        polled
    }

    fn is_write_vectored(&self) -> bool {
        self.link.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.link).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.link).poll_shutdown(cx)
    }
}

/// Returns whether `next`, which follows `head`, may be joined to it.
fn can_join(head: FrameHead, next: FrameHead) -> bool {
    let is_plain_data = |head: FrameHead| head.frame_type == DATA && head.flags & PADDED == 0;
    is_plain_data(head)
        && is_plain_data(next)
        && head.stream == next.stream
        && head.flags & END_STREAM == 0
        && head.length + next.length <= MAX_PAYLOAD
}

/// The complete frames at the beginning of an input, after coalescing.
#[derive(Default)]
struct Coalesced {
    /// The length of the frames, which the incomplete rest follows.
    length: usize,
    /// Their length before.
    original_length: usize,
    frames: usize,
    /// The number of frames without content, and the bytes of content in the others.
    without_content: usize,
    content: usize,
    /// Whether complete frames may follow.
    more: bool,
    settings: bool,
    goaway: bool,
}

/// Joins the frames at the beginning of `input` into at most `max_frames`.
fn coalesce(input: &mut BytesMut, max_frames: usize) -> Coalesced {
    let mut coalesced = Coalesced::default();
    let (mut from, mut to) = (0, 0);
    // The length of the payloads of frames without content.
    let mut other_payload = 0;
    // The last frame that was written, and its position.
    let mut last: Option<(FrameHead, usize)> = None;
    while let Some(head) = FrameHead::read(&input[from..]) {
        if head.length > MAX_PAYLOAD {
            // h2 rejects the frame, and needs only its head for that.
            input.copy_within(from.., to);
            input.truncate(to + input.len() - from);
            coalesced.length = input.len();
            coalesced.original_length = input.len();
            return coalesced;
        }
        let (payload, end) = (from + FRAME_HEAD, from + FRAME_HEAD + head.length);
        if end > input.len() {
            break;
        }
        match &mut last {
            Some((joined, at)) if can_join(*joined, head) => {
                input.copy_within(payload..end, to);
                to += head.length;
                joined.length += head.length;
                joined.flags |= head.flags;
                joined.write(&mut input[*at..]);
            }
            _ if coalesced.frames == max_frames => {
                coalesced.more = true;
                break;
            }
            _ => {
                coalesced.frames += 1;
                coalesced.settings |= head.frame_type == SETTINGS;
                coalesced.goaway |= head.frame_type == GOAWAY;
                if head.frame_type != DATA || head.length == 0 {
                    coalesced.without_content += 1;
                    other_payload += head.length;
                }
                if from != to {
                    input.copy_within(from..end, to);
                }
                last = Some((head, to));
                to += FRAME_HEAD + head.length;
            }
        }
        from = end;
    }
    if from != to {
        let rest = input.len() - from;
        input.copy_within(from.., to);
        input.truncate(to + rest);
    }
    (coalesced.length, coalesced.original_length) = (to, from);
    coalesced.content = to - coalesced.frames * FRAME_HEAD - other_payload;
    // If more frames were joined than there are bytes of content, some were empty.
    coalesced.without_content += ((from - to) / FRAME_HEAD).saturating_sub(coalesced.content);
    coalesced
}

#[cfg(test)]
mod tests {
    use super::super::frame_head::{HEADERS, frame};
    use super::*;
    use tokio::io::AsyncWriteExt;

    fn data(stream: u32, payload: &[u8]) -> Vec<u8> {
        frame(DATA, 0, stream, payload)
    }

    /// Returns the coalesced frames, and the rest, of bytes that arrive together.
    fn coalesced(wire: &[u8]) -> (Vec<u8>, Vec<u8>) {
        let mut input = BytesMut::from(wire);
        let ready = coalesce(&mut input, usize::MAX).length;
        (input[..ready].to_vec(), input[ready..].to_vec())
    }

    #[test]
    fn no_more_frames_are_passed_on_at_once_than_the_limit_and_none_is_lost() {
        let frames: Vec<_> = (0..7).map(|number| data(2 * (number % 2) + 1, b"x")).collect();
        let mut input = BytesMut::from(&frames.concat()[..]);
        let mut taken = Vec::new();
        for (wanted, more) in [(3, true), (3, true), (1, false)] {
            let coalesced = coalesce(&mut input, 3);
            assert_eq!((coalesced.frames, coalesced.more), (wanted, more));
            taken.extend_from_slice(&input.split_to(coalesced.length));
        }
        assert_eq!((taken, input.is_empty()), (frames.concat(), true));
    }

    #[test]
    fn data_frames_of_one_stream_that_arrive_together_become_one() {
        let wire = [data(1, b"a"), data(1, b"bc"), frame(DATA, END_STREAM, 1, b"d")].concat();
        assert_eq!(coalesced(&wire), (frame(DATA, END_STREAM, 1, b"abcd"), vec![]));
    }

    #[test]
    fn other_frames_keep_their_bytes_and_their_order() {
        const PING: u8 = 6;
        let apart = [
            data(1, b"a"),
            data(3, b"b"),
            data(1, b"c"),
            frame(HEADERS, 4, 1, b"trailers"),
            frame(HEADERS, 4, 1, b"more"),
            data(1, b"d"),
            frame(PING, 0, 0, b"12345678"),
            frame(DATA, PADDED, 1, b"\x01e\0"),
            data(1, b"f"),
            frame(DATA, PADDED, 1, b"\x01g\0"),
            frame(DATA, END_STREAM, 1, b"h"),
            data(1, b"after the end"),
        ]
        .concat();
        assert_eq!(coalesced(&apart), (apart, vec![]));
    }

    #[test]
    fn an_incomplete_frame_waits_for_its_rest_and_delays_no_other() {
        let wire = [data(1, b"a"), data(1, b"b"), data(1, b"cd")].concat();
        for cut in 1..FRAME_HEAD + 2 {
            let whole = wire.len() - cut;
            let (ready, left) = coalesced(&wire[..whole]);
            assert_eq!(ready, data(1, b"ab"));
            assert_eq!(left, wire[2 * (FRAME_HEAD + 1)..whole]);
            let rest = [left, wire[whole..].to_vec()].concat();
            assert_eq!(coalesced(&rest), (data(1, b"cd"), vec![]));
        }
    }

    #[test]
    fn a_joined_frame_does_not_exceed_the_longest_frame() {
        let half = vec![b'x'; MAX_PAYLOAD / 2];
        let wire = [data(1, &half), data(1, &half), data(1, b"y"), data(1, b"z")].concat();
        assert_eq!(coalesced(&wire), ([data(1, &[half.clone(), half].concat()), data(1, b"yz")].concat(), vec![]));
    }

    #[test]
    fn a_frame_that_is_too_long_is_passed_on_before_it_is_complete() {
        let too_long =
            [&(MAX_PAYLOAD as u32 + 1).to_be_bytes()[1..], &[DATA, 0, 0, 0, 0, 1], b"its beginning"].concat();
        let wire = [data(1, b"a"), data(1, b"b"), too_long.clone()].concat();
        assert_eq!(coalesced(&wire), ([data(1, b"ab"), too_long].concat(), vec![]));
    }

    /// Returns a link to a peer that does not read, and that peer.
    async fn link() -> (Link, tokio::net::TcpListener) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        (Link::Tcp(tokio::net::TcpStream::connect(address).await.expect("a connection")), listener)
    }

    #[tokio::test]
    async fn a_request_that_waits_to_be_written_counts_as_opened() {
        let ((link, _peer), traffic) = (link().await, Arc::<Traffic>::default());
        let mut coalesced_link = CoalescedLink::new(link, traffic.clone());
        coalesced_link.write_all(&[0; 24]).await.expect("the preface");
        let mut cx = Context::from_waker(std::task::Waker::noop());
        for stream in (1..).step_by(2) {
            assert!(!traffic.has_opened(stream));
            let (bytes, mut written) = (frame(HEADERS, 4, stream, &[0; MAX_PAYLOAD]), 0);
            while written < bytes.len() {
                match Pin::new(&mut coalesced_link).poll_write(&mut cx, &bytes[written..]) {
                    Poll::Ready(more) => written += more.expect("a connection"),
                    Poll::Pending => return assert!(traffic.has_opened(stream)),
                }
            }
        }
    }

    /// Returns after how many frames reading fails, of a million that arrive so many at a time, followed by so many
    /// bytes of content.
    async fn fails_after(frame: Vec<u8>, at_once: usize, content: usize) -> Option<usize> {
        const ALL: usize = 1_000_000;
        let (link, _peer) = link().await;
        let mut coalesced_link = CoalescedLink::new(link, Arc::default());
        let content = if content == 0 { Vec::new() } else { data(1, &vec![b'x'; content]) };
        let input = [frame.repeat(at_once), content].concat();
        (1..=ALL / at_once).map(|time| time * at_once).find(|_| {
            let coalesced = coalesce(&mut BytesMut::from(&input[..]), usize::MAX);
            !coalesced_link.add_debt(&coalesced)
        })
    }

    #[tokio::test]
    async fn frames_without_content_are_accepted_as_services_send_them_and_a_flood_is_an_error() {
        const WINDOW_UPDATE: u8 = 8;
        let window = || frame(WINDOW_UPDATE, 0, 0, &[0, 0, 0, 1]);
        for flood in [window(), frame(SETTINGS, 0, 0, &[]), frame(HEADERS, 4, 1, &[0x88; 1000]), data(3, b"")] {
            assert_eq!(fails_after(flood, 100, 0).await, Some((MAX_DEBT / DEBT) as usize + 100));
        }
        // One with each event, and many with each part of a long response.
        assert_eq!(fails_after(window(), 1, 100).await, None);
        assert_eq!(fails_after(window(), 200, MAX_PAYLOAD).await, None);
    }
}
