//! The enforcers in force, one for each organization.

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use uuid::Uuid;

use super::enforcer::Enforcer;

/// The policies in force. Reading never waits; a change is seen by every decision that starts after.
#[derive(Debug, Default)]
pub struct Access {
    enforcers: ArcSwap<HashMap<Uuid, Arc<Enforcer>>>,
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
        self.enforcers.load().get(&organization).cloned()
    }

    /// Puts an enforcer in the place of its organization's former one. The last one to come wins, so
    /// whoever follows the events must bring them in their order.
    pub fn replace(&self, enforcer: Enforcer) {
        let enforcer = Arc::new(enforcer);
        self.change(|all| {
            all.insert(enforcer.organization(), Arc::clone(&enforcer));
        });
    }

    /// Forgets an organization: from now on it does not exist for anybody.
    pub fn remove(&self, organization: Uuid) {
        self.change(|all| {
            all.remove(&organization);
        });
    }

    /// A copy of the whole map for each change: changes of rights are rare, decisions are not.
    fn change(&self, apply: impl Fn(&mut HashMap<Uuid, Arc<Enforcer>>)) {
        self.enforcers.rcu(|all| {
            let mut all = HashMap::clone(all);
            apply(&mut all);
            all
        });
    }
}

/// For the start, when all policies are there at once.
impl FromIterator<Enforcer> for Access {
    fn from_iter<I: IntoIterator<Item = Enforcer>>(enforcers: I) -> Self {
        let all: HashMap<_, _> = enforcers
            .into_iter()
            .map(|enforcer| (enforcer.organization(), Arc::new(enforcer)))
            .collect();
        Self { enforcers: ArcSwap::from_pointee(all) }
    }
}
