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
use tokio::time::{sleep, timeout};
use tokio_util::sync::DropGuard;
use uuid::Uuid;

use crate::{
    connect, front, rights, say,
    settings::{Noted, Settings},
    telemetry,
};

/// How long the security log is waited for, and how often it is looked whether it has a record.
const RECORDED: Duration = Duration::from_secs(5);
const LOOK_AGAIN: Duration = Duration::from_millis(10);
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
    act(command, &settings).await?;
    Ok(ExitCode::SUCCESS)
}

async fn act(command: PeopleCommand, settings: &Settings) -> anyhow::Result<()> {
    let pool = connect::database(settings).await?;
    let passwords = PasswordService::new(Cost::DEFAULT, NonZeroUsize::MIN);
    let people = People::new(pool.clone(), passwords, PeopleOptions::default());
    match command {
        PeopleCommand::List => list(&people).await?,
        PeopleCommand::ResetLink { email } => reset_link(settings, &people, &email).await?,
        PeopleCommand::Disable { person } => {
            let person = find(&people, &person).await?;
            people.disable(person.id, Timestamp::now()).await?;
            // Before what may fail: they are kept out from here on.
            note(settings, Kind::PersonDisabled, person.id).await?;
            let belongings = Belongings::read(settings).await?;
            let security_log = Log::new(pool);
            let ending = belongings.ending(&people, &security_log);
            let tokens = ending.revoke_tokens(person.id, Timestamp::now()).await?;
            say!("{tokens} tokens revoked");
            say!("{} is kept out, and signed out everywhere", person.id);
        }
        PeopleCommand::Enable { person } => {
            let person = find(&people, &person).await?;
            people.enable(person.id).await?;
            note(settings, Kind::PersonEnabled, person.id).await?;
            say!("{} may sign in again", person.id);
        }
        PeopleCommand::Erase { person } => {
            let person = find(&people, &person).await?;
            erase(settings, &people, &Log::new(pool), &person).await?;
        }
    }
    Ok(())
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
    let reset = people.hand_out_reset(email, Timestamp::now()).await?;
    let reset = reset
        .context("this person signs in through an identity provider, and has no password to set")?;
    note(settings, Kind::PasswordResetRequested, person.id).await?;
    say!("{}/reset#{}", front::public_url(settings)?, reset.token.expose_secret());
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
        let log = connect::log(settings).await?;
        let (rights, reading) = rights::read(log.clone()).await?;
        let commands = Executor::new(log, ExecutorOptions::default());
        Ok(Self { commands, rights, _reading: reading })
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

/// Leaves a record in the security log, or says that it could not. The operator is nobody that the platform knows.
pub async fn note(settings: &Settings, kind: Kind, person: Uuid) -> anyhow::Result<()> {
    let recorder = front::recorder(settings).await?;
    let record = Record::new(Timestamp::now(), kind, Outcome::Ok, Service::Control);
    recorder.record(record.actor(Actor::system()).subject(Subject::user(person)));
    // Closing would wait for two seconds, which is little for a first connection.
    let sent = async {
        while recorder.status().sent == 0 {
            sleep(LOOK_AGAIN).await;
        }
    };
    let sent = timeout(RECORDED, sent).await;
    recorder.close().await;
    ensure!(
        sent.is_ok(),
        "it is done, but the security log did not take the record `{}` of {person}: look at NATS, and note it elsewhere",
        kind.as_str()
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use ff_projections::migrate::migrate_up;
    use ff_security::{Writer, WriterOptions};
    use ff_testkit::eventually;
    use sqlx::postgres::PgConnectOptions;
    use tokio_util::sync::CancellationToken;

    use super::*;

    const EMAIL: &str = "ada@example.com";
    /// After this a test fails; nothing takes nearly as long.
    const SOON: Duration = Duration::from_secs(120);

    #[tokio::test]
    async fn whatever_an_operator_does_to_somebody_is_recorded() {
        let (database, nats) =
            tokio::join!(ff_testkit::postgres::database(), ff_testkit::nats::server());
        migrate_up(&database.pool).await.unwrap();
        let place: PgConnectOptions = database.url.parse().unwrap();
        let mut settings = Settings::defaults();
        settings.database.host = place.get_host().to_owned();
        settings.database.port = place.get_port();
        settings.database.user = place.get_username().to_owned();
        settings.database.name = database.name;
        settings.nats.url = nats.url.clone().into();
        let passwords = PasswordService::new(Cost::MIN, NonZeroUsize::MIN);
        let people = People::new(database.pool.clone(), passwords, PeopleOptions::default());
        let ada = people.create(EMAIL, "Ada", "a good password".into()).await.unwrap();

        let person = || EMAIL.to_owned();
        let commands = [
            PeopleCommand::ResetLink { email: person() },
            PeopleCommand::Disable { person: person() },
            PeopleCommand::Enable { person: ada.to_string() },
            PeopleCommand::Erase { person: person() },
        ];
        for command in commands {
            act(command, &settings).await.unwrap();
        }
        let nobody = PeopleCommand::Enable { person: Uuid::nil().to_string() };
        act(nobody, &settings).await.unwrap_err();

        let client = ff_security::connect(&nats.url).await.unwrap();
        let writer = Writer::new(client, database.pool.clone(), WriterOptions::default());
        tokio::spawn(writer.run(CancellationToken::new()));
        let recorded = eventually(SOON, || async {
            let rows: Vec<(String, String, String)> = sqlx::query_as(
                "SELECT kind, actor_kind, subject_id FROM security.log ORDER BY at, id",
            )
            .fetch_all(&database.pool)
            .await
            .unwrap();
            if rows.len() >= 4 { Ok(rows) } else { Err(rows) }
        });
        let expected =
            ["password.reset_requested", "person.disabled", "person.enabled", "person.erased"]
                .map(|kind| (kind.to_owned(), "system".to_owned(), ada.to_string()));
        assert_eq!(recorded.await, expected);
    }

    #[tokio::test]
    async fn whoever_leaves_no_record_is_told() {
        let mut settings = Settings::defaults();
        settings.nats.url = format!("nats://127.0.0.1:{}", ff_testkit::ports::free_port()).into();
        let told = note(&settings, Kind::PersonEnabled, Uuid::nil()).await.unwrap_err();
        assert!(told.to_string().contains("`person.enabled`"), "{told}");
    }
}
