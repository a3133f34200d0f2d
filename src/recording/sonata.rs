//! The network's voltages and spikes, as SONATA wants them, with the cells' names.
//!
//! `/report/<population>/data` [rows, cells] in mV, one row per interval from `start` to `stop` (ms, right-open);
//! `/spikes/<population>` in ms, sorted by time; `/nodes/<population>/0/@library/name` says that node 201 is AVBL.
//!
//! Source: SONATA 0.1, Dai et al. 2020, doi:10.1371/journal.pcbi.1007696.

use super::file::{Rows, Writer, bytes, enumeration};
use super::read::Recorded;
use super::{Membrane, Population, misfit};
use crate::error::Error;

/// Both populations of the network.
pub(super) struct Network {
    populations: [Option<Cells>; 2],
    interval: f64,
    /// From the values that come to those in the file: mV of V, or the same of numbers.
    scale: f32,
    start: Option<f64>,
    rows: u64,
}

/// The series of one population.
struct Cells {
    name: &'static str,
    count: usize,
    data: Rows,
    time: usize,
    timestamps: Rows,
    node_ids: Rows,
    last_spike: f64,
    spikes: u64,
}

/// Creates the groups and series of every population that has cells.
pub(super) fn create(writer: &mut Writer, membrane: &Membrane<'_>) -> Result<Network, Error> {
    magic(writer)?;
    let mut cells = |name, names: &[String]| {
        if names.is_empty() { Ok(None) } else { population(writer, name, names, membrane).map(Some) }
    };
    let populations = [cells("neurons", membrane.neurons)?, cells("muscles", membrane.muscles)?];
    let scale = if membrane.numbers { 1.0 } else { 1e3 };
    Ok(Network { populations, interval: membrane.interval, scale, start: None, rows: 0 })
}

fn population(
    writer: &mut Writer,
    name: &'static str,
    names: &[String],
    membrane: &Membrane<'_>,
) -> Result<Cells, Error> {
    nodes(writer, name, &[("name", names)])?;
    let one_each: Vec<u64> = (0..=names.len() as u64).collect();
    let unit = if membrane.numbers { "1" } else { "mV" };
    let (data, time) = report(writer, name, &one_each, unit, membrane.interval)?;
    let (timestamps, spike_ids) = spikes(writer, name)?;
    let last_spike = f64::NEG_INFINITY;
    Ok(Cells { name, count: names.len(), data, time, timestamps, node_ids: spike_ids, last_spike, spikes: 0 })
}

/// The marks by which readers know SONATA.
pub(super) fn magic(writer: &mut Writer) -> Result<(), Error> {
    writer.group_number("/", "magic", 0x0A7A_u32)?;
    writer.group_numbers("/", "version", &[0u32, 1])
}

/// A population of nodes with attributes, each a text per node.
pub(super) fn nodes(writer: &mut Writer, name: &str, attributes: &[(&str, &[String])]) -> Result<(), Error> {
    let nodes = format!("/nodes/{name}");
    let count = attributes.first().map_or(0, |(_, texts)| texts.len());
    let ids: Vec<u64> = (0..count as u64).collect();
    let extent = [count as u64];
    for (attribute, texts) in attributes {
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        // By way of a library, as SONATA offers for repeated values: libsonata reads its texts of any kind, but
        // refuses the texts of this writer as an attribute, because their type is not encoded as libhdf5 does.
        let library: Vec<u32> = (0..count as u32).collect();
        writer.constant(&format!("{nodes}/0/{attribute}"), &extent, &library)?;
        writer.texts(&format!("{nodes}/0/@library/{attribute}"), &texts)?;
    }
    writer.constant(&format!("{nodes}/node_id"), &extent, &ids)?;
    // One type of node and one group of attributes: type 0, group 0, in order.
    writer.constant(&format!("{nodes}/node_type_id"), &extent, &vec![0i64; count])?;
    writer.constant(&format!("{nodes}/node_group_id"), &extent, &vec![0u64; count])?;
    writer.constant(&format!("{nodes}/node_group_index"), &extent, &ids)?;
    Ok(())
}

/// A report of f32 whose elements are sorted by node: node k has those from `pointers[k]` to `pointers[k + 1]`. Gives
/// the series, and the constant that says how far it reaches.
pub(super) fn report(
    writer: &mut Writer,
    name: &str,
    pointers: &[u64],
    unit: &str,
    interval: f64,
) -> Result<(Rows, usize), Error> {
    let report = format!("/report/{name}");
    let (nodes, elements) = (pointers.len() as u64 - 1, pointers[pointers.len() - 1]);
    let data = writer.rows::<f32>(&format!("{report}/data"), &[elements], ("units", unit))?;
    let ids: Vec<u64> = (0..nodes).collect();
    let node_ids = writer.constant(&format!("{report}/mapping/node_ids"), &[nodes], &ids)?;
    writer.number(node_ids, "sorted", 1i8)?;
    writer.constant(&format!("{report}/mapping/index_pointers"), &[nodes + 1], pointers)?;
    let element_ids: Vec<u32> = pointers.windows(2).flat_map(|node| 0..(node[1] - node[0]) as u32).collect();
    writer.constant(&format!("{report}/mapping/element_ids"), &[elements], &element_ids)?;
    let time = writer.constant(&format!("{report}/mapping/time"), &[3], &[0.0, 0.0, interval * 1e3])?;
    writer.text(time, "units", "ms")?;
    Ok((data, time))
}

