//! Who is asking, and whether they may: for the control plane, and for other services that answer people and
//! programs of an organization.
//!
//! Nothing here asks anybody: an access token is checked by its signature and against the sessions that were closed, a
//! key and a right by what [`Rights`] has heard of the log. So a kill switch needs neither Postgres nor a second look.

mod absent;
mod credentials;
mod csrf;
mod visit;

use std::fmt;
use std::sync::Arc;

use axum::http::{HeaderMap, Method, StatusCode};
use ff_auth::{
    Authorizer as _, Denied, Gift, Grant, Member, Permission, Principal, PrincipalKind, Scope,
    TokenRole, TokenScope, TokenService,
};
use ff_domain::{
    ApiKey, ApiKeyId, ApiKeyState, OrganizationId, OrganizationKey, ProjectId,
    api_key::{KeyPurpose, TokenRole as GivenRole, TokenScope as GivenScope},
};
use ff_identity::Revocations;
use ff_security::{
    Actor, ActorKind, Kind, Outcome, Record, Recorder, Service, Subject, SubjectKind,
};
use jiff::Timestamp;
use uuid::Uuid;

use crate::problem::{Problem, code};
use crate::rights::Rights;
pub(crate) use credentials::{Cookies, Credentials, challenge};
pub use csrf::CsrfKey;
pub(crate) use visit::Visit;

/// Recognises callers and says what they may do. Cheap to clone.
#[derive(Clone)]
pub struct Doorkeeper {
    parts: Arc<Parts>,
}

/// What a [`Doorkeeper`] works with.
#[derive(Debug)]
pub struct DoorkeeperParts {
    /// Who may do what.
    pub rights: Arc<Rights>,
    /// Recognises access tokens.
    pub tokens: Arc<TokenService>,
    /// The sessions that were closed.
    pub revocations: Revocations,
    /// Knows the requests of our own pages; where nothing can be changed none is needed.
    pub csrf: Option<CsrfKey>,
    /// Where denials are recorded.
    pub recorder: Recorder,
    /// Which service it stands before.
    pub service: Service,
}

type Parts = DoorkeeperParts;

/// Whoever sent a request, known for certain, and from where.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    /// Who it is.
    pub(crate) principal: Principal,
    /// The session of a person.
    pub(crate) session: Option<Uuid>,
    /// Where the request comes from.
    pub(crate) visit: Visit,
}

impl Doorkeeper {
    /// A doorkeeper.
    #[must_use]
    pub fn new(parts: DoorkeeperParts) -> Self {
        Self { parts: Arc::new(parts) }
    }

    /// Proof that whoever sent these headers with a reading request may do this in this organization, or the answer
    /// that refuses it.
    ///
    /// # Errors
    /// 401 without valid credentials, 403 without the right, 404 for what is another organization's, 503 when nobody
    /// knows who may do what.
    pub fn admit(
        &self,
        headers: &HeaderMap,
        organization: &str,
        permission: Permission,
        scope: impl FnOnce(OrganizationId) -> Option<Scope>,
    ) -> Result<Grant, Problem> {
        let visit = Visit::default();
        let credentials = self.credentials(&Method::GET, headers, visit)?;
        let caller = self.recognise(&credentials, Some(organization), visit)?;
        let key = OrganizationKey::parse(organization).map_err(|_| Problem::not_found())?;
        let scope = scope(OrganizationId::of(&key)).ok_or_else(Problem::not_found)?;
        self.allow(&caller, permission, scope)
    }

    /// Who that is. A program is known only within the organization it asks about.
    pub(crate) fn recognise(
        &self,
        credentials: &Credentials,
        organization: Option<&str>,
        visit: Visit,
    ) -> Result<Caller, Problem> {
        match credentials {
            Credentials::Session(of) => {
                let principal = Principal::user(of.user).within(of.organization);
                Ok(Caller { principal, session: Some(of.session), visit })
            }
            Credentials::Token(key) => {
                self.parts.rights.current()?;
                let principal = self.token_holder(organization, key.hash.as_bytes(), visit)?;
                Ok(Caller { principal, session: None, visit })
            }
        }
    }

