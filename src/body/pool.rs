//! A liquid among walls, in a space that may repeat: what the laws of flow are tried on, apart from any worm.
//!
//!   v ← v + h g        v ← viscosity, in stages (`viscosity.rs`)        v ← pressure (`divergence.rs`)        x ← x + h v
//!
//! Walls are particles too: they keep the velocity that they are given, the liquid sticks to them, and they hold it off.
//! The mass of a particle and the viscosity between two are chosen so that a cubic lattice has exactly the density and
//! the viscosity asked for, and pressure is told in the unit in which its gradient on that lattice is exact; what smoothing over two spacings misses of them is 1 %, 1 % and 5 %.
//!
//! First order in the step. Not a worm's surroundings yet: nothing elastic lives in it.

use crate::body::flow::{Flow, Setting};
use crate::body::particles::Vec3;
use crate::body::pressure::{Corrected, Fluid, Stop};
use crate::body::smoothing::Smoothing;
use crate::body::surroundings::into_box;
use crate::parallel;

/// What a pool is filled with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Filling {
    /// Distance of particles when laid out [m].
    pub spacing: f64,
    /// Density [kg/m³].
    pub density: f64,
    /// Dynamic viscosity [Pa·s]; 0 for none.
    pub viscosity: f64,
    /// Density error at which the pressure is good enough, as a fraction.
    pub error: f64,
}

/// A liquid with its walls.
#[derive(Debug, Clone)]
pub struct Pool {
    fluid: Fluid,
    viscosity: f64,
    /// What a gradient of pressure does on the lattice, over what it should do.
    slope: f64,
    period: [f64; 3],
    stop: Stop,
    /// Where particles are [m].
    pub position: Vec<Vec3>,
    /// How they move [m/s]; walls keep theirs.
    pub velocity: Vec<Vec3>,
    moves: Vec<bool>,
    walls_slide: bool,
    flow: Flow,
}

impl Pool {
    /// An empty pool in a space that repeats after `period` [m] along each axis, or never where that is infinite.
    pub fn new(filling: &Filling, period: [f64; 3]) -> Self {
        let smoothing = Smoothing::new(2.0 * filling.spacing);
        let cell = filling.spacing.powi(3);
        let (mut crowd, mut shear, mut slope) = (0.0, 0.0, 0.0);
        for n in 0..125 {
            let x = Vec3::new(f64::from(n % 5 - 2), f64::from(n / 5 % 5 - 2), f64::from(n / 25 - 2)) * filling.spacing;
            let r = x.norm();
            if r < smoothing.length {
                crowd += cell * smoothing.density(r * r);
                // A half of the second moment: 1 in the limit of many neighbours.
                shear += if r > 0.0 { 2.5 * cell * smoothing.shear(r) * (x.x * x.y / r).powi(2) } else { 0.0 };
                // The first moment of the gradient: the same.
                slope += if r > 0.0 { cell * smoothing.steepness(r) * x.x * x.x / r } else { 0.0 };
            }
        }
        let fluid = Fluid {
            mass: filling.density * cell / crowd,
            rest_density: filling.density,
            smoothing,
            counts_itself: true,
        };
        Self {
            fluid,
            // The volume of a particle is smaller by `crowd` too.
            viscosity: filling.viscosity * crowd / shear,
            slope: slope / crowd,
            period,
            stop: Stop { error: filling.error, fewest: 0, most: 100 },
            position: Vec::new(),
            velocity: Vec::new(),
            moves: Vec::new(),
            walls_slide: true,
            flow: Flow::default(),
        }
    }

    /// From now on the liquid counts as filling its space, with nowhere to go: it has pressures of both signs.
    pub fn fill(&mut self) {
        self.flow.pulls = true;
    }

    /// From now on walls push the liquid with their velocity. Else they slide along themselves, which drags it along only.
    pub fn walls_push(&mut self) {
        self.walls_slide = false;
    }

    /// Adds a particle of liquid at `x` [m], at rest.
    pub fn add_liquid(&mut self, x: Vec3) {
        self.add(x, Vec3::zeros(), true);
    }

    /// Adds a particle of a wall at `x` [m] that moves with `velocity` [m/s].
    pub fn add_wall(&mut self, x: Vec3, velocity: Vec3) {
        self.add(x, velocity, false);
    }

    fn add(&mut self, x: Vec3, velocity: Vec3, moves: bool) {
        self.position.push(x);
        self.velocity.push(velocity);
        self.moves.push(moves);
    }

    /// Moves the liquid over one step of `dt` [s] under an acceleration [m/s²]; walls stay where they are.
    pub fn step(&mut self, dt: f64, acceleration: Vec3) -> Corrected {
        let (moves, period) = (&self.moves, self.period);
        parallel::for_each(&mut self.velocity, |i, v| {
            if moves[i] {
                *v += acceleration * dt;
            }
        });
        let setting = Setting {
            fluid: &self.fluid,
            viscosity: self.viscosity,
            stop: self.stop,
            period: Some(self.period),
            enclosed: None,
            walls_slide: self.walls_slide,
        };
        let corrected = self.flow.step(&setting, dt, &self.position, moves, &mut self.velocity);
        let (velocity, flow) = (&self.velocity, &self.flow);
        parallel::for_each(&mut self.position, |i, x| {
            if moves[i] {
                *x = into_box(&(*x + velocity[i] * dt + flow.aside(i)), period);
            }
        });
        corrected
    }

    /// Numbers of the particles of the liquid.
    pub fn liquid(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.position.len()).filter(|i| self.moves[*i])
    }

    /// Pressure of every particle in the last step [Pa].
    pub fn pressure(&self) -> Vec<f64> {
        let slope = if self.flow.pulls { 1.0 } else { self.slope };
        self.flow.pressure.iter().map(|p| p * slope).collect()
    }
}
