//! `jobgate stats`: how a running gateway fares.

use std::fmt::Write as _;

use bytesize::ByteSize;
use http::Method;
use jiff::SignedDuration;
use jobgate::admin::stats::{ApiLimits, Client, Key, Savings, Source, Stats, Usage};
use jobgate::error::ClockOff;
use jobgate::policy::skew;

use super::admin::Gateway;
use super::sheet::{Sheet, counts, exactly, seconds};
use super::terminal::{print, print_json};
use super::{AdminArgs, Failed};

/// Clients shown; the rest is only counted.
const MAX_CLIENTS: usize = 20;
/// Longest name of a client; what answers may say otherwise, and a column cannot be of any width.
const MAX_NAME_WIDTH: usize = 64;

pub(super) fn stats(args: &AdminArgs) -> Result<(), Failed> {
    let gateway = Gateway::find(args)?;
    let body = gateway.ask(&Method::GET, "/api/stats")?;
    if args.json {
        print_json(&body)
    } else {
        print(&for_people(&gateway.read(&body)?))
    }
}

fn for_people(stats: &Stats) -> String {
    let state = if stats.draining { ", draining" } else { "" };
    let uptime = seconds(stats.uptime_seconds);
    let mut sheet = Sheet::titled(&format!("jobgate {}, up {uptime}{state}", stats.version));
    sheet.tell("saved", saved(stats));
    sheet.tell("requests", requests(stats));
    sheet.tell("clients", clients(stats));
    sheet.tell("keys", keys(stats));
    sheet.tell("latency", latency(stats));
    sheet.tell("upstream", upstream(stats));
    sheet.tell("credential", credential(stats));
    sheet.tell("budget", budget(stats));
    sheet.tell("plan", plan(stats));
    sheet.tell("sweep", sweep(stats));
    sheet.tell("cache", [cache(stats)]);
    sheet.into_text()
}

/// The headline.
fn saved(stats: &Stats) -> Option<String> {
    let Savings {
        share,
        usage,
        gateway_paid,
    } = &stats.savings;
    let (percent, saved) = ((*share)? * 100.0, stats.requests.calls_saved);
    let looks = if gateway_paid.is_zero() {
        String::new()
    } else {
        format!(", and {gateway_paid} for looks that no client waited for")
    };
    let asked = usage_in_words(usage);
    Some(format!(
        "{percent:.1} % of the upstream calls: {saved}; {asked}{looks}"
    ))
}

fn usage_in_words(usage: &Usage) -> String {
    let Usage {
        asked,
        free,
        paid,
        stale,
        refused,
    } = usage;
    let mut words = format!("asked {asked}, free {free}, paid {paid}");
    for (count, word) in [(stale, "stale"), (refused, "refused")] {
        if *count > 0 {
            let _ = write!(words, ", {word} {count}"); // writing to a String cannot fail
        }
    }
    words
}

fn requests(stats: &Stats) -> Vec<String> {
    let requests = &stats.requests;
    let mut lines = vec![format!("{} in all", requests.total)];
    if let Some(ratio) = requests.hit_ratio {
        let percent = ratio * 100.0;
        lines.push(format!(
            "{percent:.1} % of those for a job answered from memory"
        ));
    }
    if requests.total > 0 {
        lines.push(counts(&requests.by_outcome));
    }
    if requests.waiting > 0 {
        lines.push(format!("waiting for upstream now: {}", requests.waiting));
    }
    lines
}

fn clients(stats: &Stats) -> Vec<String> {
    let of = |client: &Client| {
        let usage = usage_in_words(&client.usage);
        (client.total > 0).then(|| format!("{usage} ({})", counts(&client.by_outcome)))
    };
    by_client(stats, of)
}

/// Which of a client's keys can go, after a rotation.
fn keys(stats: &Stats) -> Vec<String> {
    let of_key = |key: &Key| {
        let (kind, fingerprint) = (&key.kind, &key.fingerprint);
        match &key.last_used {
            Some(at) => format!("{kind} {fingerprint} last used {at}"),
            None => format!("{kind} {fingerprint} not used yet"),
        }
    };
    let of = |client: &Client| {
        let keys: Vec<String> = client.keys.iter().map(of_key).collect();
        (!keys.is_empty()).then(|| keys.join(", "))
    };
    by_client(stats, of)
}

/// A line for each client of whom there is something to say. Those who ask most come first.
fn by_client(stats: &Stats, say: impl Fn(&Client) -> Option<String>) -> Vec<String> {
    let told = |client| Some((client, say(client)?));
    let mut clients: Vec<(&Client, String)> = stats.clients.iter().filter_map(told).collect();
    clients.sort_by_key(|(client, _)| std::cmp::Reverse(client.total));
    let width = clients.iter().map(|(client, _)| client.name.len()).max();
    let (width, more) = (
        width.unwrap_or_default().min(MAX_NAME_WIDTH),
        clients.len().saturating_sub(MAX_CLIENTS),
    );
    let line = |(client, said): &(&Client, String)| format!("{:<width$}  {said}", client.name);
    let shown = clients.iter().take(MAX_CLIENTS).map(line);
    let more = (more > 0).then(|| format!("and {more} more, see --json"));
    shown.chain(more).collect()
}

fn latency(stats: &Stats) -> Vec<String> {
    let at_most = |bound: Option<f64>| bound.map_or("more than 30s".to_owned(), exactly);
    let lines = stats.latency.iter().map(|(outcome, latency)| {
        let (half, most) = (latency.p50_at_most_seconds, latency.p99_at_most_seconds);
        format!(
            "{outcome:<9}  half at most {}, 99 of 100 at most {}",
            at_most(half),
            at_most(most)
        )
    });
    lines.collect()
}

