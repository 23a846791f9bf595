//! JSON compared with serde_json, and its promises.

use crate::json::*;

fn json(text: &str) -> Json<'_> {
    Json::parse(text).unwrap_or_else(|invalid| panic!("{text}: {invalid}"))
}

#[test]
fn the_same_texts_are_accepted_as_by_serde_json() {
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
    assert!(valid > 1_000 && invalid > 1_000, "{valid} valid, {invalid} invalid: too few for this test");
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
fn integers_are_whole_numbers_that_fit() {
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
fn nesting_is_bounded_and_errors_name_the_position() {
    let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    assert!(Json::parse(&deep(MAX_DEPTH)).is_ok());
    let fault = Json::parse(&deep(10_000)).unwrap_err().to_string();
    assert_eq!(fault, "arrays and objects nest more than 512 levels deep at line 1, column 513");
    let fault = Json::parse("{\n  \"a\": 1,\n}").unwrap_err().to_string();
    assert_eq!(fault, "expected a key in double quotes at line 3, column 1");
}

/// Numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) as usize % sides
    }

    fn one_of<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.below(choices.len())]
    }

    /// Returns a value that nests at most `levels` levels deep, with white space, escapes, equal keys, and values both
    /// short and long.
    fn value(&mut self, levels: usize) -> String {
        let space = ["", "", " ", "\n\t"];
        let mut parts = Vec::new();
        let kind = self.below(if levels == 0 { 3 } else { 7 });
        match kind {
            0 => return self.one_of(&["null", "true", "false", "0", "-1.5e3", "12345678901234567890"]).to_owned(),
            1 => {
                return self
                    .one_of(&[r#""""#, r#""a""#, r#""]}\"[{""#, r#""\u00e9\\""#, "\"\u{e9}\u{20ac}\u{1f600}\""])
                    .to_owned();
            }
            2 => return quoted(&self.one_of(&["long ", "QUJD", "\u{20ac}"]).repeat(self.below(300))),
            _ => (0..self.below(5)).for_each(|_| {
                let key = self.one_of(&[r#""a""#, r#""b""#, r#""\u0061""#, r#""x/y""#, r#""m~n""#, r#""""#, r#""0""#]);
                let key = if kind < 5 { String::new() } else { format!("{key}{}:", self.one_of(&space)) };
                let value = self.value(levels - 1);
                parts.push(format!(
                    "{}{key}{}{value}{}",
                    self.one_of(&space),
                    self.one_of(&space),
                    self.one_of(&space)
                ));
            }),
        }
        if kind < 5 { format!("[{}]", parts.join(",")) } else { format!("{{{}}}", parts.join(",")) }
    }

    fn pointer(&mut self) -> String {
        (0..self.below(4))
            .map(|_| format!("/{}", self.one_of(&["a", "b", "x~1y", "m~0n", "", "0", "1", "2", "00", "-", "z"])))
            .collect()
    }
}

#[test]
fn a_pointer_leads_to_the_same_value_as_in_serde_json() {
    let mut dice = Dice(7);
    let (mut there, mut not_there) = (0, 0);
    for _ in 0..20_000 {
        let (text, pointer) = (format!(" {} ", dice.value(4)), dice.pointer());
        let judge: serde_json::Value = serde_json::from_str(&text).unwrap();
        let expected = judge.pointer(&pointer);
        let found = pointer::find(text.as_bytes(), &pointer).map(|place| &text[place]);
        let value = found.map(|found| serde_json::from_str::<serde_json::Value>(found).unwrap());
        assert_eq!(value.as_ref(), expected, "{pointer:?} in {text}");
        assert_eq!(found.map(str::trim), found, "white space around the value at {pointer:?} in {text}");
        let outlined = Checked::from(&text);
        for json in [json(&text), outlined.json().unwrap()] {
            assert_eq!(json.pointer(&pointer).map(Json::text), found, "{pointer:?} in {text}");
        }
        if expected.is_some() { there += 1 } else { not_there += 1 }
    }
    assert!(there > 2_000 && not_there > 2_000, "{there} found, {not_there} not: too few for this test");
}

#[test]
fn a_pointer_finds_nothing_in_a_text_that_is_not_valid_after_the_value() {
    for text in [r#"{"a":1"#, r#"{"a":1,}"#, r#"{"a":1} x"#, "{\"a\":1,\"b\":\"\u{1}\"}", r#"{"a":1,"b":[01]}"#] {
        assert_eq!(pointer::find(text.as_bytes(), "/a"), None, "{text}");
    }
    assert_eq!(pointer::find(b"{\"a\":1,\"b\":\"\xff\"}", "/a"), None, "not UTF-8");
}

#[test]
fn bytes_that_pass_are_utf8_and_valid_to_serde_json() {
    let mut dice = Dice(3);
    let (mut valid, mut invalid) = (0, 0);
    for _ in 0..20_000 {
        let mut bytes = dice.value(3).into_bytes();
        for _ in 0..dice.below(3) {
            let at = dice.below(bytes.len());
            bytes[at] = [0xff, 0x80, 0xc3, b'"', b'\\', 0x1f, b'a', b']'][dice.below(8)];
        }
        let judge = serde_json::from_slice::<serde_json::Value>(&bytes).is_ok() && std::str::from_utf8(&bytes).is_ok();
        assert_eq!(Outline::of(&bytes).is_ok(), judge, "{}", String::from_utf8_lossy(&bytes));
        if judge { valid += 1 } else { invalid += 1 }
    }
    assert!(valid > 2_000 && invalid > 2_000, "{valid} valid, {invalid} invalid: too few for this test");
}

#[test]
fn values_are_the_same_with_and_without_an_outline() {
    fn all<'a>(json: Json<'a>, out: &mut Vec<(&'a str, String, bool)>) {
        let is_base64 = json.kind() == Kind::String && json.is_base64();
        out.push((json.text(), json.string().unwrap_or_default().into_owned(), is_base64));
        for part in json.parts() {
            out.push((part.segment, part.key.and_then(Json::string).unwrap_or_default().into_owned(), false));
            all(part.value, out);
        }
    }
    let mut dice = Dice(11);
    for _ in 0..5_000 {
        let text = dice.value(4);
        let checked = Checked::from(&text);
        let (mut plain, mut outlined) = (Vec::new(), Vec::new());
        all(json(&text), &mut plain);
        all(checked.json().unwrap(), &mut outlined);
        assert_eq!(plain, outlined);
        // They are also the same with the outline of a part.
        for part in checked.json().unwrap().parts() {
            let start = offset(&text, part.segment);
            let outline = checked.outline().unwrap().part(start..start + part.segment.len(), part.value);
            let (mut plain, mut outlined) = (Vec::new(), Vec::new());
            all(part.value, &mut plain);
            all(outline.json(part.segment), &mut outlined);
            assert_eq!(plain, outlined);
        }
    }
}

#[test]
fn a_cursor_visits_every_part() {
    let mut dice = Dice(5);
    let mut steps = 0;
    for _ in 0..10_000 {
        let text = dice.value(4);
        let json = json(&text);
        let mut cursor = cursor::Cursor::at(text.as_bytes(), "");
        assert_eq!(cursor.is_some(), matches!(json.kind(), Kind::Array | Kind::Object), "{text}");
        let Some(cursor) = &mut cursor else { continue };
        for part in json.parts() {
            let found = cursor.step(text.as_bytes()).unwrap();
            assert_eq!(&text[found.value], part.value.text());
            assert_eq!(found.key.map(|key| &text[key]), part.key.map(Json::text));
            steps += 1;
        }
        assert_eq!(cursor.step(text.as_bytes()), None, "{text}");
        assert_eq!(cursor.step(text.as_bytes()), None, "a cursor at the end stays there");
    }
    assert!(steps > 5_000, "{steps} steps: too few for this test");
}

#[test]
fn a_cursor_of_another_text_returns_none_or_a_position_in_the_text() {
    let mut dice = Dice(13);
    for _ in 0..50_000 {
        let mut bytes = dice.value(2).into_bytes();
        bytes.truncate(dice.below(bytes.len() + 1));
        let numbers = [dice.below(bytes.len() + 9), dice.below(bytes.len() + 9)];
        let mut cursor = cursor::Cursor::of_numbers(if dice.below(9) == 0 { [usize::MAX; 2] } else { numbers });
        for _ in 0..10 {
            let Some(found) = cursor.step(&bytes) else { break };
            assert!(bytes.get(found.value).is_some_and(|value| !value.is_empty()));
            assert!(found.key.is_none_or(|key| bytes.get(key).is_some()));
        }
    }
}

#[test]
fn a_loop_over_a_million_elements_reads_each_byte_at_most_twice() {
    for text in
        [format!("[{}1]", "0.25, ".repeat(1_000_000)), format!("{{{}\"k\":{{}}}}", r#""k":["v"],"#.repeat(1_000_000))]
    {
        let (steps, looked_at) = cost::of_reading(|| {
            let mut cursor = cursor::Cursor::at(text.as_bytes(), "").unwrap();
            std::iter::from_fn(|| cursor.step(text.as_bytes())).count()
        });
        assert_eq!(steps, 1_000_001);
        assert!(looked_at <= 2 * text.len(), "{looked_at} bytes of {} were looked at", text.len());
    }
}

#[test]
fn a_pointer_reads_each_byte_once_however_deep_it_leads() {
    let levels = MAX_DEPTH - 1;
    let text = format!("{}[\"{}\"]{}", r#"{"a":"#.repeat(levels), "x".repeat(1_000_000), "}".repeat(levels));
    let (found, looked_at) = cost::of_reading(|| pointer::find(text.as_bytes(), &("/a".repeat(levels) + "/0")));
    assert_eq!(found.unwrap().len(), 1_000_002);
    assert_eq!(looked_at, text.len());
}

#[test]
fn base64_is_decoded_as_by_a_forgiving_decoder() {
    let mut dice = Dice(17);
    let (mut good, mut bad) = (0, 0);
    for _ in 0..20_000 {
        let bytes: Vec<u8> = (0..[0, 1, 2, 3, 40, 191, 192, 767, 768, 769, 2000, 3000][dice.below(12)])
            .map(|_| dice.below(256) as u8)
            .collect();
        let mut text = base64_simd::STANDARD.encode_to_string(&bytes);
        match dice.below(6) {
            0 => text = text.trim_end_matches('=').to_owned(),
            1 => (0..3).for_each(|_| text.insert(dice.below(text.len() + 1), [' ', '\n', '\u{c}'][dice.below(3)])),
            2 if !text.is_empty() => text.insert(dice.below(text.len()), ['=', '.', '-', '\u{e9}', 'A'][dice.below(5)]),
            3 => text.push_str(["=", "A", "AA==", "\\"][dice.below(4)]),
            _ => {}
        }
        // Some programs escape a slash.
        let literal = if dice.below(2) == 0 { quoted(&text) } else { quoted(&text).replace('/', "\\/") };
        let expected = base64_simd::forgiving_decode_to_vec(text.as_bytes()).ok();
        let mut decoded = Vec::new();
        let length = json(&literal).decode_base64(|some| decoded.extend_from_slice(some));
        assert_eq!(length, expected.as_ref().map(Vec::len), "{text}");
        assert_eq!(Checked::from(&literal).json().unwrap().is_base64(), expected.is_some(), "{text}");
        match expected {
            Some(expected) => {
                assert_eq!(decoded, expected);
                good += 1;
            }
            None => bad += 1,
        }
    }
    assert!(good > 1_000 && bad > 1_000, "{good} good, {bad} bad: too few for this test");
}

#[test]
fn an_array_has_numbers_only_if_all_of_its_elements_are_numbers() {
    let all = |text| json(text).numbers().map(|numbers| numbers.values::<f64>().collect::<Vec<_>>());
    assert_eq!(all("[ 1 , -2.5e-3,1e400\n]"), Some(vec![1.0, -0.0025, f64::INFINITY]));
    assert_eq!(all("[ ]"), Some(vec![]));
    assert_eq!(json("[1,2,3]").numbers().unwrap().count(), 3);
    assert_eq!(json("[16777217, 0.1]").numbers().unwrap().values::<f32>().collect::<Vec<_>>(), [16_777_216.0, 0.1]);
    for text in ["1", "{}", "[1,\"2\"]", "[null]", "[1,[2]]", "[true]", "[false]", "[{}]"] {
        assert_eq!(all(text), None, "{text}");
    }
}

#[test]
fn escaping_in_place_gives_the_same_text() {
    let mut dice = Dice(23);
    for _ in 0..5_000 {
        let some = ['a', '\u{e9}', '"', '\\', '\n', '\u{1}', '\u{1f}', '\u{1f600}'];
        let text: String = (0..dice.below(30)).map(|_| some[dice.below(8)]).collect();
        let mut escaped = String::from("[\"");
        escape(&mut escaped, &text).unwrap();
        assert_eq!(json(&format!("{escaped}\"]")).elements().next().unwrap().string().as_deref(), Some(&*text));
        assert_eq!(escape_in_place(text, "[\""), escaped);
    }
}
