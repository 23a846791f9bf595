//! Attacks on credentials: endpoints of containers, of instances and of STS, and files that cannot be read to their
//! end.

use std::ffi::CString;
use std::io;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use super::TOKEN;
use super::attack::{Attack, Call, Over};
use super::peer::Peer;
use crate::support::capi::*;

/// No credentials, or a timeout.
const NONE: &[bedrock_status] = &[BEDROCK_E_CREDENTIALS, BEDROCK_E_TIMEOUT];

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n";

/// A name, and how a server of credentials behaves.
type Behaviour = (&'static str, fn(Peer) -> super::attack::Playing);

const BEHAVIOURS: [Behaviour; 7] = [
    ("silence", |mut peer| {
        Box::pin(async move {
            read_head(&mut peer).await?;
            peer.hang().await
        })
    }),
    ("a body without end", |mut peer| {
        Box::pin(async move {
            read_head(&mut peer).await?;
            peer.send(OK).await?;
            peer.forever("x").await
        })
    }),
    ("headers without end", |mut peer| {
        Box::pin(async move {
            read_head(&mut peer).await?;
            peer.send("HTTP/1.1 200 OK\r\n").await?;
            peer.forever("a: b\r\n").await
        })
    }),
    ("an error without end", |mut peer| {
        Box::pin(async move {
            read_head(&mut peer).await?;
            peer.send("HTTP/1.1 400 Bad\r\n\r\n").await?;
            peer.forever("x").await
        })
    }),
    ("invalid credentials", |mut peer| {
        Box::pin(async move {
            read_head(&mut peer).await?;
            peer.send([OK, "{\"AccessKeyId\": 7, \"Token\": []"].concat()).await
        })
    }),
    ("a reset", |mut peer| {
        Box::pin(async move {
            read_head(&mut peer).await?;
            peer.reset()
        })
    }),
    ("a redirect", |mut peer| {
        Box::pin(async move {
            read_head(&mut peer).await?;
            peer.send("HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n").await
        })
    }),
];

/// Reads the head of a request for credentials, which does not count as a request to the service.
async fn read_head(peer: &mut Peer) -> io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.extend(peer.read(1).await?);
    }
    Ok(())
}

/// A source of credentials, and the settings that select it.
struct Source {
    name: &'static str,
    variables: Vec<(&'static str, &'static str)>,
    config: Value,
}

fn sources() -> [Source; 3] {
    let none = json!({"api_key": null, "secret_key": null});
    let endpoint = "http://127.0.0.1:{port}";
    [
        Source {
            name: "a container",
            variables: vec![
                ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:{port}/credentials"),
                ("AWS_CONTAINER_AUTHORIZATION_TOKEN", TOKEN),
            ],
            config: none.clone(),
        },
        Source {
            name: "an instance",
            variables: vec![("AWS_EC2_METADATA_SERVICE_ENDPOINT", endpoint), ("AWS_EC2_METADATA_DISABLED", "false")],
            config: none,
        },
        Source {
            name: "STS",
            variables: vec![("AWS_ENDPOINT_URL_STS", endpoint)],
            config: json!({"role_arn": "arn:aws:iam::123456789012:role/x"}),
        },
    ]
}

pub fn attacks() -> Vec<Attack> {
    let mut attacks = Vec::new();
    for Source { name: source, variables, config } in sources() {
        for (what, play) in BEHAVIOURS {
            let name = format!("credentials of {source}: {what}");
            let attack = Attack::new(Over::Http1, Call::Stream, &name, NONE, play);
            let attack = attack.with(config.clone()).environment(&variables).requests(0).connections(8);
            attacks.push(if what.ends_with("without end") { attack.alone() } else { attack });
        }
    }
    attacks.extend(local_sources());
    attacks
}

/// Files and processes without output, or with endless output.
fn local_sources() -> Vec<Attack> {
    // Long enough for a process to print more than the limit.
    const LONGER: Duration = Duration::from_secs(1);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("chaos");
    std::fs::create_dir_all(&folder).expect("a folder");
    let path = |name: &str| folder.join(name).to_str().expect("UTF-8").to_owned();
    let profile = |name: &str, command: &str| {
        std::fs::write(path(name), format!("[default]\ncredential_process = {command}\n")).expect("a file");
        path(name)
    };
    let fifo = path("fifo");
    // It may exist from an earlier run.
    let name = CString::new(fifo.as_str()).expect("no NUL");
    let _ = unsafe { libc::mkfifo(name.as_ptr(), 0o700) };
    let attack = |name: &str, variables: &[(&'static str, &str)]| {
        let wrong = [NONE, &[BEDROCK_E_CONFIG]].concat();
        // The client never connects.
        let attack = Attack::new(Over::Http1, Call::Stream, name, &wrong, |mut peer| async move { peer.hang().await });
        let attack = attack.with(json!({"api_key": null, "secret_key": null})).environment(variables);
        attack.requests(0).connections(0)
    };
    let role = ("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/x");
    vec![
        attack("a process that prints without end", &[("AWS_CONFIG_FILE", &profile("prints", "yes"))])
            .alone()
            .total(LONGER),
        attack("a process that prints errors without end", &[("AWS_CONFIG_FILE", &profile("errors", "yes >&2"))])
            .alone()
            .total(LONGER),
        attack("a process that is silent", &[("AWS_CONFIG_FILE", &profile("silent", "sleep 3"))]),
        attack("a config file without a writer", &[("AWS_CONFIG_FILE", &fifo)]),
        attack("a credentials file without a writer", &[("AWS_SHARED_CREDENTIALS_FILE", &fifo)]),
        attack("a token file without a writer", &[("AWS_WEB_IDENTITY_TOKEN_FILE", &fifo), role]),
        attack("a config file without end", &[("AWS_CONFIG_FILE", "/dev/zero")]).alone(),
        attack("a token file without end", &[("AWS_WEB_IDENTITY_TOKEN_FILE", "/dev/zero"), role]).alone(),
    ]
}
