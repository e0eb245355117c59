//! The policy of one organization, ready to decide.
//!
//! Casbin holds the model (`model.conf`) and the policy and gives every answer; here answers are
//! remembered. The policy of an enforcer never changes, so what it once answered stays true as long as
//! it lives, and the memory needs no invalidation, only a bound.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::LazyLock;

use casbin::rhai::Dynamic;
use casbin::{CoreApi as _, DefaultModel, Model as _};
use futures::FutureExt as _;
use moka::sync::Cache;
use uuid::Uuid;

use super::lines;
use super::place::{Place, door};
use super::policy::OrganizationPolicy;
use super::role::{BuiltInRole, RoleKey, RoleName};
use crate::authorize::Scope;
use crate::permission::Permission;
use crate::principal::Member;

/// How many answers are remembered: some hundred bytes each.
const REMEMBERED: u64 = 4_096;

static MODEL: LazyLock<DefaultModel> = LazyLock::new(|| {
    at_once(DefaultModel::from_str(include_str!("model.conf"))).expect("the model is well-formed")
});

/// Decides by one state of an organization's policy.
pub struct Enforcer {
    organization: Uuid,
    custom_roles: BTreeMap<RoleKey, BTreeSet<Permission>>,
    assignments: HashMap<Member, Vec<(RoleName, Place)>>,
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
        for line in lines::roles(policy) {
            model.add_policy("p", "p", line);
        }
        for line in lines::holders(policy) {
            model.add_policy("g", "g", line);
        }
        let mut casbin =
            at_once(casbin::Enforcer::new_raw(model, ())).expect("the model is well-formed");
        casbin.add_function("holds", casbin::function_map::OperatorFunction::Arg2(holds));
        casbin.build_role_links().expect("every line about a holder has three parts");
        let custom_roles = policy.custom_roles.keys().filter_map(|key| {
            let permissions = policy.permissions(&RoleName::Custom(key.clone()))?;
            Some((key.clone(), permissions))
        });
        let mut assignments: HashMap<_, Vec<_>> = HashMap::new();
        for given in &policy.assignments {
            assignments.entry(given.member).or_default().push((given.role.clone(), given.place));
        }
        Self {
            organization: policy.organization,
            custom_roles: custom_roles.collect(),
            assignments,
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
        let answer = self.ask(member, permission.as_str(), scope, lines::innermost(scope));
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
            && !self.has_throughout(granter, lines::MAKE_OWNERS, scope)
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

    /// Whether `granter` has all that `member` has: what acting as them, or putting them out, asks for.
    #[must_use]
    pub fn may_stand_for(&self, granter: Member, member: Member) -> bool {
        granter == member
            || self.assignments(member).iter().all(|(role, place)| {
                self.permissions(role).is_none()
                    || self.may_grant(granter, role, &place.scope(self.organization))
            })
    }

    /// The roles of a member, each in its place.
    pub(super) fn assignments(&self, member: Member) -> &[(RoleName, Place)] {
        self.assignments.get(&member).map(Vec::as_slice).unwrap_or_default()
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
        let request = lines::request(member, permission, scope, here);
        // It cannot fail, since the tests evaluate every part of the model; if it did, nobody gains.
        self.casbin.enforce(request).unwrap_or(false)
    }
}

impl fmt::Debug for Enforcer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Enforcer").field("organization", &self.organization).finish_non_exhaustive()
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
