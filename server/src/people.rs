//! `ff people`: what the operator of an installation does for people, whatever organization they are in.

use std::{num::NonZeroUsize, process::ExitCode, sync::Arc, time::Duration};

use anyhow::{Context as _, bail, ensure};
use clap::Subcommand;
use ff_auth::{Cost, PasswordService};
use ff_commands::{Executor, ExecutorOptions, Via};
use ff_control::{Erasure, Rights};
use ff_eventlog::JetStreamLog;
use ff_identity::{People, PeopleOptions, Person};
use ff_security::{Actor, Kind, Log, Outcome, Record, Service, Subject};
use jiff::Timestamp;
use secrecy::ExposeSecret as _;
use tokio_util::sync::{CancellationToken, DropGuard};
use uuid::Uuid;

use crate::{
    connect, front, say,
    settings::{Noted, Settings},
    telemetry,
};

/// How long reading who may do what from the log may take.
const PATIENCE: Duration = Duration::from_secs(120);
/// How many people are asked for at a time.
const PAGE: u16 = 500;

/// How `ff people` is called. Whoever signs in through an identity provider is named by their id.
#[derive(Subcommand)]
pub enum PeopleCommand {
    /// List everybody there is: id, state, e-mail, name
    List,
    /// Print a way to a new password, to be handed over in another way than by mail
    ResetLink {
        /// E-mail of the person
        email: String,
    },
    /// Keep somebody out, and end their sessions
    Disable {
        /// E-mail or id of the person
        person: String,
    },
    /// Let somebody in again
    Enable {
        /// E-mail or id of the person
        person: String,
    },
    /// Remove what is known of somebody, for good
    Erase {
        /// E-mail or id of the person
        person: String,
    },
}

/// The command.
pub async fn run(command: PeopleCommand) -> anyhow::Result<ExitCode> {
    let settings = Settings::load(Noted::Use)?;
    telemetry::log_as_tool(&settings.log)?;
    let pool = connect::database(&settings.database).await?;
    let passwords = PasswordService::new(Cost::DEFAULT, NonZeroUsize::MIN);
    let people = People::new(pool.clone(), passwords, PeopleOptions::default());
    match command {
        PeopleCommand::List => list(&people).await?,
        PeopleCommand::ResetLink { email } => reset_link(&settings, &people, &email).await?,
        PeopleCommand::Disable { person } => {
            let person = find(&people, &person).await?;
            people.disable(person.id, Timestamp::now()).await?;
            let belongings = Belongings::read(&settings).await?;
            let security_log = Log::new(pool);
            let ending = belongings.ending(&people, &security_log);
            let tokens = ending.revoke_tokens(person.id, Timestamp::now()).await?;
            note(&settings, Kind::PersonDisabled, person.id).await?;
            say!("{tokens} tokens revoked");
            say!("{} is kept out, and signed out everywhere", person.id);
        }
        PeopleCommand::Enable { person } => {
            let person = find(&people, &person).await?;
            people.enable(person.id).await?;
            say!("{} may sign in again", person.id);
        }
        PeopleCommand::Erase { person } => {
            let person = find(&people, &person).await?;
            erase(&settings, &people, &Log::new(pool), &person).await?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn list(people: &People) -> anyhow::Result<()> {
    let mut last = None;
    loop {
        let page = people.page(last, PAGE).await?;
        for person in &page {
            let state = match person {
                Person { erased: true, .. } => "erased",
                Person { disabled: true, .. } => "disabled",
                Person { organization: Some(_), .. } => "managed",
                _ => "active",
            };
            let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
            say!("{}  {state:<8}  {}  {}", person.id, text(&person.email), text(&person.name));
        }
        match page.last() {
            Some(person) if page.len() == usize::from(PAGE) => last = Some(person.id),
            _ => return Ok(()),
        }
    }
}

async fn reset_link(settings: &Settings, people: &People, email: &str) -> anyhow::Result<()> {
    let person = find(people, email).await?;
    ensure!(!person.disabled, "this person is kept out: `ff people enable` them first");
    let reset = people.request_reset(email, Timestamp::now()).await?;
    let reset = reset.context("several ways to a new password are open: wait an hour")?;
    note(settings, Kind::PasswordResetRequested, person.id).await?;
    say!("{}/reset#{}", front::public_url(settings), reset.token.expose_secret());
    say!("Whoever opens it until {} sets the password, once.", reset.expires_at);
    Ok(())
}

/// Ends memberships and tokens by commands, so that history says when, and removes the rest from the database.
async fn erase(
    settings: &Settings,
    people: &People,
    security_log: &Log,
    person: &Person,
) -> anyhow::Result<()> {
    let belongings = Belongings::read(settings).await?;
    let erasure = belongings.ending(people, security_log);
    let erased = erasure.erase(person.id, Timestamp::now()).await?;
    note(settings, Kind::PersonErased, person.id).await?;
    for organization in &erased.organizations {
        say!("no member of {organization} any more");
    }
    say!("{} tokens revoked", erased.tokens);
    say!("{} is erased: names, e-mail, password, sessions and addresses are gone", person.id);
    Ok(())
}

/// Who belongs where, as the log has it now.
struct Belongings {
    commands: Executor<JetStreamLog>,
    rights: Arc<Rights>,
    _reading: DropGuard,
}

impl Belongings {
    async fn read(settings: &Settings) -> anyhow::Result<Self> {
        let log = connect::log(&settings.nats).await?;
        let rights = Arc::new(Rights::default());
        let reading = CancellationToken::new();
        tokio::spawn(rights.clone().follow(log.clone(), reading.clone()));
        ensure!(
            rights.ready(PATIENCE).await.is_ok(),
            "who belongs where cannot be read from the log"
        );
        let commands = Executor::new(log, ExecutorOptions::default());
        Ok(Self { commands, rights, _reading: reading.drop_guard() })
    }

    fn ending<'a>(&'a self, people: &'a People, security_log: &'a Log) -> Erasure<'a> {
        let Self { commands, rights, .. } = self;
        Erasure { commands, rights, people, security_log, via: Via::Cli }
    }
}

async fn find(people: &People, named: &str) -> anyhow::Result<Person> {
    let found = match named.parse::<Uuid>() {
        Ok(id) => people.find(id).await?,
        Err(_) => people.find_by_email(named).await?,
    };
    match found {
        Some(person) => Ok(person),
        None => bail!("nobody has this e-mail or id: `ff people list` shows who there is"),
    }
}

/// Leaves a record in the security log. The operator is nobody that the platform knows.
async fn note(settings: &Settings, kind: Kind, person: Uuid) -> anyhow::Result<()> {
    let recorder = front::recorder(&settings.nats).await?;
    let record = Record::new(Timestamp::now(), kind, Outcome::Ok, Service::Control);
    recorder.record(record.actor(Actor::system()).subject(Subject::user(person)));
    recorder.close().await;
    Ok(())
}
