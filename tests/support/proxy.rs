//! An HTTP proxy: reads CONNECT, logs the request, and connects to the server of the test.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::listener_thread::ListenerThread;
use super::tls::Tls;
use super::wire::Transport;

const ESTABLISHED: &str = "HTTP/1.1 200 Connection established\r\n\r\n";

/// An HTTP proxy with a port of its own.
pub struct Proxy {
    listener: ListenerThread,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    /// Connects every client to a port of this machine, whatever host it asks for.
    pub fn to(port: u16) -> Proxy {
        Proxy::start(ESTABLISHED, Some(port), None)
    }

    /// Starts the same proxy, whose clients connect over TLS.
    pub fn over_tls(tls: &Tls, port: u16) -> Proxy {
        Proxy::start(ESTABLISHED, Some(port), Some(tls.clone()))
    }

    /// Responds to every CONNECT with these bytes and closes the connection.
    pub fn refusing(response: &'static str) -> Proxy {
        Proxy::start(response, None, None)
    }

    fn start(response: &'static str, behind: Option<u16>, tls: Option<Tls>) -> Proxy {
        let heads = Arc::<Mutex<Vec<String>>>::default();
        let seen = heads.clone();
        let listener = ListenerThread::start(move |listener| async move {
            loop {
                let (outside, _) = listener.accept().await.expect("a connection");
                tokio::spawn(pass(outside, tls.clone(), response, behind, seen.clone()));
            }
        });
        Proxy { listener, heads }
    }

    pub fn port(&self) -> u16 {
        self.listener.port()
    }

    /// Returns the heads of all requests so far.
    pub fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn pass(
    outside: TcpStream,
    tls: Option<Tls>,
    response: &str,
    behind: Option<u16>,
    heads: Arc<Mutex<Vec<String>>>,
) {
    let mut outside: Box<dyn Transport> = match tls {
        None => Box::new(outside),
        Some(tls) => match tls.accept(outside).await {
            Ok((outside, _)) => Box::new(outside),
            Err(_) => return,
        },
    };
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let Ok(byte) = outside.read_u8().await else { return };
        head.push(byte);
    }
    heads.lock().unwrap_or_else(PoisonError::into_inner).push(String::from_utf8_lossy(&head).into_owned());
    if outside.write_all(response.as_bytes()).await.is_err() {
        return;
    }
    let Some(behind) = behind else { return };
    let Ok(mut inside) = TcpStream::connect((Ipv4Addr::LOCALHOST, behind)).await else { return };
    let _ = tokio::io::copy_bidirectional(&mut outside, &mut inside).await;
}
