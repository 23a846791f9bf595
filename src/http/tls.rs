//! TLS: whom it trusts, and what it offers to speak inside.
//!
//! The trust store is loaded with the first `https` request and not before it: reading it is most of what a cold start costs.

use crate::config::environment::variables::Variables;
use crate::config::{CaBundle, HttpVersion};
use crate::error::{Error, Kind, Result, quote_up_to};
use crate::runtime::fork::{ForkLock, HeldOverFork, Rank};
use crate::sys::regular_file;
use crate::sys::secure;
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::{CertificateError, ClientConfig, RootCertStore};
use rustls_native_certs::{load_certs_from_paths, load_native_certs};
use std::path::Path;
use std::sync::Arc;
use std::{env, io};

const CERT_FILE: &str = "SSL_CERT_FILE";
const CERT_DIR: &str = "SSL_CERT_DIR";
/// Far above any bundle, and far below what an endless file would cost.
const LARGEST: u64 = 16 << 20;
const PATH_QUOTE: usize = 400;
const WHERE_SYSTEMS_HAVE_THEM: [&str; 5] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// Where the user has the system's certificates, in the words of OpenSSL's variables.
#[derive(PartialEq)]
struct Named {
    file: Option<String>,
    dirs: Option<String>,
}

/// The certificates that were read last. To read them takes milliseconds.
static NATIVE: ForkLock<Option<(Named, Arc<RootCertStore>)>> = ForkLock::new(Rank::TrustStore, None);
pub const FORK_LOCK: &dyn HeldOverFork = &NATIVE;

/// What a TLS connection is made with. Blocks: it may read files.
pub fn client_config(
    bundle: Option<&CaBundle>,
    version: HttpVersion,
    variables: &Variables,
) -> Result<Arc<ClientConfig>> {
    let roots = match bundle {
        Some(bundle) => Arc::new(of_bundle(bundle)?),
        None => native(variables)?,
    };
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    if cfg!(slow_entropy) {
        // The process's first random number takes tens of milliseconds: here, and not on the worker. What fails here
        // fails there.
        let _ = provider.secure_random.fill(&mut [0]);
    }
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::new(Kind::Config, format_args!("setting up TLS: {error}")))?;
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = match version {
        HttpVersion::Auto => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
        HttpVersion::Http1 => vec![b"http/1.1".to_vec()],
        HttpVersion::Http2 => vec![b"h2".to_vec()],
    };
    Ok(Arc::new(config))
}

fn of_bundle(bundle: &CaBundle) -> Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    // All of them can be used: the bundle was checked when it was read.
    roots.add_parsable_certificates(CertificateDer::pem_slice_iter(&bundle.pem()?).flatten());
    Ok(roots)
}

/// No lock is held while files are read, so that a fork in the meantime leaves nothing half made behind.
fn native(variables: &Variables) -> Result<Arc<RootCertStore>> {
    let named = Named::by(variables);
    if let Some((of, roots)) = &*NATIVE.lock()
        && *of == named
    {
        return Ok(roots.clone());
    }
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(named.load()?);
    if roots.is_empty() {
        let what = "setting up TLS: this system has no usable trust store; set ca_file";
        return Err(Error::new(Kind::Config, what));
    }
    let roots = Arc::new(roots);
    *NATIVE.lock() = Some((named, roots.clone()));
    Ok(roots)
}

impl Named {
    fn by(variables: &Variables) -> Self {
        let given = |name| variables.get(name).map(str::to_owned);
        Named { file: given(CERT_FILE), dirs: given(CERT_DIR) }
    }

    fn load(&self) -> Result<Vec<CertificateDer<'static>>> {
        if self.file.is_none() && self.dirs.is_none() {
            return Ok(of_system());
        }
        let mut found = Vec::new();
        if let Some(file) = &self.file {
            let pem = regular_file::read(Path::new(file), LARGEST).map_err(|error| {
                Error::new(Kind::Config, format_args!("{CERT_FILE} names {}: {error}", quote_up_to(file, PATH_QUOTE)))
            })?;
            found.extend(CertificateDer::pem_slice_iter(&pem).flatten());
        }
        for dir in self.dirs.iter().flat_map(env::split_paths).filter(|dir| !dir.as_os_str().is_empty()) {
            found.extend(load_certs_from_paths(None, Some(&dir)).certs);
        }
        Ok(found)
    }
}

/// The certificates of a system whose store has its usual place. Where it has none, the loader of the system's store looks for
/// it, and at the environment of that moment: not for a program with more rights than its user.
fn of_system() -> Vec<CertificateDer<'static>> {
    let usual = WHERE_SYSTEMS_HAVE_THEM.map(Path::new).into_iter().find(|file| file.is_file());
    match usual {
        Some(file) if cfg!(not(target_vendor = "apple")) => load_certs_from_paths(Some(file), None).certs,
        _ if secure::is_privileged() => Vec::new(),
        _ => load_native_certs().certs,
    }
}

/// A handshake's failure in words that are the same for each call: rustls counts the seconds since 1970, until now.
pub fn in_words(failure: io::Error) -> io::Error {
    let cause = failure.get_ref().and_then(|cause| cause.downcast_ref());
    let Some(rustls::Error::InvalidCertificate(wrong)) = cause else { return failure };
    let words = match wrong {
        CertificateError::ExpiredContext { not_after, .. } => format!("certificate expired at {}", date(*not_after)),
        CertificateError::NotValidYetContext { not_before, .. } => {
            format!("certificate not valid before {}", date(*not_before))
        }
        _ => return failure,
    };
    io::Error::new(failure.kind(), words)
}

fn date(time: UnixTime) -> String {
    let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    DateTime::from_secs(seconds).fmt(Format::DateTime).unwrap_or_else(|_| format!("{seconds} s after 1970"))
}
