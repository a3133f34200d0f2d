//! The fast body: a worm in the plane as a row of rods, joined by springs, muscles and dashpots, without inertia.
//!
//! ```text
//!     D₀ ── D₁ ── D₂ ──        lateral: cuticle and muscle, on the back (D) and on the belly (V)
//!     │ ╲╱ │ ╲╱ │ ╲╱           diagonal: they keep the volume
//!     │ ╱╲ │ ╱╲ │ ╱╲           rod i: its centre (x, y) and its angle φ, its ends at ± Rᵢ (cos φ, sin φ)
//!     V₀ ── V₁ ── V₂ ──
//!
//!   R_i  = ½ D sin(acos((i − N/2)/(N/2 + e)))                       an ellipse that ends e segments beyond the rods
//!   F_PE = κ_L (L₀ − L),   F_AE = κ_M A (L_A − L),   F_D = κ_D (L₀ − L)
//!   L_A  = L₀ − A (L₀ − L_min),   L_min = L₀ (1 − s (R_m + R_{m+1})/D)
//!   F_AE = −A P,  β_M = 0                               where a muscle is a fibre, not a spring
//!   F    = F_PE + F_AE − (β_L + A β_M) dL/dt            lateral;     F_D − β_D dL/dt   diagonal
//!   C_N v⊥ = F⊥,   C_T v∥ = F∥,   r R² C_T dφ/dt = R (F∥ⱽ − F∥ᴰ)    drag of one rod; ∥ along the body, ⊥ along the rod
//! ```
//!
//! N segments, m one of them; F pushes the two ends of a spring apart [N], L its length [m], A activation 0 … 1,
//! κ stiffness [N/m], P pull of a fibre [N], β damping [kg/s], C drag of one rod [kg/s], F⊥ and F∥ sums over both ends.
//!
//! C of one rod is the medium's drag per length times the length over the number of rods. The published program
//! divides its drag of a whole worm by 2 · 49 and so has half of what it names (`models/media/agar_to_water.toml`). Of r
//! there are two readings: 1 in the paper (`models/rod.toml`), 4π in its C++ program (`models/rod_bbc.toml`). F_PE of
//! that program has a term in the fourth power of the stretch, which no unit fits; in metres it is below 1e-12 of the
//! linear one, and is left out.
//!
//! Solved in time by the backward differentiation formula of second order, all springs, dashpots and drag at the
//! end of the step; Newton's method with a banded factor (`banded.rs`).
//!
//! Source: Boyle, Berri & Cohen 2012, Front Comput Neurosci 6:10, doi:10.3389/fncom.2012.00010, section 2.

use crate::body::Diverged;
use crate::body::obstacle::Obstacle;
use crate::body::particles::Vec3;
use crate::body::rod_anatomy::{Pull, RodAnatomy};
use crate::body::rod_balance::Work;
use crate::error::Problem;
use crate::simd;

/// Centre x, y [m] and angle [rad] of one rod.
pub type Pose = [f64; 3];

/// Back and belly.
pub const SIDES: usize = 2;

/// Newton's iterations before a guess is given up; one to three are usual.
const MOST_ITERATIONS: usize = 20;

/// A step is solved when no rod was moved by more than this part of a segment, 20 nm: Newton's method leaves about
/// the square of its last change, below a nanometre.
const TOLERANCE: f64 = 1e-3;

/// A segment that is not held.
const FREE: [f64; 2] = [1.0, 0.0];

/// A row of rods in its medium.
#[derive(Debug, Clone)]
pub struct Rod {
    anatomy: RodAnatomy,
    /// Half-length of each rod [m].
    radius: Vec<f64>,
    /// Rest length of each segment's lateral and diagonal springs [m].
    rest: Vec<[f64; 2]>,
    /// Drag of one rod along and across the body [kg/s].
    drag: [f64; 2],
    pose: Vec<Pose>,
    /// From the centre of each rod to its end on the back [m].
    arm: Vec<[f64; 2]>,
    /// One step ago, for the formula in time, and two steps ago, for its first guess.
    before: [Vec<Pose>; 2],
    /// Length of the last steps [s].
    last_step: f64,
    velocity: Vec<Pose>,
    iterations: usize,
    /// Of each segment: how many times stiffer than at rest it is held, and at which curvature [1/m].
    held: Vec<[f64; 2]>,
    /// What stands in the way.
    obstacles: Vec<Obstacle>,
    work: Work,
}

