//! Reading a recording back, whether its run ended, was killed, or still goes on.

use std::io::Read;
use std::path::{Path, PathBuf};

use hdf5::H5Type;
use hdf5::swmr::SwmrFileReader;

use super::Population;
use super::checkpoint::{self, Checkpoint};
use crate::error::{Problem, nearest};

/// A quantity over time: numbers of shape `[frames, …]`, row by row.
#[derive(Debug, Clone, PartialEq)]
pub struct Values {
    /// Frames first.
    pub shape: Vec<usize>,
    /// All numbers, the last axis running fastest.
    pub data: Vec<f32>,
}

impl Values {
    /// The numbers of one frame.
    pub fn frame(&self, index: usize) -> &[f32] {
        let width: usize = self.shape[1..].iter().product();
        &self.data[index * width..(index + 1) * width]
    }
}

/// Membrane potentials over time.
#[derive(Debug, Clone, PartialEq)]
pub struct Potentials {
    /// Names of the cells, one per column.
    pub names: Vec<String>,
    /// Time of the first row [s].
    pub start: f64,
    /// Time between two rows [s].
    pub interval: f64,
    /// Potentials `[rows, cells]` [V].
    pub values: Values,
}

/// A recording that is being read.
pub struct Recorded {
    inner: SwmrFileReader,
    path: PathBuf,
}

impl Recorded {
    /// Opens a recording.
    ///
    /// # Errors
    /// A problem if the file cannot be read or is no recording.
    pub fn open(path: &Path) -> Result<Self, Problem> {
        std::fs::metadata(path).map_err(|source| Problem::new(format!("{}: cannot read: {source}", path.display())))?;
        let inner = SwmrFileReader::open(path).map_err(|source| {
            Problem::new(format!("{}: not an HDF5 file: {source}", path.display())).help("name the run.h5 of a run")
        })?;
        let recorded = Self { inner, path: path.to_path_buf() };
        // A body's recording, or a network's reports.
        if ["h5md", "/h5md", "parameters", "/parameters"].iter().any(|group| recorded.inner.has_group(group)) {
            Ok(recorded)
        } else {
            let message = "an HDF5 file, but not a recording: it has neither /h5md nor /parameters";
            Err(Problem::new(format!("{}: {message}", path.display())).help("name the run.h5 of a run"))
        }
    }

    /// Whether there is a dataset of this name: "observables/curvature/value".
    pub fn has(&self, name: &str) -> bool {
        self.inner.dataset_names().iter().any(|known| known.trim_start_matches('/') == name)
    }

    /// The names of all datasets: "observables/curvature/value" …
    pub fn names(&self) -> Vec<String> {
        self.inner.dataset_names().iter().map(|name| name.trim_start_matches('/').to_string()).collect()
    }

    /// Whether the file is as long as it says of itself; what is behind its end would be read as zeros.
    ///
    /// # Errors
    /// A problem if it ends too early.
    pub fn check_length(&self) -> Result<(), Problem> {
        /// The superblock of HDF5 has the address of the file's end in bytes 28 to 35, from version 2 on. Source: HDF5 File
        /// Format Specification 3.0, II.A.
        const END: std::ops::Range<usize> = 28..36;
        let cannot = |source| Problem::new(format!("{}: cannot read: {source}", self.path.display()));
        let mut start = [0; END.end];
        let mut file = std::fs::File::open(&self.path).map_err(cannot)?;
        file.read_exact(&mut start).map_err(cannot)?;
        let found = file.metadata().map_err(cannot)?.len();
        let said = start[END].iter().rev().fold(0, |end, byte| end << 8 | u64::from(*byte));
        if start[8] >= 2 && found < said {
            let problem = self.problem(format!("the file ends after {found} of {said} bytes"));
            return Err(problem.help("it was cut off while it was copied: copy it again"));
        }
        Ok(())
    }

    /// Time of each frame [s].
    ///
    /// # Errors
    /// A problem if the file is damaged.
    pub fn times(&mut self) -> Result<Vec<f64>, Problem> {
        self.read("observables/midline/time")
    }

    /// Centre of mass in each frame [m].
    ///
    /// # Errors
    /// A problem if the file is damaged.
    pub fn centers(&mut self) -> Result<Vec<[f64; 3]>, Problem> {
        Ok(self.read::<f64>("observables/center_of_mass/value")?.as_chunks().0.to_vec())
    }

    /// A quantity over all frames: "particles/sph/position", "observables/curvature" …
    ///
    /// # Errors
    /// A problem that names the nearest quantity that there is.
    pub fn values(&mut self, name: &str) -> Result<Values, Problem> {
        self.shaped(&format!("{}/value", name.trim_start_matches('/')))
    }

    /// All rows of a report of [`super::Reports`], in the unit that it has there.
    ///
    /// # Errors
    /// As [`Recorded::values`].
    pub fn report(&mut self, name: &str) -> Result<Values, Problem> {
        self.shaped(&format!("report/{name}/data"))
    }

    /// The unit that a dataset says it has.
    pub fn unit(&mut self, name: &str) -> Option<String> {
        ["units", "unit"].into_iter().find_map(|attribute| self.inner.dataset_attr_string(name, attribute).ok())
    }

    /// Triples of particles that span the cuticle; none where the body has no such particles.
    ///
    /// # Errors
    /// A problem if the file is damaged.
    pub fn triangles(&mut self) -> Result<Vec<[u32; 3]>, Problem> {
        const NAME: &str = "connectivity/cuticle";
        if !self.has(NAME) {
            return Ok(Vec::new());
        }
        let corners: Vec<i32> = self.read(NAME)?;
        let corner = |corner: i32| u32::try_from(corner).ok();
        let corners: Option<Vec<u32>> = corners.into_iter().map(corner).collect();
        let corners = corners.ok_or_else(|| self.problem(format!("{NAME} has a number below 0")))?;
        Ok(corners.as_chunks().0.to_vec())
    }

