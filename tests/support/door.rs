//! A door in front of a server: connections pass through it, or find nobody behind it.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::net::TcpStream;

use super::listening::Listening;

/// Accepts connections on a port of its own.
pub struct Door {
    listening: Listening,
    connections: Arc<AtomicUsize>,
}

impl Door {
    /// Connects each connection through to a port of this machine, unless `silent` says of its number, from 1, that nothing
    /// more comes of it.
    pub fn to(port: u16, silent: impl Fn(usize) -> bool + Send + 'static) -> Door {
        let connections = Arc::<AtomicUsize>::default();
        let counted = connections.clone();
        let listening = Listening::start(move |listener| async move {
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
        Door { listening, connections }
    }

    pub fn port(&self) -> u16 {
        self.listening.port()
    }

    /// How many connections it has accepted.
    pub fn connection_count(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}
