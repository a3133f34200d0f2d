//! How far long work is, on standard error, and nothing where that is no terminal.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressStyle};

/// A bar over so many parts.
pub fn bar(parts: usize) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:40} {percent}%  {msg}  {eta} left");
    ProgressBar::new(parts as u64).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// What is being done, where nobody knows how much there is.
pub fn spinner() -> ProgressBar {
    if std::io::stderr().is_terminal() { ProgressBar::new_spinner() } else { ProgressBar::hidden() }
}

/// Threads that there are.
pub fn available_threads() -> usize {
    std::thread::available_parallelism().map_or(1, Into::into)
}
