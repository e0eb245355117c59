//! The catalog: lists and details of organizations, projects, environments, flags, segments, experiments, metrics,
//! layers, keys, memberships and service accounts.
//!
//! One row per aggregate, with its state folded by the domain's own `apply` and the columns that lists sort and
//! filter by. A batch writes each aggregate it touched once, however many commits it has of it.

mod kinds;
mod shelf;
mod table;

use cqrs_es::Aggregate as _;
use ff_domain::{
    ApiKey, Environment, Experiment, Flag, Layer, Membership, Metric, Organization, Project,
    Segment, ServiceAccount, upcast::upcasters,
};
use ff_eventlog::{Recorded, Upcasters};
use sqlx::PgConnection;

use crate::{
    ProjectionName,
    name::Schema,
    parked::Parked,
    projection::{OnPoison, Projection},
};
pub(crate) use kinds::lifetime_name;
use shelf::Shelf;

/// See the module.
pub(crate) struct Catalog {
    upcasters: Upcasters,
    organizations: Shelf<Organization>,
    projects: Shelf<Project>,
    environments: Shelf<Environment>,
    flags: Shelf<Flag>,
    segments: Shelf<Segment>,
    experiments: Shelf<Experiment>,
    metrics: Shelf<Metric>,
    layers: Shelf<Layer>,
    api_keys: Shelf<ApiKey>,
    memberships: Shelf<Membership>,
    service_accounts: Shelf<ServiceAccount>,
}

impl Default for Catalog {
    fn default() -> Self {
        const MIB: usize = 1 << 20;
        Self {
            upcasters: upcasters().into(),
            organizations: Shelf::new(MIB),
            projects: Shelf::new(8 * MIB),
            environments: Shelf::new(MIB),
            flags: Shelf::new(16 * MIB),
            segments: Shelf::new(8 * MIB),
            experiments: Shelf::new(8 * MIB),
            metrics: Shelf::new(MIB),
            layers: Shelf::new(MIB),
            api_keys: Shelf::new(MIB),
            memberships: Shelf::new(MIB),
            service_accounts: Shelf::new(MIB),
        }
    }
}

/// Does the same with every shelf.
macro_rules! each_shelf {
    ($self:ident, $shelf:ident => $do:expr) => {{
        let $shelf = &mut $self.organizations;
        $do;
        let $shelf = &mut $self.projects;
        $do;
        let $shelf = &mut $self.environments;
        $do;
        let $shelf = &mut $self.flags;
        $do;
        let $shelf = &mut $self.segments;
        $do;
        let $shelf = &mut $self.experiments;
        $do;
        let $shelf = &mut $self.metrics;
        $do;
        let $shelf = &mut $self.layers;
        $do;
        let $shelf = &mut $self.api_keys;
        $do;
        let $shelf = &mut $self.memberships;
        $do;
        let $shelf = &mut $self.service_accounts;
        $do;
    }};
}

impl Projection for Catalog {
    const NAME: ProjectionName = ProjectionName::Catalog;
    const ON_POISON: OnPoison = OnPoison::Park;
    /// 2: experiments, metrics and layers. 3: service accounts, and whose a key is.
    const FORMAT: i32 = 3;
    const TABLES: &'static str = include_str!("catalog/tables.sql");
    const INDEXES: &'static str = include_str!("catalog/indexes.sql");

    async fn take(
        &mut self,
        transaction: &mut PgConnection,
        schema: Schema,
        commits: &[Recorded],
        parked: &mut Parked,
    ) -> Result<(), sqlx::Error> {
        // Only the order within an aggregate matters, so each kind is taken by itself. Kinds that are not of the
        // catalog are passed over.
        let upcasters = &self.upcasters;
        macro_rules! take {
            ($shelf:ident, $kind:ty) => {
                let of_kind: Vec<&Recorded> = commits
                    .iter()
                    .filter(|commit| commit.commit.aggregate.kind == <$kind>::TYPE)
                    .collect();
                self.$shelf.take(transaction, schema, &of_kind, upcasters, parked).await?;
            };
        }
        take!(organizations, Organization);
        take!(projects, Project);
        take!(environments, Environment);
        take!(flags, Flag);
        take!(segments, Segment);
        take!(experiments, Experiment);
        take!(metrics, Metric);
        take!(layers, Layer);
        take!(api_keys, ApiKey);
        take!(memberships, Membership);
        take!(service_accounts, ServiceAccount);
        Ok(())
    }

    async fn flush(
        &mut self,
        transaction: &mut PgConnection,
        schema: Schema,
    ) -> Result<(), sqlx::Error> {
        each_shelf!(self, shelf => shelf.flush(transaction, schema).await?);
        Ok(())
    }

    fn forget(&mut self) {
        each_shelf!(self, shelf => shelf.forget());
    }
}
