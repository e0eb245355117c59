//! What can be done: one permission for each business verb, not for each route.
//!
//! The list is one table, so that the name of a permission, the least role that holds it and its
//! meaning cannot be kept apart. The names are stable: policies and tokens are written in them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::access::BuiltInRole;
use crate::principal::TokenRole;

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

            /// The least built-in role that holds it.
            #[must_use]
            pub const fn least_role(self) -> BuiltInRole {
                match self { $(Self::$variant => BuiltInRole::$role),* }
            }
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
    MembershipRead       "membership.read"       Viewer "See who belongs to an organization."
    MembershipGrant      "membership.grant"      Admin  "Add a member or change their role."
    MembershipRevoke     "membership.revoke"     Admin  "Remove a member."
    AuditRead            "audit.read"            Viewer "Read and verify the audit log."
}

impl Permission {
    /// The least role of an API token that [`OwnerAuthorizer`](crate::OwnerAuthorizer) wants for it.
    /// No token is an owner; that policy lets an admin's token do what only owners do.
    #[must_use]
    pub const fn least_token_role(self) -> TokenRole {
        match self.least_role() {
            BuiltInRole::Viewer => TokenRole::Viewer,
            BuiltInRole::Editor => TokenRole::Editor,
            BuiltInRole::Admin | BuiltInRole::Owner => TokenRole::Admin,
        }
    }
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
    fn a_viewer_reads_and_does_nothing_else() {
        for &permission in Permission::ALL {
            if permission.least_role() == BuiltInRole::Viewer {
                assert!(permission.as_str().ends_with(".read"), "{permission} is no reading");
            }
        }
    }
}
