//! Viscosity: neighbours that move towards each other or apart are held back.
//!
//!   fᵢ = Σⱼ cᵢⱼ ((vⱼ − vᵢ)·e) e,   cᵢⱼ = 5 μ (m/ρ₀)² S(rᵢⱼ)
//!
//! e unit vector between two particles, μ dynamic viscosity [Pa·s], m/ρ₀ volume of a particle [m³], S the smoothing function for
//! viscosity [1/m⁵], cᵢⱼ a drag between two particles [kg/s]. With ∫ S r² dV = 6, and e e e e being (δδ + δδ + δδ)/15 on the
//! average over all directions, the sum is μ (∇²v + 2 ∇∇·v): viscosity μ, and 5μ/3 against changes of volume, of which a
//! liquid that keeps its density has none. The force acts along the line between the two: momentum and angular momentum are
//! kept to rounding, and a liquid that turns as one is not held back, at a free surface neither. (Along vⱼ − vᵢ in place of e, as
//! is common, cᵢⱼ being a fifth, a free body lost or gained 0.7 % of its angular momentum by that alone.)
//!
//! The explicit form adds f to the forces; it is stable below m/λ, λ as below: h²/(24ν) on a lattice, 25 µs for water at
//! h = 24.7 µm. Longer steps are made of s stages,
//!
//!   y₀ = vₙ,   yⱼ = μⱼ yⱼ₋₁ + νⱼ yⱼ₋₂ + μⱼ 2/(s² + s) (δ/m) f(yⱼ₋₁),   μⱼ = (2j − 1)/j,   νⱼ = (1 − j)/j,   v = yₛ
//!
//! which together reach as far as (s² + s)/2 explicit steps: stable where λ δ/m ≤ (s² + s)/2 for every particle, λ the largest
//! eigenvalue of Dᵢ = Σⱼ cᵢⱼ e eᵀ (energy is lost at Σ cᵢⱼ ((vᵢ − vⱼ)·e)² over all pairs, at most 2 Σ vᵢ·Dᵢ vᵢ). What
//! decays is multiplied by Legendre's polynomial of degree s, which may turn it round; so a step is two times the same
//! stages with δ = dt/2, and the factor a square. (In one, liquid overshot the cuticle that it stood at, and a free
//! body gained energy.) What else acts in the step, weight or pressure, is added to f in every stage: a flow that viscosity
//! holds against it is at rest then, at any length of the step. Nothing is solved, and every stage hands on by pairs, of which
//! √(δ cᵢⱼ/m) e is kept: beside it, nothing but velocities is fetched.
//! Walls keep the velocity that they have; what they are given is counted. First order in dt.
//!
//! Source: Español & Revenga 2003, doi:10.1103/PhysRevE.67.026705, and Monaghan 2005, doi:10.1088/0034-4885/68/8/R01
//! (forces along the line between, and the moments); Morris, Fox & Zhu 1997, doi:10.1006/jcph.1997.5776 (the step limit);
//! Meyer, Balsara & Aslam 2014, doi:10.1016/j.jcp.2013.08.021 (the stages, RKL1).

use nalgebra::Matrix3;

use crate::body::neighbors::Neighbors;
use crate::body::particles::Vec3;
use crate::body::pressure::Fluid;
use crate::parallel::{self, CHUNK};

/// Fewest stages: what decays fast is then damped, not turned round.
const FEWEST_STAGES: usize = 3;

/// 15/3: on the average over all directions e e e e is 1/15 where e e is 1/3.
const MOMENT: f64 = 5.0;

/// cᵢⱼ over r² for two particles `away` from each other [kg/(s m²)]; none for two at one place, between which there is no
/// line.
#[inline]
fn pair_drag(fluid: &Fluid, viscosity: f64, away: Vec3) -> f64 {
    let (volume, r2) = (fluid.mass / fluid.rest_density, away.norm_squared());
    if r2 > 0.0 { MOMENT * viscosity * volume * volume * fluid.smoothing.shear(r2.sqrt()) / r2 } else { 0.0 }
}

/// No less than the largest eigenvalue of a symmetric matrix: with m their mean and d what is left of the matrix without
/// it, m + √(2/3 d:d), which is reached where the two smaller ones are alike.
fn largest_eigenvalue(matrix: &Matrix3<f64>) -> f64 {
    let mean = matrix.trace() / 3.0;
    let rest = matrix - Matrix3::from_diagonal_element(mean);
    mean + (2.0 / 3.0 * rest.norm_squared()).sqrt()
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
            let away = neighbors.away(position, i, j);
            let drag = pair_drag(fluid, viscosity, away) / fluid.mass;
            *acceleration += away * (drag * away.dot(&(velocity[j] - velocity[i])));
        }
    });
}

