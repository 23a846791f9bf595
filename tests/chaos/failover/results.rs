//! The results: the calls by the fault that they met, and the violated assertions.

use std::collections::BTreeMap;

use super::endpoints::{COUNT, Plan, Received, model_id, texts};
use super::fault::Fault;
use crate::support::capi::*;
use crate::table::Table;

/// A call that has ended.
pub struct Ended {
    pub call: usize,
    pub outcome: Outcome,
    /// The events of a stream.
    pub events: Option<Vec<Event>>,
    /// Whether it ended after its timers.
    pub is_late: bool,
}

/// The calls that met the same fault. The key `None` is for those that met none.
#[derive(Default)]
struct Row {
    responses: usize,
    /// The failures after content, by status.
    after_content: BTreeMap<String, usize>,
    timeouts: usize,
}

pub struct Results {
    plan: Plan,
    rows: BTreeMap<Option<Fault>, Row>,
    attempts: usize,
    /// The messages of calls that a timer ended without content.
    without_content: Vec<String>,
    violations: Vec<String>,
}

/// The number of violated assertions, and of calls without content, that are printed.
const EXAMPLES: usize = 10;

impl Results {
    pub fn new(plan: Plan) -> Results {
        Results { plan, rows: BTreeMap::new(), attempts: 0, without_content: Vec::new(), violations: Vec::new() }
    }

    pub fn check(&mut self, ended: &Ended, received: Received) {
        let Ended { call, outcome, events, is_late } = ended;
        let (failing, fault) = self.plan.failing(*call);
        let attempts = match (&outcome.failure, &outcome.response) {
            (Some(failure), _) => failure.attempts,
            (None, response) => response.as_ref().map_or(0, |response| response.attempts),
        };
        let attempts = usize::try_from(attempts).expect("attempts are counted from 0");
        self.attempts += attempts;
        let met = received.met || fault == Fault::Refused && attempts > received.requests;
        let row = self.rows.entry(met.then_some(fault)).or_default();
        let (end, reason) = match &outcome.failure {
            None => (&mut row.responses, check_response(outcome, events.as_deref(), *call)),
            Some(failure) => {
                let text = events.as_deref().map(text_of).unwrap_or_default();
                let begun = (0..COUNT).find(|endpoint| texts(*endpoint, *call).concat().starts_with(&text));
                let is_explained = begun == Some(failing) && fault.explains(failure.status);
                let is_timeout = failure.status == BEDROCK_E_TIMEOUT;
                let reason = match begun {
                    None => Some(format!("the text {text:?} is no part of one response")),
                    Some(_) if is_timeout => None,
                    Some(_) if text.is_empty() => Some("a failure before content, with a target left".to_owned()),
                    Some(_) => (!is_explained).then(|| "a failure that the fault does not explain".to_owned()),
                };
                if text.is_empty() {
                    self.without_content.push(format!("call {call}, {:.1?}: {}", outcome.took, failure.message));
                }
                let status = name(failure.status).replace("BEDROCK_E_", "");
                match text.is_empty() {
                    true => (&mut row.timeouts, reason),
                    false => (row.after_content.entry(status).or_default(), reason),
                }
            }
        };
        *end += 1;
        let starts = events.iter().flatten().filter(|event| event.kind == BEDROCK_EVENT_MESSAGE_START).count();
        let reasons = [
            reason,
            (starts > 1).then(|| format!("{starts} times messageStart")),
            (received.requests > attempts)
                .then(|| format!("{} requests were received, {attempts} reported", received.requests)),
            is_late.then(|| format!("it ended after {:.1?}", outcome.took)),
        ];
        for reason in reasons.into_iter().flatten() {
            self.violations.push(format!("call {call} ({fault:?} at {failing}): {reason}: {outcome:?}"));
        }
    }

    /// Prints the table, and returns the violated assertions.
    pub fn report(mut self) -> Vec<String> {
        let statuses = self.rows.values().flat_map(|row| row.after_content.keys().cloned());
        let statuses: Vec<String> = std::collections::BTreeSet::from_iter(statuses).into_iter().collect();
        let mut titles = vec!["fault that was met", "calls", "responses", "no content"];
        titles.extend(statuses.iter().map(String::as_str));
        let mut table = Table::new(&titles);
        let mut sum = vec![0; titles.len() - 1];
        for (fault, row) in &self.rows {
            let failed = statuses.iter().map(|status| row.after_content.get(status).copied().unwrap_or(0));
            let mut counts = vec![0, row.responses, row.timeouts];
            counts.extend(failed);
            counts[0] = counts.iter().sum();
            sum.iter_mut().zip(&counts).for_each(|(sum, count)| *sum += count);
            let title = fault.map_or("none", Fault::title).to_owned();
            table.row([title].into_iter().chain(counts.iter().map(ToString::to_string)));
        }
        table.row(["all".to_owned()].into_iter().chain(sum.iter().map(ToString::to_string)));
        println!("\n{table}");
        println!("A call without content ended by a timer; the statuses are those after content.");
        self.without_content.iter().take(EXAMPLES).for_each(|message| println!("    {message}"));
        println!("{} attempts; {} violated assertions", self.attempts, self.violations.len());
        self.violations.truncate(EXAMPLES);
        self.violations
    }
}

/// Returns what is wrong with a response: it must be that of one endpoint, and arrive once.
fn check_response(outcome: &Outcome, events: Option<&[Event]>, call: usize) -> Option<String> {
    let response = outcome.response.as_ref()?;
    let endpoint = (0..COUNT).find(|endpoint| response.model == model_id(*endpoint));
    let whole = endpoint.map(|endpoint| texts(endpoint, call).concat());
    let right = whole.as_deref() == Some(&response.text) && response.complete;
    let delivered = events.is_none_or(|events| Some(text_of(events)) == whole);
    (!right || !delivered).then(|| format!("not the response of {endpoint:?} alone"))
}

fn text_of(events: &[Event]) -> String {
    events.iter().filter(|event| event.kind == BEDROCK_EVENT_TEXT).map(|event| &*event.text).collect()
}
