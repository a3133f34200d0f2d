//! One TOML file becomes one training: which policy, from what, how long.

use std::path::PathBuf;

use serde::Deserialize;

use super::data::{Imitation, Target};
use super::evolution::Method;
use super::reward::Reward;
use super::trainer::Schedule;
use crate::connectome::{Source, Tables};
use crate::controller::activation::Activation;
use crate::controller::cell::Cell;
use crate::controller::cfc::{Backbone, Cfc, Mode};
use crate::controller::ctrnn::CtRnn;
use crate::controller::explicit::Solver;
use crate::controller::gru::Gru;
use crate::controller::initial;
use crate::controller::lstm::Lstm;
use crate::controller::ltc::{Ltc, Mapping, Options};
use crate::controller::policy::Policy;
use crate::controller::policy_controller::Squash;
use crate::controller::recurrent::{Readout, Recurrent};
use crate::controller::wiring::{Rule, Wiring};
use crate::error::{Problem, Problems, nearest};
use crate::names::muscle_names;
use crate::proprioception::{Sense, muscle_named};
use crate::settings::{Settings, Spanned};
use crate::units::Dimension;

/// A training as its file describes it.
pub struct Plan {
    /// The file and its text.
    pub settings: Settings,
    /// One line on what it is.
    pub title: String,
    /// The figure or claim that it reproduces.
    pub reproduces: String,
    /// The policy, with the weights that it begins with.
    pub policy: Policy,
    /// Its wiring, if it has one.
    pub wiring: Option<Wiring>,
    /// Whether training may not change what excites into what inhibits: so for the worm's own synapses.
    pub keep_polarity: bool,
    /// Where the policy goes.
    pub file: PathBuf,
    /// What is to be learned.
    pub lesson: Lesson,
    /// How.
    pub schedule: Schedule,
    /// Share of the samples that are held back.
    pub validation: f64,
}

/// What is to be learned.
#[derive(Debug, Clone, PartialEq)]
pub enum Lesson {
    /// What a recording did.
    Imitation(Imitation),
    /// To do well in the worm: what is rewarded, how policies are tried, how many in a generation, how far off.
    Reward(Reward, Method, usize, f64),
    /// A task that makes its own samples: its name, samples and steps.
    Task(Task, usize, usize),
}

/// A task that makes its own samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Task {
    /// Parity of bits.
    Xor,
    /// Parity of runs of bits, with elapsed times.
    XorEvents,
    /// A wave of twice the frequency.
    Sinusoid,
}

