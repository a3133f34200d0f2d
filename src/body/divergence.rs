//! Pressure that only pushes, found from velocities: a liquid at its density is not compressed further (the divergence
//! solver of divergence-free SPH, DFSPH).
//!
//!   vᵢ ← vᵢ + h aᵢ      so that      h dρᵢ/dt ≤ max(κ (ρ₀ − ρᵢ), (1 − τ) ρ₀ − ρᵢ, 0)
//!
//!   aᵢ = Σⱼ wᵢⱼ (pᵢ + pⱼ) (xᵢ − xⱼ)      dρᵢ/dt = −ρ₀² Σⱼ wᵢⱼ (xᵢ − xⱼ)·(vᵢ − vⱼ)      wᵢⱼ = −cᵢⱼ m/ρ₀² W'(r)/r
//!
//! with pᵢ ≥ 0 [Pa], and pᵢ = 0 where less is asked for than allowed; h time step [s], m mass of a particle [kg], ρ₀ density
//! at rest [kg/m³]. Far from others a particle moves freely up to a density of (1 − τ) ρ₀; what is nearer to ρ₀ than sums over
//! neighbours tell apart closes slowly, by a share κ of it in a step. Liquid enclosed in a body may become denser by the
//! error ε allowed, (1 + ε) ρ₀ − ρᵢ: what it does to its walls acts a step late, and if it had to follow them at once, that
//! would swing up (a free worm in vacuum gained six times its energy within a step).
//!
//! A particle of a wall has no pressure of its own. It stands for the mirror image of each that it holds off, with the
//! same pressure and the velocity turned about the wall's, 2 v_wall − vᵢ: so c = 2 for pairs with a wall, 1 else, and
//! there is no pⱼ. The two sums are each other's adjoint, and a difference in density from rest is left to the places
//! (`pressure.rs`, see `flow.rs`): pressure takes energy where something collides, and never gives any.
//!
//! Solved by rounds that correct each pressure by its own diagonal, carried on in the direction of the last change and
//! held back once that leads uphill:
//!
//!   pᵢ ← max(0, qᵢ + ω rᵢ/dᵢ),   rᵢ how far ρᵢ is above what it may be,   dᵢ = h² ρ₀² (|Σⱼ wᵢⱼ xᵢⱼ|² + Σⱼ wᵢⱼ² r²)
//!   q ← p + β (p − p of the round before)
//!
//! the second sum of d over those j that move. The first guess is the pressure of the last step. Rounds converge for ω
//! below 1/λ, the largest that a change of r is of the change of d q that caused it: where a round shows a larger one, ω
//! gives way.
//!
//! Source: Bender & Koschier 2015, doi:10.1145/2786784.2786796 (divergence and density apart, the diagonal); Hu & Adams
//! 2007, doi:10.1016/j.jcp.2007.07.013 (one for velocities, the other for places); Nesterov 1983 and O'Donoghue & Candès
//! 2015, doi:10.1007/s10208-013-9150-3 (carrying on and holding back).

use crate::body::neighbors::Neighbors;
use crate::body::particles::Vec3;
use crate::body::pressure::{Corrected, Fluid, Stop, densities, over_pairs, push};
use crate::parallel::{self, CHUNK};

/// ω to begin with: half of what a particle alone would need, since its neighbours are corrected too. On a lattice 0.65
/// comes to no end (measured).
const RELAXATION: f64 = 0.5;

/// ω λ at most, once λ was seen: what a round shows is less than the largest.
const MOST_RELAXED: f64 = 0.9;

/// Compression left on the average when rounds end, of the error allowed for a single particle: what is left is left
/// again in each of the hundreds of steps in which a particle passes its spacing.
const SHARE_LEFT: f64 = 2e-3;

/// κ. With 1, what densities vary by from place to place is room to fall into for a step: a resting column of disordered
/// particles trembles, its pressure 5 % too steep, where it is 2 % with a fiftieth.
const CLOSING: f64 = 0.02;

/// τ: a particle of a surface lacks 0.2 of its density, one in the midst of disordered particles some hundredths.
const UNCERTAIN: f64 = 0.05;

/// Fewest rounds: the pressures of the step before are never taken for these.
const FEWEST: usize = 2;

