//! TLS: certificates of a test's own, and a listener that opens what is sent to it and passes it on.
//!
//! [`TlsDoor`] stands before any server of this house that speaks in the clear: what comes in over TLS goes out over TCP, byte
//! for byte. So every scenario can be played over TLS, and the server need not know.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

/// A certificate authority that nobody knows but who is told.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    file: PathBuf,
}

impl Authority {
    /// `name` tells its file from others of the same test binary.
    pub fn new(name: &str) -> Authority {
        let mut params = CertificateParams::new(Vec::new()).expect("parameters");
        // Two of one name would be taken for each other.
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("an authority");
        let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("authority-{name}-{}.pem", std::process::id()));
        std::fs::write(&file, issuer.pem()).expect("a file");
        Authority { issuer, file }
    }

    /// The file to trust: `ca_file`.
    pub fn file(&self) -> &str {
        self.file.to_str().expect("a path of letters")
    }

    /// What a server of these names needs.
    fn server(&self, names: &[&str], alpn: &[&str]) -> ServerConfig {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
        let certificate = params.expect("names").signed_by(&key, &self.issuer).expect("a certificate");
        let chain = vec![CertificateDer::from(certificate)];
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let mut config =
            builder.expect("versions").with_no_client_auth().with_single_cert(chain, key).expect("a key pair");
        config.alpn_protocols = alpn.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        config
    }
}

impl Drop for Authority {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.file);
    }
}

/// TLS in front of a server on a port of this machine.
pub struct TlsDoor {
    port: u16,
    connections: Arc<AtomicUsize>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl TlsDoor {
    /// Opens a door with a certificate for `names`, that speaks the first protocol of `alpn` which the client offers.
    pub fn open(authority: &Authority, names: &[&str], alpn: &[&str], behind: u16) -> TlsDoor {
        let acceptor = TlsAcceptor::from(Arc::new(authority.server(names, alpn)));
        let connections = Arc::new(AtomicUsize::new(0));
        let (stop, stopped) = oneshot::channel::<()>();
        let (tell, told) = mpsc::channel();
        let counted = connections.clone();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
                tell.send(listener.local_addr().expect("an address").port()).expect("a test that waits");
                let accepting = async {
                    loop {
                        let (outside, _) = listener.accept().await.expect("a connection");
                        counted.fetch_add(1, Ordering::SeqCst);
                        tokio::spawn(pass(acceptor.clone(), outside, behind));
                    }
                };
                tokio::select! {
                    _ = stopped => {}
                    () = accepting => {}
                }
            });
        });
        let port = told.recv().expect("the TLS door died before it opened");
        TlsDoor { port, connections, stop: Some(stop), thread: Some(thread) }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// "https://HOST:PORT"; the host is one that leads to this machine.
    pub fn url(&self, host: &str) -> String {
        format!("https://{host}:{}", self.port)
    }

    pub fn connection_count(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

impl Drop for TlsDoor {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn pass(acceptor: TlsAcceptor, outside: TcpStream, behind: u16) {
    let Ok(mut outside) = acceptor.accept(outside).await else { return };
    let Ok(mut inside) = TcpStream::connect((Ipv4Addr::LOCALHOST, behind)).await else { return };
    let _ = tokio::io::copy_bidirectional(&mut outside, &mut inside).await;
}
