//! The timers of a connect: the connect timeout, and the time after which it is slow.

use std::pin::pin;
use std::time::Duration;
use tokio::time::timeout;

/// Drives a connect for at most `limit`, and drops it then. Returns None for a dropped connect.
///
/// Calls `on_slow` after `slow_after`. It returns how much later it must be called again, or None for never.
pub async fn connect_within<T>(
    limit: Duration,
    connect: impl Future<Output = T>,
    mut slow_after: Duration,
    mut on_slow: impl FnMut() -> Option<Duration>,
) -> Option<T> {
    let mut connect = pin!(timeout(limit, connect));
    loop {
        if let Ok(ended) = timeout(slow_after, connect.as_mut()).await {
            return ended.ok();
        }
        match on_slow() {
            Some(more) => slow_after = more,
            None => return connect.await.ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::pending;
    use tokio::time::{Instant, sleep};

    const LIMIT: Duration = Duration::from_secs(3);
    const SLOW: Duration = Duration::from_millis(250);

    #[tokio::test(start_paused = true)]
    async fn a_connect_that_takes_longer_than_the_connect_timeout_is_dropped_at_that_time() {
        let began = Instant::now();
        assert_eq!(connect_within(LIMIT, pending::<()>(), SLOW, || None).await, None);
        assert_eq!(began.elapsed().as_secs(), LIMIT.as_secs());
        assert_eq!(connect_within(LIMIT, sleep(LIMIT / 2), SLOW, || None).await, Some(()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_connect_is_reported_as_often_as_asked_for_and_a_fast_one_never() {
        let reports = async |takes: Duration, asked: usize| {
            let mut reports = 0;
            let on_slow = || {
                reports += 1;
                (reports < asked).then_some(SLOW)
            };
            assert_eq!(connect_within(LIMIT, sleep(takes), SLOW, on_slow).await, Some(()));
            reports
        };
        assert_eq!(reports(SLOW / 2, 9).await, 0);
        assert_eq!(reports(SLOW * 3, 1).await, 1);
        assert_eq!(reports(SLOW * 7 / 2, 9).await, 3);
    }
}
