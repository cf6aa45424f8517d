//! The error contract as the README shows it, so that it cannot say anything else than the gateway does.

use std::fmt::Write as _;

use super::table::{Quotes, Row, TABLE};

/// [`TABLE`] as the Markdown table of the README, with a line feed at its end.
#[must_use]
pub fn readme_table() -> String {
    let mut table = String::from(
        "| what happened | status | `error_code` | besides | `error_msg` |\n|---|---|---|---|---|\n",
    );
    for row in TABLE {
        let (code, text) = match row.quotes {
            Quotes::Never => (format!("`{}`", row.code), row.text.to_owned()),
            Quotes::IfCoded => (
                format!("upstream's, else `{}`", row.code),
                format!("upstream's, else: {}", row.text),
            ),
            Quotes::Always => ("upstream's".to_owned(), "upstream's".to_owned()),
        };
        let (cause, status, headers) = (row.cause, row.status.as_u16(), headers(row));
        let _ = writeln!(
            table,
            "| {cause} | {status} | {code} | {headers} | {text} |"
        ); // writing to a String cannot fail
    }
    table
}

/// The header fields that follow from a row.
fn headers(row: &Row) -> String {
    let fields = [
        (row.retry_after, "`Retry-After`"),
        (row.allow, "`Allow`"),
        (row.close, "`Connection: close`"),
    ];
    let sent: Vec<&str> = fields
        .iter()
        .filter_map(|(sent, field)| sent.then_some(*field))
        .collect();
    sent.join(", ")
}
