//! Every kind of gift against every kind of giver, and the grant that comes of it.

use ff_auth::{
    Authorizer as _, BuiltInRole, Denied, Gift, Member, OrganizationPolicy, Permission, Place,
    Principal, Scope, TokenRole, TokenScope,
};
use uuid::Uuid;

use crate::world::{
    IN_PROJECT, IN_STAGING, ORG, OTHER_ORG, PROJECT, a_role, authorizer, company, key, org,
    permissions, principal, project, role_back, service, staging, token, user,
};

/// In the order of a row's letters. The service account edits in the project.
fn givers() -> [(&'static str, Principal); 11] {
    let in_project =
        TokenScope { role: TokenRole::Admin, project: Some(PROJECT), environment: None };
    let limited = Principal::api_key(Uuid::from_u128(8), ORG, vec![in_project]);
    [
        ("owner", principal(user(1))),
        ("admin", principal(user(2))),
        ("admin of the project", principal(user(4))),
        ("everything by a custom role", principal(user(5))),
        ("the organization's token", token(TokenRole::Admin)),
        ("the organization's token for the project", limited),
        ("the owner's personal token", token(TokenRole::Admin).owned_by(user(1))),
        ("the service account's token", token(TokenRole::Admin).owned_by(service(1))),
        ("editor of staging", principal(user(3))),
        ("stranger", principal(user(9))),
        ("the owner, signed in elsewhere", principal(user(1)).within(Some(OTHER_ORG))),
    ]
}

/// Also: user 6 holds a role that is gone, and one in staging; user 7 owns it too; user 8 owns the project; user 10
/// belongs to it and holds nothing but a role that is gone.
fn everybody() -> OrganizationPolicy {
    company()
        .with(user(6), key("gone"), Place::Organization)
        .with(user(6), key("toggler"), IN_STAGING)
        .with(user(7), BuiltInRole::Owner, Place::Organization)
        .with(user(8), BuiltInRole::Owner, IN_PROJECT)
        .with(user(10), key("gone"), IN_PROJECT)
}

fn standing(member: Member) -> Gift {
    Gift::Standing { member }
}

fn oneself(member: Member) -> Gift {
    Gift::Oneself { member }
}

/// Written from what the gifts mean. `y` has it, `.` has not.
#[rustfmt::skip]
fn table() -> Vec<(&'static str, Gift, &'static str)> {
    use Permission::{FlagToggle, OrganizationArchive};
    let elsewhere = Scope::organization(OTHER_ORG);
    vec![
        //                                                                             oapc tlps esx
        ("viewer of the organization",   a_role("viewer", org()),                     "yy.y y.y. ..."),
        ("admin of the organization",    a_role("admin", org()),                      "yy.y y.y. ..."),
        ("owner",                        a_role("owner", org()),                      "y... .... ..."),
        ("admin of the project",         a_role("admin", project()),                  "yyyy yyy. ..."),
        ("owner of the project",         a_role("owner", project()),                  "y... .... ..."),
        ("editor of the project",        a_role("editor", project()),                 "yyyy yyyy ..."),
        ("editor of staging",            a_role("editor", staging()),                 "yyyy yyyy y.."),
        ("a custom role in staging",     a_role("toggler", staging()),                "yyyy yyyy y.."),
        ("a custom role of everything",  a_role("everything", org()),                 "y..y .... ..."),
        ("a role that is gone",          a_role("gone", org()),                       ".... .... ..."),
        ("a role elsewhere",             a_role("viewer", elsewhere),                 ".... .... ..."),

        ("editor of staging, back",      role_back("editor", staging()),              "yyyy yyyy y.."),
        ("admin of the project, back",   role_back("admin", project()),               "yyyy yyy. ..."),
        ("owner, back",                  role_back("owner", org()),                   "y... .... ..."),
        ("a role that is gone, back",    role_back("gone", org()),                    "yyyy yyyy yy."),
        ("one that is gone elsewhere",   role_back("gone", elsewhere),                ".... .... ..."),
        ("a role elsewhere, back",       role_back("viewer", elsewhere),              ".... .... ..."),

        ("toggling",                     permissions(&[FlagToggle], org()),           "yy.y y.y. ..."),
        ("toggling in the project",      permissions(&[FlagToggle], project()),       "yyyy yyyy ..."),
        ("toggling in staging",          permissions(&[FlagToggle], staging()),       "yyyy yyyy y.."),
        ("what only owners may",         permissions(&[FlagToggle, OrganizationArchive], org()), "y..y .... ..."),
        ("no more than the doors",       permissions(&[], org()),                     "yy.y y.y. ..."),
        ("the doors of staging",         permissions(&[], staging()),                 "yyyy yyyy y.."),
        ("permissions elsewhere",        permissions(&[FlagToggle], elsewhere),       ".... .... ..."),
        ("the doors elsewhere",          permissions(&[], elsewhere),                 ".... .... ..."),

        ("all of an owner",              standing(user(1)),                           "y... .... ..."),
        ("all of another owner",         standing(user(7)),                           "y... .... ..."),
        ("all of the project's owner",   standing(user(8)),                           "y... .... ..."),
        ("all of an admin",              standing(user(2)),                           "yy.y y.y. ..."),
        ("all of the project's admin",   standing(user(4)),                           "yyyy yyy. ..."),
        ("all of one with a custom role", standing(user(5)),                          "y..y .... ..."),
        ("all of an editor of staging",  standing(user(3)),                           "yyyy yyyy y.."),
        ("all of the service account",   standing(service(1)),                        "yyyy yyyy ..."),
        ("a role that is gone, another", standing(user(6)),                           "yyyy yyyy y.."),
        ("only a role that is gone",     standing(user(10)),                          "yyyy yyyy yy."),
        ("all of the stranger",          standing(user(9)),                           "yyyy yyyy yy."),

        ("the owner's self",             oneself(user(1)),                            "y... .... ..."),
        ("the admin's self",             oneself(user(2)),                            ".y.. .... ..."),
        ("the stranger's self",          oneself(user(9)),                            ".... .... .y."),
        ("the service account's self",   oneself(service(1)),                         ".... .... ..."),
    ]
}

#[test]
fn every_gift_is_its_givers_as_the_table_says() {
    let authorizer = authorizer(&everybody());
    let mut differences = Vec::new();
    for (name, gift, row) in table() {
        let expected: Vec<_> = row.chars().filter(|letter| *letter != ' ').collect();
        assert_eq!(expected.len(), givers().len(), "{name}");
        for ((giver, principal), expected) in givers().iter().zip(expected) {
            let found = if authorizer.has(principal, ORG, &gift) { 'y' } else { '.' };
            if found != expected {
                differences.push(format!("{name} by {giver}: {found}, not {expected}"));
            }
        }
        assert!(
            authorizer.has(&Principal::system(), ORG, &gift),
            "the platform gives what it must"
        );
        let unfounded = Uuid::from_u128(3);
        assert!(!authorizer.has(&principal(user(1)), unfounded, &gift), "{name}");
        assert!(authorizer.has(&Principal::system(), unfounded, &gift));
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn oneself_has_all_that_oneself_has() {
    let authorizer = authorizer(&everybody());
    for n in 1..=10 {
        assert!(authorizer.has(&principal(user(n)), ORG, &standing(user(n))), "{n}");
    }
}

#[test]
fn the_permission_is_asked_for_before_what_is_given() {
    let authorizer = authorizer(&everybody());
    let owner = a_role("owner", org());
    let ask = |giver: Principal, scope: &Scope, gifts: &[Gift]| {
        authorizer.authorize_giving(&giver, Permission::MembershipGrant, scope, gifts.to_vec())
    };
    let forbidden =
        |scope| Err(Denied::Forbidden { permission: Permission::MembershipGrant, scope });
    let found = ask(principal(user(3)), &project(), std::slice::from_ref(&owner));
    assert_eq!(found, forbidden(project()));
    assert_eq!(ask(principal(user(4)), &org(), &[]), forbidden(org()));
    assert_eq!(
        ask(principal(user(9)), &org(), std::slice::from_ref(&owner)),
        Err(Denied::NotFound)
    );
    let elsewhere = principal(user(1)).within(Some(OTHER_ORG));
    assert_eq!(ask(elsewhere, &org(), &[]), Err(Denied::NotFound));
    assert_eq!(
        ask(principal(user(1)), &Scope::organization(OTHER_ORG), &[]),
        Err(Denied::NotFound)
    );

    // Of several the first that they have not is named.
    let gifts = [a_role("viewer", org()), owner.clone(), a_role("everything", org())];
    let too_much = Err(Denied::TooMuch { gift: owner });
    assert_eq!(ask(principal(user(2)), &org(), &gifts), too_much);
    assert_eq!(ask(token(TokenRole::Admin).owned_by(user(1)), &org(), &gifts), too_much);
    assert!(ask(principal(user(1)), &org(), &gifts).is_ok());
    assert!(ask(principal(user(2)), &org(), &gifts[..1]).is_ok());
}

#[test]
fn a_personal_token_is_issued_by_the_person_alone() {
    let authorizer = authorizer(&everybody());
    let issue = |giver: &Principal, person| {
        let gifts = vec![oneself(person)];
        authorizer.authorize_giving(giver, Permission::PersonalTokenIssue, &org(), gifts)
    };
    let too_much = |person| Err(Denied::TooMuch { gift: oneself(person) });
    for n in [1, 2, 3, 4, 5, 6, 7, 8] {
        assert!(issue(&principal(user(n)), user(n)).is_ok(), "{n}");
    }
    assert_eq!(issue(&principal(user(1)), user(2)), too_much(user(2)));
    // Whoever has a token may not make themselves another by it, that would outlive it.
    let personal = token(TokenRole::Admin).owned_by(user(1));
    assert_eq!(issue(&personal, user(1)), too_much(user(1)));
    assert_eq!(issue(&token(TokenRole::Admin), user(1)), too_much(user(1)));
    let account = token(TokenRole::Admin).owned_by(service(1));
    assert_eq!(issue(&account, service(1)), too_much(service(1)));
    // Nobody who holds nothing (any more).
    assert_eq!(issue(&principal(user(9)), user(9)), Err(Denied::NotFound));
    assert_eq!(issue(&principal(user(10)), user(10)), Err(Denied::NotFound));
}

#[test]
fn a_grant_is_good_for_its_gifts_and_no_others() {
    let authorizer = authorizer(&everybody());
    let (viewer, editor) = (a_role("viewer", org()), a_role("editor", org()));
    let gifts = [viewer.clone(), editor.clone()];
    let scope = org();
    let grant = authorizer
        .authorize_giving(&principal(user(1)), Permission::MembershipGrant, &scope, gifts.to_vec())
        .unwrap();
    assert!(grant.allows(Permission::MembershipGrant, &scope));
    assert!(!grant.allows(Permission::MembershipRevoke, &scope));
    assert!(!grant.allows(Permission::MembershipGrant, &project()));
    let none: &[Gift] = &[];
    for fine in [none, &gifts, &gifts[..1], &gifts[1..], &[editor.clone(), viewer.clone()]] {
        assert!(grant.gives(fine), "{fine:?}");
    }
    // All of these an owner has; it was not asked about them.
    for other in [
        a_role("admin", org()),
        a_role("viewer", project()),
        role_back("viewer", org()),
        permissions(&[Permission::FlagToggle], org()),
        standing(user(2)),
        oneself(user(1)),
    ] {
        assert!(!grant.gives(std::slice::from_ref(&other)), "{other:?}");
        assert!(!grant.gives(&[viewer.clone(), other]));
    }

    let plain = |principal: &Principal| {
        authorizer.authorize(principal, Permission::MembershipGrant, &scope).unwrap()
    };
    assert!(plain(&principal(user(1))).gives(none));
    assert!(!plain(&principal(user(1))).gives(&gifts[..1]), "nothing was asked to be given");
    assert!(plain(&Principal::system()).gives(&gifts));
}
