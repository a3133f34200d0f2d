//! The reference gait: a sine wave of activation that runs from head to tail, with no sense but, if asked for, of touch.
//!
//!   A(s, t) = r(t) · a(s) · max(0, sin(2π (f t − s λ⁻¹) + φ)),    φ + π on the ventral side
//!
//! s place along the body, 0 at the head and 1 at the tail, (row − ½) / 24 for a muscle; f frequency [Hz];
//! λ⁻¹ waves per body length; a(s) amplitude, linear from head to tail; r(t) = min(1, t / ramp).
//! Dorsal and ventral muscles of a row are never active together.
//!
//! With a `reversal`, a touch of the front half lets time run backward in the sine for so long: the wave then runs from tail
//! to head, and goes on from where it is.
//!
//! It is imposed, not decided: a yardstick for bodies and for controllers that do decide.
//!
//! Source: the alternating contraction waves of Gray & Lissmann 1964, J Exp Biol 41:135–154; that a touch in front makes a
//! worm back up: Chalfie et al. 1985, doi:10.1523/JNEUROSCI.05-04-00956.1985.

use std::f64::consts::{PI, TAU};

use super::{Controller, check_state};
use crate::error::{Problem, Problems};
use crate::names::{MUSCLE_ROWS, muscle_names, muscle_place};

/// The numbers of the wave.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Wave {
    /// Undulations per second [Hz].
    pub frequency: f64,
    /// Wavelengths in one body length; negative runs from tail to head.
    pub waves: f64,
    /// Greatest activation at the head, 0..1.
    pub head_amplitude: f64,
    /// Greatest activation at the tail, 0..1.
    pub tail_amplitude: f64,
    /// Phase at the head at time 0 [rad].
    pub phase: f64,
    /// How long the wave takes to reach full amplitude [s]; 0 starts at once.
    pub ramp: f64,
    /// How long it runs backward after a touch of the front half [s]; none if it feels nothing.
    pub reversal: Option<f64>,
}

/// A controller that plays a [`Wave`].
#[derive(Debug, Clone)]
pub struct TravelingWave {
    wave: Wave,
    senses: Vec<String>,
    drives: Vec<String>,
    /// Per drive: place along the body, phase [rad], amplitude.
    muscles: Vec<(f64, f64, f64)>,
    turning: Turning,
}

/// What is remembered of touches.
#[derive(Debug, Clone, Copy, Default)]
struct Turning {
    /// Time run backward so far [s].
    back: f64,
    /// What is left of this reversal [s].
    left: f64,
    /// What was felt last.
    touched: f64,
}

impl TravelingWave {
    /// A wave over all 95 muscles.
    ///
    /// # Errors
    /// Every number that is not finite, an amplitude outside 0..1, a negative frequency or ramp.
    pub fn new(wave: Wave) -> Result<Self, Problems> {
        let mut problems = Problems::new();
        let mut expect = |good: bool, name: &str, value: f64, expected: &str| {
            if !good {
                problems
                    .push(Problem::new(format!("`{name}` of the wave is {value}")).help(format!("give {expected}")));
            }
        };
        let not_negative = |value: f64| value.is_finite() && value >= 0.0;
        let share = |value: f64| (0.0..=1.0).contains(&value);
        expect(not_negative(wave.frequency), "frequency", wave.frequency, "a frequency from 0 Hz");
        expect(wave.waves.is_finite(), "waves", wave.waves, "a number of wavelengths per body length");
        expect(share(wave.head_amplitude), "head_amplitude", wave.head_amplitude, "an activation from 0 to 1");
        expect(share(wave.tail_amplitude), "tail_amplitude", wave.tail_amplitude, "an activation from 0 to 1");
        expect(wave.phase.is_finite(), "phase", wave.phase, "an angle in radians");
        expect(not_negative(wave.ramp), "ramp", wave.ramp, "a time from 0 s");
        let reversal = wave.reversal.unwrap_or_default();
        expect(not_negative(reversal), "reversal", reversal, "a time from 0 s");

        let drives = muscle_names();
        let muscle = |name: &String| {
            let (quadrant, row) = muscle_place(name).expect("every muscle has its place");
            let s = (row as f64 - 0.5) / MUSCLE_ROWS as f64;
            let ventral = !quadrant.is_dorsal();
            let amplitude = wave.head_amplitude + (wave.tail_amplitude - wave.head_amplitude) * s;
            (s, wave.phase + if ventral { PI } else { 0.0 }, amplitude)
        };
        let muscles = drives.iter().map(muscle).collect();
        let senses = wave.reversal.map(|_| "touch/anterior".to_string()).into_iter().collect();
        problems.or_ok(Self { wave, senses, drives, muscles, turning: Turning::default() })
    }
}

impl Controller for TravelingWave {
    fn senses(&self) -> &[String] {
        &self.senses
    }

    fn drives(&self) -> &[String] {
        &self.drives
    }

