use std::time::{Duration, Instant};

use super::{CLOSE_GRACE, Limits, Overrun, Seen, Timers, Verdict};

const LIMITS: Limits = Limits {
    header: Duration::from_secs(10),
    idle: Duration::from_secs(90),
    request: Duration::from_secs(30),
};

const NOTHING: Seen = Seen {
    lingering: false,
    started: 0,
    finished: 0,
    head: false,
    multiplexed: false,
    written: 0,
    blocked: false,
};

const ANSWERED: Seen = Seen {
    started: 1,
    finished: 1,
    written: 3_000,
    ..NOTHING
};

#[expect(clippy::disallowed_methods, reason = "any instant serves as zero")]
fn zero() -> Instant {
    Instant::now()
}

fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// Its name, what is seen at which second, and the second and kind of its end.
type Case<'a> = (&'a str, &'a [(u64, Seen)], u64, Verdict);

/// Shows the connection each `Seen` at its second, then asks what its limit is.
#[track_caller]
fn assert_limit(case: &str, story: &[(u64, Seen)], limit_at: u64, verdict: Verdict) {
    let zero = zero();
    let mut timers = Timers::accepted(zero);
    for (second, seen) in story {
        timers.observe(*seen, zero + secs(*second));
    }
    let until = zero + secs(limit_at);
    let before = timers.verdict(&LIMITS, zero + secs(limit_at - 1));
    assert_eq!(before, Verdict::Wait { until }, "{case}");
    assert_eq!(timers.verdict(&LIMITS, until), verdict, "{case}");
    assert_eq!(timers.verdict(&LIMITS, until + secs(1)), verdict, "{case}");
}

#[test]
fn each_phase_has_a_limit_of_its_own() {
    let head = Seen {
        head: true,
        ..NOTHING
    };
    let head_after_answer = Seen {
        head: true,
        ..ANSWERED
    };
    let busy = Seen {
        started: 2,
        head: false,
        ..ANSWERED
    };
    let two_busy = Seen { started: 3, ..busy };
    let one_done = Seen {
        finished: 2,
        ..two_busy
    };
    let lingering = Seen {
        lingering: true,
        ..ANSWERED
    };
    let cases: &[Case<'_>] = &[
        (
            "our side closed, theirs not yet",
            &[(4, ANSWERED), (5, lingering)],
            10,
            Verdict::Cut(Overrun::Lingering),
        ),
        ("silent", &[], 10, Verdict::Cut(Overrun::First)),
        (
            "first bytes do not prolong the first limit",
            &[(9, head)],
            10,
            Verdict::Cut(Overrun::First),
        ),
        (
            "idle after an answer",
            &[(4, ANSWERED)],
            94,
            Verdict::Close(Overrun::Idle),
        ),
        (
            "a head counts from its first byte, which idleness let come late",
            &[(4, ANSWERED), (84, head_after_answer)],
            94,
            Verdict::Cut(Overrun::Head),
        ),
        (
            "a request in flight",
            &[(4, ANSWERED), (20, busy)],
            80,
            Verdict::Cut(Overrun::Busy),
        ),
        (
            "another begins: there is movement",
            &[(20, busy), (50, two_busy)],
            110,
            Verdict::Cut(Overrun::Busy),
        ),
        (
            "one of two ends: there is movement",
            &[(20, two_busy), (50, one_done)],
            110,
            Verdict::Cut(Overrun::Busy),
        ),
    ];
    for (name, story, limit_at, verdict) in cases {
        assert_limit(name, story, *limit_at, *verdict);
    }
}

#[test]
fn more_bytes_of_a_slow_head_do_not_prolong_it() {
    let head = Seen {
        head: true,
        ..ANSWERED
    };
    let story = [(4, ANSWERED), (5, head), (9, head), (14, head)];
    assert_limit("slow head", &story, 15, Verdict::Cut(Overrun::Head));
}

#[test]
fn a_steady_stream_of_answered_requests_is_never_limited() {
    let zero = zero();
    let mut timers = Timers::accepted(zero);
    for n in 1..1_000_u64 {
        let now = zero + secs(n * 80);
        if n > 1 {
            let waits = matches!(timers.verdict(&LIMITS, now), Verdict::Wait { .. });
            assert!(waits, "80 s of silence cut at request {n}");
        }
        let seen = Seen {
            started: n,
            finished: n,
            ..NOTHING
        };
        timers.observe(seen, now);
    }
}

#[test]
fn over_http2_bytes_alone_are_neither_a_head_nor_a_sign_of_life() {
    let pings = Seen {
        head: true,
        multiplexed: true,
        ..ANSWERED
    };
    let more_pings = Seen {
        written: ANSWERED.written + 17,
        ..pings
    };
    let story = [(4, pings), (30, more_pings)];
    assert_limit("pings", &story, 94, Verdict::Close(Overrun::Idle));
}

#[test]
fn a_reader_that_takes_nothing_is_cut_and_one_that_takes_little_is_not() {
    let blocked = Seen {
        blocked: true,
        ..ANSWERED
    };
    let took_some = Seen {
        written: blocked.written + 1,
        ..blocked
    };
    let caught_up = Seen {
        blocked: false,
        ..took_some
    };
    let busy = Seen {
        started: 2,
        ..blocked
    };
    let stalled = Verdict::Cut(Overrun::Stalled);
    assert_limit("takes nothing", &[(4, blocked)], 34, stalled);
    assert_limit(
        "takes little",
        &[(4, blocked), (24, took_some)],
        54,
        stalled,
    );
    assert_limit("and asks on", &[(4, blocked), (24, busy)], 34, stalled);
    // Reading slowly is not being idle: idleness begins when the last byte is taken.
    let story = [(4, blocked), (24, took_some), (44, caught_up)];
    assert_limit("caught up", &story, 134, Verdict::Close(Overrun::Idle));
}

#[test]
fn a_connection_asked_to_close_gets_a_grace_and_its_running_request_the_usual_time() {
    let zero = zero();
    let mut timers = Timers::accepted(zero);
    timers.observe(ANSWERED, zero + secs(1));
    timers.close(zero + secs(91));
    let until = zero + secs(91) + CLOSE_GRACE;
    assert_eq!(
        timers.verdict(&LIMITS, zero + secs(91)),
        Verdict::Wait { until }
    );
    assert_eq!(timers.verdict(&LIMITS, until), Verdict::Cut(Overrun::Idle));

    let raced = Seen {
        started: 2,
        ..ANSWERED
    };
    timers.observe(raced, zero + secs(92));
    let until = zero + secs(92 + 60);
    assert_eq!(
        timers.verdict(&LIMITS, zero + secs(120)),
        Verdict::Wait { until }
    );
}

#[test]
fn a_limit_too_long_to_add_is_never_reached() {
    let zero = zero();
    let limits = Limits {
        header: Duration::MAX,
        idle: Duration::MAX,
        request: Duration::MAX,
    };
    let timers = Timers::accepted(zero);
    let verdict = timers.verdict(&limits, zero + secs(1_000_000_000));
    assert!(matches!(verdict, Verdict::Wait { .. }));
}