/// A step of any length, with room to take it in.
#[derive(Debug, Clone, Default)]
pub struct Viscosity {
    /// Stages of each half of the last step.
    pub stages: usize,
    rows: Vec<Rows>,
    /// Velocities of the stage before the last; the next ones take their place.
    before: Vec<Vec3>,
    /// What else changes the velocity of each particle over δ [m/s].
    push: Vec<Vec3>,
    /// m/dt of the last step [kg/s].
    inertia: f64,
}

/// The drags of [`CHUNK`] particles in a row.
#[derive(Debug, Clone, Default)]
struct Rows {
    /// √(δ cᵢⱼ/m) e, in the order of the neighbours of each; at rest, of those that move.
    link: Vec<Vec3>,
    /// The largest bound of the eigenvalues of Σⱼ δ cᵢⱼ/m e eᵀ of those that move.
    largest: f64,
    /// What particles at rest were given, as the change of velocity of one that moves [m/s]; the same a stage before.
    given: [Vec<Vec3>; 2],
}

/// Who is near whom, and who moves.
#[derive(Debug, Clone, Copy)]
struct Near<'a> {
    neighbors: &'a Neighbors,
    moves: &'a [bool],
}

/// What a stage makes the next velocities of: the shares of the last, of those before, and of the drag.
#[derive(Debug, Clone, Copy)]
struct Stage {
    last: f64,
    before: f64,
    drag: f64,
}

impl Stage {
    /// Stage `j`, from 1, of `stages`.
    fn new(j: usize, stages: usize) -> Self {
        let (j, s) = (j as f64, stages as f64);
        let last = (2.0 * j - 1.0) / j;
        Self { last, before: (1.0 - j) / j, drag: last * 2.0 / (s * s + s) }
    }
}

impl Rows {
    /// Weighs the pairs of the particles from `first` on; laws are those of a liquid, its viscosity [Pa·s] and δ/m.
    fn weigh(
        &mut self,
        (fluid, viscosity, scale): (&Fluid, f64, f64),
        Near { neighbors, moves }: Near<'_>,
        position: &[Vec3],
        first: usize,
    ) {
        let count = CHUNK.min(position.len() - first);
        self.link.clear();
        self.largest = 0.0;
        for given in &mut self.given {
            given.clear();
            given.resize(count, Vec3::zeros());
        }
        for (i, moves) in moves.iter().enumerate().skip(first).take(count) {
            let (begin, list) = (neighbors.begin_in_chunk(i), &neighbors.list(i)[..neighbors.moving(i)]);
            // Lists of particles at rest stand behind those of all that move.
            self.link.resize(self.link.len().max(begin + list.len()), Vec3::zeros());
            let mut drag = Matrix3::zeros();
            for (link, j) in self.link[begin..].iter_mut().zip(list) {
                let away = neighbors.away(position, i, *j as usize);
                *link = away * (scale * pair_drag(fluid, viscosity, away)).sqrt();
                drag += *link * link.transpose();
            }
            if *moves {
                self.largest = self.largest.max(largest_eigenvalue(&drag));
            }
        }
    }

    /// One stage of the particles from `first` on, of which `before` are the velocities a stage before and `push` what else
    /// acts on them.
    fn advance(
        &mut self,
        stage: Stage,
        push: &[Vec3],
        Near { neighbors, moves }: Near<'_>,
        first: usize,
        last: &[Vec3],
        before: &mut [Vec3],
    ) {
        let [given, given_before] = &mut self.given;
        for (n, before) in before.iter_mut().enumerate() {
            let i = first + n;
            let (others, begin) = (&neighbors.list(i)[..neighbors.moving(i)], neighbors.begin_in_chunk(i));
            let drag = from_links(others, &self.link[begin..begin + others.len()], &last[i], last);
            if moves[i] {
                *before = last[i] * stage.last + *before * stage.before + (drag + push[i]) * stage.drag;
            } else {
                *before = last[i];
                given_before[n] = given[n] * stage.last + given_before[n] * stage.before + drag * stage.drag;
            }
        }
        self.given.swap(0, 1);
    }
}

