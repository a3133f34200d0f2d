//! How the pull of a muscle fibre depends on its length and on how fast that changes (a Hill-type muscle).
//!
//!   F = A F_max f_l(λ) f_v(u),   f_l = exp(−(λ − 1)²/γ)
//!
//!   f_v = (1 + u)/(1 − u/a)                shortening, −1 ≤ u < 0; nothing below
//!   f_v = 1 + (e − 1) u/(u + c)            lengthening, u ≥ 0,   c = (e − 1)/(1 + 1/a)
//!
//! A activation, F_max the pull at rest length without motion [N], λ length over rest length, u = λ̇/V rate of
//! lengthening over the fastest rate of shortening V [1/s], γ width, a curvature, e pull of a fibre that is torn out
//! fast. c makes the slope of f_v the same on both sides of u = 0. Over an implicit step of length h that begins at λₙ,
//! u = (λ − λₙ)/(h V), so that the force and its slope follow from λ alone.
//!
//! Source: Hill 1938, doi:10.1098/rspb.1938.0050 (shortening); Thelen 2003, doi:10.1115/1.1531112 (f_l, the constants).

/// The constants of a fibre.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Contraction {
    /// γ, the width of the force–length curve.
    pub width: f64,
    /// V, rest lengths a second at which a fibre that shortens pulls no more [1/s].
    pub fastest: f64,
    /// a, the curvature of the force–velocity curve: the smaller, the more bent.
    pub curvature: f64,
    /// e, the largest pull of a lengthening fibre over that without motion.
    pub lengthening: f64,
}

impl Contraction {
    /// Pull over A F_max, and its slope with λ, of a fibre at `stretch` λ that was at `before` a step of `dt` h [s] ago.
    pub fn pull(&self, stretch: f64, before: f64, dt: f64) -> (f64, f64) {
        let off = stretch - 1.0;
        let by_length = libm::exp(-off * off / self.width);
        let length_slope = -2.0 * off / self.width * by_length;
        let (by_rate, rate_slope) = self.by_rate((stretch - before) / (dt * self.fastest));
        (by_length * by_rate, length_slope * by_rate + by_length * rate_slope / (dt * self.fastest))
    }

    /// f_v and its slope.
    fn by_rate(&self, u: f64) -> (f64, f64) {
        let Self { curvature: a, lengthening: e, .. } = *self;
        if u <= -1.0 {
            (0.0, 0.0)
        } else if u < 0.0 {
            let below = 1.0 - u / a;
            ((1.0 + u) / below, (1.0 + 1.0 / a) / (below * below))
        } else {
            let c = (e - 1.0) / (1.0 + 1.0 / a);
            (1.0 + (e - 1.0) * u / (u + c), (e - 1.0) * c / ((u + c) * (u + c)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const THELEN: Contraction = Contraction { width: 0.45, fastest: 10.0, curvature: 0.25, lengthening: 1.4 };

    #[test]
    fn a_fibre_at_rest_length_without_motion_pulls_with_all_its_force() {
        assert_eq!(THELEN.pull(1.0, 1.0, 1e-3).0, 1.0);
    }

    #[test]
    fn at_a_fifth_of_the_fastest_rate_hill_s_hyperbola_leaves_four_ninths() {
        // (1 − 0.2)/(1 + 0.2/0.25), at a length where f_l is 1: 2 a second for 10 ms ends at rest length.
        assert!((THELEN.pull(1.0, 1.02, 1e-2).0 - 0.8 / 1.8).abs() < 1e-12);
        assert_eq!(THELEN.pull(1.0, 1.2, 1e-2).0, 0.0);
    }

    #[test]
    fn a_fibre_that_is_torn_out_pulls_at_most_with_its_larger_force() {
        let torn = THELEN.pull(1.0, -1e6, 1e-2).0;
        assert!(torn < 1.4 && torn > 1.399, "{torn}");
    }

    #[test]
    fn the_slope_is_that_of_the_force_and_does_not_jump() {
        for stretch in [0.7, 0.93, 0.95, 0.9499999, 1.0, 1.3] {
            let pull = |stretch: f64| THELEN.pull(stretch, 0.95, 5e-3).0;
            let step = 1e-7;
            let slope = (pull(stretch + step) - pull(stretch - step)) / (2.0 * step);
            let found = THELEN.pull(stretch, 0.95, 5e-3).1;
            // Second differences of a smooth curve; where it meets itself at 0.95, first ones.
            assert!((found - slope).abs() < 1e-3 * (1.0 + slope.abs()), "{stretch}: {found} {slope}");
        }
    }
}
