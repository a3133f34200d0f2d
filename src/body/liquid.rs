//! The inner liquid over one implicit step: carried by its walls, sheared by viscosity, kept at its density.
//!
//! The tissue has already moved and brings the velocity of its walls. Then
//!
//!   viscosity (implicit) → velocities v*     pressure (PCISPH) → corrections a_p     x ← x + h (v* + h a_p)
//!
//! The pressure in a worm has two parts. Its mean, kilopascals, holds the volume against the muscles; it is one
//! number, and the implicit step of the tissue solves for it (`implicit.rs`). What varies along the body only moves
//! the liquid's own mass, millipascals, and is solved here by particles. Both push on the tissue: the variation and
//! the viscous drag are handed back and act in the next step.
//!
//! Source: Solenthaler & Pajarola 2009 (pressure), Weiler et al. 2018 (viscosity); see those files.

use crate::body::neighbors::Neighbors;
use crate::body::particles::Vec3;
use crate::body::pressure::{Corrected, Fluid, Pressure, Stop, densities};
use crate::body::smoothing::Smoothing;
use crate::body::{anatomy::Anatomy, viscosity};
use crate::parallel;

/// A hundredth of rest density, with room to reach it: a crawl needs 3 to 10 iterations.
const STOP: Stop = Stop { error: 0.01, fewest: 3, most: 100 };

/// Rounds in which the filled core settles before a run.
const SETTLING_ROUNDS: usize = 60;

/// The liquid of a body with the work space of its step.
#[derive(Debug, Clone)]
pub struct Liquid {
    fluid: Fluid,
    viscosity: f64,
    neighbors: Neighbors,
    solver: Pressure,
    still: Vec<Vec3>,
    /// Force of the liquid on each particle of tissue [N].
    pub reaction: Vec<Vec3>,
}

impl Liquid {
    /// Settles the liquid, the particles from `first` on, between resting walls.
    ///
    /// The core is packed as the anatomy's spacing allows; the mean of its smoothed density is what counts as rest.
    pub fn settle(anatomy: &Anatomy, first: usize, position: &mut [Vec3]) -> Self {
        let smoothing = Smoothing::new(anatomy.smoothing_length);
        let mut fluid =
            Fluid { mass: anatomy.particle_mass, rest_density: anatomy.liquid_density, smoothing, counts_itself: true };
        let mut neighbors = Neighbors::default();
        neighbors.rebuild(position, smoothing.length);
        let mut density = Vec::new();
        densities(&fluid, &neighbors, position, &mut density);
        let liquid = &density[first..];
        if !liquid.is_empty() {
            fluid.rest_density = liquid.iter().sum::<f64>() / liquid.len() as f64;
        }
        let still = vec![Vec3::zeros(); position.len()];
        let mut settled = Self {
            fluid,
            viscosity: anatomy.liquid_viscosity,
            neighbors,
            solver: Pressure::default(),
            still: still.clone(),
            reaction: vec![Vec3::zeros(); first],
        };
        for _ in 0..SETTLING_ROUNDS {
            // Without velocity and inertia the step has no say: pressure only moves particles apart.
            let mut velocity = still.clone();
            settled.step(1e-3, first, position, &mut velocity);
        }
        settled
    }

    /// Density at rest as the smoothed sum measures it [kg/m³].
    pub fn rest_density(&self) -> f64 {
        self.fluid.rest_density
    }

    /// Predicted density of every particle after the last step [kg/m³].
    pub fn density(&self) -> &[f64] {
        &self.solver.density
    }

    /// Pressure of every particle in the last step, above the mean [Pa].
    pub fn pressure(&self) -> &[f64] {
        &self.solver.pressure
    }

    /// Shows these pressures [Pa] and densities [kg/m³] as those of the last step.
    pub(super) fn show(&mut self, pressure: &[f64], density: &[f64]) {
        self.solver.pressure.clear();
        self.solver.pressure.extend(pressure);
        self.solver.density.clear();
        self.solver.density.extend(density);
    }

    /// Moves the liquid, the particles from `first` on, over one step of `dt` [s].
    ///
    /// `position` of the tissue is at the start of the step, its `velocity` [m/s] what carries it to the end.
    pub fn step(&mut self, dt: f64, first: usize, position: &mut [Vec3], velocity: &mut [Vec3]) -> Corrected {
        let moves: Vec<bool> = (0..position.len()).map(|i| i >= first).collect();
        self.neighbors.rebuild_around(position, self.fluid.smoothing.length, first);
        viscosity::solve(&self.fluid, self.viscosity, &self.neighbors, dt, position, &moves, velocity);
        let corrected =
            self.solver.solve(&self.fluid, &STOP, &self.neighbors, dt, position, velocity, &self.still, &moves);
        for (i, density) in self.solver.density[..first].iter_mut().enumerate() {
            if self.neighbors.count(i) == 0 {
                // Tissue that no liquid touches was not asked.
                *density = self.fluid.rest_density;
            }
        }
        self.collect_reaction(first, position, velocity);
        for i in first..position.len() {
            velocity[i] += self.solver.acceleration[i] * dt;
            position[i] += velocity[i] * dt;
        }
        corrected
    }

    /// What the liquid does to each tissue particle: the opposite of what that does to the liquid.
    fn collect_reaction(&mut self, first: usize, position: &[Vec3], velocity: &[Vec3]) {
        let (fluid, neighbors, pressure) = (&self.fluid, &self.neighbors, &self.solver.pressure);
        let volume = fluid.mass / fluid.rest_density;
        let viscous = self.viscosity * volume * volume;
        parallel::for_each(&mut self.reaction, |i, force| {
            *force = Vec3::zeros();
            for j in neighbors.of(i).filter(|j| *j >= first) {
                let away = position[i] - position[j];
                let r = away.norm();
                if r > 0.0 {
                    let push = volume * volume * (pressure[i] + pressure[j]) * fluid.smoothing.steepness(r);
                    *force +=
                        away * (push / r) + (velocity[j] - velocity[i]) * (viscous * fluid.smoothing.laplacian(r));
                }
            }
        });
    }
}
