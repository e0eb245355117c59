//! Members, the roles of an organization's own and service accounts: who may give what, and that somebody always owns
//! the organization.

use ff_auth::{
    BuiltInRole, CasbinAuthorizer, Gift, Member, OrganizationPolicy, Permission, Place, Principal,
    RoleName, Scope,
};
use ff_commands::{Actor, ActorKind, CommandError, CommandMeta, Done, Executable, Target};
use ff_domain::{
    Membership, MembershipCommand, MembershipError, MembershipId, Organization,
    OrganizationCommand, OrganizationError, RoleAssignment, RoleDefinition, RoleKey,
    ServiceAccount, ServiceAccountCommand, ServiceAccountError, ServiceAccountId,
    ServiceAccountState, UserId,
};
use ff_eventlog::{EventLog, MemoryLog};
use uuid::Uuid;

use crate::fixture::{OWNER, World, authorizer, meta, on_both_logs};

on_both_logs! {
    the_last_owner_stays
    two_owners_who_put_each_other_out
    owners_are_counted_however_they_become_one
}

const ANN: UserId = UserId(Uuid::from_u128(8));
/// How often a race is run: often enough that every order is met.
const ROUNDS: usize = 12;

fn role(text: &str) -> RoleAssignment {
    let mut parts = text.split('/');
    RoleAssignment {
        role: parts.next().unwrap().parse().unwrap(),
        project: parts.next().map(|key| key.parse().unwrap()),
        environment: parts.next().map(|key| key.parse().unwrap()),
    }
}

fn roles<const N: usize>(all: [&str; N]) -> std::collections::BTreeSet<RoleAssignment> {
    all.map(role).into()
}

fn releaser() -> RoleKey {
    "releaser".parse().unwrap()
}

fn holding(permissions: &[&str]) -> RoleDefinition {
    RoleDefinition {
        name: "R".to_owned(),
        description: String::new(),
        permissions: permissions.iter().map(|name| (*name).to_owned()).collect(),
    }
}

fn scope(world: &World<MemoryLog>) -> Scope {
    Scope::organization(world.org.0)
}

fn pointers(problems: Vec<ff_domain::Problem>) -> Vec<String> {
    problems.into_iter().map(|problem| problem.pointer).collect()
}

impl<L: EventLog> World<L> {
    async fn member(
        &self,
        user: UserId,
        command: MembershipCommand,
    ) -> Result<Done<Membership>, CommandError<Membership>> {
        self.run::<Membership>(MembershipId::of(self.org, user), command).await
    }

    async fn grant<const N: usize>(&self, user: UserId, all: [&str; N]) {
        let roles = roles(all);
        let command = MembershipCommand::Grant { organization: self.org, user, roles };
        self.member(user, command).await.unwrap();
    }

    async fn owners(&self) -> Vec<UserId> {
        let (Organization::Live(found), _) = self.load::<Organization>(self.org).await else {
            panic!("it was founded")
        };
        for user in [OWNER, ANN] {
            let (member, _) = self.load::<Membership>(MembershipId::of(self.org, user)).await;
            assert_eq!(member.is_owner(), found.owners.contains(&user), "both say the same");
        }
        found.owners.into_iter().collect()
    }
}

fn is_last_owner(answer: &Result<Done<Membership>, CommandError<Membership>>) -> bool {
    let refused =
        matches!(answer, Err(CommandError::OrganizationRejected(OrganizationError::LastOwner)));
    if let Err(error) = answer {
        assert_eq!(error.code() == "FF-1103", refused, "{error:?}");
    }
    refused
}

async fn the_last_owner_stays<L: EventLog>(world: World<L>) {
    let owner = || MembershipCommand::TakeRole(role("owner"));
    for command in [owner(), MembershipCommand::Revoke, MembershipCommand::Leave] {
        let answer = world.member(OWNER, command).await;
        assert!(is_last_owner(&answer), "{answer:?}");
    }
    // An admin is no owner, and neither is who owns a project only.
    world.grant(ANN, ["admin", "owner/shop"]).await;
    assert!(is_last_owner(&world.member(OWNER, MembershipCommand::Leave).await));
    assert_eq!(world.owners().await, [OWNER]);

    world.member(ANN, MembershipCommand::GiveRole(role("owner"))).await.unwrap();
    assert_eq!(world.owners().await, [OWNER, ANN]);
    world.member(OWNER, MembershipCommand::Leave).await.unwrap();
    assert_eq!(world.owners().await, [ANN]);
    assert!(is_last_owner(&world.member(ANN, owner()).await));
    world.grant(OWNER, ["owner"]).await;
    world.member(ANN, owner()).await.unwrap();
    assert_eq!(world.owners().await, [OWNER]);
}