/// Pressures, and the accelerations that they cause.
#[derive(Debug, Clone, Default)]
pub struct Divergence {
    /// Pressure of each particle [Pa], the first guess of the next solve; those at rest have none of their own.
    pub pressure: Vec<f64>,
    /// Acceleration by pressure [m/s²].
    pub acceleration: Vec<Vec3>,
    /// Density of each particle as it lies [kg/m³].
    density: Vec<f64>,
    /// dᵢ, 0 for those that are not asked [kg/(m³ Pa)].
    diagonal: Vec<f64>,
    /// By how much each may rise in this step [kg/m³].
    room: Vec<f64>,
    /// rᵢ [kg/m³].
    excess: Vec<f64>,
    /// Pressures of the round before, and those that a round begins with [Pa].
    before: Vec<f64>,
    carried: Vec<f64>,
    /// The last two of the round before.
    carried_before: Vec<f64>,
    excess_before: Vec<f64>,
    /// Velocities under the pressures of a round [m/s].
    moving: Vec<Vec3>,
    /// wᵢⱼ of the pairs of each chunk of particles, in the order of their neighbours [m³/(kg·m²)].
    weights: Vec<Vec<f64>>,
}

/// How a round corrects.
struct Pace {
    /// ω.
    relaxation: f64,
    /// Nesterov's sequence, which β follows from.
    momentum: f64,
}

impl Pace {
    /// β of this round.
    fn carried_on(&mut self) -> f64 {
        let (now, next) = (self.momentum, 0.5 * (1.0 + (1.0 + 4.0 * self.momentum * self.momentum).sqrt()));
        self.momentum = next;
        (now - 1.0) / next
    }
}

impl Divergence {
    /// Finds the pressures under which `velocity` [m/s] compresses no particle that is at its density, over a step of
    /// `dt` [s]; `moves` says which are liquid, `enclosed` which of them are inside a body, if any are. Afterwards `self.acceleration` is what pressure adds.
    ///
    /// Stops when no particle is compressed by more than the error allowed and all by a small share of it on the average.
    #[allow(clippy::too_many_arguments)]
    pub fn solve(
        &mut self,
        fluid: &Fluid,
        stop: &Stop,
        neighbors: &Neighbors,
        dt: f64,
        position: &[Vec3],
        velocity: &[Vec3],
        moves: &[bool],
        enclosed: &[bool],
    ) -> Corrected {
        let (count, rest) = (position.len(), fluid.rest_density);
        densities(fluid, neighbors, position, &mut self.density);
        self.weigh_pairs(fluid, neighbors, dt, position, moves);
        self.look_for_room(rest, stop.error, enclosed);
        self.pressure.resize(count, 0.0);
        self.carried.clone_from(&self.pressure);
        self.acceleration.resize(count, Vec3::zeros());
        self.moving.resize(count, Vec3::zeros());
        self.excess.resize(count, 0.0);
        let liquid = parallel::ordered_sum(count, |i| if moves[i] { 1.0 } else { 0.0 }).max(1.0);
        let mut pace = Pace { relaxation: RELAXATION, momentum: 1.0 };
        let mut corrected = Corrected::default();
        loop {
            self.accelerate(neighbors, position, moves);
            let acceleration = &self.acceleration;
            parallel::for_each(&mut self.moving, |i, v| *v = velocity[i] + acceleration[i] * dt);
            self.measure(neighbors, position, rest, dt);
            // Where there is no pressure to take away, room is no error.
            let (excess, carried) = (&self.excess, &self.carried);
            let error = |i: usize| (if carried[i] > 0.0 { excess[i] } else { excess[i].max(0.0) }) / rest;
            corrected.error = parallel::largest(count, error);
            let mean = parallel::ordered_sum(count, |i| error(i).abs()) / liquid;
            let good = corrected.error <= stop.error && mean <= SHARE_LEFT * stop.error;
            if (good && corrected.iterations >= FEWEST) || corrected.iterations >= stop.most {
                self.pressure.clone_from(&self.carried);
                return corrected;
            }
            if corrected.iterations > 0 {
                self.keep_pace(&mut pace);
            }
            corrected.iterations += 1;
            self.before.clone_from(&self.pressure);
            self.carried_before.clone_from(&self.carried);
            self.excess_before.clone_from(&self.excess);
            let (carried, excess, diagonal, relaxation) =
                (&self.carried, &self.excess, &self.diagonal, pace.relaxation);
            parallel::for_each(&mut self.pressure, |i, p| {
                *p = if diagonal[i] > 0.0 { (carried[i] + relaxation * excess[i] / diagonal[i]).max(0.0) } else { 0.0 };
            });
            self.carry_on(&mut pace);
        }
    }

    /// Lets ω give way where the last round overshot.
    fn keep_pace(&self, pace: &mut Pace) {
        let (q, q_before, r, r_before) = (&self.carried, &self.carried_before, &self.excess, &self.excess_before);
        let diagonal = &self.diagonal;
        let answered = parallel::ordered_sum(q.len(), |i| (q[i] - q_before[i]) * (r_before[i] - r[i]));
        let asked = parallel::ordered_sum(q.len(), |i| diagonal[i] * (q[i] - q_before[i]).powi(2));
        if pace.relaxation * answered > MOST_RELAXED * asked {
            *pace = Pace { relaxation: MOST_RELAXED * asked / answered, momentum: 1.0 };
        }
    }