impl Task {
    const ALL: [(&'static str, Self, usize); 3] =
        [("xor", Self::Xor, 1), ("xor_events", Self::XorEvents, 2), ("sinusoid", Self::Sinusoid, 2)];
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    title: String,
    reproduces: String,
    policy: PolicyFile,
    imitation: Option<ImitationFile>,
    task: Option<TaskFile>,
    reward: Option<RewardFile>,
    learning: LearningFile,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PolicyFile {
    file: String,
    cell: Spanned<String>,
    units: Option<Spanned<usize>>,
    #[serde(default)]
    senses: Vec<Spanned<String>>,
    #[serde(default)]
    drives: Vec<Spanned<String>>,
    time_unit: Option<Spanned<String>>,
    #[serde(default)]
    mixed_memory: bool,
    squash: Option<Spanned<String>>,
    mode: Option<Spanned<String>>,
    activation: Option<Spanned<String>>,
    backbone_units: Option<usize>,
    backbone_layers: Option<usize>,
    solver: Option<Spanned<String>>,
    ode_unfolds: Option<Spanned<usize>>,
    wiring: Option<Spanned<Rule>>,
    connectome: Option<Spanned<ConnectomeFile>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ConnectomeFile {
    source: Spanned<String>,
    tables: String,
    #[serde(default)]
    neurons: Vec<String>,
    sensory: Vec<(String, String, i8)>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ImitationFile {
    recording: String,
    target: Spanned<String>,
    sequence: Spanned<usize>,
    lead: Option<Spanned<String>>,
    from: Option<Spanned<String>>,
    keep: Option<Spanned<f64>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TaskFile {
    name: Spanned<String>,
    samples: usize,
    sequence: usize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RewardFile {
    experiment: Spanned<String>,
    duration: Spanned<String>,
    #[serde(default)]
    forward: f64,
    keep_speed: Option<(f64, f64)>,
    #[serde(default)]
    energy: f64,
    #[serde(default)]
    smoothness: f64,
    method: Spanned<String>,
    population: Spanned<usize>,
    deviation: Spanned<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LearningFile {
    rate: Spanned<f64>,
    batch: Spanned<usize>,
    epochs: usize,
    seed: u64,
    clip: Option<Spanned<f64>>,
    noise: Option<Spanned<f64>>,
    validation: Option<Spanned<f64>>,
}

impl Plan {
    /// Reads a plan.
    ///
    /// # Errors
    /// Every problem in it, with its place and mend.
    pub fn read(settings: Settings) -> Result<Self, Problems> {
        let file: File = settings.parse()?;
        let mut reader = Reader { settings: &settings, problems: Problems::new() };
        let schedule = reader.schedule(&file.learning);
        let validation = file.learning.validation.as_ref().map_or(0.1, |share| {
            reader.expect(share, |share| *share > 0.0 && *share < 1.0, "validation", "a share above 0 and below 1")
        });
        let lesson = reader.lesson(&file);
        let (senses, drives) = reader.names(&file.policy, lesson.as_ref());
        let made = lesson.zip(reader.policy(&file.policy, senses, drives, file.learning.seed));
        let Reader { problems, .. } = reader;
        let Some((lesson, (policy, wiring))) = made else { return Err(problems) };
        problems.or_ok(Self {
            title: file.title,
            reproduces: file.reproduces,
            file: PathBuf::from(file.policy.file),
            policy,
            wiring,
            keep_polarity: file.policy.connectome.is_some(),
            lesson,
            schedule,
            validation,
            settings,
        })
    }
}

/// Takes the file apart and collects what is wrong.
struct Reader<'a> {
    settings: &'a Settings,
    problems: Problems,
}

impl Reader<'_> {
    fn expect<T: Copy + std::fmt::Display>(
        &mut self,
        value: &Spanned<T>,
        good: impl Fn(&T) -> bool,
        key: &str,
        mend: &str,
    ) -> T {
        if !good(value.get_ref()) {
            let problem = self.settings.problem(value.span(), format!("`{key}` is {}", value.get_ref()));
            self.problems.push(problem.help(format!("give {mend}")));
        }
        *value.get_ref()
    }

    fn choice<T: Copy>(&mut self, word: &Spanned<String>, key: &str, known: &[(&str, T)]) -> Option<T> {
        let found = known.iter().find(|(name, _)| name == word.get_ref()).map(|(_, value)| *value);
        if found.is_none() {
            let problem = self.settings.problem(word.span(), format!("unknown `{key}` \"{}\"", word.get_ref()));
            let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
            self.problems.push(match nearest(word.get_ref(), names.iter().copied()) {
                Some(near) => problem.help(format!("did you mean \"{near}\"?")),
                None => problem.help(format!("give one of {}", names.join(", "))),
            });
        }
        found
    }

    fn schedule(&mut self, file: &LearningFile) -> Schedule {
        let above = |value: &f64| value.is_finite() && *value > 0.0;
        let clip = file.clip.as_ref().map(|clip| self.expect(clip, above, "clip", "a length above 0"));
        let not_below = |value: &f64| value.is_finite() && *value >= 0.0;
        let noise = file.noise.as_ref().map(|noise| self.expect(noise, not_below, "noise", "a deviation from 0"));
        Schedule {
            rate: self.expect(&file.rate, above, "rate", "a step above 0, such as 0.01"),
            clip: clip.unwrap_or(f64::INFINITY),
            batch: self.expect(&file.batch, |batch| *batch > 0, "batch", "at least one sample"),
            epochs: file.epochs,
            noise: noise.unwrap_or(0.0),
            seed: file.seed,
        }
    }

    fn lesson(&mut self, file: &File) -> Option<Lesson> {
        match (&file.imitation, &file.task, &file.reward) {
            (None, None, Some(reward)) => self.reward(reward),
            (Some(imitation), None, None) => {
                let settings = self.settings;
                let target = self.choice(&imitation.target, "target", &Target::ALL)?;
                let mut time = |text: &Option<Spanned<String>>| {
                    text.as_ref().map_or(0.0, |text| settings.not_negative(text, Dimension::TIME, &mut self.problems))
                };
                let (lead, from) = (time(&imitation.lead), time(&imitation.from));
                let share = |keep: &f64| *keep > 0.0 && *keep <= 1.0;
                let keep =
                    imitation.keep.as_ref().map_or(1.0, |keep| self.expect(keep, share, "keep", "a share above 0"));
                let steps = self.expect(&imitation.sequence, |steps| *steps > 0, "sequence", "at least one step");
                let recording = self.settings.beside(&imitation.recording);
                Some(Lesson::Imitation(Imitation { recording, target, steps, lead, from, keep }))
            }
            (None, Some(task), None) => {
                let known = Task::ALL.map(|(name, task, _)| (name, task));
                let name = self.choice(&task.name, "name", &known)?;
                if task.samples < 2 || task.sequence == 0 {
                    let problem = self.settings.problem(task.name.span(), "a task without samples or steps");
                    self.problems.push(problem.help("give at least two `samples` and a `sequence` of one"));
                }
                Some(Lesson::Task(name, task.samples, task.sequence))
            }
            _ => {
                let problem = self.settings.problem(0..0, "one thing is learned at a time");
                self.problems.push(problem.help("give one of [imitation], [task] and [reward]"));
                None
            }
        }
    }

    fn reward(&mut self, file: &RewardFile) -> Option<Lesson> {
        let settings = self.settings;
        let method = self.choice(&file.method, "method", &Method::ALL);
        let population = self.expect(&file.population, |count| *count > 1, "population", "at least two policies");
        let above = |value: &f64| value.is_finite() && *value > 0.0;
        let deviation = self.expect(&file.deviation, above, "deviation", "a deviation above 0");
        let duration = settings.positive(&file.duration, Dimension::TIME, &mut self.problems);
        let (speed, wanted) = file.keep_speed.unzip();
        let weights = [Some(file.forward), Some(file.energy), Some(file.smoothness), speed, wanted];
        if weights.into_iter().flatten().any(|weight| !weight.is_finite()) {
            let problem = settings.problem(file.experiment.span(), "a part of the reward is not a number");
            self.problems.push(problem.help("give numbers for `forward`, `keep_speed`, `energy` and `smoothness`"));
        }
        let experiment = Settings::open(&settings.beside(file.experiment.get_ref()));
        let experiment = experiment.map_err(|problem| {
            self.problems.push(problem.at(settings.place(file.experiment.span())));
        });
        let reward = Reward {
            experiment: experiment.ok()?,
            duration,
            forward: file.forward,
            keep_speed: file.keep_speed,
            energy: file.energy,
            smoothness: file.smoothness,
        };
        Some(Lesson::Reward(reward, method?, population, deviation))
    }

    /// The names of inputs and outputs; a star stands for any letters.
    fn names(&mut self, file: &PolicyFile, lesson: Option<&Lesson>) -> (Vec<String>, Vec<String>) {
        let numbered = |what: &str, count: usize| (1..=count).map(|index| format!("{what}/{index}")).collect();
        if let Some(Lesson::Task(task, ..)) = lesson {
            let inputs = Task::ALL.iter().find(|(_, known, _)| known == task).map_or(1, |(.., inputs)| *inputs);
            return (numbered("input", inputs), numbered("output", 1));
        }
        let senses: Vec<String> = Sense::all().into_iter().map(|(name, _)| name).collect();
        let felt = self.matching(&file.senses, &senses, |name| Sense::named(name).err());
        let forecast = matches!(lesson, Some(Lesson::Imitation(Imitation { target: Target::Senses, .. })));
        let driven = if forecast {
            self.matching(&file.drives, &senses, |name| Sense::named(name).err())
        } else {
            self.matching(&file.drives, &muscle_names(), |name| muscle_named(name).err())
        };
        for (key, list) in [("senses", &felt), ("drives", &driven)] {
            if list.is_empty() && self.problems.is_empty() {
                let problem = self.settings.problem(file.cell.span(), format!("the policy has no `{key}`"));
                self.problems.push(problem.help("give names, such as \"curvature/*\" or \"MD*\""));
            }
        }
        (felt, driven)
    }

    fn matching(
        &mut self,
        patterns: &[Spanned<String>],
        known: &[String],
        wrong: impl Fn(&str) -> Option<Problem>,
    ) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for pattern in patterns {
            let text = pattern.get_ref();
            let found: Vec<&String> = match text.split_once('*') {
                Some((before, after)) => known
                    .iter()
                    .filter(|name| name.len() + 1 >= text.len() && name.starts_with(before) && name.ends_with(after))
                    .collect(),
                None => known.iter().filter(|name| *name == text).collect(),
            };
            if found.is_empty() {
                let unknown = || Problem::new(format!("nothing is called \"{text}\""));
                let problem = wrong(text).filter(|_| !text.contains('*')).unwrap_or_else(unknown);
                self.problems.push(problem.at(self.settings.place(pattern.span())));
            }
            for name in found {
                if !names.contains(name) {
                    names.push(name.clone());
                }
            }
        }
        names
    }

    fn policy(
        &mut self,
        file: &PolicyFile,
        senses: Vec<String>,
        drives: Vec<String>,
        seed: u64,
    ) -> Option<(Policy, Option<Wiring>)> {
        let wiring = self.wiring(file, &senses, &drives)?;
        let (inputs, outputs) = (senses.len(), drives.len());
        let solver_names = [("fused", Solver::Fused), ("euler", Solver::Euler), ("rk4", Solver::Rk4)];
        let solver = match &file.solver {
            Some(word) => Some(self.choice(word, "solver", &solver_names)?),
            None => None,
        };
        let substeps = file.ode_unfolds.as_ref().map_or(6, |substeps| {
            self.expect(substeps, |substeps| *substeps > 0, "ode_unfolds", "at least one substep")
        });
        let modes = [Mode::Default, Mode::NoGate, Mode::Pure].map(|mode| (mode.name(), mode));
        let mode = file.mode.as_ref().map_or(Some(Mode::Default), |word| self.choice(word, "mode", &modes))?;
        let activations = Activation::ALL.map(|activation| (activation.name(), activation));
        let activation = match &file.activation {
            Some(word) => self.choice(word, "activation", &activations)?,
            None => Activation::LecunTanh,
        };
        let squashes = [Squash::Clamp, Squash::Logistic].map(|squash| (squash.name(), squash));
        let squash = file.squash.as_ref().map_or(Some(Squash::Clamp), |word| self.choice(word, "squash", &squashes))?;
        let kinds = ["ltc", "cfc", "wired_cfc", "ctrnn", "gru", "lstm"].map(|kind| (kind, kind));
        let kind = self.choice(&file.cell, "cell", &kinds)?;
        let wired = matches!(kind, "ltc" | "wired_cfc");
        if wired != wiring.is_some() {
            let (what, mend) = if wired {
                ("has no wiring", "give a [policy.wiring], or for LTC a [policy.connectome]")
            } else {
                ("knows no wiring", "leave out [policy.wiring] and [policy.connectome]")
            };
            let problem = self.settings.problem(file.cell.span(), format!("a cell {kind} {what}"));
            self.problems.push(problem.help(mend));
            return None;
        }
        let units = match (&wiring, &file.units) {
            (Some(wiring), _) => wiring.units(),
            (None, Some(units)) => self.expect(units, |units| *units > 0, "units", "at least one neuron"),
            (None, None) => {
                let problem = self.settings.problem(file.cell.span(), format!("how many neurons has this {kind}?"));
                self.problems.push(problem.help("give `units`"));
                return None;
            }
        };
        let projected = || Readout::projected(0, units, outputs);
        let (cell, readout): (Box<dyn Cell>, Readout) = match (kind, &wiring) {
            ("ltc", Some(wiring)) => {
                let options = Options { substeps, solver: solver.unwrap_or_default(), ..Options::default() };
                let [mask, sensory] = wiring.masks();
                let cell = Ltc::new(options, &mask, &sensory, inputs, units);
                (Box::new(cell), Readout::neurons(0, outputs, Mapping::Affine))
            }
            ("wired_cfc", Some(wiring)) => {
                let cell = Cfc::wired(inputs, wiring.layer_masks(), mode);
                let (from, _) = cell.last_layer();
                (Box::new(cell), Readout::neurons(from, outputs, Mapping::None))
            }
            ("cfc", _) => {
                let layers = file.backbone_layers.unwrap_or(1);
                let backbone = Backbone {
                    activation,
                    units: file.backbone_units.unwrap_or(128),
                    layers: (0..layers).map(|layer| 2 * layer).collect(),
                };
                (Box::new(Cfc::new(inputs, units, mode, &backbone)), projected())
            }
            ("ctrnn", _) => {
                let solver = solver.filter(|solver| *solver != Solver::Fused).unwrap_or(Solver::Rk4);
                (Box::new(CtRnn::new(inputs, units, solver, substeps)), projected())
            }
            ("gru", _) => (Box::new(Gru::new(inputs, units)), projected()),
            _ => (Box::new(Lstm::new(inputs, units)), projected()),
        };
        let mut network = Recurrent::new(cell, file.mixed_memory, readout);
        let weights = initial::weights(&network, wiring.as_ref(), seed);
        network.take(weights);
        let settings = self.settings;
        let time_unit = file.time_unit.as_ref();
        let time_unit = time_unit.map_or(1.0, |text| settings.positive(text, Dimension::TIME, &mut self.problems));
        let neurons = wiring.as_ref().and_then(|wiring| wiring.names.clone());
        let policy =
            Policy { senses: Some(senses), drives: Some(drives), neurons, squash, time_unit, ..Policy::new(network) };
        Some((policy, wiring))
    }

    /// The wiring, if the file has one; none where it is wrong.
    fn wiring(&mut self, file: &PolicyFile, senses: &[String], drives: &[String]) -> Option<Option<Wiring>> {
        let (made, place) = match (&file.wiring, &file.connectome) {
            (None, None) => return Some(None),
            (Some(rule), None) => (rule.get_ref().wire(senses), rule.span()),
            (None, Some(part)) => {
                let rule = of_connectome(self.settings, part.get_ref(), drives);
                (rule.and_then(|rule| rule.wire(senses)), part.span())
            }
            (Some(rule), Some(_)) => (Err(Problem::new("a policy has one wiring").into()), rule.span()),
        };
        let place = self.settings.place(place);
        let at_the_wiring =
            |problem: Problem| if problem.place.is_none() { problem.at(place.clone()) } else { problem };
        match made {
            Ok(wiring) if wiring.outputs != drives.len() => {
                let (outputs, count) = (wiring.outputs, drives.len());
                let problem = Problem::new(format!("the wiring has {outputs} outputs, and the policy {count} drives"));
                self.problems.push(
                    at_the_wiring(problem).help("make them equal: `motor_neurons`, `output_size` or `output_dim`"),
                );
                None
            }
            Ok(wiring) => Some(Some(wiring)),
            Err(found) => {
                self.problems.extend(found.into_iter().map(at_the_wiring));
                None
            }
        }
    }
}

/// The worm's own synapses among some neurons, and from them to the muscles that are driven: presence from the table of
/// contacts, polarity from the transmitter (GABA inhibits). Gap junctions have no place in an LTC and are left out.
fn of_connectome(settings: &Settings, file: &ConnectomeFile, drives: &[String]) -> Result<Rule, Problems> {
    let source =
        Source::parse(file.source.get_ref()).map_err(|problem| problem.at(settings.place(file.source.span())))?;
    let tables = Tables::read(&settings.beside(&file.tables), source)?;
    let known: Vec<&str> = tables.neurons.iter().map(|neuron| neuron.name.as_str()).collect();
    let mut problems = Problems::new();
    for name in file.neurons.iter().filter(|name| !known.contains(&name.as_str())) {
        let problem = Problem::new(format!("no neuron of the name \"{name}\""));
        problems.push(match nearest(name, known.iter().copied()) {
            Some(near) => problem.help(format!("did you mean \"{near}\"?")),
            None => problem.help("names are those of models/connectome/neurons.csv"),
        });
    }
    problems.or_ok(())?;
    let chosen = |name: &String| file.neurons.is_empty() || file.neurons.contains(name);
    let inhibits = |name: &String| tables.neurons.iter().any(|neuron| neuron.name == *name && neuron.inhibits());
    let contacts = tables.chemical.iter().chain(&tables.neuromuscular);
    let synapses = contacts
        .filter(|contact| chosen(&contact.pre) && (chosen(&contact.post) || drives.contains(&contact.post)))
        .filter(|contact| !muscle_names().contains(&contact.post) || drives.contains(&contact.post))
        .map(|contact| (contact.pre.clone(), contact.post.clone(), if inhibits(&contact.pre) { -1 } else { 1 }))
        .collect();
    let neurons = tables.neurons.iter().map(|neuron| neuron.name.clone()).filter(|name| chosen(name));
    Ok(Rule::List {
        neurons: neurons.chain(drives.iter().cloned()).collect(),
        motor: drives.to_vec(),
        synapses,
        sensory: file.sensory.clone(),
    })
}
