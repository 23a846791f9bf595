//! HTTP/2 on one connection: reads requests and sends replies, each stream in a separate task.
//!
//! Tests use it for what HTTP/1.1 does not have: streams that share a connection, their limit, a stream that is reset,
//! GOAWAY, and a connection whose peer acknowledges no pings.

use std::future::{Future, pending, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use bytes::{Bytes, BytesMut};
use h2::server::{Connection as H2, SendResponse};
use h2::{Ping, PingPong, Reason, RecvStream, SendStream};
use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;

use super::body::Act;
use super::reply::{End, Framing, Opening, Reply};
use super::reply_queue::ReplyQueue;
use super::request::Request;
use super::server_log::{ClosedBy, Connection};
use super::ticks::Clock;
use super::wire::{ClientGone, Transport};

/// The default number of streams of a connection at once: the minimum that HTTP/2 recommends.
pub const STREAMS: u32 = 100;

/// Serves one connection, with at most `streams` streams at once, until one side closes it.
pub async fn serve<S: Transport>(stream: S, streams: u32, connection: Connection, replies: Arc<ReplyQueue>) {
    let commands = Arc::<Commands>::default();
    let stream = LoggedStream { stream, connection: connection.clone(), commands: commands.clone() };
    let mut h2 = match h2::server::Builder::new().max_concurrent_streams(streams).handshake(stream).await {
        Ok(h2) => h2,
        Err(e) => {
            connection.problem(&format!("no HTTP/2: {e}"));
            return connection.closed(ClosedBy::Client);
        }
    };
    let mut pings = h2.ping_pong().expect("pings, asked for once");
    match poll_fn(|cx| drive(&mut h2, &mut pings, &commands, &connection, &replies, cx)).await {
        // Logged before the connection is dropped, which closes the socket.
        Some(by) => {
            connection.closed(by);
            drop(h2);
            connection.socket_closed();
        }
        // The connection is neither driven nor dropped.
        None => pending().await,
    }
}

/// Accepts requests, and carries out the commands of streams after the data before them was written. Returns the side
/// that closed the connection, or None if the connection is to become unresponsive.
fn drive<S: Transport>(
    h2: &mut H2<LoggedStream<S>, Bytes>,
    pings: &mut PingPong,
    commands: &Arc<Commands>,
    connection: &Connection,
    replies: &Arc<ReplyQueue>,
    cx: &mut Context<'_>,
) -> Poll<Option<ClosedBy>> {
    loop {
        match h2.poll_accept(cx) {
            Poll::Ready(Some(Ok((request, respond)))) => {
                let exchange = Exchange { connection: connection.clone(), commands: commands.clone() };
                tokio::spawn(exchange.run(request, respond, replies.clone()));
            }
            Poll::Ready(_) => {
                let by = if commands.state().gone_away { ClosedBy::Server } else { ClosedBy::Client };
                return Poll::Ready(Some(by));
            }
            Poll::Pending => match commands.next(pings, cx) {
                None => return Poll::Pending,
                Some(Command::Close) => return Poll::Ready(Some(ClosedBy::Server)),
                Some(Command::Reset) => {
                    commands.reset.store(true, Ordering::Relaxed);
                    return Poll::Ready(Some(ClosedBy::Server));
                }
                Some(Command::GoAway(reason)) => h2.abrupt_shutdown(reason),
                Some(Command::GracefulShutdown) => h2.graceful_shutdown(),
                Some(Command::Stop) => return Poll::Ready(None),
            },
        }
    }
}

/// The commands of streams to their connection.
#[derive(Default)]
struct Commands {
    state: Mutex<State>,
    arrived: Notify,
    /// The connection is reset when it is dropped.
    reset: AtomicBool,
}

#[derive(Default)]
struct State {
    driver: Option<Waker>,
    /// The number of waits for the client to have read everything; the last one that a ping was sent for, and the last
    /// one whose ping was answered.
    asked: u64,
    pinged: u64,
    ponged: u64,
    command: Option<Command>,
    gone_away: bool,
    interrupted: Vec<Box<dyn Send>>,
}

enum Command {
    Close,
    Reset,
    GoAway(Reason),
    GracefulShutdown,
    /// The connection becomes unresponsive.
    Stop,
}

impl Commands {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the next command. The driver calls this if nothing more can be written now.
    fn next(&self, pings: &mut PingPong, cx: &mut Context<'_>) -> Option<Command> {
        let mut state = self.state();
        state.driver = Some(cx.waker().clone());
        if pings.poll_pong(cx).is_ready() {
            state.ponged = state.pinged;
            self.arrived.notify_waiters();
        }
        if state.pinged == state.ponged && state.pinged < state.asked && pings.send_ping(Ping::opaque()).is_ok() {
            state.pinged = state.asked;
        }
        let command = state.command.take();
        state.gone_away |= matches!(command, Some(Command::GoAway(_) | Command::GracefulShutdown));
        command
    }

    fn give(&self, command: Command) {
        let mut state = self.state();
        state.command = Some(command);
        state.driver.take().into_iter().for_each(Waker::wake);
    }

    /// Gives a command in the middle of a stream and keeps the stream. A stream that is dropped is reset, which the
    /// client would see instead.
    async fn interrupt(&self, stream: impl Send + 'static, command: Command) {
        self.all_arrived().await;
        self.state().interrupted.push(Box::new(stream));
        self.give(command);
    }

    /// Waits until the client has read everything: until it acknowledges a ping. Without this wait, breaking a stream
    /// or a connection drops some of the data now and then.
    async fn all_arrived(&self) {
        let mine = {
            let mut state = self.state();
            state.asked += 1;
            state.driver.take().into_iter().for_each(Waker::wake);
            state.asked
        };
        loop {
            let mut arrived = pin!(self.arrived.notified());
            arrived.as_mut().enable();
            if self.state().ponged >= mine {
                return;
            }
            arrived.await;
        }
    }
}

/// Reads one request and sends its reply.
struct Exchange {
    connection: Connection,
    commands: Arc<Commands>,
}

impl Exchange {
    async fn run(self, request: http::Request<RecvStream>, respond: SendResponse<Bytes>, replies: Arc<ReplyQueue>) {
        let Ok(request) = read_request(request, &self.connection).await else { return };
        let reply = replies.reply_to(request, &self.connection);
        if let Err(ClientGone) = self.play(&reply, respond).await {
            self.connection.stream_reset();
        }
    }

    async fn play(&self, reply: &Reply, mut respond: SendResponse<Bytes>) -> Result<(), ClientGone> {
        let mut clock = reply.start_clock();
        for act in reply.before_head() {
            wait(act.hold(&mut clock), |cx| respond.poll_reset(cx).map(drop)).await?;
        }
        match &reply.opening {
            Opening::Head => return self.send_reply(reply, respond, clock).await,
            Opening::Hang => return wait(pending(), |cx| respond.poll_reset(cx).map(drop)).await,
            // Bytes that are not HTTP/1.1 cannot be sent over HTTP/2.
            Opening::Close | Opening::NotHttp(_) => self.commands.interrupt(respond, Command::Close).await,
            Opening::Reset => self.commands.interrupt(respond, Command::Reset).await,
            Opening::StreamReset(code) => respond.send_reset((*code).into()),
        }
        Ok(())
    }

    /// Sends head, body and end.
    async fn send_reply(
        &self,
        reply: &Reply,
        mut respond: SendResponse<Bytes>,
        mut clock: Option<Clock>,
    ) -> Result<(), ClientGone> {
        if let Some(every) = reply.head_drip {
            // A head is one frame here: it comes when its last byte would.
            let whole = every * 200;
            wait(tokio::time::sleep(whole), |cx| respond.poll_reset(cx).map(drop)).await?;
        }
        let bodyless = matches!(reply.status, 204 | 304);
        let mut body = respond.send_response(head(reply, bodyless), bodyless).map_err(|_| ClientGone)?;
        if bodyless {
            return Ok(());
        }
        for act in reply.acts() {
            match act {
                Act::Write { data, .. } => self.send(&mut body, data.clone()).await?,
                Act::WriteAll(pack) => {
                    for piece in &pack.pieces {
                        self.send(&mut body, piece.clone()).await?;
                    }
                }
                Act::Make(maker) => self.send(&mut body, maker.0()).await?,
                Act::GracefulShutdown => self.commands.give(Command::GracefulShutdown),
                Act::Wait(_) | Act::Pause(_) | Act::Tick => {
                    wait(act.hold(&mut clock), |cx| body.poll_reset(cx).map(drop)).await?;
                }
            }
        }
        self.end(reply, body).await
    }

    async fn end(&self, reply: &Reply, mut body: SendStream<Bytes>) -> Result<(), ClientGone> {
        match &reply.end {
            End::Complete => {
                let sent = match trailers(reply) {
                    Some(trailers) => body.send_trailers(trailers),
                    None => body.send_data(Bytes::new(), true),
                };
                sent.map_err(|_| ClientGone)?;
                match reply.after {
                    super::http1::After::NextRequest => {}
                    super::http1::After::Close => self.commands.give(Command::Close),
                    super::http1::After::Reset => self.commands.give(Command::Reset),
                }
            }
            End::Close => self.commands.interrupt(body, Command::Close).await,
            End::Reset => self.commands.interrupt(body, Command::Reset).await,
            End::StreamReset(code) => {
                self.commands.all_arrived().await;
                body.send_reset((*code).into());
            }
            End::GoAway(code) => self.commands.interrupt(body, Command::GoAway((*code).into())).await,
            End::Stall => return wait(pending(), |cx| body.poll_reset(cx).map(drop)).await,
            End::Unresponsive => self.commands.interrupt(body, Command::Stop).await,
            End::Endless(bytes) => loop {
                self.send(&mut body, bytes.clone()).await?;
            },
        }
        Ok(())
    }

    /// Sends all of `data`, as flow control permits.
    async fn send(&self, body: &mut SendStream<Bytes>, mut data: Bytes) -> Result<(), ClientGone> {
        while !data.is_empty() {
            body.reserve_capacity(data.len());
            let mut starved = false;
            let room = poll_fn(|cx| {
                if body.poll_reset(cx).is_ready() {
                    return Poll::Ready(Err(ClientGone));
                }
                if body.capacity() > 0 {
                    return Poll::Ready(Ok(body.capacity()));
                }
                match body.poll_capacity(cx) {
                    Poll::Ready(Some(Ok(room))) => Poll::Ready(Ok(room)),
                    Poll::Ready(_) => Poll::Ready(Err(ClientGone)),
                    Poll::Pending => {
                        if !std::mem::replace(&mut starved, true) {
                            self.connection.window_empty();
                        }
                        Poll::Pending
                    }
                }
            });
            let room = room.await;
            if starved {
                self.connection.window_open();
            }
            let room = room?;
            let part = data.split_to(room.min(data.len()));
            body.send_data(part, false).map_err(|_| ClientGone)?;
        }
        Ok(())
    }
}

async fn read_request(request: http::Request<RecvStream>, connection: &Connection) -> Result<Request, h2::Error> {
    let (head, mut stream) = request.into_parts();
    let mut body = BytesMut::new();
    while let Some(data) = stream.data().await {
        let data = data?;
        stream.flow_control().release_capacity(data.len())?;
        body.extend_from_slice(&data);
    }
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    // HTTP/2 sends the host in a pseudo-header, and the signature covers it.
    let host = head.uri.authority().map(|host| ("host".to_owned(), host.to_string()));
    let headers = head.headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value)));
    Ok(Request {
        version: head.version,
        method: head.method.as_str().to_owned(),
        target: head.uri.path_and_query().map(|target| target.as_str().to_owned()).unwrap_or_default(),
        headers: host.into_iter().chain(headers).collect(),
        body: body.freeze(),
        connection: connection.number(),
        refused: None,
    })
}

