//! Layers: who gets which buckets, and that nobody gets those of another or what is held out.

use std::collections::BTreeMap;

use cqrs_es::Aggregate as _;
use ff_domain::{
    Decision as _, ExperimentKey, Layer, LayerCommand, LayerError, LayerEvent, LayerState,
    layer::{CreateLayer, LayerDetails, Range, count},
};
use proptest::{
    collection::vec,
    prelude::{Strategy, any, prop_assert, prop_assert_eq, proptest},
};
use serde_json::{Value, json};

use crate::fixture::{from, key, pointers, project};

fn new_layer(parts: Value) -> CreateLayer {
    let mut all = json!({"project": project(), "key": "main", "name": "Main"});
    let Value::Object(parts) = parts else { panic!("parts are an object") };
    all.as_object_mut().unwrap().extend(parts);
    from(all)
}

fn layer(holdout: f64) -> Layer {
    let mut layer = Layer::default();
    run(&mut layer, LayerCommand::Create(new_layer(json!({"holdout": holdout})))).unwrap();
    layer
}

fn run(layer: &mut Layer, command: LayerCommand) -> Result<Vec<LayerEvent>, LayerError> {
    let events = layer.decide(command, &())?;
    events.iter().cloned().for_each(|event| layer.apply(event));
    Ok(events)
}

fn allocate(experiment: &str, ranges: &[Range]) -> LayerCommand {
    LayerCommand::Allocate {
        environment: key("dev"),
        experiment: key(experiment),
        ranges: ranges.to_vec(),
    }
}

fn release(experiment: &str) -> LayerCommand {
    LayerCommand::Release { environment: key("dev"), experiment: key(experiment) }
}

fn state(layer: &Layer) -> &LayerState {
    layer.state().unwrap()
}

#[test]
fn it_is_created_once_and_checked() {
    let mut layer = layer(10.0);
    assert_eq!(state(&layer).holdout_end(), 1000);
    assert_eq!(state(&layer).seed(), "layer:main");
    let again = run(&mut layer, LayerCommand::Create(new_layer(json!({}))));
    assert_eq!(again, Err(LayerError::AlreadyExists(key("main"))));
    for (parts, pointer) in [
        (json!({"name": " "}), "/name"),
        (json!({"description": "x".repeat(4097)}), "/description"),
        (json!({"holdout": 100}), "/holdout"),
        (json!({"holdout": 0.005}), "/holdout"),
        (json!({"bucket_by": " "}), "/bucket_by"),
    ] {
        let error = Layer::default().decide(LayerCommand::Create(new_layer(parts)), &());
        let Err(LayerError::Invalid(problems)) = error else { panic!("{error:?}") };
        assert_eq!(pointers(&problems)[0].0, pointer);
    }
    let absent = Layer::default().decide(release("a"), &());
    assert_eq!(absent, Err(LayerError::NotFound));
}

#[test]
fn details_change_one_by_one() {
    let mut layer = layer(0.0);
    let details =
        LayerDetails { name: Some("Other".to_owned()), description: Some("Of all.".to_owned()) };
    let command = LayerCommand::ChangeDetails(details);
    let events = run(&mut layer, command.clone()).unwrap();
    assert_eq!(
        events,
        [
            LayerEvent::Renamed { name: "Other".to_owned() },
            LayerEvent::Described { description: "Of all.".to_owned() },
        ]
    );
    assert_eq!(run(&mut layer, command).unwrap(), []);
    assert_eq!(
        (state(&layer).name.as_str(), state(&layer).description.as_str()),
        ("Other", "Of all.")
    );
}

#[test]
fn buckets_are_given_to_one_experiment() {
    let mut layer = layer(10.0);
    run(&mut layer, allocate("a", &[[1000, 3000]])).unwrap();
    for taken in [&[[2999, 4000]][..], &[[0, 500]], &[[999, 1001]], &[[5000, 6000], [1500, 1600]]] {
        let error = run(&mut layer, allocate("b", taken)).unwrap_err();
        assert!(matches!(error, LayerError::Taken { .. } | LayerError::Invalid(_)), "{error:?}");
    }
    for unsound in
        [&[][..], &[[5, 5]], &[[6000, 5000]], &[[5000, 10_001]], &[[5000, 6000], [5500, 7000]]]
    {
        let error = run(&mut layer, allocate("b", unsound)).unwrap_err();
        assert!(matches!(error, LayerError::Invalid(_)), "{unsound:?} {error:?}");
    }
    run(&mut layer, allocate("b", &[[3000, 4000], [9000, 10_000]])).unwrap();
    // What it had is replaced, and may be had by others.
    run(&mut layer, allocate("b", &[[4000, 5000]])).unwrap();
    run(&mut layer, allocate("a", &[[1000, 4000]])).unwrap();
    assert_eq!(run(&mut layer, allocate("a", &[[1000, 4000]])).unwrap(), []);
    assert_eq!(state(&layer).free(&key("dev"), &key("c")), [[5000, 10_000]]);
    assert_eq!(state(&layer).free(&key("dev"), &key("a")), [[1000, 4000], [5000, 10_000]]);
    assert_eq!(state(&layer).free(&key("prod"), &key("c")), [[1000, 10_000]], "users are others");
}

