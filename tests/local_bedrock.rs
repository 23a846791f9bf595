//! Tests of the local Bedrock (`tests/support`): with a plain socket, with the AWS SDK, and of its check of Signature
//! Version 4.

mod support;

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use aws_sdk_bedrockruntime as sdk;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use sdk::error::{DisplayErrorContext, ProvideErrorMetadata};
use sdk::types::{ContentBlock, ConversationRole, ConverseStreamOutput as Event, Message};

use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use support::sigv4::{Verifier, canonical_request, format_stamp, http_date, parse_stamp};
use support::stream::event_frame;
use support::{
    Auth, ClosedBy, Corpus, Cut, ErrorName, Flaw, Gate, LocalBedrock, PATIENCE, Protocol, Reply, Request, Tls, frames,
};

// The log.

#[test]
fn a_request_is_logged_as_it_was_sent() {
    let bedrock = LocalBedrock::start();
    bedrock.push(Reply::json("{}"));
    let mut client = Client::connect(&bedrock);
    client.send(
        b"POST /model/a.b-v1%3A0/converse?x=%20&y HTTP/1.1\r\nhOsT: here\r\nX-Twice: 1\r\n\
        x-twice:  two \r\ncontent-length: 9\r\n\r\n\
        {\"b\":1e9}",
    );
    assert_eq!(client.response().status, 200);

    let request = bedrock.last_request();
    assert_eq!(request.version, http::Version::HTTP_11);
    assert_eq!(request.method, "POST");
    assert_eq!(request.target, "/model/a.b-v1%3A0/converse?x=%20&y");
    assert_eq!(request.path(), "/model/a.b-v1%3A0/converse");
    assert_eq!(request.query(), "x=%20&y");
    assert_eq!(request.operation(), "converse");
    assert_eq!(request.model_id().as_deref(), Some("a.b-v1:0"));
    let headers: Vec<_> = request.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(headers, [("hOsT", "here"), ("X-Twice", "1"), ("x-twice", "two"), ("content-length", "9")]);
    assert_eq!(request.header_values("X-TWICE").collect::<Vec<_>>(), ["1", "two"]);
    assert_eq!(request.text(), "{\"b\":1e9}");
    assert_eq!(request.connection, 1);
    assert_eq!(request.refused, None);
}

