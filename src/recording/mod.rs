//! What a run leaves behind: one HDF5 file that is H5MD, SONATA and VTKHDF at once.
//!
//!   create (all names and constants) → frame, membrane, spikes … → finish (the views of ParaView)
//!
//! | who reads | what | where |
//! |---|---|---|
//! | H5MD readers | particles, midline, curvature, activation | `/particles`, `/observables`, `/connectivity` |
//! | SONATA readers | membrane potentials and spikes, with the neurons' names | `/report`, `/spikes`, `/nodes` |
//! | ParaView | the particles as points and the cuticle, or the midline | `/VTKHDF`, which views the H5MD data in place |
//!
//! Numbers are SI but where SONATA wants ms and mV. Positions are f32: the origin stays near the worm, and at
//! 1 mm an f32 resolves 0.1 nm. Frames are appended so that a reader can follow a run, and so that a run that
//! is killed leaves what was flushed: at most the last second of wall time is lost. Such a file lacks only
//! `/VTKHDF`, and h5py opens it with `swmr=True`.
//!
//! Sources: H5MD 1.1, de Buyl et al. 2014, doi:10.1016/j.cpc.2014.01.018; SONATA 0.1, Dai et al. 2020,
//! doi:10.1371/journal.pcbi.1007696; VTKHDF 2.0, docs.vtk.org (VTK file formats).

mod checkpoint;
mod datasets;
mod file;
mod h5md;
mod read;
mod reports;
mod sonata;
pub mod tierpsy;
mod vtk;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::error::{Error, Problem, RunFailure};
pub use checkpoint::Checkpoint;
pub use datasets::{Dataset, write_datasets};
use file::Writer;
pub use read::{Potentials, Recorded, Values};
pub use reports::{Column, Report, Reports, Train};

/// What a particle is; the number is the one in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum Species {
    /// Flows.
    Liquid = 0,
    /// Hangs on springs.
    Elastic = 1,
    /// Stays where it is.
    Boundary = 2,
}

/// A quantity that a run records beside those that every run has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extra {
    /// Its name under `/observables`.
    pub name: String,
    /// Its unit in the grammar of H5MD: "m s-1"; empty for a pure number.
    pub unit: String,
    /// How many numbers it has in a frame.
    pub width: usize,
    /// What each of them is called, kept in `/parameters/names` under its own name; none where they need no names.
    pub labels: Vec<String>,
}

/// The cells whose membrane potential is reported, and how often.
#[derive(Debug, Clone, Copy)]
pub struct Membrane<'a> {
    /// Names of the neurons of the network, in the order of their values.
    pub neurons: &'a [String],
    /// Names of the muscles of the network, in the order of their values.
    pub muscles: &'a [String],
    /// Time between two rows [s].
    pub interval: f64,
    /// Whether the potentials are numbers without a unit, and are kept as they are.
    pub numbers: bool,
}

/// All that stays the same during a run.
#[derive(Debug, Clone, Default)]
pub struct Layout<'a> {
    /// Species of each particle; empty if the body has no particles.
    pub species: &'a [Species],
    /// Mass of each particle [kg].
    pub mass: &'a [f32],
    /// Pairs of particles that a spring joins.
    pub springs: &'a [[u32; 2]],
    /// Triples of particles that span the cuticle.
    pub triangles: &'a [[u32; 3]],
    /// Whether particles have neither density nor pressure.
    pub dry: bool,
    /// Names of the muscles, in the order of a frame's activation.
    pub muscle_names: &'a [String],
    /// Points of the midline, from head to tail.
    pub midline_points: usize,
    /// Names of the senses, in the order of a frame's senses.
    pub senses: &'a [String],
    /// Membrane potentials, if the run has a network.
    pub membrane: Option<Membrane<'a>>,
    /// Quantities beside the usual ones.
    pub extras: &'a [Extra],
    /// Most numbers of a state to go on from; none if there are no checkpoints.
    pub checkpoint: Option<usize>,
}

