//! Who somebody is whom a provider vouches for.

use ff_identity::oidc::{External, ResolveError, Resolved};
use ff_identity::{OpenError, Origin};
use jiff::SignedDuration;
use serde_json::json;
use uuid::Uuid;

use crate::world::people as accounts;

use super::{
    hostile::Hostile,
    world::{World, now},
};

struct People {
    world: World,
    connection: Uuid,
    _provider: Hostile,
}

impl People {
    async fn new() -> Self {
        let (world, provider) = (World::new().await, Hostile::start().await);
        let connection = world.connect(&provider.issuer).await.id;
        Self { world, connection, _provider: provider }
    }

    fn external(&self, subject: &str, email: Option<&str>) -> External {
        External {
            connection: self.connection,
            organization: self.world.organization,
            issuer: "https://login.example.com".to_owned(),
            subject: subject.to_owned(),
            email: email.map(str::to_owned),
            name: Some(subject.to_uppercase()),
            groups: Vec::new(),
            roles: vec![json!("viewer")],
            return_to: "/".to_owned(),
        }
    }

    async fn resolve(
        &self,
        external: &External,
        known: Option<Uuid>,
    ) -> Result<Uuid, ResolveError> {
        self.resolved(external, known).await.map(|resolved| resolved.user)
    }

    async fn resolved(
        &self,
        external: &External,
        known: Option<Uuid>,
    ) -> Result<Resolved, ResolveError> {
        self.world.sso.resolve(external, known, now()).await
    }

    /// Somebody with a password.
    async fn member(&self, email: &str) -> Uuid {
        let id = Uuid::now_v7();
        sqlx::query(
            "INSERT INTO identity.users (id, email, name, password_hash) VALUES ($1, $2, 'Member', 'x')",
        )
        .bind(id)
        .bind(email)
        .execute(&self.world.pool)
        .await
        .unwrap();
        id
    }

    async fn run(&self, sql: &str, id: Uuid) {
        let done = sqlx::query(sql).bind(id).execute(&self.world.pool).await.unwrap();
        assert_eq!(done.rows_affected(), 1);
    }

    async fn row(&self, id: Uuid) -> (Option<Uuid>, Option<String>, Option<String>) {
        sqlx::query_as("SELECT organization, email, name FROM identity.users WHERE id = $1")
            .bind(id)
            .fetch_one(&self.world.pool)
            .await
            .unwrap()
    }

    async fn count(&self) -> i64 {
        sqlx::query_scalar("SELECT count(*) FROM identity.users")
            .fetch_one(&self.world.pool)
            .await
            .unwrap()
    }
}

#[tokio::test]
async fn a_subject_is_one_person_for_ever() {
    let people = People::new().await;
    let ada = people.external("ada", Some("ada@example.com"));
    let first = people.resolve(&ada, None).await.unwrap();
    let organization = Some(people.world.organization);
    let row =
        |email: &str, name: &str| (organization, Some(email.to_owned()), Some(name.to_owned()));
    assert_eq!(people.row(first).await, row("ada@example.com", "ADA"));

    let mut renamed = people.external("ada", Some("lovelace@example.com"));
    renamed.name = Some("Ada King".to_owned());
    // Who else is known by this e-mail does not matter any more.
    let somebody = people.member("lovelace@example.com").await;
    assert_eq!(people.resolve(&renamed, Some(somebody)).await.unwrap(), first);
    assert_eq!(people.row(first).await, row("lovelace@example.com", "Ada King"));

    // What is no longer said stays.
    let mut silent = people.external("ada", None);
    silent.name = None;
    assert_eq!(people.resolve(&silent, None).await.unwrap(), first);
    assert_eq!(people.row(first).await, row("lovelace@example.com", "Ada King"));
}

#[tokio::test]
async fn two_at_once_are_one_person() {
    let people = People::new().await;
    // All connections are open, so that nobody waits for one while another is done.
    let open = (0..8).map(|_| people.world.pool.acquire());
    drop(futures::future::try_join_all(open).await.unwrap());
    for round in 1..=10 {
        let ada = people.external(&format!("ada-{round}"), Some("ada@example.com"));
        let at_once = (0..8).map(|_| people.resolve(&ada, None));
        let ids = futures::future::try_join_all(at_once).await.unwrap();
        assert!(ids.iter().all(|id| *id == ids[0]));
        assert_eq!(people.count().await, round);
    }
}

