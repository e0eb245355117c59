//! A grant is good for one command in one place, by one actor.

use ff_auth::{
    Authorizer as _, BuiltInRole, Grant, Member, OrganizationPolicy, Permission, Place, Principal,
    Scope, TokenRole,
};
use ff_commands::{Actor, ActorKind, CommandError, CommandMeta, Target};
use ff_domain::{
    Flag, FlagCommand, FlagError, Item, Project, ProjectCommand, References, flag::CreateFlag,
};
use ff_eventlog::MemoryLog;
use uuid::Uuid;

use crate::{
    fixture::{World, authorizer, meta, new_flag, permit, turn_on},
    lab::{PAUSE, draft},
};

async fn spend(
    world: &World<MemoryLog>,
    grant: &Grant,
    command: FlagCommand,
    meta: CommandMeta,
) -> Result<u64, CommandError<Flag>> {
    let target = Target::new(world.org, world.flag("checkout"));
    let done = world.executor.execute::<Flag>(grant, target, command, meta, None).await;
    done.map(|done| done.version)
}

fn is_refused(answer: &Result<u64, CommandError<Flag>>) -> bool {
    matches!(answer, Err(error @ CommandError::NotGranted) if error.code() == "FF-2001")
}

#[tokio::test]
async fn a_grant_is_for_one_permission() {
    let world = World::in_memory().await;
    world.create_flag("checkout").await;
    let scope = Scope::organization(world.org.0);
    for &permission in Permission::ALL {
        let answer = spend(&world, &permit(permission, scope), turn_on("dev"), meta()).await;
        assert_eq!(is_refused(&answer), permission != Permission::FlagToggle, "{permission}");
    }
}

#[tokio::test]
async fn a_grant_is_for_one_place() {
    let world = World::in_memory().await;
    world.create_flag("checkout").await;
    let org = Scope::organization(world.org.0);
    let project = org.in_project(world.project.0);
    let elsewhere = [
        Scope::organization(Uuid::from_u128(1)),
        org.in_project(Uuid::from_u128(1)),
        project.in_environment(world.environment("prod").0),
    ];
    for scope in elsewhere {
        let grant = permit(Permission::FlagToggle, scope);
        let answer = spend(&world, &grant, turn_on("dev"), meta()).await;
        assert!(is_refused(&answer), "{scope:?}: {answer:?}");
    }
    let around = [org, project, project.in_environment(world.environment("dev").0)];
    for scope in around {
        let grant = permit(Permission::FlagToggle, scope);
        assert_eq!(spend(&world, &grant, turn_on("dev"), meta()).await.unwrap(), 2, "{scope:?}");
    }
    let narrow = permit(Permission::FlagUpdate, around[2]);
    let wide = FlagCommand::RemoveVariation { key: "spare".to_owned() };
    assert!(is_refused(&spend(&world, &narrow, wide, meta()).await));
}

#[tokio::test]
async fn a_project_s_grant_hears_what_is_not_there() {
    let world = World::in_memory().await;
    let scope = Scope::organization(world.org.0).in_project(world.project.0);
    let grant = permit(Permission::FlagToggle, scope);
    let answer = spend(&world, &grant, turn_on("dev"), meta()).await;
    assert!(matches!(answer, Err(CommandError::Rejected(FlagError::NotFound))), "{answer:?}");
}

#[tokio::test]
async fn nobody_acts_in_another_s_name() {
    let world = World::in_memory().await;
    world.create_flag("checkout").await;
    let (user, other) = (Uuid::from_u128(20), Uuid::from_u128(21));
    let owns = OrganizationPolicy::new(world.org.0).with(
        Member::User(user),
        BuiltInRole::Owner,
        Place::Organization,
    );
    let owners = authorizer(owns);
    let scope = Scope::organization(world.org.0);
    let by_user = owners.authorize(&Principal::user(user), Permission::FlagToggle, &scope).unwrap();
    let token = Principal::api_token(user, world.org.0, TokenRole::Admin);
    let by_token = owners.authorize(&token, Permission::FlagToggle, &scope).unwrap();
    let cases = [
        (&by_user, ActorKind::User, user, true),
        (&by_user, ActorKind::User, other, false),
        (&by_user, ActorKind::ApiKey, user, false),
        (&by_user, ActorKind::System, Uuid::nil(), false),
        (&by_token, ActorKind::ApiKey, user, true),
        (&by_token, ActorKind::User, user, false),
    ];
    for (grant, kind, id, allowed) in cases {
        let meta = CommandMeta { actor: Actor { kind, id }, ..meta() };
        let answer = spend(&world, grant, turn_on("dev"), meta).await;
        assert_eq!(is_refused(&answer), !allowed, "{kind:?} {id}: {answer:?}");
    }
}

