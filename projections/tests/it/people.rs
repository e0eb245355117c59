//! Members, service accounts and keys: who is in a list, and what is told of them.

use ff_domain::{
    ApiKey, ApiKeyEvent, ApiKeyId, ApiKeyState, EnvironmentId, Membership, MembershipEvent,
    MembershipId, RoleAssignment, ServiceAccount, ServiceAccountEvent, ServiceAccountId,
    ServiceAccountKey, UserId,
    api_key::{EnvironmentScope, KeyPurpose, Replaces, TokenRole, TokenScope},
};
use ff_projections::queries::{ApiKeyFilter, ApiKeyRow, Page, StateFilter};
use uuid::Uuid;

use crate::world::{SOMEONE, World, environment, organization, project};

const ANN: UserId = UserId(Uuid::from_u128(0xa));
const BOB: UserId = UserId(Uuid::from_u128(0xb));
/// How many commits [`World::let_in`] makes.
pub(crate) const LET_IN: u64 = 13;

fn role(name: &str) -> RoleAssignment {
    RoleAssignment::everywhere(name.parse().unwrap())
}

fn account(key: &str) -> ServiceAccountKey {
    ServiceAccountKey::parse(key).unwrap()
}

fn account_id(key: &str) -> ServiceAccountId {
    ServiceAccountId::of(organization(), &account(key))
}

fn personal(owner: UserId) -> KeyPurpose {
    let scopes = vec![TokenScope::everywhere(TokenRole::Viewer)];
    KeyPurpose::PersonalToken { owner, scopes }
}

fn sdk() -> KeyPurpose {
    let project = ff_domain::ProjectKey::parse("web").unwrap();
    KeyPurpose::SdkServer(EnvironmentScope { project, environment: environment("staging") })
}

fn key(number: u8, purpose: KeyPurpose) -> ApiKeyState {
    ApiKeyState {
        organization: organization(),
        name: format!("key {number}"),
        purpose,
        hash: hex::encode([number; 32]),
        prefix: "ff_abc".to_owned(),
        expires_at: None,
        replaces: None,
        replaced_by: None,
    }
}

fn key_id(number: u8) -> ApiKeyId {
    ApiKeyId::of(organization(), &[number; 32])
}

impl World {
    /// Ann is in, Bob was; `deploy` is in use, `old` is put away; Ann and Bob and `deploy` have tokens, and there are two
    /// keys of which one takes the place of the other.
    pub(crate) async fn let_in(&mut self) {
        for user in [ANN, BOB] {
            let granted =
                MembershipEvent::Granted { organization: organization(), user, role: None };
            let given = MembershipEvent::RoleGiven(role("editor").into());
            self.membership(user, &[granted, given]).await;
        }
        let says = MembershipEvent::ProviderRolesReplaced {
            connection: Uuid::from_u128(0xc),
            roles: vec![role("viewer").into()],
        };
        self.membership(ANN, &[says]).await;
        self.membership(BOB, &[MembershipEvent::Revoked {}]).await;
        for name in ["deploy", "old"] {
            let created = ServiceAccountEvent::Created {
                organization: organization(),
                key: account(name),
                name: name.to_owned(),
                description: String::new(),
                roles: vec![role("editor").into()],
            };
            self.write::<ServiceAccount>(account_id(name).0, &[created]).await;
        }
        let archived = ServiceAccountEvent::Archived {};
        self.write::<ServiceAccount>(account_id("old").0, &[archived]).await;
        let purposes = [
            personal(ANN),
            personal(BOB),
            KeyPurpose::ServiceAccount { account: account("deploy") },
            sdk(),
        ];
        for (number, purpose) in (1..).zip(purposes) {
            self.key(key_id(number), ApiKeyEvent::Issued(key(number, purpose))).await;
        }
        let until = "2026-12-01T00:00:00Z".parse().unwrap();
        let replaces = Some(Replaces { key: key_id(4), until });
        let next = ApiKeyState { replaces, ..key(5, sdk()) };
        self.key(key_id(5), ApiKeyEvent::Issued(next)).await;
        let replaced = ApiKeyEvent::Replaced { by: key_id(5), expires_at: until };
        self.key(key_id(4), replaced).await;
    }

    async fn membership(&mut self, user: UserId, events: &[MembershipEvent]) {
        let id = MembershipId::of(organization(), user);
        self.write::<Membership>(id.0, events).await;
    }

    async fn key(&mut self, id: ApiKeyId, event: ApiKeyEvent) {
        self.write::<ApiKey>(id.0, &[event]).await;
    }

    async fn keys(&self, filter: ApiKeyFilter) -> Vec<String> {
        let found = self.queries.api_keys(organization(), &filter, &Page::default()).await.unwrap();
        found.items.into_iter().map(|key| key.name).collect()
    }

    async fn a_key(&self, number: u8) -> ApiKeyRow {
        self.queries.api_key(key_id(number)).await.unwrap().unwrap()
    }
}

async fn projected() -> World {
    let mut world = World::new().await;
    world.found().await;
    world.let_in().await;
    let running = world.project();
    world.caught_up().await;
    running.stop().await;
    world
}

