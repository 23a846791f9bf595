//! A TCP forwarder in front of a server. It forwards connections, or accepts them and never responds.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::net::TcpStream;

use super::listener_thread::ListenerThread;

/// A TCP forwarder with a port of its own.
pub struct Forwarder {
    listener: ListenerThread,
    connections: Arc<AtomicUsize>,
}

impl Forwarder {
    /// Forwards connections to a port of this machine. `silent` gets the number of each connection, from 1: if it
    /// returns true, the connection is accepted and never answered.
    pub fn to(port: u16, silent: impl Fn(usize) -> bool + Send + 'static) -> Forwarder {
        let connections = Arc::<AtomicUsize>::default();
        let counted = connections.clone();
        let listener = ListenerThread::start(move |listener| async move {
            let mut held = Vec::new();
            loop {
                let (mut outside, _) = listener.accept().await.expect("a connection");
                if silent(counted.fetch_add(1, Ordering::Relaxed) + 1) {
                    held.push(outside);
                    continue;
                }
                tokio::spawn(async move {
                    let Ok(mut inside) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await else { return };
                    let _ = tokio::io::copy_bidirectional(&mut outside, &mut inside).await;
                });
            }
        });
        Forwarder { listener, connections }
    }

    pub fn port(&self) -> u16 {
        self.listener.port()
    }

    /// Returns the number of accepted connections.
    pub fn connection_count(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}
