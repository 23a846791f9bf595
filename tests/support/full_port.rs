//! A port on which no connection is ever established.

use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

/// A port that listens but accepts nothing, and whose backlog is full. The kernel ignores further SYNs.
pub struct FullPort {
    address: SocketAddr,
    _held: (tokio::runtime::Runtime, tokio::net::TcpListener, Vec<TcpStream>),
}

impl FullPort {
    #[track_caller]
    pub fn new() -> FullPort {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let listener = runtime.block_on(async {
            let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
            socket.bind((Ipv4Addr::LOCALHOST, 0).into()).expect("a port");
            socket.listen(1).expect("a listener")
        });
        let address = listener.local_addr().expect("an address");
        let mut queued = Vec::new();
        while let Ok(connection) = TcpStream::connect_timeout(&address, Duration::from_millis(500)) {
            queued.push(connection);
            assert!(queued.len() < 1000, "the queue of {address} is never full");
        }
        FullPort { address, _held: (runtime, listener, queued) }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }
}
