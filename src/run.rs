//! Runs an experiment: steps the worm, records it, tells how far it is, and measures its gait at the end.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Instant;

use sha2::{Digest, Sha256};

use crate::body::worm_body::WormBody;
use crate::citation;
use crate::error::{Error, Problem, Problems};
use crate::experiment::Experiment;
use crate::gait::{Gait, TooShort};
use crate::muscle::Muscles;
use crate::names::muscle_names;
use crate::nervous_system::{Cells, build_nerve, make_missing};
use crate::network::Probe;
use crate::pose::Pose;
use crate::proprioception::Sense;
use crate::recording::{Checkpoint, Layout, Membrane, Population, Provenance, Recorded, Recording};
use crate::resume;
use crate::snapshot::{MIDLINE_POINTS, Shape, Snapshot, extras};
use crate::worm::Worm;

/// Part of a run that is left out of its gait: the time in which a wave builds up and the start is forgotten.
pub(crate) const SETTLING: f64 = 0.2;

/// What a run amounts to.
pub struct Finished {
    /// The gait, where the run is long enough for one.
    pub gait: Result<Gait, TooShort>,
    /// Length of the body at rest [m].
    pub rest_length: f64,
    /// Steps of the coupling, from the beginning or the checkpoint on, and the time in them [s].
    pub steps: usize,
    /// See `steps`.
    pub simulated: f64,
    /// Where it was stopped before its end [s], if it was, and whether the recording has a checkpoint there.
    pub stopped: Option<(f64, bool)>,
    /// Checkpoints that had no room for all events under way, and were not kept.
    pub not_kept: usize,
    /// Wall time of the stepping [s].
    pub wall: f64,
    /// Size of the recording [bytes].
    pub size: u64,
    /// Where the recording is.
    pub file: PathBuf,
    /// Largest activation of any muscle during the run, and how many muscles went above a tenth.
    pub activation: (f64, usize),
    /// Largest density error of the liquid during the run, as a fraction, where the body has liquid.
    pub density_error: Option<f64>,
    /// Spikes of neurons and of muscles, where there is a network.
    pub spikes: Option<[u64; 2]>,
    /// SHA-256 of every number of the final state, to compare runs bit for bit.
    pub hash: String,
}

/// An experiment that is ready to run.
pub struct Run {
    worm: Worm,
    steps: usize,
    frame_every: usize,
    voltage_every: usize,
    provenance: Provenance,
    file: PathBuf,
    cells: Option<Cells>,
    /// Names of what is recorded of the inside of the policy.
    traced: Vec<String>,
    /// Steps between two checkpoints.
    checkpoint_every: Option<usize>,
    /// The recording that the run goes on from, and where in it.
    from: Option<(Recorded, Checkpoint)>,
}

impl Run {
    /// Builds the worm of an experiment with its network and checks everything that can be checked before a run.
    ///
    /// `tell` gets a line about long preparations. Nothing is written but a connectome's network file where it is
    /// missing.
    ///
    /// # Errors
    /// Every problem of the experiment, its network included.
    pub fn prepare(mut experiment: Experiment, argv: Vec<String>, tell: &dyn Fn(&str)) -> Result<Self, Error> {
        if experiment.controller.is_none() && experiment.network.is_none() {
            let problem = experiment.settings.problem(0..0, "nothing drives this worm");
            return Err(problem.help("add a [controller] or a [network]").into());
        }
        let mut files = experiment.files.clone();
        let built = match &experiment.network {
            Some(part) => {
                make_missing(part, tell)?;
                files.push(part.file.clone());
                Some(build_nerve(&experiment, part)?)
            }
            None => None,
        };
        let (nerve, cells) = built.map_or((None, None), |(nerve, cells)| (Some(nerve), Some(cells)));
        let papers = citation::of(&experiment).into_iter().map(str::to_string).collect();
        let body = WormBody::new(&experiment.anatomy, &experiment.medium, experiment.scheme);
        let (activation_time, inhibition) = experiment.anatomy.muscle();
        let muscles = Muscles::new(activation_time, inhibition);
        let controller = experiment.controller.take();
        let mut worm = Worm::new(body, muscles, controller, nerve, experiment.step, experiment.body_substeps)?;
        let mut problems = Problems::new();
        worm.intervene(
            experiment.ablations.muscles(&experiment.settings, &mut problems),
            experiment.happenings.clone(),
        );
        problems.or_ok(())?;
        let steps_in = |time: f64| (time / experiment.step).round() as usize;
        Ok(Self {
            worm,
            steps: experiment.steps(),
            frame_every: steps_in(experiment.recording.interval),
            voltage_every: steps_in(experiment.recording.voltage_interval),
            provenance: Provenance {
                experiment_toml: experiment.settings.text().to_string(),
                files: files.iter().map(|path| (path.display().to_string(), sha256_of(path))).collect(),
                version: env!("CARGO_PKG_VERSION").to_string(),
                seed: None,
                argv,
                papers,
            },
            file: experiment.recording.file,
            cells,
            traced: experiment.recording.policy,
            checkpoint_every: None,
            from: None,
        })
    }

