//! A worm that is driven from outside: what one of Python's worms is, and each of a team.

use nematode::error::{Error, Problem, RunFailure};
use nematode::names::MUSCLE_COUNT;
use nematode::pose::Pose;
use nematode::proprioception::Sense;
use nematode::run::Run;
use nematode::worm::{Disturbance, Worm};

use crate::controller::InPython;
use crate::experiment::{self, Source, Still};

/// Points of a midline of which headings are taken: as recordings have them.
const POINTS: usize = 49;

/// What an experiment's worm is built from.
#[derive(Clone)]
pub struct Plan {
    /// The experiment.
    pub source: Source,
    /// Standard deviation of noise on κL.
    pub noise: f64,
    /// How late senses are, in steps.
    pub delay: usize,
}

/// The worm, and what is held of its drives.
pub struct Driven {
    /// The worm.
    pub worm: Worm,
    /// Drives from outside, not a number where a muscle follows its own.
    held: Option<Vec<f64>>,
    /// Whether the first half of the next step is done.
    decided: bool,
    start: Vec<f64>,
    disturbance: Option<Disturbance>,
    senses: Vec<Sense>,
    /// Lowest drive that has an effect.
    pub least_drive: f64,
}

/// What came of some steps.
pub struct Stretch {
    /// Way of the centre of mass along the heading at the beginning [m].
    pub moved: f64,
    /// Mean square of the activation of muscles.
    pub energy: f64,
    /// Mean square of its rate [1/s²].
    pub roughness: f64,
    /// Why it ended early.
    pub failure: Option<RunFailure>,
}

impl Stretch {
    /// Nothing done.
    pub const NONE: Self = Self { moved: 0.0, energy: 0.0, roughness: 0.0, failure: None };
}

impl Driven {
    /// Builds the worm, straight and at rest.
    pub fn new(plan: Plan, controller: Option<InPython>, seed: Option<u64>) -> Result<Self, Error> {
        let mut experiment = experiment::read(plan.source)?;
        let (slenderness, inhibition) = (experiment.anatomy.slenderness(), experiment.anatomy.muscle().1);
        match controller {
            Some(controller) => experiment.controller = Some(Box::new(controller)),
            None if experiment.controller.is_none() && experiment.network.is_none() => {
                experiment.controller = Some(Box::new(Still));
            }
            None => {}
        }
        if !(plan.noise >= 0.0 && plan.noise.is_finite()) {
            let problem = Problem::new(format!("the deviation of noise on senses is {}", plan.noise));
            return Err(problem.help("give zero or more").into());
        }
        let disturbed = plan.noise > 0.0 || plan.delay > 0;
        let disturbance =
            disturbed.then_some(Disturbance { delay: plan.delay, noise: plan.noise, slenderness, seed: 0 });
        let worm = Run::prepare(experiment, Vec::new(), &|_| {})?.into_worm();
        let senses = Sense::all().into_iter().map(|(_, sense)| sense).collect();
        let start = worm.state();
        let mut driven =
            Self { worm, held: None, decided: false, start, disturbance, senses, least_drive: -inhibition };
        driven.reset(seed)?;
        Ok(driven)
    }

    /// How many senses there are.
    pub fn sense_count(&self) -> usize {
        self.senses.len()
    }

    /// Back to the beginning; `seed` is that of the noise on senses.
    pub fn reset(&mut self, seed: Option<u64>) -> Result<(), Problem> {
        if let Some(disturbance) = &mut self.disturbance {
            disturbance.seed = seed.unwrap_or(disturbance.seed);
            self.worm.disturb(*disturbance);
        } else if seed.is_some() {
            let problem = Problem::new("this worm's senses have no noise, so a seed would change nothing");
            return Err(problem.help("leave out the seed, or give the worm noise"));
        }
        self.worm.restore(&self.start)?;
        self.worm.drain_spikes();
        (self.held, self.decided) = (None, false);
        Ok(())
    }

    /// Holds drives from now on; none lets all go.
    pub fn hold(&mut self, drives: Option<Vec<f64>>) {
        self.held = drives;
    }

    /// Holds the drive of one muscle.
    pub fn hold_one(&mut self, muscle: usize, drive: f64) {
        self.held.get_or_insert_with(|| vec![f64::NAN; MUSCLE_COUNT])[muscle] = drive;
    }

    /// Sense, decide, fire: once before each move.
    pub fn decide(&mut self) -> Result<(), RunFailure> {
        if !self.decided {
            self.worm.decide()?;
            self.decided = true;
        }
        Ok(())
    }

    /// One whole step.
    pub fn step(&mut self) -> Result<(), RunFailure> {
        self.decide()?;
        if let Some(held) = &self.held {
            let drives = self.worm.drives_mut().iter_mut();
            drives.zip(held).filter(|(_, held)| !held.is_nan()).for_each(|(drive, held)| *drive = *held);
        }
        self.worm.act()?;
        self.decided = false;
        // Nobody asks for them here, and they would pile up.
        self.worm.drain_spikes();
        Ok(())
    }

    /// What is felt, into `out`, one number for each sense.
    pub fn observe(&mut self, out: &mut [f64]) -> Result<(), RunFailure> {
        self.decide()?;
        self.copy_felt(out);
        Ok(())
    }

    /// What was felt last.
    pub fn copy_felt(&self, out: &mut [f64]) {
        let felt = self.worm.felt();
        out.iter_mut().zip(&self.senses).for_each(|(out, sense)| *out = sense.of(felt));
    }

    /// Where the worm heads, as a vector of length 1.
    pub fn heading(&self) -> [f64; 3] {
        let (heading, _) = Pose::heading_and_width(&self.worm.body().midline().resampled(POINTS));
        heading.normalize().into()
    }

    /// Centre of mass [m].
    pub fn center(&self) -> [f64; 3] {
        self.worm.body().center_of_mass().into()
    }

    /// Takes some steps, and looks what came of them.
    pub fn advance(&mut self, steps: usize) -> Stretch {
        let (heading, before) = (self.heading(), self.center());
        let mut activation = self.worm.activation().to_vec();
        let dt = self.worm.step_length();
        let (mut energy, mut roughness, mut failure) = (0.0, 0.0, None);
        for _ in 0..steps {
            if let Err(why) = self.step() {
                failure = Some(why);
                break;
            }
            for (old, new) in activation.iter_mut().zip(self.worm.activation()) {
                energy += new * new;
                roughness += ((new - *old) / dt).powi(2);
                *old = *new;
            }
        }
        let moved = heading.iter().zip(self.center()).zip(before).map(|((along, now), then)| along * (now - then));
        let all = (steps * activation.len()).max(1) as f64;
        Stretch { moved: moved.sum(), energy: energy / all, roughness: roughness / all, failure }
    }
}
