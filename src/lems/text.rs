//! Output files as text: columns of SI numbers, tab separated, first the time; events one to a line.
//!
//! Numbers are the shortest text that reads back as the same f64. Only whole lines reach a file, many at once, and none
//! waits longer than a second, so that a run that ends early leaves files that are read as usual.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::error::Error;

/// Bytes that are written at once: large against the cost of a write, small against a cache.
const WRITE_AT_ONCE: usize = 256 * 1024;

/// How long a line may wait, in wall time.
const WAIT: Duration = Duration::from_secs(1);

/// One file under construction. It is open only while it is written: an ensemble has more files than a process may open.
struct Lines {
    path: PathBuf,
    bytes: Vec<u8>,
}

impl Lines {
    fn create(path: PathBuf) -> Result<Self, Error> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|source| refused(folder, source))?;
        }
        File::create(&path).map_err(|source| refused(&path, source))?;
        Ok(Self { path, bytes: Vec::new() })
    }

    fn number(&mut self, value: f64) {
        self.bytes.extend_from_slice(zmij::Buffer::new().format(value).as_bytes());
    }

    fn write(&mut self) -> Result<(), Error> {
        if self.bytes.is_empty() {
            return Ok(());
        }
        let written = OpenOptions::new().append(true).open(&self.path).and_then(|mut file| file.write_all(&self.bytes));
        self.bytes.clear();
        written.map_err(|source| refused(&self.path, source))
    }
}

fn refused(path: &Path, source: std::io::Error) -> Error {
    Error::System { path: path.to_path_buf(), action: "write the output".to_string(), source }
}

/// All text files of a run.
pub(super) struct Texts {
    /// How many of a row's values each file takes.
    columns: Vec<(Lines, usize)>,
    /// Whether the id comes first, and the id of each cell.
    events: Vec<(Lines, bool, Vec<String>)>,
    written: Instant,
}

impl Texts {
    /// Creates all files: of columns, with how many each has; of events, whether the id comes first, and the ids.
    pub(super) fn create(
        columns: Vec<(PathBuf, usize)>,
        events: Vec<(PathBuf, bool, Vec<String>)>,
    ) -> Result<Self, Error> {
        let columns = columns.into_iter().map(|(path, width)| Ok((Lines::create(path)?, width)));
        let columns = columns.collect::<Result<_, Error>>()?;
        let events = events.into_iter().map(|(path, id_first, ids)| Ok((Lines::create(path)?, id_first, ids)));
        Ok(Self { columns, events: events.collect::<Result<_, Error>>()?, written: Instant::now() })
    }

    /// One row: the values of all files, one file after the other.
    pub(super) fn row(&mut self, time: f64, mut values: &[f64]) -> Result<(), Error> {
        let late = self.written.elapsed() >= WAIT;
        for (lines, width) in &mut self.columns {
            let own = values.split_off(..*width).unwrap_or_default();
            lines.number(time);
            for value in own {
                lines.bytes.push(b'\t');
                lines.number(*value);
            }
            lines.bytes.push(b'\n');
            if lines.bytes.len() >= WRITE_AT_ONCE {
                lines.write()?;
            }
        }
        if late { self.write() } else { Ok(()) }
    }

    /// One event of a file: which of its cells, and when [s].
    pub(super) fn event(&mut self, file: usize, cell: usize, time: f64) {
        let (lines, id_first, ids) = &mut self.events[file];
        if *id_first {
            lines.bytes.extend_from_slice(ids[cell].as_bytes());
            lines.bytes.push(b'\t');
            lines.number(time);
        } else {
            lines.number(time);
            lines.bytes.push(b'\t');
            lines.bytes.extend_from_slice(ids[cell].as_bytes());
        }
        lines.bytes.push(b'\n');
    }

    /// Writes all lines that wait.
    pub(super) fn write(&mut self) -> Result<(), Error> {
        self.written = Instant::now();
        let events = self.events.iter_mut().map(|(lines, ..)| lines);
        self.columns.iter_mut().map(|(lines, _)| lines).chain(events).try_for_each(Lines::write)
    }
}
