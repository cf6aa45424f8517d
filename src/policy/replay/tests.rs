//! Logs, and what is known to come of them.

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::{
    Just, ProptestConfig, Strategy, prop_assert, prop_assert_eq, prop_oneof, proptest,
};
use proptest::{collection, sample};

use super::run::Run;
use super::{Ages, Client, Figures, Mode, Recorder, Terms, Trace, replay};
use crate::clock::Clock;
use crate::policy::forecast::Verdict;
use crate::policy::freshness::Lifetimes;
use crate::policy::job::JobId;
use crate::policy::ladder::Windows;
use crate::policy::refresh::Rules;

pub(super) fn job(number: u32) -> JobId {
    JobId::parse(&format!("{number:032}")).unwrap()
}

/// A line at so many seconds.
pub(super) fn entry(at: f64, client: &str, number: u32, outcome: &str, more: &str) -> String {
    let at = Timestamp::UNIX_EPOCH + SignedDuration::from_secs_f64(at);
    format!(
        r#"{{"timestamp":"{at:.3}","target":"access","client":"{client}","job.id":"{}","status":200,"outcome":"{outcome}"{more}}}"#,
        job(number)
    )
}

fn trace(lines: impl IntoIterator<Item = String>) -> Trace {
    let mut recorder = Recorder::new(["first", "second"]);
    for line in lines {
        recorder.line(line.as_bytes()).unwrap();
    }
    recorder.finish().unwrap()
}

/// `ttl` 30 s and 5 s; stale for 10 minutes at once, and for an hour.
fn terms(mode: Mode, requests: u32) -> Terms {
    let seconds = Duration::from_secs;
    Terms {
        mode,
        rules: Rules {
            requests: NonZeroU32::new(requests).unwrap(),
            window: seconds(60),
            floors: Lifetimes {
                finished: seconds(30),
                running: seconds(5),
            },
            longest: seconds(600),
        },
        windows: Windows {
            while_revalidate: seconds(600),
            if_error: seconds(3_600),
        },
        ttl_not_found: seconds(30),
        timeout: seconds(10),
        clients: Vec::new(),
    }
}

fn now() -> Instant {
    Clock::system().now()
}

fn figures(trace: &Trace, terms: &Terms) -> Figures {
    replay(trace, terms, Duration::ZERO, now())
}

