//! One TOML file becomes one training: which policy, from what, how long.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::blueprint::{Names, PolicyFile, Reader};
use super::data::{Imitation, Target};
use super::evolution::Method;
use super::reward::Reward;
use super::task::Sequences;
use super::traces::Traces;
use super::trainer::Schedule;
use crate::controller::policy::Policy;
use crate::controller::wiring::Wiring;
use crate::error::Problems;
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
    /// What others have published of the same task.
    pub published: Vec<Published>,
}

/// A figure that others have published.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Published {
    /// Of what, and in what.
    pub what: String,
    /// As it was printed.
    pub value: String,
    /// Where.
    pub source: String,
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
    /// What comes next in traces.
    Traces(Traces),
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
    traces: Option<TracesFile>,
    learning: LearningFile,
    #[serde(default)]
    published: Vec<Published>,
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
struct TracesFile {
    folder: Spanned<String>,
    sequence: Spanned<usize>,
    apart: Spanned<usize>,
    held_back: Spanned<usize>,
    test: usize,
    learned: Spanned<usize>,
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
    decay: Option<Spanned<f64>>,
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
        let names = match &lesson {
            Some(Lesson::Task(task, ..)) => {
                let inputs = Task::ALL.iter().find(|(_, known, _)| known == task).map_or(1, |(.., inputs)| *inputs);
                Names::Numbered(inputs, 1)
            }
            Some(Lesson::Imitation(Imitation { target: Target::Senses, .. })) => Names::Forecast,
            Some(Lesson::Traces(traces)) => Names::Numbered(traces.width, traces.width),
            _ => Names::Worm,
        };
        let PolicyFile { senses, drives, cell, .. } = &file.policy;
        let (senses, drives) = reader.names(senses, drives, &names, cell.span());
        if file.policy.file.is_none() {
            let problem = settings.problem(cell.span(), "nobody says where the policy goes");
            reader.problems.push(problem.help("add `file = ...` to [policy]"));
        }
        let made = lesson.zip(reader.policy(&file.policy, senses, drives, file.learning.seed));
        let Reader { problems, .. } = reader;
        let Some((lesson, (policy, wiring))) = made else { return Err(problems) };
        problems.or_ok(Self {
            title: file.title,
            reproduces: file.reproduces,
            file: PathBuf::from(file.policy.file.unwrap_or_default()),
            policy,
            wiring,
            keep_polarity: file.policy.connectome.is_some(),
            lesson,
            schedule,
            validation,
            published: file.published,
            settings,
        })
    }
}

impl Plan {
    /// The examples that are learned from, and those that are held back: the last ones.
    pub(super) fn parted(&self, examples: &Sequences) -> [Sequences; 2] {
        let all = examples.samples;
        let held_back = ((all as f64 * self.validation).round() as usize).clamp(1, all - 1);
        let part = |from: usize, to: usize| examples.pick(&(from..to).collect::<Vec<usize>>());
        [part(0, all - held_back), part(all - held_back, all)]
    }
}

impl Reader<'_> {
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
            decay: file.decay.as_ref().map_or(1.0, |decay| {
                self.expect(decay, |decay| *decay > 0.0 && *decay <= 1.0, "decay", "a factor above 0, at most 1")
            }),
        }
    }

    fn lesson(&mut self, file: &File) -> Option<Lesson> {
        match (&file.imitation, &file.task, &file.reward, &file.traces) {
            (None, None, Some(reward), None) => self.reward(reward),
            (None, None, None, Some(traces)) => self.traces(traces),
            (Some(imitation), None, None, None) => {
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
            (None, Some(task), None, None) => {
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
                self.problems.push(problem.help("give one of [imitation], [task], [traces] and [reward]"));
                None
            }
        }
    }

    fn traces(&mut self, file: &TracesFile) -> Option<Lesson> {
        let above = |count: &usize| *count > 0;
        let steps = self.expect(&file.sequence, above, "sequence", "at least one step");
        let apart = self.expect(&file.apart, above, "apart", "at least one step");
        let held_back = self.expect(&file.held_back, above, "held_back", "at least one file");
        let learned = self.expect(&file.learned, above, "learned", "at least one file");
        if [steps, apart, held_back, learned].contains(&0) {
            return None;
        }
        let place = self.settings.place(file.folder.span());
        let folder = self.settings.beside(file.folder.get_ref());
        let read = Traces::read(&folder, [held_back, file.test, learned], steps, apart);
        read.map(Lesson::Traces)
            .map_err(|found| self.problems.extend(found.into_iter().map(|one| one.at(place.clone()))))
            .ok()
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
}
