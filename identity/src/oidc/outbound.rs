//! Requests to identity providers: no redirects, no proxies, no more than 1 MiB, and an end to waiting.
//!
//! A client of its own, since a provider is not trusted: it answers what it likes, as slowly as it likes. It is
//! built on hyper, which follows no redirect and takes the resolver that checks what names stand for.

use std::{
    error::Error,
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{
        Client,
        connect::{HttpConnector, dns::Name},
    },
    rt::TokioExecutor,
};
use openidconnect::AsyncHttpClient;
use rustls::{ClientConfig, RootCertStore, pki_types::CertificateDer};

use super::network::{AddressError, Reach};

/// The most that is read of an answer. A discovery document has some kilobytes.
const MOST: usize = 1024 * 1024;

type Pending<T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send>>;

/// How identity providers are asked.
#[derive(Debug, Clone)]
pub struct OutboundOptions {
    /// Where they may be.
    pub reach: Reach,
    /// How long an answer may take, from the name's resolution to its last byte.
    pub timeout: Duration,
    /// Certificate authorities that are trusted besides those this machine trusts.
    pub authorities: Vec<CertificateDer<'static>>,
}

impl Default for OutboundOptions {
    fn default() -> Self {
        Self { reach: Reach::Public, timeout: Duration::from_secs(10), authorities: Vec::new() }
    }
}

/// Asks identity providers; cheap to clone.
#[derive(Clone)]
pub struct Outbound {
    client: Client<HttpsConnector<HttpConnector<Resolver>>, Full<Bytes>>,
    options: OutboundOptions,
}

/// Requests cannot be made on this machine.
#[derive(Debug, thiserror::Error)]
#[error("the TLS client could not be set up: look at the certificate authorities")]
pub struct OutboundSetupError(#[source] rustls::Error);

/// A provider gave no answer that could be used.
#[derive(Debug, thiserror::Error)]
pub enum OutboundError {
    /// It must not be asked.
    #[error(transparent)]
    Address(AddressError),
    /// No connection, or it broke.
    #[error("the provider cannot be reached: check its address, name and certificate")]
    Unreachable(#[source] Box<dyn Error + Send + Sync>),
    /// It took too long.
    #[error("the provider did not answer within {} ms", after.as_millis())]
    TimedOut {
        /// How long was waited.
        after: Duration,
    },
    /// It answered with more than anybody needs.
    #[error("the provider answered with more than {MOST} bytes")]
    TooLarge,
    /// It sends elsewhere, which is not followed.
    #[error("the provider redirects (status {status}): give the address it leads to")]
    Redirect {
        /// The status.
        status: u16,
    },
}

impl Outbound {
    /// A client with these options.
    ///
    /// # Errors
    /// [`OutboundSetupError`] for an authority that is no certificate.
    pub fn new(options: OutboundOptions) -> Result<Self, OutboundSetupError> {
        let mut roots = RootCertStore::empty();
        // Without any, every provider is refused by its certificate, which the error then says.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        for authority in &options.authorities {
            roots.add(authority.clone()).map_err(OutboundSetupError)?;
        }
        let tls =
            ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()
                .map_err(OutboundSetupError)?
                .with_root_certificates(roots)
                .with_no_client_auth();
        let mut http = HttpConnector::new_with_resolver(Resolver(options.reach));
        http.enforce_http(false);
        http.set_connect_timeout(Some(options.timeout));
        // Whether plain HTTP is allowed is decided by address, before.
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .wrap_connector(http);
        let client = Client::builder(TokioExecutor::new()).build(connector);
        Ok(Self { client, options })
    }

    pub(super) fn reach(&self) -> Reach {
        self.options.reach
    }

    async fn send(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, OutboundError> {
        self.reach().check(&request.uri().to_string()).map_err(OutboundError::Address)?;
        let after = self.options.timeout;
        tokio::time::timeout(after, self.send_unlimited(request))
            .await
            .unwrap_or(Err(OutboundError::TimedOut { after }))
    }

    async fn send_unlimited(
        &self,
        request: Request<Vec<u8>>,
    ) -> Result<Response<Vec<u8>>, OutboundError> {
        let request = request.map(|body| Full::new(Bytes::from(body)));
        let answer = self.client.request(request).await.map_err(|error| refused(error.into()))?;
        if answer.status().is_redirection() {
            return Err(OutboundError::Redirect { status: answer.status().as_u16() });
        }
        let (head, body) = answer.into_parts();
        let body = Limited::new(body, MOST).collect().await.map_err(|error| {
            if error.is::<LengthLimitError>() { OutboundError::TooLarge } else { refused(error) }
        })?;
        Ok(Response::from_parts(head, body.to_bytes().into()))
    }
}

/// Finds out whether it was the [`Resolver`] that refused.
fn refused(error: Box<dyn Error + Send + Sync>) -> OutboundError {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error.as_ref());
    while let Some(error) = cause {
        if let Some(refused) = error.downcast_ref::<AddressError>() {
            return OutboundError::Address(refused.clone());
        }
        cause = error.source();
    }
    OutboundError::Unreachable(error)
}

impl<'c> AsyncHttpClient<'c> for Outbound {
    type Error = OutboundError;
    type Future =
        Pin<Box<dyn Future<Output = Result<Response<Vec<u8>>, OutboundError>> + Send + 'c>>;

    fn call(&'c self, request: Request<Vec<u8>>) -> Self::Future {
        Box::pin(self.send(request))
    }
}

impl fmt::Debug for Outbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbound").field("options", &self.options).finish_non_exhaustive()
    }
}

/// Resolves names to those of their addresses that may be asked.
#[derive(Debug, Clone)]
struct Resolver(Reach);

impl tower::Service<Name> for Resolver {
    type Response = std::vec::IntoIter<std::net::SocketAddr>;
    type Error = Box<dyn Error + Send + Sync>;
    type Future = Pending<Self::Response, Self::Error>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let reach = self.0;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let allowed: Vec<_> = found.filter(|address| reach.allows(address.ip())).collect();
            if allowed.is_empty() {
                return Err(AddressError::NotPublic { host: name.as_str().to_owned() }.into());
            }
            Ok(allowed.into_iter())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(url: &str) -> Request<Vec<u8>> {
        Request::get(url).body(Vec::new()).unwrap()
    }

    #[tokio::test]
    async fn a_name_of_a_private_address_is_refused_by_what_it_resolves_to() {
        let outbound = Outbound::new(OutboundOptions::default()).unwrap();
        let refused = outbound.send(get("https://localhost:9/")).await.unwrap_err();
        let OutboundError::Address(AddressError::NotPublic { host }) = refused else {
            panic!("{refused:?}")
        };
        assert_eq!(host, "localhost");
    }

    #[tokio::test]
    async fn plain_http_is_refused_before_anything_is_resolved() {
        let outbound = Outbound::new(OutboundOptions::default()).unwrap();
        let refused = outbound.send(get("http://example.com/")).await.unwrap_err();
        assert!(matches!(refused, OutboundError::Address(AddressError::NotHttps { .. })));
    }
}
