//! Runs an experiment: steps the worm, records it, tells how far it is, and measures its gait at the end.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Instant;

use sha2::{Digest, Sha256};

use crate::body::worm_body::WormBody;
use crate::citation;
use crate::connectome;
use crate::error::{Error, Place, Problem, Problems, nearest};
use crate::experiment::{Drive, Experiment, NetworkPart};
use crate::gait::{Gait, Pose, TooShort};
use crate::muscle::Muscles;
use crate::names::{muscle_names, muscle_place};
use crate::network::{Network, Options, Port, Probe};
use crate::neuroml::model::Model;
use crate::proprioception::{ReceptiveField, Sense};
use crate::receptors::Transducer;
use crate::recording::{Checkpoint, Layout, Membrane, Population, Provenance, Recorded, Recording};
use crate::resume;
use crate::snapshot::{MIDLINE_POINTS, Shape, Snapshot, extras};
use crate::worm::{Nerve, Worm};

/// Part of a run that is left out of its gait: the time in which a wave builds up and the start is forgotten.
const SETTLING: f64 = 0.2;

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
    /// Steps between two checkpoints.
    checkpoint_every: Option<usize>,
    /// The recording that the run goes on from, and where in it.
    from: Option<(Recorded, Checkpoint)>,
}

/// The cells of the network that are recorded.
struct Cells {
    neurons: Vec<String>,
    muscles: Vec<String>,
    neuron_probes: Vec<Probe>,
    muscle_probes: Vec<Probe>,
    /// Whether there are cells whose V is a number, without a unit.
    numbers: bool,
    /// Of each population: whether it is a muscle, and its place among the recorded ones.
    places: Vec<(Population, u64)>,
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
        let worm = Worm::new(body, muscles, controller, nerve, experiment.step, experiment.body_substeps)?;
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
            checkpoint_every: None,
            from: None,
        })
    }

    /// The worm alone, to be stepped by hand.
    pub fn into_worm(self) -> Worm {
        self.worm
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
        let extras = extras();
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

/// Makes the connectome's network file where it is missing and its source is known.
fn make_missing(part: &NetworkPart, tell: &dyn Fn(&str)) -> Result<(), Error> {
    let Some(source) = part.source.filter(|_| !part.file.exists()) else { return Ok(()) };
    let neuroml = part.file.parent().and_then(|built| built.parent()).unwrap_or(std::path::Path::new("neuroml"));
    let tables = neuroml.parent().unwrap_or(std::path::Path::new("")).join("models/connectome");
    tell(&format!("making {} from the tables of {}", part.file.display(), source.name()));
    let folder = part.file.parent().unwrap_or(std::path::Path::new("."));
    std::fs::create_dir_all(folder).map_err(|source| {
        Problem::new(format!("{}: cannot make the folder: {source}", folder.display()))
            .help("name a network file in a folder that you may write to")
    })?;
    connectome::build(&tables, source, &neuroml.join("cells.nml"), &part.file)?;
    Ok(())
}

/// Loads the network, adds stimuli and receptors, compiles it.
fn build_nerve(experiment: &Experiment, part: &NetworkPart) -> Result<(Nerve, Cells), Problems> {
    let mut model = Model::load(&part.file)?;
    let mut problems = Problems::new();
    let settings = &experiment.settings;
    let find = |model: &Model, name: &str, place: Place, problems: &mut Problems| {
        let found = model.populations().iter().position(|population| population.id == name);
        if found.is_none() {
            let problem = Problem::new(format!("no neuron of the name \"{name}\"")).at(place);
            let names = model.populations().iter().map(|population| population.id.as_str());
            problems.push(match nearest(name, names) {
                Some(known) => problem.help(format!("did you mean \"{known}\"?")),
                None => problem.help(format!("the network is {}", part.file.display())),
            });
        }
        found
    };
    for (number, stimulus) in part.stimuli.iter().enumerate() {
        let id = format!("stimulus_{number}");
        model.add_component(&format!(
            "<pulseGenerator id=\"{id}\" delay=\"{:e} s\" duration=\"{:e} s\" amplitude=\"{:e} A\"/>",
            stimulus.from, stimulus.duration, stimulus.current
        ))?;
        for neuron in &stimulus.neurons {
            let place = settings.place(neuron.span());
            if find(&model, neuron.get_ref(), place, &mut problems).is_some() {
                model.attach_input(&id, neuron.get_ref(), 0, 1.0)?;
            }
        }
    }
    let span = body_span(&model);
    let mut fields = Vec::new();
    let widths = experiment.anatomy.relative_widths();
    for receptor in &part.receptors {
        let place = receptor.map.place(receptor.neuron.span());
        let Some(population) = find(&model, receptor.neuron.get_ref(), place, &mut problems) else { continue };
        let id = match &receptor.transducer {
            Transducer::Added { gain, saturation } => {
                let id = format!("stretch_{}", receptor.neuron.get_ref());
                model.add_component(&format!(
                    "<stretchReceptor id=\"{id}\" gain=\"{gain:e} A\" saturation=\"{saturation:e} A\"/>"
                ))?;
                model.attach_input(&id, receptor.neuron.get_ref(), 0, 1.0)?;
                id
            }
            Transducer::Named(id, place) => {
                if model.network.inputs.iter().any(|input| input.population == population && input.component == *id) {
                    id.clone()
                } else {
                    let message = format!("{} has no receptor \"{id}\"", receptor.neuron.get_ref());
                    let help = format!("put an <input> of that component on it in {}", part.file.display());
                    problems.push(Problem::new(message).at(place.clone()).help(help));
                    continue;
                }
            }
        };
        let own = place_along(&model, population, receptor.span.unwrap_or(span));
        let field = receptor.field.map(|end| own + end);
        let field = ReceptiveField::new(receptor.dorsal, field, receptor.feeling, &widths);
        fields.push((format!("{}/0/{id}/stretch", receptor.neuron.get_ref()), field));
    }
    problems.or_ok(())?;
    let network = Network::compile(&model, &Options { dt: part.dt, ..Options::default() })?;
    let receptors: Result<Vec<(Port, ReceptiveField)>, Problem> =
        fields.into_iter().map(|(path, field)| Ok((network.port(&path)?, field))).collect();
    let substeps = (experiment.step / part.dt).round() as usize;
    let cells = Cells::of(&model, &network)?;
    let drive = match &part.drive {
        Drive::Calcium(full) => ("caConc", *full),
        Drive::Variable(variable) => {
            check_drive(&network, variable.get_ref()).map_err(|problem| problem.at(settings.place(variable.span())))?;
            (variable.get_ref().as_str(), 1.0)
        }
    };
    Ok((Nerve::new(network, substeps, drive, receptors?), cells))
}

/// Every muscle of the network must have the variable that is to drive it.
fn check_drive(network: &Network, variable: &str) -> Result<(), Problem> {
    let mut muscles = network.populations().iter().filter(|cells| muscle_place(&cells.id).is_some());
    muscles.try_for_each(|cells| network.probe(&format!("{}/0/{variable}", cells.id)).map(drop))
}

/// Where the network's neurons begin (the head) and end along the body axis [m], y in the files.
fn body_span(model: &Model) -> [f64; 2] {
    let ys = model
        .populations()
        .iter()
        .filter(|population| muscle_place(&population.id).is_none())
        .filter_map(|population| population.positions.first().map(|position| position[1]));
    ys.fold([f64::INFINITY, f64::NEG_INFINITY], |[head, tail], y| [head.min(y), tail.max(y)])
}

/// A cell's place along the body: 0 head … 1 tail; the middle where the file has no positions.
fn place_along(model: &Model, population: usize, [head, tail]: [f64; 2]) -> f64 {
    let y = model.populations()[population].positions.first().map(|position| position[1]);
    y.filter(|_| tail > head).map_or(0.5, |y| (y - head) / (tail - head))
}

impl Cells {
    fn of(model: &Model, network: &Network) -> Result<Self, Problem> {
        let mut cells = Self {
            neurons: Vec::new(),
            muscles: Vec::new(),
            neuron_probes: Vec::new(),
            muscle_probes: Vec::new(),
            numbers: false,
            places: Vec::new(),
        };
        for population in model.populations() {
            let muscle = muscle_place(&population.id).is_some();
            // A cell without units has a V that is a number.
            let number = network.probe(&format!("{}/0/V", population.id));
            let probe = network.probe(&format!("{}/0/v", population.id)).or_else(|problem| {
                cells.numbers |= number.is_ok();
                number.map_err(|_| problem)
            })?;
            let (names, probes, kind) = if muscle {
                (&mut cells.muscles, &mut cells.muscle_probes, Population::Muscles)
            } else {
                (&mut cells.neurons, &mut cells.neuron_probes, Population::Neurons)
            };
            cells.places.push((kind, names.len() as u64));
            names.push(population.id.clone());
            probes.push(probe);
        }
        Ok(cells)
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
