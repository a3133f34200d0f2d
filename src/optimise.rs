//! Looks for the numbers that make a score smallest, by evolution of a normal distribution (CMA-ES).
//!
//!   x_k ~ m + σ N(0, C),   k = 1 … λ         mean m, spread σ and covariance C follow the better half of each
//!                                            generation's λ points
//!
//! The same seed gives the same points in the same order on any number of threads. A search that was stopped goes on by
//! being repeated: points whose score is known are not scored again.
//!
//! Source: Hansen & Ostermeier 2001, doi:10.1162/106365601750190398; the crate `cmaes`, in its standard settings.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Mutex;

use cmaes::{CMAESOptions, DVector};

use crate::error::Problem;

/// What a search begins with.
#[derive(Debug, Clone, PartialEq)]
pub struct Search {
    /// The first mean.
    pub start: Vec<f64>,
    /// The first spread, the same in every direction.
    pub spread: f64,
    /// Points in a generation.
    pub population: usize,
    /// Seed of the random numbers.
    pub seed: u64,
}

/// Points with their scores, by the bits of their coordinates.
#[derive(Debug, Clone, Default)]
pub struct Known(BTreeMap<Vec<u64>, f64>);

impl Known {
    /// Keeps a point's score.
    pub fn insert(&mut self, point: &[f64], score: f64) {
        self.0.insert(bits(point), score);
    }

    /// The score of that very point.
    pub fn get(&self, point: &[f64]) -> Option<f64> {
        self.0.get(&bits(point)).copied()
    }

    /// How many points are known.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn bits(point: &[f64]) -> Vec<u64> {
    point.iter().map(|x| x.to_bits()).collect()
}

/// What a generation came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Generation {
    /// Its number, from 1.
    pub number: usize,
    /// Points that were scored now, not known before, the best first.
    pub scored: Vec<(Vec<f64>, f64)>,
    /// Score of its best point.
    pub best: f64,
    /// The best point of all generations so far and its score.
    pub overall: (Vec<f64>, f64),
    /// The spread of the next generation.
    pub spread: f64,
}

/// Searches until `hear` has heard enough or there is nothing left to gain, and gives the best point with its score.
///
/// `score` is called on several threads at once and must give a finite number; smaller is better.
///
/// # Errors
/// A search in no dimension, with a population below 4 or no spread, or a score that is not finite.
pub fn smallest(
    search: &Search,
    known: &Known,
    score: &(dyn Fn(&[f64]) -> f64 + Sync),
    hear: &mut dyn FnMut(&Generation) -> ControlFlow<()>,
) -> Result<(Vec<f64>, f64), Problem> {
    let scored: Mutex<Vec<(Vec<f64>, f64)>> = Mutex::new(Vec::new());
    let evaluate = |point: &DVector<f64>| {
        known.get(point.as_slice()).unwrap_or_else(|| {
            let value = score(point.as_slice());
            // A thread that panicked while it held the list has already ended the search.
            if let Ok(mut list) = scored.lock() {
                list.push((point.as_slice().to_vec(), value));
            }
            value
        })
    };
    let options =
        CMAESOptions::new(search.start.clone(), search.spread).population_size(search.population).seed(search.seed);
    let mut evolution =
        options.build(evaluate).map_err(|wrong| Problem::new(format!("no search can begin like this: {wrong:?}")))?;
    loop {
        let ended = evolution.next_parallel();
        let mut now = scored.lock().map(|mut list| std::mem::take(&mut *list)).unwrap_or_default();
        now.sort_by(|(one, a), (other, b)| a.total_cmp(b).then_with(|| bits(one).cmp(&bits(other))));
        let (Some(best), Some(overall)) = (evolution.current_best_individual(), evolution.overall_best_individual())
        else {
            return Err(Problem::new("a point's score is not a finite number"));
        };
        let overall = (overall.point.as_slice().to_vec(), overall.value);
        let generation = Generation {
            number: evolution.generation(),
            scored: now,
            best: best.value,
            overall: overall.clone(),
            spread: evolution.sigma(),
        };
        if hear(&generation).is_break() || ended.is_some() {
            return Ok(overall);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parallel::with_threads;

    fn valley(point: &[f64]) -> f64 {
        point.iter().enumerate().map(|(k, x)| 10f64.powi(k as i32) * (x - 0.3).powi(2)).sum()
    }

    fn search() -> Search {
        Search { start: vec![0.8; 4], spread: 0.2, population: 8, seed: 7 }
    }

    /// A point and its score.
    type Scored = (Vec<f64>, f64);

    fn generations(count: usize, known: &Known) -> (Vec<Scored>, Scored) {
        let mut all = Vec::new();
        let best = smallest(&search(), known, &valley, &mut |generation| {
            all.extend(generation.scored.clone());
            if generation.number == count { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        (all, best.expect("a search"))
    }

    #[test]
    fn the_bottom_of_a_narrow_valley_is_found() {
        let (_, (point, score)) = generations(150, &Known::default());
        assert!(score < 1e-8 && point.iter().all(|x| (x - 0.3).abs() < 1e-3), "{point:?} {score}");
    }

    #[test]
    fn the_points_are_the_same_on_any_number_of_threads() {
        let one = with_threads(1, || generations(20, &Known::default()));
        let four = with_threads(4, || generations(20, &Known::default()));
        assert_eq!(one, four);
    }

    #[test]
    fn a_search_that_was_stopped_goes_on_where_it_was() {
        let (whole, best) = generations(30, &Known::default());
        let (half, _) = generations(15, &Known::default());
        let mut known = Known::default();
        half.iter().for_each(|(point, score)| known.insert(point, *score));
        let (rest, again) = generations(30, &known);
        assert_eq!([half, rest].concat(), whole);
        assert_eq!(again, best);
    }
}
