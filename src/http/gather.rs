//! HTTP/2's DATA frames, gathered: those that come together and belong to one stream are handed on as one.
//!
//! The service writes each event into a DATA frame of its own. What an HTTP/2 implementation does for a frame (find
//! its stream, keep its windows, queue it, wake its reader) costs several times what there is to do for the event in
//! it. Where one DATA frame ends and the next begins has no meaning (RFC 9113, section 6.1), so the frames are joined
//! below HTTP/2: all that comes with one look at the connection is handed on in as few frames as it fits into. Nothing
//! waits for that: a frame that comes alone is handed on alone. Windows are counted in bytes, and stay what they are.
//!
//! It also notes what passes, in [`Passed`], and stops after so much: whoever drives the connection then has its turn.
//!
//! What it cannot join costs as much as ever, and a peer can send frames without content for ever. Each of those is a debt,
//! which content on its way to either side pays off. A peer that is too deep in debt is no service, and reading fails.

use super::connect::Link;
use super::http1::make_room;
use bytes::{Buf, BytesMut};
use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

/// What is read at once at first, and at most.
const FIRST_READ: usize = 8 << 10;
const LARGEST_READ: usize = 64 << 10;
/// The head of a frame (RFC 9113, section 4.1): length, type, flags, stream.
const HEAD: usize = 9;
/// The longest payload of a frame: what we allow our peers, and so what a joined frame may have.
pub const MAX_PAYLOAD: usize = 16 << 10;
/// After so many frames, or bytes, reading stops until [`Passed::go_on`].
const MOST_FRAMES: usize = 512;
const MOST_BYTES: usize = 1 << 20;
/// What a frame without content owes, in bytes of content, and how much may be owed: 10,000 frames in a row. A peer that takes
/// a long request in sends a few hundred for each MiB, and one that asks for signs of life a few each minute.
const DEBT: u64 = 64;
const MOST_DEBT: u64 = 10_000 * DEBT;
const DATA: u8 = 0;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const END_STREAM: u8 = 0x1;
const PADDED: u8 = 0x8;

/// What has passed on a connection. One task writes it.
#[derive(Default)]
pub struct Passed {
    /// How often something was read, and how much was written.
    reads: AtomicU64,
    written: AtomicU64,
    /// What was handed on since reading went on last.
    frames: AtomicUsize,
    bytes: AtomicUsize,
    /// Whether SETTINGS have come that nobody has looked at, and whether the peer has announced to leave.
    settings: AtomicBool,
    leaving: AtomicBool,
    /// Whether reading has failed because of frames without content.
    barren: AtomicBool,
}

impl Passed {
    pub fn reads(&self) -> u64 {
        self.reads.load(Ordering::Relaxed)
    }

    pub fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    pub fn take_settings(&self) -> bool {
        self.settings.load(Ordering::Relaxed) && self.settings.swap(false, Ordering::Relaxed)
    }

    pub fn is_leaving(&self) -> bool {
        self.leaving.load(Ordering::Relaxed)
    }

    pub fn is_barren(&self) -> bool {
        self.barren.load(Ordering::Relaxed)
    }

    /// Whether reading has stopped, or would.
    pub fn is_enough(&self) -> bool {
        self.frames.load(Ordering::Relaxed) >= MOST_FRAMES || self.bytes.load(Ordering::Relaxed) >= MOST_BYTES
    }

    /// Lets reading go on.
    pub fn go_on(&self) {
        self.frames.store(0, Ordering::Relaxed);
        self.bytes.store(0, Ordering::Relaxed);
    }

    fn joined(&self, joined: &Joined) {
        self.frames.store(self.frames.load(Ordering::Relaxed) + joined.frames, Ordering::Relaxed);
        self.bytes.store(self.bytes.load(Ordering::Relaxed) + joined.came, Ordering::Relaxed);
        if joined.settings {
            self.settings.store(true, Ordering::Relaxed);
        }
        if joined.leaving {
            self.leaving.store(true, Ordering::Relaxed);
        }
    }
}

