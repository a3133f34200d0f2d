//! Worms of Tierpsy Tracker's HDF5 files.
//!
//! | file | midlines `[rows, 49, 2]` | whose, and in which frame |
//! |---|---|---|
//! | `…_skeletons.hdf5` | `skeleton`, in pixels | `trajectories_data`: `worm_index_joined`, `frame_number` |
//! | `…_features.hdf5` | `coordinates/skeletons`, in µm | `features_timeseries`: `worm_index`, `timestamp` |
//! | `…_featuresN.hdf5` | `coordinates/skeletons`, in µm | `timeseries_data`: `worm_index`, `timestamp` |
//!
//! The table's attributes say how many frames there were in a second, `fps` or else `expected_fps`, and `microns_per_pixel`.
//! The first point is the head. A row whose midline has a hole (NaN) is left out, and so are the rows of no worm (-1).
//!
//! Source: Javer et al. 2018, doi:10.1038/s41592-018-0112-1, and the list of output files in the tracker's documentation.

use std::collections::BTreeMap;
use std::path::Path;

use hdf5::{ByteOrder, DatatypeMessage, H5Dataset, H5File};

use crate::error::Problem;

/// Midlines, the table beside them, its columns of worms and frames, and whether the points are in pixels.
const KINDS: [(&str, &str, [&str; 2], bool); 3] = [
    ("coordinates/skeletons", "timeseries_data", ["worm_index", "timestamp"], false),
    ("coordinates/skeletons", "features_timeseries", ["worm_index", "timestamp"], false),
    ("skeleton", "trajectories_data", ["worm_index_joined", "frame_number"], true),
];

/// A worm that was tracked.
#[derive(Debug, Clone, PartialEq)]
pub struct Tracked {
    /// Its number in the file.
    pub worm: i64,
    /// Times of the frames that have its midline [s].
    pub times: Vec<f64>,
    /// Its midline at each, head to tail [m].
    pub midlines: Vec<Vec<[f64; 2]>>,
}

/// The worms of a tracker's file; none if the file is another's.
///
/// # Errors
/// A file of the tracker that lacks a column, its frame rate, or a scale, or is damaged.
pub fn read(path: &Path) -> Result<Option<Vec<Tracked>>, Problem> {
    let Ok(file) = H5File::open(path) else { return Ok(None) };
    let found = KINDS.iter().find_map(|kind| {
        let (Ok(midlines), Ok(table)) = (file.dataset(kind.0), file.dataset(kind.1)) else { return None };
        Some((kind, midlines, table))
    });
    let Some(((name, table_name, columns, pixels), midlines, table)) = found else { return Ok(None) };
    let problem = |message: String| Problem::new(format!("{}: {message}", path.display()));
    let shape = midlines.shape();
    let &[rows, points, 2] = &shape[..] else {
        return Err(
            problem(format!("{name} has the shape {shape:?}")).help("midlines have the shape [rows, points, 2]")
        );
    };
    let attribute = |names: &[&str]| {
        let number = |name: &&str| numeric(&table, name).filter(|number| *number > 0.0);
        names.iter().find_map(number).ok_or_else(|| {
            problem(format!("{table_name} has no attribute {}", names.join(" or ")))
                .help("without it the worm's time or size is unknown; set it in the file")
        })
    };
    let second = attribute(&["fps", "expected_fps"])?;
    let scale = if *pixels { 1e-6 * attribute(&["microns_per_pixel"])? } else { 1e-6 };
    let numbers: Vec<f64> =
        midlines.read_numeric_as().map_err(|source| problem(format!("cannot read {name}: {source}")))?;
    let [worms, frames] =
        columns.map(|column| integers(&table, column).map_err(|why| problem(format!("{table_name}.{column}: {why}"))));
    let (worms, frames) = (worms?, frames?);
    if worms.len() != rows {
        let message = format!("{name} has {rows} rows, {table_name} {}", worms.len());
        return Err(problem(message).help("each row of the table is that of a midline; the file is damaged"));
    }
    let mut tracks: BTreeMap<i64, BTreeMap<i64, Vec<[f64; 2]>>> = BTreeMap::new();
    for (row, (worm, frame)) in worms.iter().zip(&frames).enumerate() {
        let of_row = &numbers[2 * row * points..2 * (row + 1) * points];
        if *worm >= 0 && of_row.iter().all(|number| number.is_finite()) {
            let midline = of_row.as_chunks::<2>().0.iter().map(|[x, y]| [scale * x, scale * y]);
            tracks.entry(*worm).or_default().insert(*frame, midline.collect());
        }
    }
    if tracks.is_empty() {
        return Err(problem(format!("no worm has a midline in {name}")).help("all of them have holes (NaN)"));
    }
    let tracked = |(worm, midlines): (i64, BTreeMap<i64, Vec<[f64; 2]>>)| Tracked {
        worm,
        times: midlines.keys().map(|frame| *frame as f64 / second).collect(),
        midlines: midlines.into_values().collect(),
    };
    Ok(Some(tracks.into_iter().map(tracked).collect()))
}

/// An attribute that is a number.
fn numeric(table: &H5Dataset, name: &str) -> Option<f64> {
    let attribute = table.attr(name).ok()?;
    let floats = attribute.read_numeric_as::<f64>().ok();
    let integers = || Some(attribute.read_numeric_as::<i64>().ok()?.into_iter().map(|number| number as f64).collect());
    floats.or_else(integers)?.first().copied()
}

/// A column of whole numbers of a table; the tracker writes them as integers of any width, or as floats.
fn integers(table: &H5Dataset, column: &str) -> Result<Vec<i64>, String> {
    let damaged = |source: hdf5::Hdf5Error| format!("cannot be read: {source}");
    let DatatypeMessage::Compound { size, members } = table.datatype().map_err(damaged)? else {
        return Err("is no table".to_string());
    };
    let names = || members.iter().map(|member| member.name.as_str()).collect::<Vec<_>>().join(", ");
    let member = members.iter().find(|member| member.name == column);
    let member = member.ok_or_else(|| format!("is not there; the table has {}", names()))?;
    let bytes = table.read_raw_bytes().map_err(damaged)?;
    let at = member.offset as usize;
    let field = |row: &[u8]| -> Option<i64> {
        let field = row.get(at..)?;
        match &member.datatype {
            DatatypeMessage::FixedPoint { size: 4, byte_order: ByteOrder::LittleEndian, signed: true, .. } => {
                Some(i64::from(i32::from_le_bytes(*field.first_chunk()?)))
            }
            DatatypeMessage::FixedPoint { size: 4, byte_order: ByteOrder::LittleEndian, signed: false, .. } => {
                Some(i64::from(u32::from_le_bytes(*field.first_chunk()?)))
            }
            DatatypeMessage::FixedPoint { size: 8, byte_order: ByteOrder::LittleEndian, .. } => {
                Some(i64::from_le_bytes(*field.first_chunk()?))
            }
            DatatypeMessage::FloatingPoint { size: 4, byte_order: ByteOrder::LittleEndian, .. } => {
                Some(f32::from_le_bytes(*field.first_chunk()?) as i64)
            }
            DatatypeMessage::FloatingPoint { size: 8, byte_order: ByteOrder::LittleEndian, .. } => {
                Some(f64::from_le_bytes(*field.first_chunk()?) as i64)
            }
            _ => None,
        }
    };
    let values: Option<Vec<i64>> = bytes.chunks_exact(size as usize).map(field).collect();
    values.ok_or_else(|| "is not of whole numbers of 32 or 64 bits".to_string())
}
