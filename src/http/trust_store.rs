//! The certificates that TLS connections trust.
//!
//! The system's trust store is read with the first https:// request and not before: reading it is most of a cold start.

use crate::config::CaBundle;
use crate::config::environment::variables::Variables;
use crate::error::{Error, Kind, Result, quote_up_to};
use crate::runtime::fork::{ForkLock, HeldOverFork, Rank};
use crate::sys::regular_file;
use crate::sys::secure;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls_native_certs::{load_certs_from_paths, load_native_certs};
use std::env;
use std::path::Path;
use std::sync::Arc;

const CERT_FILE: &str = "SSL_CERT_FILE";
const CERT_DIR: &str = "SSL_CERT_DIR";
/// The largest file that is read: far larger than any bundle.
const MAX_FILE: u64 = 16 << 20;
/// The longest part of a path that a message quotes.
const PATH_QUOTE: usize = 400;
/// The files in which systems usually keep the certificates.
const USUAL_FILES: [&str; 5] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// The values of the variables of OpenSSL that name the trust store.
#[derive(PartialEq)]
struct Locations {
    file: Option<String>,
    dirs: Option<String>,
}

/// The store that was read last. Reading takes milliseconds.
static CACHE: ForkLock<Option<(Locations, Arc<RootCertStore>)>> = ForkLock::new(Rank::TrustStore, None);
pub const FORK_LOCK: &dyn HeldOverFork = &CACHE;

/// Returns a store with the certificates of a bundle alone.
pub fn of_bundle(bundle: &CaBundle) -> Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    // The bundle was checked when it was read: all certificates are usable.
    roots.add_parsable_certificates(CertificateDer::pem_slice_iter(&bundle.pem()?).flatten());
    Ok(roots)
}

/// Returns the system's store, or that of OpenSSL's variables. Blocks.
pub fn of_system(variables: &Variables) -> Result<Arc<RootCertStore>> {
    let locations = Locations::of(variables);
    if let Some((cached, roots)) = &*CACHE.lock()
        && *cached == locations
    {
        return Ok(roots.clone());
    }
    // No lock is held while files are read: a fork in the meantime leaves no lock held in the child.
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(locations.load()?);
    if roots.is_empty() {
        let what = "setting up TLS: this system has no usable trust store; set ca_file";
        return Err(Error::new(Kind::Config, what));
    }
    let roots = Arc::new(roots);
    *CACHE.lock() = Some((locations, roots.clone()));
    Ok(roots)
}

impl Locations {
    fn of(variables: &Variables) -> Self {
        let value = |name| variables.get(name).map(str::to_owned);
        Locations { file: value(CERT_FILE), dirs: value(CERT_DIR) }
    }

    fn load(&self) -> Result<Vec<CertificateDer<'static>>> {
        if self.file.is_none() && self.dirs.is_none() {
            return Ok(default_certificates());
        }
        let mut certificates = Vec::new();
        if let Some(file) = &self.file {
            let pem = regular_file::read(Path::new(file), MAX_FILE).map_err(|error| {
                Error::new(Kind::Config, format_args!("{CERT_FILE} names {}: {error}", quote_up_to(file, PATH_QUOTE)))
            })?;
            certificates.extend(CertificateDer::pem_slice_iter(&pem).flatten());
        }
        for dir in self.dirs.iter().flat_map(env::split_paths).filter(|dir| !dir.as_os_str().is_empty()) {
            certificates.extend(load_certs_from_paths(None, Some(&dir)).certs);
        }
        Ok(certificates)
    }
}

/// Returns the certificates of the usual file. If there is none, rustls-native-certs looks for the store, and reads the
/// current environment: this is not done for a program with more rights than its user.
fn default_certificates() -> Vec<CertificateDer<'static>> {
    let usual = USUAL_FILES.map(Path::new).into_iter().find(|file| file.is_file());
    match usual {
        Some(file) if cfg!(not(target_vendor = "apple")) => load_certs_from_paths(Some(file), None).certs,
        _ if secure::is_privileged() => Vec::new(),
        _ => load_native_certs().certs,
    }
}