/// Where a run comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Provenance {
    /// The experiment's file, as it was read.
    pub experiment_toml: String,
    /// Path and SHA-256 of every file that went into the run.
    pub files: Vec<(String, String)>,
    /// Version of this program.
    pub version: String,
    /// Seed of the noise, if there is noise.
    pub seed: Option<u64>,
    /// The command line.
    pub argv: Vec<String>,
    /// Publications of the parts that the run used.
    pub papers: Vec<String>,
}

/// The state at one time. Every list has the length that the [`Layout`] says.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'a> {
    /// Steps of the coupling since the start.
    pub step: i64,
    /// Time [s]; above that of the frame before.
    pub time: f64,
    /// Per particle [m].
    pub position: &'a [[f32; 3]],
    /// Per particle [m/s].
    pub velocity: &'a [[f32; 3]],
    /// Per particle [kg/m³].
    pub density: &'a [f32],
    /// Per particle [Pa].
    pub pressure: &'a [f32],
    /// From head to tail [m].
    pub midline: &'a [[f32; 3]],
    /// Curvature at each point of the midline [1/m], positive where the dorsal side is shorter.
    pub curvature: &'a [f32],
    /// Per muscle, 0..1.
    pub activation: &'a [f32],
    /// Of the whole body [m].
    pub center_of_mass: [f64; 3],
    /// Per sense, in the unit of the sense.
    pub senses: &'a [f32],
    /// Per [`Extra`].
    pub extras: &'a [&'a [f32]],
}

/// Which cells a row or a spike belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Population {
    /// The neurons of [`Membrane::neurons`].
    Neurons,
    /// The muscles of [`Membrane::muscles`].
    Muscles,
}

impl Population {
    /// Its name in the file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Neurons => "neurons",
            Self::Muscles => "muscles",
        }
    }
}

/// How much wall time a killed run may lose.
const FLUSH_EVERY: Duration = Duration::from_secs(1);

/// A file that is being written.
pub struct Recording {
    writer: Writer,
    trajectory: h5md::Trajectory,
    membrane: Option<sonata::Network>,
    scene: vtk::Scene,
    slots: Option<checkpoint::Slots>,
    checkpoints: u64,
    times: Vec<f64>,
    flushed: Instant,
}

impl Recording {
    /// Creates the file with all that stays the same, ready for frames.
    ///
    /// A file of that name is replaced, but only once the new one is complete to here.
    ///
    /// # Errors
    /// A problem if the path cannot be written or lists of the layout do not fit together; no file is left.
    pub fn create(path: &Path, layout: &Layout<'_>, provenance: &Provenance) -> Result<Self, Error> {
        Self::create_with(path, layout, provenance, |_| Ok(()))
    }

    /// As [`Recording::create`], with all that another recording of the same layout has before a checkpoint; `path`
    /// may be that other recording, which is replaced once everything is copied.
    ///
    /// # Errors
    /// As [`Recording::create`], and if the other recording lacks what is before its checkpoint.
    pub fn resume(
        path: &Path,
        layout: &Layout<'_>,
        provenance: &Provenance,
        old: &mut Recorded,
        from: &Checkpoint,
    ) -> Result<Self, Error> {
        Self::create_with(path, layout, provenance, |recording| {
            recording.trajectory.copy(&mut recording.writer, old, from.frames)?;
            recording.times = old.times()?;
            recording.times.truncate(from.frames as usize);
            if let Some(network) = &mut recording.membrane {
                network.copy(&mut recording.writer, old, from.rows, from.spikes)?;
            }
            recording.checkpoints = from.number - 1;
            // The new file has a place to go on from before the old one is gone.
            recording.checkpoint(&from.state).map(drop)
        })
    }

