//! Who sees what, in which order.

use ff_security::{Actor, Filter, Kind, LogError, Outcome, Record, Scope, Service, Stay, Subject};
use futures::TryStreamExt as _;
use uuid::Uuid;

use crate::world::{ORG, OTHER_ORG, US, World, at, record};

/// Seven records of ours, one of others, and one of nobody.
async fn world() -> World {
    let world = World::new().await;
    let writing = world.write().await;
    let recorder = world.recorder().await;
    let (ann, bob) = (Uuid::from_u128(1), Uuid::from_u128(2));
    for second in 0..5 {
        recorder.record(record(second, Kind::SignOut).actor(Actor::user(ann)));
    }
    recorder.record(record(5, Kind::RoleGiven).actor(Actor::user(ann)).subject(Subject::user(bob)));
    let denied = Record { outcome: Outcome::Refused, ..record(6, Kind::AccessDenied) };
    recorder.record(denied.actor(Actor::api_key(bob)));
    recorder.record(record(7, Kind::SignIn).organization(OTHER_ORG));
    recorder.record(Record::new(at(8), Kind::SignIn, Outcome::Refused, Service::Control));
    recorder.close().await;
    world.until_written(9).await;
    writing.stop().await;
    world
}

async fn seconds(world: &World, scope: Scope, filter: Filter) -> Vec<i64> {
    let page = world.log.list(&scope, &filter, None, None).await.unwrap();
    assert_eq!(page.next, None);
    page.items.iter().map(|entry| entry.at.as_second() - at(0).as_second()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_sees_the_records_of_others() {
    let world = world().await;
    for (scope, expected) in [
        (US, vec![6, 5, 4, 3, 2, 1, 0]),
        (Scope::Organization { id: OTHER_ORG, stays: vec![] }, vec![7]),
        (Scope::Installation, vec![8]),
        (Scope::Organization { id: Uuid::from_u128(99), stays: vec![] }, vec![]),
    ] {
        assert_eq!(seconds(&world, scope, Filter::default()).await, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_organization_sees_what_its_people_do_while_they_belong_to_it() {
    let world = World::new().await;
    let writing = world.write().await;
    let recorder = world.recorder().await;
    let (ann, bob) = (Uuid::from_u128(1), Uuid::from_u128(2));
    let somewhere =
        |second, kind, outcome| Record::new(at(second), kind, outcome, Service::Control);
    for second in 0..10 {
        let (person, outcome) =
            if second % 2 == 0 { (ann, Outcome::Refused) } else { (bob, Outcome::Ok) };
        let sign_in = somewhere(second, Kind::SignIn, outcome);
        recorder.record(sign_in.subject(Subject::user(person)));
    }
    recorder.record(somewhere(10, Kind::SignOut, Outcome::Ok).actor(Actor::user(ann)));
    // Of another organization, of nobody known, and of our own.
    recorder.record(record(11, Kind::SignIn).organization(OTHER_ORG).subject(Subject::user(ann)));
    recorder.record(somewhere(12, Kind::SignIn, Outcome::Refused));
    recorder.record(record(13, Kind::RoleGiven).actor(Actor::user(ann)));
    recorder.close().await;
    world.until_written(14).await;
    writing.stop().await;

    let stay = |person, from, to: Option<i64>| Stay { person, from: at(from), to: to.map(at) };
    let of = |stays| Scope::Organization { id: ORG, stays };
    for (scope, expected) in [
        (of(vec![]), vec![13]),
        (of(vec![stay(ann, 4, None)]), vec![13, 10, 8, 6, 4]),
        (
            of(vec![stay(ann, 0, Some(4)), stay(ann, 8, None), stay(bob, 5, Some(7))]),
            vec![13, 10, 8, 5, 2, 0],
        ),
        (Scope::Installation, vec![12, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0]),
    ] {
        assert_eq!(seconds(&world, scope.clone(), Filter::default()).await, expected);
        // The same in parts, and in the other order as a file.
        let (mut cursor, mut paged) = (None, Vec::new());
        loop {
            let page = world.log.list(&scope, &Filter::default(), cursor.as_deref(), Some(2)).await;
            let page = page.unwrap();
            paged.extend(page.items.iter().map(|entry| entry.at.as_second() - at(0).as_second()));
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(paged, expected);
        let file: Vec<_> = world.log.export(scope, None, None).try_collect().await.unwrap();
        let mut file: Vec<_> =
            file.iter().map(|entry| entry.at.as_second() - at(0).as_second()).collect();
        file.reverse();
        assert_eq!(file, expected);
    }
    let refused =
        Filter { outcome: Some(Outcome::Refused), from: Some(at(6)), ..Filter::default() };
    assert_eq!(seconds(&world, of(vec![stay(ann, 0, None)]), refused).await, [8, 6]);
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_narrow_and_go_together() {
    let world = world().await;
    let (ann, bob) = (Uuid::from_u128(1), Uuid::from_u128(2));
    let none = Filter::default;
    for (filter, expected) in [
        (Filter { from: Some(at(2)), to: Some(at(4)), ..none() }, vec![3, 2]),
        (Filter { kinds: vec![Kind::RoleGiven, Kind::AccessDenied], ..none() }, vec![6, 5]),
        (Filter { outcome: Some(Outcome::Refused), ..none() }, vec![6]),
        (Filter { actor: Some(bob), ..none() }, vec![6]),
        (Filter { subject: Some(bob.to_string()), ..none() }, vec![5]),
        (
            Filter { actor: Some(ann), kinds: vec![Kind::SignOut], from: Some(at(4)), ..none() },
            vec![4],
        ),
        (Filter { actor: Some(ann), outcome: Some(Outcome::Refused), ..none() }, vec![]),
    ] {
        assert_eq!(seconds(&world, US, filter.clone()).await, expected, "{filter:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_have_everything_once() {
    let world = world().await;
    let mut cursor = None;
    let mut pages = Vec::new();
    loop {
        let page =
            world.log.list(&US, &Filter::default(), cursor.as_deref(), Some(3)).await.unwrap();
        pages.push(page.items.len());
        assert!(page.items.is_sorted_by(|one, next| (one.at, one.id) > (next.at, next.id)));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(pages, [3, 3, 1]);
    // A cursor is a place and no permission.
    let page = world.log.list(&US, &Filter::default(), None, Some(1)).await.unwrap();
    let (theirs, all) = (Scope::Installation, Filter::default());
    let page = world.log.list(&theirs, &all, page.next.as_deref(), None).await.unwrap();
    assert!(page.items.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_asked_is_refused() {
    let world = World::new().await;
    for limit in [0, 201] {
        let error = world.log.list(&US, &Filter::default(), None, Some(limit)).await.unwrap_err();
        assert!(matches!(error, LogError::BadLimit { limit: l, max: 200 } if l == limit));
    }
    let error = world.log.list(&US, &Filter::default(), Some("x"), None).await.unwrap_err();
    assert!(matches!(error, LogError::BadCursor));
    assert!(world.log.last_used(&[ORG]).await.unwrap().is_empty());
}
