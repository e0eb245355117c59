//! A session that an organization's own identity provider vouched for: of the others it sees nothing.

use ff_auth::{BuiltInRole, Permission, Place, Principal, Scope};
use uuid::Uuid;

use crate::world::{
    ORG, OTHER_ORG, authorizer, company, letter, org, principal, production, project, staging, user,
};

/// user 999 owns the other organization too.
fn answers(principal: &Principal, scope: &Scope) -> Vec<(Permission, char)> {
    let policy = company().with(user(999), BuiltInRole::Owner, Place::Organization);
    let authorizer = authorizer(&policy);
    let ask = |permission| letter(&authorizer, principal, permission, scope);
    Permission::ALL.iter().map(|&permission| (permission, ask(permission))).collect()
}

#[test]
fn it_sees_no_other_organization_and_founds_none() {
    let person = principal(user(999));
    let elsewhere = Scope::organization(OTHER_ORG);
    let unfounded = Scope::organization(Uuid::from_u128(3));
    for (home, other) in [(ORG, elsewhere), (OTHER_ORG, org())] {
        let limited = person.clone().within(Some(home));
        for scope in [other, other.in_project(Uuid::from_u128(10)), unfounded] {
            for (permission, letter) in answers(&limited, &scope) {
                assert_eq!(letter, '-', "{permission} {scope:?}");
            }
        }
        assert!(answers(&limited, &Scope::organization(home)).iter().all(|(_, l)| *l == 'y'));
    }
    // Without the limit they own both, and may found a third.
    assert!(answers(&person, &elsewhere).iter().all(|(_, letter)| *letter == 'y'));
    let founding = answers(&person, &unfounded);
    assert!(founding.contains(&(Permission::OrganizationCreate, 'y')));
}

#[test]
fn at_home_it_is_what_the_person_is() {
    for n in 1..=9 {
        let (free, limited) = (principal(user(n)), principal(user(n)).within(Some(ORG)));
        assert_eq!(limited.clone().within(None), free);
        for scope in [org(), project(), staging(), production()] {
            let founds = |(permission, _): &(Permission, char)| {
                *permission == Permission::OrganizationCreate
            };
            let but_founding = |mut all: Vec<_>| {
                all.retain(|answer| !founds(answer));
                all
            };
            assert_eq!(
                but_founding(answers(&limited, &scope)),
                but_founding(answers(&free, &scope)),
                "{n} {scope:?}"
            );
        }
        let own = answers(&limited, &org())
            .into_iter()
            .find(|(p, _)| *p == Permission::OrganizationCreate);
        let expected = match n {
            1 | 5 => 'y', // whose roles hold it
            2..=4 => 'f',
            _ => '-',
        };
        assert_eq!(own.unwrap().1, expected, "{n}");
    }
}