    fn create_with(
        path: &Path,
        layout: &Layout<'_>,
        provenance: &Provenance,
        begin: impl FnOnce(&mut Self) -> Result<(), Error>,
    ) -> Result<Self, Error> {
        check_layout(layout)?;
        let fill = |writer: &mut Writer| {
            let trajectory = h5md::create(writer, layout, provenance)?;
            let membrane = layout.membrane.as_ref().map(|membrane| sonata::create(writer, membrane)).transpose()?;
            let slots = layout.checkpoint.map(|numbers| checkpoint::Slots::create(writer, numbers)).transpose()?;
            Ok((trajectory, membrane, slots))
        };
        create(path, fill, |writer, (trajectory, membrane, slots)| {
            let (scene, flushed) = (vtk::Scene::new(layout), Instant::now());
            let mut recording =
                Self { writer, trajectory, membrane, scene, slots, checkpoints: 0, times: Vec::new(), flushed };
            begin(&mut recording)?;
            Ok(recording)
        })
    }

    /// Keeps a state to go on from, after all that was recorded before it; false if it is larger than the layout says.
    ///
    /// # Errors
    /// A system error if the disk is full. The checkpoint before stays.
    pub fn checkpoint(&mut self, state: &[f64]) -> Result<bool, Error> {
        self.flush()?;
        let Some(slots) = &self.slots else { return Ok(false) };
        let (rows, spikes) = self.membrane.as_ref().map_or((0, [0, 0]), sonata::Network::counts);
        let (number, frames) = (self.checkpoints + 1, self.times.len() as u64);
        let kept =
            slots.write(&mut self.writer, &Checkpoint { number, frames, rows, spikes, state: state.to_vec() })?;
        self.checkpoints += u64::from(kept);
        self.writer.flush()?;
        Ok(kept)
    }

    /// Appends one frame; once a second of wall time it flushes too.
    ///
    /// # Errors
    /// A run failure if the frame does not fit the layout or its time does not grow; a system error if the
    /// disk is full. What was flushed before stays readable.
    pub fn frame(&mut self, frame: &Frame<'_>) -> Result<(), Error> {
        let last = self.times.last().copied().unwrap_or(f64::NEG_INFINITY);
        if !(frame.time > last && frame.time.is_finite()) {
            return Err(misfit(frame.time, format!("a frame at {} s follows one at {last} s", frame.time)));
        }
        self.trajectory.append(&mut self.writer, frame)?;
        self.times.push(frame.time);
        if self.flushed.elapsed() >= FLUSH_EVERY { self.flush() } else { Ok(()) }
    }

    /// Appends one row of membrane potentials [V]; the row after it stands for one interval later.
    ///
    /// # Errors
    /// As [`Recording::frame`], and if the layout has no membrane.
    pub fn membrane(&mut self, time: f64, neurons: &[f32], muscles: &[f32]) -> Result<(), Error> {
        match &mut self.membrane {
            Some(network) => network.append(&mut self.writer, time, neurons, muscles),
            None => Err(misfit(time, "membrane potentials came, but the layout has no network".into())),
        }
    }

    /// Appends spikes: time [s] and index of the cell, in the order of time, none before those of earlier calls.
    ///
    /// # Errors
    /// As [`Recording::membrane`].
    pub fn spikes(&mut self, population: Population, spikes: &[(f64, u64)]) -> Result<(), Error> {
        match &mut self.membrane {
            Some(network) => network.append_spikes(&mut self.writer, population, spikes),
            None => Err(misfit(0.0, "spikes came, but the layout has no network".into())),
        }
    }

    /// Makes all that was appended so far safe from a kill, and visible to who follows the run.
    ///
    /// # Errors
    /// A system error if the disk is full.
    pub fn flush(&mut self) -> Result<(), Error> {
        if let Some(network) = &mut self.membrane {
            network.publish_time(&mut self.writer)?;
        }
        self.writer.flush()?;
        self.flushed = Instant::now();
        Ok(())
    }

    /// Closes the file, adds the views for ParaView and the references of H5MD, and gives its size in bytes.
    ///
    /// # Errors
    /// A system error. The data were closed before the views are added, and stay readable without them.
    pub fn finish(mut self) -> Result<u64, Error> {
        self.flush()?;
        let path = self.writer.close()?;
        vtk::finish(&path, &self.scene, &self.times)?;
        let size = std::fs::metadata(&path).map(|data| data.len());
        size.map_err(|source| Error::System { path, action: "read back the recording".into(), source })
    }
}

