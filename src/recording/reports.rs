//! Any quantities of a network as SONATA reports: a simulation's columns and events in one file.
//!
//! A report `/report/<name>` holds quantities of one unit, f32 [rows, elements], in SI, as its `units` say; only its
//! times are in ms, as SONATA wants them. Its nodes are the cells, and a node's elements its quantities; which they are
//! is told, column by column, by `mapping/quantity` and `mapping/column`. Spikes of `/spikes/<name>` name nodes of
//! `/nodes/<name>`. Rows are not compressed: deflate would take longer than the simulation.
//!
//! Source: SONATA 0.1, Dai et al. 2020, doi:10.1371/journal.pcbi.1007696.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use super::file::{Rows, Writer};
use super::{FLUSH_EVERY, Provenance, create, h5md, misfit, sonata};
use crate::error::{Error, Problem};

/// One quantity of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// The cell that it belongs to.
    pub cell: String,
    /// Its name in the simulation.
    pub name: String,
    /// Its path.
    pub quantity: String,
    /// Which value of a row it is.
    pub index: usize,
}

/// Quantities of one unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Its name in the file.
    pub name: String,
    /// Its SI unit.
    pub unit: String,
    /// Its quantities.
    pub columns: Vec<Column>,
}

/// Spikes of some cells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Train {
    /// Its name in the file.
    pub name: String,
    /// The cells.
    pub cells: Vec<String>,
    /// What the simulation calls each of them.
    pub ids: Vec<String>,
}

/// A file of reports that is being written.
pub struct Reports {
    writer: Writer,
    reports: Vec<Series>,
    trains: Vec<Spikes>,
    interval: f64,
    rows: u64,
    bytes: Vec<u8>,
    flushed: Instant,
}

struct Series {
    data: Rows,
    time: usize,
    /// Which value of a row each element is.
    elements: Vec<usize>,
}

struct Spikes {
    timestamps: Rows,
    node_ids: Rows,
    last: f64,
}

impl Reports {
    /// Creates the file with all that stays the same. Rows begin at t = 0 and are `interval` [s] apart.
    ///
    /// # Errors
    /// A problem if the path cannot be written or two reports or trains have one name; no file is left.
    pub fn create(
        path: &Path,
        reports: &[Report],
        trains: &[Train],
        interval: f64,
        provenance: &Provenance,
    ) -> Result<Self, Error> {
        let mut names = BTreeMap::new();
        for name in reports.iter().map(|report| &report.name).chain(trains.iter().map(|train| &train.name)) {
            if name.is_empty() || name == "." || name.contains('/') || names.insert(name, ()).is_some() {
                return Err(Problem::new(format!("\"{name}\" cannot be the name of another report"))
                    .help("give each output file of the simulation an `id` of its own, without `/`")
                    .into());
            }
        }
        let (writer, (reports, trains)) = create(
            path,
            |writer| {
                sonata::magic(writer)?;
                h5md::origin(writer, provenance)?;
                writer.group_text("/parameters", "program", env!("CARGO_PKG_NAME"))?;
                writer.group_text("/parameters", "version", &provenance.version)?;
                let reports: Result<Vec<_>, Error> =
                    reports.iter().map(|report| series(writer, report, interval)).collect();
                let mut spikes = Vec::new();
                for train in trains {
                    sonata::nodes(writer, &train.name, &[("name", &train.cells), ("event_id", &train.ids)])?;
                    let (timestamps, node_ids) = sonata::spikes(writer, &train.name)?;
                    spikes.push(Spikes { timestamps, node_ids, last: f64::NEG_INFINITY });
                }
                Ok((reports?, spikes))
            },
            |writer, filled| Ok((writer, filled)),
        )?;
        let flushed = Instant::now();
        Ok(Self { writer, reports, trains, interval, rows: 0, bytes: Vec::new(), flushed })
    }

    /// Appends one row to every report, from the values [SI] that their columns name by index.
    ///
    /// # Errors
    /// A system error if the disk is full. What was flushed before stays readable.
    pub fn row(&mut self, values: &[f64]) -> Result<(), Error> {
        for report in &self.reports {
            self.bytes.clear();
            self.bytes.extend(report.elements.iter().flat_map(|index| (values[*index] as f32).to_le_bytes()));
            self.writer.append_row(report.data, &self.bytes)?;
        }
        self.rows += 1;
        if self.flushed.elapsed() >= FLUSH_EVERY { self.flush() } else { Ok(()) }
    }

    /// Appends a spike of a train: which of its cells, and when [s]; none before those of earlier calls.
    ///
    /// # Errors
    /// A run failure if the spike is out of order; a system error as for [`Reports::row`].
    pub fn spike(&mut self, train: usize, cell: usize, time: f64) -> Result<(), Error> {
        let train = &mut self.trains[train];
        if time < train.last {
            return Err(misfit(time, format!("a spike at {time} s follows one at {} s", train.last)));
        }
        train.last = time;
        self.writer.append_row(train.timestamps, &(time * 1e3).to_le_bytes())?;
        self.writer.append_row(train.node_ids, &(cell as u64).to_le_bytes())
    }

    fn flush(&mut self) -> Result<(), Error> {
        let stop = self.rows as f64 * self.interval;
        for report in &self.reports {
            self.writer.overwrite(report.time, &[0.0, stop * 1e3, self.interval * 1e3])?;
        }
        self.writer.flush()?;
        self.flushed = Instant::now();
        Ok(())
    }

    /// Closes the file and gives its size in bytes.
    ///
    /// # Errors
    /// A system error.
    pub fn finish(mut self) -> Result<u64, Error> {
        self.flush()?;
        let path = self.writer.close()?;
        let size = std::fs::metadata(&path).map(|data| data.len());
        size.map_err(|source| Error::System { path, action: "read back the recording".into(), source })
    }
}

/// Creates a report; its elements are sorted by their cells, these in the order in which they first come.
fn series(writer: &mut Writer, report: &Report, interval: f64) -> Result<Series, Error> {
    let mut cells: Vec<String> = Vec::new();
    let mut of_cell: Vec<Vec<&Column>> = Vec::new();
    let mut known = BTreeMap::new();
    for column in &report.columns {
        let node = *known.entry(&column.cell).or_insert_with(|| {
            cells.push(column.cell.clone());
            of_cell.push(Vec::new());
            cells.len() - 1
        });
        of_cell[node].push(column);
    }
    let mut pointers = vec![0];
    for columns in &of_cell {
        pointers.push(pointers[pointers.len() - 1] + columns.len() as u64);
    }
    sonata::nodes(writer, &report.name, &[("name", &cells)])?;
    let (data, time) = sonata::report(writer, &report.name, &pointers, &report.unit, interval)?;
    let sorted: Vec<&Column> = of_cell.into_iter().flatten().collect();
    let names: Vec<&str> = sorted.iter().map(|column| column.name.as_str()).collect();
    let quantities: Vec<&str> = sorted.iter().map(|column| column.quantity.as_str()).collect();
    if !sorted.is_empty() {
        writer.texts(&format!("/report/{}/mapping/column", report.name), &names)?;
        writer.texts(&format!("/report/{}/mapping/quantity", report.name), &quantities)?;
    }
    Ok(Series { data, time, elements: sorted.iter().map(|column| column.index).collect() })
}