#[tokio::test]
async fn members_come_in_pages_and_who_was_let_out_is_not_among_them() {
    let mut world = projected().await;
    let list = async |world: &World| {
        let mut found = Vec::new();
        let mut next = Some(Page::new(Some(1), None).unwrap());
        while let Some(page) = next {
            let slice = world.queries.memberships(organization(), &page).await.unwrap();
            next = slice.next_cursor.map(|cursor| page.after(cursor));
            found.extend(slice.items.into_iter().map(|member| member.state.user));
        }
        found
    };
    assert_eq!(list(&world).await, [SOMEONE, ANN]);
    assert_eq!(world.queries.organizations_of(ANN).await.unwrap().len(), 1);
    assert!(world.queries.organizations_of(BOB).await.unwrap().is_empty());
    let of = |user| world.queries.membership(MembershipId::of(organization(), user));
    let ann = of(ANN).await.unwrap().unwrap();
    assert_eq!(ann.state.all_roles().collect::<Vec<_>>(), [&role("editor"), &role("viewer")]);
    assert!(of(BOB).await.unwrap().unwrap().archived);

    // Let in again, by a projector that has to read the state back.
    let granted = MembershipEvent::Granted { organization: organization(), user: BOB, role: None };
    world.membership(BOB, &[granted]).await;
    let running = world.project();
    world.caught_up().await;
    running.stop().await;
    assert_eq!(list(&world).await, [SOMEONE, ANN, BOB], "in the order they first came");
    let bob = world.queries.membership(MembershipId::of(organization(), BOB)).await;
    let bob = bob.unwrap().unwrap();
    assert!(!bob.archived && bob.state.roles.is_empty());
}

#[tokio::test]
async fn service_accounts_are_listed_by_key() {
    let mut world = projected().await;
    let list = async |world: &World, state| {
        let page = Page::new(Some(1), None).unwrap();
        let first = world.queries.service_accounts(organization(), state, &page).await.unwrap();
        let mut found = first.items;
        if let Some(cursor) = first.next_cursor {
            let page = page.after(cursor);
            let rest = world.queries.service_accounts(organization(), state, &page).await;
            found.extend(rest.unwrap().items);
        }
        found.into_iter().map(|found| found.state.key.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(list(&world, StateFilter::Live).await, ["deploy"]);
    assert_eq!(list(&world, StateFilter::Archived).await, ["old"]);
    assert_eq!(list(&world, StateFilter::All).await, ["deploy", "old"]);

    let events = [
        ServiceAccountEvent::Restored {},
        ServiceAccountEvent::Renamed { name: "Old one".to_owned() },
        ServiceAccountEvent::RoleTaken(role("editor").into()),
    ];
    world.write::<ServiceAccount>(account_id("old").0, &events).await;
    let running = world.project();
    world.caught_up().await;
    running.stop().await;
    assert_eq!(list(&world, StateFilter::Live).await, ["deploy", "old"]);
    let old = world.queries.service_account(account_id("old")).await.unwrap().unwrap();
    assert_eq!((old.version, old.state.name.as_str(), old.archived), (3, "Old one", false));
    assert!(old.state.roles.is_empty());
    assert!(world.queries.service_account(account_id("none")).await.unwrap().is_none());
}

#[tokio::test]
async fn keys_are_found_by_whose_they_are_and_what_for() {
    let world = projected().await;
    let none = ApiKeyFilter::default;
    let purpose = |kind: &str| ApiKeyFilter { purpose: Some(kind.to_owned()), ..none() };
    assert_eq!(world.keys(ApiKeyFilter { owner: Some(ANN), ..none() }).await, ["key 1"]);
    let deploy = Some(account_id("deploy"));
    assert_eq!(world.keys(ApiKeyFilter { account: deploy, ..none() }).await, ["key 3"]);
    assert_eq!(world.keys(purpose("personal_token")).await, ["key 2", "key 1"]);
    assert_eq!(world.keys(purpose("sdk_server")).await, ["key 5", "key 4"]);
    assert!(world.keys(purpose("api_token")).await.is_empty());
    let staging = Some(EnvironmentId::of(project(), &environment("staging")));
    let both = ApiKeyFilter { environment: staging, ..purpose("sdk_server") };
    assert_eq!(world.keys(both).await, ["key 5", "key 4"]);
    let neither = ApiKeyFilter { environment: staging, ..purpose("service_account") };
    assert!(world.keys(neither).await.is_empty());
}

#[tokio::test]
async fn a_key_and_the_one_in_its_place_name_each_other() {
    let world = projected().await;
    let (old, new) = (world.a_key(4).await, world.a_key(5).await);
    assert_eq!((old.replaced_by, old.replaces), (Some(key_id(5)), None));
    assert_eq!((new.replaced_by, new.replaces), (None, Some(key_id(4))));
    assert_eq!(old.expires_at.unwrap().to_string(), "2026-12-01T00:00:00Z");
    assert!(new.expires_at.is_none() && !old.revoked);
}