#[tokio::test]
async fn what_mentions_what_is_not_for_callers_to_say() {
    let world = World::in_memory().await;
    let command = ProjectCommand::SetReferences {
        item: Item::Flag("checkout".parse().unwrap()),
        references: References::default(),
    };
    for &permission in Permission::ALL {
        let grant = permit(permission, Scope::organization(world.org.0));
        let target = Target::new(world.org, world.project);
        let answer =
            world.executor.execute::<Project>(&grant, target, command.clone(), meta(), None).await;
        assert!(matches!(answer, Err(CommandError::NotGranted)), "{permission}");
    }
}

#[tokio::test]
async fn what_is_created_gets_the_id_of_its_key() {
    let world = World::in_memory().await;
    let grant = permit(Permission::FlagCreate, Scope::organization(world.org.0));
    let answer = spend(&world, &grant, new_flag(world.project, "other"), meta()).await;
    assert!(matches!(answer, Err(CommandError::Misaddressed)), "{answer:?}");
}

#[tokio::test]
async fn what_does_not_fit_in_a_commit_is_refused() {
    let world = World::in_memory().await;
    let FlagCommand::Create(new) = new_flag(world.project, "checkout") else { unreachable!() };
    let mut variations = new.variations.clone();
    for index in 0..40 {
        let text = "x".repeat(60_000);
        let value = serde_json::json!({ "text": text });
        variations.push(variation(&format!("v{index}"), &value));
    }
    for variation in &mut variations[..3] {
        variation.value = serde_json::json!({ "on": variation.value });
    }
    let new = CreateFlag { variations, kind: serde_json::from_str("\"json\"").unwrap(), ..*new };
    let answer =
        world.run::<Flag>(world.flag("checkout"), FlagCommand::Create(Box::new(new))).await;
    let error = answer.unwrap_err();
    assert!(matches!(error, CommandError::TooLarge { .. }), "{error:?}");
    assert_eq!(error.code(), "FF-2007");
}

fn variation<T: serde::de::DeserializeOwned>(key: &str, value: &serde_json::Value) -> T {
    serde_json::from_value(serde_json::json!({"key": key, "value": value})).unwrap()
}

