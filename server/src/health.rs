//! Health and metrics of services that answer nobody else.

use std::net::SocketAddr;

use axum::Router;
use ff_front::{Listener, Protocols};
use tokio_util::sync::CancellationToken;

use crate::{front, settings::Settings};

/// Serves them until `shutdown`, encrypted as every service is.
pub async fn serve(
    settings: &Settings,
    listen: SocketAddr,
    router: Router,
    shutdown: CancellationToken,
) -> anyhow::Result<impl Future<Output = anyhow::Result<()>>> {
    let (tls, options) = (front::tls(&settings.tls)?, front::serve(&settings.http)?);
    let listener = Listener::bind(listen, tls.as_ref(), Protocols::Http1).await?;
    Ok(async move {
        ff_front::serve(listener, router, options, shutdown.cancelled_owned()).await;
        Ok(())
    })
}
