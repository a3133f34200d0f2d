//! CMA-ES on the weights of a policy, for how well it does in the worm.
//!
//! Every point that was tried is kept in the journal beside the policy, `NAME.training.csv`, as `nematode fit` keeps its own; a
//! search that was stopped goes on from there with the bits of one that was not.

use std::ops::ControlFlow;

use super::evolution::Method;
use super::plan::Plan;
use super::trainer::Epoch;
use super::{KEEP_EVERY, Training};
use crate::error::{Error, Problem};
use crate::journal::Journal;
use crate::optimise::{Search, smallest};

/// The covariance of so many weights still fits a cache, and its axes are found within a generation's time.
const MOST_WEIGHTS: usize = 1000;

/// Whether the policy of a plan is small enough for its method.
pub(super) fn check(plan: &Plan, method: Method) -> Result<(), Problem> {
    let weights = plan.policy.network.weights().len();
    if method != Method::Covariance || weights <= MOST_WEIGHTS {
        return Ok(());
    }
    let message = format!("CMA-ES of {weights} weights; it keeps the square of that, so at most {MOST_WEIGHTS}");
    let problem = plan.settings.problem(0..0, message);
    Err(problem.help("give a smaller policy, fewer `drives`, or method = \"evolution_strategy\""))
}

impl Training {
    /// Searches until every generation is done or `stop` says so after one.
    pub(super) fn search(
        &mut self,
        population: usize,
        deviation: f64,
        stop: &mut dyn FnMut(&Epoch) -> bool,
    ) -> Result<(), Error> {
        let start = self.plan.policy.network.weights().to_vec();
        let search = Search { start, spread: deviation, population, seed: self.plan.schedule.seed };
        let path = self.beside("training.csv");
        if !self.goes_on && path.exists() {
            // A training that begins anew takes nothing from one before it, as with Adam.
            std::fs::remove_file(&path).map_err(|source| Error::System {
                path: path.clone(),
                action: "begin anew".into(),
                source,
            })?;
        }
        let notes = format!("# the search of training {}\n", self.identity());
        let mut journal = Journal::open(&path, &notes, self.parameters())?;
        let known = std::mem::take(&mut journal.known);
        let epochs = self.epochs();
        let mut failed: Option<Error> = None;
        self.trainer.curve.clear();
        let scorer = self.trainer.scorer();
        smallest(&search, &known, &scorer, &mut |generation| {
            let epoch = Epoch { loss: generation.best, validation: generation.overall.1, accuracy: None };
            self.trainer.found(epoch, generation.overall.0.clone());
            let stopped = stop(&epoch) || generation.number >= epochs;
            let kept = journal.keep(generation).map_err(Error::from);
            let due = stopped || generation.number.is_multiple_of(KEEP_EVERY);
            match kept.and_then(|()| if due { self.keep() } else { Ok(()) }) {
                Ok(()) if !stopped => ControlFlow::Continue(()),
                Ok(()) => ControlFlow::Break(()),
                Err(error) => {
                    failed = Some(error);
                    ControlFlow::Break(())
                }
            }
        })?;
        failed.map_or(Ok(()), Err)
    }
}
