//! `share` in `[[clients]]`: each is checked with its client, here is what they come to together.

use super::ClientSettings;
use super::item::Item;
use super::limits::SHARE;
use super::place::{child, element};
use super::raw::RawClient;
use super::report::Report;

/// The whole budget.
const WHOLE: f64 = 1.0;

/// Notes a fault if clients are promised more than there is, at the first whose share is not there any more.
pub(super) fn check(raw: &[RawClient], report: &mut Report) {
    let mut sum = 0.0;
    let mut first = None;
    for (nth, client) in raw.iter().enumerate() {
        let Some(share) = client.share.as_ref().and_then(Item::parse) else {
            continue;
        };
        if !SHARE.contains(&share) {
            return; // that one is a fault by itself
        }
        sum += share;
        if first.is_none() && reckoned(sum) > WHOLE {
            first = Some(nth);
        }
    }
    if let Some(nth) = first {
        let message = format!(
            "the shares of all clients must not exceed 1 together, and add up to {}",
            reckoned(sum)
        );
        report.fault(&child(&element("clients", nth), "share"), message);
    }
}

/// A client without a share, if the others' leave nothing for it.
pub(super) fn left_out(clients: &[ClientSettings]) -> Option<&ClientSettings> {
    let sum = clients.iter().filter_map(|client| client.share).sum();
    let mut others = clients.iter().filter(|client| client.share.is_none());
    others.next().filter(|_| reckoned(sum) >= WHOLE)
}

/// A sum as people reckon it: to the ninth place, since binary fractions miss it (0.7 + 0.2 + 0.1 is a little less than 1).
fn reckoned(sum: f64) -> f64 {
    (sum * 1e9).round() / 1e9
}