impl Rod {
    /// A straight worm at rest, its head at positive x and its back at positive y, with so much drag per length
    /// across and along its axis [kg/(m·s)].
    pub fn new(anatomy: &RodAnatomy, normal_drag: f64, tangential_drag: f64) -> Self {
        let radius = anatomy.radii();
        let pitch = anatomy.pitch();
        let far = |a: f64, b: f64| (a * a + b * b).sqrt();
        let rest: Vec<[f64; 2]> =
            radius.windows(2).map(|pair| [far(pitch, pair[0] - pair[1]), far(pitch, pair[0] + pair[1])]).collect();
        let joints = radius.len();
        let share = anatomy.length / joints as f64;
        let straight = |i: usize| [0.5 * anatomy.length - pitch * i as f64, 0.0, std::f64::consts::FRAC_PI_2];
        let pose: Vec<Pose> = (0..joints).map(straight).collect();
        Self {
            anatomy: anatomy.clone(),
            drag: [tangential_drag * share, normal_drag * share],
            before: [pose.clone(), pose.clone()],
            arm: radius.iter().map(|radius| [0.0, *radius]).collect(),
            radius,
            pose,
            last_step: 0.0,
            velocity: vec![[0.0; 3]; joints],
            iterations: 0,
            held: vec![FREE; rest.len()],
            obstacles: Vec::new(),
            work: Work::new(&rest),
            rest,
        }
    }

    /// From now on these obstacles stand in the way; they are felt by the ends of the rods.
    pub fn meet(&mut self, obstacles: &[Obstacle]) {
        self.obstacles = obstacles.to_vec();
    }

    /// Holds the segments between two places, 0 head … 1 tail, at a curvature, positive to the back [1/m], with lateral
    /// springs so many times as stiff as their own.
    pub fn hold(&mut self, [head, tail]: [f64; 2], curvature: f64, firmness: f64) {
        let segments = self.held.len() as f64;
        for (m, held) in self.held.iter_mut().enumerate() {
            if (head..tail).contains(&((m as f64 + 0.5) / segments)) {
                *held = [firmness, curvature];
            }
        }
    }

    /// Holds no segment any more.
    pub fn release(&mut self) {
        self.held.fill(FREE);
    }

    /// From now on the medium drags so much across and along the body, per length [kg/(m·s)].
    pub fn set_drag(&mut self, normal: f64, tangential: f64) {
        let share = self.anatomy.length / self.pose.len() as f64;
        self.drag = [tangential * share, normal * share];
    }

    /// Moves the rods over one step of `dt` [s]; `activation` is that of the back and of the belly in each segment,
    /// 0 … 1.
    ///
    /// # Errors
    /// When the forces find no balance; the body is then as before the step.
    pub fn step(&mut self, dt: f64, activation: &[[f64; SIDES]]) -> Result<(), Diverged> {
        // dy/dt ≈ lead y + past: (3/2 y − 2 yₙ + ½ yₙ₋₁)/h; the first step, or one of another length, is backward Euler.
        let second = self.last_step == dt;
        let lead = if second { 1.5 / dt } else { 1.0 / dt };
        let past = |now: f64, before: f64| if second { (0.5 * before - 2.0 * now) / dt } else { -now / dt };
        self.contract(activation, lead, &past);
        let past: Vec<Pose> = self.pose.iter().zip(&self.before[0]).map(|(a, b)| each(a, b, past)).collect();
        // From where Newton's method begins: the body goes on with its acceleration, with its speed, or stands.
        let guesses =
            if second { &[[3.0, -3.0, 1.0], [2.0, -1.0, 0.0], [1.0, 0.0, 0.0]][..] } else { &[[1.0, 0.0, 0.0]] };
        for guess in guesses {
            if let Some((next, direction)) = self.balance(*guess, &past, lead) {
                self.velocity =
                    next.iter().zip(&past).map(|(y, past)| each(y, past, |y, past| lead * y + past)).collect();
                for (arm, ([c, s], radius)) in self.arm.iter_mut().zip(direction.into_iter().zip(&self.radius)) {
                    *arm = [radius * c, radius * s];
                }
                let [before, long_before] = &mut self.before;
                *long_before = std::mem::replace(before, std::mem::replace(&mut self.pose, next));
                self.last_step = dt;
                return Ok(());
            }
        }
        Err(Diverged { what: "the forces on the rods find no balance".to_string() })
    }

