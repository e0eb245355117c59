//! What stands before every HTTP service, from the settings: TLS, proxies, origins, limits, the security log.

use std::num::{NonZeroU32, NonZeroUsize};
use std::{fs, path::Path, time::Duration};

use anyhow::Context as _;
use axum::http::Uri;
use ff_front::{ConnectionLimits, Origins, Proxies, ServeOptions, Tls};
use ff_identity::{
    Mailer,
    mail::{Encryption, MailServer},
    oidc::{OutboundOptions, Reach},
};
use ff_limits::{Limits, Quota};
use ff_security::{Recorder, RecorderOptions, StreamOptions};

use crate::{
    connect,
    settings::{self, MailEncryption, Settings},
};

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
    let usual = ServeOptions::default();
    let connections = connections(settings, usual.connections);
    Ok(ServeOptions { proxies: proxies(settings)?, connections, ..usual })
}

/// How many connections there may be; `usual` if nothing is set.
pub fn connections(settings: &settings::Http, usual: ConnectionLimits) -> ConnectionLimits {
    let all = NonZeroUsize::new(settings.connections).unwrap_or(usual.all);
    let shares = ConnectionLimits::quartered(all);
    let of_address = NonZeroUsize::new(settings.address_connections).unwrap_or(shares.of_address);
    ConnectionLimits { of_address, ..shares }
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

/// Counts requests.
pub async fn limits(settings: &Settings) -> anyhow::Result<Limits> {
    let redis = connect::redis(settings, &settings.auth.jwt_secret)?;
    Ok(Limits::start(redis, None).await)
}

/// So many requests in a second, on average over some.
pub fn burst(rate: NonZeroU32) -> Quota {
    const WINDOW: u32 = 4;
    Quota::new(rate.get().saturating_mul(WINDOW), Duration::from_secs(WINDOW.into()))
}

/// How many requests may come to the control plane.
pub fn quotas(limits: &settings::Limits) -> ff_control::Quotas {
    ff_control::Quotas {
        user: burst(limits.user),
        key: burst(limits.key),
        organization: burst(limits.organization),
        address: burst(limits.address),
        sign_in: Quota::new(limits.sign_in.get(), Duration::from_secs(60)),
        invitations: Quota::new(limits.invitations.get(), Duration::from_secs(60 * 60)),
        foundings: Quota::new(limits.foundings.get(), Duration::from_secs(60 * 60)),
        ..ff_control::Quotas::default()
    }
}

/// Takes what happens at the door. NATS need not be there yet.
pub async fn recorder(settings: &Settings) -> anyhow::Result<Recorder> {
    let client = ff_security::connect(connect::nats(settings)?).await.context("FF_NATS_URL")?;
    let stream = StreamOptions { replicas: settings.nats.replicas, ..StreamOptions::default() };
    Ok(Recorder::start(client, RecorderOptions { stream, ..RecorderOptions::default() }))
}

/// Sends mails, if there is a server for them.
pub fn mailer(all: &Settings) -> anyhow::Result<Mailer> {
    let settings = &all.mail;
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
        authorities: authorities(&all.backends.authorities)?,
    };
    Mailer::smtp(&server).context("FF_MAIL_HOST, FF_MAIL_FROM, FF_BACKENDS_AUTHORITIES")
}

/// The authorities of servers behind, which the mail server may be. Those of the system count besides.
fn authorities(path: &Path) -> anyhow::Result<Option<String>> {
    if path.as_os_str().is_empty() {
        return Ok(None);
    }
    let place = || format!("FF_BACKENDS_AUTHORITIES: cannot read {}", path.display());
    fs::read_to_string(path).map(Some).with_context(place)
}

/// How identity providers are asked.
pub fn providers(settings: &settings::Auth) -> OutboundOptions {
    let reach = if settings.private_providers { Reach::Internal } else { Reach::Public };
    OutboundOptions { reach, ..OutboundOptions::default() }
}

/// Where people reach the control plane, without a slash at the end. It goes into links of mails.
pub fn public_url(settings: &Settings) -> anyhow::Result<String> {
    let scheme = if settings.tls.certificate.as_os_str().is_empty() { "http" } else { "https" };
    let url = settings.control.public_url.trim_end_matches('/');
    if url.is_empty() {
        return Ok(format!("{scheme}://{}", settings.control.listen));
    }
    let found: Option<Uri> = url.parse().ok();
    let leads_there = found.is_some_and(|uri| {
        let of_web = matches!(uri.scheme_str(), Some("http" | "https"));
        let plain = uri.query().is_none() && !url.contains(['#', '@']);
        of_web && plain && uri.host().is_some_and(|host| !host.is_empty())
    });
    anyhow::ensure!(
        leads_there,
        "FF_CONTROL_PUBLIC_URL: `{url}` is no address such as https://flags.example.com"
    );
    Ok(url.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_to_where_people_reach_it() {
        let with = |url: &str| {
            let mut settings = Settings::defaults();
            settings.control.public_url = url.to_owned();
            public_url(&settings)
        };
        assert_eq!(with("").unwrap(), "http://127.0.0.1:8080");
        for (url, found) in [
            ("https://flags.example.com", "https://flags.example.com"),
            ("https://flags.example.com/", "https://flags.example.com"),
            ("http://[::1]:8080/flags", "http://[::1]:8080/flags"),
        ] {
            assert_eq!(with(url).unwrap(), found);
        }
        for odd in [
            "flags.example.com",
            "javascript:alert(1)",
            "ftp://flags.example.com",
            "https://a@flags.example.com",
            "https://flags.example.com/?a=b",
            "https://flags.example.com/#a",
            "https://",
            "a b",
        ] {
            let told = with(odd).unwrap_err().to_string();
            assert!(told.starts_with("FF_CONTROL_PUBLIC_URL: "), "{odd}: {told}");
        }
    }
}
