//! A thread that listens on a free port until it is dropped.

use std::net::Ipv4Addr;
use std::sync::mpsc;
use std::thread::JoinHandle;

use tokio::net::TcpListener;
use tokio::sync::oneshot;

pub struct ListenerThread {
    port: u16,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl ListenerThread {
    /// Starts the thread, which runs `accept`. The tasks that it spawns end with the thread.
    pub fn start<F: Future<Output = ()>>(accept: impl FnOnce(TcpListener) -> F + Send + 'static) -> ListenerThread {
        let (stop, stopped) = oneshot::channel::<()>();
        let (started, port) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
                started.send(listener.local_addr().expect("an address").port()).expect("a test that waits");
                tokio::select! {
                    _ = stopped => {}
                    () = accept(listener) => {}
                }
            });
        });
        let port = port.recv().expect("the thread panicked before it listened");
        ListenerThread { port, stop: Some(stop), thread: Some(thread) }
    }

    pub fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for ListenerThread {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
