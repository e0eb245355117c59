//! The audit log: reading it, and finding out that someone changed it.

use ed25519_dalek::SigningKey;
use ff_domain::ProjectId;
use ff_eventlog::Position;
use ff_projections::{
    ProjectionName,
    audit::{
        AuditFinding, SignedHead, VerifyOptions, VerifyReport, export, heads, sign_head, verify,
    },
    queries::{AuditFilter, Page},
    replay,
};
use uuid::Uuid;

use crate::world::{SOMEONE, World, at, flag_id, new_flag, organization, project, renamed};

/// Founded with 5 commits, and 6 about flags after that.
async fn audited() -> World {
    let mut world = World::new().await;
    world.found().await;
    world.create_flag(new_flag("a")).await;
    world.create_flag(new_flag("b")).await;
    for name in ["one", "two", "three", "four"] {
        world.change_flag("a", renamed(name)).await;
    }
    let running = world.project();
    world.caught_up().await;
    running.stop().await;
    world
}

async fn check(world: &World, options: &VerifyOptions) -> VerifyReport {
    verify(world.pool(), Some(&world.log), options, |_| {}).await.unwrap()
}

async fn check_alone(world: &World) -> Vec<AuditFinding> {
    let options = VerifyOptions::default();
    verify(world.pool(), None::<&ff_eventlog::MemoryLog>, &options, |_| {}).await.unwrap().findings
}

fn position(sequence: u64) -> Position {
    Position::new(1, sequence)
}

#[tokio::test]
async fn an_untouched_one_is_sound() {
    let world = audited().await;
    let mut told = Vec::new();
    let options = VerifyOptions::default();
    let report = verify(world.pool(), Some(&world.log), &options, |p| told.push(p)).await.unwrap();
    assert!(report.is_sound(), "{:?}", report.findings);
    assert_eq!((report.rows, report.position, report.with_log), (11, world.last, true));
    assert_eq!(told.last().unwrap().rows, 11);
    assert!(check_alone(&world).await.is_empty());
}

#[tokio::test]
async fn an_empty_one_is_sound() {
    let world = World::new().await;
    assert!(check(&world, &VerifyOptions::default()).await.is_sound());
}

#[tokio::test]
async fn an_altered_commit_is_found() {
    let world = audited().await;
    world
        .tamper(
            "UPDATE read_audit_1.log SET commit = replace(commit::text, '\"two\"', '\"ten\"')::json \
             WHERE commit::text LIKE '%\"two\"%'",
        )
        .await;
    let at = position(9);
    assert_eq!(check_alone(&world).await, [AuditFinding::ChainBroken { position: at }]);
    let report = check(&world, &VerifyOptions::default()).await;
    let expected =
        [AuditFinding::ChainBroken { position: at }, AuditFinding::DiffersFromLog { position: at }];
    assert_eq!(report.findings, expected);
}

#[tokio::test]
async fn an_altered_column_is_found() {
    for (change, column) in [
        ("actor_id = gen_random_uuid()", "actor_id"),
        ("comment = 'nothing'", "comment"),
        ("at = at + interval '1 second'", "at"),
        ("actions = '{flag.created}'", "actions"),
    ] {
        let world = audited().await;
        world.tamper(&format!("UPDATE read_audit_1.log SET {change} WHERE version = 3")).await;
        let found = check_alone(&world).await;
        assert_eq!(found, [AuditFinding::ColumnDiffers { position: position(9), column }]);
    }
}

#[tokio::test]
async fn a_removed_row_is_found() {
    let world = audited().await;
    world.tamper("DELETE FROM read_audit_1.log WHERE version = 3").await;
    let removed = AuditFinding::Removed { after: position(8), found: position(10) };
    assert_eq!(check_alone(&world).await, std::slice::from_ref(&removed));
    let report = check(&world, &VerifyOptions::default()).await;
    assert_eq!(report.findings, [removed, AuditFinding::NoRow { position: position(9) }]);
}

#[tokio::test]
async fn a_cut_off_tail_is_found() {
    let world = audited().await;
    let head = sign_head(world.pool(), &SigningKey::from_bytes(&[1; 32])).await.unwrap().unwrap();
    world.tamper("DELETE FROM read_audit_1.log WHERE version > 3").await;
    let cut = AuditFinding::CutOff { found: position(9), expected: position(11) };
    assert_eq!(check_alone(&world).await, std::slice::from_ref(&cut));

    // Whoever moves the checkpoint back too is given away by the signed head, and by the log.
    world
        .tamper(&format!(
            "UPDATE projection.checkpoint SET position = {} WHERE name = 'audit'",
            position(9).as_i64()
        ))
        .await;
    assert_eq!(check_alone(&world).await, std::slice::from_ref(&cut));
    world.tamper("DELETE FROM audit.head").await;
    assert!(check_alone(&world).await.is_empty());
    let exported = VerifyOptions { trusted: None, heads: vec![head] };
    assert_eq!(check(&world, &exported).await.findings, [cut]);
}