fn etag(etag: u32, running: bool) -> String {
    format!(r#","etag":"{etag:08x}","running":{running}"#)
}

/// Two jobs; the second is asked for twice. Worked out by hand for fixed lifetimes and three calls a minute, of which the first minute has one; each takes 200 ms.
fn two_jobs() -> Trace {
    let hit = |at, number, more: &str| entry(at, "first", number, "hit", more);
    trace([
        hit(0.0, 1, &etag(1, false)), // the one call of the first minute: 0.2 s old
        hit(1.0, 2, &etag(9, false)), // refused
        hit(10.0, 1, &etag(1, false)), // 10 s old
        hit(40.0, 1, &etag(1, false)), // stale, 40 s old; no call is free
        hit(70.0, 1, &etag(2, false)), // stale, 70 s old, and no longer true; the second call, behind it
        hit(71.0, 1, &etag(2, false)), // 1 s old
        hit(75.0, 2, &etag(9, false)), // the third call: 0.2 s old
    ])
}

#[test]
fn a_log_gives_the_figures_that_are_worked_out_by_hand() {
    let expected = Figures {
        asks: 7,
        from_memory: 4,
        refused: 1,
        differing: Some(1),
        calls: 3,
        ages: Ages {
            mean: Duration::from_millis(20_233),
            p50: Duration::from_secs(1),
            p95: Duration::from_secs(70),
            oldest: Duration::from_secs(70),
        },
    };
    assert_eq!(figures(&two_jobs(), &terms(Mode::Ttl, 3)), expected);
}

#[test]
fn what_happens_in_the_warm_up_is_replayed_and_not_counted() {
    let warm_up = Duration::from_secs(70);
    let told = replay(&two_jobs(), &terms(Mode::Ttl, 3), warm_up, now());
    assert_eq!((told.asks, told.calls, told.from_memory), (3, 2, 2));
    assert_eq!((told.refused, told.ages.oldest), (0, warm_up));
}

#[test]
fn a_longer_ttl_saves_calls_and_serves_older_answers() {
    let asks = (0..120).map(|at| entry(f64::from(at), "first", 1, "hit", ""));
    let trace = trace(asks);
    for (ttl, calls, oldest) in [(10, 12, 10), (30, 4, 30), (60, 2, 60)] {
        let mut terms = terms(Mode::Ttl, 50);
        terms.rules.floors.finished = Duration::from_secs(ttl);
        let told = figures(&trace, &terms);
        assert_eq!((told.calls, told.ages.oldest.as_secs()), (calls, oldest));
        assert_eq!((told.from_memory, told.refused), (119, 0));
        assert_eq!(told.differing, None, "the log does not tell how it stands");
    }
}

#[test]
fn a_running_job_is_looked_at_as_ttl_running_says() {
    let running = etag(1, true);
    let asks = (0..60).map(|at| entry(f64::from(at), "first", 1, "hit", &running));
    let told = figures(&trace(asks), &terms(Mode::Ttl, 100)); // of which the first minute has two each 2.4 s
    assert_eq!((told.calls, told.ages.oldest.as_secs()), (12, 5));
}

#[test]
fn a_denial_is_remembered_for_twice_as_long_each_time() {
    let denied = |at| {
        let code = r#","error.code":"DEV.CB.0531.00031006""#;
        entry(f64::from(at), "first", 1, "failed", code).replace(":200", ":404")
    };
    let told = figures(&trace((0..=210).map(denied)), &terms(Mode::Ttl, 50));
    // looks at 0, 30, 90 and 210 s; each is waited for
    assert_eq!((told.calls, told.from_memory), (4, 211 - 4));
}

#[test]
fn in_budget_mode_who_is_refused_stands_in_line_and_finds_the_answer() {
    // of 5 calls one goes out at once: the others are refused, and looked at without being asked for again
    let firsts = (0..5).map(|number| entry(0.0, "first", number, "held", ""));
    let again = (0..5).map(|number| entry(70.0, "first", number, "hit", ""));
    let trace = trace(firsts.chain(again));
    let told = figures(&trace, &terms(Mode::Budget, 5));
    assert_eq!((told.asks, told.refused, told.from_memory), (10, 4, 5));
    let told = figures(&trace, &terms(Mode::Ttl, 5));
    assert_eq!((told.refused, told.from_memory), (4, 1));
}

#[test]
fn in_budget_mode_a_job_that_is_asked_for_again_after_a_long_silence_is_looked_at_again() {
    // asked for in the first minute, and each 20 s from 1 000 s on: past the silence after which it is forgotten
    let early = (0..6).map(|at| f64::from(at) * 10.0);
    let late = (0..30).map(|at| 1_000.0 + 20.0 * f64::from(at));
    let lines = early.chain(late);
    let trace = trace(lines.map(|at| entry(at, "first", 1, "hit", "")));
    let terms = terms(Mode::Budget, 50);
    let mut run = Run::new(&trace, &terms, Duration::ZERO, now());
    run.play();
    let first = run.calls[0].0;
    let since = |(sent, ..): &(Instant, Instant, usize)| sent.duration_since(first).as_secs();
    // the last look in silence is at 630 s, so the answer is stale at once when the job comes back
    let sent: Vec<_> = run
        .calls
        .iter()
        .map(since)
        .filter(|sent| *sent > 600)
        .collect();
    assert_eq!(sent.get(..3), Some(&[630, 1_000, 1_030][..]));
    assert_eq!(run.into_figures().refused, 0);
}

#[test]
fn a_client_that_takes_no_stale_answer_waits_or_is_refused() {
    let mut terms = terms(Mode::Ttl, 3);
    let max_stale = Some(Duration::from_secs(5));
    let strict = Client {
        max_stale,
        share: None,
    };
    terms.clients = vec![Client::default(), strict];
    let lines = ["first", "second"].map(|client| {
        let hit = |at| entry(at, client, 1, "hit", "");
        figures(&trace([hit(0.0), hit(40.0), hit(70.0)]), &terms)
    });
    let told = lines.map(|told| (told.from_memory, told.refused, told.calls));
    assert_eq!(told, [(2, 0, 2), (0, 1, 2)]);
}

#[test]
fn budget_mode_leaves_fewer_answers_wrong_than_fixed_lifetimes_with_the_same_budget() {
    // 60 jobs asked for each 5 s; the first six change each two minutes, the others never
    let lines = (0..1_200_u32).flat_map(|tick| {
        (0..60).map(move |number| {
            let at = f64::from(tick) + f64::from(number) / 100.0;
            let state = if number < 6 {
                (tick + 20 * number) / 24
            } else {
                1
            };
            entry(5.0 * at, "first", number, "hit", &etag(state + 1, false))
        })
    });
    let trace = trace(lines);
    let warm_up = Duration::from_secs(2_000);
    let [budget, ttl] = [Mode::Budget, Mode::Ttl].map(|mode| {
        replay(&trace, &terms(mode, 12), warm_up, now())
            .differing_ratio()
            .unwrap()
    });
    assert!(budget < 0.8 * ttl, "{budget} {ttl}");
}

#[test]
fn the_forecast_counts_first_asks_and_each_job_once_per_floor() {
    let hit = |at: f64, number, more: &str| entry(at, "first", number, "hit", more);
    let busy = (0..600).map(|at| hit(f64::from(at), 1, &etag(1, false)));
    let running = (0..600).map(|at| hit(f64::from(at), 2, &etag(1, true)));
    let rare = [0.0, 299.0, 600.0].map(|at| hit(at, 3, ""));
    let trace = trace(busy.chain(running).chain(rare));
    let forecast = trace.forecast(&terms(Mode::Budget, 15).rules);
    // over ten minutes: three first asks; 19 looks, 119 looks and two
    assert!((forecast.first_asks - 0.3).abs() < 1e-9, "{forecast}");
    assert!((forecast.floors - 14.0).abs() < 1e-9, "{forecast}");
    assert_eq!(forecast.verdict(), Verdict::Ample);

    let scan = (0..600).map(|at| hit(f64::from(at), at, ""));
    let forecast = self::trace(scan).forecast(&terms(Mode::Budget, 50).rules);
    assert_eq!(forecast.verdict(), Verdict::Exceeded, "{forecast}");
}

fn logs() -> impl Strategy<Value = Vec<String>> {
    let outcome = prop_oneof![Just("hit"), Just("miss"), Just("failed")];
    let ask = (0..2_000_u32, 0..12_u32, 0..4_u32, outcome);
    collection::vec(ask, 1..300).prop_map(|asks| {
        let line = |(at, number, state, outcome)| {
            let (at, client) = (
                f64::from(at) / 7.0,
                ["first", "second", "third", "-"][state as usize],
            );
            let code = r#","error.code":"CB.00031006""#;
            match outcome {
                "failed" => entry(at, client, number, outcome, code).replace(":200", ":404"),
                _ => entry(at, client, number, outcome, &etag(state, state == 0)),
            }
        };
        asks.into_iter().map(line).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))] // each is a whole log

    #[test]
    fn the_budget_is_never_exceeded_and_no_job_asked_for_twice_at_once(
        lines in logs(),
        mode in sample::select(vec![Mode::Budget, Mode::Ttl]),
        requests in 1..20_u32,
    ) {
        let (trace, terms) = (trace(lines), terms(mode, requests));
        let mut run = Run::new(&trace, &terms, Duration::ZERO, now());
        run.play();
        for &(sent, _, job) in &run.calls {
            // upstream may count a call at any moment from its sending to its answer
            let window = run.calls.iter().filter(|(other, landed, _)| *other <= sent && *landed + terms.rules.window >= sent);
            prop_assert!(window.count() <= requests as usize);
            let under_way = run.calls.iter().filter(|(other, landed, same)| *same == job && *other <= sent && sent < *landed);
            prop_assert_eq!(under_way.count(), 1);
        }
        let calls = run.calls.len() as u64;
        let told = run.into_figures();
        prop_assert_eq!((told.asks, told.calls), (trace.asks() as u64, calls));
        prop_assert!(told.from_memory + told.refused <= told.asks);
    }

    #[test]
    fn the_same_log_gives_the_same_figures(lines in logs(), mode in sample::select(vec![Mode::Budget, Mode::Ttl])) {
        let terms = terms(mode, 7);
        let told = [now(), now() + Duration::from_secs(12_345)]
            .map(|base| replay(&trace(lines.clone()), &terms, Duration::ZERO, base));
        prop_assert_eq!(told[0], told[1]);
    }
}
