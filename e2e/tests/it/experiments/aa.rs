//! A gate for everything between the hash and the stored exposure: many experiments without any effect.
//!
//! Users go through the real edge, their exposures through the real ingestor into ClickHouse, and what is counted there
//! must look like chance: arms of the promised size, and no experiment that knows of another. The salt of an
//! environment is random, so this is another sample in every run; the bands are so wide that chance alone leaves one
//! in fewer than one of ten thousand runs, and so narrow that a biased or shared hash cannot stay within them.
//!
//! | | | band |
//! |---|---|---|
//! | sequential test at 0.001, ten looks | at most one in a thousand | at most 8 of 1,000, 4 of 150 |
//! | mean of the chi-square statistics | 1 | ± 5 √(2/N) |
//! | chi-square p below 0.05 | one in twenty | ± 5 standard deviations, with 1 % for discreteness |
//! | the same two of pairs of experiments | as above | as above |
//!
//! `FF_E2E_FULL=1` takes 1,000 experiments of 1,000 users. It wants release binaries (`FF_BIN=$PWD/target/release/ff`).

use std::collections::BTreeMap;

use ff_analytics::stats::{Tail, srm};
use ff_e2e::{Api, ClickHouse, Ingest, Platform};
use futures::{StreamExt as _, stream};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{edge_serves, evaluate_all, post, run_experiment};

/// Users come in so many groups, and the sequential test looks after each.
const LOOKS: usize = 10;
/// Most events in a request.
const BATCH: usize = 5_000;

/// Experiments and users.
fn size() -> (usize, usize) {
    if std::env::var_os("FF_E2E_FULL").is_some() { (1_000, 1_000) } else { (150, 1_000) }
}

#[tokio::test(flavor = "multi_thread")]
async fn experiments_without_effect_look_like_chance() {
    let (experiments, users) = size();
    let platform = Platform::start().unwrap();
    let api = platform.api().await.unwrap();
    let metric = json!({"key": "clicks", "name": "Clicks", "definition": {
        "kind": {"type": "count", "event": "click"}, "better": "higher"}});
    post(&api, "metrics", Some(metric)).await;
    run_all(&api, experiments).await;
    edge_serves(&platform, |served| served.len() == experiments).await;

    expose(&platform, users).await;
    let clickhouse = platform.clickhouse();
    let exposures = (experiments * users) as u64;
    let stored = "SELECT count() FROM events_exposure FINAL WHERE startsWith(experiment, 'aa-')";
    ff_testkit::eventually(super::SOON, || async {
        match clickhouse.number(stored).await {
            Ok(stored) if stored == exposures => Ok(()),
            other => Err(format!("{other:?} of {exposures} exposures are stored")),
        }
    })
    .await;

    let arms = arms(&clickhouse).await;
    assert_eq!(arms.len(), experiments);
    let mut alarms = 0;
    let mut ratios = Vec::new();
    for looks in arms.values() {
        let mut test = srm::Sequential::new(&[0.5, 0.5], srm::Sequential::CONCENTRATION).unwrap();
        let smallest = looks.iter().map(|look| test.look(look).unwrap().1).next_back().unwrap();
        alarms += usize::from(smallest < Tail::from_p(0.001));
        let total = looks.iter().fold([0, 0], |sum, look| [sum[0] + look[0], sum[1] + look[1]]);
        assert_eq!(total[0] + total[1], users as u64, "every user is in every experiment, once");
        ratios.push(srm::chi_square(&total, &[0.5, 0.5]).unwrap().statistic);
    }
    assert!(alarms <= 4 + experiments / 250, "{alarms} alarms of {experiments} sound experiments");
    look_like_chance("arms", &ratios);

    // Each with the next one, in two ways to pair them up.
    let mut pairs = correlations(&clickhouse, 0).await;
    pairs.extend(correlations(&clickhouse, 1).await);
    assert!(pairs.len() >= experiments - 2, "{} pairs", pairs.len());
    look_like_chance("pairs", &pairs);
}

/// Makes and starts experiments `aa-0` and on.
async fn run_all(api: &Api, experiments: usize) {
    let one = |number: usize| async move {
        let design = json!({"metrics": {"primary": ["clicks"]}});
        run_experiment(api, &format!("aa-{number}"), design).await;
    };
    stream::iter(0..experiments).map(one).buffer_unordered(8).for_each(|()| async {}).await;
}

