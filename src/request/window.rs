//! The newest part of a conversation, cut so that it is a conversation itself.

use super::document::Piece;
use crate::json::Json;

/// What a message is to its neighbours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// The user's, and what follows it needs nothing that stands before it.
    Opening,
    Assistant,
    /// Results of tools, and whatever belongs to the messages before it.
    Following,
}

/// Which messages stay, so that at most `most` do: whole turns from the end. Where the last turn alone is longer, its
/// opening stays and its oldest rounds of tools go. The opening and the last round always stay.
pub fn kept(messages: &[Piece], most: usize) -> impl Fn(usize) -> bool + use<> {
    let parts = parts(messages);
    let count = parts.len();
    let excess = count.saturating_sub(most);
    // A round begins with a message of the assistant's; its calls have their results before the next one begins.
    let begins_round = |at: usize| parts[at] == Part::Assistant && (at == 0 || parts[at - 1] != Part::Assistant);
    let opening = (excess..count).find(|&at| parts[at] == Part::Opening);
    let (opening, rest) = match opening {
        _ if excess == 0 => (0, 0),
        Some(opening) => (opening, opening),
        None => {
            let opening = parts.iter().rposition(|part| *part == Part::Opening);
            let first = opening.map_or(0, |opening| opening + 1);
            // Beside the opening there is place for one message less.
            let earliest = first.max(excess + usize::from(opening.is_some()));
            let rest = (earliest..count).find(|&at| begins_round(at));
            let rest = rest.or_else(|| (first..count).rev().find(|&at| begins_round(at))).unwrap_or(first);
            (opening.unwrap_or(rest), rest)
        }
    };
    move |at| at == opening || at >= rest
}

fn parts(messages: &[Piece]) -> Vec<Part> {
    let mut parts: Vec<_> = messages.iter().map(|message| part(message.text())).collect();
    // Messages of one role that follow each other are one turn: results that come later in it have their calls before
    // it.
    let mut results_follow = false;
    for part in parts.iter_mut().rev() {
        match part {
            Part::Assistant => results_follow = false,
            Part::Following => results_follow = true,
            Part::Opening if results_follow => *part = Part::Following,
            Part::Opening => {}
        }
    }
    parts
}

fn part(message: &str) -> Part {
    let Ok(message) = Json::parse(message) else { return Part::Following };
    let role = message.get("role");
    let mut blocks = message.get("content").into_iter().flat_map(Json::elements);
    match role {
        Some(role) if role.is("assistant") => Part::Assistant,
        Some(role) if role.is("user") && !blocks.any(|block| block.get("toolResult").is_some()) => Part::Opening,
        _ => Part::Following,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// u: the user's. a: the assistant's. r: results. m: results and a text.
    fn window(conversation: &str, most: usize) -> String {
        let message = |kind: char| {
            let (role, content) = match kind {
                'u' => ("user", r#"{"text":"u"}"#),
                'a' => ("assistant", r#"{"toolUse":{}}"#),
                'r' => ("user", r#"{"toolResult":{}}"#),
                'm' => ("user", r#"{"toolResult":{}},{"text":"u"}"#),
                other => panic!("{other}"),
            };
            Piece::value(&format!(r#"{{"role":"{role}","content":[{content}]}}"#)).unwrap()
        };
        let messages: Vec<_> = conversation.chars().map(message).collect();
        let kept = kept(&messages, most);
        conversation.chars().enumerate().filter(|(at, _)| kept(*at)).map(|(_, kind)| kind).collect()
    }

    #[test]
    fn whole_turns_stay_from_the_end() {
        for (conversation, most, wanted) in [
            ("uauau", 9, "uauau"),
            ("uauau", 5, "uauau"),
            ("uauau", 4, "uau"),
            ("uauau", 3, "uau"),
            ("uauau", 2, "u"),
            ("uauau", 0, "u"),
            ("uaua", 1, "ua"),
            ("uararauau", 4, "uau"),
            ("uararauau", 3, "uau"),
            ("", 3, ""),
        ] {
            assert_eq!(window(conversation, most), wanted, "{conversation} {most}");
        }
    }

    #[test]
    fn a_long_turn_keeps_its_opening_and_its_newest_rounds() {
        for (conversation, most, wanted) in [
            ("uararar", 5, "uarar"),
            ("uararar", 4, "uar"),
            ("uararar", 3, "uar"),
            ("uararar", 1, "uar"),
            ("uauararar", 5, "uarar"),
            ("uararara", 4, "uara"),
            ("uararara", 2, "ua"),
            // Two messages of the assistant's are one round.
            ("uaaraar", 5, "uaar"),
            ("uaaraar", 3, "uaar"),
            // What the user adds to results needs their calls.
            ("uarama", 4, "uama"),
            ("uarurar", 4, "uar"),
            ("uaurara", 6, "uara"),
            // A conversation that begins with the assistant.
            ("ararar", 4, "arar"),
            ("ararar", 0, "ar"),
        ] {
            assert_eq!(window(conversation, most), wanted, "{conversation} {most}");
        }
    }

    #[test]
    fn no_window_begins_with_results_or_parts_them_from_their_calls() {
        for length in 0..7u32 {
            for code in 0..3usize.pow(length) {
                let mut rest = code;
                let mut conversation = String::from("u");
                for _ in 0..length {
                    // The user's turn and the assistant's, and results only for calls.
                    conversation.push_str(["ua", "ar", "ara"][rest % 3]);
                    rest /= 3;
                }
                for most in 0..conversation.len() {
                    let left = window(&conversation, most);
                    assert!(left.starts_with('u'), "{conversation} {most}: {left}");
                    assert!(conversation.ends_with(&left[1..]), "{conversation} {most}: {left}");
                    let parted = left.contains("ur") && !conversation.contains("ur");
                    assert!(!parted, "{conversation} {most}: {left}");
                }
            }
        }
    }
}
