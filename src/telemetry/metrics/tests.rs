use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, UNIX_EPOCH};

use http::StatusCode;
use jiff::SignedDuration;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;

use super::{
    CallResult, Facts, Metrics, Origin, RequestMetrics, Snapshot, StatusClass, UpstreamMetrics,
    Usage, exposition, facts,
};
use crate::credential::{Health, Renewed};
use crate::error::Error;
use crate::policy::client::{ClientId, Clients};
use crate::policy::cost::Cost;
use crate::policy::forecast::Forecast;
use crate::policy::limit::account::{Changes, Standing};
use crate::policy::limit::{Api, Limit};
use crate::policy::outcome::OutcomeKind;
use crate::policy::refresh::Outlook;
use crate::policy::skew;

struct Fixed(Snapshot);

impl Facts for Fixed {
    fn snapshot(&self) -> Snapshot {
        self.0.clone()
    }
}

/// The samples of one family, in the order of the exposition.
fn samples<'a>(text: &'a str, family: &str) -> Vec<&'a str> {
    text.lines()
        .filter(|line| line.starts_with(family) && !line.ends_with(" 0") && !line.ends_with(" 0.0"))
        .collect()
}

#[test]
fn requests_are_counted_by_outcome_class_and_client_and_nothing_twice() {
    let mut registry = Registry::default();
    let metrics = RequestMetrics::register(&mut registry);
    let wallboard = metrics.client("wallboard");
    let again = metrics.client("wallboard"); // a reload
    for (outcome, class, micros) in [
        (OutcomeKind::Hit, StatusClass::Success, 10),
        (OutcomeKind::Hit, StatusClass::Redirection, 50),
        (OutcomeKind::Collapsed, StatusClass::Success, 200_000),
        (OutcomeKind::Held, StatusClass::ClientError, 51),
        (OutcomeKind::Abandoned, StatusClass::None, 60_000_000),
    ] {
        metrics.answered(outcome, class, Duration::from_micros(micros));
    }
    wallboard.answered(OutcomeKind::Hit);
    let elsewhere = again.clone();
    thread::spawn(move || elsewhere.answered(OutcomeKind::Hit))
        .join()
        .unwrap();

    let text = exposition(&registry);
    assert_eq!(
        samples(&text, "jobgate_requests_total"),
        [
            r#"jobgate_requests_total{outcome="hit",class="2xx"} 1"#,
            r#"jobgate_requests_total{outcome="hit",class="3xx"} 1"#,
            r#"jobgate_requests_total{outcome="collapsed",class="2xx"} 1"#,
            r#"jobgate_requests_total{outcome="held",class="4xx"} 1"#,
            r#"jobgate_requests_total{outcome="abandoned",class="none"} 1"#,
        ]
    );
    assert_eq!(
        samples(&text, "jobgate_calls_saved"),
        ["jobgate_calls_saved_total 3"]
    );
    assert_eq!(
        samples(&text, "jobgate_client_requests"),
        [r#"jobgate_client_requests_total{client="wallboard",outcome="hit"} 2"#]
    );
    assert!(samples(&text, "jobgate_client_calls_total").is_empty());
    let of_hits: Vec<_> = samples(&text, "jobgate_request_duration_seconds")
        .into_iter()
        .filter(|line| line.contains(r#""hit""#))
        .collect();
    assert_eq!(of_hits.len(), 2 + 13);
    assert_eq!(
        of_hits.get(..3).unwrap(),
        [
            r#"jobgate_request_duration_seconds_sum{outcome="hit"} 0.00006"#,
            r#"jobgate_request_duration_seconds_count{outcome="hit"} 2"#,
            r#"jobgate_request_duration_seconds_bucket{le="0.00005",outcome="hit"} 2"#,
        ]
    );
    assert!(text.contains(
        "_bucket{le=\"30.0\",outcome=\"abandoned\"} 0\n\
         jobgate_request_duration_seconds_bucket{le=\"+Inf\",outcome=\"abandoned\"} 1\n"
    ));
}

#[test]
fn a_client_has_one_account_and_all_who_paid_are_exposed() {
    let mut registry = Registry::default();
    let metrics = RequestMetrics::register(&mut registry);
    let clients = Clients::new(["wallboard", "ci"].map(|name| (name, &[][..])));
    let id = |name| clients.named(name).unwrap();
    let (one, other) = (metrics.accounts(&clients), metrics.accounts(&clients)); // as two layers have them
    let third = Cost::of_millionths(333_333);
    one.of(id("ci")).account().pay(third);
    other.of(id("ci")).account().pay(third);
    other.of(id("wallboard")).account().pay(Cost::of_calls(1));
    one.of(ClientId::ANONYMOUS).account().pay(Cost::of_calls(4));
    one.gateway().pay(Cost::of_calls(3));
    let text = exposition(&registry);
    assert_eq!(
        samples(&text, "jobgate_client_calls_total"),
        [
            r#"jobgate_client_calls_total{client="wallboard"} 1.0"#,
            r#"jobgate_client_calls_total{client="ci"} 0.666666"#,
            r#"jobgate_client_calls_total{client="-"} 4.0"#,
            r#"jobgate_client_calls_total{client="(gateway)"} 3.0"#,
        ]
    );
}

#[test]
fn what_is_saved_is_what_clients_would_have_called_less_every_call_and_never_falls() {
    let metrics = RequestMetrics::default();
    let client = metrics.client("wallboard");
    let answer = |kind| {
        metrics.answered(kind, StatusClass::Success, Duration::ZERO);
        client.answered(kind);
    };
    assert_eq!((metrics.calls_saved(), metrics.saved_share()), (0, None));
    for (kind, calls, saved) in [
        (OutcomeKind::Miss, 1, 0),
        (OutcomeKind::Hit, 0, 1),
        (OutcomeKind::Collapsed, 0, 2),
        (OutcomeKind::Stale, 1, 2),  // a look behind it, or in vain
        (OutcomeKind::Failed, 3, 2), // with its retries: 0, but never less than it was
        (OutcomeKind::Hit, 0, 2),
        (OutcomeKind::Hit, 0, 2),
        (OutcomeKind::Hit, 0, 3),
        (OutcomeKind::Held, 0, 3), // got nothing
        (OutcomeKind::Refused, 0, 3),
        (OutcomeKind::Fault, 0, 3),
        (OutcomeKind::Abandoned, 0, 3),
        (OutcomeKind::Local, 0, 3), // would have called nobody
    ] {
        answer(kind);
        client.account().pay(Cost::of_calls(calls));
        assert_eq!(metrics.calls_saved(), saved, "{kind:?}");
    }
    assert_eq!(metrics.saved_share(), Some(3.0 / 12.0));
    client.looked_in_vain();
    let usage = Usage {
        asked: 12,
        free: 4,
        paid: Cost::of_calls(5),
        stale: 1,
        refused: 3,
    };
    assert_eq!((client.usage(), metrics.usage()), (usage, usage));
}

#[test]
fn upstream_calls_are_exposed_exactly_so() {
    let mut registry = Registry::default();
    let metrics = UpstreamMetrics::register(&mut registry, &["health_score"]);
    metrics.called(CallResult::Success, Duration::from_millis(200));
    metrics.called(CallResult::TimedOut, Duration::from_secs(11));
    metrics.retried();
    metrics.secret_echoed();
    metrics.limits_ignored(0);
    metrics.limits_ignored(3);
    metrics.field_nulled("health_score");
    let text = exposition(&registry);
    // the crate keeps a family in a hash map: the order of its samples is not fixed
    let calls: BTreeSet<_> = text
        .lines()
        .filter(|line| line.starts_with("jobgate_upstream_calls_total"))
        .collect();
    let expected: BTreeSet<String> = CallResult::ALL
        .map(|result| {
            let n = u64::from(matches!(result, CallResult::Success | CallResult::TimedOut));
            let result = result.as_str();
            format!(r#"jobgate_upstream_calls_total{{result="{result}"}} {n}"#)
        })
        .into();
    assert_eq!(calls, expected.iter().map(String::as_str).collect());
    let rest = text
        .split_once("# HELP jobgate_upstream_call_duration")
        .unwrap()
        .1;
    assert_eq!(
        rest,
        r#"_seconds Time from an upstream call's start, connecting included, to its answer's last byte or its failure.
# TYPE jobgate_upstream_call_duration_seconds histogram
# UNIT jobgate_upstream_call_duration_seconds seconds
jobgate_upstream_call_duration_seconds_sum 11.2
jobgate_upstream_call_duration_seconds_count 2
jobgate_upstream_call_duration_seconds_bucket{le="0.01"} 0
jobgate_upstream_call_duration_seconds_bucket{le="0.025"} 0
jobgate_upstream_call_duration_seconds_bucket{le="0.05"} 0
jobgate_upstream_call_duration_seconds_bucket{le="0.1"} 0
jobgate_upstream_call_duration_seconds_bucket{le="0.25"} 1
jobgate_upstream_call_duration_seconds_bucket{le="0.5"} 1
jobgate_upstream_call_duration_seconds_bucket{le="1.0"} 1
jobgate_upstream_call_duration_seconds_bucket{le="2.5"} 1
jobgate_upstream_call_duration_seconds_bucket{le="10.0"} 1
jobgate_upstream_call_duration_seconds_bucket{le="+Inf"} 2
# HELP jobgate_upstream_retries Calls that repeated a failed one; they are in jobgate_upstream_calls as well.
# TYPE jobgate_upstream_retries counter
jobgate_upstream_retries_total 1
# HELP jobgate_secret_echoes Upstream answers refused because they contained the central credential; above 0 wants a look.
# TYPE jobgate_secret_echoes counter
jobgate_secret_echoes_total 1
# HELP jobgate_limits_ignored Limits in upstream's headers and throttles that were not believed: unreadable, zero, over 10 000 calls or over an hour.
# TYPE jobgate_limits_ignored counter
jobgate_limits_ignored_total 3
# HELP jobgate_fields_nulled Fields sent on as null because upstream's value could not be converted to the documented type.
# TYPE jobgate_fields_nulled counter
jobgate_fields_nulled_total{field="health_score"} 1
# EOF
"#
    );
}

fn limit((requests, seconds): (u32, u64)) -> Limit {
    Limit {
        requests: requests.try_into().unwrap(),
        window: Duration::from_secs(seconds),
    }
}

fn standing(budget: (u32, u64), in_force: (u32, u64)) -> Standing {
    Standing {
        budget: limit(budget),
        in_force: limit(in_force),
        remaining: 7,
        in_flight: 1,
        changes: Changes {
            adopted: 4,
            raised: 3,
            fell_back: 2,
            lifted: 1,
        },
        foreign_throttles: 5,
        foreign: None,
    }
}

#[test]
fn facts_are_exposed_exactly_as_the_snapshot_has_them() {
    let mut registry = Registry::default();
    let snapshot = Snapshot {
        accepting: true,
        draining: true,
        requests_waiting: 2,
        budget_requests: 50,
        budget_remaining: 41,
        limits: vec![
            (Api::Job, standing((50, 60), (10, 1))),
            (Api::List, standing((20, 60), (20, 60))),
        ],
        outlook: Some(Outlook {
            jobs: 400,
            first_asks: 3,
            forecast: Forecast {
                first_asks: 1.5,
                floors: 120.0,
                budget: NonZeroU32::new(50).unwrap(),
                window: Duration::from_secs(60),
            },
        }),
        throttle_hold: Some(Duration::from_millis(12_500)),
        list_throttle_hold: Some(Duration::from_secs(3)),
        credential_hold: None,
        outage_hold: Some(Duration::from_secs(2)),
        paused: true,
        denial_wave: false,
        absent_jobs: 12,
        credential_proven: true,
        local_clock: Some(skew::Standing {
            difference: SignedDuration::from_millis(-1_250_500),
            verdict: skew::Verdict::Corrected,
        }),
        credential: Health {
            kind: "password",
            available: true,
            expires_at: Some(UNIX_EPOCH + Duration::from_millis(1_717_574_458_250)),
            renewals: [Renewed::Issued, Renewed::Refused, Renewed::Issued]
                .into_iter()
                .collect(),
            ..Health::default()
        },
        cache_entries: 3,
        cache_bytes: 4096,
        cache_evictions: 7,
        ..Snapshot::default()
    };
    facts::register(&mut registry, Arc::new(Fixed(snapshot)));
    let text = exposition(&registry);
    let samples: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(
        samples,
        [
            "jobgate_draining 1",
            "jobgate_requests_waiting 2",
            "jobgate_credential_proven 1",
            "jobgate_clock_skew_seconds -1250.5",
            "jobgate_upstream_paused 1",
            "jobgate_upstream_down 1",
            "jobgate_denial_wave 0",
            r#"jobgate_hold_seconds{kind="throttle"} 12.5"#,
            r#"jobgate_hold_seconds{kind="list_throttle"} 3.0"#,
            r#"jobgate_hold_seconds{kind="credential"} 0.0"#,
            r#"jobgate_hold_seconds{kind="outage"} 2.0"#,
            "jobgate_credential_available 1",
            r#"jobgate_credential_expiry_timestamp_seconds 1717574458.25"#,
            r#"jobgate_credential_renewals_total{result="issued"} 2"#,
            r#"jobgate_credential_renewals_total{result="unchanged"} 0"#,
            r#"jobgate_credential_renewals_total{result="refused"} 1"#,
            r#"jobgate_credential_renewals_total{result="forbidden"} 0"#,
            r#"jobgate_credential_renewals_total{result="unavailable"} 0"#,
            "jobgate_budget_requests 50",
            "jobgate_budget_remaining 41",
            r#"jobgate_budget_demand{kind="first"} 1.5"#,
            r#"jobgate_budget_demand{kind="floors"} 120.0"#,
            "jobgate_planned_jobs 400",
            "jobgate_first_asks_in_line 3",
            "jobgate_sweeping 0",
            "jobgate_sweep_contradictions_total 0",
            r#"jobgate_limit_requests{api="job",source="configured"} 50"#,
            r#"jobgate_limit_requests{api="job",source="in_force"} 10"#,
            r#"jobgate_limit_requests{api="list",source="configured"} 20"#,
            r#"jobgate_limit_requests{api="list",source="in_force"} 20"#,
            r#"jobgate_limit_window_seconds{api="job",source="configured"} 60.0"#,
            r#"jobgate_limit_window_seconds{api="job",source="in_force"} 1.0"#,
            r#"jobgate_limit_window_seconds{api="list",source="configured"} 60.0"#,
            r#"jobgate_limit_window_seconds{api="list",source="in_force"} 60.0"#,
            r#"jobgate_limit_changes_total{api="job",change="adopted"} 4"#,
            r#"jobgate_limit_changes_total{api="job",change="raised"} 3"#,
            r#"jobgate_limit_changes_total{api="job",change="fell_back"} 2"#,
            r#"jobgate_limit_changes_total{api="job",change="lifted"} 1"#,
            r#"jobgate_limit_changes_total{api="list",change="adopted"} 4"#,
            r#"jobgate_limit_changes_total{api="list",change="raised"} 3"#,
            r#"jobgate_limit_changes_total{api="list",change="fell_back"} 2"#,
            r#"jobgate_limit_changes_total{api="list",change="lifted"} 1"#,
            r#"jobgate_foreign_throttles_total{api="job"} 5"#,
            r#"jobgate_foreign_throttles_total{api="list"} 5"#,
            "jobgate_cache_entries 3",
            "jobgate_absent_jobs 12",
            "jobgate_cache_bytes 4096",
            "jobgate_cache_evictions_total 7",
        ]
    );
}

#[test]
fn every_family_has_a_proper_name_a_help_text_and_one_declaration() {
    let mut registry = Registry::default();
    let dropped = Counter::default();
    dropped.inc();
    let origin = Origin {
        version: "1.2.3",
        started: UNIX_EPOCH + Duration::from_secs(1_780_000_000),
        nullable_fields: &[],
        log_lines_dropped: dropped,
    };
    let _metrics = Metrics::register(&mut registry, origin);
    facts::register(&mut registry, Arc::new(Fixed(Snapshot::default())));
    let text = exposition(&registry);
    for sample in [
        "\njobgate_build_info{version=\"1.2.3\"} 1\n",
        "\njobgate_log_lines_dropped_total 1\n",
        "\nprocess_start_time_seconds 1780000000.0\n",
        "\nprocess_resident_memory_bytes ",
        "\nprocess_open_fds ",
        "\nprocess_max_fds ",
        "\nprocess_cpu_seconds_total ",
    ] {
        assert!(text.contains(sample), "{sample:?} is missing");
    }
    let mut seen = BTreeSet::new();
    for help in text.lines().filter_map(|line| line.strip_prefix("# HELP ")) {
        let (name, help) = help.split_once(' ').unwrap();
        assert!(seen.insert(name), "{name} is declared twice");
        assert!(name.starts_with("jobgate_") || name.starts_with("process_"));
        assert!(
            help.ends_with('.') && !help.ends_with(".."),
            "{name}: {help}"
        );
    }
    assert!(text.ends_with("# EOF\n"));
}

#[test]
fn a_status_has_the_class_of_its_first_digit() {
    for (status, class) in [
        (200, "2xx"),
        (299, "2xx"),
        (304, "3xx"),
        (400, "4xx"),
        (499, "4xx"),
        (500, "5xx"),
        (504, "5xx"),
    ] {
        let status = StatusCode::from_u16(status).unwrap();
        assert_eq!(StatusClass::of(status).as_str(), class);
    }
}

#[test]
fn an_error_without_a_call_is_no_call() {
    for (error, result) in [
        (Error::TimedOut, Some(CallResult::TimedOut)),
        (
            Error::CredentialRefused("-".into()),
            Some(CallResult::CredentialRefused),
        ),
        (
            Error::ConnectionLost("reset".into()),
            Some(CallResult::Unreachable),
        ),
        (
            Error::BudgetSpent {
                retry_after: Duration::ZERO,
            },
            None,
        ),
        (Error::Overloaded, None),
        (Error::UnknownKey, None),
    ] {
        assert_eq!(CallResult::of_error(&error), result, "{error}");
    }
}
