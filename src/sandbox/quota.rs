//! The API gateway's throttle: so many calls in any window, refused calls included.
//!
//! That refused calls count is what clients of the real one report: retrying during a throttle keeps it alive. Pure:
//! time is given.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// The newest calls of the one user, at most as many as a window allows: no more need be remembered to know whether a
/// window is full.
#[derive(Debug)]
pub(super) struct Quota {
    requests: u32,
    window: Duration,
    newest: VecDeque<Instant>,
}

// === impl Quota ===

impl Quota {
    /// A window nobody has called in yet; with 0 `requests` every call is refused.
    pub(super) fn new(requests: u32, window: Duration) -> Self {
        Self {
            requests,
            window,
            newest: VecDeque::new(),
        }
    }

    /// Calls that a window admits.
    pub(super) fn requests(&self) -> u32 {
        self.requests
    }

    /// The window.
    pub(super) fn window(&self) -> Duration {
        self.window
    }

    /// Calls that the window up to now has left.
    pub(super) fn remaining(&self, now: Instant) -> u32 {
        let newest = self.newest.iter().rev();
        let in_window =
            newest.take_while(|call| now.saturating_duration_since(**call) < self.window);
        let spent = u32::try_from(in_window.count()).unwrap_or(u32::MAX);
        self.requests.saturating_sub(spent)
    }

    /// Another limit from now on. A larger one cannot know more calls than were remembered, and is kinder for a window.
    pub(super) fn change(&mut self, requests: u32, window: Duration) {
        (self.requests, self.window) = (requests, window);
        self.forget_all_but(self.remembered());
    }

    /// Counts a call; false when the window before it was full.
    pub(super) fn admit(&mut self, now: Instant) -> bool {
        let full = self.newest.len() >= self.remembered()
            && self
                .newest
                .front()
                .is_none_or(|oldest| now.saturating_duration_since(*oldest) < self.window);
        self.newest.push_back(now);
        self.forget_all_but(self.remembered());
        !full
    }

    fn remembered(&self) -> usize {
        usize::try_from(self.requests).unwrap_or(usize::MAX)
    }

    fn forget_all_but(&mut self, newest: usize) {
        let surplus = self.newest.len().saturating_sub(newest);
        self.newest.drain(..surplus);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::collection::vec;
    use proptest::prelude::{prop_assert_eq, proptest};

    use super::Quota;
    use crate::clock::Clock;

    #[test]
    fn a_window_admits_its_quota_and_refused_calls_keep_it_full() {
        let start = Clock::manual().now();
        let mut quota = Quota::new(2, Duration::from_secs(10));
        // (seconds since the start, admitted?, why)
        let calls = [
            (0, true, "first"),
            (1, true, "second"),
            (9, false, "both are within ten seconds"),
            (
                10,
                false,
                "the first is out, the refused one is in: 1 and 9",
            ),
            (18, false, "9 and 10"),
            (19, false, "10 and 18"),
            (28, true, "18 is just out"),
            (29, true, "19 is just out"),
            (37, false, "28 and 29"),
        ];
        for (second, admitted, why) in calls {
            let now = start + Duration::from_secs(second);
            let had = quota.remaining(now);
            assert_eq!(quota.admit(now), admitted, "at {second} s: {why}");
            assert_eq!(had > 0, admitted, "at {second} s: it was foretold");
            assert_eq!(quota.remaining(now), had.saturating_sub(1));
        }
    }

    #[test]
    fn a_call_is_out_of_the_window_exactly_one_window_later() {
        let start = Clock::manual().now();
        let window = Duration::from_secs(10);
        for (later, admitted) in [
            (window.saturating_sub(Duration::from_nanos(1)), false),
            (window, true),
        ] {
            let mut quota = Quota::new(1, window);
            assert!(quota.admit(start));
            assert_eq!(quota.admit(start + later), admitted, "{later:?}");
        }
    }

    #[test]
    fn a_quota_of_nothing_admits_nobody_and_remembers_nothing() {
        let now = Clock::manual().now();
        let mut quota = Quota::new(0, Duration::from_secs(1));
        assert!(!quota.admit(now) && !quota.admit(now + Duration::from_secs(5)));
        assert!(quota.newest.is_empty());
    }

    #[test]
    fn a_smaller_quota_holds_at_once_and_counts_what_was_called_before() {
        let now = Clock::manual().now();
        let second = Duration::from_secs(1);
        let mut quota = Quota::new(3, Duration::from_secs(10));
        assert!((0..3).all(|call| quota.admit(now + second * call)));
        quota.change(1, second);
        assert_eq!((quota.requests(), quota.window()), (1, second));
        assert!(!quota.admit(now + Duration::from_millis(2_999)));
        assert!(quota.admit(now + Duration::from_millis(3_999)));
    }

    proptest! {
        #[test]
        fn remembering_the_newest_is_as_good_as_remembering_all(
            requests in 0_u32..6,
            pauses in vec(0_u64..8, 0..60),
        ) {
            let window = Duration::from_secs(10);
            let mut quota = Quota::new(requests, window);
            let (mut now, mut all) = (Clock::manual().now(), Vec::new());
            for pause in pauses {
                now += Duration::from_secs(pause);
                let in_window = all.iter().filter(|call| now.duration_since(**call) < window);
                let admitted = in_window.count() < usize::try_from(requests).unwrap();
                prop_assert_eq!(quota.admit(now), admitted);
                all.push(now);
            }
        }
    }
}
