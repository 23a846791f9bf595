//! Formats the tables, and compares the figures with the goals.

use std::fmt::Write;

/// The columns of a table.
pub struct Columns {
    /// In the order of the table.
    pub names: &'static [&'static str],
    /// The column that the others are compared with, and the label of the ratio.
    pub base: usize,
    /// Names the base in a goal: "at most 0.5 of the SDK's".
    pub of_base: &'static str,
    pub ratio: &'static str,
    /// The columns that must meet the goals. A row shows the ratio of the first of them that has a figure.
    pub judged: &'static [usize],
}

/// The table about the callback of a C program.
pub const CALLBACK: Columns = Columns {
    names: &["SDK, as documented", "SDK, one thread", "C, callback", "C, callback and response"],
    base: 0,
    of_base: "the SDK's",
    ratio: "C : SDK",
    judged: &[2, 3],
};

/// The table about all interfaces. They are compared with the SDK on its one-thread runtime.
pub const INTERFACES: Columns = Columns {
    names: &["SDK, as documented", "SDK, one thread", "callback", "pull", "descriptor", "wakeup", "waiting set"],
    base: 1,
    of_base: "the SDK's",
    ratio: "C : SDK",
    judged: &[2, 3, 4, 5, 6],
};

/// The samples of one figure of one client.
#[derive(Clone, Default)]
pub struct Samples(pub Vec<f64>);

impl Samples {
    /// Returns the least sample: load on the machine only increases a figure.
    pub fn best(&self) -> Option<f64> {
        self.0.iter().copied().reduce(f64::min)
    }

    fn worst(&self) -> Option<f64> {
        self.0.iter().copied().reduce(f64::max)
    }
}

#[derive(Clone, Copy)]
pub enum Goal {
    /// At most this multiple of the base's figure.
    OfBase(f64),
    /// At most this figure.
    AtMost(f64),
}

/// One line of the table.
pub struct Row {
    pub label: &'static str,
    pub goal: Option<Goal>,
    pub columns: &'static Columns,
    pub samples: Vec<Samples>,
    /// The reason for each client that has no figure.
    pub skipped: Vec<Option<String>>,
    /// Whether the ratio is shown.
    pub compared: bool,
}

#[derive(Clone, Copy, PartialEq)]
pub enum Verdict {
    NoGoal,
    Met,
    Missed,
    Unknown,
}

impl Row {
    fn ratio(&self, client: usize) -> Option<f64> {
        let (figure, base) = (self.samples[client].best()?, self.samples[self.columns.base].best()?);
        (base > 0.0).then(|| figure / base)
    }

    fn judge(&self, client: usize) -> Verdict {
        let (figure, most) = match self.goal {
            None => return Verdict::NoGoal,
            Some(Goal::OfBase(most)) => (self.ratio(client), most),
            Some(Goal::AtMost(most)) => (self.samples[client].best(), most),
        };
        match figure {
            None => Verdict::Unknown,
            Some(figure) if figure <= most => Verdict::Met,
            Some(_) => Verdict::Missed,
        }
    }

    /// Returns whether all judged columns meet the goal.
    pub fn verdict(&self) -> Verdict {
        let judged = self.columns.judged.iter().filter(|&&client| self.applies(client));
        let all = judged.map(|&client| self.judge(client)).reduce(|all, one| match (all, one) {
            (Verdict::Missed, _) | (_, Verdict::Missed) => Verdict::Missed,
            (Verdict::Unknown, _) | (_, Verdict::Unknown) => Verdict::Unknown,
            (_, one) => one,
        });
        all.unwrap_or(Verdict::Unknown)
    }

    /// Returns whether a client was to be measured. The cell of any other client is empty.
    fn applies(&self, client: usize) -> bool {
        self.samples[client].best().is_some() || self.skipped[client].is_some()
    }

    fn cell(&self, client: usize) -> String {
        let samples = &self.samples[client];
        match (samples.best(), samples.worst()) {
            (Some(best), Some(worst)) if samples.0.len() > 1 => format!("{} ({})", figure(best), figure(worst)),
            (Some(best), _) => figure(best),
            _ if self.skipped[client].is_some() => "skipped".to_owned(),
            _ => String::new(),
        }
    }

    fn cells(&self) -> Vec<String> {
        let mut cells = vec![self.label.to_owned()];
        cells.extend((0..self.columns.names.len()).map(|client| self.cell(client)));
        let first = self.columns.judged.iter().copied().find(|&client| self.applies(client));
        cells
            .push(first.and_then(|client| self.ratio(client)).filter(|_| self.compared).map(ratio).unwrap_or_default());
        cells.push(match self.goal {
            None => String::new(),
            Some(Goal::OfBase(most)) => format!("at most {most} of {}", self.columns.of_base),
            Some(Goal::AtMost(most)) => format!("at most {most}"),
        });
        cells.push(
            match self.verdict() {
                Verdict::NoGoal => "",
                Verdict::Met => "met",
                Verdict::Missed if first.is_some_and(|client| self.judge(client) == Verdict::Met) => "MISSED by some",
                Verdict::Missed => "MISSED",
                Verdict::Unknown => "not measured",
            }
            .to_owned(),
        );
        cells
    }
}

/// Returns the rows as a Markdown table that is aligned as plain text, and below it the reasons of skipped cells.
pub fn table(columns: &Columns, rows: &[Row]) -> String {
    let mut lines = vec![vec![String::new()]];
    lines[0].extend(columns.names.iter().map(|&name| name.to_owned()));
    lines[0].extend([columns.ratio, "goal", ""].map(str::to_owned));
    lines.extend(rows.iter().map(Row::cells));
    let widths: Vec<usize> =
        (0..lines[0].len()).map(|column| lines.iter().map(|line| line[column].len()).max().unwrap_or(0)).collect();

    let mut out = String::new();
    for (number, line) in lines.iter().enumerate() {
        for (column, cell) in line.iter().enumerate() {
            let width = widths[column];
            let figures = (1..=columns.names.len() + 1).contains(&column);
            let _ = if figures { write!(out, "| {cell:>width$} ") } else { write!(out, "| {cell:<width$} ") };
        }
        out.push_str("|\n");
        if number == 0 {
            for (column, width) in widths.iter().enumerate() {
                let figures = (1..=columns.names.len() + 1).contains(&column);
                let _ = write!(out, "|-{}{}", "-".repeat(*width), if figures { ":" } else { "-" });
            }
            out.push_str("|\n");
        }
    }
    let mut reasons: Vec<&str> = rows.iter().flat_map(|row| row.skipped.iter().flatten()).map(String::as_str).collect();
    reasons.sort_unstable();
    reasons.dedup();
    for reason in reasons {
        let _ = writeln!(out, "\nskipped: {reason}");
    }
    out
}

/// Formats a figure with about three significant digits.
fn figure(value: f64) -> String {
    match value {
        v if v >= 100_000.0 => thousands((v / 100.0).round() * 100.0),
        v if v >= 100.0 => thousands(v),
        v if v >= 10.0 => format!("{v:.1}"),
        v if v >= 0.1 || v == 0.0 => format!("{v:.2}"),
        v if v >= 0.01 => format!("{v:.3}"),
        v => format!("{v:.4}"),
    }
}

fn ratio(value: f64) -> String {
    if value < 0.1 { format!("{value:.3}") } else { format!("{value:.2}") }
}

fn thousands(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    out
}
