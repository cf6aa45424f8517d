//! The families of [`RequestMetrics`] as a scrape sees them: every thread's sums, added up.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Unit;

use crate::policy::outcome::{OutcomeKind, Why};

use super::{RequestMetrics, StatusClass};

/// The gateway's own account, as a label; no client can be called so.
const GATEWAY: &str = "(gateway)";

impl Collector for RequestMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        self.encode_requests(&mut encoder)?;
        self.encode_stored(&mut encoder)?;
        self.encode_calls_saved(&mut encoder)?;
        self.encode_durations(&mut encoder)?;
        self.encode_clients(&mut encoder)?;
        self.encode_above_rate(&mut encoder)?;
        self.encode_paid(&mut encoder)
    }
}

impl RequestMetrics {
    fn encode_requests(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let mut family = encoder.encode_descriptor(
            "jobgate_requests",
            "Requests by how they were answered and by the class of the status sent (none: the client left first). \
             hit, collapsed: cost no upstream call; stale: from what is stored, past its lifetime or because a look failed; \
             miss, failed: led to one; held: upstream may not be asked now.",
            None,
            MetricType::Counter,
        )?;
        for outcome in OutcomeKind::ALL {
            for class in StatusClass::ALL {
                let labels = [("outcome", outcome.as_str()), ("class", class.as_str())];
                family
                    .encode_family(&labels)?
                    .encode_counter::<NoLabelSet, _, u64>(&self.count(outcome, class), None)?;
            }
        }
        Ok(())
    }

    fn encode_stored(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let mut family = encoder.encode_descriptor(
            "jobgate_stored_answers",
            "Answers from what is stored although it was stale, or older than the client wanted, by the reason: \
             revalidating is everyday, the rest says what is wrong upstream or spent here. Also in jobgate_requests.",
            None,
            MetricType::Counter,
        )?;
        for why in Why::all() {
            let count = self.answers.sum(|mine| &mine.stored[why.index()]);
            family
                .encode_family(&[("reason", why.token())])?
                .encode_counter::<NoLabelSet, _, u64>(&count, None)?;
        }
        Ok(())
    }

    fn encode_calls_saved(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        encoder
            .encode_descriptor(
                "jobgate_calls_saved",
                "Upstream calls that clients would have made without the gateway and that were not made: hit, stale, miss, \
                 collapsed and failed requests, less all of jobgate_client_calls; it never falls.",
                None,
                MetricType::Counter,
            )?
            .encode_counter::<NoLabelSet, _, u64>(&self.calls_saved(), None)
    }

    fn encode_durations(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let mut family = encoder.encode_descriptor(
            "jobgate_request_duration",
            "Time from a request's head to its answer's, inside the gateway: without the client's network.",
            Some(&Unit::Seconds),
            MetricType::Histogram,
        )?;
        for outcome in OutcomeKind::ALL {
            let sums = self.durations(outcome);
            family
                .encode_family(&[("outcome", outcome.as_str())])?
                .encode_histogram::<NoLabelSet>(sums.seconds, sums.count, &sums.buckets, None)?;
        }
        Ok(())
    }

    fn encode_clients(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let mut family = encoder.encode_descriptor(
            "jobgate_client_requests",
            "Requests by configured client (-: nobody in particular) and outcome; requests refused before the client \
             was known are only in jobgate_requests.",
            None,
            MetricType::Counter,
        )?;
        for client in self.clients() {
            for outcome in OutcomeKind::ALL {
                let labels = [("client", client.name()), ("outcome", outcome.as_str())];
                family
                    .encode_family(&labels)?
                    .encode_counter::<NoLabelSet, _, u64>(&client.count(outcome), None)?;
            }
        }
        Ok(())
    }

    fn encode_above_rate(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let mut family = encoder.encode_descriptor(
            "jobgate_rate_refusals",
            "Requests refused because their client was above its rate (429 JG.4291). They are also among the refused of \
             jobgate_client_requests.",
            None,
            MetricType::Counter,
        )?;
        for client in self.clients() {
            family
                .encode_family(&[("client", client.name())])?
                .encode_counter::<NoLabelSet, _, u64>(&client.above_rate(), None)?;
        }
        Ok(())
    }

    fn encode_paid(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let mut family = encoder.encode_descriptor(
            "jobgate_client_calls",
            "Upstream calls by who paid: those who waited for one share it evenly, hence no whole numbers; (gateway) pays \
             what no client waited for: looks behind stale answers, of the schedule and of the operator.",
            None,
            MetricType::Counter,
        )?;
        let clients = self.clients();
        let paid = clients.iter().map(|one| (one.name(), one.account().paid()));
        for (client, paid) in paid.chain([(GATEWAY, self.gateway_paid())]) {
            family
                .encode_family(&[("client", client)])?
                .encode_counter::<NoLabelSet, _, u64>(&f64::from(paid), None)?;
        }
        Ok(())
    }
}
