//! Certificates that take the place of the system's trust store.
//!
//! This module does not read `SSL_CERT_FILE` and `SSL_CERT_DIR`: they name the system's store, which is used if there
//! is no bundle.

use crate::error::{Error, Kind, quote_up_to};
use crate::sys::regular_file;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use std::fmt;
use std::path::{Path, PathBuf};

/// The maximum size of a bundle, more than any needs.
const MAX_SIZE: u64 = 16 * 1024 * 1024;
/// Paths are quoted longer than other texts, because their ends distinguish them.
const PATH_QUOTE: usize = 400;

/// Certificates that are trusted in place of the system's.
#[derive(Clone)]
pub enum CaBundle {
    /// PEM that holds at least one certificate, all of them valid.
    Pem(Vec<u8>),
    /// A file that the environment names, and the setting that names it. The first TLS connection reads it, so that a
    /// program without one does not pay for it.
    Named { path: PathBuf, source: String },
}

impl fmt::Debug for CaBundle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CaBundle::Pem(pem) => write!(f, "Pem({} bytes)", pem.len()),
            CaBundle::Named { path, source } => write!(f, "Named({} of {source})", path.display()),
        }
    }
}

impl CaBundle {
    /// Reads the file that the config names.
    pub(super) fn read(path: &str) -> Result<Self, String> {
        read(path.as_ref()).map(CaBundle::Pem)
    }

    /// Returns PEM that holds at least one certificate, all of them valid.
    pub fn pem(&self) -> Result<Vec<u8>, Error> {
        match self {
            CaBundle::Pem(pem) => Ok(pem.clone()),
            CaBundle::Named { path, source } => {
                read(path).map_err(|reason| Error::new(Kind::Config, format_args!("{source} {reason}")))
            }
        }
    }
}

/// Returns the bytes of a PEM file whose certificates are all valid. The error is a reason: a message puts the name of
/// the setting before it.
fn read(path: &Path) -> Result<Vec<u8>, String> {
    let name = quote_up_to(&path.to_string_lossy(), PATH_QUOTE);
    let pem = regular_file::read(path, MAX_SIZE).map_err(|why| format!("names {name}, which cannot be read: {why}"))?;
    check(&pem).map_err(|reason| format!("names {name}, {reason}"))?;
    Ok(pem)
}

fn check(pem: &[u8]) -> Result<(), String> {
    let mut roots = RootCertStore::empty();
    let mut count = 0;
    for certificate in CertificateDer::pem_slice_iter(pem) {
        count += 1;
        // The PEM reader's error may quote the file, which may hold a private key.
        let certificate = certificate.map_err(|_| format!("whose PEM is not valid in certificate {count}"))?;
        roots.add(certificate).map_err(|error| format!("whose certificate {count} cannot be used: {error}"))?;
    }
    if count == 0 {
        return Err("which holds no certificate: PEM is expected, with -----BEGIN CERTIFICATE-----".to_owned());
    }
    Ok(())
}
