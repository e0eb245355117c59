//! `ff seed`: the first owner, and an organization to look at.
//!
//! Everything is made by commands, as people would make it, and only if it is missing: seeding again changes nothing,
//! also not what somebody has changed since. The demo's keys follow from the signing secret, so that they are the
//! same each time and need not be kept anywhere.

mod catalogue;

use std::{num::NonZeroUsize, process::ExitCode};

use anyhow::Context as _;
use ff_auth::{
    Authorizer as _, Cost, Grant, PasswordService, Permission, Principal, Scope, SystemAuthorizer,
    keys,
};
use ff_commands::{
    Actor, ActorKind, Causation, CausationKind, CommandError, CommandMeta, Executable, Executor,
    ExecutorOptions, Target, Via,
};
use ff_domain::{
    ApiKey, ApiKeyCommand, ApiKeyError, ApiKeyId, ApiKeyState, Environment, EnvironmentCommand,
    EnvironmentError, EnvironmentId, Flag, FlagCommand, FlagError, FlagId, OrganizationError,
    OrganizationId, Project, ProjectCommand, ProjectError, ProjectId, Segment, SegmentCommand,
    SegmentError, SegmentId, UserId,
    api_key::{EnvironmentScope, KeyPurpose, TokenRole, TokenScope},
};
use ff_eventlog::JetStreamLog;
use ff_identity::{People, PeopleOptions};
use ff_security::Kind;
use jiff::Timestamp;
use rand::RngCore as _;
use secrecy::ExposeSecret as _;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::{
    connect,
    people::note,
    say,
    settings::{Noted, Settings},
    telemetry,
};

/// What a newcomer needs to begin.
#[derive(Debug, Clone)]
pub struct Demo {
    /// Sees every flag of the demo's production.
    pub server_key: String,
    /// Sees its client-side flags.
    pub client_key: String,
    /// May do everything in the demo's organization.
    pub api_token: String,
}

/// The command.
pub async fn run() -> anyhow::Result<ExitCode> {
    let settings = Settings::load(Noted::Use)?;
    telemetry::log_as_tool(&settings.log)?;
    let demo = seed(&settings).await?;
    say!("FF_DEMO_EMAIL={}", settings.demo.email);
    say!("FF_DEMO_SERVER_KEY={}", demo.server_key);
    say!("FF_DEMO_CLIENT_KEY={}", demo.client_key);
    say!("FF_DEMO_API_TOKEN={}", demo.api_token);
    Ok(ExitCode::SUCCESS)
}

/// Makes what is missing.
pub async fn seed(settings: &Settings) -> anyhow::Result<Demo> {
    anyhow::ensure!(
        !settings.demo.password.expose_secret().is_empty(),
        "FF_DEMO_PASSWORD: set a password"
    );
    let pool = connect::database(settings).await?;
    let passwords = PasswordService::new(Cost::DEFAULT, NonZeroUsize::MIN);
    let people = People::new(pool, passwords, PeopleOptions::default());
    let known = people.find_by_email(&settings.demo.email).await?.is_some();
    let owner = people
        .bootstrap_owner(&settings.demo.email, "Demo Owner", settings.demo.password.clone())
        .await
        .context("cannot make the first owner")?;
    if !known {
        // Seeding again would not find them new, so it goes on.
        if let Err(error) = note(settings, Kind::PersonCreated, owner).await {
            tracing::warn!(error = format!("{error:#}"), "the first owner is in no record");
        }
    }
    let log = connect::log(settings).await?;
    let seeder = Seeder::new(log, settings, UserId(owner))?;
    seeder.organization().await?;
    seeder.project().await?;
    seeder.flags().await?;
    seeder.keys().await
}

struct Seeder {
    executor: Executor<JetStreamLog>,
    secret: String,
    owner: UserId,
    org: OrganizationId,
    project: ProjectId,
}

/// Turns "it is there already" into success.
trait Exists {
    fn exists(&self) -> bool;
}

macro_rules! exists {
    ($($error:ident :: $variant:ident),+) => {$(
        impl Exists for $error {
            fn exists(&self) -> bool {
                matches!(self, Self::$variant { .. })
            }
        }
    )+};
}

exists!(
    OrganizationError::AlreadyExists,
    ProjectError::AlreadyExists,
    EnvironmentError::AlreadyExists,
    FlagError::AlreadyExists,
    SegmentError::AlreadyExists,
    ApiKeyError::AlreadyIssued
);

impl Seeder {
    fn new(log: JetStreamLog, settings: &Settings, owner: UserId) -> anyhow::Result<Self> {
        let org = OrganizationId::of(&catalogue::organization());
        Ok(Self {
            executor: Executor::new(log, ExecutorOptions::default()),
            secret: settings.auth.jwt_secret.expose_secret().to_owned(),
            owner,
            org,
            project: ProjectId::of(org, &catalogue::project()),
        })
    }

