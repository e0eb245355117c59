//! Those who are not here: whether somebody may still do what they have promised.

use ff_auth::{Denied, Gift, Grant, Permission, Principal, Scope};
use ff_domain::{ApiKey, ApiKeyId, OrganizationId};
use jiff::Timestamp;
use uuid::Uuid;

use super::{Doorkeeper, principal};
use crate::problem::Problem;

impl Doorkeeper {
    /// Proof that somebody may do this now and has what they would give, though they are not asking. `who` is a person
    /// or a key of the organization.
    pub(crate) fn allow_absent(
        &self,
        who: Uuid,
        permission: Permission,
        scope: Scope,
        gifts: Vec<Gift>,
    ) -> Result<Result<Grant, Denied>, Problem> {
        self.parts.rights.current()?;
        let Some(principal) = self.absent(OrganizationId(scope.org), who) else {
            return Ok(Err(Denied::Forbidden { permission, scope }));
        };
        let authorizer = self.parts.rights.authorizer();
        Ok(authorizer.authorize_giving(&principal, permission, &scope, gifts))
    }

    /// Who that is, if it can still act: an id is that of a key, or else of a person.
    fn absent(&self, organization: OrganizationId, who: Uuid) -> Option<Principal> {
        let id = ApiKeyId(who);
        match self.parts.rights.key(organization, id) {
            Some(ApiKey::Live(key)) => {
                let expired = key.expires_at.is_some_and(|end| Timestamp::now() >= end);
                if expired { None } else { principal(id, &key) }
            }
            Some(ApiKey::Revoked(_)) => None,
            Some(ApiKey::Absent) | None => Some(Principal::user(who)),
        }
    }
}
