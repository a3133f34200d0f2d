//! Pressure that pushes a predicted density back to rest (predictive-corrective incompressible SPH, PCISPH).
//!
//! Repeated until no particle is denser than rest by more than the error allowed:
//!
//!   v* = v + h (a + a_p)      x* = x + h v*      ρᵢ* = m Σⱼ W(xᵢ* − xⱼ*)
//!   pᵢ ← max(0, pᵢ + δ (ρᵢ* − ρ₀))
//!   a_p,i = −m Σⱼ (pᵢ + pⱼ)/(ρ₀ ρ₀) ∇W(xᵢ − xⱼ)
//!
//! pᵢ pressure [Pa], ρ₀ rest density [kg/m³], h time step [s], m mass of a particle [kg], and δ [m²/s²] how much
//! pressure one unit of density error asks for. δ follows from the time step in force: halving the step makes it
//! four times larger. Both members of a pair get the same force, and every pair within the smoothing length counts,
//! so momentum is kept to rounding. Negative pressure is clipped: the liquid does not pull.
//! Not the equation-of-state pressure of WCSPH. The implicit liquid asks it only how far particles are to be moved aside,
//! h² a_p (`flow.rs`).
//!
//! Source: Solenthaler & Pajarola 2009, doi:10.1145/1531326.1531346, section 3.

use std::ops::{Add, AddAssign};

use crate::body::neighbors::Neighbors;
use crate::body::particles::Vec3;
use crate::body::smoothing::Smoothing;
use crate::parallel::{self, CHUNK};
use crate::simd;

/// The constants of one liquid.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fluid {
    /// Mass of one particle [kg].
    pub mass: f64,
    /// Density at rest, as the smoothed sum measures it [kg/m³].
    pub rest_density: f64,
    /// The smoothing functions.
    pub smoothing: Smoothing,
    /// Whether a particle counts in its own density. The peer's does not; a sum that does is the standard one.
    pub counts_itself: bool,
}

/// When the iteration stops.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stop {
    /// Density error allowed, as a fraction of rest density.
    pub error: f64,
    /// Fewest iterations: the first corrections change sign, so stopping at once would freeze a bad guess.
    pub fewest: usize,
    /// Most iterations; what error is left then is reported.
    pub most: usize,
}

/// How a pressure solve ended.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Corrected {
    /// Iterations made.
    pub iterations: usize,
    /// Largest density error left among moving particles, as a fraction of rest density.
    pub error: f64,
}

/// Pressures and the accelerations that they cause.
#[derive(Debug, Clone, Default)]
pub struct Pressure {
    /// Pressure of each particle [Pa].
    pub pressure: Vec<f64>,
    /// Predicted density of each particle [kg/m³].
    pub density: Vec<f64>,
    /// Acceleration by pressure [m/s²].
    pub acceleration: Vec<Vec3>,
    predicted: Vec<Vec3>,
    /// What crowds each particle at rest and stands still itself [m⁶].
    standing: Vec<f64>,
    /// −m/ρ₀² W'(r)/r of the pairs of each chunk of particles, in the order of their neighbours [m³/(kg·m²)].
    weights: Vec<Vec<f64>>,
}

/// ω: the share of its own error by which a particle is corrected, since its neighbours are corrected too. A ball
/// packed 10 % too tightly needs 66 iterations with 0.5, 44 with 0.75, 153 with 0.9, and diverges with 1 (measured).
const RELAXATION: f64 = 0.75;

/// δ [m²/s²]: the pressure that a density error asks for, from a filled neighbourhood on a cubic lattice.
///
///   δ = ω / (β (Σ∇W · Σ∇W + Σ ∇W·∇W)),   β = 2 h² m²/ρ₀²
pub fn correction_strength(fluid: &Fluid, dt: f64) -> f64 {
    let spacing = libm::cbrt(fluid.mass / fluid.rest_density);
    let reach = (fluid.smoothing.length / spacing).ceil() as i32;
    let mut sum_of_squares = 0.0;
    for x in -reach..=reach {
        for y in -reach..=reach {
            for z in -reach..=reach {
                let r = Vec3::new(f64::from(x), f64::from(y), f64::from(z)).norm() * spacing;
                if r > 0.0 && r < fluid.smoothing.length {
                    sum_of_squares += fluid.smoothing.steepness(r).powi(2);
                }
            }
        }
    }
    // The lattice is symmetric, so Σ∇W itself vanishes.
    let beta = 2.0 * (dt * fluid.mass / fluid.rest_density).powi(2);
    RELAXATION / (beta * sum_of_squares)
}

