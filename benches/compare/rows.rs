//! Makes the rows of the tables from the clients' results.

use crate::callgrind::Profile;
use crate::clients::{Bench, PerClient, Run};
use crate::report::{Columns, Goal, Row, Samples, Verdict};

pub fn all_met(rows: &[Row]) -> bool {
    rows.iter().all(|row| matches!(row.verdict(), Verdict::NoGoal | Verdict::Met))
}

impl Bench<'_> {
    pub fn row(
        &self,
        label: &'static str,
        runs: &PerClient<Vec<Run>>,
        figure: impl Fn(&Run) -> f64,
        goal: Option<Goal>,
    ) -> Row {
        row(self.columns, label, runs, |runs| runs.iter().map(&figure).collect(), goal)
    }
}

/// Makes a row from all rounds together, because the kernel separates user time from system time by sampling.
pub fn in_the_kernel(bench: &Bench, label: &'static str, runs: &PerClient<Vec<Run>>) -> Row {
    let sum = |runs: &[Run], figure: fn(&Run) -> f64| runs.iter().map(figure).sum::<f64>();
    let share = |runs: &Vec<Run>| {
        let (user, system) = (sum(runs, |run| run.user), sum(runs, |run| run.system));
        if user + system > 0.0 { vec![100.0 * system / (user + system)] } else { Vec::new() }
    };
    Row { compared: false, ..row(bench.columns, label, runs, share, None) }
}

pub fn counted_row(
    bench: &Bench,
    label: &'static str,
    profiles: &PerClient<Profile>,
    units: f64,
    goal: Option<Goal>,
) -> Row {
    row(bench.columns, label, profiles, |profile| vec![profile.total() as f64 / units], goal)
}

pub fn row<T>(
    columns: &'static Columns,
    label: &'static str,
    results: &PerClient<T>,
    samples: impl Fn(&T) -> Vec<f64>,
    goal: Option<Goal>,
) -> Row {
    let figures = results.iter().map(|result| match result {
        Some(Ok(result)) => Samples(samples(result)),
        _ => Samples::default(),
    });
    let skipped = results.iter().map(|result| result.as_ref()?.as_ref().err().cloned());
    Row { label, goal, columns, samples: figures.collect(), skipped: skipped.collect(), compared: true }
}
