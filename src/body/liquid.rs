//! The inner liquid over one implicit step: carried by its walls, sheared by viscosity, kept at its density.
//!
//! The tissue has already moved and brings the velocity of its walls. Then
//!
//!   viscosity (in stages) → pressure (DFSPH) → x ← x + h v, and aside where that is too dense (`flow.rs`)
//!
//! The pressure in a worm has two parts. Its mean, kilopascals, holds the volume against the muscles; it is one
//! number, and the implicit step of the tissue solves for it (`implicit.rs`). What varies along the body only moves
//! the liquid's own mass, millipascals, and is solved here by particles. Both push on the tissue: the variation and
//! the viscous drag are handed back and act in the next step.
//!
//! Source: Bender & Koschier 2015 (pressure), Meyer, Balsara & Aslam 2014 (viscosity); see those files.

use crate::body::anatomy::Anatomy;
use crate::body::flow::{Flow, Setting};
use crate::body::medium::Basin;
use crate::body::neighbors::Neighbors;
use crate::body::obstacle::Obstacle;
use crate::body::particles::{Vec3, volume_gradient};
use crate::body::pressure::{Corrected, Fluid, Stop, densities};
use crate::body::smoothing::Smoothing;
use crate::body::surroundings::{Surroundings, into_box};
use crate::body::torque::Spin;
use crate::parallel;

/// A hundredth of rest density, with room to reach it.
const STOP: Stop = Stop { error: 0.01, fewest: 0, most: 100 };

/// Rounds in which the filled core settles before a run.
const SETTLING_ROUNDS: usize = 60;

/// Rounds in which the liquid around a body does: a lattice is at rest but near the body.
const SETTLING_AROUND: usize = 10;

