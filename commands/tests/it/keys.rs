//! Keys: one takes the place of another, people take their own back, and service accounts have theirs.

use ff_auth::{
    BuiltInRole, Gift, Member, OrganizationPolicy, Permission, Place, Principal, Scope,
    TokenRole as Limit,
};
use ff_commands::{Actor, ActorKind, CommandError, CommandMeta, Done, Target};
use ff_domain::{
    ApiKey, ApiKeyCommand, ApiKeyError, ApiKeyId, ApiKeyState, ServiceAccount,
    ServiceAccountCommand, ServiceAccountId, ServiceAccountState, UserId,
    api_key::{EnvironmentScope, KeyPurpose, Replaces, TokenRole, TokenScope},
};
use ff_eventlog::EventLog;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::fixture::{OWNER, World, authorizer, meta, meta_of, on_both_logs, permit};

on_both_logs! {
    one_takes_the_place_of_another_in_one_batch
    a_repeated_rotation_gets_its_first_answer
    two_who_rotate_one_key
    what_is_over_is_not_replaced
}

const ANN: UserId = UserId(Uuid::from_u128(8));

fn sdk() -> KeyPurpose {
    let (project, environment) = ("shop".parse().unwrap(), "dev".parse().unwrap());
    KeyPurpose::SdkServer(EnvironmentScope { project, environment })
}

fn personal(owner: UserId) -> KeyPurpose {
    KeyPurpose::PersonalToken { owner, scopes: vec![TokenScope::everywhere(TokenRole::Viewer)] }
}

fn now() -> Timestamp {
    meta().at
}

fn end() -> Timestamp {
    now() + SignedDuration::from_hours(24)
}

impl<L: EventLog> World<L> {
    fn key_id(&self, number: u8) -> ApiKeyId {
        ApiKeyId::of(self.org, &[number; 32])
    }

    fn key(&self, number: u8, purpose: KeyPurpose) -> ApiKeyState {
        ApiKeyState {
            organization: self.org,
            name: "backend".to_owned(),
            purpose,
            hash: hex::encode([number; 32]),
            prefix: "ff_srv_".to_owned(),
            expires_at: None,
            replaces: None,
            replaced_by: None,
        }
    }

    /// A key in the place of another.
    fn instead(&self, number: u8, old: u8, purpose: KeyPurpose) -> ApiKeyCommand {
        let replaces = Some(Replaces { key: self.key_id(old), until: end() });
        ApiKeyCommand::Issue(ApiKeyState { replaces, ..self.key(number, purpose) })
    }

    async fn issue(&self, number: u8, purpose: KeyPurpose) {
        let command = ApiKeyCommand::Issue(self.key(number, purpose));
        self.run::<ApiKey>(self.key_id(number), command).await.unwrap();
    }

    async fn live(&self, number: u8) -> ApiKeyState {
        match self.load::<ApiKey>(self.key_id(number)).await.0 {
            ApiKey::Live(state) => state,
            other => panic!("{other:?}"),
        }
    }

    async fn rotate(
        &self,
        number: u8,
        old: u8,
        meta: CommandMeta,
    ) -> Result<Done<ApiKey>, CommandError<ApiKey>> {
        self.run_as(self.key_id(number), self.instead(number, old, sdk()), meta).await
    }
}

async fn one_takes_the_place_of_another_in_one_batch<L: EventLog>(world: World<L>) {
    world.issue(1, sdk()).await;
    let before = world.log.head().await.unwrap();
    let meta = meta();
    let done = world.rotate(2, 1, meta.clone()).await.unwrap();
    let old = world.live(1).await;
    assert_eq!((old.expires_at, old.replaced_by), (Some(end()), Some(world.key_id(2))));
    let new = world.live(2).await;
    assert_eq!(new.replaces.map(|old| (old.key, old.until)), Some((world.key_id(1), end())));
    assert_eq!(new.expires_at, None);
    // The old one's commit is the first of the batch, the new one's the last: the answer names it.
    let of_old = world.history::<ApiKey>(world.key_id(1)).await;
    let last = of_old.last().unwrap();
    assert_eq!(last.commit.command_id, meta.command_id);
    assert_eq!(last.commit.events[0].kind, "api_key.replaced");
    assert_eq!(last.position.sequence(), before.sequence() + 1);
    assert_eq!(done.position.sequence(), before.sequence() + 2);
    assert_eq!(world.log.head().await.unwrap(), done.position);
}

