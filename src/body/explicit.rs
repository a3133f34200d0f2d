//! One explicit step of all particles: the reference scheme, with the peer's constants.
//!
//!   density → viscosity, cohesion, weight → springs, fibres → pressure (PCISPH) → v += h a, x += h v → walls
//!
//! Every particle, tissue or liquid, has density and pressure, as in Sibernetic; unlike there, δ follows the step,
//! iterations go on until the density error is small, pairs are symmetric and the floor is a plane.
//! First order in h; stable only below 2/ω of its stiffest spring, 17 µs to 25 µs for the soft worm.
//!
//! Source: the algorithm of OpenWorm's Sibernetic as read in its source, 0.0.6; Solenthaler & Pajarola 2009.

use crate::body::anatomy::Anatomy;
use crate::body::elasticity::{self, Damped, Pull};
use crate::body::medium::{Drag, Medium};
use crate::body::membrane::Membrane;
use crate::body::neighbors::Neighbors;
use crate::body::particles::{Tissue, Vec3};
use crate::body::pressure::{Corrected, Fluid, Pressure, Stop, densities};
use crate::body::smoothing::Smoothing;
use crate::body::{surface_tension, viscosity};

/// The peer makes three iterations and looks no further; here they go on until a hundredth is reached.
const STOP: Stop = Stop { error: 0.01, fewest: 3, most: 50 };

/// The explicit scheme with its work space.
#[derive(Debug, Clone)]
pub struct ExplicitStep {
    fluid: Fluid,
    viscosity: f64,
    cohesion: f64,
    membrane: Membrane,
    neighbors: Neighbors,
    solver: Pressure,
    acceleration: Vec<Vec3>,
    force: Vec<Vec3>,
    undamped: Vec<Damped>,
    mass: Vec<f64>,
}

impl ExplicitStep {
    /// A scheme for the particles at `position`, the first of them `tissue`.
    pub fn new(anatomy: &Anatomy, tissue: &Tissue, position: &[Vec3]) -> Self {
        let count = position.len();
        let smoothing = Smoothing::new(anatomy.smoothing_length);
        let fluid = Fluid {
            mass: anatomy.particle_mass,
            rest_density: anatomy.liquid_density,
            smoothing,
            counts_itself: false,
        };
        let mut neighbors = Neighbors::default();
        neighbors.rebuild(position, smoothing.length);
        let mut solver = Pressure::default();
        solver.pressure.resize(count, 0.0);
        densities(&fluid, &neighbors, position, &mut solver.density);
        Self {
            fluid,
            viscosity: anatomy.liquid_viscosity,
            cohesion: anatomy.surface_tension,
            membrane: Membrane::new(&tissue.triangles, tissue.position.len()),
            neighbors,
            solver,
            acceleration: vec![Vec3::zeros(); count],
            force: vec![Vec3::zeros(); count],
            undamped: elasticity::damp(&tissue.springs, &tissue.position, 0.0, 1.0),
            mass: vec![anatomy.particle_mass; count],
        }
    }

    /// The largest stable step [s]: 2/ω, with ω² at most twice the stiffness around a particle over its mass.
    pub fn largest_step(tissue: &Tissue) -> f64 {
        let mut around = vec![0.0; tissue.position.len()];
        for spring in &tissue.springs {
            around[spring.a] += spring.stiffness;
            around[spring.b] += spring.stiffness;
        }
        // Springs point all ways, so a third of them resists any one direction.
        let stiffest = around.iter().zip(&tissue.mass).map(|(k, m)| 2.0 * k / (3.0 * m)).fold(0.0, f64::max);
        2.0 / stiffest.sqrt()
    }

    /// Density of every particle in the last step [kg/m³].
    pub fn density(&self) -> &[f64] {
        &self.solver.density
    }

    /// Pressure of every particle in the last step [Pa].
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

    /// The first particle whose last step gave what is no number, and which term of it.
    pub(super) fn lost(&self) -> Option<(usize, &'static str)> {
        let bad = |x: &Vec3| !x.sum().is_finite();
        let find = |list: &[Vec3]| list.iter().position(bad);
        let by_force = find(&self.force).map(|i| (i, "force of springs, fibres and drag"));
        let by_neighbours = || find(&self.acceleration).map(|i| (i, "acceleration by viscosity and cohesion"));
        let by_pressure = || find(&self.solver.acceleration).map(|i| (i, "acceleration by pressure"));
        by_force.or_else(by_neighbours).or_else(by_pressure)
    }

    /// Moves all particles over one step of `dt` [s]; `drag` is that of the tissue.
    #[allow(clippy::too_many_arguments)]
    pub fn step(
        &mut self,
        tissue: &Tissue,
        fibre_force: &[f64],
        drag: &[Drag],
        medium: &Medium,
        dt: f64,
        position: &mut [Vec3],
        velocity: &mut [Vec3],
    ) -> Corrected {
        self.neighbors.rebuild(position, self.fluid.smoothing.length);
        self.acceleration.fill(Vec3::new(0.0, 0.0, -medium.gravity));
        let (neighbors, acceleration) = (&self.neighbors, &mut self.acceleration);
        viscosity::add_acceleration(&self.fluid, self.viscosity, neighbors, position, velocity, acceleration);
        surface_tension::add_acceleration(&self.fluid.smoothing, self.cohesion, neighbors, position, acceleration);
        self.force.fill(Vec3::zeros());
        // The motion of a fibre is that of the last step.
        let before: Vec<Vec3> = position.iter().zip(velocity.iter()).map(|(x, v)| x - v * dt).collect();
        let pulls = Pull::all(tissue, &before, fibre_force);
        elasticity::add_forces(tissue, &self.undamped, &pulls, dt, position, &mut self.force);
        for (i, drag) in drag.iter().enumerate() {
            let v = velocity[i];
            self.force[i] -= v * drag.across + drag.axis * ((drag.along - drag.across) * drag.axis.dot(&v));
        }
        for (acceleration, force) in self.acceleration.iter_mut().zip(&self.force) {
            *acceleration += force / self.fluid.mass;
        }
        let moves = vec![true; position.len()];
        let corrected =
            self.solver.solve(&self.fluid, &STOP, &self.neighbors, dt, position, velocity, &self.acceleration, &moves);
        for i in 0..position.len() {
            velocity[i] += (self.acceleration[i] + self.solver.acceleration[i]) * dt;
            position[i] += velocity[i] * dt;
        }
        let rest_distance = 0.5 * self.fluid.smoothing.length;
        self.membrane.hold(&self.neighbors, rest_distance, tissue.position.len(), &self.mass, position, velocity);
        if let Some(floor) = medium.floor {
            for (x, v) in position.iter_mut().zip(velocity.iter_mut()) {
                if x.z < floor.height {
                    x.z = floor.height;
                    v.z = v.z.max(0.0);
                }
            }
        }
        for obstacle in &medium.obstacles {
            for (x, v) in position.iter_mut().zip(velocity.iter_mut()) {
                let (distance, outwards) = obstacle.distance(*x, [f64::INFINITY; 3]);
                if distance < 0.0 {
                    *x -= outwards * distance;
                    *v -= outwards * outwards.dot(v).min(0.0);
                }
            }
        }
        corrected
    }
}
