//! Certificates that take the place of the system's trust store.
//!
//! `SSL_CERT_FILE` and `SSL_CERT_DIR` are not looked at here: they say where the system's store is, and have their meaning
//! wherever no bundle is given.

use crate::error::{Error, Kind, quote_up_to};
use crate::sys::regular_file;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use std::path::{Path, PathBuf};

/// Far above any bundle, and far below what an endless file would cost.
const LARGEST: u64 = 16 * 1024 * 1024;
/// Paths are quoted longer than other texts: their end is what tells them apart.
const PATH_QUOTE: usize = 400;

/// Certificates that are trusted in place of the system's.
#[derive(Clone)]
pub enum CaBundle {
    /// PEM that holds at least one certificate, all of them valid.
    Pem(Vec<u8>),
    /// A file that the environment names, and the words for its place there. It is read with the first TLS connection,
    /// so that who makes none does not pay for it.
    Named { path: PathBuf, by: String },
}

impl CaBundle {
    /// What the config names, read now.
    pub(super) fn read(path: &str) -> Result<Self, String> {
        read(path.as_ref()).map(CaBundle::Pem)
    }

    /// PEM that holds at least one certificate, all of them valid.
    pub fn pem(&self) -> Result<Vec<u8>, Error> {
        match self {
            CaBundle::Pem(pem) => Ok(pem.clone()),
            CaBundle::Named { path, by } => {
                read(path).map_err(|reason| Error::new(Kind::Config, format_args!("{by} {reason}")))
            }
        }
    }
}

/// The bytes of a PEM file, of which every certificate can be trusted. The error is the reason, to be read on behind a
/// name.
fn read(path: &Path) -> Result<Vec<u8>, String> {
    let name = quote_up_to(&path.to_string_lossy(), PATH_QUOTE);
    let pem = regular_file::read(path, LARGEST).map_err(|why| format!("names {name}, which cannot be read: {why}"))?;
    check(&pem).map_err(|reason| format!("names {name}, {reason}"))?;
    Ok(pem)
}

fn check(pem: &[u8]) -> Result<(), String> {
    let mut roots = RootCertStore::empty();
    let mut count = 0;
    for certificate in CertificateDer::pem_slice_iter(pem) {
        count += 1;
        // What the PEM reader says may quote the file, which may be a private key's.
        let certificate = certificate.map_err(|_| format!("whose PEM is broken in certificate {count}"))?;
        roots.add(certificate).map_err(|error| format!("whose certificate {count} cannot be used: {error}"))?;
    }
    if count == 0 {
        return Err("which holds no certificate: PEM is expected, with -----BEGIN CERTIFICATE-----".to_owned());
    }
    Ok(())
}
