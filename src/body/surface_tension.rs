//! Surface tension as cohesion: neighbours attract, so that a free surface shrinks.
//!
//!   aᵢ = −c Σⱼ W(rᵢⱼ) (xᵢ − xⱼ)
//!
//! c strength [m³/s²], W the density function [1/m³]. Inside, the pulls cancel; at a surface they point inwards.
//!
//! Source: Becker & Teschner 2007, Weakly compressible SPH for free surface flows, SCA 2007, section 4.

use crate::body::neighbors::Neighbors;
use crate::body::particles::Vec3;
use crate::body::smoothing::Smoothing;
use crate::parallel;

/// Adds the acceleration by cohesion [m/s²]; `strength` c [m³/s²].
pub fn add_acceleration(
    smoothing: &Smoothing,
    strength: f64,
    neighbors: &Neighbors,
    position: &[Vec3],
    acceleration: &mut [Vec3],
) {
    parallel::for_each(acceleration, |i, acceleration| {
        for j in neighbors.of(i) {
            let away = position[i] - position[j];
            *acceleration -= away * (strength * smoothing.density(away.norm_squared()));
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cohesion_pulls_a_surface_inwards_and_cancels_in_the_middle() {
        let spacing = 12.36e-6;
        let lattice: Vec<Vec3> =
            (0..343).map(|n| Vec3::new(f64::from(n % 7), f64::from(n / 7 % 7), f64::from(n / 49)) * spacing).collect();
        let mut neighbors = Neighbors::default();
        neighbors.rebuild(&lattice, 2.0 * spacing);
        let mut acceleration = vec![Vec3::zeros(); lattice.len()];
        add_acceleration(&Smoothing::new(2.0 * spacing), 1.7e-9, &neighbors, &lattice, &mut acceleration);
        let (middle, top) = (acceleration[171], acceleration[171 + 3 * 49]);
        assert!(top.z < 0.0 && top.x.abs() < 1e-9 * top.z.abs());
        assert!(middle.norm() < 1e-9 * top.norm(), "{middle} against {top}");
    }
}