    fn token_holder(
        &self,
        organization: Option<&str>,
        hash: &[u8; 32],
        visit: Visit,
    ) -> Result<Principal, Problem> {
        let Some(organization) = organization else {
            return Err(Problem::new(
                StatusCode::FORBIDDEN,
                code::TOKEN_OUTSIDE,
                "an API token belongs to one organization: use it below `/orgs/{org}`",
            ));
        };
        let organization =
            OrganizationKey::parse(organization).map_err(|_| Problem::not_found())?;
        let organization = OrganizationId::of(&organization);
        let id = ApiKeyId::of(organization, hash);
        let refuse = |reason, detail| {
            self.refuse_key(organization, id, reason, visit);
            Err(invalid(detail))
        };
        let key = match self.parts.rights.key(organization, id) {
            Some(ApiKey::Live(key)) => key,
            Some(ApiKey::Revoked(_)) => {
                return refuse("revoked", "the API token was revoked: issue another");
            }
            // It may well be a token of another organization, for which this one does not exist.
            Some(ApiKey::Absent) | None => return Err(Problem::not_found()),
        };
        if key.expires_at.is_some_and(|end| Timestamp::now() >= end) {
            return refuse("expired", "the API token has expired: issue another");
        }
        let account = key.service_account();
        if account.is_some_and(|account| !self.parts.rights.account_is_live(organization, account))
        {
            return refuse(
                "account_archived",
                "the API token is of a service account that is archived: restore it, or use another",
            );
        }
        let Some(principal) = principal(id, &key) else {
            return refuse(
                "wrong_kind",
                "the API token is not valid: use one that was issued as such",
            );
        };
        if let Some(address) = visit.address {
            let (recorder, service) = (&self.parts.recorder, self.parts.service);
            recorder.key_used(Some(organization.0), id.0, service, address);
        }
        Ok(principal)
    }

    /// Proof that the caller may do this there, or how to refuse it.
    pub(crate) fn allow(
        &self,
        caller: &Caller,
        permission: Permission,
        scope: Scope,
    ) -> Result<Grant, Problem> {
        self.allow_giving(caller, permission, scope, Vec::new())
    }

    /// Proof that the caller may do this there, and has each of the rights that change hands by it.
    pub(crate) fn allow_giving(
        &self,
        caller: &Caller,
        permission: Permission,
        scope: Scope,
        gifts: Vec<Gift>,
    ) -> Result<Grant, Problem> {
        self.parts.rights.current()?;
        let authorizer = self.parts.rights.authorizer();
        authorizer.authorize_giving(&caller.principal, permission, &scope, gifts).map_err(
            |denied| {
                self.note_denial(caller, permission, scope, &denied);
                let code = match denied {
                    Denied::NotFound => return Problem::not_found(),
                    Denied::Forbidden { .. } => code::FORBIDDEN,
                    Denied::TooMuch { .. } => code::TOO_MUCH,
                };
                Problem::new(StatusCode::FORBIDDEN, code, denied.to_string())
            },
        )
    }

    /// Whether the caller may, where nothing is refused if they may not.
    pub(crate) fn may(&self, caller: &Caller, permission: Permission, scope: &Scope) -> bool {
        self.parts.rights.authorizer().authorize(&caller.principal, permission, scope).is_ok()
    }

    /// The projects that the caller may see, if those are not all.
    pub(crate) fn projects_seen(
        &self,
        caller: &Caller,
        organization: OrganizationId,
    ) -> Option<Vec<ProjectId>> {
        let all = Scope::organization(organization.0);
        if self.may(caller, Permission::ProjectRead, &all) {
            return None;
        }
        let member = match caller.principal.kind {
            PrincipalKind::User { user_id } => Some(Member::User(user_id)),
            _ => caller.principal.owner,
        };
        let limits = caller.principal.scopes.iter().filter_map(|limit| limit.project);
        let mut named: Vec<_> = limits.map(ProjectId).collect();
        named.extend(
            member
                .into_iter()
                .flat_map(|member| self.parts.rights.projects_of(organization, member)),
        );
        named.sort_unstable();
        named.dedup();
        let seen =
            |id: &ProjectId| self.may(caller, Permission::ProjectRead, &all.in_project(id.0));
        Some(named.into_iter().filter(seen).collect())
    }

