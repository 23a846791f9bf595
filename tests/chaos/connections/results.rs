//! The results: the streams by the fault of their connections, and the violated assertions.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::client::{End, Ended};
use super::fault::{FAULTS, Fault};
use super::server::Server;
use crate::support::capi::*;
use crate::table::Table;

/// The streams whose worst connection had the same fault. The key `None` is for streams that were sent on no
/// connection.
#[derive(Default)]
struct Row {
    streams: usize,
    complete: usize,
    failed: BTreeMap<String, usize>,
    took: Vec<Duration>,
}

#[derive(Default)]
pub struct Results {
    rows: BTreeMap<Option<Fault>, Row>,
    wrong: Vec<String>,
    short: usize,
    lost: usize,
    hung: usize,
    twice: Vec<String>,
    /// Failures that no fault explains.
    unexplained: Vec<String>,
    /// Streams that a timer ended before they were sent.
    late: Vec<String>,
    /// Streams without a connection, or with a connection that broke before they were sent.
    unconnected: Vec<String>,
    /// The highest number of connections that were needed so far.
    needed: usize,
    checked: Option<Instant>,
}

/// The interval in which the needed connections are counted.
const INTERVAL: Duration = Duration::from_millis(20);

/// The number of examples that are printed for each violated assertion.
const EXAMPLES: usize = 3;

impl Results {
    /// Checks a stream that has ended, after its connections have recorded it.
    pub fn check(&mut self, ended: Ended, server: &Server) {
        let sent = server.take_sent(ended.number);
        let describe = |what: &str| format!("stream {}, sent on {sent:?}, {:.1?}: {what}", ended.number, ended.took);
        if sent.len() > ended.attempts {
            self.twice.push(describe(&format!("{} attempts", ended.attempts)));
        }
        let row = self.rows.entry(sent.iter().max().copied()).or_default();
        row.streams += 1;
        row.took.push(ended.took);
        match ended.end {
            End::Complete => row.complete += 1,
            End::Wrong(what) => self.wrong.push(describe(&what)),
            End::Short => self.short += 1,
            End::Lost => self.lost += 1,
            End::Hung => self.hung += 1,
            End::Failed(failure) => {
                *row.failed.entry(name(failure.status).replace("BEDROCK_E_", "")).or_default() += 1;
                let unseen = ended.attempts > sent.len();
                if sent.iter().any(|fault| fault.explains(failure.status)) {
                    return;
                }
                match failure.status {
                    BEDROCK_E_TIMEOUT if unseen => self.late.push(describe(&failure.message)),
                    BEDROCK_E_NETWORK if unseen => self.unconnected.push(describe(&failure.message)),
                    _ => self.unexplained.push(describe(&failure.message)),
                }
            }
        }
    }

    /// Counts the connections that are needed: those for all open streams, and those that admit no more streams.
    pub fn count_needed(&mut self, open: usize, room: usize, server: &Server) {
        if self.checked.is_none_or(|checked| checked.elapsed() > INTERVAL) {
            self.checked = Some(Instant::now());
            let over = server.connections().iter().filter(|connection| connection.is_over()).count();
            self.needed = self.needed.max(open.div_ceil(room) + over);
        }
    }

    /// Prints the table, and returns the violated assertions.
    pub fn report(&mut self, title: &str, server: &Server) -> Vec<String> {
        let connections = server.connections();
        let opened = |fault: Fault| connections.iter().filter(|connection| connection.fault == fault).count();
        let statuses: Vec<String> = self.rows.values().flat_map(|row| row.failed.keys().cloned()).collect();
        let statuses: Vec<String> = std::collections::BTreeSet::from_iter(statuses).into_iter().collect();
        let mut titles = vec![title, "opened", "streams", "complete"];
        titles.extend(statuses.iter().map(String::as_str));
        titles.extend(["median", "99%", "longest"]);
        let mut table = Table::new(&titles);
        for fault in FAULTS.into_iter().map(Some).chain([None]) {
            let mut nothing = Row::default();
            let row = self.rows.get_mut(&fault).unwrap_or(&mut nothing);
            let opened = fault.map_or(0, opened);
            if row.streams + opened == 0 {
                continue;
            }
            row.took.sort_unstable();
            let took = |share: usize| {
                let at = (row.took.len() * share / 100).min(row.took.len().saturating_sub(1));
                row.took.get(at).map_or("-".to_owned(), |took| format!("{:.2} s", took.as_secs_f64()))
            };
            let mut cells = vec![fault.map_or("never sent", Fault::title).to_owned()];
            cells.extend([opened, row.streams, row.complete].map(|count| count.to_string()));
            cells.extend(statuses.iter().map(|status| row.failed.get(status).copied().unwrap_or(0).to_string()));
            cells.extend([took(50), took(99), took(100)]);
            table.row(cells);
        }
        println!("\n{table}");
        let over = connections.iter().filter(|connection| connection.is_over()).count();
        let needed = self.needed;
        let (opened, shut) = (connections.len(), server.shut());
        println!(
            "{opened} connections opened, {needed} needed; {over} admit no more streams; {shut} times the server did not listen"
        );
        let Results { wrong, short, lost, hung, twice, unexplained, late, unconnected, .. } = &*self;
        println!(
            "wrong {}, truncated but complete {short}, lost {lost}, hung {hung}, sent twice {}",
            wrong.len(),
            twice.len()
        );

        // For each connection that is not established, one stream may wait too long. The others get another connection.
        let stuck = connections.iter().filter(|connection| connection.is_stuck()).count();
        let mut violations = Vec::new();
        let mut check = |holds: bool, what: String| {
            if !holds {
                violations.push(format!("{title}: {what}"));
            }
        };
        let examples = |of: &[String]| of.iter().take(EXAMPLES).map(|one| format!("\n    {one}")).collect::<String>();
        check(wrong.is_empty(), format!("{} streams had wrong bytes{}", wrong.len(), examples(wrong)));
        check(*short == 0, format!("{short} truncated responses were reported as complete"));
        check(*lost == 0, format!("{lost} streams ended, and the waiting set did not return them"));
        check(*hung == 0, format!("{hung} streams did not end in time"));
        check(
            twice.is_empty(),
            format!("{} requests were sent more often than the library reports{}", twice.len(), examples(twice)),
        );
        check(
            unexplained.is_empty(),
            format!("{} streams failed on connections that were fine{}", unexplained.len(), examples(unexplained)),
        );
        let count = late.len();
        check(
            count <= stuck,
            format!(
                "{count} streams that were never sent ended by a timer, and {stuck} connections were not established{}",
                examples(late)
            ),
        );
        let may_be_unconnected = shut > 0 || connections.iter().any(|connection| connection.fault.is_broken());
        let count = unconnected.len();
        check(
            count == 0 || may_be_unconnected,
            format!("{count} streams got no connection although the server listened{}", examples(unconnected)),
        );
        check(opened <= 2 * needed, format!("{opened} connections were opened, {needed} are needed"));
        violations
    }
}