/// Terms of a sum side by side: as many as the widest registers hold, so that no term waits for the one before.
const LANES: usize = 8;

/// Neighbours whose distances are worked out before any is weighed.
const BATCH: usize = 4 * LANES;

/// Σⱼ (h² − rⱼ²)³ over some of the neighbours of particle `i` [m⁶]; those that have moved out of reach weigh nothing.
#[inline(always)]
fn crowd(neighbors: &Neighbors, position: &[Vec3], i: usize, partners: &[u32], h2: f64) -> f64 {
    let here = position[i];
    let at_edge = neighbors.is_at_edge(i);
    let mut lanes = [0.0; LANES];
    for batch in partners.chunks(BATCH) {
        let mut squares = [h2; BATCH];
        for (square, j) in squares.iter_mut().zip(batch) {
            let away = if at_edge { neighbors.away(position, i, *j as usize) } else { here - position[*j as usize] };
            *square = away.x * away.x + away.y * away.y + away.z * away.z;
        }
        for squares in squares.as_chunks::<LANES>().0 {
            for (lane, square) in lanes.iter_mut().zip(squares) {
                let gap = (h2 - square).max(0.0);
                *lane += gap * gap * gap;
            }
        }
    }
    sum_of_lanes(&lanes)
}

#[inline(always)]
fn sum_of_lanes(lanes: &[f64; LANES]) -> f64 {
    let [a, b, c, d, e, f, g, h] = lanes;
    ((a + e) + (c + g)) + ((b + f) + (d + h))
}

/// Density of every particle [kg/m³] at `position`, over its neighbours.
pub fn densities(fluid: &Fluid, neighbors: &Neighbors, position: &[Vec3], density: &mut Vec<f64>) {
    density.resize(position.len(), 0.0);
    parallel::for_each(density, |i, density| {
        *density = density_of(
            fluid,
            simd::widest(
                #[inline(always)]
                || crowd(neighbors, position, i, neighbors.list(i), fluid.smoothing.length.powi(2)),
            ),
        );
    });
}

/// Density [kg/m³] where neighbours crowd so much [m⁶].
fn density_of(fluid: &Fluid, crowd: f64) -> f64 {
    let itself = fluid.smoothing.density(0.0);
    let start = if fluid.counts_itself { itself } else { 0.0 };
    // A lone particle is as dense as its own smoothing: dividing by its density stays possible.
    fluid.mass * (start + itself / fluid.smoothing.length.powi(6) * crowd).max(itself)
}

impl Pressure {
    /// Solves for the pressures of one step of `dt` [s].
    ///
    /// `acceleration` is everything but pressure [m/s²]; `moves` says which particles pressure moves, the others
    /// follow `velocity` alone and push back. Afterwards `self.acceleration` holds what pressure adds.
    #[allow(clippy::too_many_arguments)]
    pub fn solve(
        &mut self,
        fluid: &Fluid,
        stop: &Stop,
        neighbors: &Neighbors,
        dt: f64,
        position: &[Vec3],
        velocity: &[Vec3],
        acceleration: &[Vec3],
        moves: &[bool],
    ) -> Corrected {
        let count = position.len();
        self.pressure.clear();
        self.pressure.resize(count, 0.0);
        self.density.resize(count, 0.0);
        self.acceleration.clear();
        self.acceleration.resize(count, Vec3::zeros());
        self.predicted.resize(count, Vec3::zeros());
        let strength = correction_strength(fluid, dt);
        let mut corrected = Corrected::default();
        loop {
            let by_pressure = &self.acceleration;
            parallel::for_each(&mut self.predicted, |i, predicted| {
                *predicted = position[i] + (velocity[i] + (acceleration[i] + by_pressure[i]) * dt) * dt;
            });
            self.measure(fluid, neighbors, corrected.iterations == 0);
            let density = &self.density;
            let excess = |i: usize| if moves[i] { density[i] / fluid.rest_density - 1.0 } else { 0.0 };
            corrected.error = parallel::largest(count, excess);
            let good = corrected.error <= stop.error && corrected.iterations >= stop.fewest;
            if good || corrected.iterations == stop.most {
                return corrected;
            }
            if corrected.iterations == 0 {
                self.weigh_pairs(fluid, neighbors, position, moves);
            }
            corrected.iterations += 1;
            let density = &self.density;
            parallel::for_each(&mut self.pressure, |i, pressure| {
                *pressure = (*pressure + strength * (density[i] - fluid.rest_density)).max(0.0);
            });
            self.accelerate(neighbors, position, moves);
        }
    }

