//! What a figure came to, and how it is told.

use std::cell::Cell;
use std::io::Write as _;
use std::time::Duration;

use super::Effort;

/// One line of the report.
#[derive(Debug)]
pub struct Line {
    name: String,
    measured: String,
    mark: String,
    reached: bool,
    git: String,
}

impl Line {
    /// A figure of this name, and what was measured in words.
    pub fn of(name: impl Into<String>, measured: impl Into<String>) -> Self {
        let (name, measured) = (name.into(), measured.into());
        Self { name, measured, mark: "-".to_owned(), reached: true, git: "-".to_owned() }
    }

    /// What it must reach, and whether it does.
    pub fn mark(self, mark: impl Into<String>, reached: bool) -> Self {
        Self { mark: mark.into(), reached, ..self }
    }

    /// What git alone, or another yardstick, gave in the same run.
    pub fn git(self, git: impl Into<String>) -> Self {
        Self { git: git.into(), ..self }
    }

    fn verdict(&self) -> &'static str {
        match (self.mark.as_str(), self.reached) {
            ("-", _) => "-",
            (_, true) => "yes",
            (_, false) => "NO",
        }
    }
}

/// The report, written as it grows.
pub struct Report {
    /// How often figures repeat.
    pub effort: Effort,
    markdown: bool,
    reached: Cell<bool>,
}

impl Report {
    /// Writes the heading.
    pub(super) fn begin(effort: Effort, markdown: bool) -> Self {
        let report = Self { effort, markdown, reached: Cell::new(true) };
        report.row(&["figure", "measured", "must reach", "reached", "beside it"]);
        if markdown {
            say("|---|---|---|---|---|");
        }
        report
    }

    /// Tells one figure.
    pub fn tell(&self, line: Line) {
        self.reached.set(self.reached.get() && line.reached);
        self.row(&[&line.name, &line.measured, &line.mark, line.verdict(), &line.git]);
    }

    /// Tells that a figure could not be measured; the panic said why.
    pub(super) fn failed(&self, name: &str) {
        self.tell(Line::of(name, "could not be measured").mark("a measurement", false));
    }

    /// Whether every figure so far reached its mark.
    pub(super) fn all_reached(&self) -> bool {
        self.reached.get()
    }

    fn row(&self, cells: &[&str]) {
        match self.markdown {
            true => say(&format!("| {} |", cells.join(" | "))),
            false => say(&cells.join(" · ")),
        }
    }
}

fn say(line: &str) {
    // A reader that went away is no reason to stop.
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

/// The middle value; 0 of none.
pub fn median(values: &[f64]) -> f64 {
    percentile(values, 50)
}

/// The value that so many percent of the values do not exceed; 0 of none.
pub fn percentile(values: &[f64], percent: usize) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().saturating_sub(1);
    sorted.get((last * percent).div_ceil(100)).copied().unwrap_or(0.0)
}

/// Milliseconds.
pub fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// KiB as MiB in words.
pub fn mib(kib: u64) -> String {
    format!("{:.1} MiB", kib as f64 / 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_and_percentiles_are_values_that_were_measured() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(percentile(&[4.0, 1.0, 2.0, 3.0], 99), 4.0);
        assert_eq!(median(&[]), 0.0);
    }
}