    /// The worm alone, to be stepped by hand.
    pub fn into_worm(self) -> Worm {
        self.worm
    }

    /// How the worm lies at every frame of the run, played to its end without a recording.
    ///
    /// # Errors
    /// When the worm diverges.
    pub fn poses(mut self) -> Result<Vec<Pose>, Error> {
        let mut poses = vec![Snapshot::of(&self.worm).pose()];
        while self.worm.steps() < self.steps {
            self.worm.step()?;
            self.worm.drain_spikes();
            if self.worm.steps().is_multiple_of(self.frame_every) {
                poses.push(Snapshot::of(&self.worm).pose());
            }
        }
        Ok(poses)
    }

    /// Keeps a checkpoint in the recording every so often [s], and one at the end.
    ///
    /// # Errors
    /// An interval that is not at least a step.
    pub fn keep_checkpoints(&mut self, interval: f64) -> Result<(), Problem> {
        let steps = (interval / self.worm.step_length()).round();
        if !(1.0..1e15).contains(&steps) {
            let message = format!("a checkpoint every {interval} s, with steps of {} s", self.worm.step_length());
            return Err(Problem::new(message).help("give an interval of at least a step: --checkpoint '1 s'"));
        }
        self.checkpoint_every = Some(steps as usize);
        Ok(())
    }

    /// Goes on from the last checkpoint of a recording, and in its place.
    ///
    /// # Errors
    /// A recording without a checkpoint, by another version, of another worm, of files that have changed since, or
    /// of a run that has reached its end.
    pub fn go_on(&mut self, file: &Path) -> Result<(), Problems> {
        let mut old = Recorded::open(file)?;
        let from = old.checkpoint()?;
        resume::check_origin(&mut old, &self.provenance)?;
        let (_, worm) = Tally::parts(&from.state)
            .ok_or_else(|| Problem::new(format!("{}: its checkpoint is not that of an experiment", file.display())))?;
        self.worm.restore(worm)?;
        if self.worm.steps() >= self.steps {
            let message = format!("{}: the run has reached its end, {} s", file.display(), self.worm.time());
            return Err(Problem::new(message).help("give a longer --duration to go on").into());
        }
        self.file = file.to_path_buf();
        self.from = Some((old, from));
        Ok(())
    }

    /// Where the run begins [s]: at 0, or at a checkpoint.
    pub fn time(&self) -> f64 {
        self.worm.time()
    }

    /// How many steps are left to take.
    pub fn steps(&self) -> usize {
        self.steps - self.worm.steps()
    }

    /// Runs to the end; `progress` hears the simulated time [s] after every step and says whether to go on. Where it does
    /// not, the run ends there, with a checkpoint if it keeps any.
    ///
    /// # Errors
    /// When the recording can't be written, or the worm diverges; what was recorded until then stays readable.
    pub fn run(mut self, progress: &mut dyn FnMut(f64) -> ControlFlow<()>) -> Result<Finished, Error> {
        let shape = Shape::of(&self.worm);
        let muscle_names = muscle_names();
        let senses: Vec<String> = Sense::all().into_iter().map(|(name, _)| name).collect();
        let extras = extras(&self.traced);
        let voltage_interval = self.voltage_every as f64 * self.worm.step_length();
        let layout = Layout {
            species: &shape.species,
            mass: &shape.mass,
            springs: &shape.springs,
            triangles: &shape.triangles,
            dry: shape.dry,
            muscle_names: &muscle_names,
            midline_points: MIDLINE_POINTS,
            senses: &senses,
            membrane: self.cells.as_ref().map(|cells| Membrane {
                neurons: &cells.neurons,
                muscles: &cells.muscles,
                interval: voltage_interval,
                numbers: cells.numbers,
            }),
            extras: &extras,
            checkpoint: self.checkpoint_every.map(|_| {
                let tally = Tally { activation: vec![0.0; muscle_names.len()], ..Tally::default() };
                tally.kept(&self.worm).len() + self.worm.room()
            }),
        };
        let (mut recording, mut tally) = match self.from.take() {
            Some((mut old, from)) => {
                let tally = Tally::of(&mut old, &from)?;
                (Recording::resume(&self.file, &layout, &self.provenance, &mut old, &from)?, tally)
            }
            None => {
                let (mut recording, mut tally) =
                    (Recording::create(&self.file, &layout, &self.provenance)?, Tally::default());
                self.record(&mut recording, &mut tally)?;
                (recording, tally)
            }
        };
        let (started, begun) = (Instant::now(), self.worm.steps());
        let outcome = self.play(&mut recording, &mut tally, progress);
        let wall = started.elapsed().as_secs_f64();
        let size = recording.finish()?;
        outcome?;
        let duration = self.worm.time();
        Ok(Finished {
            gait: Gait::of(&tally.poses, SETTLING * duration),
            rest_length: self.worm.body().rest_length(),
            steps: self.worm.steps() - begun,
            simulated: (self.worm.steps() - begun) as f64 * self.worm.step_length(),
            stopped: (self.worm.steps() < self.steps).then_some((duration, self.checkpoint_every.is_some())),
            not_kept: tally.not_kept,
            wall,
            size,
            file: self.file,
            activation: (
                tally.activation.iter().copied().fold(0.0, f64::max),
                tally.activation.iter().filter(|activation| **activation > 0.1).count(),
            ),
            density_error: (!shape.dry).then_some(tally.density_error),
            spikes: self.cells.is_some().then_some(tally.spikes),
            hash: hash_of(&self.worm),
        })
    }

