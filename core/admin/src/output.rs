//! Answers on stdout (a table, or JSON), words about them on stderr.

use std::io::{IsTerminal, Write};

use coregit_engine::Error;
use serde::Serialize;

use crate::cli::{Cli, Color};

/// How this call answers.
pub struct Output {
    json: bool,
    color: bool,
}

impl Output {
    /// As the options and `NO_COLOR` say.
    pub fn new(cli: &Cli) -> Self {
        let color = match cli.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => std::env::var_os("NO_COLOR").is_none() && std::io::stdout().is_terminal(),
        };
        Self { json: cli.json, color }
    }

    /// Prints `value` as JSON, or what `text` makes of it.
    pub fn answer<T: Serialize>(&self, value: &T, text: impl FnOnce(&Self) -> String) {
        let out = match self.json {
            true => serde_json::to_string_pretty(value).unwrap_or_else(|e| format!("{{\"error\":\"{e}\"}}")),
            false => text(self),
        };
        print_line(&mut std::io::stdout().lock(), out.trim_end());
    }

    /// A word for people; kept off stdout.
    pub fn note(&self, text: &str) {
        print_line(&mut std::io::stderr().lock(), &format!("note: {text}"));
    }

    /// An error and what mends it; in JSON too when that was asked for.
    pub fn error(&self, error: &Error) {
        let mut err = std::io::stderr().lock();
        print_line(&mut err, &format!("{} {}", self.paint("31;1", "error:"), error.sentence));
        if let Some(hint) = &error.hint {
            print_line(&mut err, &format!("{} {hint}", self.paint("36", "hint:")));
        }
        if self.json {
            let class = error.class.map(|c| c.as_str());
            let value = serde_json::json!({"error": error.sentence, "hint": error.hint, "class": class});
            print_line(&mut std::io::stdout().lock(), &value.to_string());
        }
    }

    /// Text in a colour (an ANSI code), where colour is on.
    pub fn paint(&self, code: &str, text: &str) -> String {
        match self.color {
            true => format!("\x1b[{code}m{text}\x1b[0m"),
            false => text.to_owned(),
        }
    }

    /// Rows under a heading, in columns.
    pub fn table(&self, heading: &[&str], rows: &[Vec<String>]) -> String {
        let width = |at: usize| {
            let cells = rows.iter().map(|r| r[at].chars().count());
            cells.chain([heading[at].len()]).max().unwrap_or(0)
        };
        let widths: Vec<_> = (0..heading.len()).map(width).collect();
        let line = |cells: &[String]| {
            let padded = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
            padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        };
        let heading: Vec<_> = heading.iter().map(|h| (*h).to_owned()).collect();
        let mut lines = vec![self.paint("1", &line(&heading))];
        lines.extend(rows.iter().map(|r| line(r)));
        lines.join("\n")
    }
}

/// A reader that went away (a closed pipe) is no error of ours.
fn print_line(out: &mut impl Write, line: &str) {
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}
