//! The server: a stand-in for Bedrock on loopback. It is a separate process, so that its CPU time is not measured.
//!
//! The model id in the path selects the [`script`](super::script):
//!
//! | path                                  | response                                                      |
//! |---------------------------------------|---------------------------------------------------------------|
//! | `/model/burst-1000/converse-stream`   | 1,000 text events, as fast as the socket accepts them         |
//! | `/model/paced-1000/converse-stream`   | 1,000 text events, one a millisecond                          |
//! | `/model/steady-40/converse-stream`    | 40 text events, twenty a second; streams are out of phase     |
//! | `/model/stamped-1000/converse-stream` | 1,000 text events, one a millisecond, each with a time stamp  |
//! | `/model/…/converse`                   | one unary response                                            |
//!
//! This file serves HTTP/1.1, where each event is a chunk. [`http2`](super::http2) serves HTTP/2, where each event is a
//! DATA frame.

use std::error::Error;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crate::http2;
use crate::script::{Pacing, STEADY_PACE, STREAM_HEAD, Script, Scripts, chunk, text_event, unary};
use crate::usage::monotonic_ns;

/// The interval between the events of a paced stream.
const PACE: Duration = Duration::from_millis(1);

/// Serves on `127.0.0.1:port` (0: any free port), and prints the URL on the first line of stdout. With `authority` it
/// also serves HTTP/2 over TLS, prints that URL on the second line, and writes its certificate into the file. With
/// `until_eof` the process exits at the end of its stdin, so that it does not outlive the process that started it.
pub fn run(port: u16, authority: Option<&Path>, until_eof: bool) -> Result<(), Box<dyn Error>> {
    let scripts = Arc::new(Scripts::new());
    let listener = TcpListener::bind(("127.0.0.1", port))?;
    println!("http://{}", listener.local_addr()?);
    if let Some(authority) = authority {
        println!("https://{}", http2::start(authority, scripts.clone())?);
    }
    io::stdout().flush()?;
    if until_eof {
        thread::spawn(|| {
            let _ = io::copy(&mut io::stdin(), &mut io::sink());
            std::process::exit(0);
        });
    }
    for connection in listener.incoming() {
        let (connection, scripts) = (connection?, Arc::clone(&scripts));
        thread::spawn(move || {
            // An error means that the client has closed the connection, as a cold start does.
            let _ = serve(connection, &scripts);
        });
    }
    Ok(())
}

/// Serves the requests of one persistent connection.
fn serve(mut connection: TcpStream, scripts: &Scripts) -> io::Result<()> {
    connection.set_nodelay(true)?;
    let mut reader = BufReader::new(connection.try_clone()?);
    while let Some(path) = read_request(&mut reader)? {
        let model = path.split('/').nth(2).unwrap_or_default();
        let Some((pacing, script)) = scripts.get(model) else {
            connection.write_all(&unary("404 Not Found", "{\"message\":\"no such model\"}"))?;
            continue;
        };
        if !path.ends_with("/converse-stream") {
            connection.write_all(&scripts.unary)?;
        } else {
            match pacing {
                Pacing::Burst => connection.write_all(&script.chunked.bytes)?,
                Pacing::Paced => send_paced(&script, &mut connection, PACE, Duration::ZERO)?,
                Pacing::Steady => send_paced(&script, &mut connection, STEADY_PACE, scripts.phase())?,
                Pacing::Stamped => send_stamped(&script, &mut connection)?,
            }
        }
    }
    Ok(())
}

/// Sends one text event a tick. The times are absolute, so that a late event does not delay the next.
fn send_paced(script: &Script, connection: &mut TcpStream, pace: Duration, phase: Duration) -> io::Result<()> {
    let mut due = Instant::now() + phase;
    for part in script.chunked.parts() {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        connection.write_all(part)?;
        due += pace;
    }
    Ok(())
}

/// As [`send_paced`], but each text is the time at which it is sent. The last part is that of the script.
fn send_stamped(script: &Script, connection: &mut TcpStream) -> io::Result<()> {
    let mut due = Instant::now();
    let mut parts = script.chunked.parts();
    let last = parts.next_back().expect("a script has a last tick");
    let mut event = Vec::new();
    connection.write_all(STREAM_HEAD)?;
    for _ in parts {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        event.clear();
        chunk(&mut event, &text_event(&format!("{:020}", monotonic_ns())));
        connection.write_all(&event)?;
        due += PACE;
    }
    connection.write_all(last)
}

/// Reads one request. Returns its path, or `None` if the client has closed the connection.
fn read_request(reader: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut body = 0;
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        let header = line.trim_end();
        if header.is_empty() {
            break;
        }
        if let Some((name, value)) = header.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            body = value.trim().parse().map_err(io::Error::other)?;
        }
    }
    io::copy(&mut reader.take(body), &mut io::sink())?;
    Ok(Some(path))
}
