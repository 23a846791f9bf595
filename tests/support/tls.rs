//! TLS for the servers of tests: a certificate authority, and certificates with or without a flaw.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::{ServerConfig, version};
use tokio_rustls::server::TlsStream;

use super::http2;
use super::wire::Transport;

/// The flaw of a server's certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    Nothing,
    /// The certificate is for another host.
    WrongName,
    Expired,
    NotYetValid,
    /// Another authority has signed the certificate.
    UnknownAuthority,
    /// The certificate is that of an authority itself.
    IsAuthority,
}

/// The TLS of a server, and the authority that its clients trust.
#[derive(Clone)]
pub struct Tls {
    acceptor: TlsAcceptor,
    authority: Arc<Authority>,
    streams: u32,
}

impl Tls {
    /// Makes the TLS of a server on localhost and 127.0.0.1 that offers these protocols: "h2", "http/1.1".
    #[track_caller]
    pub fn new(flaw: Flaw, protocols: &[&str]) -> Tls {
        let mut params = match flaw {
            Flaw::WrongName => certificate(&["elsewhere.example"]),
            _ => certificate(&["localhost", "127.0.0.1"]),
        };
        let new_year = |year| date_time_ymd(year, 1, 1);
        match flaw {
            Flaw::Expired => (params.not_before, params.not_after) = (new_year(2001), new_year(2002)),
            Flaw::NotYetValid => (params.not_before, params.not_after) = (new_year(3001), new_year(3002)),
            Flaw::IsAuthority => params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained),
            _ => {}
        }
        let protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        let authority = Arc::new(Authority::new());
        let acceptor = match flaw {
            Flaw::UnknownAuthority => Authority::new().acceptor(&params, protocols),
            _ => authority.acceptor(&params, protocols),
        };
        Tls { acceptor, authority, streams: http2::STREAMS }
    }

    /// Makes the TLS of a server of another name, with a certificate of the same authority.
    #[track_caller]
    pub fn for_host(&self, host: &str) -> Tls {
        let protocols = self.acceptor.config().alpn_protocols.clone();
        let acceptor = self.authority.acceptor(&certificate(&[host]), protocols);
        Tls { acceptor, authority: self.authority.clone(), streams: self.streams }
    }

    /// Sets the most streams of an HTTP/2 connection at once.
    pub fn streams(mut self, most: u32) -> Tls {
        self.streams = most;
        self
    }

    pub(super) fn stream_limit(&self) -> u32 {
        self.streams
    }

    /// Returns the authority as a PEM file, for clients.
    pub fn ca_file(&self) -> &Path {
        &self.authority.file
    }

    /// Returns the acceptor, for handshakes over something other than TCP.
    pub fn acceptor(&self) -> &TlsAcceptor {
        &self.acceptor
    }

    /// Does the handshake. The flag is set if ALPN selected HTTP/2.
    pub(super) async fn accept(&self, stream: TcpStream) -> io::Result<(TlsStream<TcpStream>, bool)> {
        let stream = self.acceptor.accept(stream).await?;
        let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        Ok((stream, http2))
    }
}

impl Transport for TlsStream<TcpStream> {
    fn reset_when_dropped(&self) -> io::Result<()> {
        self.get_ref().0.set_zero_linger()
    }

    fn hold_until_dropped(&self) -> io::Result<()> {
        self.get_ref().0.hold_until_dropped()
    }
}

/// A certificate authority.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    file: PathBuf,
}

impl Authority {
    fn new() -> Authority {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let name = format!("{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let mut params = CertificateParams::default();
        // The name must be unique: a client would confuse two authorities of one name.
        params.distinguished_name.push(DnType::CommonName, format!("authority {name}"));
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("an authority");
        let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("authority-{name}.pem"));
        std::fs::write(&file, issuer.pem()).expect("a file");
        Authority { issuer, file }
    }

    /// Returns the acceptor of a server with this certificate.
    fn acceptor(&self, certificate: &CertificateParams, protocols: Vec<Vec<u8>>) -> TlsAcceptor {
        let key = KeyPair::generate().expect("a key");
        let certificate = certificate.signed_by(&key, &self.issuer).expect("a certificate");
        let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_protocol_versions(&[&version::TLS13])
            .expect("TLS 1.3")
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())),
            )
            .expect("a certificate with its key");
        config.alpn_protocols = protocols;
        TlsAcceptor::from(Arc::new(config))
    }
}

impl Drop for Authority {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.file);
    }
}

/// Returns an unsigned certificate for these hosts.
fn certificate(hosts: &[&str]) -> CertificateParams {
    CertificateParams::new(hosts.iter().map(ToString::to_string).collect::<Vec<_>>()).expect("hosts")
}
