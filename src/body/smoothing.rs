//! The three smoothing functions of SPH, each zero from the smoothing length h on.
//!
//!   poly6      W(r)   = 315/(64π h⁹) (h² − r²)³        density, surface tension     [1/m³]
//!   spiky      W'(r)  = −45/(π h⁶) (h − r)²            gradient for pressure        [1/m⁴]
//!   viscosity  ∇²W(r) =  45/(π h⁶) (h − r)             Laplacian for viscosity      [1/m⁵]
//!
//! Source: Müller, Charypar & Gross 2003, Particle-based fluid simulation for interactive applications, SCA 2003.

use std::f64::consts::PI;

/// The smoothing functions of one smoothing length.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Smoothing {
    /// Smoothing length h [m].
    pub length: f64,
    poly6: f64,
    spiky: f64,
}

impl Smoothing {
    /// The functions of smoothing length `length` [m].
    pub fn new(length: f64) -> Self {
        let h3 = length * length * length;
        Self { length, poly6: 315.0 / (64.0 * PI * h3 * h3 * h3), spiky: 45.0 / (PI * h3 * h3) }
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
    fn the_spiky_function_integrates_to_one() {
        let smoothing = Smoothing::new(24.72e-6);
        // By parts: ∫ W 4πr² dr = ∫ −W' (4π/3) r³ dr.
        let integral = over_the_ball(24.72e-6, |r| smoothing.steepness(r) * r / 3.0);
        assert!((integral - 1.0).abs() < 1e-7);
    }
}
