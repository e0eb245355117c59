//! Sessions and their refresh tokens.

use std::net::IpAddr;

use ff_identity::{IdentityError, OpenError, Opened, Origin, RefreshError, Refreshed};
use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret as _, SecretString};
use uuid::Uuid;

use crate::world::{ACME, EMAIL, OTHER, World, later, now};

const DAY: i64 = 24 * 60 * 60;

async fn refresh(world: &World, token: &SecretString, at: Timestamp) -> Refreshed {
    world.people.refresh(token, at).await.unwrap()
}

#[tokio::test]
async fn a_session_goes_on_from_token_to_token() {
    let (world, ada) = World::with_ada().await;
    let opened = world.open(ada).await;
    assert_eq!(opened.expires_at, later(14 * DAY));
    let mut token = opened.refresh;
    for n in 1..=3 {
        let text = token.expose_secret();
        assert!(text.starts_with("ff_rt_") && text.len() == 6 + 43, "{}", text.len());
        assert!(!world.everything().await.contains(&text[6..]));
        let next = refresh(&world, &token, later(n * DAY)).await;
        assert_eq!((next.user, next.session, next.organization), (ada, opened.session, None));
        assert_eq!(next.expires_at, later((n + 14) * DAY));
        assert_ne!(next.refresh.expose_secret(), token.expose_secret());
        token = next.refresh;
    }
    let listed = world.people.list(ada, Some(opened.session), later(3 * DAY)).await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].created_at, now());
    assert_eq!(listed[0].last_used_at, later(3 * DAY));
    assert!(listed[0].current);
}

#[tokio::test]
async fn a_session_of_one_organization_ends_after_a_day() {
    let (world, ada) = World::with_ada().await;
    let opened = world.people.open(ada, Some(ACME), Origin::default(), now()).await.unwrap();
    assert_eq!(opened.expires_at, later(DAY));
    let next = refresh(&world, &opened.refresh, later(DAY - 60)).await;
    assert_eq!((next.organization, next.expires_at), (Some(ACME), later(DAY)));
    let refused = world.people.refresh(&next.refresh, later(DAY)).await;
    assert!(matches!(refused, Err(RefreshError::Expired)));
}

#[tokio::test]
async fn what_is_no_token_is_unknown() {
    let (world, ada) = World::with_ada().await;
    let opened = world.open(ada).await;
    let reset = world.people.request_reset(EMAIL, now()).await.unwrap().unwrap();
    let made_up = format!("ff_rt_{}", "A".repeat(43));
    for token in ["", "ff_rt_", "\0", &made_up, reset.token.expose_secret()] {
        let refused = world.people.refresh(&token.into(), now()).await;
        assert!(matches!(refused, Err(RefreshError::Unknown)), "{token:?}");
    }
    refresh(&world, &opened.refresh, now()).await;
}

#[tokio::test]
async fn a_token_used_twice_closes_the_session_and_no_other() {
    let (world, ada) = World::with_ada().await;
    let (first, other) = (world.open(ada).await, world.open(ada).await);
    let second = refresh(&world, &first.refresh, later(60)).await;
    let third = refresh(&world, &second.refresh, later(120)).await;
    for _ in 0..2 {
        let refused = world.people.refresh(&first.refresh, later(125)).await;
        assert!(matches!(
            refused,
            Err(RefreshError::Reused { user, session }) if user == ada && session == first.session
        ));
    }
    let refused = world.people.refresh(&third.refresh, later(126)).await;
    assert!(matches!(refused, Err(RefreshError::Closed)));
    let revoked = world.people.revocations(now()).await.unwrap();
    assert_eq!(revoked.len(), 1, "once, however often it is tried");
    assert_eq!((revoked[0].user, revoked[0].session), (ada, Some(first.session)));
    assert_eq!(revoked[0].at, later(125));
    refresh(&world, &other.refresh, later(130)).await;
}

#[tokio::test]
async fn of_many_that_use_a_token_at_once_one_goes_on_and_the_session_is_closed() {
    let (world, ada) = World::with_ada().await;
    let opened = world.open(ada).await;
    let tries = (0..8).map(|_| world.people.refresh(&opened.refresh, later(1)));
    let (won, lost): (Vec<_>, Vec<_>) = join_all(tries).await.into_iter().partition(Result::is_ok);
    assert_eq!(won.len(), 1);
    assert!(lost.iter().all(|lost| matches!(lost, Err(RefreshError::Reused { .. }))));
    let winner = won.into_iter().next().unwrap().unwrap();
    let refused = world.people.refresh(&winner.refresh, later(2)).await;
    assert!(matches!(refused, Err(RefreshError::Closed)));
}

#[tokio::test]
async fn unused_it_ends_after_a_while_and_used_after_a_longer_one() {
    let (world, ada) = World::with_ada().await;
    let unused = world.open(ada).await;
    let refused = world.people.refresh(&unused.refresh, later(14 * DAY)).await;
    assert!(matches!(refused, Err(RefreshError::Expired)));
    assert!(world.people.list(ada, None, later(14 * DAY)).await.unwrap().is_empty());

    let Opened { mut refresh, .. } = world.open(ada).await;
    for day in (13..90).step_by(13) {
        let next = world.people.refresh(&refresh, later(day * DAY)).await.unwrap();
        assert!(next.expires_at <= later(90 * DAY));
        refresh = next.refresh;
    }
    assert!(matches!(
        world.people.refresh(&refresh, later(90 * DAY)).await,
        Err(RefreshError::Expired)
    ));
    world.people.refresh(&refresh, later(90 * DAY - 1)).await.unwrap();
}

