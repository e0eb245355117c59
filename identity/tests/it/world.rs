//! A database with people in it, and a time to set.

use ff_auth::{Cost, PasswordService};
use ff_identity::{Opened, Origin, People, PeopleOptions};
use ff_projections::migrate::migrate_up;
use ff_testkit::postgres::TestDatabase;
use jiff::{SignedDuration, Timestamp};
use sqlx::PgPool;
use uuid::Uuid;

pub(crate) const EMAIL: &str = "Ada@example.com";
pub(crate) const NAME: &str = "Ada Lovelace";
pub(crate) const PASSWORD: &str = "correct horse battery staple";
pub(crate) const OTHER_PASSWORD: &str = "wrong horse battery staple";

pub(crate) const ACME: Uuid = Uuid::from_u128(0xacce);
pub(crate) const OTHER: Uuid = Uuid::from_u128(0x07e);

/// Migrated, with nobody in it.
pub(crate) struct World {
    pub(crate) people: People,
    /// Those of `people`, to count the work.
    pub(crate) passwords: PasswordService,
    pub(crate) database: TestDatabase,
}

pub(crate) fn now() -> Timestamp {
    "2026-11-23T08:00:00.7Z".parse().unwrap()
}

pub(crate) fn later(seconds: i64) -> Timestamp {
    now() + SignedDuration::from_secs(seconds)
}

impl World {
    pub(crate) async fn new() -> Self {
        let database = ff_testkit::postgres::database().await;
        migrate_up(&database.pool).await.unwrap();
        let passwords = passwords();
        let people = with(database.pool.clone(), passwords.clone());
        Self { people, passwords, database }
    }

    /// With Ada.
    pub(crate) async fn with_ada() -> (Self, Uuid) {
        let world = Self::new().await;
        let ada = world.people.create(EMAIL, NAME, PASSWORD.into()).await.unwrap();
        (world, ada)
    }

    /// Somebody of an identity provider.
    pub(crate) async fn managed(&self, organization: Uuid, email: &str) -> Uuid {
        sqlx::query_scalar(
            "INSERT INTO identity.users (id, email, name, organization) \
             VALUES (gen_random_uuid(), $2, 'Managed', $1) RETURNING id",
        )
        .bind(organization)
        .bind(email)
        .fetch_one(&self.database.pool)
        .await
        .unwrap()
    }

    /// E-mails that let nobody in: of somebody kept out, of somebody who was erased, of somebody of a provider, of
    /// nobody, and what is none.
    pub(crate) async fn of_nobody(&self) -> [&'static str; 5] {
        let [out, gone, managed, nobody, none] =
            ["out@example.com", "gone@example.com", "managed@example.com", "x@example.com", "\0"];
        let out_id = self.people.create(out, NAME, PASSWORD.into()).await.unwrap();
        self.people.disable(out_id, now()).await.unwrap();
        let gone_id = self.people.create(gone, NAME, PASSWORD.into()).await.unwrap();
        self.people.erase(gone_id, now()).await.unwrap();
        self.managed(ACME, managed).await;
        [out, gone, managed, nobody, none]
    }

    pub(crate) async fn open(&self, user: Uuid) -> Opened {
        self.people.open(user, None, Origin::default(), now()).await.unwrap()
    }

    pub(crate) async fn count(&self, table: &str) -> i64 {
        sqlx::query_scalar(&format!("SELECT count(*) FROM identity.{table}"))
            .fetch_one(&self.database.pool)
            .await
            .unwrap()
    }

    /// Everything in the schema, as text.
    pub(crate) async fn everything(&self) -> String {
        let tables: Vec<String> = sqlx::query_scalar(
            "SELECT table_name::text FROM information_schema.tables WHERE table_schema = 'identity'",
        )
        .fetch_all(&self.database.pool)
        .await
        .unwrap();
        let mut all = String::new();
        for table in tables {
            let rows: Vec<String> =
                sqlx::query_scalar(&format!("SELECT t::text FROM identity.{table} t"))
                    .fetch_all(&self.database.pool)
                    .await
                    .unwrap();
            all.extend(rows.iter().map(|row| format!("{table}: {row}\n")));
        }
        all
    }
}

pub(crate) fn people(pool: PgPool) -> People {
    with(pool, passwords())
}

fn passwords() -> PasswordService {
    PasswordService::new(Cost::MIN, 2.try_into().unwrap())
}

fn with(pool: PgPool, passwords: PasswordService) -> People {
    People::new(pool, passwords, PeopleOptions::default())
}