/// Creates a file with all names that `fill` gives it, beside its place, lets `begin` make of it what it is to be, and
/// puts it in its place then.
fn create<F, T>(
    path: &Path,
    fill: impl FnOnce(&mut Writer) -> Result<F, Error>,
    begin: impl FnOnce(Writer, F) -> Result<T, Error>,
) -> Result<T, Error> {
    check_place(path)?;
    let mut beside = path.as_os_str().to_owned();
    beside.push(".part");
    let beside = PathBuf::from(beside);
    let created = create_at(&beside, path, fill, begin);
    created.inspect_err(|_| {
        // Not there if it could not be created at all; nothing else of ours is in that place.
        let _ = std::fs::remove_file(&beside);
    })
}

fn create_at<F, T>(
    beside: &Path,
    path: &Path,
    fill: impl FnOnce(&mut Writer) -> Result<F, Error>,
    begin: impl FnOnce(Writer, F) -> Result<T, Error>,
) -> Result<T, Error> {
    let cannot = |source: &dyn std::fmt::Display| {
        Problem::new(format!("{}: cannot create the recording: {source}", path.display()))
            .help("name a file in a folder that you may write to")
    };
    std::fs::File::create(beside).map_err(|source| cannot(&source))?;
    let mut writer = Writer::create(beside, path)?;
    let filled = fill(&mut writer)?;
    writer.start()?;
    let begun = begin(writer, filled)?;
    std::fs::rename(beside, path).map_err(|source| cannot(&source))?;
    Ok(begun)
}

/// A frame or row that the layout has no place for: a defect of the caller, told with its time.
fn misfit(time: f64, what: String) -> Error {
    RunFailure { time, what, help: Some("record what the layout of this recording announces".into()) }.into()
}

fn check_layout(layout: &Layout<'_>) -> Result<(), Problem> {
    let particles = layout.species.len();
    if layout.mass.len() != particles {
        return Err(Problem::new(format!("{particles} particles have {} masses", layout.mass.len())));
    }
    let mut corners = layout.springs.iter().flatten().chain(layout.triangles.iter().flatten());
    if let Some(corner) = corners.find(|corner| **corner as usize >= particles) {
        return Err(Problem::new(format!("a spring or triangle names particle {corner} of {particles}")));
    }
    if layout.midline_points == 0 {
        return Err(Problem::new("the midline has no points").help("every body has a midline: record at least one"));
    }
    let mut taken = BTreeSet::from(["midline", "curvature", "muscle_activation", "senses", "center_of_mass"]);
    for Extra { name, unit, width, .. } in layout.extras {
        let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
        if name.is_empty() || name == "." || name.contains('/') || !plain(name) || !taken.insert(name) {
            return Err(Problem::new(format!("\"{name}\" cannot be the name of another quantity"))
                .help("give it a name of its own, without `/`, in ASCII"));
        }
        if *width == 0 || !plain(unit) {
            return Err(Problem::new(format!("quantity {name} has {width} numbers in the unit \"{unit}\""))
                .help("give it at least one number, and a unit in ASCII: \"um\", \"m s-1\""));
        }
    }
    match &layout.membrane {
        Some(membrane) if !(membrane.interval.is_finite() && membrane.interval > 0.0) => {
            let told = format!("membrane potentials are recorded every {} s", membrane.interval);
            Err(Problem::new(told).help("give an interval above 0 s"))
        }
        _ => Ok(()),
    }
}

/// The two mistakes that a system's own words do not explain.
fn check_place(path: &Path) -> Result<(), Problem> {
    if path.is_dir() {
        return Err(Problem::new(format!("{}: is a folder", path.display())).help("name a file in it: run.h5"));
    }
    match path.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.is_dir()) {
        Some(folder) => Err(Problem::new(format!("{}: there is no folder {}", path.display(), folder.display()))
            .help(format!("create it: mkdir -p {}", folder.display()))),
        None => Ok(()),
    }
}
