//! A policy's worth: how well the worm does that it drives.
//!
//!   R = a v − b (v − v₀)² − c ⟨A²⟩ − d ⟨(dA/dt)²⟩
//!
//! v speed forwards \[body lengths/s\], the mean of the movement of the centre of mass along the body's own heading; v₀ a speed to
//! be kept; A activation of the muscles, ⟨⟩ mean over muscles and time; dA/dt in 1/s. A run that diverges is worth −10.
//!
//! The worm is that of an experiment, particles or rods, whose own controller the policy replaces. Nothing is random in it.

use std::path::PathBuf;

use crate::controller::policy::Policy;
use crate::error::Problems;
use crate::experiment::Experiment;
use crate::run::Run;
use crate::settings::Settings;
use crate::snapshot::Snapshot;
use crate::worm::Worm;

/// What a run that diverges is worth: less than any that crawls backwards.
const DIVERGED: f64 = -10.0;

/// What is rewarded, and where.
#[derive(Debug, Clone, PartialEq)]
pub struct Reward {
    /// The experiment, as it was read.
    pub experiment: Settings,
    /// How long a worm is watched \[s\]; the experiment's own time if there is none.
    pub duration: f64,
    /// a.
    pub forward: f64,
    /// b and v₀ \[1/s\].
    pub keep_speed: Option<(f64, f64)>,
    /// c.
    pub energy: f64,
    /// d.
    pub smoothness: f64,
}

impl Reward {
    /// Whether the policy fits the worm.
    ///
    /// # Errors
    /// Every problem of the experiment, and of names that do not fit.
    pub fn check(&self, policy: &Policy) -> Result<(), Problems> {
        self.worm(policy).map(|_| ())
    }

    /// The files that the experiment was read from, itself first.
    pub fn file(&self) -> PathBuf {
        self.experiment.path().to_path_buf()
    }

    fn worm(&self, policy: &Policy) -> Result<Worm, Problems> {
        let mut experiment = Experiment::read(self.experiment.clone())?;
        experiment.controller = Some(Box::new(policy.clone().controller(Vec::new(), Vec::new())?));
        match Run::prepare(experiment, Vec::new(), &|_| {}) {
            Ok(run) => Ok(run.into_worm()),
            Err(crate::error::Error::Input(problems)) => Err(problems),
            Err(other) => Err(crate::error::Problem::new(other.to_string()).into()),
        }
    }

    /// The worth of a policy that was checked.
    pub fn of(&self, policy: &Policy) -> f64 {
        let Ok(mut worm) = self.worm(policy) else { return DIVERGED };
        let dt = worm.step_length();
        let steps = (self.duration / dt).round().max(1.0) as usize;
        let mut before = Snapshot::of(&worm).pose();
        let mut activation = worm.activation().to_vec();
        let (mut moved, mut energy, mut roughness) = (0.0, 0.0, 0.0);
        for _ in 0..steps {
            if worm.step().is_err() {
                return DIVERGED;
            }
            let now = Snapshot::of(&worm).pose();
            moved += (now.center - before.center).dot(&before.heading.normalize());
            for (old, new) in activation.iter_mut().zip(worm.activation()) {
                energy += new * new;
                roughness += ((new - *old) / dt).powi(2);
                *old = *new;
            }
            before = now;
        }
        let all = (steps * activation.len()) as f64;
        let speed = moved / (worm.body().rest_length() * steps as f64 * dt);
        let kept = self.keep_speed.map_or(0.0, |(weight, wanted)| weight * (speed - wanted).powi(2));
        let worth = self.forward * speed - kept - self.energy * energy / all - self.smoothness * roughness / all;
        if worth.is_finite() { worth.max(DIVERGED) } else { DIVERGED }
    }
}
