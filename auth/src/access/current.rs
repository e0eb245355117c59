//! The policies in force, one for each organization.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwap;
use uuid::Uuid;

use super::enforcer::Enforcer;
use super::policy::OrganizationPolicy;

/// The policies in force. Reading never waits for a change; a change is seen by every decision that starts after.
///
/// What decides is made when it is first asked for, so that many organizations that nobody asks about cost little; in
/// an organization that somebody has asked about it is made by whoever brings the change.
#[derive(Debug, Default)]
pub struct Access {
    held: ArcSwap<HashMap<Uuid, Arc<Held>>>,
}

#[derive(Debug)]
struct Held {
    policy: OrganizationPolicy,
    enforcer: OnceLock<Arc<Enforcer>>,
}

impl Held {
    fn enforcer(&self) -> &Arc<Enforcer> {
        self.enforcer.get_or_init(|| Arc::new(Enforcer::new(&self.policy)))
    }
}

impl From<OrganizationPolicy> for Held {
    fn from(policy: OrganizationPolicy) -> Self {
        Self { policy, enforcer: OnceLock::new() }
    }
}

impl Access {
    /// No organization yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What decides in `organization` at this moment. All questions of one decision must be put to
    /// the same answer of this, or they may be answered by two policies.
    #[must_use]
    pub fn of(&self, organization: Uuid) -> Option<Arc<Enforcer>> {
        self.held.load().get(&organization).map(|held| Arc::clone(held.enforcer()))
    }

    /// Puts a policy into force, in place of the organization's earlier one. Changes of one organization
    /// must come in their order.
    pub fn replace(&self, policy: OrganizationPolicy) {
        let organization = policy.organization;
        let asked_about = self
            .held
            .load()
            .get(&organization)
            .is_some_and(|earlier| earlier.enforcer.get().is_some());
        let held = Arc::new(Held::from(policy));
        if asked_about {
            held.enforcer();
        }
        self.held.rcu(|all| {
            let mut all = HashMap::clone(all);
            all.insert(organization, Arc::clone(&held));
            all
        });
    }
}

impl FromIterator<OrganizationPolicy> for Access {
    fn from_iter<I: IntoIterator<Item = OrganizationPolicy>>(policies: I) -> Self {
        let all: HashMap<_, _> = policies
            .into_iter()
            .map(|policy| (policy.organization, Arc::new(Held::from(policy))))
            .collect();
        Self { held: ArcSwap::from_pointee(all) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORG: Uuid = Uuid::from_u128(1);

    fn is_made(access: &Access) -> bool {
        access.held.load()[&ORG].enforcer.get().is_some()
    }

    #[test]
    fn what_decides_is_made_when_asked_for_and_from_then_on_with_each_change() {
        let access = Access::from_iter([OrganizationPolicy::new(ORG)]);
        access.replace(OrganizationPolicy::new(ORG));
        assert!(!is_made(&access), "nobody asked");

        assert!(access.of(Uuid::from_u128(2)).is_none());
        assert!(!is_made(&access), "about another");
        assert!(access.of(ORG).is_some());
        assert!(is_made(&access));

        access.replace(OrganizationPolicy::new(ORG));
        assert!(is_made(&access), "whoever asks next does not wait");
    }
}