    fn meta() -> CommandMeta {
        let command_id = Uuid::now_v7();
        CommandMeta {
            command_id,
            correlation_id: command_id,
            causation: Causation { kind: CausationKind::Command, id: "seed".to_owned() },
            at: Timestamp::now(),
            actor: Actor { kind: ActorKind::System, id: Uuid::nil() },
            via: Via::Cli,
            comment: Some("demo data".to_owned()),
        }
    }

    /// The platform itself may do everything; it need not be a member anywhere.
    fn grant(&self, permission: Permission) -> anyhow::Result<Grant> {
        let scope = Scope::organization(self.org.0);
        Ok(SystemAuthorizer.authorize(&Principal::system(), permission, &scope)?)
    }

    /// Executes a command that makes something; answers whether it was missing.
    async fn make<A>(&self, id: A::Id, command: A::Command) -> anyhow::Result<bool>
    where
        A: Executable<Error: Exists + std::fmt::Debug>,
        CommandError<A>: std::error::Error + Send + Sync + 'static,
    {
        let permission =
            A::permission(&command).context("a command of the seed needs a permission")?;
        let grant = self.grant(permission)?;
        let target = Target::<A>::new(self.org, id);
        match self.executor.execute(&grant, target, command, Self::meta(), None).await {
            Ok(done) => Ok(done.changed),
            Err(CommandError::Rejected(error)) if error.exists() => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    async fn organization(&self) -> anyhow::Result<()> {
        let grant = self.grant(Permission::OrganizationCreate)?;
        let name = "Demo".to_owned();
        let key = catalogue::organization();
        match self.executor.create_organization(&grant, key, name, self.owner, Self::meta()).await {
            Ok(_) => Ok(()),
            Err(CommandError::Rejected(error)) if error.exists() => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    async fn project(&self) -> anyhow::Result<()> {
        let command = ProjectCommand::Create {
            organization: self.org,
            key: catalogue::project(),
            name: "Shop".to_owned(),
            description: "An online shop, to try things out with".to_owned(),
        };
        self.make::<Project>(self.project, command).await?;
        for (key, name, production) in catalogue::environments() {
            let mut salt = [0_u8; 16];
            rand::rng().fill_bytes(&mut salt);
            let command = EnvironmentCommand::Create {
                project: self.project,
                key: key.clone(),
                name: name.to_owned(),
                production,
                salt: hex::encode(salt),
            };
            self.make::<Environment>(EnvironmentId::of(self.project, &key), command).await?;
        }
        Ok(())
    }

    async fn flags(&self) -> anyhow::Result<()> {
        for segment in catalogue::segments(self.project)? {
            let id = SegmentId::of(self.project, &segment.key);
            self.make::<Segment>(id, SegmentCommand::Create(segment)).await?;
        }
        for demo in catalogue::flags(self.project)? {
            let id = FlagId::of(self.project, &demo.flag.key);
            // What somebody has changed since stays as it is.
            if !self.make::<Flag>(id, FlagCommand::Create(Box::new(demo.flag))).await? {
                continue;
            }
            for (environment, _, production) in catalogue::environments() {
                if let Some(targeting) = demo.targeting.clone() {
                    let command = FlagCommand::ReplaceTargeting {
                        environment: environment.clone(),
                        targeting: Box::new(targeting),
                    };
                    self.make::<Flag>(id, command).await?;
                }
                if demo.on && (production || demo.on_everywhere) {
                    self.make::<Flag>(id, FlagCommand::TurnOn { environment }).await?;
                }
            }
        }
        Ok(())
    }

    async fn keys(&self) -> anyhow::Result<Demo> {
        let scope = || EnvironmentScope {
            project: catalogue::project(),
            environment: catalogue::production(),
        };
        let server = KeyPurpose::SdkServer(scope());
        let client = KeyPurpose::SdkClient(scope());
        let token = KeyPurpose::ApiToken(TokenScope::everywhere(TokenRole::Admin));
        Ok(Demo {
            server_key: self.key("Demo server key", keys::KeyKind::SdkServer, server).await?,
            client_key: self.key("Demo client key", keys::KeyKind::SdkClient, client).await?,
            api_token: self.key("Demo API token", keys::KeyKind::ApiToken, token).await?,
        })
    }

    /// Issues the key that follows from the secret and the name.
    async fn key(
        &self,
        name: &str,
        kind: keys::KeyKind,
        purpose: KeyPurpose,
    ) -> anyhow::Result<String> {
        let secret: [u8; 32] = Sha256::new()
            .chain_update(self.secret.as_bytes())
            .chain_update(b"/demo-key/")
            .chain_update(name.as_bytes())
            .finalize()
            .into();
        let key = keys::from_secret(kind, &secret);
        let state = ApiKeyState {
            organization: self.org,
            name: name.to_owned(),
            purpose,
            hash: key.hash.to_string(),
            prefix: key.prefix.as_str().to_owned(),
            expires_at: None,
            replaces: None,
            replaced_by: None,
        };
        let id = ApiKeyId::of(self.org, key.hash.as_bytes());
        self.make::<ApiKey>(id, ApiKeyCommand::Issue(state)).await?;
        Ok(key.plain.expose().to_owned())
    }
}