/// Each through an executor of its own, as in two processes.
async fn two_owners_who_put_each_other_out<L: EventLog>(world: World<L>) {
    let other = world.elsewhere();
    world.grant(ANN, ["owner"]).await;
    for round in 0..ROUNDS {
        let leave = || match round % 3 {
            0 => MembershipCommand::Revoke,
            1 => MembershipCommand::Leave,
            _ => MembershipCommand::TakeRole(role("owner")),
        };
        let (one, two) = tokio::join!(world.member(ANN, leave()), other.member(OWNER, leave()));
        let (gone, stays) = if one.is_ok() { (ANN, &two) } else { (OWNER, &one) };
        assert!(is_last_owner(stays), "one of two: {one:?} {two:?}");
        let left = world.owners().await;
        assert_eq!(left.len(), 1);
        assert_ne!(left, [gone]);
        match round % 3 {
            2 => world
                .member(gone, MembershipCommand::GiveRole(role("owner")))
                .await
                .map(drop)
                .unwrap(),
            _ => world.grant(gone, ["owner"]).await,
        }
    }
}

async fn owners_are_counted_however_they_become_one<L: EventLog>(world: World<L>) {
    world.grant(ANN, []).await;
    let says = |all: &[&str]| MembershipCommand::ReplaceProviderRoles {
        connection: Uuid::from_u128(5),
        roles: all.iter().map(|text| role(text)).collect(),
    };
    world.member(ANN, says(&["owner"])).await.unwrap();
    assert_eq!(world.owners().await, [OWNER, ANN]);
    // Given by a person as well, and taken by one of the two: still an owner.
    world.member(ANN, MembershipCommand::GiveRole(role("owner"))).await.unwrap();
    world.member(ANN, MembershipCommand::TakeRole(role("owner"))).await.unwrap();
    world.member(OWNER, MembershipCommand::Leave).await.unwrap();
    assert_eq!(world.owners().await, [ANN]);
    assert!(is_last_owner(&world.member(ANN, says(&["admin"])).await));
    assert_eq!(world.owners().await, [ANN]);
}

#[tokio::test]
async fn what_does_not_exist_is_not_given() {
    let world = World::in_memory().await;
    let dev = world.environment("dev");
    world.run::<ff_domain::Environment>(dev, ff_domain::EnvironmentCommand::Archive).await.unwrap();
    let all = ["chef", "editor/shop/dev", "owner", "viewer/nowhere", "viewer/shop/none"];
    let grant = MembershipCommand::Grant { organization: world.org, user: ANN, roles: roles(all) };
    let error = world.member(ANN, grant).await.unwrap_err();
    let CommandError::Rejected(MembershipError::Invalid(problems)) = error else {
        panic!("{error:?}")
    };
    let wrong =
        ["/roles/0/role", "/roles/1/environment", "/roles/3/project", "/roles/4/environment"];
    assert_eq!(pointers(problems), wrong);

    let new = ServiceAccountState {
        organization: world.org,
        key: "deploy".parse().unwrap(),
        name: "Deploy".to_owned(),
        description: String::new(),
        roles: roles(["chef", "viewer/nowhere"]),
    };
    let id = new.id();
    let error = world
        .run::<ServiceAccount>(id, ServiceAccountCommand::Create(new.clone()))
        .await
        .unwrap_err();
    let CommandError::Rejected(ServiceAccountError::Invalid(problems)) = error else {
        panic!("{error:?}")
    };
    assert_eq!(pointers(problems), ["/roles/0/role", "/roles/1/project"]);

    // What exists now can be given now.
    let define =
        OrganizationCommand::CreateRole { key: "chef".parse().unwrap(), role: holding(&[]) };
    world.run::<Organization>(world.org, define).await.unwrap();
    world.grant(ANN, ["chef"]).await;
    let create =
        ServiceAccountCommand::Create(ServiceAccountState { roles: roles(["chef/shop"]), ..new });
    world.run::<ServiceAccount>(id, create).await.unwrap();
    let error =
        world.member(ANN, MembershipCommand::GiveRole(role("viewer/shop/dev"))).await.unwrap_err();
    assert!(matches!(error, CommandError::Rejected(MembershipError::Invalid(_))), "{error:?}");
    let unknown = holding(&["flag.toggle", "flag.explode"]);
    let define = OrganizationCommand::ReplaceRole { key: "chef".parse().unwrap(), role: unknown };
    let error = world.run::<Organization>(world.org, define).await.unwrap_err();
    let CommandError::Rejected(OrganizationError::Invalid(problems)) = error else {
        panic!("{error:?}")
    };
    assert_eq!(pointers(problems), ["/permissions/0"]);
}