    /// Pressures that the next round begins with.
    fn carry_on(&mut self, pace: &mut Pace) {
        let (pressure, before, carried, diagonal) = (&self.pressure, &self.before, &self.carried, &self.diagonal);
        let downhill = parallel::ordered_sum(pressure.len(), |i| {
            (pressure[i] - carried[i]) * (pressure[i] - before[i]) * diagonal[i]
        });
        if downhill < 0.0 {
            pace.momentum = 1.0;
        }
        let kept = pace.carried_on();
        parallel::for_each(&mut self.carried, |i, q| {
            *q = (pressure[i] + kept * (pressure[i] - before[i])).max(0.0);
        });
    }

    /// What the pressures of this round do to those that move.
    fn accelerate(&mut self, neighbors: &Neighbors, position: &[Vec3], moves: &[bool]) {
        let (pressure, weights) = (&self.carried, &self.weights);
        parallel::for_each(&mut self.acceleration, |i, by_pressure| {
            *by_pressure = if moves[i] {
                push(neighbors, position, i, weights_of(weights, neighbors, i), pressure)
            } else {
                Vec3::zeros()
            };
        });
    }

    /// How much denser than it may be each particle becomes in a step.
    fn measure(&mut self, neighbors: &Neighbors, position: &[Vec3], rest: f64, dt: f64) {
        let (velocity, weights, room, diagonal) = (&self.moving, &self.weights, &self.room, &self.diagonal);
        parallel::for_each(&mut self.excess, |i, excess| {
            *excess = 0.0;
            if diagonal[i] > 0.0 {
                let approach = approach(neighbors, position, i, weights_of(weights, neighbors, i), velocity);
                *excess = dt * rest * rest * approach - room[i];
            }
        });
    }

    /// By how much each density may rise in this step.
    fn look_for_room(&mut self, rest: f64, error: f64, enclosed: &[bool]) {
        let density = &self.density;
        self.room.resize(density.len(), 0.0);
        parallel::for_each(&mut self.room, |i, room| {
            let lack = (rest - density[i]).max(0.0);
            *room = (CLOSING * lack).max(lack - UNCERTAIN * rest);
            if enclosed.get(i) == Some(&true) {
                *room = room.max((1.0 + error) * rest - density[i]);
            }
        });
    }

    /// What does not change while pressures do: weights of the pairs, and the diagonal.
    fn weigh_pairs(&mut self, fluid: &Fluid, neighbors: &Neighbors, dt: f64, position: &[Vec3], moves: &[bool]) {
        let factor = fluid.mass / (fluid.rest_density * fluid.rest_density);
        self.weights.resize_with(position.len().div_ceil(CHUNK), Vec::new);
        parallel::for_each_large(&mut self.weights, |chunk, weights| {
            weights.clear();
            for i in (chunk * CHUNK..((chunk + 1) * CHUNK).min(position.len())).filter(|i| moves[*i]) {
                weights.resize(neighbors.begin_in_chunk(i), 0.0);
                weights.extend(neighbors.of(i).map(|j| {
                    let r = neighbors.away(position, i, j).norm();
                    let share = if moves[j] { factor } else { 2.0 * factor };
                    if r > 0.0 { share * fluid.smoothing.steepness(r) / r } else { 0.0 }
                }));
            }
        });
        let weights = &self.weights;
        self.diagonal.resize(position.len(), 0.0);
        parallel::for_each(&mut self.diagonal, |i, diagonal| {
            *diagonal = 0.0;
            if moves[i] {
                let (mut push, mut squares) = (Vec3::zeros(), 0.0);
                for (j, weight) in neighbors.of(i).zip(weights_of(weights, neighbors, i)) {
                    let by = neighbors.away(position, i, j) * *weight;
                    push += by;
                    squares += if moves[j] { by.norm_squared() } else { 0.0 };
                }
                *diagonal = (dt * fluid.rest_density).powi(2) * (push.norm_squared() + squares);
            }
        });
    }
}

/// The weights of particle `i`, which moves, in the order of its neighbours.
#[inline]
fn weights_of<'a>(weights: &'a [Vec<f64>], neighbors: &Neighbors, i: usize) -> &'a [f64] {
    let begin = neighbors.begin_in_chunk(i);
    &weights[i / CHUNK][begin..begin + neighbors.count(i)]
}