    fn step(&mut self, time: f64, dt: f64, senses: &[f64], drives: &mut [f64]) {
        if let (Some(reversal), [touch]) = (self.wave.reversal, senses) {
            if *touch > 0.5 && self.turning.touched <= 0.5 {
                self.turning.left = reversal;
            }
            self.turning.touched = *touch;
            let backward = self.turning.left.min(dt);
            self.turning.left -= backward;
            self.turning.back += backward;
        }
        let own_time = time - 2.0 * self.turning.back;
        let ramp = if time < self.wave.ramp { time / self.wave.ramp } else { 1.0 };
        for (drive, (s, phase, amplitude)) in drives.iter_mut().zip(&self.muscles) {
            let turns = self.wave.frequency * own_time - s * self.wave.waves;
            // Whole turns are dropped first, so that an hour of crawling keeps its digits.
            let sine = libm::sin(TAU * (turns - libm::floor(turns)) + phase);
            *drive = ramp * amplitude * sine.max(0.0);
        }
    }

    fn papers(&self) -> &'static [&'static str] {
        &["Gray & Lissmann 1964, The locomotion of nematodes, J Exp Biol 41:135"]
    }

    fn state(&self) -> Vec<f64> {
        let Turning { back, left, touched } = self.turning;
        if self.wave.reversal.is_some() { vec![back, left, touched] } else { Vec::new() }
    }

    fn restore(&mut self, state: &[f64]) -> Result<(), Problem> {
        check_state(state, self.state().len())?;
        if let [back, left, touched] = *state {
            self.turning = Turning { back, left, touched };
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CRAWL: Wave = Wave {
        frequency: 0.5,
        waves: 1.5,
        head_amplitude: 1.0,
        tail_amplitude: 0.4,
        phase: 0.0,
        ramp: 0.0,
        reversal: None,
    };

    fn drives(wave: Wave, time: f64) -> Vec<f64> {
        let mut controller = TravelingWave::new(wave).expect("a wave");
        let mut drives = vec![f64::NAN; controller.drives().len()];
        controller.step(time, 1e-3, &[], &mut drives);
        drives
    }

    fn muscle(drives: &[f64], name: &str) -> f64 {
        drives[muscle_names().iter().position(|known| known == name).expect("a muscle")]
    }

    #[test]
    fn the_wave_runs_from_head_to_tail() {
        // A row 4 rows on meets the same phase 4/24 · 1.5 = 1/4 turn, that is 0.5 s, later.
        for time in [0.1, 0.7, 1.3] {
            let (here, there) = (drives(CRAWL, time), drives(CRAWL, time + 0.5));
            let amplitude = |row: f64| 1.0 - 0.6 * (row - 0.5) / 24.0;
            let (head, tail) = (muscle(&here, "MDR03") / amplitude(3.0), muscle(&there, "MDR07") / amplitude(7.0));
            // Rounding of a few operations near 1.
            assert!((head - tail).abs() < 1e-12, "{head} {tail}");
        }
    }

    #[test]
    fn dorsal_and_ventral_muscles_of_a_row_take_turns() {
        for step in 0..40 {
            let drives = drives(CRAWL, 0.1 * f64::from(step));
            for row in 1..=23 {
                let dorsal = muscle(&drives, &format!("MDL{row:02}"));
                let ventral = muscle(&drives, &format!("MVL{row:02}"));
                // sin(x) and sin(x + π) are both positive only by rounding.
                assert!(dorsal.min(ventral) < 1e-12 && dorsal + ventral <= 1.0);
                assert_eq!(dorsal, muscle(&drives, &format!("MDR{row:02}")));
            }
        }
    }

    #[test]
    fn after_a_touch_the_wave_runs_back_for_its_time_and_then_goes_on() {
        let mut controller = TravelingWave::new(Wave { reversal: Some(1.0), ..CRAWL }).expect("a wave");
        let mut seen = Vec::new();
        for step in 0..50 {
            let time = 0.1 * f64::from(step);
            let mut drives = vec![f64::NAN; 95];
            // A touch of half a second; what it leaves is kept and taken up again.
            controller.step(time, 0.1, &[f64::from(u8::from((20..25).contains(&step)))], &mut drives);
            let kept = controller.state();
            controller = TravelingWave::new(Wave { reversal: Some(1.0), ..CRAWL }).expect("a wave");
            controller.restore(&kept).expect("its own state");
            seen.push(drives);
        }
        let same = |step: usize, as_at: f64| {
            let expected = drives(CRAWL, as_at);
            // Rounding of the sum of ten steps.
            assert!(seen[step].iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-12), "step {step}");
        };
        same(19, 1.9);
        same(20, 1.8);
        same(24, 1.4);
        same(29, 0.9);
        same(30, 1.0);
        same(49, 2.9);
    }

    #[test]
    fn the_ramp_grows_from_nothing() {
        let wave = Wave { ramp: 2.0, ..CRAWL };
        assert!(drives(wave, 0.0).iter().all(|drive| *drive == 0.0));
        let (half, full) = (drives(wave, 1.0), drives(CRAWL, 1.0));
        assert!(half.iter().zip(&full).all(|(half, full)| *half == 0.5 * full));
        assert!(full.iter().any(|drive| *drive > 0.5));
    }

    #[test]
    fn every_number_that_cannot_be_is_named() {
        let wave = Wave { frequency: -1.0, head_amplitude: 1.2, ramp: f64::NAN, ..CRAWL };
        let problems = TravelingWave::new(wave).expect_err("three problems").to_string();
        for name in ["`frequency`", "`head_amplitude`", "`ramp`"] {
            assert!(problems.contains(name), "{problems}");
        }
    }
}