/// A way to a peer that speaks HTTP/2, read in gathered frames.
pub struct Gathered {
    link: Link,
    passed: Arc<Passed>,
    input: BytesMut,
    /// So many bytes at the beginning of `input` are whole frames, ready to be taken.
    ready: usize,
    /// Whether more whole frames may stand behind those.
    more: bool,
    read: usize,
    /// How reading ended, where it has: said once what came before it has been taken.
    end: Option<io::Result<()>>,
    /// What the peer owes, and how much had been written when that was last reckoned.
    debt: u64,
    written: u64,
}

impl Gathered {
    pub fn new(link: Link, passed: Arc<Passed>) -> Self {
        let (input, read) = (BytesMut::new(), FIRST_READ);
        Gathered { link, passed, input, ready: 0, more: false, read, end: None, debt: 0, written: 0 }
    }

    /// Whether the peer owes no more than it may, with these frames.
    fn is_worth_it(&mut self, joined: &Joined) -> bool {
        let written = self.passed.written();
        let paid = joined.content as u64 + (written - self.written);
        self.written = written;
        self.debt = (self.debt + joined.barren as u64 * DEBT).saturating_sub(paid);
        self.debt <= MOST_DEBT
    }

    /// Reads what there is, up to a limit. Ready where anything came, or never will.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut came = false;
        while self.end.is_none() && self.input.len() < LARGEST_READ {
            make_room(&mut self.input, self.read);
            match pin!(self.link.read_buf(&mut self.input)).poll(cx) {
                Poll::Ready(Ok(0)) => self.end = Some(Ok(())),
                Poll::Ready(Ok(read)) => {
                    came = true;
                    self.passed.reads.store(self.passed.reads() + 1, Ordering::Relaxed);
                    if read >= self.read {
                        self.read = LARGEST_READ.min(self.read * 2);
                    }
                }
                Poll::Ready(Err(error)) => self.end = Some(Err(error)),
                Poll::Pending if came => break,
                Poll::Pending => return Poll::Pending,
            }
        }
        Poll::Ready(())
    }

    fn note(&self, polled: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(written)) = polled {
            self.passed.written.store(self.passed.written() + written as u64, Ordering::Relaxed);
        }
        polled
    }
}

impl AsyncRead for Gathered {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, space: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let gathered = self.get_mut();
        while gathered.ready == 0 {
            if gathered.passed.is_enough() {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            if !gathered.more {
                if let Some(end) = &mut gathered.end {
                    // The beginning of a frame that never ends is the reader's to complain of.
                    if gathered.input.is_empty() {
                        return Poll::Ready(std::mem::replace(end, Ok(())));
                    }
                    gathered.ready = gathered.input.len();
                    break;
                }
                ready!(gathered.poll_fill(cx));
            }
            let joined = join(&mut gathered.input, MOST_FRAMES);
            gathered.passed.joined(&joined);
            if !gathered.is_worth_it(&joined) {
                gathered.passed.barren.store(true, Ordering::Relaxed);
                return Poll::Ready(Err(io::ErrorKind::InvalidData.into()));
            }
            (gathered.ready, gathered.more) = (joined.length, joined.more);
        }
        let taken = gathered.ready.min(space.remaining());
        space.put_slice(&gathered.input[..taken]);
        gathered.input.advance(taken);
        gathered.ready -= taken;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Gathered {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.link).poll_write(cx, bytes);
        self.note(polled)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.link).poll_write_vectored(cx, bytes);
        self.note(polled)
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

/// The head of a frame.
#[derive(Clone, Copy)]
struct Head {
    length: usize,
    kind: u8,
    flags: u8,
    stream: [u8; 4],
}

impl Head {
    fn read(bytes: &[u8]) -> Option<Head> {
        let [a, b, c, kind, flags, stream @ ..] = *bytes.first_chunk::<HEAD>()?;
        Some(Head { length: u32::from_be_bytes([0, a, b, c]) as usize, kind, flags, stream })
    }

