//! The query of a list call: which page, in which order.

use form_urlencoded::parse;

/// Items on a page at most; the definition says so.
const MAX_PAGE_SIZE: usize = 100;

/// Items on a page when nobody says; not published, a guess.
const PAGE_SIZE: usize = 10;

/// The field that can be sorted by. The values that the real service knows are not published.
const SORTABLE: &str = "last_build_time";

/// What is asked of a list.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Query {
    /// Of the page, from 0.
    pub(super) index: usize,
    /// Items on a page.
    pub(super) size: usize,
    /// By the time of the last build; `None`: in the order of the ids.
    pub(super) order: Option<Order>,
}

/// Which end comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// The oldest.
    Ascending,
    /// The newest.
    Descending,
}

// === impl Query ===

impl Query {
    /// `None` for values out of bounds, and for a parameter that is there twice.
    pub(super) fn read(query: &str) -> Option<Self> {
        let value = |name| {
            let mut values = parse(query.as_bytes()).filter(|(key, _)| key == name);
            let first = values.next().map(|(_, value)| value);
            values.next().is_none().then_some(first)
        };
        let number =
            |name, default| value(name)?.map_or(Some(default), |text| text.parse::<usize>().ok());
        let order = match value("sort_order")?.as_deref() {
            None | Some("DESC") => Order::Descending,
            Some("ASC") => Order::Ascending,
            Some(_) => return None,
        };
        let is_sorted = value("sort_field")?.is_some_and(|field| field == SORTABLE);
        let query = Self {
            index: number("page_index", 0)?,
            size: number("page_size", PAGE_SIZE)?,
            order: is_sorted.then_some(order),
        };
        (1..=MAX_PAGE_SIZE).contains(&query.size).then_some(query)
    }
}

#[cfg(test)]
mod tests {
    use super::{Order, Query};

    #[test]
    fn a_query_says_which_page_and_which_order() {
        let (newest, oldest) = (Some(Order::Descending), Some(Order::Ascending));
        for (query, expected) in [
            ("", Some((0, 10, None))),
            ("page_index=3&page_size=100", Some((3, 100, None))),
            ("sort_field=last_build_time", Some((0, 10, newest))),
            (
                "sort_field=last%5Fbuild_time&sort_order=ASC",
                Some((0, 10, oldest)),
            ),
            (
                "sort_field=last_build_time&sort_order=DESC",
                Some((0, 10, newest)),
            ),
            ("sort_field=job_name&sort_order=ASC", Some((0, 10, None))),
            ("search=web&creator_id=1", Some((0, 10, None))),
            ("page_size=1", Some((0, 1, None))),
            ("page_size=0", None),
            ("page_size=101", None),
            ("page_size=ten", None),
            ("page_size=", None),
            ("page_index=-1", None),
            ("page_index=1&page_index=2", None),
            ("sort_order=desc", None),
            ("sort_order=", None),
        ] {
            let read = Query::read(query).map(|it| (it.index, it.size, it.order));
            assert_eq!(read, expected, "{query}");
        }
    }
}
