//! The server: a thread with its own runtime, from `start` until it is dropped.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::oneshot;

use super::answers::Answers;
use super::auth::Auth;
use super::http1;
use super::http2;
use super::journal::{ClosedBy, Connection, ConnectionLog, Journal};
use super::reply::Reply;
use super::request::Request;
use super::tls::Tls;

/// A Bedrock of one test's own, on a port of loopback that nobody else has. Dropping it ends all that it holds:
/// hanging replies, closed gates, open connections.
///
/// ```ignore
/// let bedrock = LocalBedrock::start();
/// bedrock.auth(Auth::sigv4("AKID", "secret", "us-east-1"));
/// bedrock.push(Reply::text_answer("Hello"));
/// call(&bedrock.url());
/// assert_eq!(bedrock.last_request().path(), "/model/amazon.nova-micro-v1%3A0/converse");
/// ```
pub struct LocalBedrock {
    address: SocketAddr,
    journal: Arc<Journal>,
    answers: Arc<Answers>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    tls: Option<Tls>,
}

/// What a server speaks.
#[derive(Clone)]
pub enum Speaks {
    Http1,
    /// HTTP/2 at once, without TLS: its clients have to know. So many `streams` at once on a connection.
    Http2 {
        streams: u32,
    },
    /// Over TLS, what its side of TLS offers and the client chooses.
    Tls(Tls),
}

impl Speaks {
    pub const HTTP2: Speaks = Speaks::Http2 { streams: http2::STREAMS };
}

// Start and stop.
impl LocalBedrock {
    /// Starts a server on 127.0.0.1.
    #[track_caller]
    pub fn start() -> LocalBedrock {
        LocalBedrock::speaking(Speaks::Http1)
    }

    /// The same, of another protocol.
    #[track_caller]
    pub fn speaking(speaks: Speaks) -> LocalBedrock {
        LocalBedrock::speaking_at(Ipv4Addr::LOCALHOST, speaks)
    }

    /// The same, at another address of this machine, in the network namespace of this thread.
    #[track_caller]
    pub fn speaking_at(ip: Ipv4Addr, speaks: Speaks) -> LocalBedrock {
        let tls = if let Speaks::Tls(tls) = &speaks { Some(tls.clone()) } else { None };
        let journal = Arc::<Journal>::default();
        let answers = Arc::<Answers>::default();
        let (stop, stopped) = oneshot::channel();
        let (tell, told) = mpsc::channel();
        let thread = {
            let (journal, answers) = (journal.clone(), answers.clone());
            std::thread::Builder::new()
                .name("local-bedrock".into())
                .spawn(move || run(ip, &journal, &answers, &speaks, stopped, &tell))
                .unwrap_or_else(|e| panic!("cannot start a thread for the local Bedrock: {e}"))
        };
        let address = told
            .recv()
            .unwrap_or_else(|_| panic!("the local Bedrock died before it began to listen"))
            .unwrap_or_else(|e| panic!("the local Bedrock cannot listen on {ip}: {e}"));
        LocalBedrock { address, journal, answers, stop: Some(stop), thread: Some(thread), tls }
    }

    /// "http://127.0.0.1:PORT", or "https://...", without a slash at its end.
    pub fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// Its side of TLS, where it speaks that.
    pub fn tls(&self) -> Option<&Tls> {
        self.tls.as_ref()
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// A port on 127.0.0.1 that refuses connections: it was free a moment ago.
    #[track_caller]
    pub fn refusing_port() -> u16 {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .unwrap_or_else(|e| panic!("cannot bind a port on 127.0.0.1: {e}"));
        listener.local_addr().unwrap_or_else(|e| panic!("a bound port has no address: {e}")).port()
    }
}

impl Drop for LocalBedrock {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic of that thread was printed where it happened.
            let _ = thread.join();
        }
        for problem in self.journal.problems() {
            eprintln!("local Bedrock, {problem}");
        }
    }
}

// The script.
impl LocalBedrock {
    /// What requests must show from now on; nothing, until this is called. A refused request is written down and uses
    /// up no reply.
    pub fn auth(&self, auth: Auth) {
        self.answers.auth(auth);
    }

    /// From now on, until `auth` is called again, who may call is told that the token has expired.
    pub fn expire_credentials(&self) {
        self.answers.expire_credentials();
    }

    /// Sets the server's clock ahead of this machine's: signatures are checked, and replies dated, by it.
    pub fn clock_ahead(&self, by: Duration) {
        self.answers.clock(by, Duration::ZERO);
    }

    /// Sets the server's clock behind this machine's.
    pub fn clock_behind(&self, by: Duration) {
        self.answers.clock(Duration::ZERO, by);
    }

    /// Queues a reply: one request takes it, in the order in which requests are complete.
    #[track_caller]
    pub fn push(&self, reply: Reply) {
        reply.check();
        self.answers.push(reply);
    }

    /// Answers what finds the queue empty. Runs on the server's thread: it must not block. A panic in it is a 500
    /// with its message.
    pub fn respond_with(&self, handler: impl Fn(&Request) -> Reply + Send + Sync + 'static) {
        self.answers.handler(Arc::new(handler));
    }

    /// How many queued replies no request has taken yet.
    pub fn unused_replies(&self) -> usize {
        self.answers.unused()
    }
}

