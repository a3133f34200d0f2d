//! What a simulation writes, as the reports of one HDF5 file.
//!
//! An output file becomes the report of its id; where its quantities have several units, one report for each:
//! `out_V`, `out_mol_per_m^3`.

use std::path::Path;

use sha2::{Digest, Sha256};

use crate::error::Error;
use crate::lems::{ColumnFile, EventFile};
use crate::network::Network;
use crate::neuroml::component_type::Vocabulary;
use crate::neuroml::model::Model;
use crate::recording::{Column, Provenance, Report, Reports, Train};

/// Creates the file.
pub(super) fn create(
    path: &Path,
    network: &Network,
    model: &Model,
    files: &[ColumnFile],
    events: &[EventFile],
    provenance: &Provenance,
) -> Result<Reports, Error> {
    let mut reports = Vec::new();
    let mut index = 0;
    for file in files {
        let name = if file.id.is_empty() { file.file_name.replace('/', "_") } else { file.id.clone() };
        let mut by_unit: Vec<Report> = Vec::new();
        for column in &file.columns {
            let unit = unit(network, &model.vocabulary, &column.path);
            let at = by_unit.iter().position(|report| report.unit == unit).unwrap_or_else(|| {
                by_unit.push(Report { name: name.clone(), unit, columns: Vec::new() });
                by_unit.len() - 1
            });
            let cell = cell_of(network, &column.path, &column.quantity);
            let (name, quantity) = (column.id.clone(), column.quantity.clone());
            by_unit[at].columns.push(Column { cell, name, quantity, index });
            index += 1;
        }
        if by_unit.len() > 1 {
            for report in &mut by_unit {
                report.name = format!("{name}_{}", report.unit.replace('/', "_per_"));
            }
        }
        reports.extend(by_unit);
    }
    let train = |file: &EventFile| Train {
        name: if file.id.is_empty() { file.file_name.replace('/', "_") } else { file.id.clone() },
        cells: file.cells.iter().map(|(_, path, _)| cell_of(network, path, path)).collect(),
        ids: file.cells.iter().map(|(id, ..)| id.clone()).collect(),
    };
    let trains: Vec<Train> = events.iter().map(train).collect();
    Reports::create(path, &reports, &trains, network.dt(), provenance)
}

/// The SI unit of a quantity; "unknown" where its type does not say what it is.
pub(super) fn unit(network: &Network, vocabulary: &Vocabulary, path: &str) -> String {
    let dimension = network.variable_of(path).and_then(|(type_name, name)| {
        let known = vocabulary.types.get(type_name)?;
        let exposed = known.exposures.iter().find(|(exposure, _)| *exposure == name).map(|(_, dimension)| *dimension);
        let dynamics = known.dynamics.as_ref();
        let state = || dynamics?.states.iter().find(|state| state.name == name).map(|state| state.dimension);
        let derived = || dynamics?.derived.iter().find(|derived| derived.name == name).map(|d| d.dimension);
        let parameter = || known.parameters.iter().find(|known| known.name == name).map(|known| known.dimension);
        exposed.or_else(state).or_else(derived).or_else(parameter)?
    });
    dimension.map_or("unknown".to_string(), |dimension| dimension.si_unit())
}

/// What the file calls the cell of a path: its population, and its number where there are many.
fn cell_of(network: &Network, path: &str, told: &str) -> String {
    let Ok((population, cell, _)) = network.find_cell(path) else { return told.to_string() };
    let cells = &network.populations()[population];
    let name = cells.id.split(' ').next().unwrap_or_default();
    if cells.places.len() == 1 { name.to_string() } else { format!("{name}[{}]", cells.instance_ids[cell]) }
}

/// Where the run comes from: the files, and the table of an ensemble, with their SHA-256, the seed, and the command.
pub(super) fn provenance(model: &Model, table: Option<&Path>, seed: u64, argv: &[String]) -> Result<Provenance, Error> {
    let mut files = Vec::new();
    let own = model.files.iter().map(|path| path.as_path()).filter(|path| !path.starts_with("core:"));
    for path in own.chain(table) {
        let bytes = std::fs::read(path).map_err(|source| Error::System {
            path: path.to_path_buf(),
            action: "read it again for its checksum".to_string(),
            source,
        })?;
        files.push((path.display().to_string(), format!("{:x}", Sha256::digest(bytes))));
    }
    Ok(Provenance {
        files,
        version: env!("CARGO_PKG_VERSION").to_string(),
        seed: Some(seed),
        argv: argv.to_vec(),
        ..Provenance::default()
    })
}