/// Waits for `something`, or until the client resets the stream.
async fn wait<T>(
    something: impl Future<Output = T>,
    mut reset: impl FnMut(&mut Context<'_>) -> Poll<()>,
) -> Result<T, ClientGone> {
    let mut something = pin!(something);
    poll_fn(|cx| {
        if let Poll::Ready(done) = something.as_mut().poll(cx) {
            return Poll::Ready(Ok(done));
        }
        reset(cx).map(|()| Err(ClientGone))
    })
    .await
}

/// Returns the head without the headers that only HTTP/1.1 has.
fn head(reply: &Reply, bodyless: bool) -> http::Response<()> {
    let mut response = http::Response::new(());
    *response.status_mut() = http::StatusCode::from_u16(reply.status).expect("a status");
    let headers = response.headers_mut();
    for (name, value) in &reply.headers {
        if !["transfer-encoding", "connection"].iter().any(|only| name.eq_ignore_ascii_case(only)) {
            append(headers, name, value);
        }
    }
    if !bodyless && reply.framing == Framing::ContentLength && reply.header_value("content-length").is_none() {
        append(headers, "content-length", &reply.declared_length().to_string());
    }
    response
}

fn trailers(reply: &Reply) -> Option<HeaderMap> {
    let mut trailers = HeaderMap::new();
    reply.trailers.iter().for_each(|(name, value)| append(&mut trailers, name, value));
    (!trailers.is_empty()).then_some(trailers)
}

fn append(headers: &mut HeaderMap, name: &str, value: &str) {
    let name = HeaderName::from_bytes(name.as_bytes()).expect("a header's name");
    headers.append(name, HeaderValue::from_bytes(value.as_bytes()).expect("a header's value"));
}

/// The bytes of a connection, which are logged.
struct LoggedStream<S: Transport> {
    stream: S,
    connection: Connection,
    commands: Arc<Commands>,
}

impl<S: Transport> Drop for LoggedStream<S> {
    fn drop(&mut self) {
        if self.commands.reset.load(Ordering::Relaxed)
            && let Err(e) = self.stream.reset_when_dropped()
        {
            self.connection.problem(&format!("cannot reset: {e}"));
        }
    }
}

impl<S: Transport> AsyncRead for LoggedStream<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        self.connection.read(buf.filled().len() - before);
        Poll::Ready(Ok(()))
    }
}

impl<S: Transport> AsyncWrite for LoggedStream<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let Poll::Ready(written) = Pin::new(&mut self.stream).poll_write(cx, buf) else {
            self.connection.blocked();
            return Poll::Pending;
        };
        let written = written?;
        self.connection.written(written);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