// Looking.
impl LocalBedrock {
    /// All requests so far, in the order in which they were complete, refused ones included.
    pub fn requests(&self) -> Vec<Request> {
        self.journal.requests()
    }

    /// The last request. Panics where there was none.
    #[track_caller]
    pub fn last_request(&self) -> Request {
        self.journal.requests().pop().unwrap_or_else(|| panic!("the local Bedrock has seen no request"))
    }

    /// All requests since the last time, which are forgotten here.
    pub fn take_requests(&self) -> Vec<Request> {
        self.journal.take_requests()
    }

    /// How many connections there were.
    pub fn connection_count(&self) -> usize {
        self.journal.connections().len()
    }

    /// What happened on a connection; the first is 1. Panics where there was none of that number.
    #[track_caller]
    pub fn connection(&self, number: usize) -> ConnectionLog {
        let connections = self.journal.connections();
        let log = number.checked_sub(1).and_then(|at| connections.get(at));
        log.unwrap_or_else(|| panic!("no connection {number}: there were {}", connections.len())).clone()
    }

    /// What went wrong in a way that no test should overlook: requests without a reply, requests that were no HTTP,
    /// panics of the handler. Printed when the server is dropped, too.
    pub fn problems(&self) -> Vec<String> {
        self.journal.problems()
    }
}

// Waiting: each returns as soon as it is true, and panics after `PATIENCE`, saying what was seen.
impl LocalBedrock {
    /// Waits until [`requests`](Self::requests) holds this many, and returns them. Each has been read to its end; its
    /// reply may still be on its way.
    #[track_caller]
    pub fn wait_requests(&self, count: usize) -> Vec<Request> {
        self.journal.wait_requests(count)
    }

    /// Waits until this many connections were accepted.
    #[track_caller]
    pub fn wait_connections(&self, count: usize) {
        self.journal.wait_connections(count);
    }

    /// Waits for a connection's end and says who ended it. The client's leaving is seen at once, even while a reply
    /// hangs.
    #[track_caller]
    pub fn wait_closed(&self, connection: usize) -> ClosedBy {
        self.journal.wait_closed(connection)
    }

    /// Waits until the client has reset a stream of a connection of HTTP/2.
    #[track_caller]
    pub fn wait_given_up(&self, connection: usize) {
        self.journal.wait_given_up(connection);
    }

    /// Waits until this many bytes (heads and framing included) of a connection's answers were accepted: read by the
    /// client, or in the sockets' buffers.
    #[track_caller]
    pub fn wait_written(&self, connection: usize, bytes: u64) {
        self.journal.wait_written(connection, bytes);
    }

    /// Waits until the client has taken nothing for `quiet` although the server has more for it, and returns how much
    /// was written until then: shows that a client which does not read holds the server up. A connection that is over takes
    /// nothing, too.
    #[track_caller]
    pub fn wait_blocked(&self, connection: usize, quiet: Duration) -> u64 {
        self.journal.wait_blocked(connection, quiet)
    }
}

/// The server's thread.
fn run(
    ip: Ipv4Addr,
    journal: &Arc<Journal>,
    answers: &Arc<Answers>,
    speaks: &Speaks,
    stopped: oneshot::Receiver<()>,
    tell: &mpsc::Sender<std::io::Result<SocketAddr>>,
) {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(e) => return drop(tell.send(Err(e))),
    };
    runtime.block_on(async {
        match listen(ip) {
            Ok((listener, address)) => {
                if tell.send(Ok(address)).is_ok() {
                    tokio::select! {
                        _ = stopped => {}
                        () = accept(&listener, journal, answers, speaks) => {}
                    }
                }
            }
            Err(e) => drop(tell.send(Err(e))),
        }
    });
    // Dropping the runtime drops every connection's task, and with it its socket.
}

fn listen(ip: Ipv4Addr) -> std::io::Result<(TcpListener, SocketAddr)> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((ip, 0).into())?;
    let listener = socket.listen(4096)?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

async fn accept(listener: &TcpListener, journal: &Arc<Journal>, answers: &Arc<Answers>, speaks: &Speaks) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let connection = journal.connect();
                if let Err(e) = stream.set_nodelay(true) {
                    connection.problem(&format!("cannot set TCP_NODELAY: {e}"));
                }
                tokio::spawn(serve(stream, connection, answers.clone(), speaks.clone()));
            }
            Err(e) => {
                // Out of file descriptors, most likely: give those that are open a chance to end.
                journal.problem(format!("cannot accept a connection: {e}"));
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    }
}

async fn serve(stream: TcpStream, connection: Connection, answers: Arc<Answers>, speaks: Speaks) {
    match speaks {
        Speaks::Http1 => http1::serve(stream, connection, answers).await,
        Speaks::Http2 { streams } => http2::serve(stream, streams, connection, answers).await,
        Speaks::Tls(tls) => match tls.accept(stream).await {
            Ok((stream, true)) => http2::serve(stream, http2::STREAMS, connection, answers).await,
            Ok((stream, false)) => http1::serve(stream, connection, answers).await,
            // The client would not have this server: it says why.
            Err(_) => connection.closed(ClosedBy::Client),
        },
    }
}