#[tokio::test]
async fn who_may_have_no_session_gets_none() {
    let (world, ada) = World::with_ada().await;
    let managed = world.managed(ACME, EMAIL).await;
    let open = |user, organization| world.people.open(user, organization, Origin::default(), now());
    assert!(open(ada, None).await.is_ok());
    assert!(open(managed, Some(ACME)).await.is_ok());
    for organization in [None, Some(OTHER)] {
        let refused = open(managed, organization).await;
        assert!(matches!(refused, Err(OpenError::OtherOrganization)));
    }
    let nobody = open(Uuid::nil(), None).await;
    assert!(matches!(nobody, Err(OpenError::Failed(IdentityError::Unknown))));
}

#[tokio::test]
async fn the_list_says_from_where_and_closing_forgets_it() {
    let (world, ada) = World::with_ada().await;
    let address: IpAddr = "::ffff:192.0.2.7".parse().unwrap();
    let agent = Some(format!("Firefox\0{}", "x".repeat(1000)));
    let origin = Origin { address: Some(address), agent };
    let opened = world.people.open(ada, None, origin, now()).await.unwrap();
    let newer = world.people.open(ada, None, Origin::default(), later(5)).await.unwrap();
    let listed = world.people.list(ada, Some(newer.session), later(6)).await.unwrap();
    let ids: Vec<_> = listed.iter().map(|session| (session.id, session.current)).collect();
    assert_eq!(ids, [(newer.session, true), (opened.session, false)]);
    assert_eq!(listed[1].address, Some("192.0.2.7".parse().unwrap()));
    let agent = listed[1].agent.as_deref().unwrap();
    assert!(agent.starts_with("Firefoxx") && agent.len() == 400);

    assert!(world.people.close(ada, opened.session, later(7)).await.unwrap());
    let everything = world.everything().await;
    assert!(!everything.contains("192.0.2.7") && !everything.contains("Firefox"));
}

#[tokio::test]
async fn closing_one_is_for_its_owner_and_leaves_the_others() {
    let (world, ada) = World::with_ada().await;
    let bob = world.managed(ACME, "bob@example.com").await;
    let (one, other) = (world.open(ada).await, world.open(ada).await);
    assert!(!world.people.close(bob, one.session, now()).await.unwrap());
    assert!(world.people.revocations(now()).await.unwrap().is_empty());
    assert!(world.people.close(ada, one.session, later(1)).await.unwrap());
    assert!(!world.people.close(ada, one.session, later(2)).await.unwrap());
    let refused = world.people.refresh(&one.refresh, later(3)).await;
    assert!(matches!(refused, Err(RefreshError::Closed)));
    let next = refresh(&world, &other.refresh, later(3)).await;

    // Signing out with a token that has been used, or nothing like one.
    let closed = world.people.close_with(&other.refresh, later(4)).await.unwrap();
    assert_eq!(closed, Some((ada, other.session)));
    assert!(world.people.refresh(&next.refresh, later(5)).await.is_err());
    assert_eq!(world.people.close_with(&"ff_rt_".into(), later(6)).await.unwrap(), None);
}

#[tokio::test]
async fn no_session_survives_that_all_are_closed() {
    let (world, ada) = World::with_ada().await;
    let opened = join_all((0..4).map(|_| world.open(ada))).await;
    let refreshing =
        join_all(opened.iter().map(|one| world.people.refresh(&one.refresh, later(1))));
    let (closed, refreshed, new) =
        tokio::join!(world.people.close_all(ada, later(1)), refreshing, world.open(ada));
    closed.unwrap();
    for refreshed in refreshed.into_iter().flatten() {
        assert!(world.people.refresh(&refreshed.refresh, later(2)).await.is_err());
    }
    for old in &opened {
        assert!(world.people.refresh(&old.refresh, later(2)).await.is_err());
    }
    // The one opened meanwhile came before or after, and its revocation with it.
    let open = world.people.list(ada, None, later(2)).await.unwrap();
    let revoked = world.people.revocations(now()).await.unwrap();
    assert!(revoked.iter().any(|revocation| revocation.session.is_none()));
    let dead = revoked.iter().any(|revocation| revocation.session == Some(new.session));
    assert_eq!(open.len(), usize::from(!dead));
    let nobody = world.people.close_all(Uuid::nil(), now()).await;
    assert!(matches!(nobody, Err(IdentityError::Unknown)));
}

#[tokio::test]
async fn sessions_that_ended_are_swept_with_their_tokens() {
    let (world, ada) = World::with_ada().await;
    let (kept, _) = (world.open(ada).await, world.open(ada).await);
    let next = refresh(&world, &kept.refresh, later(DAY)).await;
    world.people.sweep(later(14 * DAY - 1)).await.unwrap();
    assert_eq!((world.count("sessions").await, world.count("refresh_tokens").await), (2, 3));
    world.people.sweep(later(14 * DAY) + SignedDuration::from_secs(1)).await.unwrap();
    assert_eq!((world.count("sessions").await, world.count("refresh_tokens").await), (1, 1));
    let refused = world.people.refresh(&kept.refresh, later(14 * DAY + 2)).await;
    assert!(matches!(refused, Err(RefreshError::Unknown)));
    refresh(&world, &next.refresh, later(14 * DAY + 2)).await;
}