    fn write(self, bytes: &mut [u8]) {
        let [_, a, b, c] = (self.length as u32).to_be_bytes();
        bytes[..5].copy_from_slice(&[a, b, c, self.kind, self.flags]);
    }

    /// Whether `next` may be joined to this one, which stands right before it.
    fn takes(self, next: Head) -> bool {
        let is_data = |head: Head| head.kind == DATA && head.flags & PADDED == 0;
        is_data(self)
            && is_data(next)
            && self.stream == next.stream
            && self.flags & END_STREAM == 0
            && self.length + next.length <= MAX_PAYLOAD
    }
}

/// The whole frames that an input begins with.
#[derive(Default)]
struct Joined {
    /// In bytes. Behind them stands what is left.
    length: usize,
    /// How many bytes they came in.
    came: usize,
    frames: usize,
    /// How many of them have no content, and how many bytes that of the others is.
    barren: usize,
    content: usize,
    /// Whether whole frames may be left.
    more: bool,
    settings: bool,
    leaving: bool,
}

/// Joins the frames that `input` begins with into at most so many.
fn join(input: &mut BytesMut, most: usize) -> Joined {
    let mut joined = Joined::default();
    let (mut from, mut to) = (0, 0);
    // How long the frames without content are, besides their heads.
    let mut without = 0;
    // The last frame that was written, and where.
    let mut last: Option<(Head, usize)> = None;
    while let Some(head) = Head::read(&input[from..]) {
        if head.length > MAX_PAYLOAD {
            // It is not allowed. Whoever reads it says so, and needs no more than its head.
            input.copy_within(from.., to);
            input.truncate(to + input.len() - from);
            joined.length = input.len();
            joined.came = input.len();
            return joined;
        }
        let (payload, end) = (from + HEAD, from + HEAD + head.length);
        if end > input.len() {
            break;
        }
        match &mut last {
            Some((whole, at)) if whole.takes(head) => {
                input.copy_within(payload..end, to);
                to += head.length;
                whole.length += head.length;
                whole.flags |= head.flags;
                whole.write(&mut input[*at..]);
            }
            _ if joined.frames == most => {
                joined.more = true;
                break;
            }
            _ => {
                joined.frames += 1;
                joined.settings |= head.kind == SETTINGS;
                joined.leaving |= head.kind == GOAWAY;
                if head.kind != DATA || head.length == 0 {
                    joined.barren += 1;
                    without += head.length;
                }
                if from != to {
                    input.copy_within(from..end, to);
                }
                last = Some((head, to));
                to += HEAD + head.length;
            }
        }
        from = end;
    }
    if from != to {
        let left = input.len() - from;
        input.copy_within(from.., to);
        input.truncate(to + left);
    }
    (joined.length, joined.came) = (to, from);
    joined.content = to - joined.frames * HEAD - without;
    // Where more were joined than bytes are in them, some were empty.
    joined.barren += ((from - to) / HEAD).saturating_sub(joined.content);
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
        let length = &(payload.len() as u32).to_be_bytes()[1..];
        [length, &[kind, flags], &stream.to_be_bytes(), payload].concat()
    }

    fn data(stream: u32, payload: &[u8]) -> Vec<u8> {
        frame(DATA, 0, stream, payload)
    }

    /// What is ready, and what is left, of bytes that came together.
    fn joined(wire: &[u8]) -> (Vec<u8>, Vec<u8>) {
        let mut input = BytesMut::from(wire);
        let ready = join(&mut input, usize::MAX).length;
        (input[..ready].to_vec(), input[ready..].to_vec())
    }

    #[test]
    fn no_more_frames_are_handed_on_at_once_than_asked_for_and_none_is_lost() {
        let frames: Vec<_> = (0..7).map(|number| data(2 * (number % 2) + 1, b"x")).collect();
        let mut input = BytesMut::from(&frames.concat()[..]);
        let mut taken = Vec::new();
        for (wanted, more) in [(3, true), (3, true), (1, false)] {
            let joined = join(&mut input, 3);
            assert_eq!((joined.frames, joined.more), (wanted, more));
            taken.extend_from_slice(&input.split_to(joined.length));
        }
        assert_eq!((taken, input.is_empty()), (frames.concat(), true));
    }

