//! HTTP/2 on one connection: reads requests and plays replies, each stream in a task of its own.
//!
//! It shows what HTTP/1.1 has not: streams that share a connection, a limit to them, streams that are reset, a connection that
//! takes its leave, and one that stands while its peer is dead.

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

use super::answers::Answers;
use super::journal::{ClosedBy, Connection};
use super::reply::{Act, End, Framing, Opening, Reply};
use super::request::Request;
use super::wire::{ClientGone, Transport};

/// How many streams a connection takes at once where no test wants it otherwise: as many as HTTP/2 asks servers to take.
pub const STREAMS: u32 = 100;

/// Serves one connection, of at most so many `streams` at once, until one side ends it.
pub async fn serve<S: Transport>(stream: S, streams: u32, connection: Connection, answers: Arc<Answers>) {
    let orders = Arc::<Orders>::default();
    let stream = Journaled { stream, connection: connection.clone(), orders: orders.clone() };
    let mut h2 = match h2::server::Builder::new().max_concurrent_streams(streams).handshake(stream).await {
        Ok(h2) => h2,
        Err(e) => {
            connection.problem(&format!("no HTTP/2: {e}"));
            return connection.closed(ClosedBy::Client);
        }
    };
    let mut pings = h2.ping_pong().expect("pings, asked for once");
    match poll_fn(|cx| drive(&mut h2, &mut pings, &orders, &connection, &answers, cx)).await {
        // The journal is written before the socket is closed, which dropping the connection does.
        Some(by) => {
            connection.closed(by);
            drop(h2);
            connection.gone();
        }
        // Nothing drives it, and nothing drops it.
        None => pending().await,
    }
}

/// Takes requests, and does what streams ask of the connection once all that they sent before is with the kernel. Says who ended
/// the connection, or None where it is dead and nobody has.
fn drive<S: Transport>(
    h2: &mut H2<Journaled<S>, Bytes>,
    pings: &mut PingPong,
    orders: &Arc<Orders>,
    connection: &Connection,
    answers: &Arc<Answers>,
    cx: &mut Context<'_>,
) -> Poll<Option<ClosedBy>> {
    loop {
        match h2.poll_accept(cx) {
            Poll::Ready(Some(Ok((request, respond)))) => {
                let exchange = Exchange { connection: connection.clone(), orders: orders.clone() };
                tokio::spawn(exchange.run(request, respond, answers.clone()));
            }
            Poll::Ready(_) => {
                let by = if orders.state().gone_away { ClosedBy::Server } else { ClosedBy::Client };
                return Poll::Ready(Some(by));
            }
            Poll::Pending => match orders.take(pings, cx) {
                None => return Poll::Pending,
                Some(Order::Close) => return Poll::Ready(Some(ClosedBy::Server)),
                Some(Order::Reset) => {
                    orders.reset.store(true, Ordering::Relaxed);
                    return Poll::Ready(Some(ClosedBy::Server));
                }
                Some(Order::GoAway(reason)) => h2.abrupt_shutdown(reason),
                Some(Order::Leave) => h2.graceful_shutdown(),
                Some(Order::Die) => return Poll::Ready(None),
            },
        }
    }
}

/// What streams ask of their connection.
#[derive(Default)]
struct Orders {
    state: Mutex<State>,
    arrived: Notify,
    /// The connection is reset when it is dropped.
    reset: AtomicBool,
}

#[derive(Default)]
struct State {
    driver: Option<Waker>,
    /// How often it was asked whether all has arrived; for which of that a ping was sent last, and for which it was answered.
    asked: u64,
    pinged: u64,
    ponged: u64,
    order: Option<Order>,
    gone_away: bool,
    interrupted: Vec<Box<dyn Send>>,
}

enum Order {
    Close,
    Reset,
    GoAway(Reason),
    Leave,
    Die,
}

impl Orders {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The driver's side: nothing more can be written just now.
    fn take(&self, pings: &mut PingPong, cx: &mut Context<'_>) -> Option<Order> {
        let mut state = self.state();
        state.driver = Some(cx.waker().clone());
        if pings.poll_pong(cx).is_ready() {
            state.ponged = state.pinged;
            self.arrived.notify_waiters();
        }
        if state.pinged == state.ponged && state.pinged < state.asked && pings.send_ping(Ping::opaque()).is_ok() {
            state.pinged = state.asked;
        }
        let order = state.order.take();
        state.gone_away |= matches!(order, Some(Order::GoAway(_) | Order::Leave));
        order
    }

    fn give(&self, order: Order) {
        let mut state = self.state();
        state.order = Some(order);
        state.driver.take().into_iter().for_each(Waker::wake);
    }

