//! What is sent again is the same event.

use std::{collections::BTreeSet, time::Duration};

use ff_e2e::{Platform, metric_events};
use futures::future::join_all;

use super::load::stored;

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_is_sent_fifty_times_is_stored_once() {
    let platform = Platform::start().unwrap();
    let (ingest, clickhouse) = (platform.ingest().unwrap(), platform.clickhouse());
    let (body, ids) = metric_events("repeated", 200);
    for _ in 0..10 {
        // Some at the same time, some later: within one message of the stream, and across messages.
        let sent = join_all((0..5).map(|_| ingest.send(&body))).await;
        for receipt in sent {
            let receipt = receipt.unwrap();
            assert_eq!(receipt.status, 202, "{}", receipt.body);
            assert_eq!(receipt.body["accepted"], 200, "{}", receipt.body);
        }
    }
    // What is sent last is read last: when it is there, all copies before it are.
    let (last, last_ids) = metric_events("after", 1);
    ingest.deliver(&last).await.unwrap();
    let last_ids: BTreeSet<String> = last_ids.into_iter().collect();
    stored(&clickhouse, "after", &last_ids).await;
    stored(&clickhouse, "repeated", &ids.into_iter().collect()).await;

    // The same event with another time is another month's, but still the same event.
    let mut moved = body.clone();
    for event in moved["events"].as_array_mut().unwrap() {
        let before = jiff::Timestamp::now() - Duration::from_secs(40 * 86_400);
        event["at"] = before.to_string().into();
    }
    ingest.deliver(&moved).await.unwrap();
    let (last, last_ids) = metric_events("after-moved", 1);
    ingest.deliver(&last).await.unwrap();
    stored(&clickhouse, "after-moved", &last_ids.into_iter().collect()).await;
    let rows = clickhouse.ids_of("repeated").await.unwrap();
    assert_eq!(rows.len(), 200, "an event is what its id says, whatever else has changed");
}
