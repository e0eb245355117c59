//! What an outage says, in logs and metrics, and how often.

use std::cell::RefCell;
use std::io;
use std::sync::Arc;

use metrics_exporter_prometheus::PrometheusBuilder;

use super::*;

thread_local! {
    /// What was logged on this thread.
    static LOG: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Keeps apart what each thread logs. The subscriber itself is everyone's: one of a thread alone would miss what
/// another thread was the first to say.
struct Log;

impl Log {
    fn listen() {
        let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(|| Log).finish();
        tracing::subscriber::set_global_default(subscriber).unwrap();
    }

    fn lines(level: &str) -> Vec<String> {
        let text = LOG.with_borrow(|log| String::from_utf8(log.clone()).unwrap());
        let ours = text.lines().filter(|line| line.contains("ff_limits"));
        ours.filter(|line| line.contains(level)).map(str::to_owned).collect()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LOG.with_borrow_mut(|log| log.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// On one thread, so that everything is said where it is looked for.
#[tokio::test]
async fn an_outage_warns_once_and_says_when_it_is_over() {
    Log::listen();
    let recorder = PrometheusBuilder::new().build_recorder();
    let metrics = recorder.handle();
    let mut server = ff_testkit::redis::server().await;
    let redis = address(&server).with_patience(SOON).with_password("wrong".into());
    let locked_out = Limits::shared(redis).await;
    assert_eq!(locked_out.health(), Health::Alone);
    drop(locked_out);
    assert_eq!(Log::lines("WARN").len(), 1);
    assert!(!Log::lines("WARN")[0].contains("wrong"));

    let redis = address(&server).with_patience(SOON);
    let limits = Limits::start(Some(redis), Some(Arc::new(recorder))).await;
    becomes(&limits, Health::Shared).await;
    assert!(metrics.render().contains("ff_limits_redis_up 1"), "{}", metrics.render());
    let asks = [(&USER, user())];
    limits.take(&asks, 200).await.unwrap();
    limits.take(&asks, 1).await.unwrap_err();
    assert!(metrics.render().contains("ff_limits_refused_total{limit=\"user\"} 1"));

    for outage in 1..=2 {
        server.kill().await;
        let takes = (0..50).map(|_| {
            let limits = limits.clone();
            tokio::spawn(async move { limits.take(&[(&USER, user())], 1).await.unwrap() })
        });
        for take in takes.collect::<Vec<_>>() {
            let _ = take.await.unwrap();
        }
        becomes(&limits, Health::Alone).await;
        assert!(metrics.render().contains("ff_limits_redis_up 0"), "{}", metrics.render());
        // It is tried again meanwhile, and that is nobody's news.
        tokio::time::sleep(Duration::from_millis(2500)).await;
        server.start().await;
        becomes(&limits, Health::Shared).await;
        assert!(metrics.render().contains("ff_limits_redis_up 1"), "{}", metrics.render());
        assert_eq!(Log::lines("WARN").len(), 1 + outage, "{:?}", Log::lines("WARN"));
        assert_eq!(Log::lines("INFO").len(), outage, "{:?}", Log::lines("INFO"));
    }
}