    /// One frame of a quantity, without reading the others.
    ///
    /// # Errors
    /// As [`Recorded::values`], and if there is no such frame.
    pub fn frame(&mut self, name: &str, frame: usize) -> Result<Vec<f32>, Problem> {
        let name = format!("{}/value", name.trim_start_matches('/'));
        let mut counts = self.shape(&name)?;
        if frame as u64 >= counts[0] {
            return Err(self.problem(format!("there is no frame {frame} of {name}, only {}", counts[0])));
        }
        let mut starts = vec![0; counts.len()];
        (starts[0], counts[0]) = (frame as u64, 1);
        let read = self.inner.read_slice(&name, &starts, &counts);
        read.map_err(|source| self.problem(format!("cannot read {name}: {source}")))
    }

    /// Rows of a dataset as little-endian bytes.
    pub(super) fn rows_as_bytes(&mut self, name: &str, first: u64, rows: u64) -> Result<Vec<u8>, Problem> {
        let name = name.trim_start_matches('/');
        let mut counts = self.shape(name)?;
        if first + rows > counts[0] {
            return Err(self.problem(format!("{name} has {} rows, and not {}", counts[0], first + rows)));
        }
        let mut starts = vec![0; counts.len()];
        (starts[0], counts[0]) = (first, rows);
        let read = self.inner.read_slice_raw(name, &starts, &counts);
        read.map_err(|source| self.problem(format!("cannot read {name}: {source}")))
    }

    /// The last checkpoint that was written to its end.
    ///
    /// # Errors
    /// A problem if the recording has none.
    pub fn checkpoint(&mut self) -> Result<Checkpoint, Problem> {
        let names = self.inner.dataset_names();
        let mut found: Option<Checkpoint> = None;
        for slot in checkpoint::SLOTS.map(|slot| slot.trim_start_matches('/')) {
            if names.iter().any(|name| name.trim_start_matches('/') == slot) {
                let bytes: Vec<u8> = self.read(slot)?;
                let newer = checkpoint::read(&bytes);
                found = found.into_iter().chain(newer).max_by_key(|checkpoint| checkpoint.number);
            }
        }
        found.ok_or_else(|| {
            self.problem("there is no checkpoint to go on from".to_string())
                .help("run with --checkpoint '1 s' to have one every simulated second")
        })
    }

    /// A list of texts: "parameters/names/muscles", "parameters/experiment_toml" …
    ///
    /// # Errors
    /// A problem that names the nearest dataset that there is.
    pub fn texts(&mut self, name: &str) -> Result<Vec<String>, Problem> {
        self.shape(name)?;
        let read = self.inner.read_vlen_strings(name);
        read.map_err(|source| self.problem(format!("cannot read {name}: {source}")))
    }

    /// Membrane potentials of a population; none if the run had no such cells.
    ///
    /// # Errors
    /// A problem if the file is damaged.
    pub fn potentials(&mut self, population: Population) -> Result<Option<Potentials>, Problem> {
        let name = population.name();
        let data = format!("report/{name}/data");
        if !self.inner.dataset_names().contains(&data) {
            return Ok(None);
        }
        let mut values = self.shaped(&data)?;
        values.data.iter_mut().for_each(|millivolts| *millivolts *= 1e-3);
        let reach: Vec<f64> = self.read(&format!("report/{name}/mapping/time"))?;
        let &[start, _, interval] = &reach[..] else {
            return Err(self.problem(format!("report/{name}/mapping/time has {} numbers, and not 3", reach.len())));
        };
        let names = self.texts(&format!("nodes/{name}/0/@library/name"))?;
        Ok(Some(Potentials { names, start: start * 1e-3, interval: interval * 1e-3, values }))
    }

    /// Spikes of a population in the order of time: time [s] and index of the cell; none if there are no such cells.
    ///
    /// # Errors
    /// A problem if the file is damaged.
    pub fn spikes(&mut self, population: Population) -> Result<Vec<(f64, u64)>, Problem> {
        let name = population.name();
        let times = format!("spikes/{name}/timestamps");
        if !self.inner.dataset_names().contains(&times) {
            return Ok(Vec::new());
        }
        let (times, nodes): (Vec<f64>, Vec<u64>) = (self.read(&times)?, self.read(&format!("spikes/{name}/node_ids"))?);
        Ok(times.into_iter().map(|milliseconds| milliseconds * 1e-3).zip(nodes).collect())
    }

    fn problem(&self, what: String) -> Problem {
        Problem::new(format!("{}: {what}", self.path.display()))
    }

    fn shape(&mut self, name: &str) -> Result<Vec<u64>, Problem> {
        let shape = self.inner.dataset_shape(name);
        shape.map_err(|_| {
            let names = self.inner.dataset_names();
            let problem = self.problem(format!("there is no {name}"));
            match nearest(name, names.iter().map(String::as_str)) {
                Some(near) => problem.help(format!("nearest: {near}")),
                None => problem,
            }
        })
    }

    fn shaped(&mut self, name: &str) -> Result<Values, Problem> {
        let shape = self.shape(name)?.into_iter().map(|extent| extent as usize).collect();
        Ok(Values { shape, data: self.read(name)? })
    }

    fn read<T: H5Type>(&mut self, name: &str) -> Result<Vec<T>, Problem> {
        self.shape(name)?;
        let read = self.inner.read_dataset(name);
        read.map_err(|source| self.problem(format!("cannot read {name}: {source}")))
    }
}
