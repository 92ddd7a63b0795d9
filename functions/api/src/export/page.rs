//! One page of an export while it is built.

/// Upper bound of a page in bytes. Lambda accepts 6 MiB with the answer's frame, and a page is sent in Base64, a third longer. The
/// last line has room above it.
const PAGE_BYTES: usize = 4 * 1024 * 1024;

/// Complete lines, each with its line end.
#[derive(Default)]
pub(super) struct Page {
    text: String,
}

impl Page {
    /// Adds one or more lines with their line ends, unless they no longer fit. The first ones always fit: a record is far smaller
    /// than a page.
    #[must_use]
    pub(super) fn push(&mut self, lines: &str) -> bool {
        let fits = self.text.is_empty() || self.text.len() + lines.len() <= PAGE_BYTES;
        if fits {
            self.text.push_str(lines);
        }
        fits
    }

    /// Adds a first or last line, which always fits.
    pub(super) fn frame(&mut self, line: &str) {
        self.text.push_str(line);
    }

    pub(super) fn into_text(self) -> String {
        self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn page_ends_before_the_line_that_does_not_fit() {
        let mut page = Page::default();
        let line = "x".repeat(PAGE_BYTES / 2);
        assert!(page.push(&line) && page.push(&line));
        assert!(!page.push("\n"));
        page.frame("end\n");
        assert_eq!(page.into_text().len(), PAGE_BYTES + 4);
        assert!(Page::default().push(&"x".repeat(PAGE_BYTES + 1)), "a first line always fits");
    }
}