/// The spikes of a population: their times [ms] and nodes, sorted by time.
pub(super) fn spikes(writer: &mut Writer, name: &str) -> Result<(Rows, Rows), Error> {
    let spikes = format!("/spikes/{name}");
    let sorting = enumeration(false, &[("none", 0), ("by_id", 1), ("by_time", 2)]);
    writer.group_typed(&spikes, "sorting", sorting, vec![2])?;
    let timestamps = writer.rows::<f64>(&format!("{spikes}/timestamps"), &[], ("units", "ms"))?;
    let node_ids = writer.rows::<u64>(&format!("{spikes}/node_ids"), &[], ("units", ""))?;
    Ok((timestamps, node_ids))
}

impl Network {
    /// One row of each population [V].
    pub(super) fn append(
        &mut self,
        writer: &mut Writer,
        time: f64,
        neurons: &[f32],
        muscles: &[f32],
    ) -> Result<(), Error> {
        for (cells, values) in self.populations.iter().zip([neurons, muscles]) {
            let count = cells.as_ref().map_or(0, |cells| cells.count);
            if values.len() != count {
                let what = format!("{} membrane potentials came for {count} cells", values.len());
                return Err(misfit(time, what));
            }
        }
        // Half an interval: a row at another time would be read at the wrong one.
        let expected = self.start.map_or(time, |start| start + self.rows as f64 * self.interval);
        if time.is_nan() || (time - expected).abs() >= 0.5 * self.interval {
            return Err(misfit(time, format!("membrane potentials were due at {expected} s")));
        }
        self.start.get_or_insert(time);
        for (cells, values) in
            self.populations.iter().flatten().zip([neurons, muscles].into_iter().filter(|v| !v.is_empty()))
        {
            let scaled: Vec<f32> = values.iter().map(|value| value * self.scale).collect();
            writer.append_row(cells.data, &bytes(&scaled))?;
        }
        self.rows += 1;
        Ok(())
    }

    /// Spikes of one population: time [s] and index.
    pub(super) fn append_spikes(
        &mut self,
        writer: &mut Writer,
        population: Population,
        spikes: &[(f64, u64)],
    ) -> Result<(), Error> {
        let Some(cells) = &mut self.populations[population as usize] else {
            let time = spikes.first().map_or(0.0, |spike| spike.0);
            return Err(misfit(time, "spikes came from a population without cells".into()));
        };
        for (time, node) in spikes {
            if !(*time >= cells.last_spike && *node < cells.count as u64) {
                let what = format!("a spike of cell {node} of {} at {time} s is out of order or range", cells.name);
                return Err(misfit(*time, what));
            }
            cells.last_spike = *time;
            cells.spikes += 1;
            writer.append_row(cells.timestamps, &(time * 1e3).to_le_bytes())?;
            writer.append_row(cells.node_ids, &node.to_le_bytes())?;
        }
        Ok(())
    }

    /// Rows of potentials, and spikes of both populations, so far.
    pub(super) fn counts(&self) -> (u64, [u64; 2]) {
        let spikes = |cells: &Option<Cells>| cells.as_ref().map_or(0, |cells| cells.spikes);
        (self.rows, [spikes(&self.populations[0]), spikes(&self.populations[1])])
    }

    /// Appends the first rows and spikes of another recording of the same layout.
    pub(super) fn copy(
        &mut self,
        writer: &mut Writer,
        old: &mut Recorded,
        rows: u64,
        spikes: [u64; 2],
    ) -> Result<(), Error> {
        for (cells, spikes) in self.populations.iter_mut().zip(spikes) {
            let Some(cells) = cells else { continue };
            writer.copy_rows(cells.data, old, rows)?;
            writer.copy_rows(cells.timestamps, old, spikes)?;
            writer.copy_rows(cells.node_ids, old, spikes)?;
            cells.spikes = spikes;
        }
        self.rows = rows;
        // The first row of a run stands at its beginning.
        self.start = (rows > 0).then_some(0.0);
        writer.settle()
    }

    /// Writes how far the reports reach.
    pub(super) fn publish_time(&mut self, writer: &mut Writer) -> Result<(), Error> {
        let start = self.start.unwrap_or(0.0);
        let stop = start + self.rows as f64 * self.interval;
        for cells in self.populations.iter().flatten() {
            writer.overwrite(cells.time, &[start * 1e3, stop * 1e3, self.interval * 1e3])?;
        }
        Ok(())
    }
}
