//! Attacks in the way to credentials: endpoints of containers, of instances and of STS, and files that do not come.

use std::io;

use serde_json::{Value, json};

use super::TOKEN;
use super::attack::{Attack, Call, Over};
use super::peer::Peer;
use crate::support::capi::*;

/// No credentials, or a timer that ran out.
const NONE: &[bedrock_status] = &[BEDROCK_E_CREDENTIALS, BEDROCK_E_TIMEOUT];

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n";

/// What a server of credentials does with whoever asks.
type Answer = (&'static str, fn(Peer) -> super::attack::Played);

const ANSWERS: [Answer; 7] = [
    ("silence", |mut peer| {
        Box::pin(async move {
            ask(&mut peer).await?;
            peer.hang().await
        })
    }),
    ("a body without end", |mut peer| {
        Box::pin(async move {
            ask(&mut peer).await?;
            peer.send(OK).await?;
            peer.forever("x").await
        })
    }),
    ("headers without end", |mut peer| {
        Box::pin(async move {
            ask(&mut peer).await?;
            peer.send("HTTP/1.1 200 OK\r\n").await?;
            peer.forever("a: b\r\n").await
        })
    }),
    ("an error without end", |mut peer| {
        Box::pin(async move {
            ask(&mut peer).await?;
            peer.send("HTTP/1.1 400 Bad\r\n\r\n").await?;
            peer.forever("x").await
        })
    }),
    ("rubbish", |mut peer| {
        Box::pin(async move {
            ask(&mut peer).await?;
            peer.send([OK, "{\"AccessKeyId\": 7, \"Token\": []"].concat()).await
        })
    }),
    ("a reset", |mut peer| {
        Box::pin(async move {
            ask(&mut peer).await?;
            peer.reset()
        })
    }),
    ("a redirect", |mut peer| {
        Box::pin(async move {
            ask(&mut peer).await?;
            peer.send("HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n").await
        })
    }),
];

/// Reads the head of a request. It is none to the service, and so does not count.
async fn ask(peer: &mut Peer) -> io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.extend(peer.take(1).await?);
    }
    Ok(())
}

/// Where credentials come from, and what leads there.
struct Source {
    name: &'static str,
    variables: Vec<(&'static str, &'static str)>,
    config: Value,
}

fn sources() -> [Source; 3] {
    let none = json!({"api_key": null, "secret_key": null});
    let here = "http://127.0.0.1:{port}";
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
            variables: vec![("AWS_EC2_METADATA_SERVICE_ENDPOINT", here), ("AWS_EC2_METADATA_DISABLED", "false")],
            config: none,
        },
        Source {
            name: "STS",
            variables: vec![("AWS_ENDPOINT_URL_STS", here)],
            config: json!({"role_arn": "arn:aws:iam::123456789012:role/x"}),
        },
    ]
}

pub fn attacks() -> Vec<Attack> {
    let mut attacks = Vec::new();
    for Source { name: source, variables, config } in sources() {
        for (what, play) in ANSWERS {
            let name = format!("credentials of {source}: {what}");
            let attack = Attack::new(Over::Http1, Call::Stream, &name, NONE, play);
            let attack = attack.with(config.clone()).environment(&variables).requests(0).connections(8);
            attacks.push(if what.ends_with("without end") { attack.alone() } else { attack });
        }
    }
    attacks
}
