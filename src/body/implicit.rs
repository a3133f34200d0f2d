//! One implicit step for everything stiff in the tissue: springs, dashpots, fibres, drag and the pressure
//! that keeps the volume.
//!
//! Backward Euler: the new positions x balance every force at the end of the step,
//!
//!   M (x − xₙ − h vₙ)/h² + C (x − xₙ)/h = f(x) + p ∂V/∂x,     V(x) = V₀ (1 − p/K)
//!
//! M masses [kg], C drag [kg/s], f springs and fibres [N], p pressure of the liquid [Pa], V the volume inside the
//! cuticle [m³], K its bulk modulus [Pa], h the step [s]. Newton's method with a factor of the stiffness that serves
//! step after step, and is made anew where moves shrink too slowly. The first guess carries on the motion, and where
//! drag is all its change since the step before too, x = xₙ + h (2 vₙ − vₙ₋₁): one or two iterations are then enough.
//! What makes a factor old is above all that the body turns. Where drag is all, rings therefore carry theirs along: with Q
//! how each ring has turned since A₀ = L Lᵀ was made (`turning.rs`), a move is Q A₀⁻¹ Qᵀ r.
//! Pressure is one more unknown, so real water (K = 2.2 GPa) costs no more than a soft one: with A the matrix,
//! n = ∂V/∂x, r what the forces lack, the pressure so far included,
//!
//!   u = A⁻¹ r,  w = A⁻¹ n,   δp = (V₀ (1 − p/K) − V − n·u)/(n·w + V₀/K),   Δx = u + δp w
//!
//! Where nothing holds the body, its balance of torques is solved for by itself after each of Newton's moves, and what backward Euler
//! takes of its angular momentum is given back (`torque.rs`).
//!
//! First order in h; unconditionally stable for a passive body. A worm's inertia is a millionth of its drag, so
//! there is nothing in a crawl that a second-order step would show.
//!
//! Source: Baraff & Witkin 1998, Large steps in cloth simulation, doi:10.1145/280814.280821 (implicit springs);
//! Hecht et al. 2012, Updated sparse Cholesky factors for corotational elastodynamics, doi:10.1145/2231816.2231821 (a
//! factor that is kept and turned); Boyle, Berri & Cohen 2012, doi:10.3389/fncom.2012.00010 (drag-dominated worm).

use nalgebra::Matrix3;

use crate::body::contact::Contact;
use crate::body::elasticity;
use crate::body::envelope::Envelope;
use crate::body::medium::Drag;
use crate::body::particles::{Tissue, Vec3, enclosed_volume, volume_gradient};
use crate::body::torque::{Spin, Torques};
use crate::body::turning::{self, Axes};
use crate::names::MUSCLE_COUNT;

/// Newton stops when no particle has further to go than this fraction of the shortest spring: 1e-4 of 11 µm is
/// a nanometre, a thousandth of what a crawling worm moves in a step.
const TOLERANCE: f64 = 1e-4;

/// How a step is tried: the share of a spring's stiffness kept across it (see `elasticity.rs`), and how many
/// iterations that gets. The bold way needs 2 in a crawl; after a blow a more careful one may find what it misses.
const ATTEMPTS: [(f64, usize); 2] = [(0.0, 40), (0.1, 80)];

/// A step that no attempt solves is taken as two halves, and so on down to a 64th.
const MOST_HALVINGS: u32 = 6;

/// A move that is not below this share of the one before asks for a new factor. A crawling worm asks for one in 22 steps;
/// with 0.1, 0.3 and 0.7 it takes as long, with 0.9 it makes four moves where it else makes three (measured).
const SLOW: f64 = 0.5;

/// A change of velocity that moves particles by more than this share of the shortest spring in a step is a blow, and not
/// carried on: the guess might turn the body inside out. A crawl has 0.002, swimming 0.01.
const CALM: f64 = 0.05;

/// How many times within a step drag must stop a body, for it to have no memory of its speed: on agar it is 150 000 times
/// in 5 ms, in water 6.
const OVERDAMPED: f64 = 100.0;

/// Moves are not trusted to shrink faster than this for good: a contact may still change.
const LEAST_SHRINK: f64 = 0.3;

/// Drag that differs by no more than this share counts as the same.
const SAME_DRAG: f64 = 0.1;

/// No particle moves further in one iteration than this share of the shortest spring, so that none is turned inside
/// out by a first guess.
const LONGEST_MOVE: f64 = 0.5;

/// Turns that follow the last of Newton's moves: each squares what is left.
const LAST_TURNS: usize = 3;

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

