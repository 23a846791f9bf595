//! The verdict: whether each stream ended as its connections' fates allow, counted by fate, and what did not hold.

use std::collections::BTreeMap;
use std::time::Duration;

use super::client::{End, Ended};
use super::fate::{FATES, Fate};
use super::server::Server;
use crate::support::capi::*;
use crate::table::Table;

/// The streams whose worst connection had the same fate. None: no connection got to see them.
#[derive(Default)]
struct Row {
    streams: usize,
    whole: usize,
    failed: BTreeMap<String, usize>,
    took: Vec<Duration>,
}

#[derive(Default)]
pub struct Verdict {
    rows: BTreeMap<Option<Fate>, Row>,
    wrong: Vec<String>,
    short: usize,
    lost: usize,
    hung: usize,
    twice: Vec<String>,
    /// Failures that no fate excuses.
    unexcused: Vec<String>,
    /// Streams that a timer ended before a connection got to see them.
    late: Vec<String>,
    /// Streams that found nobody, or a connection that broke before it saw them.
    turned_away: Vec<String>,
}

/// How many of the same kind are told.
const EXAMPLES: usize = 3;

impl Verdict {
    /// Judges a stream that has ended, and whose connections have had the time to note it.
    pub fn judge(&mut self, ended: Ended, server: &Server) {
        let sent = server.take_sent(ended.number);
        let told = |what: &str| format!("stream {}, sent on {sent:?}, {:.1?}: {what}", ended.number, ended.took);
        if sent.len() > ended.attempts {
            self.twice.push(told(&format!("{} attempts", ended.attempts)));
        }
        let row = self.rows.entry(sent.iter().max().copied()).or_default();
        row.streams += 1;
        row.took.push(ended.took);
        match ended.end {
            End::Whole => row.whole += 1,
            End::Wrong(what) => self.wrong.push(told(&what)),
            End::Short => self.short += 1,
            End::Lost => self.lost += 1,
            End::Hung => self.hung += 1,
            End::Failed(failure) => {
                *row.failed.entry(name(failure.status).replace("BEDROCK_E_", "")).or_default() += 1;
                let unseen = ended.attempts > sent.len();
                if sent.iter().any(|fate| fate.excuses(failure.status)) {
                    return;
                }
                match failure.status {
                    BEDROCK_E_TIMEOUT if unseen => self.late.push(told(&failure.message)),
                    BEDROCK_E_NETWORK if unseen => self.turned_away.push(told(&failure.message)),
                    _ => self.unexcused.push(told(&failure.message)),
                }
            }
        }
    }

    /// Prints the table. Returns what did not hold.
    pub fn told(&mut self, title: &str, server: &Server, at_once: usize, room: usize) -> Vec<String> {
        let connections = server.connections();
        let opened = |fate: Fate| connections.iter().filter(|connection| connection.fate == fate).count();
        let statuses: Vec<String> = self.rows.values().flat_map(|row| row.failed.keys().cloned()).collect();
        let statuses: Vec<String> = std::collections::BTreeSet::from_iter(statuses).into_iter().collect();
        let mut titles = vec![title, "opened", "streams", "complete"];
        titles.extend(statuses.iter().map(String::as_str));
        titles.extend(["median", "99%", "longest"]);
        let mut table = Table::new(&titles);
        for fate in FATES.into_iter().map(Some).chain([None]) {
            let mut nothing = Row::default();
            let row = self.rows.get_mut(&fate).unwrap_or(&mut nothing);
            let opened = fate.map_or(0, opened);
            if row.streams + opened == 0 {
                continue;
            }
            row.took.sort_unstable();
            let took = |share: usize| {
                let at = (row.took.len() * share / 100).min(row.took.len().saturating_sub(1));
                row.took.get(at).map_or("-".to_owned(), |took| format!("{:.2} s", took.as_secs_f64()))
            };
            let mut cells = vec![fate.map_or("never sent", Fate::title).to_owned()];
            cells.extend([opened, row.streams, row.whole].map(|count| count.to_string()));
            cells.extend(statuses.iter().map(|status| row.failed.get(status).copied().unwrap_or(0).to_string()));
            cells.extend([took(50), took(99), took(100)]);
            table.row(cells);
        }
        println!("\n{table}");
        let over = connections.iter().filter(|connection| connection.is_over()).count();
        let needed = at_once.div_ceil(room) + over;
        let (opened, shut) = (connections.len(), server.shut());
        println!(
            "{opened} connections opened, {needed} needed ({over} of them in place of others); {shut} times nobody listened"
        );
        let Verdict { wrong, short, lost, hung, twice, unexcused, late, turned_away, .. } = &*self;
        println!(
            "wrong {}, cut short without a word {short}, lost {lost}, hung {hung}, sent twice {}",
            wrong.len(),
            twice.len()
        );

        // One stream may wait too long for a connection that comes to nothing, and the others find another.
        let excused = connections.iter().filter(|connection| connection.is_stuck()).count();
        let mut broken = Vec::new();
        let mut hold = |holds: bool, what: String| {
            if !holds {
                broken.push(format!("{title}: {what}"));
            }
        };
        let some = |of: &[String]| of.iter().take(EXAMPLES).map(|one| format!("\n    {one}")).collect::<String>();
        hold(wrong.is_empty(), format!("{} streams had wrong bytes{}", wrong.len(), some(wrong)));
        hold(*short == 0, format!("{short} answers were cut short without a word"));
        hold(*lost == 0, format!("{lost} streams ended, and the waiting set did not return them"));
        hold(*hung == 0, format!("{hung} streams did not end in their time"));
        hold(
            twice.is_empty(),
            format!("{} requests were sent more often than the library counts{}", twice.len(), some(twice)),
        );
        hold(
            unexcused.is_empty(),
            format!("{} streams failed on connections that were fine{}", unexcused.len(), some(unexcused)),
        );
        let count = late.len();
        hold(
            count <= excused,
            format!(
                "{count} streams that were never sent ended by a timer, beside {excused} connections that came to nothing{}",
                some(late)
            ),
        );
        let may_be_turned_away = shut > 0 || connections.iter().any(|connection| connection.fate.is_broken());
        let count = turned_away.len();
        hold(
            count == 0 || may_be_turned_away,
            format!("{count} streams found nobody, and somebody was there{}", some(turned_away)),
        );
        hold(opened <= 2 * needed, format!("{opened} connections were opened where {needed} are needed"));
        broken
    }
}