    /// Gives an order in the middle of a stream, and keeps the stream as it is: one that is dropped is reset, which the
    /// client would see instead.
    async fn interrupt(&self, stream: impl Send + 'static, order: Order) {
        self.all_arrived().await;
        self.state().interrupted.push(Box::new(stream));
        self.give(order);
    }

    /// Waits until the client has read what was sent before, and answered what it had to: it answers a ping. What breaks a
    /// stream or a connection earlier drops some of that, now and then.
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

/// One request and its reply.
struct Exchange {
    connection: Connection,
    orders: Arc<Orders>,
}

impl Exchange {
    async fn run(self, request: http::Request<RecvStream>, respond: SendResponse<Bytes>, answers: Arc<Answers>) {
        let Ok(request) = read_request(request, &self.connection).await else { return };
        let reply = answers.answer(request, &self.connection);
        if let Err(ClientGone) = self.play(&reply, respond).await {
            self.connection.given_up();
        }
    }

    async fn play(&self, reply: &Reply, mut respond: SendResponse<Bytes>) -> Result<(), ClientGone> {
        for act in reply.before_head() {
            let mut reset = |cx: &mut Context<'_>| respond.poll_reset(cx).map(drop);
            wait(hold(act), &mut reset).await?;
        }
        match &reply.opening {
            Opening::Head => return self.answer(reply, respond).await,
            Opening::Hang => return wait(pending(), |cx| respond.poll_reset(cx).map(drop)).await,
            // What is no HTTP/1.1 cannot be said here.
            Opening::Close | Opening::NotHttp(_) => self.orders.interrupt(respond, Order::Close).await,
            Opening::Reset => self.orders.interrupt(respond, Order::Reset).await,
            Opening::StreamReset(code) => respond.send_reset((*code).into()),
        }
        Ok(())
    }

    /// Head, body, end.
    async fn answer(&self, reply: &Reply, mut respond: SendResponse<Bytes>) -> Result<(), ClientGone> {
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
                Act::Write { data, .. } => self.send(&mut body, data).await?,
                Act::Leave => self.orders.give(Order::Leave),
                act => wait(hold(&act), |cx| body.poll_reset(cx).map(drop)).await?,
            }
        }
        self.end(reply, body).await
    }

    async fn end(&self, reply: &Reply, mut body: SendStream<Bytes>) -> Result<(), ClientGone> {
        match &reply.end {
            End::Complete | End::CutClean => {
                let sent = match trailers(reply) {
                    Some(trailers) => body.send_trailers(trailers),
                    None => body.send_data(Bytes::new(), true),
                };
                sent.map_err(|_| ClientGone)?;
                match reply.after {
                    super::http1::After::NextRequest => {}
                    super::http1::After::Close => self.orders.give(Order::Close),
                    super::http1::After::Reset => self.orders.give(Order::Reset),
                }
            }
            End::Close => self.orders.interrupt(body, Order::Close).await,
            End::Reset => self.orders.interrupt(body, Order::Reset).await,
            End::StreamReset(code) => {
                self.orders.all_arrived().await;
                body.send_reset((*code).into());
            }
            End::GoAway(code) => self.orders.interrupt(body, Order::GoAway((*code).into())).await,
            End::Stall => return wait(pending(), |cx| body.poll_reset(cx).map(drop)).await,
            End::Die => self.orders.interrupt(body, Order::Die).await,
            End::Endless(bytes) => loop {
                self.send(&mut body, bytes.clone()).await?;
            },
        }
        Ok(())
    }

    /// Sends all of `data`, as fast as the client lets it.
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
                            self.connection.starved();
                        }
                        Poll::Pending
                    }
                }
            });
            let room = room.await;
            if starved {
                self.connection.fed();
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
    // What HTTP/1.1 calls the host is told outside of the headers here, and signed all the same.
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

/// Waits for `something`, or until the client does not want the stream any more.
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

async fn hold(act: &Act) {
    match act {
        Act::Wait(gate) => gate.pass().await,
        Act::Pause(time) => tokio::time::sleep(*time).await,
        Act::Write { .. } | Act::Leave => {}
    }
}

/// The head, without what only HTTP/1.1 says of a body.
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

/// A connection's bytes, with the journal kept up.
struct Journaled<S: Transport> {
    stream: S,
    connection: Connection,
    orders: Arc<Orders>,
}

impl<S: Transport> Drop for Journaled<S> {
    fn drop(&mut self) {
        if self.orders.reset.load(Ordering::Relaxed)
            && let Err(e) = self.stream.reset_when_dropped()
        {
            self.connection.problem(&format!("cannot reset: {e}"));
        }
    }
}

impl<S: Transport> AsyncRead for Journaled<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        self.connection.read(buf.filled().len() - before);
        Poll::Ready(Ok(()))
    }
}

impl<S: Transport> AsyncWrite for Journaled<S> {
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
