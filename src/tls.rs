//! TLS for those without a proxy: the certificate that is shown, and taking up a renewed one without a restart.

use std::fmt;
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use crate::settings::Tls;

/// How often the files are looked at. Whoever renews a certificate does it weeks before the old one ends.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// Why there is no certificate to show. Never holds what a file holds.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file is not there or not to be read.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// The system's word.
        source: std::io::Error,
    },
    /// A file holds no PEM of the kind wanted.
    #[error("{}: holds no {wanted} in PEM", path.display())]
    Pem {
        /// Which.
        path: PathBuf,
        /// What was looked for.
        wanted: &'static str,
    },
    /// The two do not belong together, or are of a kind that is not taken.
    #[error("certificate and key cannot be used: {0}")]
    Unusable(rustls::Error),
    /// The process chose no cryptography.
    #[error("the process has no cryptography")]
    NoProvider,
}

/// The certificate that callers are shown.
pub struct Shown {
    files: Tls,
    key: RwLock<Arc<CertifiedKey>>,
}

impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shown")
            .field("files", &self.files)
            .finish_non_exhaustive()
    }
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let key = self.key.read().unwrap_or_else(PoisonError::into_inner);
        Some(Arc::clone(&key))
    }
}

/// Reads both files. TLS 1.2 and 1.3 are spoken; no certificate is asked of callers.
///
/// # Errors
/// See [`TlsError`].
pub fn open(files: &Tls) -> Result<(ServerConfig, Arc<Shown>), TlsError> {
    let shown = Arc::new(Shown {
        files: files.clone(),
        key: RwLock::new(Arc::new(read(files)?)),
    });
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_cert_resolver(Arc::clone(&shown) as Arc<dyn ResolvesServerCert>);
    Ok((config, shown))
}

/// Takes up renewed files until it is aborted. What cannot be used is told once, and the old certificate stays.
pub async fn keep_fresh(shown: Arc<Shown>) {
    let mut last_fault = None;
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let files = shown.files.clone();
        let Ok(found) = tokio::task::spawn_blocking(move || read(&files)).await else {
            return;
        };
        match found {
            Ok(found) => {
                last_fault = None;
                let mut key = shown.key.write().unwrap_or_else(PoisonError::into_inner);
                if found.cert != key.cert {
                    *key = Arc::new(found);
                    tracing::info!("a renewed certificate is in use");
                }
            }
            Err(error) => {
                let fault = error.to_string();
                if last_fault.as_ref() != Some(&fault) {
                    tracing::error!(%error, "the renewed certificate cannot be used; the old one stays");
                    last_fault = Some(fault);
                }
            }
        }
    }
}

fn read(files: &Tls) -> Result<CertifiedKey, TlsError> {
    let text = |path: &PathBuf| {
        fs::read(path).map_err(|source| TlsError::File {
            path: path.clone(),
            source,
        })
    };
    let missing = |path: &PathBuf, wanted| TlsError::Pem {
        path: path.clone(),
        wanted,
    };
    let chain: Result<Vec<_>, _> =
        CertificateDer::pem_slice_iter(&text(&files.certificate)?).collect();
    let chain = chain
        .ok()
        .filter(|chain| !chain.is_empty())
        .ok_or_else(|| missing(&files.certificate, "certificate"))?;
    let key = PrivateKeyDer::from_pem_slice(&text(&files.key)?)
        .map_err(|_| missing(&files.key, "private key"))?;
    let provider = CryptoProvider::get_default().ok_or(TlsError::NoProvider)?;
    CertifiedKey::from_der(chain, key, provider).map_err(TlsError::Unusable)
}
