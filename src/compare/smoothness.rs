//! How smooth a movement is: the arc length of the spectrum of its speed, nearer to 0 for a smoother one.
//!
//!   S = −∫₀^ω_c √((1/ω_c)² + (dV̂/dω)²) dω,   V̂ = |V(ω)| / |V(0)|
//!
//! V Fourier transform of the speed, ω_c the last frequency up to 10 Hz at which V̂ is above 0.05.
//!
//! Source: Balasubramanian, Melendez-Calderon, Roby-Brami & Burdet 2015, doi:10.1186/s12984-015-0090-9 (SPARC, with its
//! constants; the transform at single frequencies: Goertzel 1958, doi:10.2307/2310304).

use std::f64::consts::TAU;

/// No movement is faster \[Hz\].
const FASTEST: f64 = 10.0;
/// What is smaller than this in the spectrum is noise.
const FLOOR: f64 = 0.05;
/// How much finer the spectrum is than the movement's own: four doublings.
const PADDING: usize = 16;

/// S of the speeds of a movement \[m/s\], `dt` \[s\] apart; none where nothing moved.
pub fn spectral_arc_length(speed: &[f64], dt: f64) -> Option<f64> {
    let spacing = 1.0 / (dt * (speed.len().next_power_of_two() * PADDING) as f64);
    let count = (FASTEST.min(0.5 / dt) / spacing) as usize;
    let spectrum: Vec<f64> = (0..=count).map(|k| magnitude(speed, TAU * spacing * dt * k as f64)).collect();
    let whole = spectrum.first().copied().filter(|whole| *whole > 0.0)?;
    let last = spectrum.iter().rposition(|part| *part >= FLOOR * whole)?.max(1);
    let arc = spectrum[..=last].windows(2).map(|pair| libm::hypot(1.0 / last as f64, (pair[1] - pair[0]) / whole));
    Some(-arc.sum::<f64>())
}

/// Size of the Fourier transform at an angle per sample.
fn magnitude(values: &[f64], angle: f64) -> f64 {
    let twice = 2.0 * libm::cos(angle);
    let (one, two) = values.iter().fold((0.0, 0.0), |(one, two), value| (value + twice * one - two, one));
    (one * one + two * two - twice * one * two).max(0.0).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_smooth_reach_is_smoother_than_the_same_with_a_tremor() {
        // A bell of one second: published values of such movements are about -1.4 to -1.6.
        let bell = |t: f64| 30.0 * t * t * (1.0 - t) * (1.0 - t);
        let speed = |tremor: f64| -> Vec<f64> {
            // The square of a sine of 3 Hz is a tremor of 6 Hz.
            (0..=200)
                .map(|k| 0.005 * f64::from(k))
                .map(|t| bell(t) + tremor * libm::sin(TAU * 3.0 * t).powi(2))
                .collect()
        };
        let (smooth, rough) = (spectral_arc_length(&speed(0.0), 0.005), spectral_arc_length(&speed(0.5), 0.005));
        let (smooth, rough) = (smooth.expect("a movement"), rough.expect("a movement"));
        assert!((-1.6..-1.35).contains(&smooth) && rough < smooth - 0.1, "{smooth} {rough}");
        assert_eq!(spectral_arc_length(&[0.0; 100], 0.005), None);
    }
}