    /// Densities at the predicted positions. What stands still around a particle at rest crowds it as in the `first`
    /// round.
    fn measure(&mut self, fluid: &Fluid, neighbors: &Neighbors, first: bool) {
        let (h2, predicted) = (fluid.smoothing.length.powi(2), &self.predicted);
        if first {
            self.standing.resize(predicted.len(), 0.0);
            parallel::for_each(&mut self.standing, |i, standing| {
                let (list, moving) = (neighbors.list(i), neighbors.moving(i));
                *standing = 0.0;
                if moving < list.len() {
                    *standing = simd::widest(
                        #[inline(always)]
                        || crowd(neighbors, predicted, i, &list[moving..], h2),
                    );
                }
            });
        }
        let standing = &self.standing;
        parallel::for_each_chunk(&mut self.density, |first, densities| {
            simd::widest(
                #[inline(always)]
                || {
                    for (n, density) in densities.iter_mut().enumerate() {
                        let i = first + n;
                        let moving = &neighbors.list(i)[..neighbors.moving(i)];
                        let crowd = crowd(neighbors, predicted, i, moving, h2);
                        *density = density_of(fluid, standing[i] + crowd);
                    }
                },
            );
        });
    }

    /// What the pressures do to the particles that move.
    fn accelerate(&mut self, neighbors: &Neighbors, position: &[Vec3], moves: &[bool]) {
        let (pressure, weights) = (&self.pressure, &self.weights);
        parallel::for_each(&mut self.acceleration, |i, by_pressure| {
            if moves[i] {
                let begin = neighbors.begin_in_chunk(i);
                let weights = &weights[i / CHUNK][begin..begin + neighbors.count(i)];
                *by_pressure = push(neighbors, position, i, weights, pressure);
            }
        });
    }

    /// What does not change while pressures do: the gradient of each pair, as a factor of its distance vector.
    fn weigh_pairs(&mut self, fluid: &Fluid, neighbors: &Neighbors, position: &[Vec3], moves: &[bool]) {
        let factor = fluid.mass / (fluid.rest_density * fluid.rest_density);
        self.weights.resize_with(position.len().div_ceil(CHUNK), Vec::new);
        parallel::for_each_large(&mut self.weights, |chunk, weights| {
            weights.clear();
            // Those at rest are pushed by nobody, and their lists may stand in another order.
            for i in (chunk * CHUNK..((chunk + 1) * CHUNK).min(position.len())).filter(|i| moves[*i]) {
                weights.resize(neighbors.begin_in_chunk(i), 0.0);
                weights.extend(neighbors.of(i).map(|j| {
                    let r = neighbors.away(position, i, j).norm();
                    if r > 0.0 { factor * fluid.smoothing.steepness(r) / r } else { 0.0 }
                }));
            }
        });
    }
}

/// Σⱼ wᵢⱼ (pᵢ + pⱼ) (xᵢ − xⱼ).
pub(super) fn push(neighbors: &Neighbors, position: &[Vec3], i: usize, weights: &[f64], pressure: &[f64]) -> Vec3 {
    let own = pressure[i];
    over_pairs(neighbors, position, i, weights, |j, weight, away| away * (weight * (own + pressure[j])))
}

