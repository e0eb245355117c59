//! Experiments in the catalog.

use ff_domain::Experiment;

use super::{Cataloged, Described, cell, json, read, search};
use crate::{
    catalog::table::{Cell, Table, Type},
    database::list,
};

impl Cataloged for Experiment {
    const TABLE: Table = Table {
        name: "experiments",
        columns: &[
            ("project", Type::Uuid),
            ("key", Type::Text),
            ("name", Type::Text),
            ("hypothesis", Type::Text),
            ("status", Type::Text),
            ("flag", Type::Text),
            ("environment", Type::Text),
            ("owner", Type::Uuid),
            ("tags", Type::List),
            ("metrics", Type::List),
            ("layers", Type::List),
            ("iteration", Type::Int),
            ("started_at", Type::Time),
            ("ended_at", Type::Time),
            ("search", Type::Text),
        ],
    };

    fn exists(&self) -> bool {
        !matches!(self, Self::Absent)
    }

    fn describe(&self) -> Option<Described> {
        let state = self.state()?;
        let design = &state.design;
        let metrics = design.metrics.keys();
        let layers = design.layer.iter().chain(&design.holdouts);
        let last = state.iterations.last();
        let cells = vec![
            Cell::Uuid(Some(state.project.0)),
            cell(state.key.as_str()),
            cell(&state.name),
            cell(&state.hypothesis),
            cell(state.status.as_str()),
            cell(state.flag.as_str()),
            cell(state.environment.as_str()),
            Cell::Uuid(state.owner.map(|owner| owner.0)),
            Cell::Text(list(state.tags.iter().map(String::as_str))),
            Cell::Text(list(metrics.iter().map(|key| key.as_str()))),
            Cell::Text(list(layers.map(|key| key.as_str()))),
            Cell::Int(last.map(|iteration| iteration.number.into())),
            Cell::Time(state.iterations.first().map(|iteration| iteration.started_at)),
            Cell::Time(last.and_then(|iteration| iteration.ended_at)),
            search(state.key.as_str(), &state.name, &state.hypothesis),
        ];
        let archived = matches!(self, Self::Archived(_));
        Some(Described { archived, document: json(state), cells })
    }

    fn restore(document: &str, archived: bool) -> Result<Self, serde_json::Error> {
        let state = read(document).map(Box::new);
        state.map(if archived { Self::Archived } else { Self::Live })
    }
}
