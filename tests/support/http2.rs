//! HTTP/2: a local Bedrock without TLS that plays the same replies to clients that know what it speaks.
//!
//! It is made of the `h2` crate, and shows what HTTP/1.1 has not: streams that share a connection, a limit to them, and a
//! connection that stands while its peer is dead.

use std::net::Ipv4Addr;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, SendStream};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};

use super::answers::Answers;
use super::auth::Auth;
use super::journal::{ClosedBy, Connection, Journal};
use super::reply::{Act, End, Opening, Reply};
use super::request::Request;

/// A Bedrock that speaks HTTP/2 over plain TCP. Dropping it ends all that it holds.
pub struct Http2Bedrock {
    port: u16,
    journal: Arc<Journal>,
    answers: Arc<Answers>,
    mood: watch::Sender<Mood>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What becomes of the connections that stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mood {
    Serving,
    /// The sockets stay open, and nothing is read or written.
    Dead,
    /// Each connection is told to end when its streams have (GOAWAY).
    Leaving,
}

impl Http2Bedrock {
    #[track_caller]
    pub fn start() -> Http2Bedrock {
        Http2Bedrock::start_with(100)
    }

    /// A server that allows so many streams at once on a connection.
    #[track_caller]
    pub fn start_with(max_streams: u32) -> Http2Bedrock {
        let journal = Arc::<Journal>::default();
        let answers = Arc::<Answers>::default();
        let (mood, moods) = watch::channel(Mood::Serving);
        let (stop, stopped) = oneshot::channel::<()>();
        let (tell, told) = mpsc::channel();
        let thread = {
            let (journal, answers) = (journal.clone(), answers.clone());
            std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
                runtime.block_on(async {
                    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
                    tell.send(listener.local_addr().expect("an address").port()).expect("a test that waits");
                    tokio::select! {
                        _ = stopped => {}
                        () = accept(&listener, max_streams, &journal, &answers, &moods) => {}
                    }
                });
            })
        };
        let port = told.recv().expect("the HTTP/2 server died before it began to listen");
        Http2Bedrock { port, journal, answers, mood, stop: Some(stop), thread: Some(thread) }
    }

    /// "http://127.0.0.1:PORT".
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// What requests must show from now on.
    pub fn auth(&self, auth: Auth) {
        self.answers.auth(auth);
    }

    /// Queues a reply.
    #[track_caller]
    pub fn push(&self, reply: Reply) {
        reply.check();
        self.answers.push(reply);
    }

    /// Answers what finds the queue empty.
    pub fn respond_with(&self, handler: impl Fn(&Request) -> Reply + Send + Sync + 'static) {
        self.answers.handler(Arc::new(handler));
    }

    /// From now on the connections that stand are dead, though nobody closes them. New ones work.
    pub fn die(&self) {
        let _ = self.mood.send(Mood::Dead);
    }

    /// Tells the connections that stand to take no further request.
    pub fn leave(&self) {
        let _ = self.mood.send(Mood::Leaving);
    }

    pub fn requests(&self) -> Vec<Request> {
        self.journal.requests()
    }

    pub fn connection_count(&self) -> usize {
        self.journal.connections().len()
    }

    /// Waits until there were this many requests.
    #[track_caller]
    pub fn wait_requests(&self, count: usize) -> Vec<Request> {
        self.journal.wait_requests(count)
    }

    /// Waits for a connection's end.
    #[track_caller]
    pub fn wait_closed(&self, connection: usize) -> ClosedBy {
        self.journal.wait_closed(connection)
    }
}

