//! The server: a thread with a tokio runtime, from `start` until it is dropped.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use socket2::{Domain, Socket, Type};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::oneshot;

use super::auth::Auth;
use super::http1;
use super::http2;
use super::reply::Reply;
use super::reply_queue::ReplyQueue;
use super::request::Request;
use super::server_log::{ClosedBy, Connection, ConnectionLog, ServerLog};
use super::tls::Tls;

/// A local Bedrock for one test, on a free port of 127.0.0.1. Dropping it ends its hanging replies, its waits at gates
/// and its connections.
///
/// ```ignore
/// let bedrock = LocalBedrock::start();
/// bedrock.auth(Auth::sigv4("AKID", "secret", "us-east-1"));
/// bedrock.push(Reply::text_response("Hello"));
/// call(&bedrock.url());
/// assert_eq!(bedrock.last_request().path(), "/model/amazon.nova-micro-v1%3A0/converse");
/// ```
pub struct LocalBedrock {
    address: SocketAddr,
    log: Arc<ServerLog>,
    replies: Arc<ReplyQueue>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    tls: Option<Tls>,
}

/// The protocol of a server.
#[derive(Clone)]
pub enum Protocol {
    Http1,
    /// HTTP/2 with prior knowledge, without TLS. `streams` is the most streams of a connection at once.
    Http2 {
        streams: u32,
    },
    /// TLS, and the protocol that ALPN selects.
    Tls(Tls),
}

impl Protocol {
    pub const HTTP2: Protocol = Protocol::Http2 { streams: http2::STREAMS };
}

// Start and stop.
impl LocalBedrock {
    /// Starts a server on 127.0.0.1.
    #[track_caller]
    pub fn start() -> LocalBedrock {
        LocalBedrock::with_protocol(Protocol::Http1)
    }

    /// Starts a server of this protocol on 127.0.0.1.
    #[track_caller]
    pub fn with_protocol(protocol: Protocol) -> LocalBedrock {
        LocalBedrock::with_protocol_at((Ipv4Addr::LOCALHOST, 0), protocol)
    }

    /// Starts a server at another address of this machine, in the network namespace of the calling thread. Port 0 means
    /// any free port.
    #[track_caller]
    pub fn with_protocol_at(address: (Ipv4Addr, u16), protocol: Protocol) -> LocalBedrock {
        let tls = if let Protocol::Tls(tls) = &protocol { Some(tls.clone()) } else { None };
        let log = Arc::<ServerLog>::default();
        let replies = Arc::<ReplyQueue>::default();
        let (stop, stopped) = oneshot::channel();
        let (started, bound) = mpsc::channel();
        let thread = {
            let (log, replies) = (log.clone(), replies.clone());
            std::thread::Builder::new()
                .name("local-bedrock".into())
                .spawn(move || run(address, &log, &replies, &protocol, stopped, &started))
                .unwrap_or_else(|e| panic!("cannot start a thread for the local Bedrock: {e}"))
        };
        let address = bound
            .recv()
            .unwrap_or_else(|_| panic!("the local Bedrock panicked before it listened"))
            .unwrap_or_else(|e| panic!("the local Bedrock cannot listen on {}:{}: {e}", address.0, address.1));
        LocalBedrock { address, log, replies, stop: Some(stop), thread: Some(thread), tls }
    }

    /// Returns "http://127.0.0.1:PORT", or "https://...", without a slash at the end.
    pub fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// Returns the TLS of the server, if it has one.
    pub fn tls(&self) -> Option<&Tls> {
        self.tls.as_ref()
    }

    /// Returns the port.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Returns a port on 127.0.0.1 that refuses connections until the value is dropped.
    #[track_caller]
    pub fn refusing_port() -> RefusingPort {
        RefusingPort::try_new().unwrap_or_else(|e| panic!("cannot bind a port on 127.0.0.1: {e}"))
    }
}