/// The commands of experiments, metrics and layers, with what each needs.
#[tokio::test]
async fn each_command_needs_its_permission_in_its_place() {
    use ff_domain::{Experiment, ExperimentCommand, Layer, LayerCommand, Metric, MetricCommand};
    let world = World::in_memory().await;
    let x = world.prepared("x", "checkout").await;
    let metric = world.metric("orders");
    let layer = world.create_layer("main").await;
    let org = Scope::organization(world.org.0);
    let project = org.in_project(world.project.0);
    let decide = ExperimentCommand::Decide {
        outcome: ff_domain::experiment::Verdict::KeepControl,
        reason: "so".to_owned(),
    };
    let design = ExperimentCommand::ReplaceDesign {
        design: Box::new(crate::lab::design(&serde_json::json!({}))),
        reshuffle: None,
    };
    let of_experiments = [
        (
            draft(world.project, "x", "checkout", &serde_json::json!({})),
            Permission::ExperimentCreate,
        ),
        (ExperimentCommand::ChangeDetails(Default::default()), Permission::ExperimentEdit),
        (design, Permission::ExperimentEdit),
        (ExperimentCommand::Start, Permission::ExperimentStart),
        (ExperimentCommand::Resume, Permission::ExperimentStart),
        (PAUSE, Permission::ExperimentStop),
        (ExperimentCommand::Stop, Permission::ExperimentStop),
        (decide, Permission::ExperimentDecide),
        (ExperimentCommand::Ship, Permission::ExperimentShip),
        (ExperimentCommand::Archive, Permission::ExperimentArchive),
        (ExperimentCommand::Restore, Permission::ExperimentArchive),
    ];
    let elsewhere = [
        Scope::organization(Uuid::from_u128(1)),
        org.in_project(Uuid::from_u128(1)),
        project.in_environment(world.environment("prod").0),
    ];
    let around = [org, project, project.in_environment(world.environment("dev").0)];
    for (command, needed) in of_experiments {
        let spend = async |world: &World<MemoryLog>, grant: Grant, expected: Option<u64>| {
            let target = Target::<Experiment>::new(world.org, x);
            let answer =
                world.executor.execute(&grant, target, command.clone(), meta(), expected).await;
            !matches!(answer, Err(CommandError::NotGranted))
        };
        for &permission in Permission::ALL {
            // At a version it never has: whoever may do it hears that, and nothing changes.
            let granted = spend(&world, permit(permission, org), Some(77)).await;
            assert_eq!(granted, permission == needed, "{command:?} {permission}");
        }
        for scope in elsewhere {
            assert!(!spend(&world, permit(needed, scope), None).await, "{command:?} {scope:?}");
        }
        for scope in around {
            let world = World::in_memory().await;
            world.prepared("x", "checkout").await;
            assert!(spend(&world, permit(needed, scope), None).await, "{command:?} {scope:?}");
        }
    }
    let (dev, experiment) = ("dev".parse().unwrap(), "x".parse().unwrap());
    let of_layers = [
        (LayerCommand::ChangeDetails(Default::default()), Some(Permission::LayerEdit)),
        (LayerCommand::Archive, Some(Permission::LayerArchive)),
        (LayerCommand::Restore, Some(Permission::LayerArchive)),
        (LayerCommand::Release { environment: dev, experiment }, None),
    ];
    for (command, needed) in of_layers {
        for &permission in Permission::ALL {
            let (grant, target) = (permit(permission, org), Target::<Layer>::new(world.org, layer));
            let answer =
                world.executor.execute(&grant, target, command.clone(), meta(), Some(77)).await;
            let granted = !matches!(answer, Err(CommandError::NotGranted));
            assert_eq!(granted, Some(permission) == needed, "{command:?} {permission}");
        }
    }
    for (command, needed) in [
        (MetricCommand::ChangeDetails(Default::default()), Permission::MetricEdit),
        (MetricCommand::Archive, Permission::MetricArchive),
        (MetricCommand::Restore, Permission::MetricArchive),
    ] {
        for &permission in Permission::ALL {
            let (grant, target) =
                (permit(permission, org), Target::<Metric>::new(world.org, metric));
            let answer =
                world.executor.execute(&grant, target, command.clone(), meta(), Some(77)).await;
            let granted = !matches!(answer, Err(CommandError::NotGranted));
            assert_eq!(granted, permission == needed, "{command:?} {permission}");
        }
    }
}

#[tokio::test]
async fn what_a_flag_serves_for_an_experiment_is_not_for_callers_to_say() {
    let world = World::in_memory().await;
    world.create_flag("checkout").await;
    let (environment, experiment) = ("dev".parse().unwrap(), "x".parse().unwrap());
    let ship = FlagCommand::ShipVariation {
        environment,
        experiment,
        variation: "on".parse().unwrap(),
        audience: None,
    };
    let end = FlagCommand::EndExperiment {
        environment: "dev".parse().unwrap(),
        experiment: "x".parse().unwrap(),
    };
    for command in [ship, end] {
        for &permission in Permission::ALL {
            let grant = permit(permission, Scope::organization(world.org.0));
            let answer = spend(&world, &grant, command.clone(), meta()).await;
            assert!(is_refused(&answer), "{permission}");
        }
    }
}
