//! The server, with faulty connections. It records the connections on which each stream was sent.

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::runtime::Runtime;
use tokio::time::sleep;

use super::fault::{Fault, Shares};
use super::response;
use super::wire::Wire;
use crate::random::Random;
use crate::support::Tls;
use crate::support::stream::EVENT_STREAM;

/// The settings of the server.
#[derive(Clone)]
pub struct Conditions {
    pub http2: bool,
    pub tls: Option<Tls>,
    pub shares: Shares,
    /// The number of concurrent streams that a connection admits.
    pub room: u32,
    /// The approximate number of responses after which the server closes a fine connection.
    pub life: usize,
    /// The longest pause between two parts of a response.
    pub pause: Duration,
    /// The interval after which the server does not listen for [`SHUT`]. Zero is never.
    pub shut_every: Duration,
}

/// How long the server does not listen.
const SHUT: Duration = Duration::from_millis(150);
/// A fault is injected before this many bytes: sometimes in the TLS handshake, sometimes after many responses.
const FAULT_BEFORE: usize = 48 << 10;

/// An accepted connection.
pub struct Connection {
    pub fault: Fault,
    injected: Arc<AtomicBool>,
    left: AtomicBool,
    sent: AtomicUsize,
    responses: AtomicUsize,
    life: usize,
}

impl Connection {
    /// Whether the connection admits no more streams, so that another one is needed.
    pub fn is_over(&self) -> bool {
        self.fault == Fault::Dead || self.injected.load(Ordering::Relaxed) || self.left.load(Ordering::Relaxed)
    }

    /// Whether the connection was never established for the client, so that only a timer ends the wait for it.
    pub fn is_stuck(&self) -> bool {
        let silent = match self.fault {
            Fault::Dead => true,
            Fault::Dies | Fault::Flipped => self.injected.load(Ordering::Relaxed),
            _ => false,
        };
        silent && self.sent.load(Ordering::Relaxed) == 0
    }

    /// Counts a complete response. Returns true when the server has to close the connection.
    fn count_response(&self) -> bool {
        let over = self.responses.fetch_add(1, Ordering::Relaxed) + 1 >= self.life;
        if over {
            self.left.store(true, Ordering::Relaxed);
        }
        over
    }
}

pub struct Server {
    shared: Arc<Shared>,
    pub address: SocketAddr,
    _runtime: Runtime,
}

struct Shared {
    conditions: Conditions,
    connections: Mutex<Vec<Arc<Connection>>>,
    /// The faults of the connections on which a stream was sent, by the stream's number.
    sent: Mutex<HashMap<usize, Vec<Fault>>>,
    shut: AtomicUsize,
    random: Mutex<Random>,
}

impl Server {
    pub fn start(conditions: Conditions, random: Random) -> Server {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let _entered = runtime.enter();
        let listener = listen(0).expect("a port");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared {
            conditions,
            connections: Mutex::default(),
            sent: Mutex::default(),
            shut: AtomicUsize::new(0),
            random: Mutex::new(random),
        });
        runtime.spawn(open(shared.clone(), listener, address.port()));
        drop(_entered);
        Server { shared, address, _runtime: runtime }
    }

    /// Returns all connections so far.
    pub fn connections(&self) -> Vec<Arc<Connection>> {
        lock(&self.shared.connections).clone()
    }

    /// Returns and removes the faults of the connections on which a stream was sent.
    pub fn take_sent(&self, number: usize) -> Vec<Fault> {
        lock(&self.shared.sent).remove(&number).unwrap_or_default()
    }

    /// Returns how often the server did not listen.
    pub fn shut(&self) -> usize {
        self.shared.shut.load(Ordering::Relaxed)
    }
}

impl Shared {
    fn connect(&self) -> (Arc<Connection>, usize) {
        let mut connections = lock(&self.connections);
        let mut random = lock(&self.random);
        let fault = self.conditions.shares.draw(&mut random, connections.last().map(|last| last.fault));
        let after = if fault == Fault::Dead { 0 } else { 1 + random.below(FAULT_BEFORE) };
        let connection = Arc::new(Connection {
            fault,
            injected: Arc::default(),
            left: AtomicBool::new(false),
            sent: AtomicUsize::new(0),
            responses: AtomicUsize::new(0),
            life: self.conditions.life / 2 + random.below(self.conditions.life.max(1)) + 1,
        });
        connections.push(connection.clone());
        (connection, after)
    }

