//! Trims a conversation to its newest messages, so that the service accepts the rest.

use super::segment::Segment;
use crate::json::Json;

/// The position of a message in its turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// A message of the user that needs no message before it.
    Opening,
    Assistant,
    /// A message that needs the messages before it, such as a tool result, or a second message of the user.
    Following,
}

/// Returns which messages to keep, by their indices: complete turns from the end, at most `max` messages. If the last
/// turn alone is longer, it loses its oldest rounds of tool calls. Its opening and its last round are always kept.
pub fn messages_to_keep(messages: &[Segment], max: usize) -> impl Fn(usize) -> bool + use<> {
    let parts = parts(messages);
    let count = parts.len();
    let excess = count.saturating_sub(max);
    // A round begins with a message of the assistant, and ends with the results of its tool calls.
    let begins_round = |at: usize| parts[at] == Part::Assistant && (at == 0 || parts[at - 1] != Part::Assistant);
    let (opening, rest) = match (excess..count).find(|&at| parts[at] == Part::Opening) {
        _ if excess == 0 => (0..0, 0),
        Some(opening) => (0..0, opening),
        None => {
            let opening = parts.iter().rposition(|part| *part == Part::Opening).map_or(0..0, |opening| {
                let end = (opening..count).find(|&at| parts[at] == Part::Assistant);
                opening..end.unwrap_or(count)
            });
            let earliest = opening.end.max(excess + opening.len());
            let rest = (earliest..count).find(|&at| begins_round(at));
            let rest = rest.or_else(|| (opening.end..count).rev().find(|&at| begins_round(at)));
            let rest = rest.unwrap_or(opening.end);
            (opening, rest)
        }
    };
    move |at| opening.contains(&at) || at >= rest
}

fn parts(messages: &[Segment]) -> Vec<Part> {
    let mut parts: Vec<_> = messages.iter().map(|message| part(message.text())).collect();
    // Messages of one role that follow each other belong together: if one of them has tool results, the calls are
    // before all of them.
    let mut results_follow = false;
    for part in parts.iter_mut().rev() {
        match part {
            Part::Assistant => results_follow = false,
            Part::Following => results_follow = true,
            Part::Opening if results_follow => *part = Part::Following,
            Part::Opening => {}
        }
    }
    // A document and the text that asks for something about it may be two messages.
    for at in 1..parts.len() {
        if parts[at] == Part::Opening && parts[at - 1] != Part::Assistant {
            parts[at] = Part::Following;
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

    /// u: the user. a: the assistant. r: tool results. m: tool results and a text.
    fn trimmed(conversation: &str, max: usize) -> String {
        let message = |kind: char| {
            let (role, content) = match kind {
                'u' => ("user", r#"{"text":"u"}"#),
                'a' => ("assistant", r#"{"toolUse":{}}"#),
                'r' => ("user", r#"{"toolResult":{}}"#),
                'm' => ("user", r#"{"toolResult":{}},{"text":"u"}"#),
                other => panic!("{other}"),
            };
            Segment::element(&format!(r#"{{"role":"{role}","content":[{content}]}}"#)).unwrap()
        };
        let messages: Vec<_> = conversation.chars().map(message).collect();
        let keep = messages_to_keep(&messages, max);
        conversation.chars().enumerate().filter(|(at, _)| keep(*at)).map(|(_, kind)| kind).collect()
    }

    #[test]
    fn the_newest_complete_turns_are_kept() {
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
            assert_eq!(trimmed(conversation, most), wanted, "{conversation} {most}");
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
            // Two messages of the assistant are one round.
            ("uaaraar", 5, "uaar"),
            ("uaaraar", 3, "uaar"),
            // A text beside results needs their calls.
            ("uarama", 4, "uama"),
            ("uarurar", 4, "uar"),
            ("uaurara", 6, "uara"),
            // Two messages of the user are one opening.
            ("uua", 2, "uua"),
            ("uu", 1, "uu"),
            ("uuarar", 4, "uuar"),
            ("uuauua", 4, "uua"),
            ("uaruar", 3, "uar"),
            // A conversation that begins with the assistant.
            ("ararar", 4, "arar"),
            ("ararar", 0, "ar"),
        ] {
            assert_eq!(trimmed(conversation, most), wanted, "{conversation} {most}");
        }
    }

    #[test]
    fn trimming_never_separates_results_from_their_calls() {
        for length in 0..7u32 {
            for code in 0..3usize.pow(length) {
                let mut rest = code;
                let mut conversation = String::from("u");
                for _ in 0..length {
                    // Turns of the user and the assistant, and results only after calls.
                    conversation.push_str(["ua", "ar", "ara"][rest % 3]);
                    rest /= 3;
                }
                for most in 0..conversation.len() {
                    let left = trimmed(&conversation, most);
                    assert!(left.starts_with('u'), "{conversation} {most}: {left}");
                    assert!(conversation.ends_with(left.trim_start_matches('u')), "{conversation} {most}: {left}");
                    let parted = left.contains("ur") && !conversation.contains("ur");
                    assert!(!parted, "{conversation} {most}: {left}");
                }
            }
        }
    }
}
