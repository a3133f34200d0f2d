//! One TOML file becomes one contest: which worm, who takes part, what they learn, how they are tried.
//!
//! Senses, drives, lessons and seeds are the same for all. Where a size is to be found, it is the one whose number of weights
//! is nearest to the budget.

use serde::Deserialize;

use super::condition::{Condition, DisturbFile, End, HESITATION};
use crate::behaviour::{self, Row};
use crate::controller::policy::Policy;
use crate::controller::wiring::Rule;
use crate::error::{Problem, Problems, nearest};
use crate::experiment::Experiment;
use crate::settings::{Settings, Spanned};
use crate::training::blueprint::{Names, PolicyFile, Reader};
use crate::training::evolution::Method;
use crate::training::reward::Reward;
use crate::training::trainer::Schedule;
use crate::units::Dimension;
use crate::worm::Happening;

/// A contest as its file describes it.
pub struct Contest {
    /// The file and its text.
    pub settings: Settings,
    /// One line on what it is.
    pub title: String,
    /// The figure or claim that it reproduces.
    pub reproduces: String,
    /// The worm; its own controller is imitated.
    pub worm: Settings,
    /// How long a worm is watched \[s\].
    pub duration: f64,
    /// One trained policy of each kind for each.
    pub seeds: Vec<u64>,
    /// The place of the contestant with whom the others are compared.
    pub against: usize,
    /// Rows of measured worms that they are asked for.
    pub rows: Vec<Row>,
    /// What every policy learns.
    pub lessons: Lessons,
    /// How they are tried.
    pub conditions: Vec<Condition>,
    /// How a worm is touched that is tried.
    pub touch: Touch,
    /// Who takes part.
    pub entrants: Vec<Entrant>,
    senses: Vec<String>,
    drives: Vec<String>,
}

/// What every policy learns: first to do what the worm's own controller does, then to do well in the worm.
#[derive(Debug, Clone, PartialEq)]
pub struct Lessons {
    /// How long the worm is watched that is imitated, as it stands in the file.
    pub examples: String,
    /// Frames in a sequence.
    pub sequence: usize,
    /// Where the examples begin \[s\].
    pub from: f64,
    /// How the worm is touched that is watched.
    pub touches: Vec<Happening>,
    /// How much later than the senses the activation is that is imitated \[s\].
    pub lead: f64,
    /// Share of the sequences that is held back.
    pub validation: f64,
    /// How imitation is learned; its seed is that of the contestant, its step the best of `rates`.
    pub imitation: Schedule,
    /// Steps of Adam that every policy tries.
    pub rates: Vec<f64>,
    /// What is rewarded.
    pub reward: Reward,
    /// How policies are tried, how many in a generation, how far off.
    pub evolution: (Method, usize, f64),
    /// How reward is learned; its epochs are generations.
    pub generations: Schedule,
}

/// One touch, wherever and whenever it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Touch {
    /// How long it lasts \[s\].
    pub duration: f64,
    /// What a neuron of a network gets that feels it \[A\].
    pub current: f64,
}

/// Who takes part.
pub struct Entrant {
    /// Its name.
    pub name: String,
    /// What drives the worm.
    pub mind: Mind,
    /// How many weights are trained, of a policy.
    pub parameters: Option<usize>,
}