#[test]
fn a_chunked_request_body_is_logged_without_its_framing() {
    let bedrock = LocalBedrock::start();
    bedrock.push(Reply::json("{}"));
    bedrock.push(Reply::json("{}"));
    let mut client = Client::connect(&bedrock);
    let chunked: &[u8] = b"3\r\nabc\r\n1;extension=1\r\nd\r\n0\r\nTrailer: gone\r\n\r\n";
    client.send(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n");
    for byte in chunked {
        client.send(&[*byte]);
    }
    assert_eq!(client.response().status, 200);
    client.post("/next", b"e");
    assert_eq!(client.response().status, 200);
    let bodies: Vec<_> = bedrock.requests().iter().map(|request| request.text().to_owned()).collect();
    assert_eq!(bodies, ["abcd", "e"]);
}

#[test]
fn a_client_that_expects_100_continue_receives_it() {
    let bedrock = LocalBedrock::start();
    bedrock.push(Reply::json("{}"));
    let mut client = Client::connect(&bedrock);
    client.send(b"POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    let (status, _) = client.head();
    assert_eq!(status, 100);
    client.send(b"ok");
    assert_eq!(client.response().status, 200);
    assert_eq!(bedrock.last_request().text(), "ok");
}

#[test]
fn connections_are_kept_alive_and_counted() {
    let bedrock = LocalBedrock::start();
    bedrock.respond_with(|request| Reply::json(request.body.clone()));
    let mut first = Client::connect(&bedrock);
    assert_eq!(first.exchange("/1", b"a").body, b"a");
    assert_eq!(first.exchange("/2", b"b").body, b"b");
    let mut second = Client::connect(&bedrock);
    assert_eq!(second.exchange("/3", b"c").body, b"c");

    let connections: Vec<_> = bedrock.take_requests().iter().map(|request| request.connection).collect();
    assert_eq!(connections, [1, 1, 2]);
    assert!(bedrock.requests().is_empty());
    assert_eq!(bedrock.connection_count(), 2);
    assert_eq!(bedrock.connection(1).requests, 2);
    drop(first);
    assert_eq!(bedrock.wait_closed(1), ClosedBy::Client);
    assert_eq!(bedrock.connection(2).closed, None);
}

#[test]
fn a_request_that_is_not_http_is_rejected_and_reported() {
    let bedrock = LocalBedrock::start();
    let mut client = Client::connect(&bedrock);
    client.send(b"\x16\x03\x01 hello\r\n\r\n");
    assert_eq!(client.response().status, 400);
    assert_eq!(bedrock.wait_closed(1), ClosedBy::Server);
    assert!(bedrock.problems()[0].contains("not an HTTP/1.1 request"), "{:?}", bedrock.problems());
    assert!(bedrock.requests().is_empty());
}

#[test]
fn a_server_that_forgets_requests_still_counts_them() {
    let bedrock = LocalBedrock::start();
    bedrock.respond_with(|_| Reply::json("{}"));
    let mut client = Client::connect(&bedrock);
    client.exchange("/1", b"a");
    assert_eq!(bedrock.requests().len(), 1);
    bedrock.forget_requests();
    client.exchange("/2", b"b");
    assert!(bedrock.requests().is_empty());
    assert_eq!(bedrock.connection(1).requests, 2);
}

#[test]
fn a_server_listens_on_the_chosen_port() {
    let port = LocalBedrock::refusing_port().number();
    let bedrock = LocalBedrock::with_protocol_at((Ipv4Addr::LOCALHOST, port), Protocol::Http1);
    assert_eq!(bedrock.port(), port);
    bedrock.push(Reply::json("{}"));
    assert_eq!(Client::connect(&bedrock).exchange("/", b"").status, 200);
}

// The choice of a reply.

#[test]
fn queued_replies_come_first_and_the_handler_makes_the_others() {
    let bedrock = LocalBedrock::start();
    bedrock.respond_with(|request| match request.operation() {
        "converse" => Reply::text_response("from the handler"),
        other => Reply::error(404, "UnknownOperationException", other),
    });
    bedrock.push(Reply::text_response("from the queue"));
    assert_eq!(bedrock.unused_replies(), 1);
    let mut client = Client::connect(&bedrock);
    assert_eq!(client.exchange("/model/m/converse", b"").text_response(), "from the queue");
    assert_eq!(bedrock.unused_replies(), 0);
    assert_eq!(client.exchange("/model/m/converse", b"").text_response(), "from the handler");
    assert_eq!(client.exchange("/model/m/invoke", b"").status, 404);
}

#[test]
fn a_request_without_a_reply_gets_a_500_that_explains_it() {
    let bedrock = LocalBedrock::start();
    let response = Client::connect(&bedrock).exchange("/model/m/converse", b"");
    assert_eq!(response.status, 500);
    let problem = "no reply was scripted for POST /model/m/converse";
    assert!(response.json()["message"].as_str().is_some_and(|message| message == problem));
    assert_eq!(bedrock.problems(), [format!("connection 1: {problem}")]);
}

#[test]
fn a_handler_that_panics_is_a_500_and_the_server_continues() {
    let bedrock = LocalBedrock::start();
    bedrock.respond_with(|request| {
        assert!(request.path() != "/bad", "no such path");
        Reply::json("{}")
    });
    let mut client = Client::connect(&bedrock);
    let response = client.exchange("/bad", b"");
    assert_eq!(response.status, 500);
    assert!(response.json()["message"].as_str().is_some_and(|message| message.contains("no such path")));
    assert_eq!(client.exchange("/good", b"").status, 200);
}

#[test]
fn the_name_of_an_error_is_at_the_chosen_place() {
    let bedrock = LocalBedrock::start();
    let mut client = Client::connect(&bedrock);
    for (place, header, body) in [
        (ErrorName::Header, true, r#"{"message":"slow down"}"#),
        (ErrorName::Nowhere, false, r#"{"message":"slow down"}"#),
        (ErrorName::BodyType, false, r#"{"__type":"com.amazon.bedrock#ThrottlingException","message":"slow down"}"#),
        (ErrorName::BodyCode, false, r#"{"code":"ThrottlingException","message":"slow down"}"#),
    ] {
        bedrock.push(Reply::error_named(place, 429, "ThrottlingException", "slow down").header("Retry-After", "1"));
        let response = client.exchange("/", b"");
        assert_eq!((response.status, String::from_utf8_lossy(&response.body).as_ref()), (429, body));
        let name = response.header("x-amzn-errortype").unwrap_or_default();
        assert_eq!(name.starts_with("ThrottlingException:"), header, "{place:?}");
        assert_eq!(response.header("retry-after"), Some("1"));
    }
}

#[test]
#[should_panic(expected = "is to end after 4 bytes of its body, which has 3")]
fn a_cut_behind_the_end_of_the_body_panics() {
    LocalBedrock::start().push(Reply::json("abc").cut_at(4, Cut::Close));
}

#[test]
fn servers_are_independent() {
    let servers: Vec<_> = (0..20).map(|_| LocalBedrock::start()).collect();
    for (number, server) in servers.iter().enumerate() {
        server.push(Reply::text_response(&number.to_string()));
    }
    for (number, server) in servers.iter().enumerate().rev() {
        assert_eq!(Client::connect(server).exchange("/", b"").text_response(), number.to_string());
        assert_eq!(server.requests().len(), 1);
    }
}

// Signature Version 4.

const AWS_EXAMPLE_SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

/// The key that AWS uses in its examples.
fn example_key(service: &str) -> Verifier {
    Verifier {
        access_key: "AKIDEXAMPLE".into(),
        secret_key: AWS_EXAMPLE_SECRET.into(),
        session_token: None,
        region: "us-east-1".into(),
        service: service.into(),
    }
}

#[test]
fn sigv4_agrees_with_the_example_in_the_documentation_of_aws() {
    // "Examples of the complete Signature Version 4 signing process": ListUsers of IAM.
    let request = Request::new(
        "GET",
        "/?Action=ListUsers&Version=2010-05-08",
        &[
            (
                "Authorization",
                "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, \
                 SignedHeaders=content-type;host;x-amz-date, \
                 Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7",
            ),
            ("content-type", "application/x-www-form-urlencoded; charset=utf-8"),
            ("host", "iam.amazonaws.com"),
            ("x-amz-date", "20150830T123600Z"),
        ],
        "",
    );
    let at = parse_stamp("20150830T123600Z").expect("a valid stamp");
    assert_eq!(example_key("iam").verify(&request, at), Ok(()));
}

#[test]
fn sigv4_agrees_with_the_signing_test_suite_of_aws() {
    // Cases of the suite that AWS publishes for signers (Apache-2.0): target, headers, body, signed headers,
    // signature.
    type Case = (&'static str, &'static str, &'static [(&'static str, &'static str)], &'static str, &'static str);
    const TOKEN: &str = "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267";
    const HASH: &str = "9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e";
    let cases: &[Case] = &[
        ("post-vanilla", "POST /", &[], "", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
        ("get-utf8", "GET /ሴ", &[], "", "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"),
        (
            "get-unreserved",
            "GET /-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
            &[],
            "",
            "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f",
        ),
        (
            "get-slashes-normalized",
            "GET //example//",
            &[],
            "",
            "9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84",
        ),
        (
            "get-slash-pointless-dot-normalized",
            "GET /./example",
            &[],
            "",
            "ef75d96142cf21edca26f06005da7988e4f8dc83a165a80865db7089db637ec5",
        ),
        (
            "get-vanilla-query-order-key-case",
            "GET /?Param2=value2&Param1=value1",
            &[],
            "",
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
        ),
        (
            "get-vanilla-query-order-encoded",
            "GET /?Param-3=Value3&Param=Value2&%E1%88%B4=Value1",
            &[],
            "",
            "371d3713e185cc334048618a97f809c9ffe339c62934c032af5a0e595648fcac",
        ),
        (
            "get-vanilla-utf8-query",
            "GET /?ሴ=bar",
            &[],
            "",
            "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04",
        ),
        (
            "get-header-key-duplicate",
            "GET /",
            &[("My-Header1", "value2"), ("My-Header1", "value2"), ("My-Header1", "value1")],
            "",
            "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea",
        ),
        (
            "get-header-value-trim",
            "GET /",
            &[("My-Header1", " value1"), ("My-Header2", " \"a   b   c\"")],
            "",
            "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
        ),
        (
            "get-vanilla-with-session-token",
            "GET /",
            &[("X-Amz-Security-Token", TOKEN)],
            "",
            "07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8",
        ),
        (
            "post-x-www-form-urlencoded",
            "POST /",
            &[
                ("Content-Type", "application/x-www-form-urlencoded"),
                ("Content-Length", "13"),
                ("x-amz-content-sha256", HASH),
            ],
            "Param1=value1",
            "d3875051da38690788ef43de4db0d8f280229d82040bfac253562e56c3f20e0b",
        ),
    ];
    for (name, start, more, body, signature) in cases {
        let (method, target) = start.split_once(' ').expect("a method and a target");
        let mut headers = vec![("Host", "example.amazonaws.com"), ("X-Amz-Date", "20150830T123600Z")];
        headers.extend_from_slice(more);
        let mut signed: Vec<_> = headers.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
        signed.sort();
        signed.dedup();
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders={}, \
             Signature={signature}",
            signed.join(";")
        );
        headers.push(("Authorization", &authorization));
        let key = Verifier {
            session_token: (*name == "get-vanilla-with-session-token").then(|| TOKEN.to_owned()),
            ..example_key("service")
        };
        let at = parse_stamp("20150830T123600Z").expect("a valid stamp");
        assert_eq!(key.verify(&Request::new(method, target, &headers, *body), at), Ok(()), "{name}");
    }
}

#[test]
fn sigv4_encodes_an_encoded_path_once_more() {
    // "double-url-encode" of the same suite.
    let request = Request::new(
        "POST",
        "/2015-03-31/functions/arn%3Aaws%3Alambda%3Aus-west-2%3A892717189312%3Afunction%3Amy-rusty-fun/invocations",
        &[("Host", "lambda.us-east-2.amazonaws.com"), ("X-Amz-Date", "20210511T154045Z")],
        "",
    );
    assert_eq!(
        canonical_request(&request, &["host", "x-amz-date"]),
        "POST\n\
         /2015-03-31/functions/arn%253Aaws%253Alambda%253Aus-west-2%253A892717189312%253A\
         function%253Amy-rusty-fun/invocations\n\
         \n\
         host:lambda.us-east-2.amazonaws.com\n\
         x-amz-date:20210511T154045Z\n\
         \n\
         host;x-amz-date\n\
         e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    );
}

#[test]
fn sigv4_rejects_the_requests_that_the_service_rejects() {
    let key = example_key("bedrock");
    let with_token = Verifier { session_token: Some("token".into()), ..key.clone() };
    let now = parse_stamp("20240229T235959Z").expect("a valid stamp");
    let ask = || Request::new("POST", "/model/m%3A0/converse", &[("host", "here")], r#"{"messages":[]}"#);
    let verify = |key: &Verifier, request: Request, now| match key.verify(&request, now) {
        Ok(()) => String::from("accepted"),
        Err(error) => {
            assert_eq!(error.status, 403);
            format!("{}: {}", error.code, error.message)
        }
    };
    assert_eq!(verify(&key, key.sign(ask(), now), now), "accepted");
    assert_eq!(verify(&with_token, with_token.sign(ask(), now), now), "accepted");

    let mismatch = "InvalidSignatureException: The request signature we calculated does not match";
    let unknown = "UnrecognizedClientException: The security token included in the request is invalid.";
    let resigned = |request: Request, from: &str, to: &str| {
        let mut request = request;
        for (_, value) in &mut request.headers {
            *value = value.replace(from, to);
        }
        request
    };
    let signed = || key.sign(ask(), now);
    let minutes = |count: u64| Duration::from_secs(60 * count);
    let cases = [
        ("no header", key.clone(), ask(), now, "MissingAuthenticationTokenException: Missing Authentication Token"),
        ("body", key.clone(), Request { body: "{}".into(), ..signed() }, now, mismatch),
        ("path", key.clone(), Request { target: "/model/m%253A0/converse".into(), ..signed() }, now, mismatch),
        ("method", key.clone(), Request { method: "PUT".into(), ..signed() }, now, mismatch),
        ("header", key.clone(), resigned(signed(), "here", "there"), now, mismatch),
        ("secret", Verifier { secret_key: "other".into(), ..key.clone() }, signed(), now, mismatch),
        ("key", Verifier { access_key: "OTHER".into(), ..key.clone() }, signed(), now, unknown),
        ("no token", with_token.clone(), signed(), now, unknown),
        ("token too many", key.clone(), with_token.sign(ask(), now), now, unknown),
        (
            "another token",
            with_token.clone(),
            Verifier { session_token: Some("other".into()), ..key.clone() }.sign(ask(), now),
            now,
            unknown,
        ),
        (
            "region",
            Verifier { region: "eu-west-1".into(), ..key.clone() },
            signed(),
            now,
            "InvalidSignatureException: Credential should be scoped to a valid region.",
        ),
        (
            "service",
            Verifier { service: "bedrock-runtime".into(), ..key.clone() },
            signed(),
            now,
            "InvalidSignatureException: Credential should be scoped to correct service: 'bedrock-runtime'.",
        ),
        (
            "late",
            key.clone(),
            signed(),
            now + minutes(5) + Duration::from_secs(1),
            "InvalidSignatureException: Signature expired: 20240229T235959Z is now earlier than 20240301T000000Z \
             (20240301T000500Z - 5 min.)",
        ),
        (
            "early",
            key.clone(),
            signed(),
            now - minutes(6),
            "InvalidSignatureException: Signature not yet current: 20240229T235959Z is still later than",
        ),
        (
            "other scheme",
            key.clone(),
            resigned(signed(), "AWS4-HMAC-SHA256", "AWS3"),
            now,
            "IncompleteSignatureException: Authorization header requires an algorithm",
        ),
        (
            "no signature",
            key.clone(),
            resigned(signed(), "Signature=", "Sign="),
            now,
            "IncompleteSignatureException: Authorization header requires 'Signature' parameter.",
        ),
        ("host", key.clone(), resigned(signed(), "host;", ""), now, "InvalidSignatureException: 'Host'"),
    ];
    for (name, key, request, now, expected) in cases {
        let result = verify(&key, request, now);
        assert!(result.starts_with(expected), "{name}: {result}");
    }
    // Five minutes either way are allowed.
    for now in [now - minutes(5), now + minutes(5)] {
        assert_eq!(verify(&key, signed(), now), "accepted");
    }
}

#[test]
fn times_are_formatted_and_parsed_like_those_of_the_service() {
    for (stamp, date) in [
        ("19700101T000000Z", "Thu, 01 Jan 1970 00:00:00 GMT"),
        ("20000229T010203Z", "Tue, 29 Feb 2000 01:02:03 GMT"),
        ("20150830T123600Z", "Sun, 30 Aug 2015 12:36:00 GMT"),
        ("20241231T235959Z", "Tue, 31 Dec 2024 23:59:59 GMT"),
        ("21000301T000000Z", "Mon, 01 Mar 2100 00:00:00 GMT"),
    ] {
        let time = parse_stamp(stamp).expect(stamp);
        assert_eq!((format_stamp(time).as_str(), http_date(time).as_str()), (stamp, date));
    }
    for bad in ["", "20150830T123600", "20150830 123600Z", "20151330T123600Z", "2015083éT12360Z"] {
        assert_eq!(parse_stamp(bad), None, "{bad}");
    }
}

// The AWS SDK as a client: its signatures are accepted, and it understands the replies.

fn sdk_client(
    bedrock: &LocalBedrock,
    change: impl FnOnce(sdk::config::Builder) -> sdk::config::Builder,
) -> sdk::Client {
    let http = aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::AwsLc)).build_https();
    let config = sdk::Config::builder()
        .http_client(http)
        .behavior_version(sdk::config::BehaviorVersion::latest())
        .region(sdk::config::Region::new("us-east-1"))
        .retry_config(sdk::config::retry::RetryConfig::disabled())
        .endpoint_url(bedrock.url());
    sdk::Client::from_conf(change(config).build())
}

fn key(secret: &str, token: Option<&str>) -> sdk::config::Credentials {
    sdk::config::Credentials::new("AKIDEXAMPLE", secret, token.map(str::to_owned), None, "test")
}

fn user(text: &str) -> Message {
    let message = Message::builder().role(ConversationRole::User).content(ContentBlock::Text(text.into()));
    message.build().expect("a message with a role and a content")
}

async fn ask_sdk(client: &sdk::Client, model: &str) -> Result<String, String> {
    let response = client.converse().model_id(model).messages(user("Hello?")).send().await;
    let response = response.map_err(|e| format!("{}: {}", e.code().unwrap_or("?"), e.message().unwrap_or_default()))?;
    let message = response.output().and_then(|output| output.as_message().ok()).ok_or("no message")?;
    message.content().first().and_then(|block| block.as_text().ok()).cloned().ok_or_else(|| "no text".into())
}

#[tokio::test]
async fn signatures_of_the_sdk_are_accepted_and_others_are_rejected() {
    let bedrock = LocalBedrock::start();
    bedrock.respond_with(|_| Reply::text_response("Hello."));
    let client = |secret: &str, token| sdk_client(&bedrock, |config| config.credentials_provider(key(secret, token)));

    bedrock.auth(Auth::sigv4("AKIDEXAMPLE", "secret", "us-east-1"));
    for model in [
        "amazon.nova-micro-v1",
        "us.anthropic.claude-haiku-4-5-20251001-v1:0",
        "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.amazon.nova-lite-v1:0",
    ] {
        assert_eq!(ask_sdk(&client("secret", None), model).await.as_deref(), Ok("Hello."));
        assert_eq!(bedrock.last_request().model_id().as_deref(), Some(model));
    }
    let refused = ask_sdk(&client("wrong", None), "m").await.expect_err("a wrong secret");
    assert!(refused.starts_with("InvalidSignatureException: The request signature we calculated"), "{refused}");
    assert_eq!(bedrock.last_request().refused, Some(refused));

    bedrock.auth(Auth::sigv4_session("AKIDEXAMPLE", "secret", "token/+=", "us-east-1"));
    assert_eq!(ask_sdk(&client("secret", Some("token/+=")), "m").await.as_deref(), Ok("Hello."));
    let refused = ask_sdk(&client("secret", None), "m").await.expect_err("no token");
    assert!(refused.starts_with("UnrecognizedClientException"), "{refused}");

    bedrock.expire_credentials();
    let refused = ask_sdk(&client("secret", Some("token/+=")), "m").await.expect_err("an expired token");
    assert!(refused.starts_with("ExpiredTokenException"), "{refused}");

    bedrock.auth(Auth::sigv4("AKIDEXAMPLE", "secret", "us-east-1"));
    bedrock.clock_ahead(Duration::from_secs(3600));
    let refused = ask_sdk(&client("secret", None), "m").await.expect_err("an old signature");
    assert!(refused.starts_with("InvalidSignatureException: Signature expired"), "{refused}");
}

#[tokio::test]
async fn bearer_tokens_are_checked() {
    let bedrock = LocalBedrock::start();
    bedrock.respond_with(|_| Reply::text_response("Hello."));
    bedrock.auth(Auth::Bearer("bedrock-api-key-1".into()));
    let client = |token: &str| sdk_client(&bedrock, |config| config.bearer_token(sdk::config::Token::new(token, None)));
    assert_eq!(ask_sdk(&client("bedrock-api-key-1"), "m").await.as_deref(), Ok("Hello."));
    let refused = ask_sdk(&client("bedrock-api-key-2"), "m").await.expect_err("another token");
    assert!(refused.starts_with("AccessDeniedException: Authentication failed"), "{refused}");
}

#[tokio::test]
async fn the_sdk_reads_streams_as_they_were_scripted() {
    let bedrock = LocalBedrock::start();
    let client = sdk_client(&bedrock, |config| config.credentials_provider(key("secret", None)));
    let open = async || {
        let request = client.converse_stream().model_id("m").messages(user("Hello?"));
        request.send().await.unwrap_or_else(|e| panic!("{}", DisplayErrorContext(e))).stream
    };

    bedrock.push(
        Reply::stream()
            .message_start()
            .reasoning(0, &["hm", "m"], "c2lnbmVk")
            .text(1, &["Hel", "lo"])
            .tool_call(2, "tooluse_1", "weather", &["", "{\"city\":", "\"Ulm\"}"])
            .message_stop("tool_use")
            .metadata(3, 4),
    );
    let mut stream = open().await;
    let (mut text, mut input, mut reasoning, mut total) = (String::new(), String::new(), String::new(), 0);
    let mut order = Vec::new();
    while let Some(event) = stream.recv().await.expect("whole frames that the model knows") {
        order.push(match event {
            Event::MessageStart(_) => "start",
            Event::ContentBlockStart(_) => "block",
            Event::ContentBlockDelta(delta) => {
                match delta.delta.expect("a delta") {
                    sdk::types::ContentBlockDelta::Text(more) => text += &more,
                    sdk::types::ContentBlockDelta::ToolUse(more) => input += more.input(),
                    sdk::types::ContentBlockDelta::ReasoningContent(more) => match more {
                        sdk::types::ReasoningContentBlockDelta::Text(more) => reasoning += &more,
                        sdk::types::ReasoningContentBlockDelta::Signature(more) => reasoning += &more,
                        other => panic!("{other:?}"),
                    },
                    other => panic!("{other:?}"),
                }
                "delta"
            }
            Event::ContentBlockStop(_) => "end",
            Event::MessageStop(_) => "stop",
            Event::Metadata(metadata) => {
                total = metadata.usage().expect("usage").total_tokens();
                "metadata"
            }
            other => panic!("{other:?}"),
        });
    }
    assert_eq!(
        order.join(" "),
        "start delta delta delta end delta delta end block delta delta delta end stop metadata"
    );
    assert_eq!(
        (text.as_str(), input.as_str(), reasoning.as_str(), total),
        ("Hello", "{\"city\":\"Ulm\"}", "hmmc2lnbmVk", 7)
    );

    bedrock.push(Reply::stream().message_start().exception("throttlingException", r#"{"message":"slow down"}"#));
    let mut stream = open().await;
    assert!(matches!(stream.recv().await, Ok(Some(Event::MessageStart(_)))));
    let error = stream.recv().await.expect_err("an exception").into_service_error();
    assert!(error.is_throttling_exception(), "{error:?}");
    assert_eq!(error.meta().message(), Some("slow down"));
}

// The framing of a body.

#[test]
fn each_event_of_a_stream_is_a_chunk_by_default() {
    let bedrock = LocalBedrock::start();
    let mut client = Client::connect(&bedrock);
    let reply = Reply::stream().text_stream(&["a", "b"], "end_turn");
    let ends = reply.piece_ends();
    let body = reply.body_bytes();
    assert_eq!((ends.len(), ends.last().copied()), (6, Some(body.len())));
    let mut sizes: Vec<_> = ends.clone();
    for at in (1..sizes.len()).rev() {
        sizes[at] -= sizes[at - 1];
    }
    let thirds = [100].repeat(body.len() / 100).into_iter().chain([body.len() % 100]).filter(|size| *size > 0);
    for (reply, chunks) in [
        (reply.clone(), Some(sizes)),
        (reply.clone().in_one_chunk(), Some(vec![body.len()])),
        (reply.clone().in_chunks_of(100), Some(thirds.collect())),
        (reply.clone().content_length(), None),
    ] {
        bedrock.push(reply);
        let response = client.exchange("/", b"");
        assert_eq!(response.header("content-type"), Some("application/vnd.amazon.eventstream"));
        assert_eq!(response.body, body);
        assert_eq!(response.chunks, chunks);
        assert!(response.whole);
    }
    bedrock.push(reply.until_close());
    let response = client.exchange("/", b"");
    assert_eq!(response.body, body);
    assert_eq!(bedrock.wait_closed(1), ClosedBy::Server);
}

#[test]
fn all_chunks_between_two_waits_can_be_one_write() {
    let gates = [Gate::new(), Gate::new()];
    let reply =
        Reply::stream().raw("a").raw("bc").wait_for(&gates[0]).raw("def").made_by(|| "g".into()).wait_for(&gates[1]);
    for (number, (reply, writes)) in [(reply.clone(), [2, 4]), (reply.in_one_write(), [1, 2])].into_iter().enumerate() {
        let bedrock = LocalBedrock::start();
        bedrock.push(reply);
        let mut client = Client::connect(&bedrock);
        client.post("/", b"");
        for (gate, writes) in gates.iter().zip(writes) {
            gate.wait_arrivals(number + 1);
            assert_eq!(bedrock.connection(1).writes, writes);
            gate.let_pass(1);
        }
        let response = client.response();
        assert_eq!(response.chunks, Some(vec![1, 2, 3, 1]));
        assert_eq!(response.body, b"abcdefg");
        assert!(response.whole);
    }
}

#[test]
fn pieces_in_one_write_are_framed_and_cut_as_they_are_in_several() {
    let bedrock = LocalBedrock::start();
    let reply = Reply::stream().raw("a").raw("bcd").raw("e");
    for reply in [
        reply.clone(),
        reply.clone().content_length(),
        reply.clone().in_chunks_of(2),
        reply.clone().cut_at(3, Cut::Close),
        reply.clone().cut_at(3, Cut::CleanEnd),
        reply.clone().cut_at(4, Cut::CleanEnd).until_close(),
    ] {
        let sent = [reply.clone(), reply.in_one_write()].map(|reply| {
            bedrock.push(reply.then_close());
            let mut client = Client::connect(&bedrock);
            client.post("/", b"");
            client.head();
            client.rest()
        });
        assert_eq!(sent[0], sent[1]);
    }
}

#[test]
fn a_change_of_a_reply_does_not_change_its_clones() {
    let bedrock = LocalBedrock::start();
    let mut client = Client::connect(&bedrock);
    let short = Reply::stream().raw("a").in_one_write();
    bedrock.push(short.clone());
    assert_eq!(client.exchange("/", b"").body, b"a");
    bedrock.push(short.clone().raw("b"));
    assert_eq!(client.exchange("/", b"").body, b"ab");
    bedrock.push(short);
    assert_eq!(client.exchange("/", b"").body, b"a");
}

#[test]
fn a_piece_can_be_made_when_it_is_sent() {
    let bedrock = LocalBedrock::start();
    let mut client = Client::connect(&bedrock);
    let gate = Gate::new();
    let moment = Arc::new(AtomicU32::new(0));
    let made = moment.clone();
    let reply = Reply::stream()
        .raw("at ")
        .wait_for(&gate)
        .made_by(move || made.load(Ordering::Relaxed).to_string().into())
        .in_chunks_of(1);
    for (number, body) in ["at 10", "at 20"].into_iter().enumerate() {
        bedrock.push(reply.clone());
        client.post("/", b"");
        gate.wait_arrivals(number + 1);
        moment.fetch_add(10, Ordering::Relaxed);
        gate.let_pass(1);
        let response = client.response();
        assert_eq!(response.body, body.as_bytes());
        assert_eq!(response.chunks, Some(vec![1, 1, 1, 2]));
    }
}

#[test]
#[should_panic(expected = "cannot be cut")]
fn a_reply_with_a_piece_that_is_not_made_yet_cannot_be_cut() {
    LocalBedrock::start().push(Reply::stream().raw("abc").made_by(|| "d".into()).cut_at(2, Cut::Close));
}

/// Sends a POST over HTTP/2 and TLS. Returns the most streams that the server permits, and the content of each DATA
/// frame that is not empty.
async fn frames_over_http2(bedrock: &LocalBedrock) -> (usize, Vec<Vec<u8>>) {
    let mut roots = RootCertStore::empty();
    let authority = bedrock.tls().expect("a server with TLS").ca_file();
    roots.add(CertificateDer::from_pem_file(authority).expect("a certificate")).expect("an authority");
    let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions of TLS")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let socket = tokio::net::TcpStream::connect(("127.0.0.1", bedrock.port())).await.expect("a connection");
    let name = ServerName::try_from("localhost").expect("a name");
    let stream = TlsConnector::from(Arc::new(config)).connect(name, socket).await.expect("TLS");
    let (sender, mut connection) = h2::client::handshake(stream).await.expect("HTTP/2");
    let exchange = async {
        let mut sender = sender.ready().await.expect("a connection that is open");
        let request = http::Request::post("https://localhost/").body(()).expect("a request");
        let (response, _) = sender.send_request(request, true).expect("a request that is sent");
        let mut body = response.await.expect("a response").into_body();
        let mut frames = Vec::new();
        while let Some(frame) = body.data().await {
            frames.push(frame.expect("a frame").to_vec());
        }
        frames.retain(|frame| !frame.is_empty());
        frames
    };
    tokio::pin!(exchange);
    let frames = tokio::select! {
        frames = &mut exchange => frames,
        ended = &mut connection => panic!("the connection ended: {ended:?}"),
    };
    (connection.max_concurrent_send_streams(), frames)
}

#[tokio::test]
async fn each_piece_is_a_frame_over_http2_and_the_limit_of_streams_is_the_chosen_one() {
    let bedrock = LocalBedrock::with_protocol(Protocol::Tls(Tls::new(Flaw::Nothing, &["h2"]).streams(1234)));
    let reply = Reply::stream()
        .ticks(Duration::from_millis(1), Duration::from_millis(1))
        .head_tick()
        .raw("a")
        .raw("bc")
        .tick()
        .raw("def")
        .made_by(|| "g".into());
    for reply in [reply.clone(), reply.in_one_write()] {
        bedrock.push(reply);
        let (streams, frames) = frames_over_http2(&bedrock).await;
        assert_eq!(streams, 1234);
        assert_eq!(frames, [&b"a"[..], b"bc", b"def", b"g"]);
    }
}

#[test]
fn frames_are_decoded_as_they_were_encoded() {
    let reply = Reply::stream()
        .event("messageStart", r#"{"role": "assistant", "x":1e400}"#)
        .exception("modelStreamErrorException", r#"{"originalStatusCode":500}"#)
        .error_message("InternalFailure", "went wrong");
    let read = frames(&reply.body_bytes());
    let decoded: Vec<_> = read.iter().map(|frame| (frame.message_type(), frame.event_type(), frame.text())).collect();
    assert_eq!(
        decoded,
        [
            ("event", "messageStart", r#"{"role": "assistant", "x":1e400}"#),
            ("exception", "modelStreamErrorException", r#"{"originalStatusCode":500}"#),
            ("error", "InternalFailure", ""),
        ]
    );
    assert_eq!(read[0].header(":content-type"), Some("application/json"));
    assert_eq!(read[2].header(":error-message"), Some("went wrong"));
    let again = Reply::stream_of(reply.body_bytes());
    assert_eq!((again.piece_ends(), again.body_bytes()), (reply.piece_ends(), reply.body_bytes()));
}

#[test]
fn payloads_are_padded_like_those_of_the_service() {
    let read = frames(&Reply::stream().text_stream(&["a", "b", "c"], "end_turn").body_bytes());
    let lengths: std::collections::BTreeSet<_> = read
        .iter()
        .map(|frame| frame.json()["p"].as_str().unwrap_or_else(|| panic!("no p in {}", frame.text())).len())
        .collect();
    assert!(lengths.len() > 2, "{lengths:?}");
    assert!(
        read[1].text().starts_with(r#"{"contentBlockIndex":0,"delta":{"text":"a"},"p":"abc"#),
        "{}",
        read[1].text()
    );
}

#[test]
fn replies_without_a_body_have_none() {
    let bedrock = LocalBedrock::start();
    let mut client = Client::connect(&bedrock);
    for (reply, status, length) in [
        (Reply::empty(200), 200, Some("0")),
        (Reply::empty(204), 204, None),
        (Reply::redirect(307, "http://127.0.0.1:1/"), 307, Some("0")),
    ] {
        bedrock.push(reply);
        let response = client.exchange("/", b"");
        assert_eq!((response.status, response.header("content-length"), response.body.len()), (status, length, 0));
    }
    bedrock.push(Reply::html(502));
    let response = client.exchange("/", b"");
    assert_eq!((response.status, response.header("content-type")), (502, Some("text/html")));
}

#[test]
fn a_verbatim_reply_has_no_added_header() {
    let bedrock = LocalBedrock::start();
    bedrock.push(Reply::verbatim(418, [("X-One", "1"), ("content-length", "5")], "tea"));
    let mut client = Client::connect(&bedrock);
    client.post("/", b"");
    let (status, headers) = client.head();
    assert_eq!(status, 418);
    assert_eq!(headers, [("X-One".into(), "1".into()), ("content-length".into(), "5".into())]);
    assert_eq!(client.take(3), b"tea");
}

#[test]
fn a_trailer_follows_the_last_chunk() {
    let bedrock = LocalBedrock::start();
    bedrock.push(Reply::stream().message_start().trailer("x-amz-checksum", "1").cut_at(9, Cut::CleanEnd).then_close());
    let mut client = Client::connect(&bedrock);
    client.post("/", b"");
    let raw = client.rest();
    assert!(raw.ends_with(b"\r\n0\r\nx-amz-checksum: 1\r\n\r\n"), "{}", String::from_utf8_lossy(&raw));
}

// Failures.

#[test]
fn a_cut_sends_exactly_that_many_bytes_and_ends_as_chosen() {
    let bedrock = LocalBedrock::start();
    let reply = Reply::stream().text_stream(&["Hello"], "end_turn");
    let body = reply.body_bytes();
    for at in 0..=body.len() {
        for cut in [Cut::CleanEnd, Cut::Close, Cut::Reset] {
            bedrock.push(reply.clone().cut_at(at, cut));
            let mut client = Client::connect(&bedrock);
            let response = client.exchange("/", b"");
            assert_eq!(response.body, body[..at], "{cut:?} at {at}");
            assert_eq!((response.whole, response.reset), (cut == Cut::CleanEnd, cut == Cut::Reset), "{cut:?} at {at}");
            // A clean end leaves the connection as it was.
            if cut == Cut::CleanEnd && at % 100 == 0 {
                bedrock.push(Reply::json("{}"));
                assert_eq!(client.exchange("/", b"").status, 200);
            }
        }
    }
}

#[test]
fn a_cut_of_a_body_with_a_content_length_is_visible_or_hidden() {
    let bedrock = LocalBedrock::start();
    for (cut, length, whole) in [(Cut::CleanEnd, "3", true), (Cut::Close, "10", false), (Cut::Reset, "10", false)] {
        bedrock.push(Reply::json("0123456789").cut_at(3, cut));
        let response = Client::connect(&bedrock).exchange("/", b"");
        assert_eq!((response.header("content-length"), &response.body[..]), (Some(length), &b"012"[..]), "{cut:?}");
        assert_eq!((response.whole, response.reset), (whole, cut == Cut::Reset), "{cut:?}");
    }
}

#[test]
fn a_stalled_reply_sends_no_more_and_notices_that_the_client_closes() {
    let bedrock = LocalBedrock::start();
    let reply = Reply::stream().text_stream(&["Hello"], "end_turn");
    let body = reply.body_bytes();
    bedrock.push(reply.stall_after(20));
    let mut client = Client::connect(&bedrock);
    client.post("/", b"");
    client.head();
    let chunk = client.take(20 + 4);
    assert_eq!(chunk[4..], body[..20]);
    assert!(client.is_silent());
    assert_eq!(bedrock.connection(1).closed, None);
    drop(client);
    assert_eq!(bedrock.wait_closed(1), ClosedBy::Client);
}

#[test]
fn a_hanging_reply_ends_when_the_client_closes_or_the_server_is_dropped() {
    let bedrock = LocalBedrock::start();
    let gate = Gate::new();
    bedrock.push(Reply::hang());
    bedrock.push(Reply::hang());
    bedrock.push(Reply::json("{}").head_waits_for(&gate));
    let mut clients: Vec<_> = (0..3).map(|_| Client::connect(&bedrock)).collect();
    for (number, client) in clients.iter_mut().enumerate() {
        client.post("/", b"");
        bedrock.wait_requests(number + 1);
    }
    gate.wait_arrivals(1);
    assert!(clients[1].is_silent());
    drop(clients.remove(0));
    assert_eq!(bedrock.wait_closed(1), ClosedBy::Client);
    let started = Instant::now();
    drop(bedrock);
    for client in &mut clients {
        assert_eq!(client.rest(), b"");
    }
    assert!(started.elapsed() < PATIENCE);
}

#[test]
fn a_connection_can_end_before_the_head() {
    let bedrock = LocalBedrock::start();
    for (reply, sent, reset) in [
        (Reply::close_before_headers(), &b""[..], false),
        (Reply::reset_before_headers(), b"", true),
        (Reply::not_http("SSH-2.0-x\r\n"), b"SSH-2.0-x\r\n", false),
    ] {
        bedrock.push(reply);
        let mut client = Client::connect(&bedrock);
        client.post("/", b"");
        assert_eq!((&client.rest()[..], client.reset), (sent, reset));
        assert_eq!(bedrock.wait_closed(bedrock.connection_count()), ClosedBy::Server);
    }
}

#[test]
fn a_connection_can_end_unannounced_after_a_complete_reply() {
    let bedrock = LocalBedrock::start();
    for (reply, reset) in [(Reply::json("{}").then_close(), false), (Reply::json("{}").then_reset(), true)] {
        bedrock.push(reply);
        let mut client = Client::connect(&bedrock);
        let response = client.exchange("/", b"");
        assert_eq!((response.status, response.whole, response.header("connection")), (200, true, None));
        assert_eq!((&client.rest()[..], client.reset), (&b""[..], reset));
    }
}

#[test]
fn a_refusing_port_refuses_connections() {
    let port = LocalBedrock::refusing_port();
    assert!(TcpStream::connect(("127.0.0.1", port.number())).is_err());
}

#[test]
fn an_endless_reply_ends_when_the_client_closes() {
    let bedrock = LocalBedrock::start();
    let delta = event_frame("contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"text":"more"}}"#);
    bedrock.push(Reply::stream().message_start().then_forever(delta));
    let mut client = Client::connect(&bedrock);
    client.post("/", b"");
    client.take(100_000);
    drop(client);
    assert_eq!(bedrock.wait_closed(1), ClosedBy::Client);
}

#[test]
fn a_client_that_does_not_read_blocks_the_server_and_the_log_shows_it() {
    let bedrock = LocalBedrock::start();
    bedrock.push(Reply::stream().then_forever(vec![0; 10_000]));
    let mut client = Client::connect(&bedrock);
    client.post("/", b"");
    let written = bedrock.wait_blocked(1, Duration::from_millis(50));
    assert!(written > 0);
    client.take(written as usize + 1);
    bedrock.wait_written(1, written + 1);
}

// Gates and pauses.

#[test]
fn a_gate_holds_the_steps_after_it() {
    let bedrock = LocalBedrock::start();
    let gate = Gate::new();
    let (before, after) = (event_frame("messageStart", "{}"), event_frame("messageStop", "{}"));
    bedrock.push(Reply::stream().raw(before.clone()).wait_for(&gate).raw(after.clone()).content_length());
    let mut client = Client::connect(&bedrock);
    client.post("/", b"");
    client.head();
    assert_eq!(client.take(before.len()), before);
    gate.wait_arrivals(1);
    assert!(client.is_silent());
    assert!(!gate.is_open());
    gate.open();
    assert_eq!(client.take(after.len()), after);
}

#[test]
fn a_gate_lets_events_pass_one_by_one() {
    let bedrock = LocalBedrock::start();
    let turnstile = Gate::new();
    let letters = ["a", "b", "c", "d"];
    let reply = letters.iter().fold(Reply::stream(), |reply, letter| reply.wait_for(&turnstile).raw(*letter));
    bedrock.push(reply.content_length());
    let mut client = Client::connect(&bedrock);
    client.post("/", b"");
    client.head();
    for (number, letter) in letters[..3].iter().enumerate() {
        turnstile.wait_arrivals(number + 1);
        assert!(client.is_silent());
        turnstile.let_pass(1);
        assert_eq!(client.take(1), letter.as_bytes());
    }
    turnstile.wait_arrivals(4);
    turnstile.open();
    assert_eq!(client.take(1), b"d");
    assert_eq!(turnstile.arrivals(), 4);
}

#[test]
fn a_gate_before_a_cut_determines_its_moment() {
    let bedrock = LocalBedrock::start();
    let gate = Gate::new();
    bedrock.push(Reply::stream().raw("abc").wait_for(&gate).raw("def").cut_at(3, Cut::Reset));
    let mut client = Client::connect(&bedrock);
    client.post("/", b"");
    client.head();
    assert_eq!(client.take(6), b"3\r\nabc");
    gate.wait_arrivals(1);
    assert_eq!(bedrock.connection(1).closed, None);
    gate.open();
    client.rest();
    assert!(client.reset);
}

#[test]
fn a_gate_or_a_pause_holds_the_head() {
    let bedrock = LocalBedrock::start();
    let gate = Gate::new();
    bedrock.push(Reply::json("{}").head_waits_for(&gate));
    let mut client = Client::connect(&bedrock);
    client.post("/", b"");
    gate.wait_arrivals(1);
    assert!(client.is_silent());
    gate.open();
    assert_eq!(client.response().status, 200);

    let every = Duration::from_millis(1);
    bedrock.push(Reply::empty(200).head_drip(every));
    let started = Instant::now();
    assert_eq!(client.exchange("/", b"").status, 200);
    assert!(started.elapsed() >= every * "HTTP/1.1 200 OK\r\n\r\n".len() as u32);

    bedrock.push(Reply::stream().raw("0123456789").in_chunks_of(2).paced(every * 10));
    let started = Instant::now();
    assert_eq!(client.exchange("/", b"").chunks, Some(vec![2; 5]));
    assert!(started.elapsed() >= every * 40);
}

#[test]
fn ticks_are_absolute_times_and_no_tick_comes_early() {
    const EVERY: Duration = Duration::from_millis(20);
    const COUNT: u32 = 20;
    // Each piece takes three quarters of the time between two ticks. Pauses would add up to more than the limit.
    let work = EVERY * 3 / 4;
    let limit = EVERY * COUNT * 3 / 2;
    // A machine with other work may be late. Wrong times would be late in every try.
    let in_time = (0..20).any(|_| {
        let times = Arc::new(Mutex::new(Vec::new()));
        let sent = times.clone();
        let piece = move || {
            sent.lock().expect("no panic").push(Instant::now());
            std::thread::sleep(work);
            "a".into()
        };
        let mut reply = Reply::stream().ticks(EVERY * 5, EVERY).head_tick();
        for _ in 0..COUNT {
            reply = reply.tick().made_by(piece.clone());
        }
        let bedrock = LocalBedrock::start();
        bedrock.push(reply);
        let mut client = Client::connect(&bedrock);
        let started = Instant::now();
        assert_eq!(client.exchange("/", b"").chunks, Some(vec![1; COUNT as usize]));
        let times = times.lock().expect("no panic");
        for (number, time) in (1..).zip(times.iter()) {
            assert!(time.duration_since(started) >= EVERY * (5 + number), "tick {number}");
        }
        times.last().expect("a time").duration_since(started) < EVERY * 5 + limit
    });
    assert!(in_time);
}

#[test]
#[should_panic(expected = "has ticks")]
fn a_reply_that_waits_for_a_tick_has_ticks() {
    LocalBedrock::start().push(Reply::stream().raw("a").tick().raw("b"));
}

// Recorded traffic.

#[test]
fn recorded_responses_are_sent_byte_for_byte() {
    Corpus::all("recorded_responses_are_sent_byte_for_byte").iter().for_each(are_sent_byte_for_byte);
}

fn are_sent_byte_for_byte(corpus: &Corpus) {
    let bedrock = LocalBedrock::start();
    let mut client = Client::connect(&bedrock);
    for operation in ["converse", "converse-stream", "count-tokens", "apply-guardrail"] {
        let (mut count, mut streams, mut bodies) = (0, 0, 0);
        for interaction in corpus.interactions(operation) {
            let id = &interaction.row.id;
            assert!(interaction.expected.is_some(), "{id}");
            let reply = interaction.reply();
            let body = reply.body_bytes();
            bedrock.push(reply);
            let sent = interaction.request.as_ref().and_then(|request| request.body.clone()).unwrap_or_default();
            let path = interaction.request.as_ref().map_or("/", |request| &request.path);
            let response = client.exchange(path, sent.as_bytes());
            assert_eq!((response.status, &response.body), (interaction.row.status, &body.to_vec()), "{id}");
            assert!(response.whole, "{id}");
            assert_eq!(bedrock.take_requests()[0].text(), sent);
            if let Some(recorded) = &interaction.response.body {
                assert_eq!(recorded, &body, "{id}");
            }
            if response.header("content-type") == Some("application/vnd.amazon.eventstream") {
                let expected = interaction.expected.as_ref().and_then(|expected| expected["event_count"].as_u64());
                assert_eq!(Some(frames(&body).len() as u64), expected, "{id}");
                assert_eq!(response.chunks.map(|chunks| chunks.len() as u64), expected, "{id}");
                streams += 1;
            }
            bodies += usize::from(!sent.is_empty());
            count += 1;
        }
        println!("{operation}: {count} responses, {streams} of them streams; {bodies} request bodies");
        assert_eq!(count, corpus.rows().iter().filter(|row| row.operation == operation).count());
    }
}

#[test]
fn recorded_request_bodies_keep_their_key_order() {
    let corpora = Corpus::all("recorded_request_bodies_keep_their_key_order");
    let recorded = corpora.iter().flat_map(|corpus| corpus.interactions("converse"));
    let unsorted = recorded.filter_map(|interaction| interaction.request?.body).find(|body| {
        let sorted: serde_json::Value = serde_json::from_str(body).expect("recorded JSON");
        let sorted = sorted.to_string();
        sorted.len() == body.len() && sorted != *body
    });
    assert!(unsorted.is_some(), "every recorded request has its keys in alphabetical order");
}

#[test]
fn frame_vectors_are_valid_or_invalid_as_declared() {
    let corpora = Corpus::all("frame_vectors_are_valid_or_invalid_as_declared");
    let vectors: Vec<_> = corpora.iter().flat_map(Corpus::frame_vectors).collect();
    assert!(vectors.iter().any(|vector| vector.valid) && vectors.iter().any(|vector| !vector.valid));
    for vector in vectors.iter().filter(|vector| vector.valid) {
        assert_eq!(frames(&vector.bytes).len(), 1, "{}", vector.name);
    }
}

// A client that shows every byte of a response.

struct Client {
    stream: TcpStream,
    input: Vec<u8>,
    /// Whether the server reset the connection.
    reset: bool,
}

struct Response {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    /// The announced size of each chunk; None for a body that is not chunked.
    chunks: Option<Vec<usize>>,
    /// Whether the body is complete by its framing.
    whole: bool,
    reset: bool,
}

impl Response {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    #[track_caller]
    fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("a JSON body")
    }

    #[track_caller]
    fn text_response(&self) -> String {
        self.json()["output"]["message"]["content"][0]["text"].as_str().expect("a text response").to_owned()
    }
}

impl Client {
    #[track_caller]
    fn connect(bedrock: &LocalBedrock) -> Client {
        let stream = TcpStream::connect(("127.0.0.1", bedrock.port())).expect("the server accepts");
        stream.set_read_timeout(Some(PATIENCE)).expect("a read timeout");
        stream.set_nodelay(true).expect("no delay");
        Client { stream, input: Vec::new(), reset: false }
    }

    #[track_caller]
    fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("the server reads");
    }

    #[track_caller]
    fn post(&mut self, target: &str, body: &[u8]) {
        let mut request =
            format!("POST {target} HTTP/1.1\r\nHost: here\r\nContent-Length: {}\r\n\r\n", body.len()).into_bytes();
        request.extend_from_slice(body);
        self.send(&request);
    }

    #[track_caller]
    fn exchange(&mut self, target: &str, body: &[u8]) -> Response {
        self.post(target, body);
        self.response()
    }

    /// Reads more. Returns false at the end of the connection.
    #[track_caller]
    fn fill(&mut self) -> bool {
        let mut space = [0; 65_536];
        match self.stream.read(&mut space) {
            Ok(count) => {
                self.input.extend_from_slice(&space[..count]);
                count > 0
            }
            Err(e) if e.kind() == std::io::ErrorKind::ConnectionReset => {
                self.reset = true;
                false
            }
            Err(e) => panic!("reading from the server: {e}"),
        }
    }

    /// Whether the server sends nothing now.
    #[track_caller]
    fn is_silent(&mut self) -> bool {
        self.stream.set_nonblocking(true).expect("non-blocking");
        let read = self.stream.read(&mut [0; 1]);
        self.stream.set_nonblocking(false).expect("blocking");
        self.input.is_empty() && read.is_err_and(|e| e.kind() == std::io::ErrorKind::WouldBlock)
    }

    #[track_caller]
    fn take(&mut self, count: usize) -> Vec<u8> {
        while self.input.len() < count {
            assert!(self.fill(), "the connection ended after {} of {count} bytes", self.input.len());
        }
        self.input.drain(..count).collect()
    }

    /// Returns all bytes until the connection ends.
    #[track_caller]
    fn rest(&mut self) -> Vec<u8> {
        while self.fill() {}
        std::mem::take(&mut self.input)
    }

    #[track_caller]
    fn head(&mut self) -> (u16, Vec<(String, String)>) {
        let end = loop {
            if let Some(end) = self.input.windows(4).position(|end| end == b"\r\n\r\n") {
                break end + 4;
            }
            assert!(
                self.fill(),
                "the connection ended before the head did: {:?}",
                String::from_utf8_lossy(&self.input)
            );
        };
        let head = String::from_utf8(self.take(end)).expect("a head of text");
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok());
        let headers = lines.filter_map(|line| line.split_once(": ")).map(|(name, value)| (name.into(), value.into()));
        (status.unwrap_or_else(|| panic!("no status line: {head}")), headers.collect())
    }

    #[track_caller]
    fn response(&mut self) -> Response {
        let (status, headers) = self.head();
        let mut response = Response { status, headers, body: Vec::new(), chunks: None, whole: false, reset: false };
        if response.header("transfer-encoding") == Some("chunked") {
            let mut sizes = Vec::new();
            response.whole = self.chunks(&mut sizes, &mut response.body);
            response.chunks = Some(sizes);
        } else if let Some(length) = response.header("content-length").map(|length| length.parse().expect("a length")) {
            while self.input.len() < length && self.fill() {}
            response.whole = self.input.len() >= length;
            response.body = self.input.drain(..length.min(self.input.len())).collect();
        } else if status != 204 {
            response.body = self.rest();
        }
        response.reset = self.reset;
        response
    }

    /// Reads the chunks. Returns whether the last one came.
    fn chunks(&mut self, sizes: &mut Vec<usize>, body: &mut Vec<u8>) -> bool {
        loop {
            let line = loop {
                match self.input.windows(2).position(|end| end == b"\r\n") {
                    Some(end) => break self.take(end + 2),
                    None if self.fill() => {}
                    None => return false,
                }
            };
            let line = String::from_utf8(line).expect("a chunk size of text");
            let size = usize::from_str_radix(line.trim(), 16).expect("a hexadecimal chunk size");
            if size > 0 {
                sizes.push(size);
            }
            while self.input.len() < size + 2 && self.fill() {}
            body.extend(self.input.drain(..size.min(self.input.len())));
            if self.input.len() < 2 {
                return false;
            }
            assert_eq!(self.take(2), b"\r\n");
            if size == 0 {
                return true;
            }
        }
    }
}