    fn note_denial(&self, caller: &Caller, permission: Permission, scope: Scope, denied: &Denied) {
        let mut record = self.record(Kind::AccessDenied, Outcome::Refused, caller);
        record.detail.set("permission", permission.as_str());
        (record.organization, record.reason) = match denied {
            // Whoever is a stranger there does not write into its log.
            Denied::NotFound => (caller.principal.org, Some("unseen")),
            Denied::Forbidden { .. } => (Some(scope.org), Some("forbidden")),
            Denied::TooMuch { .. } => (Some(scope.org), Some("too_much")),
        };
        self.parts.recorder.record(record);
    }

    fn refuse_key(
        &self,
        organization: OrganizationId,
        key: ApiKeyId,
        reason: &'static str,
        visit: Visit,
    ) {
        let now = Timestamp::now();
        let mut record = Record::new(now, Kind::KeyRefused, Outcome::Refused, self.parts.service);
        record.organization = Some(organization.0);
        record.subject = Some(Subject { kind: SubjectKind::Key, id: key.to_string() });
        record.reason = Some(reason);
        self.parts.recorder.record(visit.of(record));
    }

    /// A record of what a caller did.
    pub(crate) fn record(&self, kind: Kind, outcome: Outcome, caller: &Caller) -> Record {
        let mut record = Record::new(Timestamp::now(), kind, outcome, self.parts.service);
        record.actor = caller.principal.kind.id().map(|id| {
            let kind = match caller.principal.kind {
                PrincipalKind::User { .. } => ActorKind::User,
                PrincipalKind::ApiKey { .. } => ActorKind::ApiKey,
                PrincipalKind::System => ActorKind::System,
            };
            Actor { kind, id }
        });
        record.session = caller.session;
        caller.visit.of(record)
    }

    /// The CSRF token of a session.
    pub(crate) fn csrf_token(&self, session: Uuid) -> Option<String> {
        self.parts.csrf.as_ref().map(|key| key.token(session))
    }

    /// What is recorded goes there.
    pub(crate) fn recorder(&self) -> &Recorder {
        &self.parts.recorder
    }

    /// What is known of rights.
    pub(crate) fn rights(&self) -> &Arc<Rights> {
        &self.parts.rights
    }

    /// The sessions that were closed.
    pub(crate) fn revocations(&self) -> &Revocations {
        &self.parts.revocations
    }
}

/// Who acts with a key, if it is for the control plane.
fn principal(id: ApiKeyId, key: &ApiKeyState) -> Option<Principal> {
    let organization = key.organization;
    let scopes = key.purpose.scopes().iter().map(|scope| limit(organization, scope)).collect();
    match &key.purpose {
        KeyPurpose::ApiToken(_) => Some(Principal::api_key(id.0, organization.0, scopes)),
        KeyPurpose::PersonalToken { owner, .. } => {
            Some(Principal::api_key(id.0, organization.0, scopes).owned_by(Member::User(owner.0)))
        }
        // What the account may is limited by its roles alone.
        KeyPurpose::ServiceAccount { .. } => {
            let account = Member::ServiceAccount(key.service_account()?.0);
            Some(Principal::api_token(id.0, organization.0, TokenRole::Admin).owned_by(account))
        }
        KeyPurpose::SdkServer(_) | KeyPurpose::SdkClient(_) => None,
    }
}

fn limit(organization: OrganizationId, scope: &GivenScope) -> TokenScope {
    let (project, environment) = scope.place(organization);
    let role = match scope.role {
        GivenRole::Admin => TokenRole::Admin,
        GivenRole::Editor => TokenRole::Editor,
        GivenRole::Viewer => TokenRole::Viewer,
    };
    TokenScope { role, project: project.map(|id| id.0), environment: environment.map(|id| id.0) }
}

fn invalid(detail: &str) -> Problem {
    challenge(code::BAD_CREDENTIALS, detail, "Bearer realm=\"ff\", error=\"invalid_token\"")
}

impl fmt::Debug for Doorkeeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Doorkeeper").finish_non_exhaustive()
    }
}
