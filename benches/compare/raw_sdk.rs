//! The other side of the comparison: a client of aws-sdk-bedrockruntime alone, written as its documentation shows.
//!
//! It uses nothing of libbedrock. `--runtime multi` is the documented `#[tokio::main]` with the consumer in `main`;
//! `--runtime single` is the same code on tokio's one-thread runtime, which is the SDK at its best.
//!
//!     cargo bench --bench compare -- server --port 8123 &
//!     cargo bench --bench compare -- raw-sdk --url http://127.0.0.1:8123 --model burst-1000 --streams 20
//!
//! Its options and the line it prints are those of `benches/c/stream.c`.

use std::error::Error;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use aws_config::{BehaviorVersion, Region};
use aws_sdk_bedrockruntime::Client;
use aws_sdk_bedrockruntime::config::Credentials;
use aws_sdk_bedrockruntime::primitives::Blob;
use aws_sdk_bedrockruntime::types::{
    ContentBlock, ConversationRole, ConverseStreamOutput, ImageBlock, ImageFormat, ImageSource, Message,
};
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};

use crate::usage::{Usage, monotonic_ns};

type Failure = Box<dyn Error + Send + Sync>;

/// What to do, and how often.
#[derive(Clone, Copy, Debug)]
pub enum Job {
    /// So many answers by ConverseStream, one after the other.
    Streams(u32),
    /// So many answers by ConverseStream, all at once, each in a task of its own. What is measured begins when the last
    /// of them has.
    Open(u32),
    /// So many answers by Converse, one after the other.
    Unary(u32),
    /// Nothing but one stream, left at its first piece of text: a cold start.
    FirstEvent,
}

pub struct Options {
    pub url: String,
    /// Whom to trust, instead of the system's trust store.
    pub authority: Option<PathBuf>,
    pub model: String,
    pub single_thread: bool,
    pub job: Job,
    /// Bytes of the image that each unary question shows; 0 for none.
    pub image: usize,
}

pub fn run(options: &Options) -> Result<(), Failure> {
    if options.single_thread { single(options) } else { multi(options) }
}

#[tokio::main]
async fn multi(options: &Options) -> Result<(), Failure> {
    work(options).await
}

#[tokio::main(flavor = "current_thread")]
async fn single(options: &Options) -> Result<(), Failure> {
    work(options).await
}

