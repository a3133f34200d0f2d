//! Mean, deviation, and how far two contestants differ seed by seed.
//!
//!   d_s = x_s − y_s for every seed s;   interval: the middle 95 % of the means of seeds drawn with replacement
//!
//! With five seeds there are few different draws, so an interval is rough; its ends are never beyond the differences seen.
//!
//! Source: Efron & Tibshirani 1993, An Introduction to the Bootstrap, section 13.3 (percentile interval).

use crate::controller::numpy_random::{Choose, Pcg64};

/// Draws of the bootstrap.
const DRAWS: usize = 10_000;

/// Mean and standard deviation (n − 1); no deviation of a single value, nothing of none.
pub fn mean_and_deviation(values: &[f64]) -> Option<(f64, Option<f64>)> {
    let count = values.len() as f64;
    let mean = (!values.is_empty()).then(|| values.iter().sum::<f64>() / count)?;
    let square = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>();
    Some((mean, (values.len() > 1).then(|| (square / (count - 1.0)).sqrt())))
}

/// Mean difference of pairs and its 95 % interval; none of fewer than two.
pub fn paired_interval(differences: &[f64]) -> Option<(f64, [f64; 2])> {
    let count = differences.len();
    if count < 2 {
        return None;
    }
    let mut chance = Pcg64::new(0);
    let mut means: Vec<f64> =
        (0..DRAWS).map(|_| (0..count).map(|_| differences[chance.one(count)]).sum::<f64>() / count as f64).collect();
    means.sort_by(f64::total_cmp);
    let at = |share: f64| means[((share * (DRAWS - 1) as f64).round() as usize).min(DRAWS - 1)];
    Some((differences.iter().sum::<f64>() / count as f64, [at(0.025), at(0.975)]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_lies_around_the_mean_and_within_what_was_seen() {
        let (mean, [low, high]) = paired_interval(&[1.0, 2.0, 3.0, 4.0, 5.0]).expect("five pairs");
        assert!(mean == 3.0 && (1.0..3.0).contains(&low) && (3.0..5.0).contains(&high), "{low} {high}");
        // The standard error of the mean with n instead of n − 1 is √2/√5 = 0.63; a normal interval is 1.24 to each side.
        assert!((high - low - 2.48).abs() < 0.3, "{low} {high}");
        assert_eq!(paired_interval(&[0.25; 5]), Some((0.25, [0.25, 0.25])));
        assert_eq!((paired_interval(&[1.0]), mean_and_deviation(&[])), (None, None));
        assert_eq!(mean_and_deviation(&[1.0, 3.0]), Some((2.0, Some(2.0_f64.sqrt()))));
    }
}
