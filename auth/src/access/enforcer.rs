//! The policy of one organization, ready to decide.
//!
//! Casbin holds the model (`model.conf`) and the policy and gives every answer; here its lines are
//! written, and answers are remembered. The policy of an enforcer never changes, so what it once
//! answered stays true as long as it lives, and the memory needs no invalidation, only a bound.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::LazyLock;

use casbin::rhai::Dynamic;
use casbin::{CoreApi as _, DefaultModel, Model as _};
use futures::FutureExt as _;
use moka::sync::Cache;
use uuid::Uuid;

use super::place::{Place, door};
use super::policy::{Assignment, OrganizationPolicy};
use super::role::{BuiltInRole, RoleKey, RoleName};
use crate::authorize::Scope;
use crate::permission::Permission;
use crate::principal::Member;

/// How many answers are remembered: some hundred bytes each.
const REMEMBERED: u64 = 4_096;
/// What only the owner's role holds. It is no [`Permission`], so no other role can be given it.
const MAKE_OWNERS: &str = "owner.make";
const HERE: &str = "here";
const BELOW: &str = "below";

static MODEL: LazyLock<DefaultModel> = LazyLock::new(|| {
    at_once(DefaultModel::from_str(include_str!("model.conf"))).expect("the model is well-formed")
});

/// Decides by one state of an organization's policy.
pub struct Enforcer {
    organization: Uuid,
    custom_roles: BTreeMap<RoleKey, BTreeSet<Permission>>,
    casbin: casbin::Enforcer,
    answers: Cache<Question, bool>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Question {
    member: Member,
    permission: Permission,
    project: Option<Uuid>,
    environment: Option<Uuid>,
}

impl Enforcer {
    /// Makes a policy decide. For 1,000 members this takes some milliseconds of computing.
    #[must_use]
    pub fn new(policy: &OrganizationPolicy) -> Self {
        let mut model = MODEL.clone();
        for line in roles(policy) {
            model.add_policy("p", "p", line);
        }
        for assignment in &policy.assignments {
            if policy.permissions(&assignment.role).is_some() {
                for line in holdings(assignment) {
                    model.add_policy("g", "g", line);
                }
            }
        }
        let mut casbin =
            at_once(casbin::Enforcer::new_raw(model, ())).expect("the model is well-formed");
        casbin.add_function("holds", casbin::function_map::OperatorFunction::Arg2(holds));
        casbin.build_role_links().expect("every line about a holder has three parts");
        let custom_roles = policy.custom_roles.keys().filter_map(|key| {
            let permissions = policy.permissions(&RoleName::Custom(key.clone()))?;
            Some((key.clone(), permissions))
        });
        Self {
            organization: policy.organization,
            custom_roles: custom_roles.collect(),
            casbin,
            answers: Cache::new(REMEMBERED),
        }
    }

    /// Whose policy it is.
    #[must_use]
    pub fn organization(&self) -> Uuid {
        self.organization
    }

    /// Whether `member` may do `permission` in `scope`. Of another organization it knows nothing.
    #[must_use]
    pub fn may(&self, member: Member, permission: Permission, scope: &Scope) -> bool {
        if scope.org != self.organization {
            return false;
        }
        let Scope { project, environment, .. } = *scope;
        let question = Question { member, permission, project, environment };
        // Not `get_with`: two who ask the same at once rather compute it twice than wait.
        if let Some(answer) = self.answers.get(&question) {
            return answer;
        }
        let answer = self.ask(member, permission.as_str(), scope, innermost(scope));
        self.answers.insert(question, answer);
        answer
    }

    /// Whether `member` may know that what `scope` names exists.
    #[must_use]
    pub fn sees(&self, member: Member, scope: &Scope) -> bool {
        self.may(member, door(scope), scope)
    }

