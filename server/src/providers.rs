//! `ff providers`: what the operator of an installation does for the secrets of identity providers.

use std::process::ExitCode;

use clap::Subcommand;
use ff_identity::oidc::{Outbound, Resealed, SingleSignOn};
use secrecy::{ExposeSecret as _, SecretString};

use crate::{
    connect, front, say,
    settings::{self, Noted, Settings},
    telemetry,
};

/// How `ff providers` is called.
#[derive(Subcommand)]
pub enum ProvidersCommand {
    /// Seal the secrets of all identity providers with FF_AUTH_SEALING_SECRET, so that the previous one can go
    Reseal,
}

/// What seals the secrets of identity providers.
pub struct SealingSecrets {
    /// Seals, and opens.
    pub now: SecretString,
    /// Opens what it has sealed before.
    pub before: Option<SecretString>,
}

/// The command.
pub async fn run(command: ProvidersCommand) -> anyhow::Result<ExitCode> {
    let settings = Settings::load(Noted::Use)?;
    telemetry::log_as_tool(&settings.log)?;
    match command {
        ProvidersCommand::Reseal => reseal(&settings).await,
    }
}

async fn reseal(settings: &Settings) -> anyhow::Result<ExitCode> {
    let SealingSecrets { now, before } = sealing_secrets(&settings.auth);
    let pool = connect::database(settings).await?;
    let mut providers =
        SingleSignOn::new(pool, &now, Outbound::new(front::providers(&settings.auth))?)?;
    if let Some(before) = &before {
        providers = providers.and_previous(before)?;
    }
    let Resealed { anew, already, lost } = providers.reseal().await?;
    say!("{anew} secrets sealed anew, {already} were already");
    for connection in &lost {
        say!("{connection}: neither secret opens what is stored: enter its client secret again");
    }
    Ok(if lost.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// From the settings: where no secret is for sealing alone, the one that signs seals too, and so did the one before it.
pub fn sealing_secrets(auth: &settings::Auth) -> SealingSecrets {
    let set = |secret: &SecretString| (!secret.expose_secret().is_empty()).then(|| secret.clone());
    let own = set(&auth.sealing_secret);
    let inherited = if own.is_none() { set(&auth.jwt_secret_previous) } else { None };
    SealingSecrets {
        now: own.unwrap_or_else(|| auth.jwt_secret.clone()),
        before: set(&auth.sealing_secret_previous).or(inherited),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_that_signs_seals_where_there_is_no_other() {
        let with = |sealing: &str, sealing_before: &str, signing_before: &str| {
            let mut auth = Settings::defaults().auth;
            auth.jwt_secret = "signs".into();
            auth.jwt_secret_previous = signing_before.into();
            auth.sealing_secret = sealing.into();
            auth.sealing_secret_previous = sealing_before.into();
            let SealingSecrets { now, before } = sealing_secrets(&auth);
            let shown = |secret: SecretString| secret.expose_secret().to_owned();
            (shown(now), before.map(shown).unwrap_or_default())
        };
        let pair = |now: &str, before: &str| (now.to_owned(), before.to_owned());
        assert_eq!(with("", "", ""), pair("signs", ""));
        assert_eq!(with("", "", "signed"), pair("signs", "signed"));
        assert_eq!(with("seals", "", "signed"), pair("seals", ""));
        assert_eq!(with("seals", "sealed", "signed"), pair("seals", "sealed"));
        assert_eq!(with("", "sealed", "signed"), pair("signs", "sealed"));
    }
}
