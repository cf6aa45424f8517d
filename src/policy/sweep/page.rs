//! A list's answer, read leniently: with or without the envelope, the items under either name, unknown fields skipped, numbers also
//! as strings. What is no item is skipped as well, but counted: a page with gaps is not taken for a whole list.

use super::PAGE_SIZE;
use super::item::Item;
use crate::policy::json::{Json, JsonFault};
use crate::policy::normalise::{Field, text_sent};

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// Its items, of the first [`PAGE_SIZE`] entries those that have a job id.
    pub items: Vec<Item>,
    /// Entries, items or not.
    pub entries: usize,
    /// Entries of the whole list, if it is said.
    pub total: Option<u64>,
}

/// Why an answer of status 200 is no page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ListFault {
    /// The body cannot be read at all.
    #[error("unreadable: {0}")]
    Unreadable(#[from] JsonFault),
    /// It tells of a failure: an `error_code`, or a `status` that is not `success`.
    #[error("tells of a failure")]
    Failure,
    /// There is no array of items.
    #[error("no list in it")]
    NoList,
}

// === impl Page ===

impl Page {
    /// Reads the body of a 200.
    ///
    /// # Errors
    /// See [`ListFault`].
    pub fn parse(body: &[u8]) -> Result<Self, ListFault> {
        let json = Json::parse(body)?;
        let status = json.get("status");
        let is_success = status.is_none_or(|status| status.as_str() == Some("success"));
        if !is_success || json.get("error_code").is_some() {
            return Err(ListFault::Failure);
        }
        let envelope = json.get("result").into_iter();
        let page = envelope.chain([&json]).find_map(Self::read);
        page.ok_or(ListFault::NoList)
    }

    fn read(holder: &Json<'_>) -> Option<Self> {
        let entries = ["job_list", "jobs"].into_iter().find_map(|name| {
            let list = holder.get(name)?;
            match list {
                Json::Array(entries) => Some(entries),
                Json::Null
                | Json::Bool(_)
                | Json::Number(_)
                | Json::String(_)
                | Json::Object(_) => None,
            }
        })?;
        // a whole number of 64 bits, by the rules for one that bodies have
        let total = text_sent(
            Field::LastBuildTime,
            holder.get("total").unwrap_or(&Json::Null),
        );
        Some(Self {
            items: entries
                .iter()
                .take(PAGE_SIZE)
                .filter_map(Item::read)
                .collect(),
            entries: entries.len(),
            total: total.and_then(|total| total.parse().ok()),
        })
    }
}