/// Σⱼ qⱼ (qⱼ·(vⱼ − v)) over the neighbours of a particle, q their links, in four sums side by side.
#[inline]
fn from_links(others: &[u32], links: &[Vec3], own: &Vec3, velocity: &[Vec3]) -> Vec3 {
    let mut sums = [Vec3::zeros(); 4];
    let (fours, rest) = others.as_chunks::<4>();
    let (links, links_of_rest) = links.split_at(4 * fours.len());
    let pull = |link: &Vec3, j: u32| link * link.dot(&(velocity[j as usize] - own));
    for (others, links) in fours.iter().zip(links.as_chunks::<4>().0) {
        for n in 0..4 {
            sums[n] += pull(&links[n], others[n]);
        }
    }
    for (n, (other, link)) in rest.iter().zip(links_of_rest).enumerate() {
        sums[n] += pull(link, *other);
    }
    (sums[0] + sums[2]) + (sums[1] + sums[3])
}

impl Viscosity {
    /// Gives the particles that move the velocities [m/s] that they have after a step of `dt` [s]; the others are walls.
    ///
    /// `velocity` is that with everything else that acts in the step, `before` that without: what is between acts evenly
    /// all through it, so that a flow which viscosity holds against a force stays as it is, however long the step.
    #[allow(clippy::too_many_arguments)]
    pub fn step(
        &mut self,
        fluid: &Fluid,
        viscosity: f64,
        neighbors: &Neighbors,
        dt: f64,
        position: &[Vec3],
        moves: &[bool],
        before: &[Vec3],
        velocity: &mut Vec<Vec3>,
    ) {
        self.inertia = fluid.mass / dt;
        let near = Near { neighbors, moves };
        let laws = (fluid, viscosity, 0.5 * dt / fluid.mass);
        self.rows.resize_with(position.len().div_ceil(CHUNK), Rows::default);
        parallel::for_each_large(&mut self.rows, |chunk, rows| {
            rows.weigh(laws, near, position, chunk * CHUNK);
        });
        let largest = self.rows.iter().map(|rows| rows.largest).fold(0.0, f64::max);
        // The smallest s with (s² + s)/2 ≥ λ δ/m.
        self.stages = FEWEST_STAGES.max((0.5 * ((1.0 + 8.0 * largest).sqrt() - 1.0)).ceil() as usize);
        self.push.resize(velocity.len(), Vec3::zeros());
        let with_all = &*velocity;
        parallel::for_each(&mut self.push, |i, push| *push = (with_all[i] - before[i]) * 0.5);
        parallel::for_each(velocity, |i, v| {
            if moves[i] {
                *v = before[i];
            }
        });
        self.before.clone_from(velocity);
        // The first stage asks for no velocities before the last.
        for j in (1..=self.stages).chain(1..=self.stages) {
            let (stage, push, last) = (Stage::new(j, self.stages), &*self.push, &*velocity);
            parallel::for_each_with_chunk(&mut self.rows, &mut self.before, |chunk, rows, before| {
                rows.advance(stage, push, near, chunk * CHUNK, last, before);
            });
            std::mem::swap(velocity, &mut self.before);
        }
    }