async fn work(options: &Options) -> Result<(), Failure> {
    // What the SDK's default features give it.
    let mut http = aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::AwsLc));
    if let Some(authority) = &options.authority {
        let trusted = TrustStore::empty().with_pem_certificate(std::fs::read(authority)?);
        http = http.tls_context(TlsContext::builder().with_trust_store(trusted).build()?);
    }
    let http = http.build_https();
    let config = aws_config::defaults(BehaviorVersion::v2026_01_12())
        .http_client(http)
        .region(Region::from_static("us-east-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "bench"))
        .endpoint_url(&options.url)
        .load()
        .await;
    let client = Client::new(&config);
    // Only the size counts: no part of the path reads the content.
    let image = vec![b'x'; options.image];
    let ask = async |total: &mut Total| unary(&client, &options.model, &image, total).await;

    let mut total = Total::default();
    let start;
    let calls = match options.job {
        Job::FirstEvent => {
            stream(&client, &options.model, &mut total, true).await?;
            return Err("the stream held no text".into());
        }
        Job::Streams(calls) => {
            // Opens the connection and fills every cache; what follows is the steady state.
            ask(&mut Total::default()).await?;
            start = Start::now(0);
            for _ in 0..calls {
                stream(&client, &options.model, &mut total, false).await?;
            }
            calls
        }
        Job::Open(calls) => {
            ask(&mut Total::default()).await?;
            let begun = Arc::new(Begun { to_begin: AtomicU32::new(calls), ..Begun::default() });
            let one = |client: Client, model: String, begun: Arc<Begun>| async move {
                let mut total = Total { begun: Some(begun), ..Total::default() };
                stream(&client, &model, &mut total, false).await?;
                Ok::<_, Failure>(total)
            };
            let one = || tokio::spawn(one(client.clone(), options.model.clone(), begun.clone()));
            let tasks: Vec<_> = (0..calls).map(|_| one()).collect();
            for task in tasks {
                total.add(task.await??);
            }
            start = *begun.start.get().ok_or("not every stream has begun")?;
            calls
        }
        Job::Unary(calls) => {
            ask(&mut Total::default()).await?;
            start = Start::now(0);
            for _ in 0..calls {
                ask(&mut total).await?;
            }
            calls
        }
    };
    let used = Usage::of_this_process() - start.used;
    let (p50, p99) = (total.percentile(500), total.percentile(990));
    println!(
        "calls={calls} events={} bytes={} wall_us={} user_us={} system_us={} switches={} p50_ns={p50} p99_ns={p99}",
        total.events - start.events,
        total.bytes,
        start.at.elapsed().as_micros(),
        used.user.as_micros(),
        used.system.as_micros(),
        used.switches,
    );
    Ok(())
}

/// Where what is measured begins.
#[derive(Clone, Copy)]
struct Start {
    at: Instant,
    used: Usage,
    /// Events that came before it.
    events: u64,
}

impl Start {
    fn now(events: u64) -> Self {
        Self { at: Instant::now(), used: Usage::of_this_process(), events }
    }
}

/// How many of the streams that are opened at once have begun, and what they have shown by then.
#[derive(Default)]
struct Begun {
    to_begin: AtomicU32,
    events: AtomicU64,
    start: OnceLock<Start>,
}

impl Begun {
    fn one_more(&self) {
        if self.to_begin.fetch_sub(1, Ordering::Relaxed) == 1 {
            let _ = self.start.set(Start::now(self.events.load(Ordering::Relaxed)));
        }
    }
}

/// What the consumer does with an answer: count it. Printing would measure the terminal.
#[derive(Default)]
struct Total {
    begun: Option<Arc<Begun>>,
    events: u64,
    bytes: usize,
    /// How long stamped events took from the server's write to the consumer, in nanoseconds.
    took: Vec<u64>,
}

impl Total {
    fn take(&mut self, text: &str) {
        if let Some(begun) = &self.begun {
            begun.events.fetch_add(1, Ordering::Relaxed);
        }
        self.events += 1;
        self.bytes += text.len();
        if let Ok(sent) = text.parse::<u64>() {
            self.took.push(monotonic_ns() - sent);
        }
    }

    fn add(&mut self, other: Total) {
        self.events += other.events;
        self.bytes += other.bytes;
        self.took.extend(other.took);
    }

    /// So many thousandths of the events took at most this long; 0 where none was stamped.
    fn percentile(&mut self, thousandths: usize) -> u64 {
        self.took.sort_unstable();
        self.took.len().checked_sub(1).map_or(0, |last| self.took[last * thousandths / 1000])
    }
}

fn question(image: &[u8]) -> Result<Message, Failure> {
    let message = Message::builder().role(ConversationRole::User).content(ContentBlock::Text("Hello".to_owned()));
    if image.is_empty() {
        return Ok(message.build()?);
    }
    // A blob owns its bytes: whoever shows an image again has to copy it.
    let source = ImageSource::Bytes(Blob::new(image));
    let image = ImageBlock::builder().format(ImageFormat::Png).source(source).build()?;
    Ok(message.content(ContentBlock::Image(image)).build()?)
}

async fn stream(client: &Client, model: &str, total: &mut Total, leave: bool) -> Result<(), Failure> {
    let answer = client.converse_stream().model_id(model).messages(question(&[])?).send().await?;
    let mut events = answer.stream;
    while let Some(event) = events.recv().await? {
        match event {
            ConverseStreamOutput::MessageStart(_) => total.begun.iter().for_each(|begun| begun.one_more()),
            ConverseStreamOutput::ContentBlockDelta(event) => {
                if let Some(Ok(text)) = event.delta().map(|delta| delta.as_text()) {
                    total.take(text);
                    if leave {
                        // Not `std::process::exit`: what a program does to end is no part of its start.
                        crate::usage::exit_now();
                    }
                }
            }
            _ => {}
        }
    }
    Ok(())
}

async fn unary(client: &Client, model: &str, image: &[u8], total: &mut Total) -> Result<(), Failure> {
    let answer = client.converse().model_id(model).messages(question(image)?).send().await?;
    let message = answer.output().and_then(|output| output.as_message().ok()).ok_or("no message")?;
    for block in message.content() {
        if let Ok(text) = block.as_text() {
            total.bytes += text.len();
        }
    }
    Ok(())
}
