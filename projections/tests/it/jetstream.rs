//! The same on the real log.

use ff_eventlog::{JetStreamLog, LogOptions};
use ff_projections::{ProjectionName, audit, replay};

use crate::world::{World, flag_id, new_flag, renamed};

#[tokio::test]
async fn the_real_log_is_followed_and_rebuilt_from() {
    let nats = ff_testkit::nats::server().await;
    let log = JetStreamLog::connect(LogOptions::client(nats.client().await)).await.unwrap();
    let mut world = World::with(log).await;
    world.found().await;
    let running = world.project();
    for flag in 0..20 {
        world.create_flag(new_flag(&format!("flag-{flag}"))).await;
    }
    let position = world.change_flag("flag-3", renamed("third")).await;
    world.caught_up().await;
    let flag = world.queries.flag(flag_id("flag-3")).await.unwrap().unwrap();
    assert_eq!((flag.state.name.as_str(), flag.position), ("third", position));
    for name in ProjectionName::ALL {
        replay(&world.log, world.pool(), name, |_| {}).await.unwrap();
        assert_eq!(world.dump(name, 1).await, world.dump(name, 2).await, "{name}");
    }
    running.stop().await;
    let options = audit::VerifyOptions::default();
    let report = audit::verify(world.pool(), Some(&world.log), &options, |_| {}).await.unwrap();
    assert!(report.is_sound(), "{:?}", report.findings);
    assert_eq!((report.rows, report.position), (26, position));
}