/// Everything that stays the same during one step.
struct Task<'a> {
    tissue: &'a Tissue,
    loads: &'a Loads<'a>,
    damped: &'a [elasticity::Damped],
    pulls: &'a [elasticity::Pull],
    dt: f64,
    start: &'a [Vec3],
    velocity: &'a [Vec3],
}

impl Task<'_> {
    fn torques(&self) -> Torques<'_> {
        let Loads { external, drag, .. } = *self.loads;
        Torques { mass: &self.tissue.mass, drag, external, dt: self.dt, start: self.start, velocity: self.velocity }
    }

    /// Whether drag leaves the body no memory of its speed.
    fn is_dragged(&self) -> bool {
        let drag: f64 = self.loads.drag.iter().map(|drag| drag.across).sum();
        drag * self.dt > OVERDAMPED * self.tissue.mass.iter().sum::<f64>()
    }
}

/// What the factor at hand was made of: a body that goes on from its state makes the same one.
#[derive(Debug, Clone, PartialEq)]
struct Basis {
    /// The step [s]; 0 where there is no factor.
    dt: f64,
    caution: f64,
    fibre_force: Vec<f64>,
    start: Vec<Vec3>,
    position: Vec<Vec3>,
    drag: Vec<Drag>,
}

/// How the step before the last one ended, for the first guess of the next.
#[derive(Debug, Clone, PartialEq)]
struct Last {
    /// The last step [s]; 0 where there was none.
    dt: f64,
    velocity: Vec<Vec3>,
    pressure: f64,
}

impl Basis {
    /// Whether a factor made of this may serve a step that begins with a guess: a matrix that is much too stiff would make
    /// moves too small and so look like an end, and only drag and contact change so much from one step to the next.
    fn serves(&self, task: &Task<'_>, caution: f64, guess: &[Vec3]) -> bool {
        let alike = |a: f64, b: f64| (a - b).abs() <= SAME_DRAG * b;
        let drags = || self.drag.iter().zip(task.loads.drag);
        self.dt == task.dt
            && self.caution == caution
            && drags().all(|(old, new)| alike(old.along, new.along) && alike(old.across, new.across))
            && task.loads.contact.is_alike(&self.position, guess)
    }
}

/// The solver with its matrix and work space.
#[derive(Debug, Clone)]
pub struct ImplicitStep {
    matrix: Envelope,
    basis: Basis,
    last: Last,
    rest_volume: f64,
    bulk_modulus: f64,
    damping_time: f64,
    /// The shortest spring [m], by which moves are measured.
    grain: f64,
    gradient: Vec<Vec3>,
    force: Vec<Vec3>,
    residual: Vec<f64>,
    /// A₀⁻¹ n, the move that a unit of pressure makes, of the last factorisation.
    inflation: Vec<f64>,
    /// The rings' axes where the factor was made; none where it stays as it lies.
    axes: Axes,
    /// How each ring has turned since, Q; none where it has not.
    turned: Axes,
    /// Q A₀⁻¹ n.
    swelling: Vec<f64>,
    /// Pressure at the end of the last step, the first guess of the next [Pa].
    pressure: f64,
}

impl ImplicitStep {
    /// A solver for a tissue whose volume at rest is that of its rest positions.
    ///
    /// `bulk_modulus` K [Pa], `damping_time` τ [s].
    pub fn new(tissue: &Tissue, bulk_modulus: f64, damping_time: f64) -> Self {
        let count = tissue.position.len();
        let shortest = tissue.springs.iter().map(|spring| spring.rest).fold(f64::INFINITY, f64::min);
        Self {
            matrix: Envelope::of(tissue),
            basis: Basis {
                dt: 0.0,
                caution: 0.0,
                fibre_force: vec![0.0; MUSCLE_COUNT],
                start: vec![Vec3::zeros(); count],
                position: vec![Vec3::zeros(); count],
                drag: vec![Drag::NONE; count],
            },
            last: Last { dt: 0.0, velocity: vec![Vec3::zeros(); count], pressure: 0.0 },
            rest_volume: enclosed_volume(&tissue.triangles, &tissue.position),
            bulk_modulus,
            damping_time,
            grain: shortest,
            gradient: vec![Vec3::zeros(); count],
            force: vec![Vec3::zeros(); count],
            residual: vec![0.0; 3 * count],
            inflation: vec![0.0; 3 * count],
            axes: Axes::new(),
            turned: Axes::new(),
            swelling: vec![0.0; 3 * count],
            pressure: 0.0,
        }
    }