async fn a_repeated_rotation_gets_its_first_answer<L: EventLog>(world: World<L>) {
    world.issue(1, sdk()).await;
    let meta = meta_of(Uuid::new_v4(), "request");
    let first = world.rotate(2, 1, meta.clone()).await.unwrap();
    let head = world.log.head().await.unwrap();
    let again = world.elsewhere().rotate(2, 1, meta.clone()).await.unwrap();
    assert!(again.repeated && !first.repeated);
    assert_eq!((again.version, again.position), (first.version, first.position));
    assert_eq!(world.log.head().await.unwrap(), head);
    // Also when the old one is no more, and when the same comes as another command.
    world.run::<ApiKey>(world.key_id(1), ApiKeyCommand::Revoke).await.unwrap();
    assert!(world.rotate(2, 1, meta).await.unwrap().repeated);
    let other = world.rotate(2, 1, crate::fixture::meta()).await;
    assert!(matches!(other, Err(CommandError::Rejected(ApiKeyError::AlreadyIssued))), "{other:?}");
}

async fn two_who_rotate_one_key<L: EventLog>(world: World<L>) {
    let other = world.elsewhere();
    world.issue(1, sdk()).await;
    let (one, two) = tokio::join!(world.rotate(2, 1, meta()), other.rotate(3, 1, meta()));
    // One of them has a new one, and the other is told.
    let (won, refused): (Vec<_>, Vec<_>) = [one, two].into_iter().partition(Result::is_ok);
    assert_eq!(won.len(), 1);
    let refused = refused.into_iter().next().unwrap().unwrap_err();
    assert!(matches!(refused, CommandError::ApiKeyRejected(ApiKeyError::Rotated)), "{refused:?}");
    assert_eq!(world.live(1).await.expires_at, Some(end()));
    assert_eq!(world.history::<ApiKey>(world.key_id(1)).await.len(), 2);
}

async fn what_is_over_is_not_replaced<L: EventLog>(world: World<L>) {
    let over = |answer: Result<Done<ApiKey>, CommandError<ApiKey>>| {
        let error = answer.unwrap_err();
        assert!(matches!(error, CommandError::ApiKeyRejected(ApiKeyError::Over)), "{error:?}");
        assert_eq!(error.code(), "FF-1133");
    };
    world.issue(1, sdk()).await;
    world.run::<ApiKey>(world.key_id(1), ApiKeyCommand::Revoke).await.unwrap();
    over(world.rotate(2, 1, meta()).await);
    let soon = now() + SignedDuration::from_secs(1);
    let brief = ApiKeyState { expires_at: Some(soon), ..world.key(3, sdk()) };
    world.run::<ApiKey>(world.key_id(3), ApiKeyCommand::Issue(brief)).await.unwrap();
    over(world.rotate(4, 3, CommandMeta { at: soon, ..meta() }).await);
    // One that never was, and one that is for something else.
    for (new, old, purpose) in [(5, 9, sdk()), (6, 7, personal(ANN))] {
        if old == 7 {
            world.issue(7, sdk()).await;
        }
        let command = world.instead(new, old, purpose);
        let error = world.run::<ApiKey>(world.key_id(new), command).await.unwrap_err();
        assert!(matches!(error, CommandError::ApiKeyRejected(ApiKeyError::NotFound)), "{error:?}");
    }
    for number in [2, 4, 5, 6] {
        let (found, _) = world.load::<ApiKey>(world.key_id(number)).await;
        assert_eq!(found, ApiKey::Absent, "nothing is half done");
    }
}

#[tokio::test]
async fn that_another_took_its_place_is_not_for_callers_to_say() {
    let world = World::in_memory().await;
    world.issue(1, sdk()).await;
    let by = world.key_id(2);
    let command = ApiKeyCommand::Replace { by, purpose: sdk(), until: end() };
    for &permission in Permission::ALL {
        let grant = permit(permission, Scope::organization(world.org.0));
        let target = Target::<ApiKey>::new(world.org, world.key_id(1));
        let answer = world.executor.execute(&grant, target, command.clone(), meta(), None).await;
        assert!(matches!(answer, Err(CommandError::NotGranted)), "{permission}");
    }
}