#[tokio::test]
async fn a_member_with_the_e_mail_is_taken_the_first_time() {
    let people = People::new().await;
    let member = people.member("Ada@Example.com").await;
    let ada = people.external("ada", Some("ada@example.com"));
    assert_eq!(people.resolve(&ada, Some(member)).await.unwrap(), member);
    // And ever after, without being pointed to; what they say of themselves stays.
    assert_eq!(people.resolve(&ada, None).await.unwrap(), member);
    let (organization, email, name) = people.row(member).await;
    assert_eq!(organization, None);
    assert_eq!((email.as_deref(), name.as_deref()), (Some("Ada@Example.com"), Some("Member")));
}

#[tokio::test]
async fn of_all_who_come_one_is_told_that_they_are_new() {
    let people = People::new().await;
    let ada = people.external("ada", Some("ada@example.com"));
    let at_once = (0..8).map(|_| people.resolved(&ada, None));
    let all = futures::future::try_join_all(at_once).await.unwrap();
    assert_eq!(all.iter().filter(|resolved| resolved.created).count(), 1);
    let member = people.member("grace@example.com").await;
    let grace = people.external("grace", Some("grace@example.com"));
    let taken = people.resolved(&grace, Some(member)).await.unwrap();
    assert_eq!(taken, Resolved { user: member, created: false });
}

#[tokio::test]
async fn nobody_is_taken_without_an_e_mail_or_with_another() {
    let people = People::new().await;
    let member = people.member("ada@example.com").await;
    let unverified = people.resolve(&people.external("ada", None), Some(member)).await.unwrap();
    assert_ne!(unverified, member);
    let eve = people.external("eve", Some("eve@example.com"));
    let refused = people.resolve(&eve, Some(member)).await;
    assert!(matches!(refused, Err(ResolveError::NotThatPerson)));
    // Without being pointed to, people with a password are never taken.
    let ada = people.external("ada-2", Some("ada@example.com"));
    assert_ne!(people.resolve(&ada, None).await.unwrap(), member);
}

#[tokio::test]
async fn people_of_another_organization_are_not_taken() {
    let people = People::new().await;
    let theirs = people.member("ada@example.com").await;
    people
        .run("UPDATE identity.users SET password_hash = NULL, organization = gen_random_uuid() WHERE id = $1", theirs)
        .await;
    let ada = people.external("ada", Some("ada@example.com"));
    let refused = people.resolve(&ada, Some(theirs)).await;
    assert!(matches!(refused, Err(ResolveError::NotThatPerson)));
    assert_ne!(people.resolve(&ada, None).await.unwrap(), theirs);
}

#[tokio::test]
async fn an_e_mail_that_went_to_somebody_else_carries_no_account() {
    let people = People::new().await;
    let member = people.member("ada@example.com").await;
    let first = people.external("ada", Some("ada@example.com"));
    assert_eq!(people.resolve(&first, Some(member)).await.unwrap(), member);
    let second = people.external("another-ada", Some("ada@example.com"));
    let other = people.resolve(&second, Some(member)).await.unwrap();
    assert_ne!(other, member);
    // The same among people of the organization: the e-mail is theirs who had it last.
    let third = people.external("a-third-ada", Some("Ada@example.com"));
    let third = people.resolve(&third, None).await.unwrap();
    assert!(third != other && third != member);
    assert_eq!(people.row(other).await.1, None);
    assert_eq!(people.row(third).await.1.as_deref(), Some("Ada@example.com"));
}

#[tokio::test]
async fn an_organization_that_changes_its_provider_keeps_its_people() {
    let people = People::new().await;
    let before = people.external("ada", Some("ada@example.com"));
    let ada = people.resolve(&before, None).await.unwrap();
    let other = Hostile::start().await;
    let connection = people.world.connect(&other.issuer).await.id;
    let after = External { connection, ..people.external("00u1", Some("ada@example.com")) };
    assert_eq!(people.resolve(&after, None).await.unwrap(), ada);
    // The same subject at another connection is not the same person.
    let stranger = External { connection, ..people.external("ada", Some("eve@example.com")) };
    assert_ne!(people.resolve(&stranger, None).await.unwrap(), ada);
}