    /// Whether `granter` may give `role` away for `scope`, or take it away there: if they have all of
    /// it there and below. Owners are made by owners only. A role that does not exist is nobody's to
    /// give.
    #[must_use]
    pub fn may_grant(&self, granter: Member, role: &RoleName, scope: &Scope) -> bool {
        if *role == RoleName::BuiltIn(BuiltInRole::Owner)
            && !self.has_throughout(granter, MAKE_OWNERS, scope)
        {
            return false;
        }
        let permissions = self.permissions(role);
        permissions.is_some_and(|all| self.may_give(granter, all, scope))
    }

    /// Whether `giver` has each of these permissions in `scope` and all that is below it: what a role
    /// or token that lets others do them there asks for.
    #[must_use]
    pub fn may_give(
        &self,
        giver: Member,
        permissions: impl IntoIterator<Item = Permission>,
        scope: &Scope,
    ) -> bool {
        permissions
            .into_iter()
            .all(|permission| self.has_throughout(giver, permission.as_str(), scope))
    }

    /// All that a role holds, or `None` when there is no such role.
    pub(super) fn permissions(&self, role: &RoleName) -> Option<BTreeSet<Permission>> {
        match role {
            RoleName::BuiltIn(role) => Some(role.permissions().collect()),
            RoleName::Custom(key) => self.custom_roles.get(key).cloned(),
        }
    }

    fn has_throughout(&self, member: Member, permission: &str, scope: &Scope) -> bool {
        scope.org == self.organization && self.ask(member, permission, scope, String::new())
    }

    fn ask(&self, member: Member, permission: &str, scope: &Scope, here: String) -> bool {
        let project = scope.project.map(project).unwrap_or_default();
        let environment = match (scope.project, scope.environment) {
            (Some(project), Some(id)) => environment(project, id),
            _ => String::new(),
        };
        let request =
            vec![who(member), permission.to_owned(), organization(), project, environment, here];
        // It cannot fail, since the tests evaluate every part of the model; if it did, nobody gains.
        self.casbin.enforce(request).unwrap_or(false)
    }
}

impl fmt::Debug for Enforcer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Enforcer").field("organization", &self.organization).finish_non_exhaustive()
    }
}

/// The lines that say what each role holds.
fn roles(policy: &OrganizationPolicy) -> Vec<Vec<String>> {
    let doors = [
        Place::Organization,
        Place::Project { project: Uuid::nil() },
        Place::Environment { project: Uuid::nil(), environment: Uuid::nil() },
    ];
    let doors = doors.map(|place| vec![passage(&place), HERE.to_owned(), place.door().to_string()]);
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
    doors.into_iter().chain(roles).collect()
}

/// The lines that say what an assignment lets its member hold: the role in its place, and the doors
/// from the organization to there.
fn holdings(assignment: &Assignment) -> Vec<Vec<String>> {
    let who = who(assignment.member);
    let doors = assignment.place.outwards().map(|at| vec![who.clone(), passage(&at), place(&at)]);
    let held = vec![who.clone(), role(&assignment.role), place(&assignment.place)];
    doors.chain([held]).collect()
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

/// The smallest place that a scope names. An environment of no project is none that a role is given
/// for, and so no place at all.
fn innermost(scope: &Scope) -> String {
    match (scope.project, scope.environment) {
        (None, None) => organization(),
        (Some(id), None) => project(id),
        (Some(project), Some(id)) => environment(project, id),
        (None, Some(_)) => String::new(),
    }
}

/// The function of the model: whether a permission is one of several, which spaces separate.
#[allow(clippy::needless_pass_by_value, reason = "the shape that casbin takes")]
fn holds(permissions: Dynamic, wanted: Dynamic) -> Dynamic {
    let answer = match (permissions.into_immutable_string(), wanted.into_immutable_string()) {
        (Ok(permissions), Ok(wanted)) => permissions.split(' ').any(|held| held == wanted.as_str()),
        _ => false,
    };
    answer.into()
}

/// Casbin's constructors are asynchronous for the sake of files and databases, which are not used.
fn at_once<T>(future: impl Future<Output = T>) -> T {
    future.now_or_never().expect("what is in memory is read without waiting")
}
