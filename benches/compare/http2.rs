//! The server over HTTP/2 and TLS, as the service uses them: many streams part a connection.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::error::Error;
use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};
use std::{io, thread};

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{RecvStream, SendStream};
use http::{Request, Response};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use crate::script::{Pacing, STEADY_PACE, Script, Scripts, unary_body};

/// The limit of streams on one connection. It is so high that no client needs a second connection.
const STREAMS: u32 = 2_000;

type Failure = Box<dyn Error + Send + Sync>;

/// Starts a thread that serves on a free port. Writes its new certificate into the file `authority`.
pub fn start(authority: &Path, scripts: Arc<Scripts>) -> Result<SocketAddr, Box<dyn Error>> {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(vec!["127.0.0.1".to_owned()])?;
    fs::write(authority, cert.pem())?;
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let mut config = config.with_no_client_auth().with_single_cert(vec![cert.der().clone()], key)?;
    config.alpn_protocols = vec![b"h2".to_vec()];

    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let address = listener.local_addr()?;
    listener.set_nonblocking(true)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    thread::spawn(move || runtime.block_on(accept(listener, TlsAcceptor::from(Arc::new(config)), scripts)));
    Ok(address)
}

async fn accept(listener: TcpListener, acceptor: TlsAcceptor, scripts: Arc<Scripts>) -> io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let (clock, arriving) = channel();
    thread::spawn(move || send_on_time(&arriving));
    loop {
        let (connection, _) = listener.accept().await?;
        let (acceptor, scripts, clock) = (acceptor.clone(), scripts.clone(), clock.clone());
        tokio::spawn(async move {
            // An error means that the client has closed the connection.
            let _ = serve(connection, acceptor, scripts, clock).await;
        });
    }
}

async fn serve(
    connection: TcpStream,
    acceptor: TlsAcceptor,
    scripts: Arc<Scripts>,
    clock: Sender<Paced>,
) -> Result<(), Failure> {
    connection.set_nodelay(true)?;
    let link = acceptor.accept(connection).await?;
    let mut connection = h2::server::Builder::new().max_concurrent_streams(STREAMS).handshake(link).await?;
    while let Some(accepted) = connection.accept().await {
        let (request, respond) = accepted?;
        let (scripts, clock) = (scripts.clone(), clock.clone());
        tokio::spawn(async move {
            let _ = send_response(request, respond, &scripts, &clock).await;
        });
    }
    Ok(())
}

async fn send_response(
    request: Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
    scripts: &Scripts,
    clock: &Sender<Paced>,
) -> Result<(), Failure> {
    let path = request.uri().path().to_owned();
    let mut body = request.into_body();
    while let Some(data) = body.data().await {
        body.flow_control().release_capacity(data?.len())?;
    }
    let head = |media_type: &str| {
        Response::builder()
            .header("content-type", media_type)
            .header("x-amzn-requestid", "00000000-0000-4000-8000-000000000003")
            .body(())
    };
    let model = path.split('/').nth(2).unwrap_or_default();
    let (pacing, script) = scripts.get(model).ok_or("no such model")?;
    if !path.ends_with("/converse-stream") {
        let mut out = respond.send_response(head("application/json")?, false)?;
        return Ok(out.send_data(unary_body().into(), true)?);
    }
    let mut out = respond.send_response(head("application/vnd.amazon.eventstream")?, false)?;
    match pacing {
        Pacing::Burst => {
            script.plain.parts().try_for_each(|part| out.send_data(Bytes::copy_from_slice(part), false))?;
            Ok(out.send_data(Bytes::new(), true)?)
        }
        Pacing::Steady => Ok(clock.send(Paced { due: Instant::now() + scripts.phase(), out, script, next: 0 })?),
        Pacing::Paced | Pacing::Stamped => Err("only over HTTP/1.1".into()),
    }
}

/// A stream whose next part is due at a time.
struct Paced {
    due: Instant,
    out: SendStream<Bytes>,
    script: Arc<Script>,
    next: usize,
}

/// Sends the parts of streams when they are due. It runs in a separate thread, because tokio's timers have a
/// resolution of a millisecond and would send twenty parts at once.
fn send_on_time(arriving: &Receiver<Paced>) {
    let mut streams = BinaryHeap::new();
    loop {
        let wait = match streams.peek() {
            Some(Reverse(Paced { due, .. })) => due.saturating_duration_since(Instant::now()),
            None => Duration::MAX,
        };
        match arriving.recv_timeout(wait) {
            Ok(stream) => streams.push(Reverse(stream)),
            Err(RecvTimeoutError::Timeout) => {
                let Some(Reverse(mut stream)) = streams.pop() else { continue };
                // A stream whose client has closed the connection is dropped.
                if let Ok(true) = stream.send_next() {
                    streams.push(Reverse(stream));
                }
            }
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

impl Paced {
    /// Sends the next part. Returns whether another part follows.
    fn send_next(&mut self) -> Result<bool, h2::Error> {
        let part = self.script.plain.parts().nth(self.next);
        self.out.send_data(part.map(Bytes::copy_from_slice).unwrap_or_default(), part.is_none())?;
        self.next += 1;
        self.due += STEADY_PACE;
        Ok(part.is_some())
    }
}

impl PartialEq for Paced {
    fn eq(&self, other: &Self) -> bool {
        self.due == other.due
    }
}

impl Eq for Paced {}

impl PartialOrd for Paced {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Paced {
    fn cmp(&self, other: &Self) -> Ordering {
        self.due.cmp(&other.due)
    }
}
