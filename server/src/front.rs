//! What stands before every HTTP service, from the settings: TLS, proxies, origins, limits, the security log.

use std::time::Duration;

use anyhow::Context as _;
use ff_front::{Origins, Proxies, ServeOptions, Tls};
use ff_identity::{
    Mailer,
    mail::{Encryption, MailServer},
    oidc::{OutboundOptions, Reach},
};
use ff_limits::{Limits, Quota, Redis};
use ff_security::{Recorder, RecorderOptions, StreamOptions};
use secrecy::{ExposeSecret as _, SecretString};

use crate::settings::{self, MailEncryption, Settings};

/// How long handing in a mail may take.
const MAIL_TIME: Duration = Duration::from_secs(10);

/// How connections are encrypted.
pub fn tls(settings: &settings::Tls) -> anyhow::Result<Option<Tls>> {
    let settings::Tls { certificate, key, client_authorities, client_required } = settings;
    Ok(Tls::from_paths(certificate, key, client_authorities, *client_required)?)
}

/// Whose word on addresses counts.
pub fn proxies(settings: &settings::Http) -> anyhow::Result<Proxies> {
    Proxies::parse(entries(&settings.trusted_proxies)).context("FF_HTTP_TRUSTED_PROXIES")
}

/// What connections may do.
pub fn serve(settings: &settings::Http) -> anyhow::Result<ServeOptions> {
    Ok(ServeOptions { proxies: proxies(settings)?, ..ServeOptions::default() })
}

/// Origins whose pages may call a service that takes keys, which a page shows to everybody anyway.
pub fn any_origins(list: &str, variable: &'static str) -> anyhow::Result<Origins> {
    Origins::parse(entries(list)).context(variable)
}

/// Origins whose pages may call a service that people sign in to.
pub fn exact_origins(list: &str, variable: &'static str) -> anyhow::Result<Origins> {
    Origins::parse_exact(entries(list)).context(variable)
}

fn entries(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').map(str::trim).filter(|entry| !entry.is_empty())
}

/// Where requests are counted together, if they are.
pub fn redis(settings: &settings::Redis, secret: &SecretString) -> Option<Redis> {
    if settings.host.is_empty() {
        return None;
    }
    let mut redis = Redis::new(&settings.host, settings.port).with_secret(secret.clone());
    if !settings.user.is_empty() {
        redis = redis.with_username(&settings.user);
    }
    if !settings.password.expose_secret().is_empty() {
        redis = redis.with_password(settings.password.clone());
    }
    Some(redis)
}

/// Counts requests.
pub async fn limits(settings: &settings::Redis, secret: &SecretString) -> Limits {
    Limits::start(redis(settings, secret), None).await
}

/// How many requests may come to the control plane.
pub fn quotas(limits: &settings::Limits) -> ff_control::Quotas {
    const WINDOW: u32 = 4;
    let burst = |rate: std::num::NonZeroU32| {
        Quota::new(rate.get().saturating_mul(WINDOW), Duration::from_secs(WINDOW.into()))
    };
    ff_control::Quotas {
        user: burst(limits.user),
        key: burst(limits.key),
        organization: burst(limits.organization),
        address: burst(limits.address),
        sign_in: Quota::new(limits.sign_in.get(), Duration::from_secs(60)),
    }
}

/// Takes what happens at the door. NATS need not be there yet.
pub async fn recorder(settings: &settings::Nats) -> anyhow::Result<Recorder> {
    let client = ff_security::connect(&settings.url).await.context("FF_NATS_URL")?;
    let stream = StreamOptions { replicas: settings.replicas, ..StreamOptions::default() };
    Ok(Recorder::start(client, RecorderOptions { stream, ..RecorderOptions::default() }))
}

/// Sends mails, if there is a server for them.
pub fn mailer(settings: &settings::Mail) -> anyhow::Result<Mailer> {
    if settings.host.is_empty() {
        return Ok(Mailer::none());
    }
    let login =
        (!settings.user.is_empty()).then(|| (settings.user.clone(), settings.password.clone()));
    let server = MailServer {
        host: settings.host.clone(),
        port: settings.port,
        encryption: match settings.encryption {
            MailEncryption::Tls => Encryption::Tls,
            MailEncryption::StartTls => Encryption::StartTls,
            MailEncryption::None => Encryption::None,
        },
        login,
        from: settings.from.clone(),
        timeout: MAIL_TIME,
        authority: None,
    };
    Mailer::smtp(&server).context("FF_MAIL_HOST, FF_MAIL_FROM")
}

/// How identity providers are asked.
pub fn providers(settings: &settings::Auth) -> OutboundOptions {
    let reach = if settings.private_providers { Reach::Internal } else { Reach::Public };
    OutboundOptions { reach, ..OutboundOptions::default() }
}

/// Where people reach the control plane, without a slash at the end.
pub fn public_url(settings: &Settings) -> String {
    let scheme = if settings.tls.certificate.as_os_str().is_empty() { "http" } else { "https" };
    match settings.control.public_url.trim_end_matches('/') {
        "" => format!("{scheme}://{}", settings.control.listen),
        url => url.to_owned(),
    }
}
