//! Nobody gives more than they have: the cases that matter, by name. The rule itself is in `property`.

use ff_auth::{
    BuiltInRole, CasbinAuthorizer, Member, Permission, Place, Principal, Scope, TokenRole,
};

use crate::world::{
    IN_PROJECT, IN_STAGING, ORG, OTHER_ORG, OTHER_PROJECT, STAGING, a_role, authorizer, company,
    key, letter, org, permissions, policy, principal, production, project, service, staging, token,
    user,
};

fn may(granter: &Principal, name: &str, scope: &Scope) -> bool {
    authorizer(&company()).has(granter, ORG, &a_role(name, *scope))
}

#[test]
fn owners_are_made_by_owners() {
    assert!(may(&principal(user(1)), "owner", &org()));
    for other in [user(2), user(3), user(4), user(5)] {
        assert!(!may(&principal(other), "owner", &org()), "{other:?}");
        assert!(!may(&principal(other), "owner", &project()), "{other:?}");
    }
    // Whoever owns a project makes owners of it, and of nothing around it.
    let authorizer = authorizer(&company().with(user(6), BuiltInRole::Owner, IN_PROJECT));
    let granter = principal(user(6));
    assert!(authorizer.has(&granter, ORG, &a_role("owner", staging())));
    assert!(!authorizer.has(&granter, ORG, &a_role("owner", org())));
}

#[test]
fn a_role_is_given_only_where_all_of_it_is_held() {
    let table = [
        (user(2), "admin", org(), true),
        (user(2), "everything", org(), false),
        (user(5), "everything", org(), true),
        (user(4), "admin", project(), true),
        (user(4), "viewer", org(), false),
        (user(4), "viewer", org().in_project(OTHER_PROJECT), false),
        (user(3), "editor", staging(), true),
        (user(3), "editor", production(), false),
        (user(3), "editor", project(), false),
        (user(3), "viewer", project(), true),
        (user(3), "toggler", staging(), true),
        (user(3), "toggler", project(), false),
        (user(1), "no-such-role", org(), false),
        (user(1), "viewer", Scope::organization(OTHER_ORG), false),
        (user(9), "viewer", org(), false),
        (service(1), "editor", project(), true),
        (service(1), "admin", project(), false),
    ];
    for (granter, name, scope, expected) in table {
        assert_eq!(
            may(&principal(granter), name, &scope),
            expected,
            "{granter:?} {name} {scope:?}"
        );
    }
}

#[test]
fn the_door_to_a_project_is_not_a_right_in_it() {
    // An editor of staging may see the project, but not let others see all that is in it.
    let policy = company().with(user(6), BuiltInRole::Editor, IN_STAGING);
    let (authorizer, granter) = (authorizer(&policy), principal(user(6)));
    assert_eq!(letter(&authorizer, &granter, Permission::ProjectRead, &project()), 'y');
    assert!(!authorizer.has(&granter, ORG, &permissions(&[Permission::ProjectRead], project())));
    assert!(authorizer.has(&granter, ORG, &permissions(&[Permission::ProjectRead], staging())));
}

#[test]
fn a_role_is_changed_only_by_those_who_have_what_it_is_given() {
    let authorizer = authorizer(&company());
    let give = |giver: &Principal, these: &[Permission]| {
        authorizer.has(giver, ORG, &permissions(these, org()))
    };
    let both = [Permission::FlagToggle, Permission::OrganizationArchive];
    assert!(give(&principal(user(1)), &both));
    assert!(!give(&principal(user(2)), &both));
    assert!(give(&principal(user(2)), &both[..1]));
    assert!(!give(&principal(user(3)), &both[..1]));
    assert!(give(&token(TokenRole::Editor), &both[..1]));
    assert!(!give(&token(TokenRole::Admin), &both));
    assert!(!give(&token(TokenRole::Admin).owned_by(user(3)), &both[..1]));
    assert!(give(&Principal::system(), &both));
}

