//! Measures a C program that reads an embedding, and one that sends an image in the request's JSON. No server is
//! needed: the responses come from a script in the library.

use std::error::Error;
use std::path::Path;
use std::process::Command;

use crate::callgrind::{self, Profile};

/// The size of the image and of its base64, in bytes.
const IMAGE: usize = 3_000_000;
const BASE64: usize = IMAGE / 3 * 4;
/// The limit for 1,024 numbers, in microseconds. By pointers they once took 51,000.
const NUMBERS_US: f64 = 300.0;
/// The limits for a byte of base64 from the program's JSON to the body, in instructions, without hashing. A check of 16
/// bytes at a time takes at least 0.4. Each of the four copies takes 0.1.
const NATIVE: f64 = 1.5;
const CHAT: f64 = 2.5;

struct Row {
    label: &'static str,
    figure: Result<f64, String>,
    most: Option<f64>,
}

/// Prints the table. Returns whether every goal was measured and met.
pub fn compare(program: &Path, scratch: &Path, rounds: u32) -> bool {
    eprintln!("JSON ...");
    let file = scratch.join("callgrind.json.out");
    let read = |how| time(program, how, rounds).map_err(|error| format!("{how}: {error}"));
    let per_byte = |how| count(program, how, &file).map_err(|error| format!("{how}: {error}"));
    let rows = [
        Row { label: "1,024 numbers by bedrock_json_numbers, us", figure: read("numbers"), most: Some(NUMBERS_US) },
        Row {
            label: "1,024 numbers by a loop with bedrock_json_next, us",
            figure: read("loop"),
            most: Some(NUMBERS_US),
        },
        Row { label: "1,024 numbers by a pointer each, us", figure: read("pointers"), most: None },
        Row {
            label: "4 MB of base64 in a native request: instructions a byte",
            figure: per_byte("native"),
            most: Some(NATIVE),
        },
        Row { label: "the same in the chat-completions form", figure: per_byte("chat"), most: Some(CHAT) },
        Row { label: "4 MB of base64 searched by memchr", figure: per_byte("memchr"), most: None },
    ];
    println!("\n| {:<56} | {:>10} | {:<13} |              |", "JSON in a C program", "libbedrock", "goal");
    println!("|-{}-|-{}:|-{}-|--------------|", "-".repeat(56), "-".repeat(10), "-".repeat(13));
    for row in &rows {
        let figure = row.figure.as_ref().map_or("skipped".to_owned(), |figure| format!("{figure:.2}"));
        let goal = row.most.map_or(String::new(), |most| format!("at most {most}"));
        println!("| {:<56} | {figure:>10} | {goal:<13} | {:<12} |", row.label, row.verdict());
    }
    for why in rows.iter().filter_map(|row| row.figure.as_ref().err()) {
        println!("\nskipped: {why}");
    }
    println!("\nInstructions are counted by callgrind in user space, without SHA-256 and with copies.");
    rows.iter().all(|row| matches!(row.verdict(), "met" | ""))
}

impl Row {
    fn verdict(&self) -> &'static str {
        match (&self.figure, self.most) {
            (_, None) => "",
            (Err(_), Some(_)) => "not measured",
            (Ok(figure), Some(most)) if *figure <= most => "met",
            (Ok(_), Some(_)) => "MISSED",
        }
    }
}

/// Returns the time of the best round, in microseconds.
fn time(program: &Path, how: &str, rounds: u32) -> Result<f64, Box<dyn Error>> {
    const TIMES: u32 = 20;
    let mut best = f64::INFINITY;
    for _ in 0..rounds {
        let output = Command::new(program).args([how, &TIMES.to_string()]).output()?;
        let line = String::from_utf8(output.stdout)?;
        let nanoseconds = line.trim().strip_prefix("wall_ns=").ok_or("the C program failed")?.parse::<f64>()?;
        best = best.min(nanoseconds / 1000.0 / f64::from(TIMES));
    }
    Ok(best)
}

/// Returns the instructions for each byte of base64: the difference of a run of three rounds and a run of one, halved.
fn count(program: &Path, how: &str, file: &Path) -> Result<f64, Box<dyn Error>> {
    if !callgrind::found() {
        return Err("valgrind not found".into());
    }
    let run = |times: u32| {
        let mut command = Command::new(program);
        command.args([how, &times.to_string(), &IMAGE.to_string()]);
        command.envs([
            ("AWS_CONFIG_FILE", "/dev/null"),
            ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"),
            ("AWS_EC2_METADATA_DISABLED", "true"),
        ]);
        Profile::record(&mut command, file)
    };
    let two = run(3)?.minus(&run(1)?);
    Ok(two.total_without("sha256") as f64 / 2.0 / BASE64 as f64)
}
