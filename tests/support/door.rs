//! A door in front of a server: connections pass through it, or find nobody behind it.

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

/// Accepts connections on a port of its own.
pub struct Door {
    port: u16,
    connections: Arc<AtomicUsize>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Door {
    /// Connects each connection through to a port of this machine, unless `silent` says of its number, from 1, that nothing
    /// more comes of it.
    pub fn to(port: u16, silent: impl Fn(usize) -> bool + Send + 'static) -> Door {
        let connections = Arc::<AtomicUsize>::default();
        let (stop, stopped) = oneshot::channel::<()>();
        let (tell, told) = mpsc::channel();
        let counted = connections.clone();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
                tell.send(listener.local_addr().expect("an address").port()).expect("a test that waits");
                let accepting = async {
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
                };
                tokio::select! {
                    _ = stopped => {}
                    () = accepting => {}
                }
            });
        });
        let port = told.recv().expect("the door died before it opened");
        Door { port, connections, stop: Some(stop), thread: Some(thread) }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// How many connections it has accepted.
    pub fn connection_count(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