    /// All that the next step depends on beside positions and velocities.
    pub(super) fn state(&self) -> Vec<f64> {
        let Self { basis, last, pressure, .. } = self;
        let mut state = vec![*pressure, last.dt, last.pressure, basis.dt, basis.caution];
        state.extend(&basis.fibre_force);
        state.extend(
            [&last.velocity, &basis.start, &basis.position].into_iter().flatten().flat_map(|x| [x.x, x.y, x.z]),
        );
        state.extend(
            basis.drag.iter().flat_map(|drag| [drag.along, drag.across, drag.axis.x, drag.axis.y, drag.axis.z]),
        );
        state
    }

    /// Goes on from what [`ImplicitStep::state`] of a solver for the same tissue gave.
    pub(super) fn restore(&mut self, state: &[f64], tissue: &Tissue, contact: &Contact) {
        let Some((numbers, rest)) = state.split_first_chunk::<5>() else { return };
        [self.pressure, self.last.dt, self.last.pressure, self.basis.dt, self.basis.caution] = *numbers;
        let (fibres, rest) = rest.split_at(self.basis.fibre_force.len());
        self.basis.fibre_force.copy_from_slice(fibres);
        let mut rest = rest.iter().copied();
        let mut next = || rest.next().unwrap_or_default();
        for points in [&mut self.last.velocity, &mut self.basis.start, &mut self.basis.position] {
            points.fill_with(|| Vec3::new(next(), next(), next()));
        }
        self.basis.drag.fill_with(|| Drag { along: next(), across: next(), axis: Vec3::new(next(), next(), next()) });
        if self.basis.dt > 0.0 && self.factorise_again(tissue, contact).is_err() {
            // The factor was made of this once, so this can't be; without it the next step makes one.
            self.basis.dt = 0.0;
        }
    }

    /// Makes the factor that the basis stands for, and the move by pressure that belongs to it.
    fn factorise_again(&mut self, tissue: &Tissue, contact: &Contact) -> Result<(), Unsolved> {
        let Basis { dt, caution, fibre_force, start, position, drag } = self.basis.clone();
        let external = [];
        let loads = Loads { fibre_force: &fibre_force, external: &external, drag: &drag, contact };
        let damped = elasticity::damp(&tissue.springs, &start, self.damping_time, dt);
        let pulls = elasticity::Pull::all(tissue, &start, &fibre_force);
        let velocity = &self.last.velocity.clone();
        let task = Task { tissue, loads: &loads, damped: &damped, pulls: &pulls, dt, start: &start, velocity };
        self.factorise(&task, caution, &position)?;
        volume_gradient(&tissue.triangles, &position, &mut self.gradient);
        self.inflate();
        Ok(())
    }

    /// w = A₀⁻¹ n.
    fn inflate(&mut self) {
        for (inflation, gradient) in self.inflation.chunks_exact_mut(3).zip(&self.gradient) {
            inflation.copy_from_slice(gradient.as_slice());
        }
        self.matrix.solve_roughly(&mut self.inflation);
    }

    /// From now on the factor is that of a body whose rings have turned as they stand at `position`.
    fn turn_factor(&mut self, tissue: &Tissue, position: &[Vec3]) {
        if self.axes.is_empty() {
            self.turned.clear();
        } else {
            turning::since(&self.axes, &turning::axes(tissue, position), &mut self.turned);
        }
        self.swelling.copy_from_slice(&self.inflation);
        turning::turn(tissue, &self.turned, &mut self.swelling);
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
        self.step_or_halves(tissue, loads, dt, position, velocity, MOST_HALVINGS)
    }

    fn step_or_halves(
        &mut self,
        tissue: &Tissue,
        loads: &Loads<'_>,
        dt: f64,
        position: &mut [Vec3],
        velocity: &mut [Vec3],
        halvings: u32,
    ) -> Result<Solved, Unsolved> {
        let start = position.to_vec();
        let damped = elasticity::damp(&tissue.springs, &start, self.damping_time, dt);
        let pulls = elasticity::Pull::all(tissue, &start, loads.fibre_force);
        let task = Task { tissue, loads, damped: &damped, pulls: &pulls, dt, start: &start, velocity };
        let mut unsolved = None;
        for (caution, most_iterations) in ATTEMPTS {
            match self.attempt(&task, caution, most_iterations, position) {
                Ok(solved) => {
                    (self.last.dt, self.last.pressure) = (dt, self.pressure);
                    self.last.velocity.copy_from_slice(velocity);
                    self.pressure = solved.pressure;
                    for ((v, x), x_n) in velocity.iter_mut().zip(position.iter()).zip(&start) {
                        *v = (x - x_n) / dt;
                    }
                    return Ok(solved);
                }
                Err(last) => unsolved = Some(last),
            }
        }
        position.copy_from_slice(&start);
        if let (0, Some(unsolved)) = (halvings, unsolved) {
            return Err(unsolved);
        }
        let before = (velocity.to_vec(), self.pressure, self.last.clone());
        let mut halves = || {
            let first = self.step_or_halves(tissue, loads, 0.5 * dt, position, velocity, halvings - 1)?;
            let second = self.step_or_halves(tissue, loads, 0.5 * dt, position, velocity, halvings - 1)?;
            Ok(Solved {
                iterations: first.iterations + second.iterations,
                factorisations: first.factorisations + second.factorisations,
                pressure: second.pressure,
            })
        };
        halves().inspect_err(|_| {
            position.copy_from_slice(&start);
            velocity.copy_from_slice(&before.0);
            (self.pressure, self.last) = (before.1, before.2);
        })
    }