/// A port that refuses connections. Its socket does not listen, and keeps other programs from the port. It is displayed
/// as its number.
pub struct RefusingPort {
    _socket: Socket,
    port: u16,
}

impl RefusingPort {
    fn try_new() -> io::Result<RefusingPort> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
        let address = socket.local_addr()?.as_socket().ok_or(io::ErrorKind::AddrNotAvailable)?;
        Ok(RefusingPort { _socket: socket, port: address.port() })
    }

    /// Returns the number of the port.
    pub fn number(&self) -> u16 {
        self.port
    }
}

impl fmt::Display for RefusingPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.port.fmt(f)
    }
}

impl Drop for LocalBedrock {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic of that thread was printed already.
            let _ = thread.join();
        }
        for problem in self.log.problems() {
            eprintln!("local Bedrock, {problem}");
        }
    }
}

// The script.
impl LocalBedrock {
    /// Sets the authorization that requests must have; none is needed before this call. A request that is rejected is
    /// logged and takes no reply from the queue.
    pub fn auth(&self, auth: Auth) {
        self.replies.auth(auth);
    }

    /// Responds to every authorized request with an expired token, until `auth` is called again.
    pub fn expire_credentials(&self) {
        self.replies.expire_credentials();
    }

    /// Sets the server's clock ahead of the machine's. Signatures are checked, and replies dated, by the server's
    /// clock.
    pub fn clock_ahead(&self, by: Duration) {
        self.replies.clock(by, Duration::ZERO);
    }

    /// Sets the server's clock behind the machine's.
    pub fn clock_behind(&self, by: Duration) {
        self.replies.clock(Duration::ZERO, by);
    }

    /// Queues a reply for one request. Requests take replies in the order in which they are complete.
    #[track_caller]
    pub fn push(&self, reply: Reply) {
        reply.check();
        self.replies.push(reply);
    }

    /// Sets the function that makes a reply if the queue is empty. It runs on the server's thread and must not block.
    /// If it panics, the reply is a 500 with the message of the panic.
    pub fn respond_with(&self, handler: impl Fn(&Request) -> Reply + Send + Sync + 'static) {
        self.replies.handler(Arc::new(handler));
    }

    /// Keeps no more requests in the log, so that the memory of a server for many requests does not grow with them.
    /// [`connection`](LocalBedrock::connection) still counts them.
    pub fn forget_requests(&self) {
        self.log.forget_requests();
    }

    /// Returns the number of replies that are still queued.
    pub fn unused_replies(&self) -> usize {
        self.replies.unused()
    }
}

// Inspection.
impl LocalBedrock {
    /// Returns all requests so far, in the order in which they were complete, including those that were rejected.
    pub fn requests(&self) -> Vec<Request> {
        self.log.requests()
    }

    /// Returns the last request. Panics if there is none.
    #[track_caller]
    pub fn last_request(&self) -> Request {
        self.log.requests().pop().unwrap_or_else(|| panic!("the local Bedrock has seen no request"))
    }

    /// Removes and returns the requests since the last call.
    pub fn take_requests(&self) -> Vec<Request> {
        self.log.take_requests()
    }

    /// Returns the number of connections so far.
    pub fn connection_count(&self) -> usize {
        self.log.connections().len()
    }

    /// Returns the log of a connection; the first is 1. Panics if there is none.
    #[track_caller]
    pub fn connection(&self, number: usize) -> ConnectionLog {
        let connections = self.log.connections();
        let log = number.checked_sub(1).and_then(|at| connections.get(at));
        log.unwrap_or_else(|| panic!("no connection {number}: there were {}", connections.len())).clone()
    }

    /// Returns mistakes that a test must not overlook: requests without a reply, requests that are not HTTP, panics of
    /// the handler. They are printed when the server is dropped, too.
    pub fn problems(&self) -> Vec<String> {
        self.log.problems()
    }
}