    /// Where all forces are in balance, and the direction of every rod there, by Newton's method from what the
    /// last three poses make in these parts.
    fn balance(&mut self, guess: [f64; 3], past: &[Pose], lead: f64) -> Option<(Vec<Pose>, Vec<[f64; 2]>)> {
        let [before, long_before] = &self.before;
        let combine = |i: usize| -> Pose {
            let three = |k: usize| guess[0] * self.pose[i][k] + guess[1] * before[i][k] + guess[2] * long_before[i][k];
            std::array::from_fn(three)
        };
        let joints = self.pose.len();
        let mut next: Vec<Pose> = (0..joints).map(combine).collect();
        let mut direction: Vec<[f64; 2]> = next.iter().map(|pose| libm::sincos(pose[2])).map(|(s, c)| [c, s]).collect();
        self.work.drag(&self.radius, &direction, self.drag, self.anatomy.turning_drag, lead);
        let tolerance = TOLERANCE * self.anatomy.pitch();
        for iteration in 1..=MOST_ITERATIONS {
            self.work.place(&self.radius, &next, &direction, past, lead);
            self.work.touch(&self.obstacles);
            simd::widest(
                #[inline(always)]
                || self.work.solve(),
            );
            let mut largest = 0.0_f64;
            for (i, change) in self.work.force.as_chunks::<3>().0[..joints].iter().enumerate() {
                let moved = change[0].abs().max(change[1].abs()).max(change[2].abs() * self.radius[i]);
                // A comparison with a number that is none is false: it must not pass for small.
                largest = if moved <= largest { largest } else { moved };
                next[i] = each(&next[i], change, |y, change| y + change);
                let ((s, c), [before_c, before_s]) = (libm::sincos(change[2]), direction[i]);
                direction[i] = [before_c * c - before_s * s, before_s * c + before_c * s];
            }
            // A change by half a segment is no step towards a balance near by.
            if largest.is_nan() || largest > 0.5 * self.anatomy.pitch() {
                return None;
            }
            if largest <= tolerance {
                self.work.place(&self.radius, &next, &direction, past, lead);
                simd::widest(
                    #[inline(always)]
                    || self.work.remember_lengths(),
                );
                self.iterations = iteration;
                return Some((next, direction));
            }
        }
        None
    }

    /// What each spring is at this activation, its dashpot included: it pushes with P − K L, for
    ///
    ///   κ (L₀ − L) − β dL/dt,  dL/dt = lead L + past   is   (κ L₀ − β past) − (κ + β lead) L
    fn contract(&mut self, activation: &[[f64; SIDES]], lead: f64, past: &dyn Fn(f64, f64) -> f64) {
        let a = &self.anatomy;
        for (m, active) in activation.iter().enumerate() {
            let [rest, rest_diagonal] = self.rest[m];
            let width = self.radius[m] + self.radius[m + 1];
            let [firmness, curvature] = self.held[m];
            // Bent to the back, the back is shorter than at rest.
            let bent = rest * curvature * 0.5 * width;
            let lateral = |active: f64, held: f64| {
                let stiff = a.lateral_stiffness * firmness;
                let [push, stiffness, damping] = match a.pull {
                    Pull::Spring { stiffness, damping_time, shortening } => {
                        let muscle = stiffness * active;
                        let shortened = rest - active * (rest * shortening * width / a.diameter);
                        [muscle * shortened, muscle, muscle * damping_time]
                    }
                    Pull::Fibre(force) => [-active * force, 0.0, 0.0],
                };
                [stiff * held + push, stiff + stiffness, stiff * a.lateral_damping_time + damping]
            };
            let stiff = a.diagonal_stiffness;
            let diagonal = [stiff * rest_diagonal, stiff, stiff * a.diagonal_damping_time];
            let [back, belly] = active.map(|active| active.clamp(0.0, 1.0));
            let (back, belly) = (lateral(back, rest - bent), lateral(belly, rest + bent));
            for (link, [push, stiffness, damping]) in self.work.links.iter_mut().zip([back, belly, diagonal, diagonal])
            {
                link.push[m] = push - damping * past(link.length[m], link.length_before[m]);
                link.stiffness[m] = stiffness + damping * lead;
            }
        }
    }

