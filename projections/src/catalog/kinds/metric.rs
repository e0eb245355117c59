//! Metrics in the catalog.

use ff_domain::{Metric, metric::MetricKind};

use super::{Cataloged, Described, cell, json, read, search};
use crate::{
    catalog::table::{Cell, Table, Type},
    database::list,
};

/// How a kind of metric is called, as in JSON.
fn kind_name(kind: &MetricKind) -> &'static str {
    match kind {
        MetricKind::Binomial { .. } => "binomial",
        MetricKind::Mean { .. } => "mean",
        MetricKind::Count { .. } => "count",
        MetricKind::Ratio { .. } => "ratio",
        MetricKind::Quantile { .. } => "quantile",
        MetricKind::Retention { .. } => "retention",
        MetricKind::Funnel { .. } => "funnel",
    }
}

impl Cataloged for Metric {
    const TABLE: Table = Table {
        name: "metrics",
        columns: &[
            ("project", Type::Uuid),
            ("key", Type::Text),
            ("name", Type::Text),
            ("description", Type::Text),
            ("kind", Type::Text),
            ("events", Type::List),
            ("owner", Type::Uuid),
            ("tags", Type::List),
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
            cell(kind_name(&state.definition.kind)),
            Cell::Text(list(state.definition.events())),
            Cell::Uuid(state.owner.map(|owner| owner.0)),
            Cell::Text(list(state.tags.iter().map(String::as_str))),
            search(state.key.as_str(), &state.name, &state.description),
        ];
        let archived = matches!(self, Self::Archived(_));
        Some(Described { archived, document: json(state), cells })
    }

    fn restore(document: &str, archived: bool) -> Result<Self, serde_json::Error> {
        read(document).map(if archived { Self::Archived } else { Self::Live })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_called_as_in_json() {
        for kind in [
            r#"{"type":"binomial","event":"e"}"#,
            r#"{"type":"mean","event":"e"}"#,
            r#"{"type":"count","event":"e"}"#,
            r#"{"type":"ratio","numerator":{"event":"e","take":"sum"},"denominator":{"event":"e","take":"count"}}"#,
            r#"{"type":"quantile","event":"e","percentile":95}"#,
            r#"{"type":"retention","event":"e","from_day":1,"to_day":7}"#,
            r#"{"type":"funnel","steps":["e","f"]}"#,
        ] {
            let read: MetricKind = serde_json::from_str(kind).unwrap();
            assert!(kind.contains(&format!("\"{}\"", kind_name(&read))), "{kind}");
        }
    }
}