#[test]
fn a_token_gives_no_more_than_it_and_its_owner_have() {
    let admin = token(TokenRole::Admin);
    assert!(may(&admin, "admin", &org()));
    assert!(!may(&admin, "owner", &org()));
    assert!(!may(&admin.clone().owned_by(user(1)), "owner", &org()));
    assert!(may(&admin.clone().owned_by(user(2)), "admin", &org()));
    assert!(!may(&admin.clone().owned_by(user(4)), "admin", &org()));
    assert!(may(&admin.clone().owned_by(user(4)), "admin", &project()));
    assert!(!may(&admin.clone().owned_by(user(9)), "viewer", &org()));
    assert!(!may(&token(TokenRole::Viewer).owned_by(user(1)), "editor", &org()));
    assert!(!may(&admin, "viewer", &Scope::organization(OTHER_ORG)));
    assert!(may(&Principal::system(), "owner", &org()));
}

#[test]
fn a_token_is_issued_only_by_those_who_have_its_role() {
    let authorizer = authorizer(&company());
    let issue = |member: Member, role: &str, scope: Scope| {
        authorizer.has(&principal(member), ORG, &a_role(role, scope))
    };
    let adrift = org().in_environment(STAGING);
    assert!(issue(user(1), "admin", org()) && issue(user(2), "admin", org()));
    assert!(!issue(user(4), "admin", org()) && issue(user(4), "admin", project()));
    assert!(!issue(user(3), "admin", project()));
    // An environment of any project: only those who have it in all of them.
    assert!(issue(user(2), "viewer", adrift) && !issue(user(3), "viewer", adrift));
}

#[test]
fn what_an_owner_loses_their_token_loses() {
    let before = company();
    let mut after = before.clone();
    after.assignments.retain(|held| held.member != user(2));
    let held_by_two = token(TokenRole::Admin).owned_by(user(2));
    let ask = |authorizer: &CasbinAuthorizer| {
        letter(authorizer, &held_by_two, Permission::FlagToggle, &project())
    };
    assert_eq!(ask(&authorizer(&before)), 'y');
    assert_eq!(ask(&authorizer(&after)), '-');
    let demoted = after.with(user(2), BuiltInRole::Viewer, Place::Organization);
    assert_eq!(ask(&authorizer(&demoted)), 'f');
}

#[test]
fn one_edits_in_staging_and_reads_in_production() {
    let authorizer = authorizer(&company());
    let ask =
        |permission, scope: Scope| letter(&authorizer, &principal(user(3)), permission, &scope);
    assert_eq!(ask(Permission::FlagToggle, staging()), 'y');
    assert_eq!(ask(Permission::FlagToggle, production()), 'f');
    assert_eq!(ask(Permission::FlagRead, production()), 'y');
    assert_eq!(ask(Permission::FlagRead, org().in_project(OTHER_PROJECT)), '-');
}

#[test]
fn a_role_that_is_gone_gives_nothing() {
    let gone = policy().with(user(1), key("gone"), Place::Organization);
    let authorizer = authorizer(&gone);
    for &permission in Permission::ALL.iter().filter(|p| **p != Permission::OrganizationCreate) {
        assert_eq!(letter(&authorizer, &principal(user(1)), permission, &org()), '-');
    }
}

#[test]
fn one_id_as_user_and_as_service_account_are_two() {
    let policy = policy().with(service(1), BuiltInRole::Admin, Place::Organization);
    let Member::ServiceAccount(id) = service(1) else { unreachable!("it is one") };
    let authorizer = authorizer(&policy);
    assert_eq!(letter(&authorizer, &principal(service(1)), Permission::FlagRead, &org()), 'y');
    assert_eq!(letter(&authorizer, &Principal::user(id), Permission::FlagRead, &org()), '-');
}

#[test]
fn an_environment_of_no_project_is_only_theirs_who_have_the_whole_organization() {
    let elsewhere = Place::Project { project: OTHER_PROJECT };
    let policy = company()
        .with(user(6), BuiltInRole::Owner, IN_PROJECT)
        .with(user(6), BuiltInRole::Owner, IN_STAGING)
        .with(user(6), BuiltInRole::Owner, elsewhere);
    let (authorizer, adrift) = (authorizer(&policy), org().in_environment(STAGING));
    for permission in [Permission::OrganizationRead, Permission::EnvironmentRead] {
        assert_eq!(letter(&authorizer, &principal(user(6)), permission, &adrift), '-');
        assert_eq!(letter(&authorizer, &principal(user(2)), permission, &adrift), 'y');
    }
}
