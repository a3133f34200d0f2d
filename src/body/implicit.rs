//! One implicit step for everything stiff in the tissue: springs, dashpots, fibres, drag and the pressure
//! that keeps the volume.
//!
//! Backward Euler: the new positions x balance every force at the end of the step,
//!
//!   M (x − xₙ − h vₙ)/h² + C (x − xₙ)/h = f(x) + p ∂V/∂x,     V(x) = V₀ (1 − p/K)
//!
//! M masses [kg], C drag [kg/s], f springs and fibres [N], p pressure of the liquid [Pa], V the volume inside the
//! cuticle [m³], K its bulk modulus [Pa], h the step [s]. Newton's method; the factor of the stiffness at the start
//! of the step serves all its iterations, and is made anew only where they stop shrinking. Pressure is one more
//! unknown, so real water (K = 2.2 GPa) costs no more than a soft one: with A the matrix and n = ∂V/∂x,
//!
//!   u = A⁻¹ r,  w = A⁻¹ n,   p = (V₀ − V − n·u)/(n·w + V₀/K),   Δx = u + p w
//!
//! First order in h; unconditionally stable for a passive body. A worm's inertia is a millionth of its drag, so
//! there is nothing in a crawl that a second-order step would show.
//!
//! Source: Baraff & Witkin 1998, Large steps in cloth simulation, doi:10.1145/280814.280821 (implicit springs);
//! Boyle, Berri & Cohen 2012, doi:10.3389/fncom.2012.00010 (drag-dominated worm).

use crate::body::block_tridiagonal::BlockTridiagonal;
use crate::body::contact::Contact;
use crate::body::elasticity;
use crate::body::medium::Drag;
use crate::body::particles::{Tissue, Vec3, enclosed_volume, volume_gradient};

/// Newton stops when no particle moves further than this fraction of the shortest spring: 1e-4 of 11 µm is
/// a nanometre, a thousandth of what a crawling worm moves in a step.
const TOLERANCE: f64 = 1e-4;

/// A step that is not solved after so many iterations is given up; a crawl needs 3 to 5.
const MOST_ITERATIONS: usize = 40;

/// What acts on the tissue during one step.
pub struct Loads<'a> {
    /// Pull of one fibre of each muscle [N].
    pub fibre_force: &'a [f64],
    /// Force on each particle from outside [N].
    pub external: &'a [Vec3],
    /// Drag of each particle.
    pub drag: &'a [Drag],
    /// Film and floor.
    pub contact: &'a Contact,
}

/// How a step went.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Solved {
    /// Newton iterations.
    pub iterations: usize,
    /// Factorisations of the matrix.
    pub factorisations: usize,
    /// Pressure of the liquid at the end of the step [Pa].
    pub pressure: f64,
}

/// Why a step could not be solved.
#[derive(Debug, Clone, PartialEq)]
pub struct Unsolved {
    /// What went wrong, with the particle where one is to blame.
    pub what: String,
}

/// The solver with its matrix and work space.
#[derive(Debug, Clone)]
pub struct ImplicitStep {
    matrix: BlockTridiagonal,
    rest_volume: f64,
    bulk_modulus: f64,
    damping_time: f64,
    tolerance: f64,
    gradient: Vec<Vec3>,
    force: Vec<Vec3>,
    residual: Vec<f64>,
    direction: Vec<f64>,
}

impl ImplicitStep {
    /// A solver for a tissue whose volume at rest is that of its rest positions.
    ///
    /// `bulk_modulus` K [Pa], `damping_time` τ [s].
    pub fn new(tissue: &Tissue, bulk_modulus: f64, damping_time: f64) -> Self {
        let sizes: Vec<usize> = (0..tissue.rings()).map(|ring| 3 * tissue.ring(ring).len()).collect();
        let count = tissue.position.len();
        let shortest = tissue.springs.iter().map(|spring| spring.rest).fold(f64::INFINITY, f64::min);
        Self {
            matrix: BlockTridiagonal::new(&sizes),
            rest_volume: enclosed_volume(&tissue.triangles, &tissue.position),
            bulk_modulus,
            damping_time,
            tolerance: TOLERANCE * shortest,
            gradient: vec![Vec3::zeros(); count],
            force: vec![Vec3::zeros(); count],
            residual: vec![0.0; 3 * count],
            direction: vec![0.0; 3 * count],
        }
    }

    /// Volume inside the cuticle at rest [m³].
    pub fn rest_volume(&self) -> f64 {
        self.rest_volume
    }

