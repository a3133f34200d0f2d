//! Viscosity: neighbours drag each other along.
//!
//!   fᵢ = Σⱼ cᵢⱼ (vⱼ − vᵢ),   cᵢⱼ = μ (m/ρ₀)² ∇²W(rᵢⱼ)
//!
//! μ dynamic viscosity [Pa·s], m/ρ₀ volume of a particle [m³], cᵢⱼ a drag between two particles [kg/s]. The explicit
//! form adds f to the forces; it is stable below h²/(8ν), 76 µs for water at h = 24.7 µm. The implicit form solves
//!
//!   (m/dt) (v − vₙ) = Σⱼ cᵢⱼ (vⱼ − vᵢ)
//!
//! for the new velocities by conjugate gradients, stable at any step; walls keep the velocity that they have.
//!
//! Source: Müller et al. 2003 (the Laplacian); Morris, Fox & Zhu 1997, doi:10.1006/jcph.1997.5776 (the step limit);
//! Weiler et al. 2018, doi:10.1111/cgf.13349 (implicit, by conjugate gradients).

use crate::body::exchange::{Equations, Exchange};
use crate::body::neighbors::Neighbors;
use crate::body::particles::Vec3;
use crate::body::pressure::Fluid;
use crate::parallel;

/// Relative residual at which the conjugate gradients stop: velocities to six digits.
const TOLERANCE: f64 = 1e-6;

/// Most iterations; a hundred neighbours-of-neighbours reach through a worm's cross-section several times over.
const MOST_ITERATIONS: usize = 200;

/// cᵢⱼ for two particles `away` from each other [kg/s].
#[inline]
fn pair_drag(fluid: &Fluid, viscosity: f64, away: Vec3) -> f64 {
    let volume = fluid.mass / fluid.rest_density;
    viscosity * volume * volume * fluid.smoothing.laplacian(away.norm())
}

/// Adds the acceleration by viscosity of every particle [m/s²]; `viscosity` μ [Pa·s].
pub fn add_acceleration(
    fluid: &Fluid,
    viscosity: f64,
    neighbors: &Neighbors,
    position: &[Vec3],
    velocity: &[Vec3],
    acceleration: &mut [Vec3],
) {
    parallel::for_each(acceleration, |i, acceleration| {
        for j in neighbors.of(i) {
            let drag = pair_drag(fluid, viscosity, neighbors.away(position, i, j));
            *acceleration += (velocity[j] - velocity[i]) * (drag / fluid.mass);
        }
    });
}

/// The implicit step, with room to solve it in.
#[derive(Debug, Clone, Default)]
pub struct Viscosity {
    exchange: Exchange<Vec3>,
}

impl Viscosity {
    /// Solves for the velocities of the particles that move, over one step of `dt` [s]; the others are walls.
    #[allow(clippy::too_many_arguments)]
    pub fn solve(
        &mut self,
        fluid: &Fluid,
        viscosity: f64,
        neighbors: &Neighbors,
        dt: f64,
        position: &[Vec3],
        moves: &[bool],
        velocity: &mut [Vec3],
    ) {
        let inertia = fluid.mass / dt;
        let equations = Equations {
            neighbors,
            moves,
            own: |_| inertia,
            pair: |i, j| pair_drag(fluid, viscosity, neighbors.away(position, i, j)),
            asked: |_, velocity: Vec3| velocity * inertia,
        };
        self.exchange.solve(&equations, velocity, TOLERANCE, MOST_ITERATIONS);
    }