fn upstream(stats: &Stats) -> Vec<String> {
    let upstream = &stats.upstream;
    let mut lines = vec![format!(
        "calls: {}, of them retries: {}; under way now: {}",
        upstream.calls, upstream.retries, upstream.in_flight
    )];
    if upstream.calls > 0 {
        lines.push(counts(&upstream.by_result));
    }
    if upstream.paused {
        lines.push("paused by the operator: no call goes out".to_owned());
    }
    for (left, why) in [
        (upstream.throttled_seconds, "it throttles"),
        (upstream.down_seconds, "it gives no answer"),
    ] {
        if left > 0.0 {
            lines.push(format!(
                "{why}: no call for another {}",
                seconds(left.ceil())
            ));
        }
    }
    if upstream.down && upstream.down_seconds <= 0.0 {
        lines.push("it gives no answer: one call at a time may probe it now".to_owned());
    }
    if upstream.denial_wave {
        lines.push("it denies many jobs that were there: not believed".to_owned());
    }
    let skew = upstream.clock_skew_seconds.unwrap_or_default();
    if let Ok(off) = SignedDuration::try_from_secs_f64(skew)
        && off.unsigned_abs() >= skew::TOO_MUCH
    {
        lines.push(format!("the local clock is {} upstream's", ClockOff(off)));
    }
    if upstream.secret_echoes > 0 {
        lines.push(format!(
            "answers refused because they contained the credential: {}",
            upstream.secret_echoes
        ));
    }
    lines
}

fn credential(stats: &Stats) -> Vec<String> {
    let credential = &stats.credential;
    let held = credential.held_seconds;
    let refused = match &credential.refusal {
        Some(said) => format!("refused by upstream ({said})"),
        None => "refused by upstream".to_owned(),
    };
    let standing = if held > 0.0 {
        Some(format!("{refused}: next try in {}", seconds(held.ceil())))
    } else if credential.refusal.is_some() {
        Some(format!("{refused}: the next call tries it again"))
    } else if !credential.available || credential.expired_seconds_ago.is_some() {
        None
    } else if credential.proven {
        Some("accepted by upstream".to_owned())
    } else {
        Some("not tried yet, or not accepted yet".to_owned())
    };
    let end = match (
        credential.expired_seconds_ago,
        credential.expires_in_seconds,
    ) {
        (Some(since), _) => Some(format!("expired {} ago", seconds(since.floor()))),
        (None, Some(left)) if credential.available => {
            Some(format!("good for another {}", seconds(left.floor())))
        }
        (None, _) => None,
    };
    let state: Vec<String> = standing.into_iter().chain(end).collect();
    let why = credential.why.as_deref().unwrap_or("there is none to send");
    let mut lines = if credential.available {
        vec![state.join(", ")]
    } else {
        [format!("no call goes out: {why}")]
            .into_iter()
            .chain(state)
            .collect()
    };
    lines.extend(credential.why.clone().filter(|_| credential.available));
    if credential.renewals.values().any(|count| *count > 0) {
        lines.push(format!("asked for: {}", counts(&credential.renewals)));
    }
    lines
}

fn budget(stats: &Stats) -> Vec<String> {
    let budget = &stats.budget;
    let window = exactly(budget.window_seconds);
    let mut lines = vec![format!(
        "{} of {} calls in {window} may go out now",
        budget.remaining, budget.requests
    )];
    for limits in &budget.apis {
        let ApiLimits { api, in_force, .. } = limits;
        if *in_force != limits.configured {
            let window = exactly(in_force.window_seconds);
            lines.push(format!(
                "upstream takes fewer calls of the {api} API: {} in {window}",
                in_force.requests
            ));
        }
        if limits.foreign_throttles > 0 {
            lines.push(format!(
                "throttled although the {api} API's limit was not used up from here: {} times; somebody else spends it",
                limits.foreign_throttles
            ));
        }
    }
    lines
}

/// Budget mode's.
fn plan(stats: &Stats) -> Vec<String> {
    let Some(outlook) = &stats.budget.outlook else {
        return Vec::new();
    };
    let jobs = format!("jobs whose looks are planned: {}", outlook.jobs);
    let in_line = format!("jobs in line for their first call: {}", outlook.first_asks);
    vec![jobs, in_line, outlook.forecast.clone()]
}

fn sweep(stats: &Stats) -> Vec<String> {
    let Some(sweep) = stats
        .sweep
        .as_ref()
        .filter(|sweep| !sweep.sources.is_empty())
    else {
        return Vec::new();
    };
    let source = |source: &Source| match source.off_seconds {
        None => format!("{}: swept, because {}", source.name, source.why),
        Some(left) => format!(
            "{}: not swept for {}, because {}",
            source.name,
            seconds(left),
            source.why
        ),
    };
    let last = sweep.last.as_ref().map(|last| {
        format!(
            "last sweep: {} ago, {} calls; wrong answers found: {}, answers confirmed: {}, jobs gone: {}",
            seconds(last.seconds_ago),
            last.pages,
            last.found,
            last.confirmed,
            last.vanished
        )
    });
    let all = format!(
        "list calls: {}; asked to look in vain: {}",
        sweep.calls, sweep.contradictions
    );
    let sources = sweep.sources.iter().map(source);
    sources.chain([all]).chain(last).collect()
}

fn cache(stats: &Stats) -> String {
    let cache = &stats.cache;
    format!(
        "entries: {}, {} of {}; gone to make room: {}; jobs known to be denied or failing: {}",
        cache.entries,
        ByteSize(cache.bytes),
        ByteSize(cache.max_bytes),
        cache.evictions,
        cache.absent_jobs
    )
}
