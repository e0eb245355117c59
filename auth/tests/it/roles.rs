//! The table of roles in `roles.txt` against what is answered: every role, every permission, every scope.

use std::collections::BTreeSet;

use ff_auth::{
    BuiltInRole, CasbinAuthorizer, Enforcer, Member, OrganizationPolicy, Permission, Place,
    Principal, RoleName, Scope, TokenRole, TokenScope,
};
use uuid::Uuid;

use crate::world::{
    IN_PROJECT, IN_STAGING, ORG, OTHER_ORG, OTHER_PROJECT, authorizer, key, letter, org, policy,
    production, project, staging, user,
};

const TABLE: &str = include_str!("roles.txt");

/// In the order of a cell's letters.
fn scopes() -> [Scope; 6] {
    let another_project = org().in_project(OTHER_PROJECT);
    [org(), project(), another_project, staging(), production(), Scope::organization(OTHER_ORG)]
}

struct Section<'a> {
    place: Place,
    columns: Vec<&'a str>,
    rows: Vec<(Permission, Vec<&'a str>)>,
}

fn table() -> Vec<Section<'static>> {
    let mut sections: Vec<Section<'_>> = Vec::new();
    let lines = TABLE.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    for line in lines {
        let words: Vec<_> = line.split_whitespace().collect();
        if line.starts_with('[') {
            let place = match line {
                "[held in the organization]" => Place::Organization,
                "[held in the own project]" => IN_PROJECT,
                "[held in the own environment]" => IN_STAGING,
                _ => panic!("what place is {line}?"),
            };
            sections.push(Section { place, columns: vec![], rows: vec![] });
            continue;
        }
        let section = sections.last_mut().expect("rows come below a section's title");
        match words[0] {
            "permission" => section.columns = words[1..].to_vec(),
            name => {
                assert_eq!(words.len(), section.columns.len() + 1, "{line}");
                section.rows.push((name.parse().expect(line), words[1..].to_vec()));
            }
        }
    }
    sections
}

/// Somebody who is what a column's title says, in a place, and the policy that makes them so.
fn subject(column: &str, place: Place) -> (Principal, Option<Member>, OrganizationPolicy) {
    // Somebody else has everything, so that rights cannot be had by belonging to nobody.
    let policy = policy()
        .with(user(2), BuiltInRole::Owner, Place::Organization)
        .with_role(key("releaser"), [Permission::FlagToggle, Permission::ExperimentStart]);
    if let Some(role) = column.strip_suffix("-key") {
        let role: TokenRole = serde_json::from_value(role.into()).expect("a token's role");
        let Scope { project, environment, .. } = place.scope(ORG);
        let limits = vec![TokenScope { role, project, environment }];
        return (Principal::api_key(Uuid::from_u128(7), ORG, limits), None, policy);
    }
    let Member::User(id) = user(1) else { unreachable!("a user is a user") };
    let role: RoleName = column.parse().expect("a role's name");
    (Principal::user(id), Some(user(1)), policy.with(user(1), role, place))
}

#[test]
fn every_role_may_do_what_the_table_says_and_nothing_else() {
    let mut asked = 0;
    let mut differences = Vec::new();
    for section in table() {
        for (index, column) in section.columns.iter().enumerate() {
            let (principal, member, policy) = subject(column, section.place);
            let (authorizer, enforcer) = (authorizer(&policy), Enforcer::new(&policy));
            for (permission, cells) in &section.rows {
                let expected = cells[index];
                let found = answers(&authorizer, &principal, *permission);
                if found != expected {
                    differences.push(format!(
                        "{column} in {:?}, {permission}: {found}, the table says {expected}",
                        section.place
                    ));
                }
                asked += scopes().len();
                // The enforcer beneath says the same. Of founding it knows nothing.
                if let Some(member) = member
                    && *permission != Permission::OrganizationCreate
                {
                    for (scope, letter) in scopes().iter().zip(expected.chars()) {
                        let may = enforcer.may(member, *permission, scope);
                        assert_eq!(may, letter == 'y', "{column} {permission} {scope:?}");
                        assert_eq!(enforcer.sees(member, scope), letter != '-');
                    }
                }
            }
        }
    }
    assert!(
        differences.is_empty(),
        "{} differences:\n{}",
        differences.len(),
        differences.join("\n")
    );
    assert_eq!(asked, 3 * 8 * Permission::ALL.len() * 6, "all of the table was asked");
}

#[test]
fn every_permission_has_its_row_in_every_section() {
    let all: BTreeSet<_> = Permission::ALL.iter().copied().collect();
    let sections = table();
    assert_eq!(sections.len(), 3);
    for section in sections {
        let rows: BTreeSet<_> = section.rows.iter().map(|(permission, _)| *permission).collect();
        let missing: Vec<_> = all.difference(&rows).map(Permission::to_string).collect();
        assert!(missing.is_empty(), "add rows to auth/tests/it/roles.txt for {missing:?}");
        assert_eq!(rows.len(), section.rows.len(), "a permission has one row");
    }
}

#[test]
fn strangers_see_nothing_and_may_found() {
    let authorizer = authorizer(&policy().with(user(2), BuiltInRole::Owner, Place::Organization));
    let Member::User(stranger) = user(3) else { unreachable!("a user is a user") };
    let bare = Principal::api_key(Uuid::from_u128(7), ORG, vec![]);
    let homeless = Principal { org: None, ..crate::world::token(TokenRole::Admin) };
    for &permission in Permission::ALL {
        let founding = permission == Permission::OrganizationCreate;
        let expected = if founding { "y----y" } else { "------" };
        assert_eq!(answers(&authorizer, &Principal::user(stranger), permission), expected);
        assert_eq!(answers(&authorizer, &bare, permission), "------");
        assert_eq!(answers(&authorizer, &homeless, permission), "------");
        assert_eq!(answers(&authorizer, &Principal::system(), permission), "yyyyyy");
        // One that nobody has founded.
        let nowhere = Scope::organization(Uuid::from_u128(3));
        for (principal, expected) in [
            (Principal::user(stranger), if founding { 'y' } else { '-' }),
            (crate::world::token(TokenRole::Admin), '-'),
            (Principal::system(), 'y'),
        ] {
            assert_eq!(letter(&authorizer, &principal, permission, &nowhere), expected);
        }
    }
}

fn answers(authorizer: &CasbinAuthorizer, principal: &Principal, permission: Permission) -> String {
    scopes().iter().map(|scope| letter(authorizer, principal, permission, scope)).collect()
}
