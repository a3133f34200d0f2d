//! What is wrong, where, and the mend.
//!
//! Two kinds of failure leave this crate. A [`Problem`] is something that a user wrote:
//! it has a place and a mend, and loading collects *all* of them before it gives up.
//! A [`RunFailure`] is something that happened while running: it has a time and a culprit,
//! and what was recorded until then stays readable.
//!
//! This file is the ground floor: it knows only primitives.

use std::fmt;
use std::path::{Path, PathBuf};

/// Where in a file something stands; lines and columns count from 1.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The file as the user named it.
    pub file: PathBuf,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

impl Place {
    /// The place at `line` and `column` (both from 1) of `file`.
    pub fn new(file: impl Into<PathBuf>, line: u32, column: u32) -> Self {
        Self { file: file.into(), line, column }
    }

    /// The place of byte `offset` of `text`, the content of `file`.
    pub fn at_offset(file: impl Into<PathBuf>, text: &str, offset: usize) -> Self {
        let mut offset = offset.min(text.len());
        while !text.is_char_boundary(offset) {
            offset -= 1;
        }
        let before = &text[..offset];
        let line = before.matches('\n').count() as u32 + 1;
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let column = before[line_start..].chars().count() as u32 + 1;
        Self::new(file, line, column)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file.display(), self.line, self.column)
    }
}

/// One thing that is wrong in what a user wrote.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Problem {
    /// Where it stands, if it stands in a file.
    pub place: Option<Place>,
    /// What was expected and what was found.
    pub message: String,
    /// The mend, if there is one to suggest.
    pub help: Option<String>,
}

impl Problem {
    /// A problem without a place; add one with [`Problem::at`].
    pub fn new(message: impl Into<String>) -> Self {
        Self { place: None, message: message.into(), help: None }
    }

    /// The same problem, standing at `place`.
    pub fn at(mut self, place: Place) -> Self {
        self.place = Some(place);
        self
    }

    /// The same problem with its mend.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(f, "{place}: ")?;
        }
        f.write_str(&self.message)?;
        if let Some(help) = &self.help {
            write!(f, "\n  help: {help}")?;
        }
        Ok(())
    }
}

/// How many problems are printed before the rest is only counted: one screen.
const SHOWN_PROBLEMS: usize = 12;

/// Every problem that loading found, in the order in which they were met.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// An empty collection.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one.
    pub fn push(&mut self, problem: Problem) {
        self.0.push(problem);
    }

    /// Adds all of `others`.
    pub fn extend(&mut self, others: impl IntoIterator<Item = Problem>) {
        self.0.extend(others);
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The problems, in the order in which they were met.
    pub fn iter(&self) -> std::slice::Iter<'_, Problem> {
        self.0.iter()
    }

    /// `value` if nothing is wrong, else the problems.
    ///
    /// # Errors
    /// Itself, when it holds a problem.
    pub fn or_ok<T>(self, value: T) -> Result<T, Problems> {
        if self.is_empty() { Ok(value) } else { Err(self) }
    }
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}

impl IntoIterator for Problems {
    type Item = Problem;
    type IntoIter = std::vec::IntoIter<Problem>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().take(SHOWN_PROBLEMS).enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write!(f, "{problem}")?;
        }
        if self.0.len() > SHOWN_PROBLEMS {
            write!(f, "\n… and {} more problems", self.0.len() - SHOWN_PROBLEMS)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// A run that had to stop: when, who, and what to try.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("t = {time:.4} s: {what}{}", help_line(.help))]
pub struct RunFailure {
    /// Simulated time [s].
    pub time: f64,
    /// Who did what, for example "membrane potential of AVBL is not a number".
    pub what: String,
    /// What to try.
    pub help: Option<String>,
}

fn help_line(help: &Option<String>) -> String {
    help.as_ref().map(|help| format!("\n  help: {help}")).unwrap_or_default()
}

/// Everything that can go wrong, by what the command line does about it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The input is wrong; nothing was run and nothing was written. Exit code 2.
    #[error("{0}")]
    Input(#[from] Problems),
    /// The run diverged; what was recorded is readable. Exit code 3.
    #[error("{0}")]
    Run(#[from] RunFailure),
    /// The operating system refused while running (disk full …). Exit code 4.
    #[error("{}: cannot {action}: {source}", .path.display())]
    System {
        /// The file in question.
        path: PathBuf,
        /// What was being done, as a verb phrase: "write the recording".
        action: String,
        /// What the system said.
        source: std::io::Error,
    },
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Self::Input(problem.into())
    }
}

impl Error {
    /// What the command line exits with: 2 wrong input, 3 diverged, 4 system.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Input(_) => 2,
            Self::Run(_) => 3,
            Self::System { .. } => 4,
        }
    }
}