#[tokio::test]
async fn a_whole_new_chain_is_given_away_by_a_signed_head() {
    let world = audited().await;
    let key = SigningKey::from_bytes(&[1; 32]);
    let head = sign_head(world.pool(), &key).await.unwrap().unwrap();
    assert_eq!(sign_head(world.pool(), &key).await.unwrap().unwrap(), head);
    let trusted = VerifyOptions { trusted: Some(key.verifying_key()), heads: Vec::new() };
    let sound = check(&world, &trusted).await;
    assert!(sound.is_sound() && sound.heads == 1, "{sound:?}");

    // The last row is replaced, with a hash that fits.
    let forged = "UPDATE read_audit_1.log l SET commit = c, row_hash = sha256(\
                  (SELECT row_hash FROM read_audit_1.log b WHERE b.position = l.position - 1) \
                  || convert_to(c::text, 'UTF8')) \
                  FROM (SELECT replace(commit::text, '\"four\"', '\"five\"')::json AS c \
                  FROM read_audit_1.log WHERE version = 5) x WHERE version = 5";
    world.tamper(forged).await;
    let differs = AuditFinding::HeadDiffers { position: position(11) };
    assert_eq!(check_alone(&world).await, std::slice::from_ref(&differs));

    // Signing that with another key does not help against those who know the right one.
    sign_head(world.pool(), &SigningKey::from_bytes(&[2; 32])).await.unwrap();
    let bad = AuditFinding::BadSignature { position: position(11) };
    let findings = check(&world, &trusted).await.findings;
    assert!(findings.contains(&bad) && findings.contains(&differs), "{findings:?}");
}

#[tokio::test]
async fn a_rebuild_comes_to_the_signed_hashes_again() {
    let world = audited().await;
    sign_head(world.pool(), &SigningKey::from_bytes(&[1; 32])).await.unwrap();
    world.tamper("UPDATE read_audit_1.log SET comment = 'nothing'").await;
    replay(&world.log, world.pool(), ProjectionName::Audit, |_| {}).await.unwrap();
    let report = check(&world, &VerifyOptions::default()).await;
    assert!(report.is_sound() && report.heads == 1, "{report:?}");
}

#[tokio::test]
async fn an_export_has_every_row_and_head() {
    let world = audited().await;
    sign_head(world.pool(), &SigningKey::from_bytes(&[1; 32])).await.unwrap();
    let mut written = Vec::new();
    let report = export(world.pool(), position(9), &mut written).await.unwrap();
    assert_eq!((report.rows, report.position, report.heads), (2, world.last, 1));
    let text = String::from_utf8(written).unwrap();
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0]["row"]["position"], position(10).to_string());
    assert_eq!(lines[1]["row"]["commit"]["events"][0]["data"]["name"], "four");
    let head: SignedHead = serde_json::from_value(lines[2]["head"].clone()).unwrap();
    assert!(head.is_signed());
    assert_eq!(heads(world.pool()).await.unwrap(), [head]);
}

#[tokio::test]
async fn it_is_read_newest_first_and_filtered() {
    let world = audited().await;
    let list = async |filter: AuditFilter| {
        let page = Page::new(Some(3), None).unwrap();
        let mut found = Vec::new();
        let mut next = Some(page.clone());
        while let Some(page) = next {
            let slice = world.queries.audit(organization(), &filter, &page).await.unwrap();
            next = slice.next_cursor.map(|cursor| page.after(cursor));
            found.extend(slice.items);
        }
        found
    };
    let sequences = |found: &[ff_projections::queries::AuditEntry]| {
        found.iter().map(|entry| entry.position.sequence()).collect::<Vec<_>>()
    };
    let all = list(AuditFilter::default()).await;
    assert_eq!(sequences(&all), (1..=11).rev().collect::<Vec<_>>());
    assert_eq!((all[0].label.as_deref(), all[0].project), (Some("a"), Some(project())));
    assert_eq!(all[0].commit.actor.id, SOMEONE.0);
    assert_eq!(all[10].label.as_deref(), Some("acme"));

    let none = AuditFilter::default;
    for (filter, expected) in [
        (AuditFilter { project: Some(project()), ..none() }, vec![11, 10, 9, 8, 7, 6, 5, 4, 3]),
        (AuditFilter { project: Some(ProjectId(Uuid::nil())), ..none() }, vec![]),
        (AuditFilter { aggregate: Some(flag_id("b").0), ..none() }, vec![7]),
        (AuditFilter { kind: Some("environment".to_owned()), ..none() }, vec![5, 4]),
        (AuditFilter { actor: Some(Uuid::nil()), ..none() }, vec![]),
        (AuditFilter { action: Some("flag.created".to_owned()), ..none() }, vec![7, 6]),
        (AuditFilter { from: Some(at(10)), ..none() }, vec![11, 10]),
        (AuditFilter { from: Some(at(2)), to: Some(at(4)), ..none() }, vec![3, 2]),
    ] {
        assert_eq!(sequences(&list(filter.clone()).await), expected, "{filter:?}");
    }
    let elsewhere = ff_domain::OrganizationId(Uuid::nil());
    let found = world.queries.audit(elsewhere, &none(), &Page::default()).await.unwrap();
    assert!(found.items.is_empty());
}
