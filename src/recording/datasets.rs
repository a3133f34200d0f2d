//! Plain tables in one HDF5 file: numbers by name, with their unit and the names of their axes' places.
//!
//! For results that are no run: `/parameters` says where they come from, as in a recording.

use std::path::Path;

use super::file::Writer;
use super::{Provenance, create, h5md};
use crate::error::Error;

/// One array of numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Dataset {
    /// Where it stands: "results/forward_speed".
    pub path: String,
    /// Length along each axis, the last running fastest.
    pub shape: Vec<usize>,
    /// All numbers; not a number where there is none.
    pub values: Vec<f64>,
    /// SI unit, in the grammar of H5MD; empty for a pure number.
    pub unit: String,
}

/// Writes such a file; `names` are lists of texts by their path. The same content gives the same bytes.
///
/// # Errors
/// A problem if the path cannot be written; no file is left.
pub fn write_datasets(
    path: &Path,
    datasets: &[Dataset],
    names: &[(String, Vec<String>)],
    provenance: &Provenance,
) -> Result<(), Error> {
    create(
        path,
        |writer: &mut Writer| {
            h5md::origin(writer, provenance)?;
            writer.group_text("/parameters", "program", env!("CARGO_PKG_NAME"))?;
            writer.group_text("/parameters", "version", &provenance.version)?;
            for (path, texts) in names {
                let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
                writer.texts(path, &texts)?;
            }
            for Dataset { path, shape, values, unit } in datasets {
                let dims: Vec<u64> = shape.iter().map(|length| *length as u64).collect();
                let written = writer.constant(path, &dims, values)?;
                writer.text(written, "unit", unit)?;
            }
            Ok(())
        },
        |writer, ()| writer.close().map(drop),
    )
}
