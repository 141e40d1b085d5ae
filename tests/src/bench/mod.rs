//! Figures: what coregit costs, measured on this machine beside what git alone costs in the same run.
//! Values are medians of runs that take turns; counts are counts.

mod histories;
mod memory;
mod programs;
mod pushes;
mod report;
mod scene;
mod snapshots;
mod synthetic;
mod timing;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

pub use report::Report;

/// A name to choose it by, and what it measures.
type Figure = (&'static str, fn(&Report));

const FIGURES: [Figure; 10] = [
    ("hooks", pushes::hooks),
    ("start", programs::start),
    ("memory", programs::memory),
    ("admin", programs::admin),
    ("snapshot", snapshots::requests),
    ("plan", snapshots::plan),
    ("commit", histories::commit),
    ("mirror", histories::mirror),
    ("distance", pushes::distance),
    ("visible", pushes::visible),
];

/// How often things are repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effort {
    /// As often as the documentation's table needs.
    Full,
    /// A fifth of it, to see that everything works.
    Quick,
}

impl Effort {
    /// So many repeats, or a fifth of them.
    pub fn times(self, full: usize) -> usize {
        match self {
            Effort::Full => full,
            Effort::Quick => full.div_ceil(5).max(2),
        }
    }
}

/// What was asked for on the command line.
#[derive(Debug)]
pub struct Ask {
    effort: Effort,
    markdown: bool,
    names: Vec<String>,
}

impl Ask {
    /// Reads the arguments; an error is one sentence.
    pub fn parse(args: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut ask = Self { effort: Effort::Full, markdown: false, names: Vec::new() };
        for arg in args {
            match arg.as_str() {
                "--quick" => ask.effort = Effort::Quick,
                "--markdown" => ask.markdown = true,
                name if FIGURES.iter().any(|(known, _)| *known == name) => ask.names.push(arg),
                other => {
                    let known: Vec<_> = FIGURES.iter().map(|(name, _)| *name).collect();
                    return Err(format!("{other} is no figure; there are {}", known.join(" ")));
                }
            }
        }
        Ok(ask)
    }

    fn wants(&self, name: &str) -> bool {
        self.names.is_empty() || self.names.iter().any(|n| n == name)
    }
}

/// Measures what was asked for, each figure told as soon as it is known. Fails when one misses its mark, or
/// could not be measured.
pub fn run(ask: &Ask) -> ExitCode {
    let report = Report::begin(ask.effort, ask.markdown);
    for (name, measure) in FIGURES.iter().filter(|(name, _)| ask.wants(name)) {
        if catch_unwind(AssertUnwindSafe(|| measure(&report))).is_err() {
            report.failed(name);
        }
    }
    match report.all_reached() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}