/// The sum of `term(j, wᵢⱼ, xᵢ − xⱼ)` over the neighbours of particle `i`, in four sums side by side.
#[inline]
pub(super) fn over_pairs<T: Copy + Default + Add<Output = T> + AddAssign>(
    neighbors: &Neighbors,
    position: &[Vec3],
    i: usize,
    weights: &[f64],
    term: impl Fn(usize, f64, Vec3) -> T,
) -> T {
    let (here, list) = (position[i], neighbors.list(i));
    let mut sums = [T::default(); 4];
    let mut add = |n: usize, j: u32, weight: f64, away: Vec3| sums[n] += term(j as usize, weight, away);
    if neighbors.is_at_edge(i) {
        for (n, (j, weight)) in list.iter().zip(weights).enumerate() {
            add(n % 4, *j, *weight, neighbors.away(position, i, *j as usize));
        }
    } else {
        let (fours, rest) = list.as_chunks::<4>();
        let (weights_of_fours, weights_of_rest) = weights.split_at(4 * fours.len());
        for (four, weights) in fours.iter().zip(weights_of_fours.as_chunks::<4>().0) {
            for n in 0..4 {
                add(n, four[n], weights[n], here - position[four[n] as usize]);
            }
        }
        for (n, (j, weight)) in rest.iter().zip(weights_of_rest).enumerate() {
            add(n, *j, *weight, here - position[*j as usize]);
        }
    }
    (sums[0] + sums[2]) + (sums[1] + sums[3])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn water() -> Fluid {
        Fluid { mass: 2e-12, rest_density: 1000.0, smoothing: Smoothing::new(24.72e-6), counts_itself: false }
    }

    /// A ball of particles packed 10 % too tightly.
    fn squeezed_ball() -> Vec<Vec3> {
        let spacing = 12.36e-6 * 0.9;
        let mut ball = Vec::new();
        for n in 0..11 * 11 * 11 {
            let p = Vec3::new(f64::from(n % 11 - 5), f64::from(n / 11 % 11 - 5), f64::from(n / 121 - 5)) * spacing;
            if p.norm() < 5.2 * spacing {
                ball.push(p);
            }
        }
        ball
    }

    fn solve(dt: f64) -> (Pressure, Corrected) {
        let position = squeezed_ball();
        let still = vec![Vec3::zeros(); position.len()];
        let mut neighbors = Neighbors::default();
        neighbors.rebuild(&position, 24.72e-6);
        let mut pressure = Pressure::default();
        let stop = Stop { error: 0.01, fewest: 3, most: 200 };
        let moves = vec![true; position.len()];
        let corrected = pressure.solve(&water(), &stop, &neighbors, dt, &position, &still, &still, &moves);
        (pressure, corrected)
    }

    #[test]
    fn a_squeezed_ball_comes_to_rest_density_within_the_error_allowed() {
        let (_, corrected) = solve(2e-5);
        assert!(corrected.error <= 0.01, "{corrected:?}");
        assert!(corrected.iterations < 200, "{corrected:?}");
    }

    #[test]
    fn pressure_forces_sum_to_nothing() {
        let (pressure, _) = solve(2e-5);
        let sum: Vec3 = pressure.acceleration.iter().sum();
        let largest = pressure.acceleration.iter().map(|a| a.norm()).fold(0.0, f64::max);
        // Rounding of some 500 × 60 pair forces.
        assert!(sum.norm() < 1e-11 * largest, "{} of {largest}", sum.norm());
    }

    #[test]
    fn half_the_step_asks_for_four_times_the_pressure() {
        let fluid = water();
        let ratio = correction_strength(&fluid, 1e-5) / correction_strength(&fluid, 2e-5);
        assert!((ratio - 4.0).abs() < 1e-12, "{ratio}");
        // The same density error is mended in half the time: four times the pressure in the answer as well.
        let (coarse, fine) = (solve(2e-5).0, solve(1e-5).0);
        let mean = |p: &Pressure| p.pressure.iter().sum::<f64>() / p.pressure.len() as f64;
        let ratio = mean(&fine) / mean(&coarse);
        assert!((ratio - 4.0).abs() < 1e-9, "{ratio}");
    }
}