impl Drop for Http2Bedrock {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn accept(
    listener: &TcpListener,
    max_streams: u32,
    journal: &Arc<Journal>,
    answers: &Arc<Answers>,
    moods: &watch::Receiver<Mood>,
) {
    loop {
        let (stream, _) = listener.accept().await.expect("a connection");
        let mut mood = moods.clone();
        mood.mark_unchanged();
        tokio::spawn(serve(stream, max_streams, journal.connect(), answers.clone(), mood));
    }
}

async fn serve(
    stream: TcpStream,
    max_streams: u32,
    connection: Connection,
    answers: Arc<Answers>,
    mut mood: watch::Receiver<Mood>,
) {
    let handshake = h2::server::Builder::new().max_concurrent_streams(max_streams).handshake::<_, Bytes>(stream).await;
    let Ok(mut http2) = handshake else { return connection.problem("the client speaks no HTTP/2") };
    loop {
        tokio::select! {
            accepted = http2.accept() => match accepted {
                Some(Ok((request, respond))) => {
                    tokio::spawn(exchange(request, respond, connection.clone(), answers.clone()));
                }
                _ => return connection.closed(ClosedBy::Client),
            },
            changed = mood.changed() => {
                let mood = *mood.borrow_and_update();
                match mood {
                    _ if changed.is_err() => return,
                    Mood::Dead => std::future::pending().await,
                    Mood::Leaving => http2.graceful_shutdown(),
                    Mood::Serving => {}
                }
            }
        }
    }
}

/// One request and its reply. A stream that the client has left ends in an error, which ends the reply.
async fn exchange(
    request: http::Request<h2::RecvStream>,
    respond: SendResponse<Bytes>,
    connection: Connection,
    answers: Arc<Answers>,
) -> Result<(), h2::Error> {
    let (parts, mut incoming) = request.into_parts();
    let mut body = Vec::new();
    while let Some(data) = incoming.data().await {
        let data = data?;
        incoming.flow_control().release_capacity(data.len())?;
        body.extend_from_slice(&data);
    }
    let target = parts.uri.path_and_query().map(ToString::to_string).unwrap_or_default();
    let mut headers = vec![("host".to_owned(), parts.uri.authority().map(ToString::to_string).unwrap_or_default())];
    for (name, value) in &parts.headers {
        headers.push((name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()));
    }
    let request = Request {
        method: parts.method.to_string(),
        target,
        headers,
        body: body.into(),
        connection: connection.number(),
        refused: None,
    };
    let reply = answers.answer(request, &connection);
    play(&reply, respond).await
}

async fn play(reply: &Reply, mut respond: SendResponse<Bytes>) -> Result<(), h2::Error> {
    match &reply.opening {
        Opening::Head => {}
        Opening::Hang => std::future::pending().await,
        Opening::Close | Opening::Reset | Opening::NotHttp(_) => {
            respond.send_reset(Reason::INTERNAL_ERROR);
            return Ok(());
        }
    }
    let mut head = http::Response::builder().status(reply.status);
    for (name, value) in &reply.headers {
        if !name.eq_ignore_ascii_case("transfer-encoding") {
            head = head.header(name, value);
        }
    }
    let mut stream = respond.send_response(head.body(()).expect("a head"), false)?;
    for act in reply.acts() {
        match act {
            Act::Write { data, .. } => send(&mut stream, data).await?,
            Act::Wait(gate) => gate.pass().await,
            Act::Pause(time) => tokio::time::sleep(time).await,
        }
    }
    match &reply.end {
        End::Complete | End::CutClean => stream.send_data(Bytes::new(), true)?,
        End::Close | End::Reset | End::StreamReset(_) | End::GoAway(_) => {
            // A reset takes back what the connection's task has not written yet.
            tokio::task::yield_now().await;
            stream.send_reset(Reason::INTERNAL_ERROR);
        }
        End::Stall => std::future::pending().await,
        End::Endless(bytes) => loop {
            send(&mut stream, bytes.clone()).await?;
        },
    }
    Ok(())
}

/// Sends as the client gives room.
async fn send(stream: &mut SendStream<Bytes>, mut data: Bytes) -> Result<(), h2::Error> {
    while !data.is_empty() {
        stream.reserve_capacity(data.len());
        let Some(room) = std::future::poll_fn(|cx| stream.poll_capacity(cx)).await else { return Ok(()) };
        stream.send_data(data.split_to(room?.min(data.len())), false)?;
    }
    Ok(())
}