/// Lets every user be served every flag, and sends what they saw.
async fn expose(platform: &Platform, users: usize) {
    let (edge, key) =
        (platform.value("FF_EDGE_URL").unwrap(), platform.value("FF_DEMO_SERVER_KEY").unwrap());
    let (client, ingest) = (reqwest::Client::new(), platform.ingest().unwrap());
    let batches = stream::iter(0..users)
        .map(|user| {
            let (client, edge, key) = (client.clone(), edge.clone(), key.clone());
            // A task each, so that reading answers is spread over the cores.
            tokio::spawn(async move { exposures(&client, &edge, &key, user).await })
        })
        .buffer_unordered(8)
        .map(|events| events.unwrap())
        .flat_map(stream::iter)
        .chunks(BATCH);
    batches
        .map(|events| {
            let ingest: Ingest = ingest.clone();
            tokio::spawn(async move { ingest.deliver(&json!({"events": events})).await })
        })
        .buffer_unordered(4)
        .for_each(|receipt| async move {
            let receipt = receipt.unwrap().unwrap();
            assert_eq!(receipt.body["rejected"], json!([]), "{}", receipt.body);
        })
        .await;
}

async fn exposures(client: &reqwest::Client, edge: &str, key: &str, user: usize) -> Vec<Value> {
    let user_key = format!("user-{user}");
    let at = jiff::Timestamp::now().to_string();
    let flags = evaluate_all(client, edge, key, &user_key).await;
    let event = |flag: &Value| {
        let experiment = flag["metadata"]["experiment"].as_str()?;
        Some(json!({
            "type": "exposure", "id": Uuid::new_v4(), "at": at, "user_key": user_key,
            "flag": flag["key"], "variation": flag["variant"], "rule": flag["metadata"]["ruleId"],
            "experiment": experiment,
        }))
    };
    flags.iter().filter_map(event).collect()
}

/// Users in both arms after each group of users, by experiment.
async fn arms(clickhouse: &ClickHouse) -> BTreeMap<String, [[u64; 2]; LOOKS]> {
    let query = format!(
        "SELECT experiment, toUInt32(substring(user_key, 6)) % {LOOKS} AS look, variation, uniqExact(user_key) \
         FROM events_exposure FINAL WHERE startsWith(experiment, 'aa-') GROUP BY experiment, look, variation"
    );
    let mut arms: BTreeMap<String, [[u64; 2]; LOOKS]> = BTreeMap::new();
    for row in clickhouse.rows(&query).await.unwrap() {
        let [experiment, look, variation, users] = row.try_into().unwrap();
        let looks = arms.entry(experiment).or_default();
        looks[look.parse::<usize>().unwrap()][usize::from(variation == "on")] =
            users.parse().unwrap();
    }
    arms
}

/// The chi-square statistic of independence of each pair of neighbours, numbered from `first`.
async fn correlations(clickhouse: &ClickHouse, first: usize) -> Vec<f64> {
    let query = format!(
        "SELECT pair, countIf(both = 0), countIf(both = 1), countIf(both = 2), countIf(both = 3) FROM (\
           SELECT user_key, intDiv(toUInt32(substring(experiment, 4)) + {first}, 2) AS pair, \
             sum(if(variation = 'on', 1, 0) * if((toUInt32(substring(experiment, 4)) + {first}) % 2 = 0, 1, 2)) AS both, \
             count() AS seen \
           FROM events_exposure FINAL WHERE startsWith(experiment, 'aa-') GROUP BY user_key, pair HAVING seen = 2\
         ) GROUP BY pair"
    );
    let statistic = |row: Vec<String>| {
        let cells: Vec<f64> = row[1..].iter().map(|cell| cell.parse().unwrap()).collect();
        let [neither, one, other, both] = cells.try_into().unwrap();
        let (n, cross) = (neither + one + other + both, neither * both - one * other);
        let margins = (neither + one) * (other + both) * (neither + other) * (one + both);
        n * cross * cross / margins
    };
    clickhouse.rows(&query).await.unwrap().into_iter().map(statistic).collect()
}

/// Whether these are chi-square statistics of one degree of freedom.
fn look_like_chance(what: &str, statistics: &[f64]) {
    let n = statistics.len() as f64;
    let mean = statistics.iter().sum::<f64>() / n;
    let band = 5.0 * (2.0 / n).sqrt();
    assert!(
        (mean - 1.0).abs() < band,
        "{what}: the mean of {n} statistics is {mean}, not 1 ± {band}"
    );
    // The 95th percentile of chi-square with one degree of freedom.
    let beyond = statistics.iter().filter(|statistic| **statistic > 3.841_459).count() as f64;
    let band = 5.0 * (n * 0.05 * 0.95).sqrt() + 0.01 * n;
    assert!(
        (beyond - 0.05 * n).abs() < band,
        "{what}: {beyond} of {n} are beyond, not {} ± {band}",
        0.05 * n
    );
}