// Waiting. Each function returns as soon as its condition holds, and panics after `PATIENCE` with the log so far.
impl LocalBedrock {
    /// Waits for this many requests and returns them. Each was read to its end; its reply may not be sent yet.
    #[track_caller]
    pub fn wait_requests(&self, count: usize) -> Vec<Request> {
        self.log.wait_requests(count)
    }

    /// Waits until this many connections were accepted.
    #[track_caller]
    pub fn wait_connections(&self, count: usize) {
        self.log.wait_connections(count);
    }

    /// Waits for the end of a connection and returns the side that closed it. The server notices at once that the
    /// client closes a connection, also while a reply hangs.
    #[track_caller]
    pub fn wait_closed(&self, connection: usize) -> ClosedBy {
        self.log.wait_closed(connection)
    }

    /// Waits until the client resets a stream of an HTTP/2 connection.
    #[track_caller]
    pub fn wait_stream_reset(&self, connection: usize) {
        self.log.wait_stream_reset(connection);
    }

    /// Waits until the kernel has accepted this many bytes of a connection's replies, including heads and framing. They
    /// were read by the client, or are in the buffers of the sockets.
    #[track_caller]
    pub fn wait_written(&self, connection: usize, bytes: u64) {
        self.log.wait_written(connection, bytes);
    }

    /// Waits until a write has been blocked for `quiet`, or the connection is closed. Returns the number of bytes
    /// written. It shows back-pressure: a client that does not read stops the server.
    #[track_caller]
    pub fn wait_blocked(&self, connection: usize, quiet: Duration) -> u64 {
        self.log.wait_blocked(connection, quiet)
    }
}

/// The server's thread.
fn run(
    address: (Ipv4Addr, u16),
    log: &Arc<ServerLog>,
    replies: &Arc<ReplyQueue>,
    protocol: &Protocol,
    stopped: oneshot::Receiver<()>,
    started: &mpsc::Sender<io::Result<SocketAddr>>,
) {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(e) => return drop(started.send(Err(e))),
    };
    runtime.block_on(async {
        match listen(address) {
            Ok((listener, address)) => {
                if started.send(Ok(address)).is_ok() {
                    tokio::select! {
                        _ = stopped => {}
                        () = accept(&listener, log, replies, protocol) => {}
                    }
                }
            }
            Err(e) => drop(started.send(Err(e))),
        }
    });
    // Dropping the runtime drops the task and the socket of every connection.
}

fn listen(address: (Ipv4Addr, u16)) -> io::Result<(TcpListener, SocketAddr)> {
    let socket = TcpSocket::new_v4()?;
    if address.1 != 0 {
        // The port of an earlier server may still have connections in TIME_WAIT.
        socket.set_reuseaddr(true)?;
    }
    socket.bind(address.into())?;
    let listener = socket.listen(4096)?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

async fn accept(listener: &TcpListener, log: &Arc<ServerLog>, replies: &Arc<ReplyQueue>, protocol: &Protocol) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let connection = log.connect();
                if let Err(e) = stream.set_nodelay(true) {
                    connection.problem(&format!("cannot set TCP_NODELAY: {e}"));
                }
                tokio::spawn(serve(stream, connection, replies.clone(), protocol.clone()));
            }
            Err(e) => {
                // Probably out of file descriptors: wait until others are closed.
                log.problem(format!("cannot accept a connection: {e}"));
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    }
}

async fn serve(stream: TcpStream, connection: Connection, replies: Arc<ReplyQueue>, protocol: Protocol) {
    match protocol {
        Protocol::Http1 => http1::serve(stream, connection, replies).await,
        Protocol::Http2 { streams } => http2::serve(stream, streams, connection, replies).await,
        Protocol::Tls(tls) => match tls.accept(stream).await {
            Ok((stream, true)) => http2::serve(stream, tls.stream_limit(), connection, replies).await,
            Ok((stream, false)) => http1::serve(stream, connection, replies).await,
            // The client rejected the certificate, and reports it.
            Err(_) => connection.closed(ClosedBy::Client),
        },
    }
}
