//! A drop of one liquid in another, which fills the rest of its space: Laplace's pressure, from forces between particles.
//!
//!   f(r) = s x (1 − x)²,   x = r/H,      γ = (π/4) n² ∫ f r⁴ dr = π s n² H⁵/672
//!
//! Particles of unlike liquids that are nearer than H [m] push each other apart with f [N] along the line between them; alike
//! ones do not feel each other. That is the same as alike ones that attract each other, but for a pressure that both liquids
//! have, since an attraction between all would move nothing. γ surface tension [N/m], n particles per volume [1/m³]: the work
//! per area that it takes to bring unlike liquids to where alike ones were. A drop of radius R at rest has a pressure 2γ/R above
//! that around it; a sphere with forces of a reach like these has it to a thousandth.
//!
//! Pressures are those of the projection. A drop in nothing, held together by attraction alone, is not to be had of a liquid that only
//! pushes: at its surface, where a sum over neighbours finds too few, particles are drawn together until it does not.
//!
//! Source: Fowler 1937, doi:10.1098/rspa.1937.0052, and Kirkwood & Buff 1949, doi:10.1063/1.1747248 (the integral);
//! Tartakovsky & Panchenko 2016, doi:10.1016/j.jcp.2015.08.037 (such forces among particles of a liquid).

use std::f64::consts::PI;

use crate::body::neighbors::Neighbors;
use crate::body::particles::Vec3;
use crate::body::pool::{Filling, Pool};
use crate::parallel;
use crate::validate::{Claim, Measured};

pub const CLAIMS: &[Claim] = &[Claim {
    name: "Laplace pressure of a drop, worst of three radii",
    unit: "Pa",
    tolerance: 0.1,
    source: "Young-Laplace: 2 gamma/R; Kirkwood & Buff 1949, doi:10.1063/1.1747248, for gamma",
    slow: true,
    experiment: Some(laplace),
}];

/// Distance of particles [m].
const SPACING: f64 = 1e-4;

/// Density of both liquids [kg/m³].
const RHO: f64 = 1000.0;

/// Viscosity of both [Pa·s]: what a surface does not hold in place comes to rest in some steps.
const MU: f64 = 0.05;

/// γ [N/m].
const TENSION: f64 = 0.05;

/// H: two smoothing lengths, some 250 neighbours.
const REACH: f64 = 4.0 * SPACING;

/// f [N] between two unlike particles `r` [m] apart, less than the reach.
fn push(r: f64) -> f64 {
    let (volume, x) = (SPACING.powi(3), r / REACH);
    let strength = 672.0 * TENSION * volume * volume / (PI * REACH.powi(5));
    strength * x * (1.0 - x).powi(2)
}

/// A drop and what is around it, in a cube that repeats.
struct Drop {
    pool: Pool,
    /// Which particles are the drop.
    within: Vec<bool>,
    /// Radius of a sphere of its volume [m].
    radius: f64,
    period: [f64; 3],
    neighbors: Neighbors,
}

impl Drop {
    /// A drop about so many spacings in radius.
    fn new(radius: f64) -> Self {
        // Room for the reach, and for liquid that feels nothing of it.
        let side = 2 * (radius + REACH / SPACING + 1.5).ceil() as usize;
        let period = [side as f64 * SPACING; 3];
        let filling = Filling { spacing: SPACING, density: RHO, viscosity: MU, error: 1e-3 };
        let mut pool = Pool::new(&filling, period);
        pool.fill();
        let mut within = Vec::new();
        for n in 0..side.pow(3) {
            let place = Vec3::from([n % side, n / side % side, n / (side * side)].map(|n| n as f64 + 0.5));
            within.push((place - Vec3::repeat(0.5 * side as f64)).norm() < radius);
            let askew = [0.819_172_513, 0.671_043_607, 0.549_700_478].map(|step| ((n + 1) as f64 * step).fract() - 0.5);
            pool.add_liquid((place + Vec3::from(askew) * 0.3) * SPACING);
        }
        let count = within.iter().filter(|within| **within).count();
        let radius = libm::cbrt(3.0 * count as f64 / (4.0 * PI)) * SPACING;
        Self { pool, within, radius, period, neighbors: Neighbors::default() }
    }

    /// Moves both liquids over a step of `dt` [s].
    fn step(&mut self, dt: f64) {
        let Self { pool, within, neighbors, period, .. } = self;
        let share = dt / (RHO * SPACING.powi(3));
        neighbors.rebuild_in(&pool.position, REACH, *period);
        let position = &pool.position;
        parallel::for_each(&mut pool.velocity, |i, v| {
            for j in neighbors.of(i).filter(|j| within[*j] != within[i]) {
                let away = neighbors.away(position, i, j);
                let r = away.norm();
                // Two at one place are not pushed apart, since nobody knows which way.
                *v += away * (push(r) / r.max(f64::MIN_POSITIVE) * share);
            }
        });
        pool.step(dt, Vec3::zeros());
    }

    /// Mean pressure in the drop above that around it [Pa], each where nothing is felt of the other.
    fn pressure(&self) -> f64 {
        let (pressure, position) = (self.pool.pressure(), &self.pool.position);
        let middle = (0..position.len()).filter(|i| self.within[*i]).map(|i| position[i]).sum::<Vec3>()
            / self.within.iter().filter(|within| **within).count() as f64;
        let mean = |is_there: &dyn Fn(f64) -> bool| {
            let there = (0..position.len()).filter(|i| is_there((position[*i] - middle).norm()));
            let (sum, count) = there.fold((0.0, 0.0), |(sum, count), i| (sum + pressure[i], count + 1.0));
            sum / count
        };
        mean(&|r| r < self.radius - REACH) - mean(&|r| r > self.radius + REACH)
    }
}

/// The pressure of drops of three radii, each its mean over the second half of twenty steps; the one that is farthest off.
fn laplace() -> Result<Measured, String> {
    let mut worst: Option<Measured> = None;
    for radius in [7.0, 8.0, 9.0] {
        let mut drop = Drop::new(radius);
        // γ/μ, the speed of a surface that nothing else holds, passes a fifth of a spacing in a step. Ten steps more change no
        // pressure by 2 %.
        let (dt, steps, settled) = (2e-5, 20, 10);
        let mut value = 0.0;
        for step in 0..steps {
            drop.step(dt);
            if step >= settled {
                value += drop.pressure() / f64::from(steps - settled);
            }
        }
        let measured = Measured { value, reference: 2.0 * TENSION / drop.radius };
        // What is no number is the worst.
        if worst.is_none_or(|worst| measured.error().is_nan() || measured.error() > worst.error()) {
            worst = Some(measured);
        }
    }
    worst.ok_or_else(|| "there is no drop".to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_work_that_parts_two_liquids_is_the_tension_between_them() {
        let (steps, n) = (400, SPACING.powi(-3));
        let width = REACH / f64::from(steps);
        let middles = || (0..steps).map(|k| (f64::from(k) + 0.5) * width);
        let mut work = 0.0;
        for z in middles() {
            // Two layers of unlike liquids, z apart, push each other with this on an area, over their thicknesses.
            let push: f64 =
                middles().filter(|r| *r > z).map(|r| push(r) * z / r * 2.0 * PI * r * width).sum::<f64>() * n * n;
            // Half spaces with a gap g between them have z - g of such pairs, and g goes from nothing to z.
            work += push * 0.5 * z * z * width;
        }
        // The midpoint rule at 400 steps, whose first one in r is cut off by z: a two-hundredth each.
        assert!((work / TENSION - 1.0).abs() < 0.01, "{work}");
    }
}
