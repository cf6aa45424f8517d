//! The query of `/api`: read strictly, because a word that is passed over changes what an act means. `DELETE
//! /api/entries?prefix=ab` must not forget everything.

use form_urlencoded::parse;
use serde::Deserialize as _;
use serde::de::IntoDeserializer as _;
use serde::de::value::{Error as Unknown, StrDeserializer};

use crate::error::Error;
use crate::policy::job::JobId;

use super::operate::{Query, State};

/// Entries on a page if nothing is said.
const DEFAULT_LIMIT: usize = 100;
/// Most entries on a page: at about 150 bytes each the answer stays a fraction of a MiB.
const MAX_LIMIT: usize = 1_000;
/// A prefix longer than a job id fits none.
const MAX_PREFIX_CHARS: usize = 32;

/// Of a path that takes no parameters.
///
/// # Errors
/// [`Error::UnreadableRequest`] if there are some.
pub(super) fn none(query: Option<&str>) -> Result<(), Error> {
    match query {
        None | Some("") => Ok(()),
        Some(_) => Err(Error::UnreadableRequest("this path takes no parameters")),
    }
}

/// Of `/api/entries`: `prefix`, `state`, `after`, `limit`, each at most once; an empty value counts as none.
///
/// # Errors
/// [`Error::UnreadableRequest`] with the rule that was broken.
pub(super) fn entries(query: Option<&str>) -> Result<Query, Error> {
    let (mut prefix, mut state, mut after, mut limit) = (None, None, None, None);
    for (name, value) in parse(query.unwrap_or_default().as_bytes()) {
        let place = match &*name {
            "prefix" => &mut prefix,
            "state" => &mut state,
            "after" => &mut after,
            "limit" => &mut limit,
            _ => {
                return refuse("the parameters of this path are prefix, state, after, limit");
            }
        };
        if place.replace(value).is_some() {
            return refuse("a parameter occurs twice");
        }
    }
    Ok(Query {
        prefix: given(prefix.as_deref()).map_or(Ok(String::new()), read_prefix)?,
        state: given(state.as_deref()).map(read_state).transpose()?,
        after: given(after.as_deref()).map(read_after).transpose()?,
        limit: given(limit.as_deref()).map_or(Ok(DEFAULT_LIMIT), read_limit)?,
    })
}

fn given(value: Option<&str>) -> Option<&str> {
    value.filter(|value| !value.is_empty())
}

fn read_prefix(text: &str) -> Result<String, Error> {
    if text.len() <= MAX_PREFIX_CHARS && text.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        Ok(text.to_owned())
    } else {
        refuse("the parameter prefix is at most 32 letters and digits")
    }
}

fn read_state(text: &str) -> Result<State, Error> {
    let word: StrDeserializer<'_, Unknown> = text.into_deserializer();
    State::deserialize(word).or_else(|_unknown| {
        refuse("the parameter state is one of fresh, stale, denied, failing, unknown")
    })
}

fn read_after(text: &str) -> Result<JobId, Error> {
    JobId::parse(text).or_else(|_malformed| {
        refuse("the parameter after is a job id, the next of the page before")
    })
}

fn read_limit(text: &str) -> Result<usize, Error> {
    let limit = text.parse().ok();
    limit
        .filter(|limit| (1..=MAX_LIMIT).contains(limit))
        .map_or_else(
            || refuse("the parameter limit is a number from 1 to 1000"),
            Ok,
        )
}

fn refuse<T>(why: &'static str) -> Result<T, Error> {
    Err(Error::UnreadableRequest(why))
}

#[cfg(test)]
mod tests {
    use super::{entries, none};
    use crate::admin::operate::{Query, State};
    use crate::error::Error;
    use crate::policy::job::JobId;

    const ID: &str = "901878212b1a49be9c1a1054c272762a";

    fn all() -> Query {
        Query {
            prefix: String::new(),
            state: None,
            after: None,
            limit: 100,
        }
    }

    #[test]
    fn every_parameter_is_optional_and_an_empty_one_is_none() {
        let query = format!("prefix=90&state=stale&after={ID}&limit=1000");
        let expected = Query {
            prefix: "90".to_owned(),
            state: Some(State::Stale),
            after: Some(JobId::parse(ID).unwrap()),
            limit: 1_000,
        };
        assert_eq!(entries(Some(&query)).unwrap(), expected);
        for query in [
            None,
            Some(""),
            Some("prefix=&state=&after=&limit="),
            Some("&&"),
        ] {
            assert_eq!(entries(query).unwrap(), all(), "{query:?}");
        }
        assert_eq!(entries(Some("limit=%31")).unwrap().limit, 1);
    }

    #[test]
    fn what_is_not_understood_is_refused_with_its_rule() {
        for (query, told) in [
            ("prefx=90", "are prefix, state, after, limit"),
            ("Prefix=90", "are prefix"),
            ("limit=1&limit=2", "twice"),
            ("limit=&limit=2", "twice"),
            ("limit=0", "1 to 1000"),
            ("limit=1001", "1 to 1000"),
            ("limit=-1", "1 to 1000"),
            ("limit=ten", "1 to 1000"),
            ("prefix=a-b", "letters and digits"),
            ("prefix=%C3%A9", "letters and digits"),
            ("prefix=901878212b1a49be9c1a1054c272762a0", "at most 32"),
            ("state=Fresh", "fresh, stale"),
            ("state=gone", "fresh, stale"),
            ("after=90", "after is a job id"),
        ] {
            let refusal = entries(Some(query)).unwrap_err();
            let Error::UnreadableRequest(why) = refusal else {
                panic!("{query}: {refusal}");
            };
            assert!(why.contains(told), "{query}: {why}");
        }
    }

    #[test]
    fn a_path_without_parameters_takes_none() {
        assert!(none(None).is_ok() && none(Some("")).is_ok());
        assert!(none(Some("prefix=90")).is_err() && none(Some("x")).is_err());
    }
}
