//! The program of http1.md: hyper_http1 HOST:PORT MODEL STREAMS [unary] reads STREAMS responses over one connection.
//! It needs hyper (client, http1), hyper-util (tokio), http-body-util, bytes and tokio. Without the feature hyper1 it
//! uses a plain socket.
#[cfg(feature = "hyper1")]
async fn run(address: &str, model: &str, streams: usize, unary: bool) -> (usize, usize) {
    use http_body_util::{BodyExt, Full};
    use hyper_util::rt::TokioIo;
    let link = tokio::net::TcpStream::connect(address).await.unwrap();
    link.set_nodelay(true).unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(link)).await.unwrap();
    tokio::spawn(async move {
        let _ = connection.await;
    });
    let (mut frames, mut bytes) = (0, 0);
    let path = format!("/model/{model}/converse{}", if unary { "" } else { "-stream" });
    for _ in 0..streams {
        sender.ready().await.unwrap();
        let request = hyper::Request::post(&path)
            .header("host", address)
            .header("content-type", "application/json")
            .body(Full::new(bytes::Bytes::from_static(
                b"{\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\"Hello?\"}]}]}",
            )))
            .unwrap();
        let mut body = sender.send_request(request).await.unwrap().into_body();
        while let Some(frame) = body.frame().await {
            if let Ok(data) = frame.unwrap().into_data() {
                frames += 1;
                bytes += data.len();
            }
        }
    }
    (frames, bytes)
}
#[cfg(not(feature = "hyper1"))]
async fn run(address: &str, model: &str, _: usize, _: bool) -> (usize, usize) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut link = tokio::net::TcpStream::connect(address).await.unwrap();
    link.write_all(
        format!("POST /model/{model}/converse HTTP/1.1\r\nHost: {address}\r\nContent-Length: 0\r\n\r\n").as_bytes(),
    )
    .await
    .unwrap();
    let mut buffer = bytes::BytesMut::with_capacity(65536);
    link.read_buf(&mut buffer).await.unwrap();
    (1, buffer.len())
}
fn main() {
    let args: Vec<String> = std::env::args().collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (frames, bytes) = runtime.block_on(run(&args[1], &args[2], args[3].parse().unwrap(), args.len() > 4));
    println!("frames={frames} bytes={bytes}");
}