/// Reads a file that the user named.
///
/// # Errors
/// A problem that names the file and what the system said.
pub fn read_bytes(path: &Path) -> Result<Vec<u8>, Problem> {
    std::fs::read(path).map_err(|source| {
        Problem::new(format!("{}: cannot read: {source}", path.display()))
            .help("check the name, and the folder that it is seen from")
    })
}

/// Reads a text file that the user named.
///
/// # Errors
/// A problem that names the file and what the system said, or the place of the first byte that is not text.
pub fn read_text(path: &Path) -> Result<String, Problem> {
    let bytes = read_bytes(path)?;
    String::from_utf8(bytes).map_err(|bad| {
        let end = bad.utf8_error().valid_up_to();
        let text = String::from_utf8_lossy(&bad.as_bytes()[..end]);
        Problem::new(format!("not a text file: byte {end} is not UTF-8"))
            .at(Place::at_offset(path, &text, end))
            .help("is it the right file? Text must be saved as UTF-8")
    })
}

/// Writes beside the goal and renames, so that a reader never meets half a file.
///
/// # Errors
/// A problem that names the file and what the system said; nothing is left beside it.
pub fn write_whole(path: &Path, content: impl AsRef<[u8]>) -> Result<(), Problem> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".part");
    let beside = PathBuf::from(beside);
    std::fs::write(&beside, content).and_then(|()| std::fs::rename(&beside, path)).map_err(|source| {
        // The part that was written is of no use; whether it can be removed changes nothing for the user.
        let _ = std::fs::remove_file(&beside);
        Problem::new(format!("{}: cannot write: {source}", path.display()))
            .help("name a file in a folder that exists and that you may write to")
    })
}

/// The candidate most like `name`, if any is near enough to be what was meant.
///
/// Near: at most two edits (insert, delete, replace), or one for names under four letters,
/// not counting upper and lower case.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = name.to_lowercase();
    let allowed = if wanted.chars().count() < 4 { 1 } else { 2 };
    candidates
        .into_iter()
        .map(|candidate| (edit_distance(&wanted, &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, candidate)| (*distance, *candidate))
        .map(|(_, candidate)| candidate)
}

/// Levenshtein distance, one row at a time.
fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_reads_place_message_mend() {
        let problem = Problem::new("`conductance` expects a conductance (S), found \"0.5 mV\", a voltage")
            .at(Place::at_offset("models/avb.cell.nml", "<a>\n  <b c='0.5 mV'/>", 9))
            .help("0.5 mS?");
        assert_eq!(
            problem.to_string(),
            "models/avb.cell.nml:2:6: `conductance` expects a conductance (S), found \"0.5 mV\", a voltage\n  help: 0.5 mS?"
        );
    }

    #[test]
    fn a_file_that_is_not_text_is_told_with_the_place_of_its_first_wrong_byte() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), b"<Lems>\n\xce\xbc\xff</Lems>").expect("written");
        let said = read_text(file.path()).expect_err("a byte 255").to_string();
        assert!(said.contains(":2:2: not a text file: byte 9 is not UTF-8\n  help: "), "{said}");
    }

    #[test]
    fn many_problems_fit_on_one_screen() {
        let mut problems = Problems::new();
        problems.extend((0..100).map(|i| Problem::new(format!("problem {i}"))));
        let text = problems.to_string();
        assert!(text.lines().count() < 24, "{text}");
        assert!(text.ends_with("88 more problems"), "{text}");
    }

    #[test]
    fn the_nearest_name_is_offered_and_a_far_one_is_not() {
        let neurons = ["AVAL", "AVBL", "AVBR", "DB01"];
        assert_eq!(nearest("AVBL0", neurons), Some("AVBL"));
        assert_eq!(nearest("avbr", neurons), Some("AVBR"));
        assert_eq!(nearest("photoreceptor", neurons), None);
    }
}