#[tokio::test]
async fn people_take_back_their_own_tokens() {
    let world = World::in_memory().await;
    world.issue(1, personal(ANN)).await;
    world.issue(2, personal(OWNER)).await;
    let people = authorizer(
        OrganizationPolicy::new(world.org.0)
            .with(Member::User(OWNER.0), BuiltInRole::Owner, Place::Organization)
            .with(Member::User(ANN.0), BuiltInRole::Viewer, Place::Organization),
    );
    let scope = Scope::organization(world.org.0);
    let revoke = async |principal: Principal, key: u8, of: UserId| {
        let target = Target::<ApiKey>::new(world.org, world.key_id(key));
        let command = ApiKeyCommand::RevokeOwn(of);
        let asked = world.executor.demand(target, &command).await.unwrap();
        let grant =
            people.authorize_giving(&principal, asked.permission, &scope, asked.gifts).ok()?;
        let actor = Actor {
            kind: if principal.owner.is_some() { ActorKind::ApiKey } else { ActorKind::User },
            id: principal.kind.id().unwrap(),
        };
        let meta = CommandMeta { actor, ..meta() };
        Some(world.executor.execute(&grant, target, command, meta, None).await)
    };
    let token = Principal::api_token(Uuid::from_u128(77), world.org.0, Limit::Admin)
        .owned_by(Member::User(ANN.0));
    assert!(revoke(token, 1, ANN).await.is_none(), "by hand, not with a token");
    assert!(revoke(Principal::user(OWNER.0), 1, ANN).await.is_none(), "in nobody else's name");
    let other = revoke(Principal::user(ANN.0), 2, ANN).await.unwrap();
    assert!(matches!(other, Err(CommandError::Rejected(ApiKeyError::NotFound))), "{other:?}");
    let own = revoke(Principal::user(ANN.0), 1, ANN).await.unwrap().unwrap();
    assert!(matches!(own.aggregate, ApiKey::Revoked(_)));
}

#[tokio::test]
async fn a_key_gives_what_its_holder_gets() {
    let world = World::in_memory().await;
    let deploy: ff_domain::ServiceAccountKey = "deploy".parse().unwrap();
    let account = ServiceAccountId::of(world.org, &deploy);
    let of_account = || KeyPurpose::ServiceAccount { account: deploy.clone() };
    let missing = world
        .run::<ApiKey>(world.key_id(1), ApiKeyCommand::Issue(world.key(1, of_account())))
        .await
        .unwrap_err();
    let CommandError::Rejected(ApiKeyError::Invalid(problems)) = missing else {
        panic!("{missing:?}")
    };
    assert_eq!(problems[0].pointer, "/purpose/account");
    let new = ServiceAccountState {
        organization: world.org,
        key: deploy.clone(),
        name: "Deploy".to_owned(),
        description: String::new(),
        roles: Default::default(),
    };
    world.run::<ServiceAccount>(account, ServiceAccountCommand::Create(new)).await.unwrap();

    let admin = TokenScope::everywhere(TokenRole::Admin);
    let role =
        Gift::Role { role: BuiltInRole::Admin.into(), scope: Scope::organization(world.org.0) };
    let KeyPurpose::SdkServer(of_sdk) = sdk() else { unreachable!("it is one") };
    let (project, environment) = sdk().place(world.org);
    let place = Scope {
        org: world.org.0,
        project: project.map(|id| id.0),
        environment: environment.map(|id| id.0),
    };
    let rules = Gift::Permissions {
        permissions: vec![Permission::FlagRead, Permission::SegmentRead],
        scope: place,
    };
    for (purpose, gifts) in [
        (sdk(), vec![rules]),
        (KeyPurpose::SdkClient(of_sdk.clone()), vec![]),
        (KeyPurpose::ApiToken(admin), vec![role]),
        (personal(ANN), vec![Gift::Oneself { member: Member::User(ANN.0) }]),
        (of_account(), vec![Gift::Standing { member: Member::ServiceAccount(account.0) }]),
    ] {
        for command in
            [ApiKeyCommand::Issue(world.key(21, purpose.clone())), world.instead(21, 20, purpose)]
        {
            let target = Target::<ApiKey>::new(world.org, world.key_id(21));
            let asked = world.executor.demand(target, &command).await.unwrap();
            assert_eq!(asked.gifts, gifts, "{command:?}");
        }
    }
    world.run::<ServiceAccount>(account, ServiceAccountCommand::Archive).await.unwrap();
    let archived = world
        .run::<ApiKey>(world.key_id(1), ApiKeyCommand::Issue(world.key(1, of_account())))
        .await;
    assert!(matches!(archived, Err(CommandError::Rejected(ApiKeyError::Invalid(_)))));
}
