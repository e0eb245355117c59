//! A batch in PostgreSQL: one transaction, whatever it is repeated.

use jiff_sqlx::ToSqlx as _;
use sqlx::{PgConnection, PgPool};

use super::batch::Batch;
use crate::Entry;
use crate::message::{KeyUse, Uses};

/// Held by writers together and by an erasure alone, so that no row slips in with an address while it is erased.
pub(crate) const LOCK: i64 = 0x6666_7365_6375_7265;

/// What is sent twice goes to the table once; an address of somebody erased goes nowhere.
const INSERT: &str = "\
INSERT INTO security.log
    (id, at, kind, outcome, organization, actor_kind, actor_id, subject_kind, subject_id, session, address, service,
     request, reason, detail, holder)
SELECT n.id, n.at, n.kind, n.outcome, n.organization, n.actor_kind, n.actor_id, n.subject_kind, n.subject_id, n.session,
       CASE WHEN EXISTS (SELECT FROM security.erased AS e WHERE e.holder = n.holder) THEN NULL ELSE n.address::inet END,
       n.service, n.request, n.reason, n.detail::jsonb, n.holder
FROM UNNEST($1::uuid[], $2::timestamptz[], $3::text[], $4::text[], $5::uuid[], $6::text[], $7::uuid[], $8::text[],
            $9::text[], $10::uuid[], $11::text[], $12::text[], $13::uuid[], $14::text[], $15::text[], $16::uuid[])
    AS n(id, at, kind, outcome, organization, actor_kind, actor_id, subject_kind, subject_id, session, address, service,
         request, reason, detail, holder)
ON CONFLICT (id) DO NOTHING";

/// In the order of keys, so that two writers do not wait for each other.
const COUNT: &str = "\
INSERT INTO security.key_use AS known (key_id, service, organization, first_used, last_used, uses)
SELECT * FROM UNNEST($1::uuid[], $2::text[], $3::uuid[], $4::timestamptz[], $5::timestamptz[], $6::bigint[])
ON CONFLICT (key_id, service) DO UPDATE SET
    organization = COALESCE(EXCLUDED.organization, known.organization),
    first_used = LEAST(known.first_used, EXCLUDED.first_used),
    last_used = GREATEST(known.last_used, EXCLUDED.last_used),
    uses = known.uses + EXCLUDED.uses";

#[derive(Debug)]
pub(super) struct Store {
    pool: PgPool,
}

impl Store {
    pub(super) fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    pub(super) fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// Returns when the batch is committed, less what PostgreSQL will never take.
    pub(super) async fn write(&self, batch: &Batch<'_>) -> Result<(), sqlx::Error> {
        match self.transaction(&batch.entries, &batch.uses).await {
            Err(error) if is_about_data(&error) => self.one_by_one(batch).await?,
            result => result?,
        }
        metrics::counter!("ff_security_written_total").increment(batch.entries.len() as u64);
        Ok(())
    }

    /// Finds the one that the others must not wait for.
    async fn one_by_one(&self, batch: &Batch<'_>) -> Result<(), sqlx::Error> {
        let entries = batch.entries.chunks(1).map(|entry| (entry, &[][..]));
        let uses = batch.uses.chunks(1).map(|uses| (&[][..], uses));
        for (entries, uses) in entries.chain(uses) {
            match self.transaction(entries, uses).await {
                Err(error) if is_about_data(&error) => {
                    // What PostgreSQL says of it may hold what is in it, so only its code is said.
                    let code = error.as_database_error().and_then(|error| error.code());
                    tracing::error!(
                        code = code.as_deref(),
                        "PostgreSQL refuses a message of security; it is dropped"
                    );
                    metrics::counter!("ff_security_unreadable_total").increment(1);
                }
                result => result?,
            }
        }
        Ok(())
    }

    async fn transaction(&self, entries: &[Entry], uses: &[Uses]) -> Result<(), sqlx::Error> {
        let mut transaction = self.pool.begin().await?;
        if !entries.is_empty() {
            let lock = sqlx::query("SELECT pg_advisory_xact_lock_shared($1)").bind(LOCK);
            lock.execute(&mut *transaction).await?;
            insert(&mut transaction, entries).await?;
        }
        for uses in uses {
            count(&mut transaction, uses).await?;
        }
        transaction.commit().await
    }
}

async fn insert(connection: &mut PgConnection, entries: &[Entry]) -> Result<(), sqlx::Error> {
    fn column<'e, T>(entries: &'e [Entry], of: impl Fn(&'e Entry) -> T) -> Vec<T> {
        entries.iter().map(of).collect()
    }
    let detail = |entry: &Entry| {
        serde_json::to_string(&entry.detail).expect("a map of texts can be written")
    };
    sqlx::query(INSERT)
        .bind(column(entries, |entry| entry.id))
        .bind(column(entries, |entry| entry.at.to_sqlx()))
        .bind(column(entries, |entry| entry.kind.as_str()))
        .bind(column(entries, |entry| entry.outcome.as_str()))
        .bind(column(entries, |entry| entry.organization))
        .bind(column(entries, |entry| entry.actor.as_ref().map(|actor| actor.kind.as_str())))
        .bind(column(entries, |entry| entry.actor.as_ref().map(|actor| actor.id)))
        .bind(column(entries, |entry| entry.subject.as_ref().map(|it| it.kind.as_str())))
        .bind(column(entries, |entry| entry.subject.as_ref().map(|it| it.id.as_str())))
        .bind(column(entries, |entry| entry.session))
        .bind(column(entries, |entry| entry.address.map(|address| address.to_string())))
        .bind(column(entries, |entry| entry.service.as_str()))
        .bind(column(entries, |entry| entry.request))
        .bind(column(entries, |entry| entry.reason.as_deref()))
        .bind(column(entries, detail))
        .bind(column(entries, Entry::holder))
        .execute(connection)
        .await?;
    Ok(())
}

async fn count(connection: &mut PgConnection, uses: &Uses) -> Result<(), sqlx::Error> {
    let new =
        sqlx::query("INSERT INTO security.counted (id, at) VALUES ($1, $2) ON CONFLICT DO NOTHING")
            .bind(uses.id)
            .bind(uses.at.to_sqlx())
            .execute(&mut *connection)
            .await?;
    if new.rows_affected() == 0 {
        return Ok(());
    }
    let mut keys: Vec<&KeyUse> = uses.keys.iter().collect();
    keys.sort_by_key(|each| (each.key, each.service));
    let of_all = |of: fn(&KeyUse) -> jiff_sqlx::Timestamp| -> Vec<_> {
        keys.iter().map(|each| of(each)).collect()
    };
    sqlx::query(COUNT)
        .bind(keys.iter().map(|each| each.key).collect::<Vec<_>>())
        .bind(keys.iter().map(|each| each.service.as_str()).collect::<Vec<_>>())
        .bind(keys.iter().map(|each| each.organization).collect::<Vec<_>>())
        .bind(of_all(|each| each.first.to_sqlx()))
        .bind(of_all(|each| each.last.to_sqlx()))
        .bind(
            keys.iter()
                .map(|each| i64::try_from(each.uses).unwrap_or(i64::MAX))
                .collect::<Vec<_>>(),
        )
        .execute(connection)
        .await?;
    Ok(())
}

/// Whether it would be the same another time: the data itself, or a constraint.
fn is_about_data(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    code.is_some_and(|code| ["21", "22", "23"].iter().any(|class| code.starts_with(class)))
}