#[test]
fn an_experiment_keeps_what_it_has() {
    let mut layer = layer(10.0);
    let (dev, b) = (key("dev"), key::<ExperimentKey>("b"));
    assert_eq!(state(&layer).take(&dev, &b, 500), Ok(vec![[1000, 1500]]));
    assert_eq!(state(&layer).take(&dev, &b, 9000), Ok(vec![[1000, 10_000]]));
    assert_eq!(state(&layer).take(&dev, &b, 9001), Err(9000));
    run(&mut layer, allocate("a", &[[1000, 3000]])).unwrap();
    run(&mut layer, allocate("b", &[[4000, 5000]])).unwrap();
    run(&mut layer, allocate("c", &[[5000, 9000]])).unwrap();
    let take = |buckets| state(&layer).take(&dev, &b, buckets);
    assert_eq!(take(400), Ok(vec![[4000, 4400]]), "fewer are the first of its own");
    assert_eq!(take(1000), Ok(vec![[4000, 5000]]));
    assert_eq!(take(1500), Ok(vec![[3000, 3500], [4000, 5000]]));
    assert_eq!(take(3000), Ok(vec![[3000, 5000], [9000, 10_000]]));
    assert_eq!(take(3001), Err(3000));
}

#[test]
fn it_stays_while_it_is_used() {
    let mut layer = layer(0.0);
    run(&mut layer, allocate("a", &[[0, 1]])).unwrap();
    let error = run(&mut layer, LayerCommand::Archive).unwrap_err();
    let by = vec![(key("dev"), key("a"))];
    assert_eq!(error, LayerError::InUse { layer: key("main"), by });
    assert_eq!(
        error.to_string(),
        "layer `main` is used by experiment `a` in environment `dev`; stop them first"
    );
    assert_eq!(run(&mut layer, release("a")).unwrap().len(), 1);
    assert_eq!(run(&mut layer, release("a")).unwrap(), [], "there is nothing left");
    assert_eq!(state(&layer).allocations, BTreeMap::new());
    run(&mut layer, LayerCommand::Archive).unwrap();
    assert_eq!(run(&mut layer, LayerCommand::Archive).unwrap(), []);
    assert_eq!(run(&mut layer, release("a")).unwrap(), []);
    let error = run(&mut layer, allocate("a", &[[0, 1]])).unwrap_err();
    assert_eq!(error, LayerError::Archived(key("main")));
    run(&mut layer, LayerCommand::Restore).unwrap();
    let error = run(&mut layer, LayerCommand::Restore).unwrap_err();
    assert_eq!(error, LayerError::NotArchived(key("main")));
}

fn wish() -> impl Strategy<Value = (u8, Option<u16>)> {
    (0..5_u8, proptest::option::weighted(0.8, 1..4000_u16))
}

proptest! {
    /// Whatever is taken and given back: nobody shares a bucket, nobody gets a held out one, nobody's users move.
    #[test]
    fn buckets_are_never_shared(holdout in 0..5000_u32, wishes in vec(wish(), 1..30)) {
        let mut layer = layer(f64::from(holdout) / 100.0);
        let dev = key("dev");
        for (experiment, wanted) in wishes {
            let name = key::<ExperimentKey>(&format!("e{experiment}"));
            let had = state(&layer).allocated(&dev, &name).to_vec();
            let others = count(&state(&layer).free(&dev, &name));
            match wanted {
                None => { run(&mut layer, release(name.as_str())).unwrap(); }
                Some(wanted) => match state(&layer).take(&dev, &name, wanted) {
                    Err(free) => {
                        prop_assert_eq!(free, others);
                        prop_assert!(free < wanted);
                    }
                    Ok(ranges) => {
                        prop_assert_eq!(count(&ranges), wanted);
                        let kept = |bucket: u16| ranges.iter().any(|r| r[0] <= bucket && bucket < r[1]);
                        let stay = had.iter().flat_map(|r| r[0]..r[1]).filter(|b| kept(*b)).count();
                        prop_assert_eq!(stay, usize::from(count(&had).min(wanted)));
                        run(&mut layer, allocate(name.as_str(), &ranges)).unwrap();
                    }
                },
            }
            let mut given: Vec<Range> =
                state(&layer).allocations.values().flatten().flat_map(|(_, r)| r.clone()).collect();
            given.sort_unstable();
            prop_assert!(given.windows(2).all(|pair| pair[0][1] <= pair[1][0]));
            prop_assert!(given.iter().all(|r| state(&layer).holdout_end() <= r[0] && r[1] <= 10_000));
        }
    }

    /// Ranges of any kind lead to no panic, and what is accepted is sound.
    #[test]
    fn ranges_of_any_kind(wishes in vec((0..3_u8, vec(any::<[u16; 2]>(), 0..4)), 1..10)) {
        let mut layer = layer(25.0);
        for (experiment, ranges) in wishes {
            let ranges: Vec<Range> = ranges.iter().map(|r| r.map(|b| b % 10_100)).collect();
            let _ = run(&mut layer, allocate(&format!("e{experiment}"), &ranges));
            let mut given: Vec<Range> =
                state(&layer).allocations.values().flatten().flat_map(|(_, r)| r.clone()).collect();
            given.sort_unstable();
            prop_assert!(given.windows(2).all(|pair| pair[0][1] <= pair[1][0]));
            prop_assert!(given.iter().all(|r| 2500 <= r[0] && r[1] <= 10_000));
        }
    }
}
