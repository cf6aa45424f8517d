use proptest::prelude::{any, prop, prop_assert, prop_assert_eq, prop_oneof, proptest};
use serde_json::value::RawValue;

use super::{Json, JsonFault, MAX_DEPTH, MAX_NUMBER_CHARS};

fn compact(text: &str) -> Result<String, JsonFault> {
    let json = Json::parse(text.as_bytes())?;
    Ok(serde_json::to_string(&json).unwrap())
}

#[test]
fn what_is_written_again_has_the_order_and_the_digits_received() {
    for (text, wanted) in [
        (" null ", "null"),
        ("\t[ ]\r\n", "[]"),
        ("{ }", "{}"),
        (
            r#"{ "b" : 1 , "a" : [ true , false ] }"#,
            r#"{"b":1,"a":[true,false]}"#,
        ),
        (
            "[-0, 0.10, 1E+03, 1e999, -1e-999]",
            "[-0,0.10,1E+03,1e999,-1e-999]",
        ),
        (
            "[18446744073709551616, 9007199254740993]",
            "[18446744073709551616,9007199254740993]",
        ),
        (r#"["-1", "a\"2", 3, "\\", 4]"#, r#"["-1","a\"2",3,"\\",4]"#),
        (r#"{"1":2,"-":{"3":4}}"#, r#"{"1":2,"-":{"3":4}}"#),
        (r#""\u4efb\u52a1 \/ \ud83d\ude00""#, r#""任务 / 😀""#),
        (
            r#"{"$serde_json::private::RawValue":"x"}"#,
            r#"{"$serde_json::private::RawValue":"x"}"#,
        ),
        (
            r#"{"$serde_json::private::Number":"1"}"#,
            r#"{"$serde_json::private::Number":"1"}"#,
        ),
    ] {
        assert_eq!(compact(text).as_deref(), Ok(wanted), "{text}");
    }
}

#[test]
fn each_way_not_to_be_json_has_its_reason() {
    let syntax = |column| JsonFault::Syntax { line: 1, column };
    for (text, fault) in [
        (b"\"\xff\"".as_slice(), JsonFault::NotUtf8),
        (b"\xc3\x28", JsonFault::NotUtf8),
        (b"\xef\xbb\xbf{}", JsonFault::ByteOrderMark),
        (b"", JsonFault::CutOff),
        (b"  ", JsonFault::CutOff),
        (b"{\"a\":1", JsonFault::CutOff),
        (b"[1,", JsonFault::CutOff),
        (b"\"abc", JsonFault::CutOff),
        (b"{} {}", JsonFault::TrailingData),
        (b"1 2", JsonFault::TrailingData),
        (b"null\0", JsonFault::TrailingData),
        (b"<html>2024-01-01 --</html>", syntax(1)),
        (b"[1000, 01]", syntax(9)),
        (b"[1 2]", syntax(4)),
        (b"[1.]", syntax(4)),
        (b"[+1]", syntax(2)),
        (b"[1,]", syntax(4)),
        (b"[NaN]", syntax(2)),
        (b"{1:2}", syntax(2)),
        (b"'a'", syntax(1)),
    ] {
        let found = Json::parse(text).unwrap_err();
        assert_eq!(found, fault, "{}", String::from_utf8_lossy(text));
    }
    assert!(Json::parse(br#""\ud800""#).is_err(), "half a surrogate");
    assert!(
        Json::parse(b"\"\x01\"").is_err(),
        "a bare control character"
    );
}

#[test]
fn a_key_twice_is_refused_at_any_level() {
    for text in [
        r#"{"a":1,"a":1}"#,
        r#"{"a":1,"b":2,"\u0061":3}"#,
        r#"{"x":[{"y":{"":1,"b":2,"":3}}]}"#,
    ] {
        assert_eq!(compact(text), Err(JsonFault::DuplicateKey), "{text}");
    }
    assert!(compact(r#"{"a":{"a":1},"A":2,"a ":[{"a":1},{"a":1}]}"#).is_ok());
}

#[test]
fn nesting_ends_at_its_bound() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let nested = |depth| format!("{}0{}", open.repeat(depth), close.repeat(depth));
        let bound = nested(MAX_DEPTH);
        assert_eq!(compact(&bound).as_ref(), Ok(&bound));
        for depth in [MAX_DEPTH + 1, 10_000] {
            assert_eq!(compact(&nested(depth)), Err(JsonFault::TooDeep), "{depth}");
        }
    }
    let unclosed = "[".repeat(1 << 20);
    assert_eq!(compact(&unclosed), Err(JsonFault::TooDeep));
}

#[test]
fn a_number_ends_at_its_bound() {
    let bound = "9".repeat(MAX_NUMBER_CHARS);
    assert_eq!(compact(&bound).as_ref(), Ok(&bound));
    for long in [
        format!("{bound}0"),
        "7".repeat(400),
        format!("0.{bound}"),
        format!("1e{bound}"),
    ] {
        let text = format!(r#"{{"a":[{long}]}}"#);
        assert_eq!(compact(&text), Err(JsonFault::NumberTooLong), "{long}");
    }
    assert!(compact(&format!("\"{bound}{bound}\"")).is_ok(), "a string");
}

#[test]
fn a_megabyte_of_small_things_is_read() {
    assert_eq!(
        size_of::<Json<'_>>(),
        24,
        "the bound in the module doc counts on it"
    );
    let (elements, members) = (1 << 19, 1 << 16);
    let array = format!("[1{}]", ",1".repeat(elements));
    let read = Json::parse(array.as_bytes()).unwrap();
    assert!(matches!(read, Json::Array(read) if read.len() == elements + 1));

    let keys: Vec<String> = (0..members).map(|n| format!("\"{n}\":{n}")).collect();
    let object = format!("{{{}}}", keys.join(","));
    let read = Json::parse(object.as_bytes()).unwrap();
    assert_eq!(read.as_object().unwrap().len(), members);
}

#[test]
fn accessors_answer_for_their_own_kind_only() {
    let json = Json::parse(br#"{"s":"t","n":1.50,"b":true,"z":null,"a":[0]}"#).unwrap();
    let of = |key| json.get(key).unwrap();
    for key in ["s", "n", "b", "z", "a"] {
        assert_eq!(of(key).as_str(), (key == "s").then_some("t"), "{key}");
        assert!(of(key).as_object().is_none() && of(key).get("s").is_none());
    }
    assert!(json.get("absent").is_none() && json.as_str().is_none());
    assert_eq!(json.as_object().map(<[_]>::len), Some(5));
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Json::parse(&bytes);
    }

    #[test]
    fn what_is_accepted_is_what_serde_json_accepts(
        text in prop_oneof![
            "[\\[\\]{}:,\"\\\\0-9eE.+\\- u]{0,12}",
            r#"[{\[]{1,3}("a":)?-?[0-9.eE+\-]{1,6}[ ,:0-9]{0,3}(true|null|"1")?[}\]]{0,3}"#,
            r"-?[0-9.eE+\-]{1,8}",
        ]
    ) {
        match (Json::parse(text.as_bytes()), serde_json::from_str::<&RawValue>(&text)) {
            (Ok(_), Ok(_)) | (Err(_), Err(_)) | (Err(JsonFault::DuplicateKey), Ok(_)) => {}
            // A raw value is not checked for surrogates.
            (Err(JsonFault::Syntax { .. } | JsonFault::CutOff), Ok(raw)) => prop_assert!(raw.get().contains(r"\u")),
            (ours, theirs) => prop_assert!(false, "{text}: {ours:?}, {theirs:?}"),
        }
    }

    #[test]
    fn every_number_keeps_its_digits(
        numbers in prop::collection::vec(r"-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,9})?([eE][+-]?[0-9]{1,4})?", 0..8)
    ) {
        let text = format!("[{}]", numbers.join(","));
        prop_assert_eq!(compact(&text), Ok(text));
    }
}
