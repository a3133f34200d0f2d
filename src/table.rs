//! Tables as people and programs read them.

use std::fmt::Write;

/// How a table is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Aligned columns for a terminal.
    Plain,
    /// A table of Markdown.
    Markdown,
    /// A list of JSON objects.
    Json,
}

/// Rows of text under a head, in aligned columns; JSON is not made of texts, and each table has its own.
pub fn aligned<const N: usize>(head: [&str; N], rows: &[[String; N]], markdown: bool) -> String {
    let head = head.map(str::to_string);
    let cells = || std::iter::once(&head).chain(rows);
    let width = |column: usize| cells().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; N] = std::array::from_fn(width);
    let mut text = String::new();
    for (number, row) in cells().enumerate() {
        let padded: Vec<String> = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        // Writing to a String cannot fail.
        let _ = if markdown {
            writeln!(text, "| {} |", padded.join(" | "))
        } else {
            writeln!(text, "{}", format!("  {}", padded.join("  ")).trim_end())
        };
        if number == 0 && markdown {
            let _ = writeln!(text, "|{}", "---|".repeat(N));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [["a".to_string(), "κL".to_string()], ["long".to_string(), String::new()]];
        assert_eq!(aligned(["x", "y"], &rows, false), "  x     y\n  a     κL\n  long\n");
        assert_eq!(aligned(["x", "y"], &rows, true), "| x    | y  |\n|---|---|\n| a    | κL |\n| long |    |\n");
    }
}
