//! The balance of torques of a body that nothing holds: three of the equations of an implicit step, solved by themselves.
//!
//!   T ω = Σ rᵢ × (fᵢ − Cᵢ (xᵢ − xₙ)/h − M (xᵢ − xₙ − h vₙ)/h²),   T = Σ [rᵢ]ᵀ (M/h² + Cᵢ/h) [rᵢ],   x ← turned by ω
//!
//! xₙ and vₙ position [m] and velocity [m/s] at the start of the step h [s], r from the middle of the body [m], f force from
//! outside [N], C drag [kg/s], M mass [kg], [r] the matrix of r ×. Springs, fibres and the pressure in the body have no
//! torque however the body is turned, so they have no part in this, and a turn leaves them in balance.
//!
//! Newton's method in `implicit.rs` keeps the sum of all forces exactly, but finds this balance last: its matrix leaves the
//! negative part of the stiffness out, and so takes a body under tension for one that resists being turned. What was left
//! when moves had become small was spin out of nothing, a hundredth of what there was, once enough to roll the body.
//! As it was, a free body that bends asked for 16 to 36 iterations; it asks for 7.
//!
//! Source: a correction in a coarse space, Nicolaides 1987, doi:10.1137/0724027 (deflation), in which rigid turns are a
//! space by themselves.

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

impl Torques<'_> {
    /// Turns the body at `position` [m] until its torques are balanced, but for the square of the turn; gives the longest way
    /// of a particle [m].
    pub fn balance(&self, position: &mut [Vec3]) -> f64 {
        let dt = self.dt;
        let held = |i: usize| self.mass[i] / (dt * dt) + self.drag[i].across / dt;
        // About this point a turn asks for no force where drag has no axis.
        let (sum, all) = position.iter().enumerate().fold((Vec3::zeros(), 0.0), |(sum, all), (i, x)| {
            let held = held(i);
            (sum + x * held, all + held)
        });
        let middle = sum / all;
        let (mut torque, mut inertia) = (Vec3::zeros(), Matrix3::zeros());
        for (i, x) in position.iter().enumerate() {
            let (arm, moved) = (x - middle, x - self.start[i]);
            let Drag { along, across, axis } = self.drag[i];
            let drag = moved * across + axis * ((along - across) * axis.dot(&moved));
            let accelerated = (moved - self.velocity[i] * dt) * (self.mass[i] / (dt * dt));
            torque += arm.cross(&(self.external[i] - drag / dt - accelerated));
            let (cross, along_axis) = (arm.cross_matrix(), arm.cross(&axis));
            // [r]ᵀ d dᵀ [r] is (r × d)(r × d)ᵀ.
            inertia +=
                cross.transpose() * cross * held(i) + along_axis * (along_axis * ((along - across) / dt)).transpose();
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
        let middle = position.iter().sum::<Vec3>() / 24.0;
        let (mut gained, mut given) = (Vec3::zeros(), Vec3::zeros());
        for i in 0..24 {
            let v = (position[i] - start[i]) / DT;
            let dragged = v * drag[i].across + drag[i].axis * ((drag[i].along - drag[i].across) * drag[i].axis.dot(&v));
            gained += (position[i] - middle).cross(&((v - velocity[i]) * mass[i]));
            given += (position[i] - middle).cross(&((external[i] - dragged) * DT));
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
    fn a_couple_and_drag_turn_a_body_by_as_much_as_they_have_torque() {
        let drag = Drag { along: 1e-9, across: 3e-9, axis: Vec3::new(0.6, 0.0, 0.8) };
        let (_, gained, given) = turned(&drag, |x| Vec3::new(0.0, 0.0, 2.0).cross(x) * 1e-9);
        assert!(given.norm() > 1e-22, "{given}");
        assert!((gained - given).norm() < 1e-10 * given.norm(), "{gained} for {given}");
    }
}
