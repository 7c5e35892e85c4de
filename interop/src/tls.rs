//! A certificate that is made anew each time, for `localhost`.
#![forbid(unsafe_code)]

use std::sync::Arc;

use futures_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use futures_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};
use futures_rustls::{TlsAcceptor, TlsConnector};

use crate::Failure;

/// A certificate with its key, signed by itself.
#[derive(Debug)]
pub struct Identity {
    certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
    pem: String,
}

impl Identity {
    /// A new one.
    ///
    /// # Errors
    ///
    /// What rcgen says.
    pub fn new() -> Result<Self, Failure> {
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let made = rcgen::generate_simple_self_signed(names)?;
        Ok(Self {
            pem: made.cert.pem(),
            certificate: made.cert.der().clone(),
            key: PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into()),
        })
    }

    /// The certificate, for programs that want a file of those whom they trust.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// The server's side.
    ///
    /// # Errors
    ///
    /// What rustls says.
    pub fn acceptor(&self) -> Result<TlsAcceptor, Failure> {
        Ok(Arc::new(self.server(&[])?).into())
    }

    /// The settings of a server that speaks these protocols (ALPN), the best first.
    ///
    /// # Errors
    ///
    /// What rustls says.
    pub fn server(&self, protocols: &[&str]) -> Result<ServerConfig, Failure> {
        let (chain, key) = (vec![self.certificate.clone()], self.key.clone_key());
        let builder = ServerConfig::builder().with_no_client_auth();
        let mut config = builder.with_single_cert(chain, key)?;
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        Ok(config)
    }

    /// The side of a client that trusts this certificate and no other.
    ///
    /// # Errors
    ///
    /// What rustls says.
    pub fn connector(&self) -> Result<TlsConnector, Failure> {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone())?;
        let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        Ok(Arc::new(config).into())
    }
}

/// The name in the certificates.
pub fn localhost() -> ServerName<'static> {
    ServerName::from(std::net::IpAddr::from([127, 0, 0, 1]))
}
