//! Any bytes as JSON, and the bytes after a NUL as a pointer and a cursor: accepted JSON is UTF-8, a pointer finds the
//! same value as in serde_json, all iterations visit the same parts, and a cursor of another text is harmless.
#![no_main]

use bedrock::json::cursor::Cursor;
use bedrock::json::{Checked, Json, Outline, pointer};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fn walk(plain: Json<'_>, outlined: Json<'_>) {
    assert_eq!(plain, outlined);
    assert_eq!(plain.string(), outlined.string());
    assert_eq!(plain.is_base64(), outlined.is_base64());
    let mut cursor = Cursor::at(plain.text().as_bytes(), "");
    let mut parts = outlined.parts();
    for part in plain.parts() {
        let other = parts.next().expect("as many parts");
        assert_eq!((part.key, part.segment), (other.key, other.segment));
        let found = cursor.as_mut().and_then(|cursor| cursor.step(plain.text().as_bytes())).expect("as many steps");
        assert_eq!(&plain.text()[found.value], part.value.text());
        walk(part.value, other.value);
    }
    assert!(parts.next().is_none());
    assert!(cursor.is_none_or(|mut cursor| cursor.step(plain.text().as_bytes()).is_none()));
}

fuzz_target!(|bytes: &[u8]| {
    let nul = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    let (bytes, rest) = bytes.split_at(nul);
    let path = String::from_utf8_lossy(rest.get(1..).unwrap_or_default());
    let found = pointer::find(bytes, &path);
    let reference = serde_json::from_slice::<Value>(bytes);
    match Outline::of(bytes) {
        Ok(outline) => {
            let text = std::str::from_utf8(bytes).expect("accepted JSON is UTF-8");
            let checked = Checked::new(text, Ok(outline));
            let outlined = checked.json().expect("it has an outline");
            let plain = Json::parse(text).expect("the text is accepted like its bytes");
            if let Ok(reference) = &reference {
                let found = found.map(|range| serde_json::from_str::<Value>(&text[range]).expect("a value is JSON"));
                assert_eq!(found.as_ref(), reference.pointer(&path));
                walk(plain, outlined);
            }
            plain.numbers().map(|numbers| assert_eq!(numbers.values::<f64>().count(), numbers.count()));
        }
        Err(_) => {
            assert!(found.is_none() && reference.is_err());
            assert!(std::str::from_utf8(bytes).map_or(true, |text| Json::parse(text).is_err()));
        }
    }
    if let Some(numbers) = rest.get(..5) {
        let mut cursor =
            Cursor::of_numbers([usize::from(numbers[1]) | usize::from(numbers[2]) << 8, numbers[3].into()]);
        (0..10).for_each(|_| drop(cursor.step(bytes)));
    }
});
