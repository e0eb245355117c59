//! From what the log says of an experiment to what its analysis must know.

use ff_analytics::plan::{self, ExperimentPlan};
use ff_domain::{
    MetricKey, VariationKey,
    experiment::{self, Breach, ExperimentState, Iteration, Status},
    metric::{self, MetricKind, MetricState},
};
use ff_evaluator::{Weight, WeightedVariation};
use ff_projections::queries::Dossier;

/// The plan of an experiment. Metrics that are not known any more are left out.
pub fn of(dossier: &Dossier) -> ExperimentPlan {
    let state = &dossier.experiment;
    ExperimentPlan {
        id: state.id().0,
        key: state.key.to_string(),
        name: state.name.clone(),
        version: dossier.version,
        position: dossier.position.to_string(),
        organization: dossier.organization.0,
        project: state.project.0,
        environment: dossier.environment_id.0,
        flag: state.flag.to_string(),
        flag_version: dossier.flag_version,
        status: status(state.status),
        arms: arms(&state.design.arms, &state.design.control),
        traffic: share(state.design.traffic),
        bucket_by: state.design.bucket_by.clone(),
        iterations: state.iterations.iter().map(iteration).collect(),
        metrics: metrics(state, &dossier.metrics),
        analysis: analysis(&state.design.analysis),
    }
}

fn status(status: Status) -> plan::Status {
    match status {
        Status::Draft => plan::Status::Draft,
        Status::Running => plan::Status::Running,
        Status::Paused => plan::Status::Paused,
        Status::Stopped => plan::Status::Stopped,
        Status::Decided => plan::Status::Decided,
    }
}

fn iteration(iteration: &Iteration) -> plan::Iteration {
    plan::Iteration {
        number: iteration.number,
        rule: iteration.definition.rule.clone(),
        started_at: iteration.started_at,
        ended_at: iteration.ended_at,
        arms: arms(&iteration.arms, &iteration.control),
    }
}

/// The control comes first, the others as they are listed.
fn arms(arms: &[WeightedVariation], control: &VariationKey) -> Vec<plan::Arm> {
    let (control, others): (Vec<_>, Vec<_>) =
        arms.iter().partition(|arm| arm.key == control.as_str());
    let arm = |arm: &WeightedVariation| plan::Arm {
        variation: arm.key.clone(),
        weight: arm.weight.thousandths(),
    };
    control.into_iter().chain(others).map(arm).collect()
}

fn metrics(state: &ExperimentState, known: &[(MetricState, u64)]) -> Vec<plan::MetricUse> {
    let measures = &state.design.metrics;
    let find = |key: &MetricKey| {
        known.iter().find(|(metric, _)| metric.key == *key).map(|(metric, _)| of_metric(metric))
    };
    let used = |key: &MetricKey, role| find(key).map(|metric| plan::MetricUse { metric, role });
    let primary = measures.primary.iter().filter_map(|key| used(key, plan::Role::Primary));
    let secondary = measures.secondary.iter().filter_map(|key| used(key, plan::Role::Secondary));
    let guardrails = measures.guardrails.iter().filter_map(|guardrail| {
        used(&guardrail.metric, plan::Role::Guardrail { margin: share(guardrail.margin) })
    });
    primary.chain(secondary).chain(guardrails).collect()
}

/// What is to be done when a guardrail is crossed; none if it is only to be shown.
pub fn on_breach(state: &ExperimentState, metric: &str) -> Option<Breach> {
    let guardrail = state.design.metrics.guardrails.iter().find(|g| g.metric.as_str() == metric)?;
    Some(guardrail.on_breach).filter(|on_breach| *on_breach != Breach::Report)
}

/// A metric as the analysis knows it.
pub fn of_metric(state: &MetricState) -> plan::Metric {
    let definition = &state.definition;
    plan::Metric {
        id: state.id().0,
        key: state.key.to_string(),
        name: state.name.clone(),
        version: state.version,
        kind: kind(&definition.kind),
        unit: definition.unit.clone(),
        better: match definition.better {
            metric::Better::Higher => plan::Better::Higher,
            metric::Better::Lower => plan::Better::Lower,
        },
        cap: definition.cap.map(|cap| match cap {
            metric::Cap::Value { value } => plan::Cap::Value { value: value.to_f64() },
            metric::Cap::Percentile { percentile } => {
                plan::Cap::Percentile { p: share(percentile) }
            }
        }),
        window_hours: definition.window_hours,
        covariate_days: definition.covariate_days,
    }
}

fn kind(kind: &MetricKind) -> plan::MetricKind {
    let term = |term: &metric::Term| plan::Term {
        event: term.event.clone(),
        take: match term.take {
            metric::Take::Sum => plan::Take::Sum,
            metric::Take::Count => plan::Take::Count,
        },
    };
    match kind {
        MetricKind::Binomial { event } => plan::MetricKind::Binomial { event: event.clone() },
        MetricKind::Mean { event } => plan::MetricKind::Mean { event: event.clone() },
        MetricKind::Count { event } => plan::MetricKind::Count { event: event.clone() },
        MetricKind::Ratio { numerator, denominator } => {
            plan::MetricKind::Ratio { numerator: term(numerator), denominator: term(denominator) }
        }
        MetricKind::Quantile { event, percentile } => {
            plan::MetricKind::Quantile { event: event.clone(), q: share(*percentile) }
        }
        MetricKind::Retention { event, from_day, to_day } => plan::MetricKind::Retention {
            event: event.clone(),
            from_day: *from_day,
            to_day: *to_day,
        },
        MetricKind::Funnel { steps } => plan::MetricKind::Funnel { steps: steps.clone() },
    }
}

fn analysis(analysis: &experiment::Analysis) -> plan::Analysis {
    plan::Analysis {
        alpha: f64::from(Weight::WHOLE.thousandths() - analysis.confidence.thousandths())
            / f64::from(Weight::WHOLE.thousandths()),
        power: share(analysis.power),
        method: match analysis.method {
            experiment::Method::ObrienFleming => plan::Method::ObrienFleming,
            experiment::Method::Pocock => plan::Method::Pocock,
            experiment::Method::AlwaysValid => plan::Method::AlwaysValid,
            experiment::Method::Fixed => plan::Method::Fixed,
        },
        planned_users: analysis.planned_users,
        look_every_hours: analysis.look_every_hours,
        minimum_effect: analysis.minimum_effect.map(share),
        correction: match analysis.correction {
            experiment::Correction::None => plan::Correction::None,
            experiment::Correction::Bonferroni => plan::Correction::Bonferroni,
            experiment::Correction::Holm => plan::Correction::Holm,
            experiment::Correction::Hochberg => plan::Correction::Hochberg,
            experiment::Correction::BenjaminiHochberg => plan::Correction::BenjaminiHochberg,
        },
        breakdowns: analysis.breakdowns.clone(),
    }
}

/// Percent as a share of 1.
fn share(percent: Weight) -> f64 {
    f64::from(percent.thousandths()) / f64::from(Weight::WHOLE.thousandths())
}