/// The liquid of a body with the work space of its step.
#[derive(Debug, Clone)]
pub struct Liquid {
    fluid: Fluid,
    viscosity: f64,
    flow: Flow,
    moves: Vec<bool>,
    enclosed: Vec<bool>,
    /// Area of the cuticle around each particle of tissue, outwards [m²].
    area: Vec<Vec3>,
    /// Positions in a box that repeats.
    boxed: Vec<Vec3>,
    /// How many of the particles are inside the body, tissue included; those around it follow.
    inside: usize,
    /// How many of the last particles are walls.
    walls: usize,
    /// After which lengths the surroundings repeat [m], where there are any.
    period: Option<[f64; 3]>,
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
        let mut settled = Self {
            fluid,
            viscosity: anatomy.liquid_viscosity,
            flow: Flow::default(),
            moves: Vec::new(),
            enclosed: Vec::new(),
            area: Vec::new(),
            boxed: Vec::new(),
            inside: position.len(),
            walls: 0,
            period: None,
            reaction: vec![Vec3::zeros(); first],
        };
        settled.come_to_rest(SETTLING_ROUNDS, first, position);
        settled
    }

    /// Puts the body into the liquid of a medium, and lets that settle too.
    pub fn surround(
        &mut self,
        basin: &Basin,
        obstacles: &[Obstacle],
        anatomy: &Anatomy,
        first: usize,
        position: &mut Vec<Vec3>,
    ) {
        let around = Surroundings::new(basin, obstacles, anatomy, &self.fluid);
        self.walls = around.walls.len();
        self.period = Some(around.period);
        self.viscosity = around.viscosity;
        position.extend(around.liquid);
        position.extend(around.walls);
        self.come_to_rest(SETTLING_AROUND, first, position);
        self.flow.pulls = basin.pulls;
    }

    fn come_to_rest(&mut self, rounds: usize, first: usize, position: &mut [Vec3]) {
        for _ in 0..rounds {
            // Without velocity and inertia the step has no say: pressure only moves particles apart.
            let mut velocity = vec![Vec3::zeros(); position.len()];
            self.flow.unforced.clone_from(&velocity);
            self.step(1e-3, first, &[], position, &mut velocity);
        }
        self.flow.unforced.fill(Vec3::zeros());
    }

    /// After which lengths the surroundings repeat [m], where there are any.
    pub fn period(&self) -> Option<[f64; 3]> {
        self.period
    }

    /// How many particles are inside the body, tissue included.
    pub fn inside(&self) -> usize {
        self.inside
    }

    /// Density at rest as the smoothed sum measures it [kg/m³].
    pub fn rest_density(&self) -> f64 {
        self.fluid.rest_density
    }

    /// Predicted density of every particle after the last step [kg/m³].
    pub fn density(&self) -> &[f64] {
        &self.flow.density
    }

    /// Pressure of every particle in the last step, above the mean [Pa].
    pub fn pressure(&self) -> &[f64] {
        &self.flow.pressure
    }

    /// Velocity of every particle from which the next step's viscosity begins [m/s].
    pub(super) fn unforced(&self) -> &[Vec3] {
        &self.flow.unforced
    }

    /// The same, to go on from others.
    pub(super) fn unforced_mut(&mut self) -> &mut [Vec3] {
        &mut self.flow.unforced
    }

    /// Shows these pressures [Pa] and densities [kg/m³] as those of the last step.
    pub(super) fn show(&mut self, pressure: &[f64], density: &[f64]) {
        self.flow.pressure.clear();
        self.flow.pressure.extend(pressure);
        self.flow.density.clear();
        self.flow.density.extend(density);
    }

    /// Moves the liquid, the particles from `first` on, over one step of `dt` [s].
    ///
    /// `position` of the tissue is at the start of the step, its `velocity` [m/s] what carries it to the end; `cuticle` is
    /// the triangles between inside and outside.
    pub fn step(
        &mut self,
        dt: f64,
        first: usize,
        cuticle: &[[usize; 3]],
        position: &mut [Vec3],
        velocity: &mut [Vec3],
    ) -> Corrected {
        let movers = first..position.len() - self.walls;
        self.moves.clear();
        self.moves.extend((0..position.len()).map(|i| movers.contains(&i)));
        self.enclosed.clear();
        self.enclosed.extend((0..position.len()).map(|i| i < self.inside));
        let setting = Setting {
            fluid: &self.fluid,
            viscosity: self.viscosity,
            stop: STOP,
            period: self.period,
            enclosed: Some(&self.enclosed),
            walls_slide: false,
        };
        let (flow, moves) = (&mut self.flow, &self.moves);
        let corrected = match self.period {
            Some(period) => {
                self.boxed.resize(position.len(), Vec3::zeros());
                let unboxed = &*position;
                parallel::for_each(&mut self.boxed, |i, x| *x = into_box(&unboxed[i], period));
                flow.step(&setting, dt, &self.boxed, moves, velocity)
            }
            None => flow.step(&setting, dt, position, moves, velocity),
        };
        for i in 0..first {
            if !flow.was_asked(i) {
                // Tissue that no liquid touches was not asked.
                flow.density[i] = self.fluid.rest_density;
            }
        }
        self.area.resize(first, Vec3::zeros());
        volume_gradient(cuticle, position, &mut self.area);
        let (flow, area) = (&self.flow, &self.area);
        let mut felt = vec![(Vec3::zeros(), Vec3::zeros()); first];
        parallel::for_each(&mut felt, |i, felt| *felt = flow.reaction(&setting, i, area[i]));
        let missing = if flow.pulls && self.walls == 0 {
            // What moved the liquid is known exactly, what presses on the cuticle is not: it takes up the difference.
            let wet: f64 = area.iter().map(|area| area.norm()).sum();
            -(flow.pressed + felt.iter().map(|(_, pressed)| pressed).sum::<Vec3>()) / wet
        } else {
            Vec3::zeros()
        };
        for ((force, (dragged, pressed)), area) in self.reaction.iter_mut().zip(&felt).zip(area) {
            *force = dragged + pressed + missing * area.norm();
        }
        if self.period.is_none() {
            // Space that repeats has no angular momentum.
            let given = self.moment_lost(dt, first, position, velocity);
            let ends: Vec<Vec3> = (0..first).map(|i| position[i] + velocity[i] * dt).collect();
            let spin = Spin::of(given, &vec![self.fluid.mass; first], &ends);
            for (force, x) in self.reaction.iter_mut().zip(&ends) {
                *force += spin.force(self.fluid.mass, x);
            }
        }
        let velocity = &*velocity;
        parallel::for_each(&mut position[movers.clone()], |n, x| {
            let i = movers.start + n;
            *x += velocity[i] * dt + flow.aside(i);
        });
        self.go_along(first, position);
        corrected
    }

    /// The torque that a body lacks when it is given the forces of its liquid where it is at the end of the step, not where
    /// they acted, and its liquid is moved aside with the velocity that it has [N m].
    fn moment_lost(&self, dt: f64, first: usize, position: &[Vec3], velocity: &[Vec3]) -> Vec3 {
        let later: Vec3 = (0..first).map(|i| (velocity[i] * dt).cross(&self.reaction[i])).sum();
        let aside: Vec3 = (first..position.len()).map(|i| self.flow.aside(i).cross(&velocity[i])).sum();
        -later - aside * (self.fluid.mass / dt)
    }

    /// The first particle whose step gave what is no number, and which term of it.
    pub(super) fn lost(&self) -> Option<(usize, &'static str)> {
        self.flow.lost()
    }

    /// A box that repeats goes along with the body: what it leaves behind comes in again in front.
    fn go_along(&self, first: usize, position: &mut [Vec3]) {
        let Some(period) = self.period else { return };
        let middle = position[..first].iter().sum::<Vec3>() / first as f64;
        let last = position.len() - self.walls;
        for x in &mut position[self.inside..last] {
            for axis in (0..3).filter(|axis| period[*axis].is_finite()) {
                let periods = ((x[axis] - middle[axis]) / period[axis]).round();
                if periods != 0.0 {
                    x[axis] -= periods * period[axis];
                }
            }
        }
    }
}
