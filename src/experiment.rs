//! One TOML file becomes one run: which worm, in what, driven by what, recorded how.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::body::Scheme;
use crate::body::medium::Medium;
use crate::body::worm_body::{WormAnatomy, WormBody};
use crate::connectome::{Circuit, Source};
use crate::controller::Controller;
use crate::controller_part::{ControllerFile, placed, read_controller, trace};
use crate::error::{Problem, Problems};
use crate::interventions::{Ablations, ChangeFile, ClampFile, Tap, TapFile};
use crate::interventions::{change_medium, read_changes, read_clamps, read_taps};
use crate::proprioception::Sense;
use crate::receptors::{Receptor, SensesFile, Touch};
use crate::settings::{Settings, Spanned};
use crate::units::{Dimension, UnitTable};
use crate::worm::Happening;

/// An experiment as its file describes it, all in SI units, every file that it names read.
pub struct Experiment {
    /// The file and its text.
    pub settings: Settings,
    /// One line on what it is.
    pub title: String,
    /// The figure or claim that it reproduces.
    pub reproduces: String,
    /// Rows of `models/measured.toml` that it can be asked for.
    pub rows: Vec<Spanned<String>>,
    /// Values with which it is in water, "body.medium=../media/newtonian.toml": as which it is asked for the rows of worms in
    /// water.
    pub in_water: Vec<Spanned<String>>,
    /// Simulated time [s].
    pub duration: f64,
    /// Step of the coupling [s].
    pub step: f64,
    /// The worm.
    pub anatomy: WormAnatomy,
    /// What is around it.
    pub medium: Medium,
    /// How the body moves.
    pub scheme: Scheme,
    /// Body substeps in one step.
    pub body_substeps: usize,
    /// What decides, if anything does.
    pub controller: Option<Box<dyn Controller>>,
    /// The nervous system, if there is one.
    pub network: Option<NetworkPart>,
    /// What is taken away before it begins.
    pub ablations: Ablations,
    /// What happens to the body on the way.
    pub happenings: Vec<Happening>,
    /// Touches.
    pub taps: Vec<Tap>,
    /// How it is recorded.
    pub recording: RecordingPart,
    /// Files that it was read from, itself first.
    pub files: Vec<PathBuf>,
}

/// The nervous system of an experiment.
#[derive(Debug, Clone, PartialEq)]
pub struct NetworkPart {
    /// The NeuroML file, or that of the circuit.
    pub file: PathBuf,
    /// What the network is made from, where it is no NeuroML file.
    pub circuit: Option<Circuit>,
    /// The connectome from which the file is made where it is missing.
    pub source: Option<Source>,
    /// Numbers of its file's components that are others here: by component and parameter.
    pub components: BTreeMap<String, BTreeMap<String, Spanned<toml::Value>>>,
    /// Substep [s].
    pub dt: f64,
    /// What of a muscle's cell drives the muscle.
    pub drive: Drive,
    /// Currents into neurons.
    pub stimuli: Vec<Stimulus>,
    /// Stretch receptors.
    pub receptors: Vec<Receptor>,
    /// Who feels touch.
    pub touches: Vec<Touch>,
}

/// What of a muscle's cell drives the muscle.
#[derive(Debug, Clone, PartialEq)]
pub enum Drive {
    /// Its calcium over that at which the muscle pulls with all its force [mol/m³].
    Calcium(f64),
    /// Its membrane potential, between where the muscle is slack and where it pulls with all its force [V].
    Potential([f64; 2]),
    /// A variable without a dimension, 1 where the muscle pulls with all its force.
    Variable(Spanned<String>),
}

/// A constant current into some neurons for some time.
#[derive(Debug, Clone, PartialEq)]
pub struct Stimulus {
    /// Who gets it.
    pub neurons: Vec<Spanned<String>>,
    /// Amplitude [A].
    pub current: f64,
    /// When it begins [s].
    pub from: f64,
    /// How long it lasts [s].
    pub duration: f64,
}

/// How an experiment is recorded.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordingPart {
    /// Where.
    pub file: PathBuf,
    /// Time between frames [s].
    pub interval: f64,
    /// Time between samples of membrane voltage [s].
    pub voltage_interval: f64,
    /// Names of the neurons and synapses of the policy that are recorded with each frame.
    pub policy: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    title: String,
    reproduces: String,
    #[serde(default)]
    rows: Vec<Spanned<String>>,
    #[serde(default)]
    in_water: Vec<Spanned<String>>,
    duration: Spanned<String>,
    step: Spanned<String>,
    body: BodyFile,
    controller: Option<Spanned<ControllerFile>>,
    network: Option<Spanned<NetworkFile>>,
    #[serde(default)]
    stimulus: Vec<StimulusFile>,
    senses: Option<Spanned<SensesFile>>,
    #[serde(default)]
    ablate: Ablations,
    #[serde(default)]
    clamp: Vec<ClampFile>,
    #[serde(default)]
    change: Vec<ChangeFile>,
    #[serde(default)]
    tap: Vec<Spanned<TapFile>>,
    recording: RecordingFile,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BodyFile {
    anatomy: Spanned<String>,
    medium: Spanned<String>,
    mixture: Option<Spanned<f64>>,
    viscosity: Option<Spanned<String>>,
    #[serde(default)]
    scheme: SchemeFile,
    #[serde(default = "one")]
    substeps: Spanned<usize>,
}

