//! TLS for the local Bedrock: an authority of its own, certificates that are right or wrong, and the protocols it offers.

use std::io;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, SanType, SigningKey, date_time_ymd,
};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::{ServerConfig, version};
use tokio_rustls::server::TlsStream;

use super::wire::Transport;

/// What is wrong with a server's certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    Nothing,
    /// It is for another host.
    WrongName,
    Expired,
    /// The authority that signed it is not the one that clients are given.
    UnknownAuthority,
}

/// The server's side of TLS, and what a client needs to know to trust it.
#[derive(Clone)]
pub struct Tls {
    acceptor: TlsAcceptor,
    ca_file: PathBuf,
}

impl Tls {
    /// A server for 127.0.0.1 that offers these protocols: "h2", "http/1.1".
    #[track_caller]
    pub fn new(flaw: Flaw, protocols: &[&str]) -> Tls {
        let (authority, other) = (authority(), authority());
        let signer = if flaw == Flaw::UnknownAuthority { &other } else { &authority };
        let (certificate, key) = server(flaw, signer);
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_protocol_versions(&[&version::TLS13])
            .expect("TLS 1.3")
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .expect("a certificate with its key");
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        Tls { acceptor: TlsAcceptor::from(Arc::new(config)), ca_file: write(&authority.pem()) }
    }

    /// The authority that clients are to trust, as a PEM file.
    pub fn ca_file(&self) -> &Path {
        &self.ca_file
    }

    /// Shakes hands. The flag says that the client has chosen HTTP/2.
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
}

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "local Bedrock's authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("a certificate")
}

fn server(flaw: Flaw, authority: &CertifiedIssuer<'_, impl SigningKey>) -> (rcgen::Certificate, KeyPair) {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "local Bedrock");
    let name = match flaw {
        Flaw::WrongName => SanType::DnsName("elsewhere.invalid".try_into().expect("a name")),
        _ => SanType::IpAddress(Ipv4Addr::LOCALHOST.into()),
    };
    params.subject_alt_names = vec![name];
    if flaw == Flaw::Expired {
        (params.not_before, params.not_after) = (date_time_ymd(2001, 1, 1), date_time_ymd(2002, 1, 1));
    }
    let key = KeyPair::generate().expect("a key");
    let certificate = params.signed_by(&key, authority).expect("a certificate");
    (certificate, key)
}

fn write(pem: &str) -> PathBuf {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("authorities");
    std::fs::create_dir_all(&folder).expect("a folder");
    let path = folder.join(format!("{}-{}.pem", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed)));
    std::fs::write(&path, pem).expect("a file");
    path
}
