//! The CSV file that keeps every point of a search with its score, so that nothing is computed twice: what `nematode fit`
//! and a training by CMA-ES go on from.
//!
//! Its first lines say what decides which points are tried and how they score; a file that begins otherwise is of another
//! search.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::error::{Problem, read_text};
use crate::optimise::{Generation, Known};

/// The file, open for more.
pub struct Journal {
    path: PathBuf,
    /// The points that it has already.
    pub known: Known,
}

impl Journal {
    /// Opens the file, or begins it; `notes` are lines that begin with `#`, `dimensions` the numbers in a point.
    ///
    /// # Errors
    /// A file that cannot be read or written, or of another search.
    pub fn open(path: &Path, notes: &str, dimensions: usize) -> Result<Self, Problem> {
        let columns: String = (1..=dimensions).map(|k| format!(",x{k}")).collect();
        let header = format!("{notes}generation,score{columns}\n");
        let mut known = Known::default();
        if path.exists() {
            let text = read_text(path)?;
            let Some(rows) = text.strip_prefix(&header) else {
                let problem = Problem::new(format!("{}: the journal of another search", path.display()));
                return Err(problem.help("remove it to begin anew, or give the new search another place"));
            };
            for row in rows.lines() {
                let numbers: Vec<f64> = row.split(',').map_while(|number| number.parse().ok()).collect();
                // A row that was cut off by a kill is computed again.
                if let [_, score, point @ ..] = &numbers[..]
                    && point.len() == dimensions
                {
                    known.insert(point, *score);
                }
            }
            let whole = text.rfind('\n').map_or(0, |end| end + 1);
            if whole < text.len() {
                write(path, &text[..whole], false)?;
            }
        } else {
            write(path, &header, false)?;
        }
        Ok(Self { path: path.to_path_buf(), known })
    }

    /// Appends what a generation has scored.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn keep(&self, generation: &Generation) -> Result<(), Problem> {
        let mut rows = String::new();
        for (point, score) in &generation.scored {
            let point: String = point.iter().map(|x| format!(",{x:?}")).collect();
            let _ = writeln!(rows, "{},{score:?}{point}", generation.number);
        }
        write(&self.path, &rows, true)
    }
}

fn write(path: &Path, text: &str, append: bool) -> Result<(), Problem> {
    use std::io::Write as _;
    let mut options = std::fs::OpenOptions::new();
    let options = if append { options.append(true) } else { options.write(true).truncate(true) };
    options.create(true).open(path).and_then(|mut file| file.write_all(text.as_bytes())).map_err(|source| {
        Problem::new(format!("{}: cannot write: {source}", path.display()))
            .help("name a place in a folder that you may write to")
    })
}
