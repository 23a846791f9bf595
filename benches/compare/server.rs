//! The server: two local Bedrocks (`tests/support`), one over HTTP/1.1, and one over TLS with HTTP/2, as the service
//! uses it. It is a separate process, so that its CPU time is not measured.

use std::error::Error;
use std::io::{self, Write};
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;
use std::{fs, thread};

use crate::script::Script;
use crate::support::{Flaw, LocalBedrock, Protocol, Tls};

/// The limit of streams on one connection of HTTP/2. It is so high that no client needs a second connection.
const STREAMS: u32 = 2_000;

/// Serves on `127.0.0.1:port` (0: any free port), and prints the URL on the first line of stdout. With `authority` it
/// also serves HTTP/2 over TLS, prints that URL on the second line, and writes its certificate authority into the file.
/// With `until_eof` it returns at the end of its stdin, so that it does not outlive the process that started it.
pub fn run(port: u16, authority: Option<&Path>, until_eof: bool) -> Result<(), Box<dyn Error>> {
    let script = Arc::new(Script::default());
    let start = |port, protocol| {
        let bedrock = LocalBedrock::with_protocol_at((Ipv4Addr::LOCALHOST, port), protocol);
        let script = script.clone();
        bedrock.respond_with(move |request| script.reply_to(request));
        bedrock.forget_requests();
        println!("{}", bedrock.url());
        bedrock
    };
    let _plain = start(port, Protocol::Http1);
    let mut _secure = None;
    if let Some(authority) = authority {
        let tls = Tls::new(Flaw::Nothing, &["h2"]).streams(STREAMS);
        fs::copy(tls.ca_file(), authority)?;
        _secure = Some(start(0, Protocol::Tls(tls)));
    }
    io::stdout().flush()?;
    if until_eof {
        io::copy(&mut io::stdin(), &mut io::sink())?;
    } else {
        loop {
            thread::park();
        }
    }
    Ok(())
}
