//! Makes the planned changes, flag by flag.

use ff_evaluator::Outcome;
use reqwest::Method;
use serde_json::json;

use super::error::ImportError;
use super::plan::{FlagChange, Step};
use super::remote::{Changed, Remote};

/// Makes all changes and answers how many. Each flag is changed only as long as nobody else changes it.
pub(crate) async fn all(changes: &[FlagChange<'_>], remote: &Remote) -> Result<usize, ImportError> {
    let mut made = 0;
    for change in changes {
        let key = change.wanted.definition.key.as_str();
        let mut version = change.present_version;
        let mut position = None;
        for step in &change.steps {
            let done = one(change, step, version, remote).await?;
            version = Some(done.version);
            position = Some(done.position);
            made += 1;
        }
        if let Some(position) = position {
            remote.settle(key, &position).await?;
        }
    }
    Ok(made)
}

async fn one(
    change: &FlagChange<'_>,
    step: &Step,
    version: Option<u64>,
    remote: &Remote,
) -> Result<Changed, ImportError> {
    let definition = &change.wanted.definition;
    let key = definition.key.as_str();
    match step {
        Step::Create => {
            let Outcome::Variation(default) = &definition.default else {
                unreachable!("an imported flag never splits")
            };
            let body = json!({
                "key": key,
                "name": key,
                "description": change.wanted.description.as_deref().unwrap_or_default(),
                "type": definition.kind,
                "variations": definition.variations,
                "initial": {
                    "off_variation": definition.off_variation,
                    "default_variation": default,
                },
            });
            remote.change(Method::POST, &[], Some(body), None).await
        }
        Step::Describe(description) => {
            let body = json!({ "description": description });
            remote.change(Method::PATCH, &[key], Some(body), version).await
        }
        Step::AddVariation(variation) => {
            let body = json!(variation);
            remote.change(Method::POST, &[key, "variations"], Some(body), version).await
        }
        Step::ChangeVariation { key: variation, value } => {
            let path = [key, "variations", variation.as_str()];
            remote.change(Method::PATCH, &path, Some(json!({ "value": value })), version).await
        }
        Step::RemoveVariation(variation) => {
            let path = [key, "variations", variation.as_str()];
            remote.change(Method::DELETE, &path, None, version).await
        }
        Step::ReplaceTargeting(targeting) => {
            let path = remote.in_environment(key, "targeting");
            remote.change(Method::PUT, &path, Some(json!(targeting)), version).await
        }
        Step::TurnOn => {
            remote.change(Method::POST, &remote.in_environment(key, "on"), None, version).await
        }
        Step::TurnOff => {
            remote.change(Method::POST, &remote.in_environment(key, "off"), None, version).await
        }
    }
}