    fn record(&self, number: usize, connection: &Connection) {
        connection.sent.fetch_add(1, Ordering::Relaxed);
        lock(&self.sent).entry(number).or_default().push(connection.fault);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn listen(port: u16) -> io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind((Ipv4Addr::LOCALHOST, port).into())?;
    socket.listen(4096)
}

/// Listens, with interruptions.
async fn open(shared: Arc<Shared>, mut listener: TcpListener, port: u16) {
    let every = shared.conditions.shut_every;
    loop {
        let accept = async {
            loop {
                // If no descriptor is free, others are closed soon.
                let Ok((tcp, _)) = listener.accept().await else {
                    sleep(Duration::from_millis(10)).await;
                    continue;
                };
                let (connection, after) = shared.connect();
                let _ = tcp.set_nodelay(true);
                tokio::spawn(serve(shared.clone(), tcp, connection, after));
            }
        };
        if every.is_zero() {
            accept.await;
        } else {
            let _ = tokio::time::timeout(every, accept).await;
        }
        drop(listener);
        shared.shut.fetch_add(1, Ordering::Relaxed);
        sleep(SHUT).await;
        listener = loop {
            match listen(port) {
                Ok(listener) => break listener,
                Err(_) => sleep(Duration::from_millis(10)).await,
            }
        };
    }
}

async fn serve(shared: Arc<Shared>, tcp: TcpStream, connection: Arc<Connection>, after: usize) {
    let wire = Wire::new(tcp, connection.fault, after, connection.injected.clone());
    // Errors are expected here. The client checks its streams.
    let _ = match &shared.conditions.tls {
        None => speak(&shared, wire, &connection).await,
        Some(tls) => match tls.acceptor().accept(wire).await {
            Ok(secured) => speak(&shared, secured, &connection).await,
            Err(error) => Err(error),
        },
    };
}

async fn speak<S>(shared: &Arc<Shared>, stream: S, connection: &Arc<Connection>) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    if shared.conditions.http2 {
        speak_http2(shared, stream, connection).await.map_err(io::Error::other)
    } else {
        speak_http1(shared, stream, connection).await
    }
}

async fn speak_http2<S>(shared: &Arc<Shared>, stream: S, connection: &Arc<Connection>) -> Result<(), h2::Error>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut h2 = h2::server::Builder::new();
    let mut h2 = h2.max_concurrent_streams(shared.conditions.room).handshake::<_, Bytes>(stream).await?;
    let leaving = Arc::new(tokio::sync::Notify::new());
    let mut left = false;
    loop {
        let accepted = tokio::select! {
            accepted = h2.accept() => accepted,
            () = leaving.notified(), if !left => {
                left = true;
                h2.graceful_shutdown();
                continue;
            }
        };
        let Some(accepted) = accepted else { return Ok(()) };
        let (request, mut respond) = accepted?;
        let Some(number) = response::number_in(request.uri().path()) else { continue };
        shared.record(number, connection);
        let (shared, connection, leaving) = (shared.clone(), connection.clone(), leaving.clone());
        tokio::spawn(async move {
            let mut body = request.into_body();
            while let Some(data) = body.data().await {
                let length = data?.len();
                body.flow_control().release_capacity(length)?;
            }
            let head = http::Response::builder().header("content-type", EVENT_STREAM).body(()).expect("a head");
            let mut stream = respond.send_response(head, false)?;
            let frames = response::frames(number);
            let last = frames.len() - 1;
            for (at, frame) in frames.into_iter().enumerate() {
                stream.send_data(frame, at == last)?;
                sleep(response::pause(number, shared.conditions.pause)).await;
            }
            if connection.count_response() {
                leaving.notify_one();
            }
            Ok::<(), h2::Error>(())
        });
    }
}

async fn speak_http1<S>(shared: &Arc<Shared>, mut stream: S, connection: &Arc<Connection>) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut input = Vec::new();
    loop {
        let number = loop {
            if let Some((number, length)) = complete_request(&input) {
                input.drain(..length);
                break number;
            }
            if stream.read_buf(&mut input).await? == 0 {
                return Ok(());
            }
        };
        shared.record(number, connection);
        let head = format!("HTTP/1.1 200 OK\r\nContent-Type: {EVENT_STREAM}\r\nTransfer-Encoding: chunked\r\n\r\n");
        stream.write_all(head.as_bytes()).await?;
        for frame in response::frames(number) {
            let chunk = [format!("{:x}\r\n", frame.len()).as_bytes(), &frame, b"\r\n"].concat();
            stream.write_all(&chunk).await?;
            stream.flush().await?;
            sleep(response::pause(number, shared.conditions.pause)).await;
        }
        stream.write_all(b"0\r\n\r\n").await?;
        stream.flush().await?;
        if connection.count_response() {
            return stream.shutdown().await;
        }
    }
}

/// Returns the stream's number in a complete request, and the request's length.
fn complete_request(input: &[u8]) -> Option<(usize, usize)> {
    let head = memchr::memmem::find(input, b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&input[..head]).ok()?;
    let path = text.split(' ').nth(1)?;
    let length = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    let end = head + length.unwrap_or(0);
    (input.len() >= end).then_some(())?;
    Some((response::number_in(path)?, end))
}
