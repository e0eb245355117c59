//! Layers in the catalog.

use ff_domain::Layer;

use super::{Cataloged, Described, cell, json, read, search};
use crate::catalog::table::{Cell, Table, Type};

impl Cataloged for Layer {
    const TABLE: Table = Table {
        name: "layers",
        columns: &[
            ("project", Type::Uuid),
            ("key", Type::Text),
            ("name", Type::Text),
            ("description", Type::Text),
            ("search", Type::Text),
        ],
    };

    fn exists(&self) -> bool {
        !matches!(self, Self::Absent)
    }

    fn describe(&self) -> Option<Described> {
        let state = self.state()?;
        let cells = vec![
            Cell::Uuid(Some(state.project.0)),
            cell(state.key.as_str()),
            cell(&state.name),
            cell(&state.description),
            search(state.key.as_str(), &state.name, &state.description),
        ];
        let archived = matches!(self, Self::Archived(_));
        Some(Described { archived, document: json(state), cells })
    }

    fn restore(document: &str, archived: bool) -> Result<Self, serde_json::Error> {
        read(document).map(if archived { Self::Archived } else { Self::Live })
    }
}
