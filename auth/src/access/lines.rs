//! A policy and a question, written in the lines that the model (`model.conf`) works on.

use uuid::Uuid;

use super::place::{Place, ROSTERS};
use super::policy::{Assignment, OrganizationPolicy};
use super::role::{BuiltInRole, RoleName};
use crate::authorize::Scope;
use crate::permission::Permission;
use crate::principal::Member;

/// What only the owner's role holds. It is no [`Permission`], so no other role can be given it.
pub(super) const MAKE_OWNERS: &str = "owner.make";
const HERE: &str = "here";
const BELOW: &str = "below";

/// What each role holds.
pub(super) fn roles(policy: &OrganizationPolicy) -> Vec<Vec<String>> {
    let doors = [
        Place::Organization,
        Place::Project { project: Uuid::nil() },
        Place::Environment { project: Uuid::nil(), environment: Uuid::nil() },
    ];
    let doors = doors.map(|place| {
        let mut held = place.door().to_string();
        // Whoever is let in anywhere may have tokens of their own, which never may more than they, and may leave.
        if place == Place::Organization {
            held = format!(
                "{held} {} {} {}",
                Permission::PersonalTokenIssue,
                Permission::PersonalTokenRevoke,
                Permission::MembershipLeave,
            );
        }
        vec![passage(&place), HERE.to_owned(), held]
    });
    let built_in = BuiltInRole::ALL.into_iter().map(RoleName::BuiltIn);
    let custom = policy.custom_roles.keys().cloned().map(RoleName::Custom);
    let roles = built_in.chain(custom).map(|name| {
        let held = policy.permissions(&name).into_iter().flatten();
        let mut words: Vec<_> = held.map(Permission::as_str).collect();
        if name == RoleName::BuiltIn(BuiltInRole::Owner) {
            words.push(MAKE_OWNERS);
        }
        vec![role(&name), BELOW.to_owned(), words.join(" ")]
    });
    let rosters =
        ROSTERS.map(|(read, _)| vec![roster(read), HERE.to_owned(), read.as_str().to_owned()]);
    doors.into_iter().chain(rosters).chain(roles).collect()
}

/// Who holds which role where: each assignment's role in its place, the doors from the organization to there, and the
/// rosters that go with it; each member has the door of the organization. An assignment of a role that does not exist is
/// none.
pub(super) fn holders(policy: &OrganizationPolicy) -> Vec<Vec<String>> {
    let of_one = |assignment: &Assignment| {
        let permissions = policy.permissions(&assignment.role)?;
        let who = who(assignment.member);
        let held = vec![who.clone(), role(&assignment.role), place(&assignment.place)];
        let doors = assignment.place.outwards();
        let doors = doors.map(|at| vec![who.clone(), passage(&at), place(&at)]);
        let gives = |any: &[Permission]| any.iter().any(|one| permissions.contains(one));
        let rosters = ROSTERS.into_iter().filter(|(_, giving)| gives(giving));
        let rosters = rosters.map(|(read, _)| vec![who.clone(), roster(read), organization()]);
        Some(doors.chain(rosters).chain([held]).collect::<Vec<_>>())
    };
    let outer = Place::Organization;
    let members = policy.members.iter();
    let members = members.map(|&member| vec![who(member), passage(&outer), organization()]);
    members.chain(policy.assignments.iter().filter_map(of_one).flatten()).collect()
}

/// A question: see `request_definition` in the model. `here` is [`innermost`], or empty.
pub(super) fn request(
    member: Member,
    permission: &str,
    scope: &Scope,
    here: String,
) -> Vec<String> {
    let around = scope.project.map(project).unwrap_or_default();
    let environment = match (scope.project, scope.environment) {
        (Some(project), Some(id)) => environment(project, id),
        _ => String::new(),
    };
    vec![who(member), permission.to_owned(), organization(), around, environment, here]
}

/// The smallest place that a scope names. An environment of no project is none that a role is given
/// for, and so no place at all.
pub(super) fn innermost(scope: &Scope) -> String {
    match (scope.project, scope.environment) {
        (None, None) => organization(),
        (Some(id), None) => project(id),
        (Some(project), Some(id)) => environment(project, id),
        (None, Some(_)) => String::new(),
    }
}

// The parts of a line. Each kind of name has its own start, so that none can be taken for another.

fn who(member: Member) -> String {
    match member {
        Member::User(id) => format!("user:{id}"),
        Member::ServiceAccount(id) => format!("service_account:{id}"),
    }
}

fn role(name: &RoleName) -> String {
    format!("role:{name}")
}

fn passage(place: &Place) -> String {
    let kind = match place {
        Place::Organization => "organization",
        Place::Project { .. } => "project",
        Place::Environment { .. } => "environment",
    };
    format!("door:{kind}")
}

fn roster(read: Permission) -> String {
    format!("roster:{read}")
}

fn place(place: &Place) -> String {
    match *place {
        Place::Organization => organization(),
        Place::Project { project: id } => project(id),
        Place::Environment { project, environment: id } => environment(project, id),
    }
}

fn organization() -> String {
    "organization".to_owned()
}

fn project(id: Uuid) -> String {
    format!("project:{id}")
}

fn environment(project: Uuid, id: Uuid) -> String {
    format!("environment:{project}/{id}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The model compares words and places as text: a permission of that name would let any role be
    /// made that makes owners, a space in a name would make two of one.
    #[test]
    fn no_permission_is_mistaken_for_another_word() {
        for permission in Permission::ALL {
            assert_ne!(permission.as_str(), MAKE_OWNERS);
            assert!(!permission.as_str().contains(char::is_whitespace), "{permission}");
        }
    }

    #[test]
    fn a_question_names_its_place_and_those_around_it() {
        let (org, project, environment) =
            (Uuid::from_u128(1), Uuid::from_u128(2), Uuid::from_u128(3));
        let member = Member::ServiceAccount(Uuid::from_u128(4));
        let scope = Scope::organization(org).in_project(project).in_environment(environment);
        assert_eq!(
            request(member, "flag.toggle", &scope, innermost(&scope)),
            [
                "service_account:00000000-0000-0000-0000-000000000004",
                "flag.toggle",
                "organization",
                "project:00000000-0000-0000-0000-000000000002",
                "environment:00000000-0000-0000-0000-000000000002/00000000-0000-0000-0000-000000000003",
                "environment:00000000-0000-0000-0000-000000000002/00000000-0000-0000-0000-000000000003",
            ]
        );
        let adrift = Scope::organization(org).in_environment(environment);
        assert_eq!(
            request(member, "x", &adrift, innermost(&adrift))[2..],
            ["organization", "", "", ""]
        );
    }
}