    /// Newton's iterations from the beginning of the step, with one caution.
    fn attempt(
        &mut self,
        task: &Task<'_>,
        caution: f64,
        most_iterations: usize,
        position: &mut [Vec3],
    ) -> Result<Solved, Unsolved> {
        let mut solved = Solved { iterations: 0, factorisations: 0, pressure: self.pressure };
        let change = |i: usize| (task.velocity[i] - self.last.velocity[i]) * task.dt;
        let calm = (0..position.len()).all(|i| change(i).norm_squared() < (CALM * self.grain).powi(2));
        // Where inertia counts, what such a guess adds by its error is not taken away again, and energy grows.
        if self.last.dt == task.dt && calm && task.is_dragged() {
            // The motion and its change, carried on, are a good first guess.
            for (i, x) in position.iter_mut().enumerate() {
                *x = task.start[i] + task.velocity[i] * task.dt + change(i);
            }
            solved.pressure = 2.0 * self.pressure - self.last.pressure;
        } else {
            for ((x, x_n), v) in position.iter_mut().zip(task.start).zip(task.velocity) {
                *x = x_n + v * task.dt;
            }
        }
        let (mut last_move, mut who) = (f64::INFINITY, 0);
        let mut slow = !self.basis.serves(task, caution, position);
        if !slow {
            self.turn_factor(task.tissue, position);
        }
        while solved.iterations < most_iterations {
            if slow {
                self.factorise(task, caution, position)?;
                solved.factorisations += 1;
            }
            solved.iterations += 1;
            let mut moved;
            let free = !task.loads.contact.holds(position);
            let spin = free.then(|| task.torques().spin(position));
            (moved, who) = self.newton_move(task, position, &mut solved.pressure, slow, spin);
            if free && moved.is_finite() {
                moved = moved.max(task.torques().balance(position));
            }
            if !moved.is_finite() {
                let term = self.lost_term(who);
                return Err(Unsolved { what: format!("{term} of tissue particle {who} is not a number") });
            }
            // A careful move is a part of the bold one it stands for.
            let part = if caution > 0.0 { 0.1 } else { 1.0 };
            // Moves that shrink by so much leave less than this to all that would follow.
            let shrink = moved / last_move;
            let shrink_on = shrink.max(LEAST_SHRINK);
            let left =
                if shrink < SLOW && last_move.is_finite() { shrink_on / (1.0 - shrink_on) * moved } else { moved };
            if left < TOLERANCE * part * self.grain {
                for _ in 0..if free { LAST_TURNS } else { 0 } {
                    task.torques().balance(position);
                }
                return Ok(solved);
            }
            // The factor of this very place would not be better, but where contact has changed.
            slow = moved > LONGEST_MOVE * self.grain
                || !slow && shrink > SLOW
                || !task.loads.contact.is_alike(&self.basis.position, position);
            last_move = moved;
        }
        let what = format!(
            "the body's forces find no balance even in {:.1e} s: tissue particle {who} still moves {last_move:.1e} m",
            task.dt
        );
        Err(Unsolved { what })
    }