    /// Length of the lateral spring of a segment on the back (0) or belly (1), and at rest [m].
    pub fn lateral(&self, segment: usize, side: usize) -> [f64; 2] {
        let ends = [segment, segment + 1].map(|i| self.end(i, side));
        [(ends[1] - ends[0]).norm(), self.rest[segment][0]]
    }

    /// Where the end of a rod on the back (0) or belly (1) is [m].
    pub fn end(&self, rod: usize, side: usize) -> Vec3 {
        let ([x, y, _], [dx, dy]) = (self.pose[rod], self.arm[rod]);
        if side == 0 { Vec3::new(x + dx, y + dy, 0.0) } else { Vec3::new(x - dx, y - dy, 0.0) }
    }

    /// Centre and angle of each rod, head to tail.
    pub fn pose(&self) -> &[Pose] {
        &self.pose
    }

    /// How fast the rods move and turn [m/s, rad/s].
    pub fn velocity(&self) -> &[Pose] {
        &self.velocity
    }

    /// Half-length of each rod [m].
    pub fn radius(&self) -> &[f64] {
        &self.radius
    }

    /// What it is built from.
    pub fn anatomy(&self) -> &RodAnatomy {
        &self.anatomy
    }

    /// Newton's iterations of the last step.
    pub fn iterations(&self) -> usize {
        self.iterations
    }

    /// All that the next step and the next frame depend on, number by number.
    fn numbers(&mut self) -> impl Iterator<Item = &mut f64> {
        let poses = [&mut self.pose, &mut self.velocity].into_iter().chain(&mut self.before);
        let numbers = poses.flat_map(|poses| poses.iter_mut().flatten());
        let lengths = self.work.links.iter_mut().flat_map(|link| [&mut link.length, &mut link.length_before]);
        let lengths = lengths.flat_map(|lengths| lengths.iter_mut());
        numbers.chain(self.arm.iter_mut().flatten()).chain(lengths).chain([&mut self.last_step])
    }

    /// All that the next step and the next frame depend on.
    pub fn state(&self) -> Vec<f64> {
        self.clone().numbers().map(|number| *number).collect()
    }

    /// Goes on from a state that [`Rod::state`] of the same rod gave.
    ///
    /// # Errors
    /// Another number of numbers than this rod's.
    pub fn restore(&mut self, state: &[f64]) -> Result<(), Problem> {
        let expected = self.numbers().count();
        if state.len() != expected {
            return Err(Problem::new(format!("a state of {} numbers for a rod of {expected}", state.len())));
        }
        self.numbers().zip(state).for_each(|(number, state)| *number = *state);
        Ok(())
    }
}