/// An owner, an admin of the project `shop`, and a policy that knows them.
fn policy(world: &World<MemoryLog>) -> CasbinAuthorizer {
    let project = Place::Project { project: world.project.0 };
    authorizer(
        OrganizationPolicy::new(world.org.0)
            .with_role(ff_auth::RoleKey::parse("releaser").unwrap(), [Permission::FlagToggle])
            .with(Member::User(OWNER.0), BuiltInRole::Owner, Place::Organization)
            .with(Member::User(ANN.0), BuiltInRole::Admin, project),
    )
}

fn by(user: UserId) -> CommandMeta {
    CommandMeta { actor: Actor { kind: ActorKind::User, id: user.0 }, ..meta() }
}

/// What the owner answers for with a grant that names these gifts, and no others.
async fn spend<A: Executable>(
    world: &World<MemoryLog>,
    id: A::Id,
    command: A::Command,
    gifts: Vec<Gift>,
) -> Result<u64, CommandError<A>> {
    let permission = A::permission(&command).unwrap();
    let grant = policy(world)
        .authorize_giving(&Principal::user(OWNER.0), permission, &scope(world), gifts)
        .unwrap();
    let target = Target::<A>::new(world.org, id);
    let done = world.executor.execute(&grant, target, command, by(OWNER), None).await;
    done.map(|done| done.version)
}

/// A command is refused without the gifts that it asks for, whatever else is given, and done with them.
async fn needs<A>(world: &World<MemoryLog>, id: A::Id, command: A::Command)
where
    A: Executable<Command: std::fmt::Debug>,
{
    let target = Target::<A>::new(world.org, id);
    let demand = world.executor.demand(target, &command).await.unwrap();
    assert_eq!(Some(demand.permission), A::permission(&command));
    assert!(!demand.gifts.is_empty(), "{command:?}");
    let viewer = RoleName::BuiltIn(BuiltInRole::Viewer);
    let other = Gift::Role { role: viewer, scope: scope(world).in_project(world.project.0) };
    let mut fewer = demand.gifts.clone();
    fewer.pop();
    for gifts in [vec![], vec![other], fewer] {
        let answer = spend::<A>(world, id, command.clone(), gifts).await;
        let Err(error @ CommandError::GivesOther) = answer else {
            panic!("{command:?}: {answer:?}")
        };
        assert_eq!(error.code(), "FF-2011");
    }
    spend::<A>(world, id, command.clone(), demand.gifts)
        .await
        .unwrap_or_else(|error| panic!("{command:?}: {error:?}"));
}

