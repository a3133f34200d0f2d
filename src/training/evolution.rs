//! Learning from worth alone: many policies near the one of now are tried, and it moves towards the better ones.
//!
//! - **Evolution strategy**: g = −1/(n σ) Σ rᵢ εᵢ, where policies θ ± σ ε are tried in pairs and r are their ranks from −½ to
//!   ½, so that one lucky run does not rule; Adam goes down g. Source: Salimans et al. 2017, arXiv:1703.03864, algorithm 2.
//! - **Adaptive random search**: a few weights of the best policy are moved; the best of those tried replaces it if it is better.
//!   The more generations bring nothing, the more weights are moved. Source: Hasani et al. 2020, arXiv:1809.04423, algorithm 1;
//!   its repetition of noisy episodes falls away, since the worm's are not noisy.
//!
//! - **CMA-ES**: `optimise.rs`, whose generations are its own; for small policies only, since its covariance has the square of the
//!   number of weights.
//!
//! All chance comes from the seed and the number of the generation.

use crate::controller::numpy_random::Pcg64;

/// How policies are tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Evolution strategy.
    Strategy,
    /// Adaptive random search.
    RandomSearch,
    /// CMA-ES.
    Covariance,
}

impl Method {
    /// The methods by name.
    pub const ALL: [(&'static str, Self); 3] =
        [("evolution_strategy", Self::Strategy), ("random_search", Self::RandomSearch), ("cma_es", Self::Covariance)];
}

/// Generations without gain after which one more part of the weights is moved.
const PATIENCE: usize = 50;
/// Part of the weights that is moved at first: 1 of so many.
const PART: usize = 20;

/// The policies to be tried in a generation; `idle` generations have brought nothing.
pub fn ask(
    method: Method,
    weights: &[f64],
    population: usize,
    deviation: f64,
    idle: usize,
    seed: u64,
) -> Vec<Vec<f64>> {
    let mut chance = Pcg64::new(seed);
    let noise = |chance: &mut Pcg64| -> Vec<f64> { weights.iter().map(|_| deviation * chance.normal()).collect() };
    let moved =
        |noise: &[f64], sign: f64| weights.iter().zip(noise).map(|(weight, noise)| weight + sign * noise).collect();
    match method {
        Method::Strategy => (0..population.div_ceil(2))
            .flat_map(|_| {
                let noise = noise(&mut chance);
                [moved(&noise, 1.0), moved(&noise, -1.0)]
            })
            .collect(),
        Method::RandomSearch => (0..population)
            .map(|_| {
                let many = (weights.len() / PART + 1).saturating_mul(1 + idle / PATIENCE).min(weights.len());
                let chosen = chance.permutation(weights.len());
                let mut policy = weights.to_vec();
                for place in &chosen[..many] {
                    policy[*place] += deviation * chance.normal();
                }
                policy
            })
            .collect(),
        // It asks by itself: `Training::search`.
        Method::Covariance => Vec::new(),
    }
}

/// The gradient of what the evolution strategy goes down, from what its policies are worth.
pub fn gradient(weights: &[f64], tried: &[Vec<f64>], worth: &[f64], deviation: f64) -> Vec<f64> {
    let mut order: Vec<usize> = (0..worth.len()).collect();
    order.sort_by(|a, b| worth[*a].total_cmp(&worth[*b]).then(a.cmp(b)));
    let mut ranks = vec![0.0; worth.len()];
    for (rank, policy) in order.into_iter().enumerate() {
        ranks[policy] = rank as f64 / (worth.len() - 1).max(1) as f64 - 0.5;
    }
    let mut gradient = vec![0.0; weights.len()];
    for (policy, rank) in tried.iter().zip(ranks) {
        for ((g, moved), weight) in gradient.iter_mut().zip(policy).zip(weights) {
            *g -= rank * (moved - weight) / (deviation * deviation * tried.len() as f64);
        }
    }
    gradient
}

#[cfg(test)]
mod tests {
    use super::super::adam::Adam;
    use super::*;

    fn worth(policy: &[f64]) -> f64 {
        -policy.iter().enumerate().map(|(place, weight)| (weight - 0.1 * place as f64).powi(2)).sum::<f64>()
    }

    #[test]
    fn both_methods_find_the_top_of_a_hill() {
        for method in [Method::Strategy, Method::RandomSearch] {
            let mut weights = vec![1.0; 10];
            let mut adam = Adam::new(10, 0.05, f64::INFINITY);
            let (start, mut idle) = (worth(&weights), 0);
            for generation in 0..400 {
                let tried = ask(method, &weights, 16, 0.1, idle, generation);
                let worths: Vec<f64> = tried.iter().map(|policy| worth(policy)).collect();
                if method == Method::Strategy {
                    let gradient = gradient(&weights, &tried, &worths, 0.1);
                    adam.step(&mut weights, &gradient);
                } else if let Some(best) = (0..16).max_by(|a, b| worths[*a].total_cmp(&worths[*b])) {
                    idle = if worths[best] > worth(&weights) { 0 } else { idle + 1 };
                    if idle == 0 {
                        weights.clone_from(&tried[best]);
                    }
                }
            }
            // Noise of 0.1 in ten weights keeps the strategy about that far off.
            assert!(worth(&weights) > 0.02 * start, "{method:?}: {} from {start}", worth(&weights));
        }
    }
}
