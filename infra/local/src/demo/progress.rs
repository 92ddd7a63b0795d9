//! The backfill's progress per kind: redrawn in place on a terminal, one line per change otherwise.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde_json::Value;

/// Draws progress.
pub struct Progress<W> {
    out: W,
    live: bool,
    drawn: usize,
    seen: BTreeMap<String, String>,
}

impl<W: Write> Progress<W> {
    /// Draws to `out`; `live` says whether lines can be redrawn.
    pub fn new(out: W, live: bool) -> Self {
        Self { out, live, drawn: 0, seen: BTreeMap::new() }
    }

    /// Shows this `backfill` of `GET /connections`.
    ///
    /// # Errors
    /// When `out` does not take it.
    pub fn show(&mut self, backfill: &Value) -> io::Result<()> {
        let kinds: BTreeMap<String, String> = backfill["perType"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(kind, progress)| (kind.clone(), state(progress)))
            .collect();
        if self.live {
            self.redraw(backfill, &kinds)?;
        } else {
            for (kind, state) in &kinds {
                if self.seen.get(kind) != Some(state) && state != "waiting" {
                    writeln!(self.out, "  {kind:<24} {state}")?;
                }
            }
        }
        self.seen = kinds;
        self.out.flush()
    }

    fn redraw(&mut self, backfill: &Value, kinds: &BTreeMap<String, String>) -> io::Result<()> {
        if self.drawn > 0 {
            write!(self.out, "\x1b[{}A", self.drawn)?;
        }
        let (done, total) = (backfill["done"].as_u64().unwrap_or(0), backfill["total"].as_u64().unwrap_or(0));
        let filled = usize::try_from((done * 30).checked_div(total).unwrap_or(0)).unwrap_or(0).min(30);
        writeln!(self.out, "\x1b[2K  [{}{}] {done} of {total} kinds", "█".repeat(filled), "░".repeat(30 - filled))?;
        for (kind, state) in kinds {
            writeln!(self.out, "\x1b[2K  {kind:<24} {state}")?;
        }
        self.drawn = kinds.len() + 1;
        Ok(())
    }
}

fn state(progress: &Value) -> String {
    let documents = progress["documents"].as_u64().unwrap_or(0);
    match progress["state"].as_str().unwrap_or("unknown") {
        "pending" => "waiting".to_owned(),
        "done" => format!("{documents} documents"),
        "not_granted" => "not allowed by the patient".to_owned(),
        "not_available" => "not offered by Oura".to_owned(),
        "malformed" => format!("{documents} documents, some unreadable"),
        "failed" => format!("failed ({}), will be tried again", progress["error"].as_str().unwrap_or("unknown")),
        other => other.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn without_a_terminal_each_change_is_one_plain_line() {
        let mut out = Vec::new();
        let mut progress = Progress::new(&mut out, false);
        let at =
            |sleep: Value| json!({"done": 0, "total": 2, "perType": {"sleep": sleep, "tag": {"state": "pending"}}});
        progress.show(&at(json!({"state": "pending", "documents": 0}))).unwrap();
        for _ in 0..3 {
            progress.show(&at(json!({"state": "done", "documents": 31}))).unwrap();
        }
        assert_eq!(String::from_utf8(out).unwrap(), "  sleep                    31 documents\n");
    }

    #[test]
    fn on_a_terminal_the_same_lines_are_drawn_again() {
        let mut out = Vec::new();
        let mut progress = Progress::new(&mut out, true);
        for done in 0..2 {
            progress.show(&json!({"done": done, "total": 2, "perType": {"sleep": {"state": "pending"}}})).unwrap();
        }
        let text = String::from_utf8(out).unwrap();
        assert!(text.contains("\x1b[2A") && text.contains("1 of 2 kinds"), "{text:?}");
    }
}