#[tokio::test]
async fn rights_change_hands_only_by_a_grant_that_names_them() {
    let world = World::in_memory().await;
    let organization = world.org;
    let create = |key: &str, all: &[&str]| OrganizationCommand::CreateRole {
        key: key.parse().unwrap(),
        role: holding(all),
    };
    needs::<Organization>(&world, organization, create("releaser", &["flag.toggle"])).await;
    let replace =
        OrganizationCommand::ReplaceRole { key: releaser(), role: holding(&["experiment.start"]) };
    needs::<Organization>(&world, organization, replace).await;

    let ann = MembershipId::of(organization, ANN);
    let grant = MembershipCommand::Grant {
        organization,
        user: ANN,
        roles: roles(["editor/shop", "owner"]),
    };
    needs::<Membership>(&world, ann, grant).await;
    for command in [
        MembershipCommand::GiveRole(role("releaser/shop")),
        MembershipCommand::TakeRole(role("owner")),
        MembershipCommand::ReplaceProviderRoles {
            connection: Uuid::from_u128(1),
            roles: roles(["admin"]),
        },
        MembershipCommand::ReplaceProviderRoles {
            connection: Uuid::from_u128(1),
            roles: roles(["viewer"]),
        },
        MembershipCommand::Revoke,
    ] {
        needs::<Membership>(&world, ann, command).await;
    }
    let remove = OrganizationCommand::RemoveRole { key: releaser() };
    needs::<Organization>(&world, organization, remove).await;

    let new = ServiceAccountState {
        organization,
        key: "deploy".parse().unwrap(),
        name: "Deploy".to_owned(),
        description: String::new(),
        roles: roles(["admin", "editor/shop/dev"]),
    };
    let account = ServiceAccountId::of(organization, &new.key);
    for command in [
        ServiceAccountCommand::Create(new),
        ServiceAccountCommand::GiveRole(role("viewer")),
        ServiceAccountCommand::TakeRole(role("editor/shop/dev")),
        ServiceAccountCommand::Archive,
        ServiceAccountCommand::Restore,
    ] {
        needs::<ServiceAccount>(&world, account, command).await;
    }
}

#[tokio::test]
async fn what_a_grant_does_not_name_any_more_is_not_given() {
    let world = World::in_memory().await;
    let organization = world.org;
    let create =
        OrganizationCommand::CreateRole { key: releaser(), role: holding(&["flag.toggle"]) };
    world.run::<Organization>(organization, create).await.unwrap();
    let replace =
        || OrganizationCommand::ReplaceRole { key: releaser(), role: holding(&["flag.read"]) };
    let target = Target::<Organization>::new(organization, organization);
    let asked = world.executor.demand(target, &replace()).await.unwrap();
    // Meanwhile the role has become one that holds more, which its holders would lose by the command.
    let more = OrganizationCommand::ReplaceRole {
        key: releaser(),
        role: holding(&["flag.toggle", "organization.archive"]),
    };
    world.elsewhere().run::<Organization>(organization, more).await.unwrap();
    let late = spend::<Organization>(&world, organization, replace(), asked.gifts).await;
    assert!(matches!(late, Err(CommandError::GivesOther)), "{late:?}");
    let asked = world.executor.demand(target, &replace()).await.unwrap();
    spend::<Organization>(&world, organization, replace(), asked.gifts).await.unwrap();
}

#[tokio::test]
async fn only_oneself_leaves() {
    let world = World::in_memory().await;
    world.grant(ANN, ["admin/shop"]).await;
    let id = MembershipId::of(world.org, ANN);
    let target = Target::<Membership>::new(world.org, id);
    let asked = world.executor.demand(target, &MembershipCommand::Leave).await.unwrap();
    let oneself = Gift::Oneself { member: Member::User(ANN.0) };
    assert_eq!((asked.permission, &asked.gifts), (Permission::MembershipLeave, &vec![oneself]));
    let leave = |user: UserId| {
        let asked = asked.clone();
        let principal = Principal::user(user.0);
        policy(&world).authorize_giving(&principal, asked.permission, &scope(&world), asked.gifts)
    };
    assert!(leave(OWNER).is_err(), "an owner takes all from her, and does not leave for her");
    let grant = leave(ANN).unwrap();
    let done =
        world.executor.execute(&grant, target, MembershipCommand::Leave, by(ANN), None).await;
    assert!(matches!(done.unwrap().aggregate, Membership::Revoked(_)));
    let again = world.member(ANN, MembershipCommand::Leave).await;
    assert!(matches!(again, Err(CommandError::Rejected(MembershipError::NotFound))), "{again:?}");
}

#[tokio::test]
async fn who_owns_it_is_for_memberships_to_say() {
    let world = World::in_memory().await;
    for command in [
        OrganizationCommand::AddOwner { user: ANN },
        OrganizationCommand::RemoveOwner { user: OWNER },
    ] {
        let answer = world.run::<Organization>(world.org, command).await;
        assert!(matches!(answer, Err(CommandError::NotGranted)), "{answer:?}");
    }
}