    #[test]
    fn data_of_one_stream_that_comes_together_is_one_frame() {
        let wire = [data(1, b"a"), data(1, b"bc"), frame(DATA, END_STREAM, 1, b"d")].concat();
        assert_eq!(joined(&wire), (frame(DATA, END_STREAM, 1, b"abcd"), vec![]));
    }

    #[test]
    fn nothing_else_changes_or_changes_places() {
        const HEADERS: u8 = 1;
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
        assert_eq!(joined(&apart), (apart, vec![]));
    }

    #[test]
    fn a_frame_that_is_not_whole_waits_for_the_rest_and_holds_up_nothing() {
        let wire = [data(1, b"a"), data(1, b"b"), data(1, b"cd")].concat();
        for cut in 1..HEAD + 2 {
            let whole = wire.len() - cut;
            let (ready, left) = joined(&wire[..whole]);
            assert_eq!(ready, data(1, b"ab"));
            assert_eq!(left, wire[2 * (HEAD + 1)..whole]);
            let rest = [left, wire[whole..].to_vec()].concat();
            assert_eq!(joined(&rest), (data(1, b"cd"), vec![]));
        }
    }

    #[test]
    fn a_joined_frame_is_no_longer_than_a_frame_may_be() {
        let half = vec![b'x'; MAX_PAYLOAD / 2];
        let wire = [data(1, &half), data(1, &half), data(1, b"y"), data(1, b"z")].concat();
        assert_eq!(joined(&wire), ([data(1, &[half.clone(), half].concat()), data(1, b"yz")].concat(), vec![]));
    }

    #[test]
    fn a_frame_that_is_too_long_is_handed_on_before_it_is_whole() {
        let too_long =
            [&(MAX_PAYLOAD as u32 + 1).to_be_bytes()[1..], &[DATA, 0, 0, 0, 0, 1], b"its beginning"].concat();
        let wire = [data(1, b"a"), data(1, b"b"), too_long.clone()].concat();
        assert_eq!(joined(&wire), ([data(1, b"ab"), too_long].concat(), vec![]));
    }

    /// After how many frames reading fails, of a million that come so many at a time, with so many bytes of content behind.
    async fn given_up_after(frame: Vec<u8>, at_once: usize, content: usize) -> Option<usize> {
        const ALL: usize = 1_000_000;
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let link = Link::Tcp(tokio::net::TcpStream::connect(address).await.expect("a connection"));
        let mut gathered = Gathered::new(link, Arc::default());
        let content = if content == 0 { Vec::new() } else { data(1, &vec![b'x'; content]) };
        let come = [frame.repeat(at_once), content].concat();
        (1..=ALL / at_once).map(|time| time * at_once).find(|_| {
            let joined = join(&mut BytesMut::from(&come[..]), usize::MAX);
            !gathered.is_worth_it(&joined)
        })
    }

    #[tokio::test]
    async fn frames_without_content_are_taken_as_services_send_them_and_a_flood_of_them_is_not() {
        const HEADERS: u8 = 1;
        const WINDOW_UPDATE: u8 = 8;
        let window = || frame(WINDOW_UPDATE, 0, 0, &[0, 0, 0, 1]);
        for flood in [window(), frame(SETTINGS, 0, 0, &[]), frame(HEADERS, 4, 1, &[0x88; 1000]), data(3, b"")] {
            assert_eq!(given_up_after(flood, 100, 0).await, Some((MOST_DEBT / DEBT) as usize + 100));
        }
        // One with each event, and many with each part of a long answer.
        assert_eq!(given_up_after(window(), 1, 100).await, None);
        assert_eq!(given_up_after(window(), 200, MAX_PAYLOAD).await, None);
    }
}