/// What drives the worm.
pub enum Mind {
    /// A policy that learns, as its table says, of the size that was found.
    Policy(Box<PolicyFile>),
    /// What an experiment has, as it is: a yardstick.
    Experiment(Settings),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    title: String,
    reproduces: String,
    worm: Spanned<String>,
    duration: Spanned<String>,
    seeds: Spanned<Vec<u64>>,
    against: Spanned<String>,
    #[serde(default)]
    quick: Vec<Spanned<String>>,
    shared: SharedFile,
    imitation: ImitationFile,
    reward: RewardFile,
    disturb: DisturbFile,
    touch: TouchFile,
    contestant: Vec<ContestantFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SharedFile {
    parameters: Spanned<usize>,
    within: Spanned<f64>,
    senses: Vec<Spanned<String>>,
    drives: Vec<Spanned<String>>,
    time_unit: Spanned<String>,
    interval: Spanned<String>,
    squash: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ImitationFile {
    examples: Spanned<String>,
    sequence: Spanned<usize>,
    from: Spanned<String>,
    lead: Spanned<String>,
    rates: Spanned<Vec<f64>>,
    batch: Spanned<usize>,
    epochs: Spanned<usize>,
    clip: Spanned<f64>,
    noise: Spanned<f64>,
    validation: Spanned<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RewardFile {
    duration: Spanned<String>,
    forward: Spanned<f64>,
    energy: Spanned<f64>,
    smoothness: Spanned<f64>,
    method: Spanned<String>,
    population: Spanned<usize>,
    deviation: Spanned<f64>,
    rate: Spanned<f64>,
    generations: Spanned<usize>,
}

/// `[touch]`: touches in the examples, and how a worm that is tried is touched.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TouchFile {
    duration: Spanned<String>,
    current: Spanned<String>,
    #[serde(default)]
    head: Vec<Spanned<String>>,
    #[serde(default)]
    tail: Vec<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ContestantFile {
    name: Spanned<String>,
    policy: Option<Spanned<PolicyFile>>,
    experiment: Option<Spanned<String>>,
}

impl Contest {
    /// Reads a contest; `quick` makes the changes that its file has for a short one, and `changes` are made after that.
    ///
    /// # Errors
    /// Every problem in it and in the experiments that it names, with place and mend.
    pub fn read(mut settings: Settings, quick: bool, changes: &[String]) -> Result<Self, Problems> {
        let mut file: File = settings.parse()?;
        if quick {
            for change in &file.quick {
                let place = settings.place(change.span());
                let changed = settings.set(change.get_ref());
                changed.map_err(|problem| if problem.place.is_none() { problem.at(place) } else { problem })?;
            }
        }
        for change in changes {
            settings.set(change)?;
        }
        if quick || !changes.is_empty() {
            file = settings.parse()?;
        }
        let mut reader = Reader { settings: &settings, problems: Problems::new() };
        let duration = settings.positive(&file.duration, Dimension::TIME, &mut reader.problems);
        let worm = experiment(&settings, &file.worm, &mut reader.problems);
        let seeds = file.seeds.get_ref().clone();
        if seeds.is_empty() {
            let problem = settings.problem(file.seeds.span(), "the list of seeds is empty");
            reader.problems.push(problem.help("give one for each repetition: seeds = [1, 2, 3, 4, 5]"));
        }
        if let Some(twice) = (1..seeds.len()).find(|place| seeds[..*place].contains(&seeds[*place])) {
            let problem = settings.problem(file.seeds.span(), format!("seed {} stands twice", seeds[twice]));
            reader.problems.push(problem.help("the same seed is the same contestant: give another"));
        }
        let shared = &file.shared;
        let place = shared.parameters.span();
        let (senses, drives) = reader.names(&shared.senses, &shared.drives, &Names::Worm, place);
        let budget = reader.expect(&shared.parameters, |count| *count > 0, "parameters", "a number of weights above 0");
        let share = |share: &f64| *share > 0.0 && *share < 1.0;
        let within = reader.expect(&shared.within, share, "within", "a share above 0 and below 1");
        let conditions = file.disturb.read(&mut reader);
        let touch = Touch {
            duration: settings.positive(&file.touch.duration, Dimension::TIME, &mut reader.problems),
            current: settings.quantity(&file.touch.current, Dimension::CURRENT, &mut reader.problems),
        };
        let lessons = reader.lessons(&file, touch, worm.as_ref().map(|(settings, _)| settings));
        // It is looked at from half a second after it begins, in the second half of the watch.
        if touch.duration <= HESITATION || touch.duration > 0.5 * duration {
            let message = format!("a touch of {} s in a watch of {duration} s", touch.duration);
            let problem = settings.problem(file.touch.duration.span(), message);
            reader.problems.push(problem.help(format!("give more than {HESITATION} s and at most half of the watch")));
        }
        let mut entrants: Vec<Entrant> = Vec::new();
        for contestant in &file.contestant {
            if entrants.iter().any(|entrant| entrant.name == *contestant.name.get_ref()) {
                let message = format!("two contestants are called \"{}\"", contestant.name.get_ref());
                reader.problems.push(settings.problem(contestant.name.span(), message).help("rename one"));
            }
            let world = worm.as_ref().map(|(_, experiment)| experiment);
            let before = reader.problems.len();
            let names = [&senses, &drives];
            let found = reader.entrant(contestant, shared, names, (budget, within), world);
            entrants.extend(found.filter(|_| reader.problems.len() == before));
        }
        let known = || file.contestant.iter().map(|contestant| contestant.name.get_ref().as_str());
        if !known().any(|name| name == file.against.get_ref()) {
            let message = format!("no contestant is called \"{}\"", file.against.get_ref());
            let problem = settings.problem(file.against.span(), message);
            reader.problems.push(match nearest(file.against.get_ref(), known()) {
                Some(name) => problem.help(format!("did you mean \"{name}\"?")),
                None => problem.help("name one of the [[contestant]]s: the others are compared with it"),
            });
        }
        let asked = worm.as_ref().map(|(_, experiment)| &experiment.rows);
        let rows = behaviour::rows()?.into_iter().filter(|row| {
            row.of_any_run() && asked.is_some_and(|asked| asked.iter().any(|name| *name.get_ref() == row.id))
        });
        let rows = rows.collect();
        let Reader { problems, .. } = reader;
        let Some(((worm, _), lessons)) = worm.zip(lessons) else { return Err(problems) };
        problems.or_ok(())?;
        let against = entrants.iter().position(|entrant| entrant.name == *file.against.get_ref()).unwrap_or_default();
        let (title, reproduces) = (file.title, file.reproduces);
        Ok(Self {
            settings,
            title,
            reproduces,
            worm,
            duration,
            seeds,
            against,
            rows,
            lessons,
            conditions,
            touch,
            entrants,
            senses,
            drives,
        })
    }

    /// The policy of a contestant before it has learned, with the weights that a seed gives; none of a yardstick.
    pub fn policy(&self, entrant: &Entrant, seed: u64) -> Option<Policy> {
        let Mind::Policy(file) = &entrant.mind else { return None };
        let mut reader = Reader { settings: &self.settings, problems: Problems::new() };
        reader.policy(file, self.senses.clone(), self.drives.clone(), seed).map(|(policy, _)| policy)
    }

    /// The names of what every policy feels and drives.
    pub fn names(&self) -> [&[String]; 2] {
        [&self.senses, &self.drives]
    }
}

/// An experiment that the contest names, read.
fn experiment(settings: &Settings, name: &Spanned<String>, problems: &mut Problems) -> Option<(Settings, Experiment)> {
    let place = settings.place(name.span());
    let read = settings.open_beside(name.get_ref()).map_err(Problems::from);
    let read = read.and_then(|other| Ok((other.clone(), Experiment::read(other)?)));
    let placed = |found: Problem| if found.place.is_none() { found.at(place.clone()) } else { found };
    read.map_err(|found| problems.extend(found.into_iter().map(placed))).ok()
}

impl Reader<'_> {
    fn lessons(&mut self, file: &File, touch: Touch, worm: Option<&Settings>) -> Option<Lessons> {
        let settings = self.settings;
        let (imitation, reward) = (&file.imitation, &file.reward);
        let above = |value: &f64| value.is_finite() && *value > 0.0;
        let not_below = |value: &f64| value.is_finite() && *value >= 0.0;
        let [from, lead] = [&imitation.from, &imitation.lead]
            .map(|text| settings.not_negative(text, Dimension::TIME, &mut self.problems));
        settings.positive(&imitation.examples, Dimension::TIME, &mut self.problems);
        let share = |share: &f64| *share > 0.0 && *share < 1.0;
        let schedule = Schedule {
            rate: 0.0,
            clip: self.expect(&imitation.clip, above, "clip", "a length above 0"),
            batch: self.expect(&imitation.batch, |batch| *batch > 0, "batch", "at least one sample"),
            epochs: self.expect(&imitation.epochs, |epochs| *epochs > 0, "epochs", "at least one"),
            noise: self.expect(&imitation.noise, not_below, "noise", "a deviation from 0"),
            seed: 0,
            decay: 1.0,
        };
        let rates = imitation.rates.get_ref().clone();
        if rates.is_empty() || !rates.iter().all(above) {
            let problem = settings.problem(imitation.rates.span(), "`rates` are steps of Adam above 0");
            self.problems.push(problem.help("give those that every policy tries: rates = [0.003, 0.01]"));
        }
        let validation = self.expect(&imitation.validation, share, "validation", "a share above 0 and below 1");
        let sequence = self.expect(&imitation.sequence, |steps| *steps > 0, "sequence", "at least one step");
        let method = self.choice(&reward.method, "method", &Method::ALL);
        if method == Some(Method::Covariance) {
            let problem = settings.problem(reward.method.span(), "policies of a contest are too large for CMA-ES");
            self.problems.push(problem.help("give \"evolution_strategy\" or \"random_search\""));
        }
        let population = self.expect(&reward.population, |count| *count > 3, "population", "at least four policies");
        let deviation = self.expect(&reward.deviation, above, "deviation", "a deviation above 0");
        let rate = self.expect(&reward.rate, above, "rate", "a step above 0, such as 0.01");
        let weights = [("forward", &reward.forward), ("energy", &reward.energy), ("smoothness", &reward.smoothness)];
        let [forward, energy, smoothness] =
            weights.map(|(key, weight)| self.expect(weight, |weight| weight.is_finite(), key, "a number"));
        let mut touches = Vec::new();
        for (end, times) in [(End::Head, &file.touch.head), (End::Tail, &file.touch.tail)] {
            for time in times {
                let at = settings.not_negative(time, Dimension::TIME, &mut self.problems);
                touches.push(end.touch(at, touch.duration));
            }
        }
        let duration = settings.positive(&reward.duration, Dimension::TIME, &mut self.problems);
        let reward_of = Reward { experiment: worm?.clone(), duration, forward, keep_speed: None, energy, smoothness };
        Some(Lessons {
            examples: imitation.examples.get_ref().clone(),
            sequence,
            from,
            touches,
            lead,
            validation,
            reward: reward_of,
            evolution: (method?, population, deviation),
            generations: Schedule { rate, epochs: *reward.generations.get_ref(), noise: 0.0, ..schedule.clone() },
            imitation: schedule,
            rates,
        })
    }

    fn entrant(
        &mut self,
        file: &ContestantFile,
        shared: &SharedFile,
        names: [&Vec<String>; 2],
        budget: (usize, f64),
        world: Option<&Experiment>,
    ) -> Option<Entrant> {
        let settings = self.settings;
        let name = file.name.get_ref().clone();
        if name.is_empty() || name.contains(['/', '\\']) || name.starts_with('.') {
            let problem = settings.problem(file.name.span(), format!("no file can be called \"{name}\""));
            self.problems.push(problem.help("give a name without slashes that begins with a letter"));
        }
        match (&file.policy, &file.experiment) {
            (None, Some(named)) => {
                let (own, read) = experiment(settings, named, &mut self.problems)?;
                let same = |world: &Experiment| {
                    (&read.anatomy, &read.medium, read.step) == (&world.anatomy, &world.medium, world.step)
                };
                if !world.is_some_and(same) {
                    let message = format!("{name} has another body, medium or step than the worm of the contest");
                    let problem = settings.problem(named.span(), message);
                    self.problems.push(problem.help("give it the `anatomy`, `medium` and `step` of `worm`"));
                }
                Some(Entrant { name, mind: Mind::Experiment(own), parameters: None })
            }
            (Some(policy), None) => {
                let own = policy.get_ref();
                if own.file.is_some()
                    || own.time_unit.is_some()
                    || own.interval.is_some()
                    || own.squash.is_some()
                    || !own.senses.is_empty()
                    || !own.drives.is_empty()
                {
                    let message =
                        "`file`, `senses`, `drives`, `time_unit`, `interval` and `squash` are not for one contestant";
                    let problem = settings.problem(own.cell.span(), message);
                    self.problems.push(problem.help("they are the same for all, in [shared]"));
                    return None;
                }
                let mut own = own.clone();
                own.time_unit = Some(shared.time_unit.clone());
                own.interval = Some(shared.interval.clone());
                own.squash = Some(shared.squash.clone());
                let (own, parameters) = self.sized(own, &file.name, names, budget)?;
                Some(Entrant { name, mind: Mind::Policy(Box::new(own)), parameters: Some(parameters) })
            }
            _ => {
                let problem = settings.problem(file.name.span(), format!("what drives the worm of {name}?"));
                self.problems.push(problem.help("give either [contestant.policy] or `experiment`"));
                None
            }
        }
    }

    /// The policy of the size whose number of weights is nearest to the budget, and that number.
    fn sized(
        &mut self,
        file: PolicyFile,
        name: &Spanned<String>,
        [senses, drives]: [&Vec<String>; 2],
        (budget, within): (usize, f64),
    ) -> Option<(PolicyFile, usize)> {
        let count = |file: &PolicyFile| -> Result<usize, Problems> {
            let mut reader = Reader { settings: self.settings, problems: Problems::new() };
            let made = reader.policy(file, senses.clone(), drives.clone(), 1);
            let weights = made.map_or(0, |(policy, _)| policy.network.weights().len());
            reader.problems.or_ok(weights)
        };
        // An AutoNCP needs three neurons besides those that are read.
        let least = if file.wiring.is_some() { drives.len() + 3 } else { 1 };
        let nearest_size = || -> Result<(PolicyFile, usize), Problems> {
            let Some(smallest) = resized(&file, least) else { return Ok((file.clone(), count(&file)?)) };
            let at = |units: usize| -> Result<(PolicyFile, usize), Problems> {
                let file = resized(&file, units).unwrap_or_else(|| smallest.clone());
                count(&file).map(|weights| (file, weights))
            };
            let (mut low, mut high) = (least, least);
            while at(high)?.1 < budget {
                (low, high) = (high, 2 * high);
            }
            while high - low > 1 {
                let middle = low.midpoint(high);
                if at(middle)?.1 < budget { low = middle } else { high = middle }
            }
            let (below, above) = (at(low)?, at(high)?);
            Ok(if above.1.abs_diff(budget) < below.1.abs_diff(budget) { above } else { below })
        };
        match nearest_size() {
            Ok((file, weights)) => {
                if weights.abs_diff(budget) as f64 > within * budget as f64 {
                    let name = name.get_ref();
                    let message = format!("{name} has {weights} weights at its nearest size, where {budget} are asked");
                    let problem = self.settings.problem(file.cell.span(), message);
                    self.problems.push(problem.help("change `parameters` or `within`, or the shape of its cell"));
                }
                Some((file, weights))
            }
            Err(found) => {
                self.problems.extend(found);
                None
            }
        }
    }
}

/// The same policy with so many neurons; none where its size is given by names.
fn resized(file: &PolicyFile, neurons: usize) -> Option<PolicyFile> {
    let mut file = file.clone();
    match &mut file.wiring {
        Some(rule) => match rule.as_mut() {
            Rule::AutoNcp { units, .. } => *units = neurons,
            _ => return None,
        },
        None if file.connectome.is_some() => return None,
        None => file.units = Some(Spanned::new(file.cell.span(), neurons)),
    }
    Some(file)
}
