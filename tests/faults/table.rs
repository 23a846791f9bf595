//! The table that the harness prints: a row for each fault, a column for each interface, and the terminal statuses in
//! the cells.

use std::collections::BTreeMap;
use std::fmt;

use crate::interface::Interface;
use crate::support::capi::{bedrock_status, name};

/// Rows in the order in which they were first seen.
#[derive(Default)]
pub struct Table {
    title: String,
    order: Vec<String>,
    cells: BTreeMap<String, BTreeMap<Interface, BTreeMap<String, usize>>>,
}

impl Table {
    pub fn new(title: &str) -> Table {
        Table { title: title.to_owned(), ..Table::default() }
    }

    /// Adds the row, if it is new.
    pub fn row(&mut self, row: &str) {
        if !self.cells.contains_key(row) {
            self.order.push(row.to_owned());
            self.cells.insert(row.to_owned(), BTreeMap::new());
        }
    }

    pub fn count(&mut self, row: &str, interface: Interface, status: bedrock_status) {
        self.row(row);
        let status = name(status).trim_start_matches("BEDROCK_").trim_start_matches("E_").to_owned();
        let cell = self.cells.get_mut(row).expect("a row that was added").entry(interface).or_default();
        *cell.entry(status).or_default() += 1;
    }
}

/// Returns "TRUNCATED", or for several cases "TRUNCATED 120, OK 3".
fn cell(counts: Option<&BTreeMap<String, usize>>) -> String {
    let Some(counts) = counts else { return "-".to_owned() };
    let one = counts.values().sum::<usize>() == 1;
    let statuses = counts.iter().map(|(status, count)| if one { status.clone() } else { format!("{status} {count}") });
    statuses.collect::<Vec<_>>().join(", ")
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let interfaces: Vec<Interface> = Interface::STREAMS.into_iter().chain([Interface::Unary]).collect();
        let header =
            std::iter::once(self.title.clone()).chain(interfaces.iter().map(|interface| interface.title().to_owned()));
        let mut lines = vec![header.collect::<Vec<_>>()];
        for row in &self.order {
            let cells = interfaces.iter().map(|interface| cell(self.cells[row].get(interface)));
            lines.push(std::iter::once(row.clone()).chain(cells).collect());
        }
        let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..=interfaces.len()).map(width).collect();
        for line in &lines {
            let cells = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
            writeln!(f, "{}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
        }
        Ok(())
    }
}
