//! The far end: a loopback stand-in for Bedrock, in a process of its own so that its CPU time is nobody's result.
//!
//! The model id in the path says which [`script`](super::script) is wanted:
//!
//! | path                               | answer                                                           |
//! |------------------------------------|------------------------------------------------------------------|
//! | `/model/burst-1000/converse-stream` | 1,000 text events, as fast as the socket takes them              |
//! | `/model/paced-1000/converse-stream` | 1,000 text events, one a millisecond                             |
//! | `/model/steady-40/converse-stream`  | 40 text events, twenty a second; streams take turns              |
//! | `/model/stamped-1000/converse-stream` | one a millisecond, each with the time at which it was sent     |
//! | `/model/…/converse`                 | one unary answer                                                 |
//!
//! This file speaks HTTP/1.1, where each event is a chunk of its own; over HTTP/2, which [`http2`](super::http2)
//! speaks, it is a DATA frame.

use std::error::Error;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crate::http2;
use crate::script::{Kind, STEADY_PACE, STREAM_HEAD, Script, Scripts, chunk, text_event, unary};
use crate::usage::monotonic_ns;

/// Between the events of a paced stream.
const PACE: Duration = Duration::from_millis(1);

/// Serves on `127.0.0.1:port` (0: any free port) and says where on the first line of stdout. With `authority` it also
/// serves HTTP/2 over TLS, on the port that the second line says, and writes whom to trust into that file.
/// With `until_eof` the process ends when its stdin does, so that it cannot outlive whoever started it.
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
            // A client that hangs up in the middle is how a cold start is measured: not worth a word.
            let _ = serve(connection, &scripts);
        });
    }
    Ok(())
}

/// One connection, kept alive: request, answer, request, answer.
fn serve(mut connection: TcpStream, scripts: &Scripts) -> io::Result<()> {
    connection.set_nodelay(true)?;
    let mut reader = BufReader::new(connection.try_clone()?);
    while let Some(path) = read_request(&mut reader)? {
        let model = path.split('/').nth(2).unwrap_or_default();
        let Some((kind, script)) = scripts.get(model) else {
            connection.write_all(&unary("404 Not Found", "{\"message\":\"no such model\"}"))?;
            continue;
        };
        if !path.ends_with("/converse-stream") {
            connection.write_all(&scripts.unary)?;
        } else {
            match kind {
                Kind::Burst => connection.write_all(&script.chunked.bytes)?,
                Kind::Paced => play(&script, &mut connection, PACE, Duration::ZERO)?,
                Kind::Steady => play(&script, &mut connection, STEADY_PACE, scripts.turn())?,
                Kind::Stamped => play_stamped(&script, &mut connection)?,
            }
        }
    }
    Ok(())
}

/// One text event a tick, kept to the clock: a late one does not delay those after it.
fn play(script: &Script, connection: &mut TcpStream, pace: Duration, turn: Duration) -> io::Result<()> {
    let mut due = Instant::now() + turn;
    for share in script.chunked.shares() {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        connection.write_all(share)?;
        due += pace;
    }
    Ok(())
}

/// As [`play`], but each text is the time at which it is sent. The last share is the script's own.
fn play_stamped(script: &Script, connection: &mut TcpStream) -> io::Result<()> {
    let mut due = Instant::now();
    let mut shares = script.chunked.shares();
    let last = shares.next_back().expect("a script has a last tick");
    let mut event = Vec::new();
    connection.write_all(STREAM_HEAD)?;
    for _ in shares {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        event.clear();
        chunk(&mut event, &text_event(&format!("{:020}", monotonic_ns())));
        connection.write_all(&event)?;
        due += PACE;
    }
    connection.write_all(last)
}

/// Reads one request to the end of its body; its path, or `None` where the client has hung up.
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
