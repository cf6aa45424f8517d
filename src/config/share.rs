//! `share` in `[[clients]]`: each is checked with its client, here is what they come to together.

use super::ClientSettings;
use super::item::Item;
use super::limits::SHARE;
use super::place::{child, element};
use super::raw::RawClient;
use super::report::Report;

/// The whole budget.
const WHOLE: f64 = 1.0;

/// Notes a fault if clients are promised more than there is, at the first that is.
pub(super) fn check(raw: &[RawClient], report: &mut Report) {
    let written = |client: &RawClient| client.share.as_ref().and_then(Item::parse);
    let shares: Vec<f64> = raw.iter().filter_map(written).collect();
    if !shares.iter().all(|share| SHARE.contains(share)) {
        return; // each of those is a fault of its own
    }
    let sum = total(shares);
    if sum <= WHOLE {
        return;
    }
    let promised = |nth: &usize| total(raw.iter().take(nth + 1).filter_map(written));
    if let Some(nth) = (0..raw.len()).find(|nth| promised(nth) > WHOLE) {
        let path = child(&element("clients", nth), "share");
        let message =
            format!("the shares of all clients must not exceed 1 together, and add up to {sum}");
        report.fault(&path, message);
    }
}

/// A client without a share, if the others' leave nothing for it.
pub(super) fn left_out(clients: &[ClientSettings]) -> Option<&ClientSettings> {
    let sum = total(clients.iter().filter_map(|client| client.share));
    let mut others = clients.iter().filter(|client| client.share.is_none());
    others.next().filter(|_| sum >= WHOLE)
}

/// The sum as people reckon it: to the ninth place, since binary fractions such as 0.7 + 0.2 + 0.1 miss it.
fn total(shares: impl IntoIterator<Item = f64>) -> f64 {
    let sum: f64 = shares.into_iter().sum();
    (sum * 1e9).round() / 1e9
}
