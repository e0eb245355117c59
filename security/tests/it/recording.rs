//! From what is recorded to what is in the table.

use std::collections::BTreeMap;

use ff_security::{
    Actor, EntryActor, EntrySubject, Filter, Kind, Outcome, Record, Recorder, RecorderOptions,
    STREAM, Scope, Service, Subject,
};
use ff_testkit::eventually;
use jiff::Timestamp;
use uuid::Uuid;

use crate::world::{ORG, SOON, World, at, options, record};

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_is_recorded_is_read() {
    let world = World::new().await;
    let _writing = world.write().await;
    let recorder = world.recorder().await;
    let (user, request, session) = (Uuid::from_u128(1), Uuid::from_u128(2), Uuid::from_u128(3));
    let denied = Record::new(at(7), Kind::AccessDenied, Outcome::Refused, Service::Control)
        .organization(ORG)
        .actor(Actor::user(user))
        .subject(Subject::role("editor"))
        .session(session)
        .request(request)
        .address("2001:db8::7".parse::<std::net::IpAddr>().unwrap())
        .reason("no_permission")
        .detail("permission", "flag.toggle");
    let id = denied.id;
    recorder.record(denied);
    let entries = world.until_written(1).await;
    let entry = &entries[0];
    assert_eq!((entry.id, entry.at), (id, at(7)));
    assert_eq!((entry.kind.as_str(), entry.outcome.as_str()), ("access.denied", "refused"));
    assert_eq!(entry.actor, Some(EntryActor { kind: "user".into(), id: user }));
    assert_eq!(entry.subject, Some(EntrySubject { kind: "role".into(), id: "editor".into() }));
    assert_eq!((entry.session, entry.request), (Some(session), Some(request)));
    assert_eq!(entry.address.unwrap().to_string(), "2001:db8::7");
    assert_eq!(
        (entry.service.as_str(), entry.reason.as_deref()),
        ("control", Some("no_permission"))
    );
    assert_eq!(entry.detail, BTreeMap::from([("permission".into(), "flag.toggle".into())]));
    // What is written is gone from the queue, and with it the address.
    eventually(SOON, || async { world.queued().await == 0 }).await;
    assert_eq!(recorder.status().lost, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_record_fits() {
    let world = World::new().await;
    let _writing = world.write().await;
    let recorder = world.recorder().await;
    for kind in Kind::ALL {
        recorder.record(record(0, *kind));
    }
    let entries = world.until_written(Kind::ALL.len()).await;
    for kind in Kind::ALL {
        assert!(entries.iter().any(|entry| entry.kind == kind.as_str()), "{kind}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_recorded_before_the_end_is_sent() {
    let world = World::new().await;
    let recorder = world.recorder().await;
    let clone = recorder.clone();
    for second in 0..1000 {
        clone.record(record(second, Kind::SignOut));
    }
    recorder.close().await;
    assert_eq!(world.queued().await, 1000);
    assert_eq!(recorder.status().sent, 1000);
    clone.record(record(0, Kind::SignOut));
    assert_eq!(clone.status().lost, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn dropping_the_last_recorder_sends_what_there_is() {
    let world = World::new().await;
    let recorder = world.recorder().await;
    recorder.record(record(0, Kind::SignOut));
    drop(recorder);
    let context = async_nats::jetstream::new(world.nats.client().await);
    eventually(SOON, || async {
        let stream = context.get_stream(STREAM).await.map_err(|error| error.to_string())?;
        match stream.cached_info().state.messages {
            1 => Ok(()),
            other => Err(other.to_string()),
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_who_shows_wrong_keys_all_day_fills_no_disk() {
    let world = World::new().await;
    let _writing = world.write().await;
    let recorder = world.recorder().await;
    let began = Timestamp::now().as_second() / 60;
    for last in 0..5000_u32 {
        let address = std::net::Ipv4Addr::from(0xc000_0200 + last % 256).into();
        recorder.key_refused(None, None, Service::Edge, address, "unknown");
    }
    recorder.close().await;
    let minutes = usize::try_from(Timestamp::now().as_second() / 60 - began).unwrap() + 1;
    eventually(SOON, || async { world.queued().await == 0 }).await;
    let page =
        world.log.list(&Scope::Installation, &Filter::default(), None, Some(200)).await.unwrap();
    assert!(page.items.len() <= 11 * minutes, "{} records", page.items.len());
    let of = |entry: &ff_security::Entry| {
        entry.detail.get("count").map_or(1, |count| count.parse::<u32>().unwrap())
    };
    assert_eq!(page.items.iter().map(of).sum::<u32>(), 5000);
    let summary =
        page.items.iter().find(|entry| entry.reason.as_deref() == Some("repeated")).unwrap();
    assert_eq!(
        (summary.kind.as_str(), summary.detail["reason"].as_str()),
        ("key.refused", "unknown")
    );
    assert!(summary.address.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_buffer_that_is_full_loses_and_counts() {
    // Nobody listens there.
    let client = ff_security::connect("nats://127.0.0.1:9").await.unwrap();
    let recorder = Recorder::start(client, RecorderOptions { buffer: 10, ..options() });
    for second in 0..2000 {
        recorder.record(record(second, Kind::SignOut));
    }
    let status = recorder.status();
    // A batch may have been taken from the buffer before the rest came.
    assert!(status.lost >= 2000 - 10 - 256, "{status:?}");
    assert!(!status.working);
    recorder.close().await;
    let status = recorder.status();
    assert_eq!((status.lost, status.sent, status.waiting), (2000, 0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_would_keep_addresses_is_not_used() {
    let world = World::new().await;
    let context = async_nats::jetstream::new(world.nats.client().await);
    let config = async_nats::jetstream::stream::Config {
        name: STREAM.to_owned(),
        subjects: vec!["ff.sec.>".to_owned()],
        ..Default::default()
    };
    context.create_stream(config).await.unwrap();
    let recorder = world.recorder().await;
    recorder.record(record(0, Kind::SignOut));
    recorder.close().await;
    assert_eq!(world.queued().await, 0);
    assert_eq!(recorder.status().lost, 1);
}
