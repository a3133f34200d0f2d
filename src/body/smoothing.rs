//! The smoothing functions of SPH, each zero from the smoothing length h on.
//!
//!   poly6      W(r)   = 315/(64π h⁹) (h² − r²)³                          density, surface tension     [1/m³]
//!   spiky      W'(r)  = −45/(π h⁶) (h − r)²                              gradient for pressure        [1/m⁴]
//!   viscosity  ∇²W(r) =  45/(π h⁶) (h − r)                               Laplacian of a pressure      [1/m⁵]
//!   shear      S(r)   = 315/(π (7 + 2b) h⁷) (h − r) (h + b (h − r))      viscosity                    [1/m⁵]
//!
//! S has the second moment of the third, ∫ S r² dV = 6, and b a value of our own.
//!
//! Source: Müller, Charypar & Gross 2003, Particle-based fluid simulation for interactive applications, SCA 2003.

use std::f64::consts::PI;

/// b: with it the fourth moments of a cubic lattice of spacing h/2 are those of a sphere, Σ S x⁴/r² = 3 Σ S x² y²/r², and a
/// liquid on a lattice is as viscous in all directions.
const ROUND: f64 = 1.290_6;

/// The smoothing functions of one smoothing length.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Smoothing {
    /// Smoothing length h [m].
    pub length: f64,
    poly6: f64,
    spiky: f64,
    shear: f64,
}

impl Smoothing {
    /// The functions of smoothing length `length` [m].
    pub fn new(length: f64) -> Self {
        let h3 = length * length * length;
        let shear = 315.0 / (PI * h3 * h3 * length * (7.0 + 2.0 * ROUND));
        Self { length, shear, poly6: 315.0 / (64.0 * PI * h3 * h3 * h3), spiky: 45.0 / (PI * h3 * h3) }
    }

    /// W at squared distance `r2` [m²], which must be below h² [1/m³].
    #[inline]
    pub fn density(&self, r2: f64) -> f64 {
        let gap = self.length * self.length - r2;
        self.poly6 * gap * gap * gap
    }

    /// −W' at distance `r` [m] below h: how steeply the spiky function falls [1/m⁴].
    #[inline]
    pub fn steepness(&self, r: f64) -> f64 {
        let gap = self.length - r;
        self.spiky * gap * gap
    }

    /// S at distance `r` [m], 0 from h on [1/m⁵]: across a face that repeats, what was found nearer than h may be a rounding
    /// farther.
    #[inline]
    pub fn shear(&self, r: f64) -> f64 {
        let near = (self.length - r).max(0.0);
        self.shear * near * (self.length + ROUND * near)
    }

    /// ∇²W at distance `r` [m] below h [1/m⁵].
    #[inline]
    pub fn laplacian(&self, r: f64) -> f64 {
        self.spiky * (self.length - r)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ∫ f(r) 4πr² dr from 0 to h by the midpoint rule.
    fn over_the_ball(h: f64, f: impl Fn(f64) -> f64) -> f64 {
        let steps = 20_000;
        let dr = h / f64::from(steps);
        (0..steps).map(|i| (f64::from(i) + 0.5) * dr).map(|r| f(r) * 4.0 * PI * r * r * dr).sum()
    }

    #[test]
    fn the_density_function_integrates_to_one() {
        let smoothing = Smoothing::new(24.72e-6);
        // The midpoint rule's own error at 20 000 steps is below 1e-8.
        assert!((over_the_ball(24.72e-6, |r| smoothing.density(r * r)) - 1.0).abs() < 1e-7);
    }

    #[test]
    fn shear_has_the_second_moment_of_a_laplacian() {
        let (h, smoothing) = (24.72e-6, Smoothing::new(24.72e-6));
        assert!((over_the_ball(h, |r| smoothing.shear(r) * r * r) / 6.0 - 1.0).abs() < 1e-7);
        assert!((over_the_ball(h, |r| smoothing.laplacian(r) * r * r) / 6.0 - 1.0).abs() < 1e-7);
    }

    #[test]
    fn shear_is_never_below_zero_not_even_a_rounding_beyond_its_reach() {
        let smoothing = Smoothing::new(24.72e-6);
        assert_eq!(smoothing.shear(24.72e-6 * (1.0 + f64::EPSILON)), 0.0);
        assert!(smoothing.shear(24.72e-6 * (1.0 - f64::EPSILON)) > 0.0);
    }

    #[test]
    fn a_cubic_lattice_shears_alike_in_all_directions() {
        let smoothing = Smoothing::new(2.0);
        let (mut along, mut across) = (0.0, 0.0);
        for n in (0..27).filter(|n| *n != 13) {
            let [x, y, z] = [n % 3, n / 3 % 3, n / 9].map(|k| f64::from(k) - 1.0);
            let r = (x * x + y * y + z * z).sqrt();
            along += smoothing.shear(r) * x.powi(4) / (r * r);
            across += smoothing.shear(r) * x * x * y * y / (r * r);
        }
        // Along its diagonals it is the mean of the two. With ∇²W it is 0.89.
        assert!((along / (3.0 * across) - 1.0).abs() < 1e-4, "{along} {across}");
    }

    #[test]
    fn the_spiky_function_integrates_to_one() {
        let smoothing = Smoothing::new(24.72e-6);
        // By parts: ∫ W 4πr² dr = ∫ −W' (4π/3) r³ dr.
        let integral = over_the_ball(24.72e-6, |r| smoothing.steepness(r) * r / 3.0);
        assert!((integral - 1.0).abs() < 1e-7);
    }
}
