//! The balance of torques of a body that nothing holds: three of the equations of an implicit step, solved by themselves.
//!
//!   Σ rₙ × (M (x − xₙ − h vₙ)/h² − f) + Σ r × C (x − xₙ)/h = 0,      x ← turned by ω
//!   T ω = what is lacking,   T = Σ [rₙ]ᵀ M/h² [r] + Σ [r]ᵀ C/h [r]
//!
//! xₙ and vₙ position [m] and velocity [m/s] at the start of the step h [s], x the position at its end, rₙ and r the same from the
//! middle of the body, f force from outside [N], C drag [kg/s], M mass [kg], [r] the matrix of r ×. With v = (x − xₙ)/h the first
//! sum is (Σ r × M v − Σ rₙ × M vₙ)/h, so that a body on which nothing acts keeps its angular momentum to rounding. Springs,
//! fibres and the pressure in the body have no torque however it is turned, so they have no part in this, and a turn leaves
//! them in balance.
//!
//! Newton's method in `implicit.rs` keeps the sum of all forces exactly, but finds this balance last: its matrix leaves the
//! negative part of the stiffness out, and so takes a body under tension for one that resists being turned. What was left
//! when moves had become small was spin out of nothing, a hundredth of what there was, once enough to roll the body.
//! As it was, a free body that bends asked for 16 to 36 iterations; it asks for 7.
//!
//! The forces that Newton's method balances have no torque about where they act at the end of the step, which is not about xₙ: backward
//! Euler takes Σ (x − xₙ) × M (v − vₙ) of the angular momentum in a step, 5e-5 in 20 of a worm that bends. It is given back as the
//! forces of an even spin, M α × r with I α that sum over h.
//!
//! Source: a correction in a coarse space, Nicolaides 1987, doi:10.1137/0724027 (deflation), in which rigid turns are a
//! space by themselves; Simo & Tarnow 1992, doi:10.1007/BF00913408 (steps that keep angular momentum).

use nalgebra::{Matrix3, Rotation3};

use crate::body::medium::Drag;
use crate::body::particles::Vec3;

/// What a body that moves from `start` [m] with `velocity` [m/s] over a step of `dt` [s] is balanced by.
#[derive(Debug, Clone, Copy)]
pub struct Torques<'a> {
    /// Mass of each particle [kg].
    pub mass: &'a [f64],
    /// Drag of each particle.
    pub drag: &'a [Drag],
    /// Force on each particle from outside [N].
    pub external: &'a [Vec3],
    /// The step h [s].
    pub dt: f64,
    /// xₙ.
    pub start: &'a [Vec3],
    /// vₙ.
    pub velocity: &'a [Vec3],
}

/// M α × r, forces as of an even spin: α [1/s²] and the middle, from which r is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spin {
    middle: Vec3,
    acceleration: Vec3,
}

impl Spin {
    /// The spin with this `torque` [N m] on some masses [kg] at `position` [m]; it has no force in all.
    pub fn of(torque: Vec3, mass: &[f64], position: &[Vec3]) -> Self {
        let middle = weighted_middle(position, |i| mass[i]);
        let inertia: Matrix3<f64> = position.iter().zip(mass).map(|(x, mass)| squared(&(x - middle)) * *mass).sum();
        // A body on a line cannot be turned about it.
        let inverse = inertia.try_inverse().unwrap_or_else(Matrix3::zeros);
        Self { middle, acceleration: inverse * torque }
    }

    /// Its force on a mass [kg] at `x` [m], in newtons.
    pub fn force(&self, mass: f64, x: &Vec3) -> Vec3 {
        self.acceleration.cross(&(x - self.middle)) * mass
    }
}

/// [r]ᵀ [r].
fn squared(arm: &Vec3) -> Matrix3<f64> {
    Matrix3::from_diagonal_element(arm.norm_squared()) - arm * arm.transpose()
}

fn weighted_middle(position: &[Vec3], weight: impl Fn(usize) -> f64) -> Vec3 {
    let (sum, all) = position.iter().enumerate().fold((Vec3::zeros(), 0.0), |(sum, all), (i, x)| {
        let weight = weight(i);
        (sum + x * weight, all + weight)
    });
    sum / all
}