/// A new pose, number by number of two others.
pub(super) fn each(a: &Pose, b: &Pose, f: impl Fn(f64, f64) -> f64) -> Pose {
    std::array::from_fn(|k| f(a[k], b[k]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;

    fn anatomy() -> RodAnatomy {
        let settings = Settings::from_text("rod.toml", include_str!("../../models/rod.toml"));
        RodAnatomy::read(&settings).expect("the rods of the repository")
    }

    /// Activation of every segment after `time`: a wave that runs to the tail, 1 Hz and 0.8 of the body long, and
    /// grows from nothing.
    fn wave(time: f64) -> Vec<[f64; SIDES]> {
        let bend = |m: usize| 1.6 * time * time * libm::sin(std::f64::consts::TAU * (time - m as f64 / 48.0 / 0.8));
        (0..48).map(|m| [bend(m).max(0.0), (-bend(m)).max(0.0)]).collect()
    }

    /// A worm that was driven by the wave for half a second in steps of so many milliseconds.
    fn driven(normal: f64, tangential: f64, milliseconds: f64) -> Rod {
        let mut rod = Rod::new(&anatomy(), normal, tangential);
        let dt = 1e-3 * milliseconds;
        for step in 1..=(0.5 / dt).round() as usize {
            rod.step(dt, &wave(step as f64 * dt)).expect("it bends");
        }
        rod
    }

    #[test]
    fn a_relaxed_worm_stays_as_it_is() {
        let mut rod = Rod::new(&anatomy(), 64.0, 1.6);
        let before = rod.pose().to_vec();
        for _ in 0..10 {
            rod.step(5e-3, &[[0.0; SIDES]; 48]).expect("nothing happens");
        }
        for (now, before) in rod.pose().iter().flatten().zip(before.iter().flatten()) {
            assert!((now - before).abs() < 1e-15, "{now} {before}");
        }
    }

    #[test]
    fn a_muscle_bends_the_worm_to_its_side() {
        // In water, where it takes the shape of its springs within a second.
        let mut rod = Rod::new(&anatomy(), 2.6e-3, 1.65e-3);
        for _ in 0..200 {
            rod.step(5e-3, &[[0.1, 0.0]; 48]).expect("it bends");
        }
        let [back, belly] = [0, 1].map(|side| rod.lateral(24, side));
        assert!(back[0] < back[1] && back[0] < belly[0], "{back:?} {belly:?}");
        // The back is at positive y, and so the ends of the worm rise.
        assert!(rod.pose()[0][1] > rod.pose()[24][1] && rod.pose()[48][1] > rod.pose()[24][1]);
    }

    #[test]
    fn fibres_bend_the_middle_as_a_beam_under_their_moment() {
        let settings = Settings::from_text("rod_adult.toml", include_str!("../../models/rod_adult.toml"));
        let anatomy = RodAnatomy::read(&settings).expect("the rods of the repository");
        let Pull::Fibre(force) = anatomy.pull else { panic!("{:?}", anatomy.pull) };
        let mut rod = Rod::new(&anatomy, 2.6e-3, 1.65e-3);
        // Little, so that strain stays below a hundredth, and within half a second, as muscles do.
        for step in 1..=200 {
            let active = 0.01 * (f64::from(step) / 100.0).min(1.0);
            rod.step(5e-3, &[[active, 0.0]; 48]).expect("it bends");
        }
        // κ = A P R/EI with EI = 2 κ_L R² L/N; a rod turns by κ L/N against the next, to the back that pulls.
        let turn = -0.01 * force / (anatomy.lateral_stiffness * anatomy.diameter);
        let found = rod.pose()[25][2] - rod.pose()[24][2];
        assert!((found / turn - 1.0).abs() < 0.01, "{found} {turn}");
    }

    #[test]
    fn a_worm_cannot_pull_itself_along_where_drag_is_the_same_in_all_directions() {
        let rod = driven(5.0, 5.0, 5.0);
        let [x, y] = [0, 1].map(|k| rod.pose().iter().map(|pose| pose[k]).sum::<f64>() / 49.0);
        // Springs push both of their ends alike, so the mean of all rods stays but for what Newton's method leaves,
        // far below a nanometre in each of 100 steps.
        assert!(x.abs() < 1e-9 && y.abs() < 1e-9, "{x} {y}");
        let bent = rod.pose().iter().map(|pose| pose[1].abs()).fold(0.0, f64::max);
        assert!(bent > 1e-5, "{bent}");
    }

    #[test]
    fn the_error_falls_at_least_with_the_square_of_the_step_on_agar_and_in_water() {
        for (normal, tangential) in [(64.0, 1.6), (2.6e-3, 1.65e-3)] {
            let [coarse, fine, finer] = [5.0, 2.5, 1.25].map(|step| driven(normal, tangential, step));
            let far = |a: &Rod, b: &Rod| {
                a.pose().iter().zip(b.pose()).map(|(a, b)| (a[0] - b[0]).hypot(a[1] - b[1])).fold(0.0, f64::max)
            };
            let order = (far(&coarse, &fine) / far(&fine, &finer)).log2();
            // Two or more; backward Euler has one.
            assert!(order > 1.7, "{order}");
        }
    }

    #[test]
    fn newtons_method_needs_few_iterations() {
        assert!(driven(64.0, 1.6, 5.0).iterations() <= 2);
        assert!(driven(2.6e-3, 1.65e-3, 5.0).iterations() <= 5);
    }
}
