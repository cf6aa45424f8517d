//! One table of conversions for each wanted type, over every field that wants it.

use std::fmt::Debug;

use super::{normalised, success};
use crate::policy::normalise::Field;

/// Each received value becomes the sent one; `None`: null, and reported.
#[track_caller]
fn assert_conversions(field: Field, table: &[(impl AsRef<str> + Debug, Option<&str>)]) {
    let name = field.as_str();
    for (received, sent) in table {
        let found = normalised(success(&format!(r#""{name}":{}"#, received.as_ref())).as_bytes());
        let wanted = success(&format!(r#""{name}":{}"#, sent.unwrap_or("null")));
        assert_eq!(found.body, wanted.as_bytes(), "{name}: {received:?}");
        let nulled = if sent.is_none() { vec![field] } else { vec![] };
        assert_eq!(found.nulled, nulled, "{name}: {received:?}");
    }
}

fn wanting(examples: &[Field]) -> impl Iterator<Item = Field> {
    let wanted: Vec<_> = examples.iter().map(|field| field.wanted()).collect();
    Field::ALL
        .into_iter()
        .filter(move |field| wanted.contains(&field.wanted()))
}

#[test]
fn fields_of_text_keep_strings_and_the_characters_of_scalars() {
    for field in wanting(&[Field::Id]) {
        assert_conversions(
            field,
            &[
                ("null", Some("null")),
                (r#""""#, Some(r#""""#)),
                (r#""27.51""#, Some(r#""27.51""#)),
                (r#"" 任务 \" \\ \n ""#, Some(r#"" 任务 \" \\ \n ""#)),
                ("27.51", Some(r#""27.51""#)),
                ("27.510", Some(r#""27.510""#)),
                ("-0", Some(r#""-0""#)),
                ("1E+400", Some(r#""1E+400""#)),
                ("9007199254740993", Some(r#""9007199254740993""#)),
                ("true", Some(r#""true""#)),
                ("false", Some(r#""false""#)),
                ("{}", None),
                (r#"["a"]"#, None),
            ],
        );
    }
}

#[test]
fn boolean_fields_take_words_and_digits_and_nothing_else() {
    for field in wanting(&[Field::Disabled]) {
        assert_conversions(
            field,
            &[
                ("null", Some("null")),
                ("true", Some("true")),
                ("false", Some("false")),
                (r#""true""#, Some("true")),
                (r#""FALSE""#, Some("false")),
                (r#"" True ""#, Some("true")),
                ("0", Some("false")),
                ("1", Some("true")),
                (r#""0""#, Some("false")),
                (r#""1""#, Some("true")),
                ("1.0", Some("true")),
                ("2", None),
                ("-1", None),
                ("0.5", None),
                (r#""""#, None),
                (r#""yes""#, None),
                (r#""null""#, None),
                ("{}", None),
                ("[true]", None),
            ],
        );
    }
}

#[test]
fn integer_fields_take_what_is_exactly_whole() {
    for field in wanting(&[Field::CreateTime, Field::HealthScore]) {
        assert_conversions(
            field,
            &[
                ("null", Some("null")),
                ("74", Some("74")),
                ("-74", Some("-74")),
                ("-0", Some("0")),
                (r#""74""#, Some("74")),
                (r#"" +74\t""#, Some("74")),
                (r#""-74""#, Some("-74")),
                (r#""007""#, Some("7")),
                ("74.0", Some("74")),
                ("1e3", Some("1000")),
                ("1.5E1", Some("15")),
                (r#""74.00""#, Some("74")),
                ("74.5", None),
                ("1e-3", None),
                ("1e400", None),
                ("1e-400", None),
                (r#""""#, None),
                (r#"" ""#, None),
                (r#""2024-06-05 16:00:58""#, None),
                (r#""7 4""#, None),
                (r#""0x4a""#, None),
                ("true", None),
                ("{}", None),
                ("[74]", None),
            ],
        );
        let digits = format!("\"{}\"", "1".repeat(400));
        assert_conversions(field, &[(digits, None)]);
    }
}

#[test]
fn times_have_64_bits_and_the_score_32() {
    for field in wanting(&[Field::CreateTime]) {
        assert_conversions(
            field,
            &[
                ("1717574458000.0", Some("1717574458000")),
                ("9007199254740993", Some("9007199254740993")),
                ("9223372036854775806", Some("9223372036854775806")),
                ("9223372036854775807", Some("9223372036854775807")),
                ("9223372036854775808", None),
                ("-9223372036854775807", Some("-9223372036854775807")),
                ("-9223372036854775808", Some("-9223372036854775808")),
                ("-9223372036854775809", None),
                (r#""9223372036854775807""#, Some("9223372036854775807")),
                (r#""9223372036854775808""#, None),
            ],
        );
    }
    assert_conversions(
        Field::HealthScore,
        &[
            ("2147483646", Some("2147483646")),
            ("2147483647", Some("2147483647")),
            ("2147483648", None),
            ("-2147483647", Some("-2147483647")),
            ("-2147483648", Some("-2147483648")),
            ("-2147483649", None),
            (r#""2147483648""#, None),
            ("9223372036854775808", None),
        ],
    );
}

#[test]
fn the_error_of_a_success_is_a_string_or_null() {
    for (received, sent) in [
        ("null", Some("null")),
        (r#""careful""#, Some(r#""careful""#)),
        (r#"{"code":"DEV.CH.10001"}"#, None),
        ("[]", None),
        ("0", None),
        ("false", None),
    ] {
        let body = |error| format!(r#"{{"error":{error},"status":"success","result":{{}}}}"#);
        let found = normalised(body(received).as_bytes());
        assert_eq!(found.body, body(sent.unwrap_or("null")).as_bytes());
        let nulled = if sent.is_none() {
            vec![Field::Error]
        } else {
            vec![]
        };
        assert_eq!(found.nulled, nulled, "{received}");
    }
}

#[test]
fn documented_names_mean_nothing_elsewhere() {
    let body = concat!(
        r#"{"create_time":"1","id":2,"result":{"error":{"a":1.0},"status":3,"#,
        r#""x":{"create_time":"1","disabled":"no"}},"status":"success"}"#
    );
    let found = normalised(body.as_bytes());
    assert_eq!(found.body, body);
    assert_eq!(found.nulled, []);
}

#[test]
fn every_field_that_was_nulled_is_named_once() {
    let members: Vec<_> = Field::ALL
        .into_iter()
        .filter(|field| *field != Field::Error)
        .map(|field| format!(r#""{}":[1]"#, field.as_str()))
        .collect();
    let body = format!(
        r#"{{"error":{{}},"result":{{{}}},"status":"success"}}"#,
        members.join(",")
    );
    assert_eq!(normalised(body.as_bytes()).nulled, Field::ALL);
}