    /// The matrix M/h² + C/h + stiffness at `position`, factorised.
    fn factorise(&mut self, task: &Task<'_>, caution: f64, position: &[Vec3]) -> Result<(), Unsolved> {
        let Task { tissue, loads, damped, pulls, dt, .. } = *task;
        self.matrix.clear();
        for (i, (mass, drag)) in tissue.mass.iter().zip(loads.drag).enumerate() {
            let Drag { along, across, axis } = drag;
            let drag = axis * (axis * ((along - across) / dt)).transpose();
            let block = drag + Matrix3::from_diagonal_element(mass / (dt * dt) + across / dt);
            self.matrix.add_block(i, i, &block);
        }
        elasticity::add_stiffness(tissue, damped, pulls, dt, position, caution, &mut self.matrix);
        loads.contact.add_stiffness(tissue, position, &mut self.matrix);
        (self.basis.dt, self.basis.caution) = (dt, caution);
        self.basis.fibre_force.copy_from_slice(loads.fibre_force);
        self.basis.start.copy_from_slice(task.start);
        self.basis.position.copy_from_slice(position);
        self.basis.drag.copy_from_slice(loads.drag);
        self.axes.clear();
        self.turned.clear();
        // What the body leans on does not turn with it. And where inertia counts, a factor as it lies keeps momentum in each
        // move, while one that turns does so in the end only.
        let dragged = task.is_dragged();
        if dragged && !loads.contact.presses(position) {
            self.axes = turning::axes(tissue, position);
        }
        self.matrix.factorise().map_err(|bad| {
            self.basis.dt = 0.0;
            let what = format!("the body's stiffness is not positive at tissue particle {}", bad.particle);
            Unsolved { what }
        })?;
        if dragged {
            // Without drag what holds the body as a whole, M/h², may be less than what rounding leaves of its springs.
            self.matrix.round();
        }
        Ok(())
    }

    /// Which term of the balance was no number for a particle in the last iteration.
    fn lost_term(&self, particle: usize) -> &'static str {
        let lost = |x: &Vec3| !x.sum().is_finite();
        if lost(&self.force[particle]) {
            "force of springs, fibres and contact"
        } else if lost(&self.gradient[particle]) {
            "force of the mean pressure"
        } else {
            "position, after the balance of all forces,"
        }
    }

    /// One Newton iteration, which also corrects the pressure [Pa]; gives the largest move [m] and who made it.
    ///
    /// `new_factor` says that the matrix was factorised at this very place; `spin` is what a free body is given back.
    fn newton_move(
        &mut self,
        task: &Task<'_>,
        position: &mut [Vec3],
        pressure: &mut f64,
        new_factor: bool,
        spin: Option<Spin>,
    ) -> (f64, usize) {
        let Task { tissue, loads, damped, pulls, dt, start, velocity } = *task;
        self.force.copy_from_slice(loads.external);
        elasticity::add_forces(tissue, damped, pulls, dt, position, &mut self.force);
        loads.contact.add_forces(tissue, position, &mut self.force);
        volume_gradient(&tissue.triangles, position, &mut self.gradient);
        for (i, force) in self.force.iter().enumerate() {
            let moved = position[i] - start[i];
            let Drag { along, across, axis } = loads.drag[i];
            let drag = moved * across + axis * ((along - across) * axis.dot(&moved));
            let inertia = (moved - velocity[i] * dt) * (tissue.mass[i] / (dt * dt));
            let given = spin.map_or_else(Vec3::zeros, |spin| spin.force(tissue.mass[i], &position[i]));
            let lacking = force + self.gradient[i] * *pressure - drag / dt - inertia + given;
            self.residual[3 * i..3 * i + 3].copy_from_slice(lacking.as_slice());
        }
        if new_factor {
            self.inflate();
            self.swelling.copy_from_slice(&self.inflation);
        }
        turning::turn_back(tissue, &self.turned, &mut self.residual);
        self.matrix.solve_roughly(&mut self.residual);
        turning::turn(tissue, &self.turned, &mut self.residual);
        let along_gradient = |a: &[f64]| -> f64 {
            a.chunks_exact(3).zip(&self.gradient).map(|(a, n)| a[0] * n.x + a[1] * n.y + a[2] * n.z).sum()
        };
        let volume = enclosed_volume(&tissue.triangles, position);
        let wanted = self.rest_volume * (1.0 - *pressure / self.bulk_modulus);
        let compliance = along_gradient(&self.swelling) + self.rest_volume / self.bulk_modulus;
        let correction = (wanted - volume - along_gradient(&self.residual)) / compliance;
        *pressure += correction;
        for (residual, swelling) in self.residual.iter_mut().zip(&self.swelling) {
            *residual += correction * swelling;
        }
        let (mut longest, mut who) = (0.0_f64, 0);
        for (i, moved) in self.residual.chunks_exact(3).enumerate() {
            let size = (moved[0] * moved[0] + moved[1] * moved[1] + moved[2] * moved[2]).sqrt();
            if size.is_nan() {
                return (size, i);
            }
            if size > longest {
                (longest, who) = (size, i);
            }
        }
        let share = (LONGEST_MOVE * self.grain / longest).min(1.0);
        for (x, moved) in position.iter_mut().zip(self.residual.chunks_exact(3)) {
            *x += Vec3::new(moved[0], moved[1], moved[2]) * share;
        }
        (longest, who)
    }
}