    /// Moves the tissue over one step of `dt` [s].
    ///
    /// # Errors
    /// When Newton does not converge; positions and velocities are then as before.
    pub fn step(
        &mut self,
        tissue: &Tissue,
        loads: &Loads<'_>,
        dt: f64,
        position: &mut [Vec3],
        velocity: &mut [Vec3],
    ) -> Result<Solved, Unsolved> {
        let start = position.to_vec();
        let damped = elasticity::damp(&tissue.springs, &start, self.damping_time, dt);
        // The end of the last step's motion is a good first guess of this one's.
        for (x, v) in position.iter_mut().zip(velocity.iter()) {
            *x += v * dt;
        }
        let mut solved = Solved { iterations: 0, factorisations: 0, pressure: 0.0 };
        let mut last_move = f64::INFINITY;
        let outcome = loop {
            if solved.iterations.is_multiple_of(8) {
                if let Err(unsolved) = self.factorise(tissue, loads, &damped, dt, position) {
                    break Err(unsolved);
                }
                solved.factorisations += 1;
            }
            solved.iterations += 1;
            let (largest, who, pressure) = self.newton_move(tissue, loads, &damped, dt, &start, position, velocity);
            solved.pressure = pressure;
            if !largest.is_finite() {
                break Err(Unsolved { what: format!("position of tissue particle {who} is not a number") });
            }
            if largest < self.tolerance {
                break Ok(solved);
            }
            if solved.iterations == MOST_ITERATIONS {
                let what = format!(
                    "the body's forces do not balance after {MOST_ITERATIONS} iterations (particle {who} still moves {:.2e} m, {:.2e} m before)",
                    largest, last_move
                );
                break Err(Unsolved { what });
            }
            last_move = largest;
        };
        match outcome {
            Ok(solved) => {
                for ((v, x), x_n) in velocity.iter_mut().zip(position.iter()).zip(&start) {
                    *v = (x - x_n) / dt;
                }
                Ok(solved)
            }
            Err(unsolved) => {
                position.copy_from_slice(&start);
                Err(unsolved)
            }
        }
    }

    /// The matrix M/h² + C/h + stiffness at `position`, factorised.
    fn factorise(
        &mut self,
        tissue: &Tissue,
        loads: &Loads<'_>,
        damped: &[elasticity::Damped],
        dt: f64,
        position: &[Vec3],
    ) -> Result<(), Unsolved> {
        self.matrix.clear();
        for (i, (mass, drag)) in tissue.mass.iter().zip(loads.drag).enumerate() {
            let Drag { along, across, axis } = drag;
            for r in 0..3 {
                for c in 0..=r {
                    let unit = if r == c { mass / (dt * dt) + across / dt } else { 0.0 };
                    self.matrix.add(3 * i + r, 3 * i + c, unit + (along - across) / dt * axis[r] * axis[c]);
                }
            }
        }
        elasticity::add_stiffness(tissue, damped, position, loads.fibre_force, &mut self.matrix);
        loads.contact.add_stiffness(tissue, position, &mut self.matrix);
        self.matrix.factorise().map_err(|bad| Unsolved {
            what: format!("the body's stiffness is not positive at tissue particle {}", bad.unknown / 3),
        })
    }

    /// One Newton iteration; gives the largest move [m], who made it, and the pressure [Pa].
    #[allow(clippy::too_many_arguments)]
    fn newton_move(
        &mut self,
        tissue: &Tissue,
        loads: &Loads<'_>,
        damped: &[elasticity::Damped],
        dt: f64,
        start: &[Vec3],
        position: &mut [Vec3],
        velocity: &[Vec3],
    ) -> (f64, usize, f64) {
        self.force.copy_from_slice(loads.external);
        elasticity::add_forces(tissue, damped, position, loads.fibre_force, &mut self.force);
        loads.contact.add_forces(tissue, position, &mut self.force);
        for (i, force) in self.force.iter().enumerate() {
            let moved = position[i] - start[i];
            let Drag { along, across, axis } = loads.drag[i];
            let drag = moved * across + axis * ((along - across) * axis.dot(&moved));
            let inertia = (moved - velocity[i] * dt) * (tissue.mass[i] / (dt * dt));
            let rest = force - drag / dt - inertia;
            self.residual[3 * i..3 * i + 3].copy_from_slice(rest.as_slice());
        }
        volume_gradient(&tissue.triangles, position, &mut self.gradient);
        for (direction, gradient) in self.direction.chunks_exact_mut(3).zip(&self.gradient) {
            direction.copy_from_slice(gradient.as_slice());
        }
        self.matrix.solve(&mut self.residual);
        self.matrix.solve(&mut self.direction);
        let dot = |a: &[f64]| -> f64 {
            a.chunks_exact(3).zip(&self.gradient).map(|(a, n)| a[0] * n.x + a[1] * n.y + a[2] * n.z).sum()
        };
        let volume = enclosed_volume(&tissue.triangles, position);
        let compliance = dot(&self.direction) + self.rest_volume / self.bulk_modulus;
        let pressure = (self.rest_volume - volume - dot(&self.residual)) / compliance;
        let (mut largest, mut who) = (0.0_f64, 0);
        for (i, x) in position.iter_mut().enumerate() {
            let moved = Vec3::from_fn(|r, _| self.residual[3 * i + r] + pressure * self.direction[3 * i + r]);
            *x += moved;
            let size = moved.norm();
            if size > largest || size.is_nan() {
                (largest, who) = (size, i);
            }
            if size.is_nan() {
                break;
            }
        }
        (largest, who, pressure)
    }
}