#[tokio::test]
async fn the_disabled_are_refused() {
    let people = People::new().await;
    let ada = people.external("ada", Some("ada@example.com"));
    let id = people.resolve(&ada, None).await.unwrap();
    people.run("UPDATE identity.users SET disabled_at = now() WHERE id = $1", id).await;
    assert!(matches!(people.resolve(&ada, None).await, Err(ResolveError::Disabled)));

    let member = people.member("grace@example.com").await;
    people.run("UPDATE identity.users SET disabled_at = now() WHERE id = $1", member).await;
    let grace = people.external("grace", Some("grace@example.com"));
    assert!(matches!(people.resolve(&grace, Some(member)).await, Err(ResolveError::Disabled)));
    assert_eq!(people.count().await, 2);
}

#[tokio::test]
async fn who_was_erased_comes_back_as_somebody_new() {
    let people = People::new().await;
    let ada = people.external("ada", Some("ada@example.com"));
    let id = people.resolve(&ada, None).await.unwrap();
    assert_eq!(people.world.sso.recognise(&ada).await.unwrap(), Some(id));
    accounts(people.world.pool.clone()).erase(id, now()).await.unwrap();
    assert_eq!(people.world.sso.recognise(&ada).await.unwrap(), None);
    let again = people.resolve(&ada, None).await.unwrap();
    assert_ne!(again, id);
    // Nothing came back to who they were.
    assert_eq!(people.row(id).await, (Some(people.world.organization), None, None));
}

#[tokio::test]
async fn a_session_ends_with_the_connection_it_came_through() {
    let people = People::new().await;
    let accounts = accounts(people.world.pool.clone());
    let organization = people.world.organization;
    let ada = people.resolve(&people.external("ada", Some("ada@example.com")), None).await.unwrap();
    let member = people.member("grace@example.com").await;
    let grace = people.external("grace", Some("grace@example.com"));
    people.resolve(&grace, Some(member)).await.unwrap();
    let open = |user| {
        accounts.open_through(people.connection, user, organization, Origin::default(), now())
    };
    let (of_ada, of_grace) = (open(ada).await.unwrap(), open(member).await.unwrap());
    // Whoever vouched for them is asked again after a day, also if they go on all the time.
    let day = now() + SignedDuration::from_hours(24);
    assert_eq!(of_ada.expires_at, day);
    // With her password she is not there because of the provider.
    let own = accounts.open(member, None, Origin::default(), now()).await.unwrap();
    let elsewhere = accounts
        .open_through(people.connection, ada, Uuid::now_v7(), Origin::default(), now())
        .await;
    assert!(matches!(elsewhere, Err(OpenError::ConnectionClosed)));

    people
        .run("UPDATE identity.connections SET enabled = false WHERE id = $1", people.connection)
        .await;
    let mut closed = accounts.close_through(people.connection, now()).await.unwrap();
    closed.sort_by_key(|revocation| revocation.session);
    let sessions: Vec<_> = closed.iter().filter_map(|revocation| revocation.session).collect();
    assert_eq!(sessions, [of_ada.session, of_grace.session]);
    assert_eq!(accounts.revocations(now()).await.unwrap().len(), 2);
    let left = accounts.list(member, None, now()).await.unwrap();
    assert_eq!(left.iter().map(|session| session.id).collect::<Vec<_>>(), [own.session]);
    assert!(matches!(open(ada).await, Err(OpenError::ConnectionClosed)));
    assert!(accounts.close_through(people.connection, now()).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_subject_is_not_stored() {
    let people = People::new().await;
    people.resolve(&people.external("ada-at-the-provider", None), None).await.unwrap();
    let rows: Vec<String> =
        sqlx::query_scalar("SELECT e::text FROM identity.external_identities e")
            .fetch_all(&people.world.pool)
            .await
            .unwrap();
    assert_eq!(rows.len(), 1);
    let hex = "ada-at-the-provider".bytes().map(|byte| format!("{byte:02x}")).collect::<String>();
    assert!(!rows[0].contains("ada-at-the-provider") && !rows[0].contains(&hex));
}