impl Torques<'_> {
    /// M (x − xₙ − h vₙ)/h² − f, of particle `i` at `x`.
    fn unbalanced(&self, i: usize, x: &Vec3) -> Vec3 {
        (x - self.start[i] - self.velocity[i] * self.dt) * (self.mass[i] / (self.dt * self.dt)) - self.external[i]
    }

    /// What gives back to a body at `position` [m] the angular momentum that backward Euler takes.
    pub fn spin(&self, position: &[Vec3]) -> Spin {
        let taken = position.iter().enumerate().map(|(i, x)| (x - self.start[i]).cross(&self.unbalanced(i, x)));
        Spin::of(taken.sum(), self.mass, position)
    }

    /// Turns the body at `position` [m] until its torques are balanced, but for the square of the turn; gives the longest way
    /// of a particle [m].
    pub fn balance(&self, position: &mut [Vec3]) -> f64 {
        let dt = self.dt;
        let held = |i: usize| self.mass[i] / (dt * dt) + self.drag[i].across / dt;
        // About this point a turn asks for no force where drag has no axis.
        let middle = weighted_middle(position, held);
        let middle_at_start = weighted_middle(self.start, held);
        let (mut torque, mut inertia) = (Vec3::zeros(), Matrix3::zeros());
        for (i, x) in position.iter().enumerate() {
            let (arm, arm_at_start, moved) = (x - middle, self.start[i] - middle_at_start, x - self.start[i]);
            let Drag { along, across, axis } = self.drag[i];
            let drag = moved * across + axis * ((along - across) * axis.dot(&moved));
            torque -= arm_at_start.cross(&self.unbalanced(i, x)) + arm.cross(&drag) / dt;
            let along_axis = arm.cross(&axis);
            // [a]ᵀ [b] is a·b − b aᵀ, and [r]ᵀ d dᵀ [r] is (r × d)(r × d)ᵀ.
            inertia += (Matrix3::from_diagonal_element(arm_at_start.dot(&arm)) - arm * arm_at_start.transpose())
                * (self.mass[i] / (dt * dt))
                + squared(&arm) * (across / dt)
                + along_axis * (along_axis * ((along - across) / dt)).transpose();
        }
        // A body on a line has no moment about it, and nothing to turn.
        let Some(inverse) = inertia.try_inverse() else { return 0.0 };
        let rotation = Rotation3::new(inverse * torque);
        let mut longest = 0.0_f64;
        for x in position {
            let turned = middle + rotation * (*x - middle);
            longest = longest.max((turned - *x).norm());
            *x = turned;
        }
        longest
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body::anatomy::Anatomy;
    use crate::body::construction::build_tissue;
    use crate::body::contact::Contact;
    use crate::body::implicit::{ImplicitStep, Loads};
    use crate::body::medium::Medium;
    use crate::names::MUSCLE_COUNT;
    use crate::settings::Settings;

    const DT: f64 = 1e-3;

    /// Where a box that spins and flies is after a step under drag and what `external` says [N], held together by what has no
    /// torque; the angular momentum that it gained, and what it was given [kg m²/s].
    fn turned(drag: &Drag, external: impl Fn(&Vec3) -> Vec3) -> (Vec<Vec3>, Vec3, Vec3) {
        let start: Vec<Vec3> =
            (0..24).map(|n| Vec3::from([n % 2, n / 2 % 3, n / 6].map(|k| 1e-5 * f64::from(k)))).collect();
        let velocity: Vec<Vec3> =
            start.iter().map(|x| Vec3::new(3.0, -2.0, 5.0).cross(x) + Vec3::repeat(1e-4)).collect();
        let external: Vec<Vec3> = start.iter().map(external).collect();
        let (mass, drag) = (vec![2e-12; 24], vec![*drag; 24]);
        let torques =
            Torques { mass: &mass, drag: &drag, external: &external, dt: DT, start: &start, velocity: &velocity };
        let mut position = start.clone();
        // A turn by 5 mrad leaves its square: a few of them end at the last digit.
        let ways: Vec<f64> = (0..6).map(|_| torques.balance(&mut position)).collect();
        assert!(ways[0] > 1e-8 && ways[5] < 1e-20, "{ways:?}");
        // About the middle: where it flies to is not asked here.
        let middle = |places: &[Vec3]| places.iter().sum::<Vec3>() / 24.0;
        let (from, to) = (middle(&start), middle(&position));
        let (mut gained, mut given) = (Vec3::zeros(), Vec3::zeros());
        for i in 0..24 {
            let v = (position[i] - start[i]) / DT;
            let dragged = v * drag[i].across + drag[i].axis * ((drag[i].along - drag[i].across) * drag[i].axis.dot(&v));
            gained += ((position[i] - to).cross(&v) - (start[i] - from).cross(&velocity[i])) * mass[i];
            given += ((start[i] - from).cross(&external[i]) - (position[i] - to).cross(&dragged)) * DT;
        }
        (position, gained, given)
    }

    #[test]
    fn a_body_left_to_itself_goes_on_turning_and_keeps_its_shape() {
        let (position, gained, _) = turned(&Drag::NONE, |_| Vec3::zeros());
        // Of 24 particles with 5e-5 m at 3e-4 m/s, to rounding.
        assert!(gained.norm() < 1e-13 * 24.0 * 2e-12 * 5e-5 * 3e-4, "{gained}");
        let side = (position[23] - position[0]).norm();
        let at_first = Vec3::new(1e-5, 2e-5, 3e-5).norm();
        assert!((side / at_first - 1.0).abs() < 1e-13, "{side} of {at_first}");
    }

    #[test]
    fn a_spin_has_its_torque_and_no_force() {
        let position: Vec<Vec3> = (0..9).map(|n| Vec3::from([n % 2, n % 3, n % 5].map(f64::from)) * 1e-5).collect();
        let mass: Vec<f64> = (0..9).map(|n| 1e-12 * f64::from(n + 1)).collect();
        let torque = Vec3::new(3.0, -1.0, 2.0) * 1e-12;
        let spin = Spin::of(torque, &mass, &position);
        let force = |i: usize| spin.force(mass[i], &position[i]);
        let (sum, moment) = (0..9).fold((Vec3::zeros(), Vec3::zeros()), |(sum, moment), i| {
            (sum + force(i), moment + position[i].cross(&force(i)))
        });
        // Rounding of nine terms.
        assert!((moment - torque).norm() < 1e-14 * torque.norm(), "{moment}");
        assert!(sum.norm() < 1e-14 * (0..9).map(|i| force(i).norm()).sum::<f64>(), "{sum}");
    }

    #[test]
    fn a_worm_that_spins_goes_on_spinning() {
        let settings = Settings::from_text("worm.toml", include_str!("../../models/worm.toml"));
        let anatomy = Anatomy::read(&settings).expect("the worm of the repository");
        let tissue = build_tissue(&anatomy);
        let count = tissue.position.len();
        let contact = Contact::new(&Medium::vacuum(), &tissue, anatomy.spacing);
        let (external, drag) = (vec![Vec3::zeros(); count], vec![Drag::NONE; count]);
        let loads = Loads { fibre_force: &[0.0; MUSCLE_COUNT], external: &external, drag: &drag, contact: &contact };
        let mut step = ImplicitStep::new(&tissue, anatomy.bulk_modulus, anatomy.damping_time);
        let mut position = tissue.position.clone();
        let middle = position.iter().sum::<Vec3>() / count as f64;
        // A step turns it by 3 degrees.
        let mut velocity: Vec<Vec3> =
            position.iter().map(|x| Vec3::new(25.0, 10.0, 50.0).cross(&(x - middle))).collect();
        let moment = |position: &[Vec3], velocity: &[Vec3]| {
            position.iter().zip(velocity).map(|(x, v)| (x - middle).cross(v)).sum::<Vec3>()
        };
        let energy = |velocity: &[Vec3]| velocity.iter().map(|v| v.norm_squared()).sum::<f64>();
        let (spin, at_first) = (moment(&position, &velocity), energy(&velocity));
        for _ in 0..20 {
            step.step(&tissue, &loads, DT, &mut position, &mut velocity).expect("nothing but inertia and springs");
        }
        let lost = (moment(&position, &velocity) - spin).norm() / spin.norm();
        // Rounding: positions have 1e-16 of a millimetre, steps are some micrometres.
        assert!(lost < 1e-12, "{lost}");
        // Velocities are chords, half a turn of a step behind where they end: for the same momentum (ω h)²/4 more energy, 7e-4.
        // Backward Euler alone loses 7 %.
        let share = energy(&velocity) / at_first;
        assert!((share - 1.0).abs() < 1e-3, "{share}");
    }

    #[test]
    fn a_couple_and_drag_turn_a_body_by_as_much_as_they_have_torque() {
        let drag = Drag { along: 1e-9, across: 3e-9, axis: Vec3::new(0.6, 0.0, 0.8) };
        let (_, gained, given) = turned(&drag, |x| Vec3::new(0.0, 0.0, 2.0).cross(x) * 1e-9);
        assert!(given.norm() > 1e-22, "{given}");
        assert!((gained - given).norm() < 1e-10 * given.norm(), "{gained} for {given}");
    }
}
