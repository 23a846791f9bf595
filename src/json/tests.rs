//! JSON against serde_json, and against what it promises.

use super::*;

fn json(text: &str) -> Json<'_> {
    Json::parse(text).unwrap_or_else(|invalid| panic!("{text}: {invalid}"))
}

#[test]
fn accepts_and_refuses_what_serde_json_does() {
    let pieces = [
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"a\"",
        "\"\\n\"",
        "\"\\x\"",
        "\"\\u12\"",
        "1",
        "-0.5e+3",
        "01",
        "1.",
        "-",
        "true",
        "nul",
        "null",
        " ",
        "\n",
        "\"",
        "\u{1}",
        "é",
    ];
    let mut state = 1u64;
    let (mut valid, mut invalid) = (0, 0);
    for _ in 0..300_000 {
        let mut text = String::new();
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        for step in 0..1 + (state >> 60) {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(step + 1);
            text.push_str(pieces[(state >> 33) as usize % pieces.len()]);
        }
        let judge = serde_json::from_str::<&serde_json::value::RawValue>(&text).is_ok();
        assert_eq!(Json::parse(&text).is_ok(), judge, "{text:?}");
        if judge { valid += 1 } else { invalid += 1 }
    }
    assert!(valid > 1_000 && invalid > 1_000, "{valid} valid, {invalid} invalid: too few to say anything");
}

#[test]
fn segments_joined_by_commas_are_the_original() {
    for text in [r#"{ "a" : 1 , "b":[ 1,2 ,{}] ,"c" : {"d": "e"} }"#, "{\"a\":1}", "{\n}"] {
        let segments: Vec<_> = json(text).members().map(|member| member.segment).collect();
        if !segments.is_empty() {
            assert_eq!(format!("{{{}}}", segments.join(",")), text);
        }
    }
    let array = "[ 1, \"a,b\" ,[2] ]";
    assert_eq!(format!("[{}]", json(array).parts().map(|part| part.segment).collect::<Vec<_>>().join(",")), array);
}

#[test]
fn pointers_lead_to_members_elements_and_escaped_keys() {
    let doc = json(r#"{"a":[{"b":1},2],"x/y":3,"m~n":4,"\u00e9":5,"d":1,"d":2}"#);
    let at = |pointer| doc.pointer(pointer).map(Json::text);
    assert_eq!(at("/a/0/b"), Some("1"));
    assert_eq!(at("/a/1"), Some("2"));
    assert_eq!(at("/a/01"), None);
    assert_eq!(at("/a/-"), None);
    assert_eq!(at("/a/2"), None);
    assert_eq!(at("/x~1y"), Some("3"));
    assert_eq!(at("/m~0n"), Some("4"));
    assert_eq!(at("/é"), Some("5"));
    assert_eq!(at("/d"), Some("2"), "the last of two equal keys counts");
    assert_eq!(at("a"), None);
    assert_eq!(at(""), Some(doc.text()));
}

#[test]
fn strings_decode_as_serde_json_decodes_them() {
    for text in [r#""""#, r#""plain""#, r#""a\"b\\c\/\b\f\n\r\t""#, r#""\u00e9\ud83d\ude00x""#] {
        assert_eq!(json(text).string().unwrap(), serde_json::from_str::<String>(text).unwrap());
    }
    assert_eq!(json(r#""\ud83d!""#).string().unwrap(), "\u{fffd}!", "a lone surrogate is replaced");
}

#[test]
fn quoting_round_trips_every_character_below_256() {
    let all: String = (0..256).filter_map(char::from_u32).collect();
    let quoted = quoted(&all);
    assert_eq!(json(&quoted).string().unwrap(), all);
    assert_eq!(serde_json::from_str::<String>(&quoted).unwrap(), all);
}

#[test]
fn integers_are_whole_and_fit() {
    for (text, expected) in [
        ("3", Some(3)),
        ("3.0", Some(3)),
        ("3e2", Some(300)),
        ("-9223372036854775808", Some(i64::MIN)),
        ("9223372036854775807", Some(i64::MAX)),
        ("3.5", None),
        ("9223372036854775808", None),
        ("1e400", None),
        ("-0", Some(0)),
        ("0e999999999", Some(0)),
        ("9007199254740993.0", Some(9_007_199_254_740_993)),
        ("9007199254740993.5", None),
        ("1200e-2", Some(12)),
        ("1.5e1", Some(15)),
        ("1e18", Some(1_000_000_000_000_000_000)),
        ("1e-99999999999", None),
        ("\"3\"", None),
    ] {
        assert_eq!(json(text).i64(), expected, "{text}");
    }
}

#[test]
fn nesting_is_bounded_and_faults_say_where() {
    let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    assert!(Json::parse(&deep(MAX_DEPTH)).is_ok());
    let fault = Json::parse(&deep(10_000)).unwrap_err().to_string();
    assert_eq!(fault, "arrays and objects nest more than 512 levels deep at line 1, column 513");
    let fault = Json::parse("{\n  \"a\": 1,\n}").unwrap_err().to_string();
    assert_eq!(fault, "expected a key in double quotes at line 3, column 1");
}
