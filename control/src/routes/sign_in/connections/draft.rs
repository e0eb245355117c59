//! A connection as somebody wants it to be, and whether they may have it.

use std::collections::BTreeSet;

use axum::http::StatusCode;
use ff_auth::{Gift, Permission, RoleName, Scope};
use ff_commands::{CommandError, Target};
use ff_domain::{
    Membership, MembershipCommand, MembershipError, MembershipId, OrganizationId, RoleAssignment,
    UserId, role::OWNER,
};
use ff_identity::oidc::{Connection, ConnectionDraft, GroupRoles};
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;

use super::roles;
use crate::App;
use crate::middleware::Caller;
use crate::problem::{Problem, code};
use crate::request::Payload;
use crate::routes::sign_in::join::index;

/// A connection as it is to be.
#[derive(Deserialize, ToSchema)]
#[schema(as = WriteSignInConnection)]
#[serde(deny_unknown_fields)]
pub(crate) struct Draft {
    /// What people see on the button.
    #[schema(example = "Example Inc.")]
    name: String,
    /// The provider, exactly as it writes itself in its tokens, down to the slash at the end.
    #[schema(example = "https://login.example.com/realms/staff")]
    issuer: String,
    /// Who the platform is to the provider.
    client_id: String,
    /// Needed for a new connection, and for another issuer or client id; otherwise the one it has stays.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = Password)]
    client_secret: Option<SecretString>,
    /// The claim with somebody's groups, a list of texts or one text.
    #[serde(default)]
    #[schema(example = "groups")]
    groups_claim: Option<String>,
    /// What members of a group get.
    #[serde(default)]
    group_roles: Vec<GroupRolesDraft>,
    /// What those get none of whose groups is listed. With none they are not let in.
    #[serde(default)]
    default_roles: Vec<RoleAssignment>,
    /// Domains whose e-mails the provider may vouch for. Empty for all.
    #[serde(default)]
    email_domains: Vec<String>,
    /// Whether nobody comes in without an e-mail that the provider has verified, of one of the domains.
    #[serde(default)]
    require_email: bool,
    /// Whether anybody can come in this way.
    #[serde(default = "yes")]
    #[schema(default = true)]
    enabled: bool,
}

/// What members of a group are to get.
#[derive(Deserialize, ToSchema)]
#[schema(as = WriteGroupRoles)]
#[serde(deny_unknown_fields)]
pub(crate) struct GroupRolesDraft {
    /// The group, as the provider writes it.
    group: String,
    /// The roles.
    roles: Vec<RoleAssignment>,
}

const fn yes() -> bool {
    true
}

impl Payload for Draft {
    const LIMIT: usize = 256 * 1024;
}

impl Draft {
    /// The same, once its roles are known to exist.
    pub(super) async fn checked(
        self,
        app: &App,
        organization: OrganizationId,
        now: Timestamp,
    ) -> Result<Checked, Problem> {
        if self.client_secret.as_ref().is_some_and(|secret| secret.expose_secret().is_empty()) {
            return Err(wrong(code::BAD_CONNECTION).at(
                "/client_secret",
                "give the secret, or leave the field out to keep the one there is",
            ));
        }
        let given: BTreeSet<_> = self.places().map(|(_, role)| role.clone()).collect();
        // Somebody may be in all groups, so all roles together must be such as one member can have.
        let user = UserId(Uuid::now_v7());
        let target = Target::<Membership>::new(organization, MembershipId::of(organization, user));
        let grant = MembershipCommand::Grant { organization, user, roles: given.clone() };
        match app.commands.rehearse(target, grant, now).await {
            Ok(()) => {}
            Err(CommandError::Rejected(error @ MembershipError::Invalid(_))) => {
                return Err(self.explain(&error, &given));
            }
            Err(error) => return Err(error.into()),
        }
        let Self { name, issuer, client_id, client_secret, groups_claim, .. } = self;
        let group_roles = self.group_roles.into_iter();
        let draft = ConnectionDraft {
            name,
            issuer,
            client_id,
            client_secret,
            groups_claim,
            group_roles: group_roles
                .map(|entry| GroupRoles { group: entry.group, roles: json!(entry.roles) })
                .collect(),
            default_roles: json!(self.default_roles),
            email_domains: self.email_domains,
            require_email: self.require_email,
            enabled: self.enabled,
        };
        Ok(Checked { draft, roles: given })
    }

    /// Every role, and where it stands in the body.
    fn places(&self) -> impl Iterator<Item = (String, &RoleAssignment)> {
        let of_groups = self.group_roles.iter().enumerate().flat_map(|(group, entry)| {
            let roles = entry.roles.iter().enumerate();
            roles.map(move |(index, role)| (format!("/group_roles/{group}/roles/{index}"), role))
        });
        let by_default = self.default_roles.iter().enumerate();
        of_groups.chain(by_default.map(|(index, role)| (format!("/default_roles/{index}"), role)))
    }

    /// What is wrong with the roles, wherever they stand.
    fn explain(&self, error: &MembershipError, given: &BTreeSet<RoleAssignment>) -> Problem {
        let mut told = wrong(error.code());
        let MembershipError::Invalid(problems) = error else { return told };
        for problem in problems {
            let role = index(&problem.pointer).and_then(|index| given.iter().nth(index));
            let Some(role) = role else {
                told = told.at("/group_roles", &problem.detail);
                continue;
            };
            let field = problem.pointer.splitn(4, '/').nth(3).map(|field| format!("/{field}"));
            let field = field.unwrap_or_default();
            for (place, _) in self.places().filter(|(_, other)| *other == role) {
                told = told.at(format!("{place}{field}"), &problem.detail);
            }
        }
        told
    }
}

fn wrong(code: &'static str) -> Problem {
    let summary = "the input is not valid, see `errors`";
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, code, summary)
}

/// A draft whose roles exist.
pub(super) struct Checked {
    pub(super) draft: ConnectionDraft,
    roles: BTreeSet<RoleAssignment>,
}

impl Checked {
    /// Refuses whoever may not make such a connection out of what there was.
    pub(super) fn permit(
        &self,
        app: &App,
        caller: &Caller,
        organization: OrganizationId,
        before: Option<&Connection>,
    ) -> Result<(), Problem> {
        permit(app, caller, organization, &self.roles, before)
    }
}

/// Refuses whoever may not give these roles through a provider, and take those that there were.
pub(super) fn permit(
    app: &App,
    caller: &Caller,
    organization: OrganizationId,
    given: &BTreeSet<RoleAssignment>,
    before: Option<&Connection>,
) -> Result<(), Problem> {
    let scope = Scope::organization(organization.0);
    let named = |given: &RoleAssignment| {
        let (project, environment) = given.place(organization);
        let place = Scope {
            project: project.map(|id| id.0),
            environment: environment.map(|id| id.0),
            ..scope
        };
        (RoleName::named(given.role.as_str()), place)
    };
    let mut gifts: Vec<_> = given
        .iter()
        .map(|given| {
            let (role, scope) = named(given);
            Gift::Role { role, scope }
        })
        .collect();
    if let Some(before) = before {
        let mapped = before.group_roles.iter().map(|entry| &entry.roles);
        for stored in mapped.chain([&before.default_roles]) {
            gifts.extend(roles(stored.clone())?.iter().map(|taken| {
                let (role, scope) = named(taken);
                Gift::RoleBack { role, scope }
            }));
        }
    }
    // The provider can vouch for the e-mail of an owner.
    gifts.push(Gift::Role { role: RoleName::named(OWNER), scope });
    app.doorkeeper.allow_giving(caller, Permission::SignInConfigure, scope, gifts).map(drop)
}