    /// Force on particle `i` at rest by those that moved in the last step, its mean over the step [N].
    pub fn on_wall(&self, i: usize) -> Vec3 {
        self.rows[i / CHUNK].given[0][i % CHUNK] * self.inertia
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

    fn near(position: &[Vec3]) -> Neighbors {
        let mut neighbors = Neighbors::default();
        neighbors.rebuild(position, 2.0 * SPACING);
        neighbors
    }

    /// Velocities that no two particles share [m/s].
    fn mixed(count: usize) -> Vec<Vec3> {
        (0..count).map(|n| Vec3::new(1.0, 2.0, 3.0).map(|step| 1e-3 * libm::sin(step * n as f64))).collect()
    }

    #[test]
    fn liquid_between_a_still_and_a_moving_wall_shears_evenly() {
        let (position, moves, mut velocity) = channel();
        let neighbors = near(&position);
        // 5 ms are thirty times the h²/ν of water here: the steady state of Couette's flow.
        for _ in 0..8 {
            Viscosity::default().step(
                &water(),
                1e-3,
                &neighbors,
                5e-3,
                &position,
                &moves,
                &velocity.clone(),
                &mut velocity,
            );
        }
        for (x, v) in position.iter().zip(&velocity) {
            let height = x.z / SPACING - 2.5;
            // In a linear flow the discrete drags are at rest too.
            assert!((v.x - 1e-4 * height).abs() < 1e-8, "{} at {height}", v.x);
        }
    }

    #[test]
    fn a_liquid_without_walls_comes_to_turn_as_one_and_keeps_its_momenta() {
        let (position, _, _) = channel();
        let mut velocity = mixed(position.len());
        let count = position.len() as f64;
        let mean = |values: &[Vec3]| values.iter().sum::<Vec3>() / count;
        let middle = mean(&position);
        let moment =
            |velocity: &[Vec3]| position.iter().zip(velocity).map(|(x, v)| (x - middle).cross(v)).sum::<Vec3>();
        let (drift, spin) = (mean(&velocity), moment(&velocity));
        let inertia: Matrix3<f64> =
            position.iter().map(|x| (x - middle).cross_matrix()).map(|cross| cross.transpose() * cross).sum();
        let turn = inertia.try_inverse().expect("a block has three axes") * spin;
        let moves = vec![true; position.len()];
        // Half a second is a hundred times what viscosity needs from end to end, L²/(π²ν).
        let neighbors = near(&position);
        for _ in 0..4 {
            Viscosity::default().step(
                &water(),
                1e-3,
                &neighbors,
                0.125,
                &position,
                &moves,
                &velocity.clone(),
                &mut velocity,
            );
        }
        let as_one = |x: &Vec3| drift + turn.cross(&(x - middle));
        let farthest = position.iter().zip(&velocity).map(|(x, v)| (v - as_one(x)).norm()).fold(0.0, f64::max);
        // Rounding, of velocities of 1.2 mm/s up to 0.1 mm from the middle, in some hundred stages.
        assert!((mean(&velocity) - drift).norm() < 1e-15, "{} of {drift}", mean(&velocity));
        assert!((moment(&velocity) - spin).norm() < 1e-19 * count, "{} of {spin}", moment(&velocity));
        // A thousandth of them is left of the slowest wave, which has only a part of it.
        assert!(farthest < 1e-6, "{farthest} from {drift} and {turn}");
    }

    #[test]
    fn walls_are_given_what_the_liquid_loses() {
        let (position, moves, _) = channel();
        let (fluid, dt) = (water(), 2e-3);
        let before = mixed(position.len());
        let mut velocity = before.clone();
        let mut viscosity = Viscosity::default();
        let mut neighbors = Neighbors::default();
        neighbors.rebuild_around(&position, 2.0 * SPACING, &moves, None);
        viscosity.step(&fluid, 1e-3, &neighbors, dt, &position, &moves, &velocity.clone(), &mut velocity);
        assert!(viscosity.stages > FEWEST_STAGES, "{}", viscosity.stages);
        let lost: Vec3 = velocity.iter().zip(&before).map(|(v, before)| (before - v) * fluid.mass).sum();
        let given: Vec3 = (0..position.len()).filter(|i| !moves[*i]).map(|i| viscosity.on_wall(i) * dt).sum();
        assert!((given - lost).norm() < 1e-12 * lost.norm(), "{given} for {lost}");
        // And as much torque, about any point.
        let lost: Vec3 = (0..position.len()).map(|i| position[i].cross(&(before[i] - velocity[i])) * fluid.mass).sum();
        let walls = (0..position.len()).filter(|i| !moves[*i]);
        let given: Vec3 = walls.map(|i| position[i].cross(&viscosity.on_wall(i)) * dt).sum();
        assert!((given - lost).norm() < 1e-12 * lost.norm(), "{given} for {lost}");
    }

    #[test]
    fn a_small_step_agrees_with_the_explicit_one() {
        let (position, moves, velocity) = channel();
        let neighbors = near(&position);
        let dt = 1e-8;
        let mut after = velocity.clone();
        Viscosity::default().step(&water(), 1e-3, &neighbors, dt, &position, &moves, &velocity, &mut after);
        let mut acceleration = vec![Vec3::zeros(); position.len()];
        add_acceleration(&water(), 1e-3, &neighbors, &position, &velocity, &mut acceleration);
        let largest = acceleration.iter().map(|a| a.norm()).fold(0.0, f64::max) * dt;
        for i in (0..position.len()).filter(|i| moves[*i]) {
            let difference = (after[i] - velocity[i] - acceleration[i] * dt).norm();
            // Second order in dt/(h²/ν) = 1e-4, times a few.
            assert!(difference < 2e-3 * largest, "{difference} of {largest}");
        }
    }
}