#[derive(Deserialize, Default, Clone, Copy)]
#[serde(rename_all = "snake_case")]
enum SchemeFile {
    #[default]
    Implicit,
    Explicit,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NetworkFile {
    file: Option<Spanned<String>>,
    circuit: Option<Spanned<String>>,
    source: Option<Spanned<String>>,
    dt: Spanned<String>,
    full_calcium: Option<Spanned<String>>,
    slack_potential: Option<Spanned<String>>,
    full_potential: Option<Spanned<String>>,
    drive: Option<Spanned<String>>,
    #[serde(default)]
    components: BTreeMap<String, BTreeMap<String, Spanned<toml::Value>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StimulusFile {
    neurons: Vec<Spanned<String>>,
    current: Spanned<String>,
    from: Spanned<String>,
    duration: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RecordingFile {
    file: String,
    interval: Spanned<String>,
    voltage_interval: Option<Spanned<String>>,
    #[serde(default)]
    policy: Vec<Spanned<String>>,
}

fn one() -> Spanned<usize> {
    Spanned::new(0..0, 1)
}

/// More steps than anyone waits for; a guard against a slip between s and us.
const MOST_STEPS: f64 = 1e10;

impl Experiment {
    /// Reads an experiment and the files of its worm, medium, controller and senses. The network's own file is
    /// read when the run is built.
    ///
    /// # Errors
    /// Every problem in all of them, with its place and mend.
    pub fn load(path: &Path) -> Result<Self, Problems> {
        Self::read(Settings::open(path)?)
    }

    /// Reads an experiment whose own file is already in memory, as [`Experiment::load`] does.
    ///
    /// # Errors
    /// Every problem in all files, with its place and mend.
    pub fn read(settings: Settings) -> Result<Self, Problems> {
        let path = settings.path().to_path_buf();
        let file: File = settings.parse()?;
        let mut problems = Problems::new();
        let duration = settings.positive(&file.duration, Dimension::TIME, &mut problems);
        let step = settings.positive(&file.step, Dimension::TIME, &mut problems);
        let steps = Steps { settings: &settings, step };
        steps.check_count(&file.duration, duration, &mut problems);
        let mut files =
            vec![path, settings.beside(file.body.anatomy.get_ref()), settings.beside(file.body.medium.get_ref())];
        let named_by = |name: &Spanned<String>| {
            let place = settings.place(name.span());
            move |found: Problems| placed(found, &place)
        };
        let anatomy = settings.open_beside(file.body.anatomy.get_ref()).map_err(Problems::from);
        let anatomy = anatomy.and_then(|settings| WormAnatomy::read(&settings));
        let anatomy = keep(anatomy.map_err(named_by(&file.body.anatomy)), &mut problems);
        let medium = settings.open_beside(file.body.medium.get_ref()).map_err(Problems::from);
        let medium = medium.and_then(|settings| Medium::read(&settings));
        let mut medium = keep(medium.map_err(named_by(&file.body.medium)), &mut problems);
        if let Some(medium) = &mut medium {
            change_medium(medium, &settings, file.body.mixture.as_ref(), file.body.viscosity.as_ref(), &mut problems);
        }
        if let (Some(WormAnatomy::Rod(_)), SchemeFile::Explicit) = (&anatomy, file.body.scheme) {
            let problem = settings.problem(file.body.anatomy.span(), "rods have no explicit scheme");
            problems.push(problem.help("leave out `scheme`, or give a body of particles"));
        }
        let scheme = match file.body.scheme {
            SchemeFile::Implicit => Scheme::Implicit,
            SchemeFile::Explicit => Scheme::Explicit,
        };
        if let (Some(anatomy), Some(medium)) = (&anatomy, &medium)
            && let Err(problem) = WormBody::bears(anatomy, medium, scheme)
        {
            problems.push(problem.at(settings.place(file.body.medium.span())));
        }
        if *file.body.substeps.get_ref() == 0 {
            problems.push(settings.problem(file.body.substeps.span(), "a step has at least one substep, found 0"));
        }
        let mut controller = file
            .controller
            .as_ref()
            .and_then(|controller| keep(read_controller(&settings, controller, &mut files), &mut problems));
        let network = file.network.as_ref().map(|network| {
            let dt = steps.dividing(&network.get_ref().dt, &mut problems);
            read_network(&settings, network.get_ref(), &file, dt, &mut files, &mut problems)
        });
        if network.is_none() {
            let ablate = &file.ablate;
            let taken = ablate.neurons.iter().chain(&ablate.synapses).chain(&ablate.gap_junctions).next();
            let lonely = file.stimulus.first().map(|stimulus| stimulus.current.span());
            let lonely = lonely.into_iter().chain(file.senses.as_ref().map(Spanned::span));
            for span in lonely.chain(taken.map(Spanned::span)) {
                let message = "stimuli, senses and ablations reach neurons, but there is no [network]";
                let problem = settings.problem(span, message);
                problems.push(problem.help("add a [network] with its NeuroML file"));
            }
            let feels = |controller: &dyn Controller| {
                controller.senses().iter().any(|name| matches!(Sense::named(name), Ok(Sense::Touch(_))))
            };
            if let Some(tap) = file.tap.first()
                && controller.as_deref().is_some_and(|controller| !feels(controller))
            {
                let problem = settings.problem(tap.span(), "nothing feels this tap");
                let help = "add a [network], or a controller with the sense \"touch/anterior\" or \"touch/posterior\"";
                problems.push(problem.help(help));
            }
        }
        let mut happenings = read_clamps(&file.clamp, &settings, &mut problems);
        if let (Some(WormAnatomy::Particles(_)), Some(clamp)) = (&anatomy, file.clamp.first()) {
            problems.push(clamp.problem(&settings, "particles can't be clamped yet").help("give a body of rods"));
        }
        happenings.extend(read_changes(&file.change, &settings, &mut problems));
        let taps = read_taps(&file.tap, network.is_some(), &settings, &mut problems);
        happenings.extend(taps.iter().map(Tap::happening));
        let interval = steps.multiple(&file.recording.interval, &mut problems);
        let voltage = file.recording.voltage_interval.as_ref();
        let voltage_interval = voltage.map_or(interval, |text| steps.multiple(text, &mut problems));
        let policy = trace(&settings, &file.recording.policy, controller.as_deref_mut(), &mut problems);
        let recording = RecordingPart { file: PathBuf::from(&file.recording.file), interval, voltage_interval, policy };
        match (anatomy, medium) {
            (Some(anatomy), Some(medium)) => problems.or_ok(Self {
                title: file.title,
                reproduces: file.reproduces,
                rows: file.rows,
                in_water: file.in_water,
                duration,
                step,
                anatomy,
                medium,
                scheme,
                body_substeps: *file.body.substeps.get_ref(),
                controller,
                network,
                ablations: file.ablate,
                happenings,
                taps,
                recording,
                files,
                settings,
            }),
            _ => Err(problems),
        }
    }

    /// The settings with the values of `in_water`.
    ///
    /// # Errors
    /// A value that can't be set, with its place.
    pub fn settings_in_water(&self) -> Result<Settings, Problem> {
        let mut changed = self.settings.clone();
        for change in &self.in_water {
            changed.set(change.get_ref()).map_err(|problem| problem.at(self.settings.place(change.span())))?;
        }
        Ok(changed)
    }

    /// Simulates `text`, "10 s", instead of what the file says.
    ///
    /// # Errors
    /// When it is no time above zero, or no whole number of steps.
    pub fn set_duration(&mut self, text: &str) -> Result<(), Problem> {
        let duration = UnitTable::new().parse_as(text, Dimension::TIME)?;
        if duration <= 0.0 || !Steps::fits(duration, self.step) || duration / self.step > MOST_STEPS {
            let problem = Problem::new(format!("a run can't last \"{text}\""));
            return Err(problem.help(format!("give a multiple of the step, {} s", self.step)));
        }
        self.duration = duration;
        Ok(())
    }

    /// How many steps the run takes.
    pub fn steps(&self) -> usize {
        (self.duration / self.step).round() as usize
    }
}

/// The value, or its problems among the others.
fn keep<T>(result: Result<T, Problems>, problems: &mut Problems) -> Option<T> {
    result.map_err(|found| problems.extend(found)).ok()
}

/// Times that must fit the step of the coupling.
struct Steps<'a> {
    settings: &'a Settings,
    step: f64,
}

impl Steps<'_> {
    /// Whether `a` is a whole multiple of `b`, but for rounding of the decimal numbers in the file.
    fn fits(a: f64, b: f64) -> bool {
        let ratio = a / b;
        ratio >= 0.5 && (ratio - ratio.round()).abs() < 1e-6 * ratio
    }

    fn check_count(&self, text: &Spanned<String>, duration: f64, problems: &mut Problems) {
        if duration / self.step > MOST_STEPS {
            let message = format!("\"{}\" takes more than {MOST_STEPS:e} steps", text.get_ref());
            problems.push(self.settings.problem(text.span(), message).help("is it in seconds?"));
        } else if duration.is_finite() && self.step > 0.0 && !Self::fits(duration, self.step) {
            let message = format!("\"{}\" is not a whole number of steps", text.get_ref());
            problems.push(self.settings.problem(text.span(), message).help("make it a multiple of `step`"));
        }
    }

    fn multiple(&self, text: &Spanned<String>, problems: &mut Problems) -> f64 {
        let value = self.settings.positive(text, Dimension::TIME, problems);
        if value > 0.0 && self.step > 0.0 && !Self::fits(value, self.step) {
            let message = format!("\"{}\" is not a whole number of steps", text.get_ref());
            problems.push(self.settings.problem(text.span(), message).help("make it a multiple of `step`"));
        }
        value
    }

    fn dividing(&self, text: &Spanned<String>, problems: &mut Problems) -> f64 {
        let value = self.settings.positive(text, Dimension::TIME, problems);
        if value > 0.0 && self.step > 0.0 && !Self::fits(self.step, value) {
            let message = format!("`step` is not a whole number of \"{}\"", text.get_ref());
            problems.push(self.settings.problem(text.span(), message).help("choose a dt that divides `step`"));
        }
        value
    }
}

fn read_drive(settings: &Settings, network: &NetworkFile, problems: &mut Problems) -> Drive {
    let potentials = (&network.slack_potential, &network.full_potential);
    match (&network.full_calcium, potentials, &network.drive) {
        (Some(full), (None, None), None) => Drive::Calcium(settings.positive(full, Dimension::CONCENTRATION, problems)),
        (None, (Some(slack), Some(full)), None) => {
            let range = [slack, full].map(|text| settings.quantity(text, Dimension::VOLTAGE, problems));
            if range[0] >= range[1] {
                let problem = settings.problem(full.span(), "a muscle must pull more where its potential is higher");
                problems.push(problem.help("let `full_potential` be above `slack_potential`"));
            }
            Drive::Potential(range)
        }
        (None, (None, None), Some(variable)) => Drive::Variable(variable.clone()),
        _ => {
            let message = "[network] needs one of `full_calcium`, `slack_potential` with `full_potential`, and `drive`";
            let problem = settings.problem(network.dt.span(), message);
            problems.push(problem.help("`drive` is a variable of the muscles' cells without a dimension, -1 to 1"));
            Drive::Calcium(f64::NAN)
        }
    }
}

fn read_network(
    settings: &Settings,
    network: &NetworkFile,
    file: &File,
    dt: f64,
    files: &mut Vec<PathBuf>,
    problems: &mut Problems,
) -> NetworkPart {
    let circuit = match (&network.file, &network.circuit) {
        (None, Some(name)) => {
            let read = settings.open_beside(name.get_ref()).map_err(Problems::from).and_then(Circuit::read);
            keep(read.map_err(|found| placed(found, &settings.place(name.span()))), problems)
        }
        (Some(_), None) => None,
        _ => {
            let problem = settings.problem(network.dt.span(), "[network] needs either `file` or `circuit`");
            problems.push(problem.help("`file` is NeuroML, `circuit` a TOML file with the strengths of contacts"));
            None
        }
    };
    let source = network.source.as_ref().and_then(|source| {
        let parsed = Source::parse(source.get_ref());
        parsed.map_err(|problem| problems.push(problem.at(settings.place(source.span())))).ok()
    });
    let stimuli = file.stimulus.iter().map(|stimulus| Stimulus {
        neurons: stimulus.neurons.clone(),
        current: settings.quantity(&stimulus.current, Dimension::CURRENT, problems),
        from: settings.not_negative(&stimulus.from, Dimension::TIME, problems),
        duration: settings.positive(&stimulus.duration, Dimension::TIME, problems),
    });
    let stimuli = stimuli.collect();
    let (receptors, touches) = file.senses.as_ref().map_or_else(Default::default, |senses| {
        files.push(settings.beside(senses.get_ref().map().get_ref()));
        senses.get_ref().read(settings, problems)
    });
    let named = network.file.as_ref().or(network.circuit.as_ref()).map_or("", |name| name.get_ref());
    NetworkPart {
        file: settings.beside(named),
        source: source.or(circuit.as_ref().map(|circuit| circuit.source)),
        circuit,
        components: network.components.clone(),
        dt,
        drive: read_drive(settings, network, problems),
        stimuli,
        receptors,
        touches,
    }
}
