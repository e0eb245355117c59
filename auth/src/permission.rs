//! What can be done: one permission for each business verb, not for each route.
//!
//! The list is one table, so that the name of a permission, the least role that holds it and its
//! meaning cannot be kept apart. The names are stable: policies and tokens are written in them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::access::BuiltInRole;

macro_rules! permissions {
    ($($variant:ident $name:literal $role:ident $doc:literal)*) => {
        /// Something a principal may or may not do.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum Permission {
            $(#[doc = $doc] #[serde(rename = $name)] $variant,)*
        }

        impl Permission {
            /// Every permission there is.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// Its name in policies, on the wire and in messages, such as `flag.toggle`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }

            /// What whoever has it may do, in a sentence.
            #[must_use]
            pub const fn about(self) -> &'static str {
                match self { $(Self::$variant => $doc),* }
            }

            /// The least built-in role that holds it.
            #[must_use]
            pub const fn least_role(self) -> BuiltInRole {
                match self { $(Self::$variant => BuiltInRole::$role),* }
            }
        }

        /// Permissions as types, for what asks for one of them where a program is compiled.
        pub mod right {
            use super::Permission;

            /// A permission as a type.
            pub trait Right: Send + Sync + 'static {
                /// The permission.
                const PERMISSION: Permission;
            }

            $(
                #[doc = $doc]
                #[derive(Debug, Clone, Copy)]
                pub struct $variant;

                impl Right for $variant {
                    const PERMISSION: Permission = Permission::$variant;
                }
            )*
        }
    };
}

permissions! {
    OrganizationCreate   "organization.create"   Owner  "Found an organization."
    OrganizationRead     "organization.read"     Viewer "See an organization."
    OrganizationUpdate   "organization.update"   Admin  "Rename an organization or change its settings."
    OrganizationArchive  "organization.archive"  Owner  "Archive or restore an organization."
    ProjectCreate        "project.create"        Admin  "Create a project."
    ProjectRead          "project.read"          Viewer "See projects."
    ProjectUpdate        "project.update"        Admin  "Rename or describe a project."
    ProjectArchive       "project.archive"       Admin  "Archive or restore a project."
    EnvironmentCreate    "environment.create"    Admin  "Create an environment."
    EnvironmentRead      "environment.read"      Viewer "See environments."
    EnvironmentUpdate    "environment.update"    Admin  "Rename or describe an environment."
    EnvironmentArchive   "environment.archive"   Admin  "Archive or restore an environment."
    FlagCreate           "flag.create"           Editor "Create a flag."
    FlagRead             "flag.read"             Viewer "See flags, their targeting and how they evaluate."
    FlagUpdate           "flag.update"           Editor "Change what holds in every environment: name, tags, owner, variations."
    FlagToggle           "flag.toggle"           Editor "Turn a flag on or off in an environment."
    FlagEditTargeting    "flag.edit_targeting"   Editor "Change targets, rules, rollouts and prerequisites in an environment."
    FlagArchive          "flag.archive"          Editor "Archive or restore a flag."
    SegmentCreate        "segment.create"        Editor "Create a segment."
    SegmentRead          "segment.read"          Viewer "See segments and where they are used."
    SegmentEdit          "segment.edit"          Editor "Change a segment's rules and lists."
    SegmentArchive       "segment.archive"       Editor "Archive or restore a segment."
    ExperimentCreate     "experiment.create"     Editor "Draft an experiment."
    ExperimentRead       "experiment.read"       Viewer "See experiments and their results."
    ExperimentEdit       "experiment.edit"       Editor "Change an experiment's details and design."
    ExperimentStart      "experiment.start"      Editor "Start or resume an experiment."
    ExperimentStop       "experiment.stop"       Editor "Pause or stop an experiment."
    ExperimentDecide     "experiment.decide"     Editor "Say what follows from an experiment."
    ExperimentShip       "experiment.ship"       Editor "Serve the winner of an experiment."
    ExperimentArchive    "experiment.archive"    Editor "Archive or restore an experiment."
    MetricCreate         "metric.create"         Editor "Create a metric."
    MetricRead           "metric.read"           Viewer "See metrics and where they are used."
    MetricEdit           "metric.edit"           Editor "Change a metric's details and definition."
    MetricArchive        "metric.archive"        Editor "Archive or restore a metric."
    LayerCreate          "layer.create"          Editor "Create a layer."
    LayerRead            "layer.read"            Viewer "See layers and who has which part."
    LayerEdit            "layer.edit"            Editor "Rename or describe a layer."
    LayerArchive         "layer.archive"         Editor "Archive or restore a layer."
    ApiKeyRead           "api_key.read"          Admin  "See which keys exist, never the keys."
    ApiKeyIssue          "api_key.issue"         Admin  "Issue or rotate a key."
    ApiKeyRevoke         "api_key.revoke"        Admin  "Revoke a key."
    PersonalTokenIssue   "personal_token.issue"  Viewer "Issue a token that may do some of what oneself may."
    PersonalTokenRevoke  "personal_token.revoke" Viewer "Revoke a token of one's own."
    MembershipRead       "membership.read"       Viewer "See who belongs to an organization."
    MembershipGrant      "membership.grant"      Admin  "Add a member or give them a role."
    MembershipRevoke     "membership.revoke"     Admin  "Remove a member or take a role from them."
    MembershipLeave      "membership.leave"      Viewer "Leave an organization."
    RoleDefine           "role.define"           Admin  "Make, change or remove a role of the organization's own."
    ServiceAccountRead   "service_account.read"  Viewer "See service accounts and their roles."
    ServiceAccountCreate "service_account.create" Admin "Create a service account."
    ServiceAccountEdit   "service_account.edit"  Admin  "Change a service account's details and roles."
    ServiceAccountArchive "service_account.archive" Admin "Archive or restore a service account."
    SignInConfigure      "sign_in.configure"     Owner  "Connect the organization to its identity provider."
    AuditRead            "audit.read"            Viewer "Read and verify the audit log."
    SecurityRead         "security.read"         Admin  "Read and export the security log."
}

/// The name is of no permission.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no permission `{name}`: use a name such as `flag.toggle`")]
pub struct UnknownPermission {
    /// What was given.
    pub name: String,
}

impl FromStr for Permission {
    type Err = UnknownPermission;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .iter()
            .copied()
            .find(|permission| permission.as_str() == name)
            .ok_or_else(|| UnknownPermission { name: name.to_owned() })
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_name_is_its_own_and_reads_back() {
        let names: BTreeSet<_> = Permission::ALL.iter().map(|p| p.as_str()).collect();
        assert_eq!(names.len(), Permission::ALL.len());
        for &permission in Permission::ALL {
            assert_eq!(permission.as_str().parse::<Permission>().unwrap(), permission);
            let json = serde_json::to_string(&permission).unwrap();
            assert_eq!(json, format!("\"{permission}\""));
        }
        assert_eq!(
            "flag.explode".parse::<Permission>(),
            Err(UnknownPermission { name: "flag.explode".to_owned() })
        );
    }

    #[test]
    fn a_viewer_reads_and_does_what_is_about_themselves() {
        for &permission in Permission::ALL {
            if permission.least_role() == BuiltInRole::Viewer {
                let name = permission.as_str();
                let own = name.starts_with("personal_token.") || name == "membership.leave";
                assert!(own || name.ends_with(".read"), "{permission} is no reading");
            }
        }
    }

    #[test]
    fn what_each_is_about_is_a_sentence() {
        for &permission in Permission::ALL {
            let about = permission.about();
            assert!(about.ends_with('.') && about.starts_with(char::is_uppercase), "{about}");
        }
    }
}
