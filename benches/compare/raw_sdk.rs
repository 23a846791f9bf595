//! The SDK's client: a program that uses aws-sdk-bedrockruntime alone, as its documentation shows.
//!
//! `--runtime multi` is the documented `#[tokio::main]` with the consumer in `main`. `--runtime single` is the same
//! code on tokio's one-thread runtime, where the SDK is fastest.
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

/// The work to do, with the number of calls.
#[derive(Clone, Copy, Debug)]
pub enum Job {
    /// Streams by ConverseStream, one after the other.
    Streams(u32),
    /// Streams by ConverseStream, all at once, each in a task. The measurement begins when all have begun.
    Open(u32),
    /// Calls of Converse, one after the other.
    Unary(u32),
    /// A cold start: one stream, at whose first text the process exits.
    FirstEvent,
}

pub struct Options {
    pub url: String,
    /// A file with the certificates to trust, instead of the system's trust store.
    pub authority: Option<PathBuf>,
    pub model: String,
    pub single_thread: bool,
    pub job: Job,
    /// Bytes of the image in each unary request. 0 means no image.
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
    // As the SDK's default features build it.
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
    // The content is arbitrary: only its size matters.
    let image = vec![b'x'; options.image];
    let call = async |total: &mut Total| unary(&client, &options.model, &image, total).await;

    let mut total = Total::default();
    let start;
    let calls = match options.job {
        Job::FirstEvent => {
            stream(&client, &options.model, &mut total, true).await?;
            return Err("the stream held no text".into());
        }
        Job::Streams(calls) => {
            // Opens the connection and fills every cache. The steady state follows.
            call(&mut Total::default()).await?;
            start = Start::now(0);
            for _ in 0..calls {
                stream(&client, &options.model, &mut total, false).await?;
            }
            calls
        }
        Job::Open(calls) => {
            call(&mut Total::default()).await?;
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
            call(&mut Total::default()).await?;
            start = Start::now(0);
            for _ in 0..calls {
                call(&mut total).await?;
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

/// The counters at the beginning of the measurement.
#[derive(Clone, Copy)]
struct Start {
    at: Instant,
    used: Usage,
    /// Events before the beginning.
    events: u64,
}

impl Start {
    fn now(events: u64) -> Self {
        Self { at: Instant::now(), used: Usage::of_this_process(), events }
    }
}

/// The progress of streams that are opened at once. The measurement starts when all of them have begun.
#[derive(Default)]
struct Begun {
    to_begin: AtomicU32,
    events: AtomicU64,
    start: OnceLock<Start>,
}

impl Begun {
    fn count_one(&self) {
        if self.to_begin.fetch_sub(1, Ordering::Relaxed) == 1 {
            let _ = self.start.set(Start::now(self.events.load(Ordering::Relaxed)));
        }
    }
}

/// The counts of the consumer, which prints no text, so that the terminal is not measured.
#[derive(Default)]
struct Total {
    begun: Option<Arc<Begun>>,
    events: u64,
    bytes: usize,
    /// Latencies of events with time stamps from the server's write to the consumer, in nanoseconds.
    latencies: Vec<u64>,
}

impl Total {
    fn count_text(&mut self, text: &str) {
        if let Some(begun) = &self.begun {
            begun.events.fetch_add(1, Ordering::Relaxed);
        }
        self.events += 1;
        self.bytes += text.len();
        if let Ok(sent) = text.parse::<u64>() {
            self.latencies.push(monotonic_ns() - sent);
        }
    }

    fn add(&mut self, other: Total) {
        self.events += other.events;
        self.bytes += other.bytes;
        self.latencies.extend(other.latencies);
    }

    /// Returns a percentile of the latencies, given in thousandths, or 0 if no event had a time stamp.
    fn percentile(&mut self, thousandths: usize) -> u64 {
        self.latencies.sort_unstable();
        self.latencies.len().checked_sub(1).map_or(0, |last| self.latencies[last * thousandths / 1000])
    }
}

fn user_message(image: &[u8]) -> Result<Message, Failure> {
    let message = Message::builder().role(ConversationRole::User).content(ContentBlock::Text("Hello".to_owned()));
    if image.is_empty() {
        return Ok(message.build()?);
    }
    // A blob owns its bytes, so each request copies the image.
    let source = ImageSource::Bytes(Blob::new(image));
    let image = ImageBlock::builder().format(ImageFormat::Png).source(source).build()?;
    Ok(message.content(ContentBlock::Image(image)).build()?)
}

async fn stream(client: &Client, model: &str, total: &mut Total, exit_at_text: bool) -> Result<(), Failure> {
    let response = client.converse_stream().model_id(model).messages(user_message(&[])?).send().await?;
    let mut events = response.stream;
    while let Some(event) = events.recv().await? {
        match event {
            ConverseStreamOutput::MessageStart(_) => total.begun.iter().for_each(|begun| begun.count_one()),
            ConverseStreamOutput::ContentBlockDelta(event) => {
                if let Some(Ok(text)) = event.delta().map(|delta| delta.as_text()) {
                    total.count_text(text);
                    if exit_at_text {
                        // Not `std::process::exit`: the end of the program is not measured.
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
    let response = client.converse().model_id(model).messages(user_message(image)?).send().await?;
    let message = response.output().and_then(|output| output.as_message().ok()).ok_or("no message")?;
    for block in message.content() {
        if let Ok(text) = block.as_text() {
            total.bytes += text.len();
        }
    }
    Ok(())
}