    fn play(
        &mut self,
        recording: &mut Recording,
        tally: &mut Tally,
        progress: &mut dyn FnMut(f64) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        while self.worm.steps() < self.steps {
            self.worm.step()?;
            self.record(recording, tally)?;
            let step = self.worm.steps();
            let last = progress(self.worm.time()).is_break() || step == self.steps;
            if self.checkpoint_every.is_some_and(|every| last || step.is_multiple_of(every))
                && !recording.checkpoint(&tally.kept(&self.worm))?
            {
                tally.not_kept += 1;
            }
            if last {
                break;
            }
        }
        Ok(())
    }

    /// Records what is due at this step.
    fn record(&mut self, recording: &mut Recording, tally: &mut Tally) -> Result<(), Error> {
        let (step, time) = (self.worm.steps(), self.worm.time());
        tally.density_error = tally.density_error.max(self.worm.body().density_error());
        if step.is_multiple_of(self.frame_every) {
            tally.activation.resize(self.worm.activation().len(), 0.0);
            for (most, now) in tally.activation.iter_mut().zip(self.worm.activation()) {
                *most = most.max(*now);
            }
            let snapshot = Snapshot::of(&self.worm);
            tally.poses.push(snapshot.pose());
            snapshot.append(recording)?;
        }
        let mut spikes = self.worm.drain_spikes();
        spikes.sort_by(|a, b| a.time.total_cmp(&b.time));
        if let (Some(cells), Some(network)) = (&self.cells, self.worm.network()) {
            if step.is_multiple_of(self.voltage_every) {
                let read = |probes: &[Probe]| -> Vec<f32> { probes.iter().map(|p| network.read(*p) as f32).collect() };
                recording.membrane(time, &read(&cells.neuron_probes), &read(&cells.muscle_probes))?;
            }
            for (wanted, count) in [Population::Neurons, Population::Muscles].into_iter().zip(&mut tally.spikes) {
                let of_these: Vec<(f64, u64)> = spikes
                    .iter()
                    .map(|spike| (cells.places[spike.population], spike.time))
                    .filter(|((population, _), _)| *population == wanted)
                    .map(|((_, index), time)| (time, index))
                    .collect();
                *count += of_these.len() as u64;
                if !of_these.is_empty() {
                    recording.spikes(wanted, &of_these)?;
                }
            }
        }
        Ok(())
    }
}

/// What is gathered along the way.
#[derive(Default)]
struct Tally {
    poses: Vec<Pose>,
    activation: Vec<f64>,
    density_error: f64,
    spikes: [u64; 2],
    /// Checkpoints that had no room for all events under way.
    not_kept: usize,
}

impl Tally {
    /// What a checkpoint keeps: this, without what the recording has anyway, and the worm.
    fn kept(&self, worm: &Worm) -> Vec<f64> {
        let mut kept = vec![self.density_error, self.activation.len() as f64];
        kept.extend(&self.activation);
        kept.extend(worm.state());
        kept
    }

    /// The two parts of such a state: density error and activations, and the worm.
    fn parts(kept: &[f64]) -> Option<(&[f64], &[f64])> {
        let muscles = *kept.get(1)? as usize;
        let (tally, worm) = kept.split_at_checked(muscles.checked_add(2)?)?;
        Some((tally, worm))
    }

    /// What was gathered before a checkpoint.
    fn of(old: &mut Recorded, from: &Checkpoint) -> Result<Self, Problem> {
        let (tally, _) = Self::parts(&from.state).unwrap_or_default();
        Ok(Self {
            poses: resume::poses(old, from.frames as usize)?,
            activation: tally.get(2..).unwrap_or_default().to_vec(),
            density_error: tally.first().copied().unwrap_or_default(),
            spikes: from.spikes,
            not_kept: 0,
        })
    }
}

fn sha256_of(path: &std::path::Path) -> String {
    // A file that was read a moment ago and is gone now has no hash to give.
    std::fs::read(path).map_or_else(|_| "unreadable".to_string(), |bytes| hex(&Sha256::digest(bytes)))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// SHA-256 of every number of the worm's state, bit for bit.
pub fn hash_of(worm: &Worm) -> String {
    let mut hash = Sha256::new();
    for number in worm.state() {
        hash.update(number.to_bits().to_le_bytes());
    }
    hex(&hash.finalize())
}