/// −Σⱼ wᵢⱼ (xᵢ − xⱼ)·(vᵢ − vⱼ).
fn approach(neighbors: &Neighbors, position: &[Vec3], i: usize, weights: &[f64], velocity: &[Vec3]) -> f64 {
    let own = velocity[i];
    over_pairs(neighbors, position, i, weights, |j, weight, away| weight * away.dot(&(velocity[j] - own)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body::smoothing::Smoothing;

    const SPACING: f64 = 10e-6;
    const DT: f64 = 1e-3;

    fn water() -> Fluid {
        let smoothing = Smoothing::new(2.0 * SPACING);
        let crowd: f64 =
            cube().iter().filter(|x| x.norm() < smoothing.length).map(|x| smoothing.density(x.norm_squared())).sum();
        Fluid { mass: 1000.0 / crowd, rest_density: 1000.0, smoothing, counts_itself: true }
    }

    /// A cube of 9 x 9 x 9 particles on a lattice, around one in the middle.
    fn cube() -> Vec<Vec3> {
        let place = |n: usize| Vec3::from([n % 9, n / 9 % 9, n / 81].map(|k| (k as f64 - 4.0) * SPACING));
        (0..729).map(place).collect()
    }

    /// Velocities of the cube after the solve; those of the lowest two layers, a wall, stay.
    fn solved(velocity: impl Fn(&Vec3) -> Vec3) -> (Divergence, Vec<Vec3>, Corrected) {
        let position = cube();
        let mut neighbors = Neighbors::default();
        let moves: Vec<bool> = (0..position.len()).map(|n| n >= 162).collect();
        neighbors.rebuild_around(&position, 2.0 * SPACING, &moves, None);
        let before: Vec<Vec3> =
            position.iter().zip(&moves).map(|(x, m)| if *m { velocity(x) } else { Vec3::zeros() }).collect();
        let mut divergence = Divergence::default();
        let stop = Stop { error: 1e-3, fewest: 0, most: 500 };
        let corrected = divergence.solve(&water(), &stop, &neighbors, DT, &position, &before, &moves, &[]);
        let after = before.iter().zip(&divergence.acceleration).map(|(v, a)| v + a * DT).collect();
        (divergence, after, corrected)
    }

    fn energy(velocity: &[Vec3]) -> f64 {
        velocity.iter().map(|v| v.norm_squared()).sum()
    }

    #[test]
    fn a_block_that_falls_on_a_floor_stops_and_gains_no_energy() {
        let fall = Vec3::new(0.0, 0.0, -1e-3);
        let (_, after, corrected) = solved(|_| fall);
        assert!(corrected.error <= 1e-3 && corrected.iterations < 500, "{corrected:?}");
        assert!(energy(&after) < energy(&vec![fall; 567]));
        // A spacing above the floor it falls on as far as water gives way to the sides, over four spacings and a half.
        let above = &after[81 * 2 + 40];
        assert!(above.z < 0.0 && above.z > 0.3 * fall.z, "{above}");
    }

    #[test]
    fn what_shrinks_evenly_is_held_and_what_grows_is_let_go() {
        let (held, after, _) = solved(|x| -x * 10.0);
        assert!(held.pressure.iter().all(|p| *p >= 0.0) && held.pressure.iter().any(|p| *p > 0.0));
        // Along each axis the two neighbours of the one in the middle; untouched it would be -30 /s.
        let along = |axis: usize, step: usize| (after[364 + step][axis] - after[364 - step][axis]) / (2.0 * SPACING);
        let divergence = along(0, 1) + along(1, 9) + along(2, 81);
        assert!(divergence.abs() < 3.0, "{divergence} /s");
        let (free, ..) = solved(|x| (x + Vec3::new(0.0, 0.0, 2.0 * SPACING)) * 10.0);
        assert!(free.pressure.iter().all(|p| *p == 0.0));
    }

    #[test]
    fn pressures_within_the_liquid_sum_to_nothing() {
        let position = cube();
        let mut neighbors = Neighbors::default();
        neighbors.rebuild(&position, 2.0 * SPACING);
        let moves = vec![true; position.len()];
        let velocity: Vec<Vec3> = position.iter().map(|x| Vec3::new(-3.0 * x.x, x.z, 2.0 * x.y)).collect();
        let mut divergence = Divergence::default();
        let stop = Stop { error: 1e-3, fewest: 0, most: 500 };
        divergence.solve(&water(), &stop, &neighbors, DT, &position, &velocity, &moves, &[]);
        let sum: Vec3 = divergence.acceleration.iter().sum();
        let largest = divergence.acceleration.iter().map(|a| a.norm()).fold(0.0, f64::max);
        // Rounding of some 700 x 30 pair forces.
        assert!(largest > 0.0 && sum.norm() < 1e-11 * largest, "{} of {largest}", sum.norm());
    }
}