    /// Iterations of the last solve.
    pub fn iterations(&self) -> usize {
        self.exchange.iterations
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body::smoothing::Smoothing;

    const SPACING: f64 = 12.36e-6;

    fn water() -> Fluid {
        Fluid {
            mass: 1000.0 * SPACING * SPACING * SPACING,
            rest_density: 1000.0,
            smoothing: Smoothing::new(2.0 * SPACING),
            counts_itself: true,
        }
    }

    /// A slab of liquid between two walls of three layers each; the upper wall moves along x.
    fn channel() -> (Vec<Vec3>, Vec<bool>, Vec<Vec3>) {
        let mut channel = (Vec::new(), Vec::new(), Vec::new());
        for n in 0..7 * 7 * 16 {
            let p = Vec3::new(f64::from(n % 7), f64::from(n / 7 % 7), f64::from(n / 49)) * SPACING;
            let layer = n / 49;
            // Particles at the open sides move as the answer says; inside, they must find it by themselves.
            let inside = (3..13).contains(&layer) && (1..6).contains(&(n % 7)) && (1..6).contains(&(n / 7 % 7));
            let height = (f64::from(layer) - 2.5) / 10.0;
            channel.0.push(p);
            channel.1.push(inside);
            channel.2.push(Vec3::new(if inside { 0.0 } else { 1e-3 * height }, 0.0, 0.0));
        }
        channel
    }

    #[test]
    fn liquid_between_a_still_and_a_moving_wall_shears_evenly() {
        let (position, moves, mut velocity) = channel();
        let mut neighbors = Neighbors::default();
        neighbors.rebuild(&position, 2.0 * SPACING);
        // 5 ms are thirty times the h²/ν of water here: the steady state of Couette's flow.
        for _ in 0..4 {
            Viscosity::default().solve(&water(), 1e-3, &neighbors, 5e-3, &position, &moves, &mut velocity);
        }
        for (i, v) in velocity.iter().enumerate() {
            let height = position[i].z / SPACING - 2.5;
            // A linear flow is a solution of the discrete equations too, but for the solver's tolerance.
            assert!((v.x - 1e-4 * height).abs() < 1e-8, "{} at {height}", v.x);
        }
    }

    #[test]
    fn a_liquid_without_walls_comes_to_move_as_one_and_keeps_its_momentum() {
        let (position, _, _) = channel();
        let mut velocity: Vec<Vec3> = (0..position.len())
            .map(|n| Vec3::new(1.0, 2.0, 3.0).map(|step| 1e-3 * libm::sin(step * n as f64)))
            .collect();
        let mut neighbors = Neighbors::default();
        neighbors.rebuild(&position, 2.0 * SPACING);
        let mean = |velocity: &[Vec3]| velocity.iter().sum::<Vec3>() / velocity.len() as f64;
        let before = mean(&velocity);
        let moves = vec![true; position.len()];
        let mut viscosity = Viscosity::default();
        // Half a second is a hundred times what viscosity needs from end to end, L²/(π²ν).
        viscosity.solve(&water(), 1e-3, &neighbors, 0.5, &position, &moves, &mut velocity);
        assert!(viscosity.iterations() < MOST_ITERATIONS);
        let farthest = velocity.iter().map(|v| (v - before).norm()).fold(0.0, f64::max);
        // The solver leaves a millionth of the velocities that it began with, 1.2 mm/s (rms), unbalanced.
        assert!((mean(&velocity) - before).norm() < 1.2e-9, "{} of {before}", mean(&velocity));
        // A hundredth of 1.2 mm/s is left of the slowest wave, which has only a part of it.
        assert!(farthest < 1e-5, "{farthest} from {before}");
    }

    #[test]
    fn a_small_implicit_step_agrees_with_the_explicit_one() {
        let (position, moves, velocity) = channel();
        let mut neighbors = Neighbors::default();
        neighbors.rebuild(&position, 2.0 * SPACING);
        let dt = 1e-8;
        let mut implicit = velocity.clone();
        Viscosity::default().solve(&water(), 1e-3, &neighbors, dt, &position, &moves, &mut implicit);
        let mut acceleration = vec![Vec3::zeros(); position.len()];
        add_acceleration(&water(), 1e-3, &neighbors, &position, &velocity, &mut acceleration);
        let largest = acceleration.iter().map(|a| a.norm()).fold(0.0, f64::max) * dt;
        for i in (0..position.len()).filter(|i| moves[*i]) {
            let difference = (implicit[i] - velocity[i] - acceleration[i] * dt).norm();
            // Second order in dt/(h²/ν) = 1e-4, times a few.
            assert!(difference < 2e-3 * largest, "{difference} of {largest}");
        }
    }
}
