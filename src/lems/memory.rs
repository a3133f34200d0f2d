//! What a simulation writes, as columns in memory: for programs that go on with the numbers.

use crate::error::Error;
use crate::lems::reports::unit;
use crate::lems::{ColumnFile, EventFile, Hears};
use crate::network::Network;
use crate::neuroml::model::Model;

/// All results of a run.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Collected {
    /// Time of each row [s].
    pub time: Vec<f64>,
    /// One for each output file, of each replica.
    pub tables: Vec<Table>,
    /// One for each file of events, of each replica.
    pub trains: Vec<Events>,
}

/// The columns of an output file.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// The file that the simulation names; none is written.
    pub file: String,
    /// Its columns.
    pub columns: Vec<Series>,
}

/// One quantity over time.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// The id of the column.
    pub id: String,
    /// Its path in the network.
    pub quantity: String,
    /// The SI unit of its numbers; "unknown" where its type does not say what it is.
    pub unit: String,
    /// One number for each time.
    pub values: Vec<f64>,
}

/// The events of a file, in the order of time.
#[derive(Debug, Clone, PartialEq)]
pub struct Events {
    /// The file that the simulation names; none is written.
    pub file: String,
    /// What the file calls each cell.
    pub ids: Vec<String>,
    /// When [s].
    pub times: Vec<f64>,
    /// Whose, as a place in `ids`.
    pub cells: Vec<usize>,
}

/// Results under construction.
pub(super) struct Collector(Collected);

impl Collector {
    pub(super) fn new(network: &Network, model: &Model, files: &[ColumnFile], events: &[EventFile]) -> Self {
        let series = |column: &super::Column| Series {
            id: column.id.clone(),
            quantity: column.quantity.clone(),
            unit: unit(network, &model.vocabulary, &column.path),
            values: Vec::new(),
        };
        let table = |file: &ColumnFile| Table {
            file: file.file_name.clone(),
            columns: file.columns.iter().map(series).collect(),
        };
        let train = |file: &EventFile| Events {
            file: file.file_name.clone(),
            ids: file.cells.iter().map(|(id, ..)| id.clone()).collect(),
            times: Vec::new(),
            cells: Vec::new(),
        };
        Self(Collected {
            time: Vec::new(),
            tables: files.iter().map(table).collect(),
            trains: events.iter().map(train).collect(),
        })
    }

    pub(super) fn finish(self) -> Collected {
        self.0
    }
}

impl Hears for Collector {
    /// One number for each column of all files, in their order.
    fn row(&mut self, time: f64, values: &[f64]) -> Result<(), Error> {
        self.0.time.push(time);
        let columns = self.0.tables.iter_mut().flat_map(|table| &mut table.columns);
        for (column, value) in columns.zip(values) {
            column.values.push(*value);
        }
        Ok(())
    }

    fn event(&mut self, file: usize, cell: usize, time: f64) -> Result<(), Error> {
        self.0.trains[file].times.push(time);
        self.0.trains[file].cells.push(cell);
        Ok(())
    }
}
