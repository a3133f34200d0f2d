//! Under what a trained worm is tried: another medium, senses that are late or noisy, a lesion, another step, a touch.

use serde::Deserialize;

use crate::settings::Spanned;
use crate::training::blueprint::Reader;
use crate::units::Dimension;
use crate::worm::{Change, Happening};

/// One way of making it hard.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Condition {
    /// As it learned.
    AsItIs,
    /// Drag times so much.
    Drag(f64),
    /// Normal noise of that deviation on κL, and what it is in strain.
    Noise(f64),
    /// Senses so late \[s\].
    Delay(f64),
    /// A share of the neurons silent, drawn from the seed.
    Neurons(f64),
    /// A share of the synapses gone, drawn from the seed.
    Synapses(f64),
    /// A step of the worm of that length \[s\].
    Step(f64),
    /// A touch at one end, from half of the watch on.
    Touch(End),
}

/// An end of a worm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Where it begins.
    Head,
    /// Where it ends.
    Tail,
}

/// What passes after a touch before it is looked at what the worm does \[s\]: a muscle takes some 0.1 s, a wave its time.
/// Chosen by hand.
pub const HESITATION: f64 = 0.5;

impl End {
    /// Where it is touched, along the body. Chosen by hand, well within the half that feels it.
    pub fn place(self) -> f64 {
        match self {
            Self::Head => 0.05,
            Self::Tail => 0.95,
        }
    }

    /// A touch of it \[s\].
    pub fn touch(self, at: f64, lasts: f64) -> Happening {
        Happening { from: at, until: at + lasts, change: Change::Touch(Some(self.place())) }
    }
}

impl std::fmt::Display for Condition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::AsItIs => f.write_str("as it is"),
            Self::Drag(factor) => write!(f, "drag x {factor}"),
            Self::Noise(deviation) => write!(f, "noise {deviation}"),
            Self::Delay(time) => write!(f, "late by {} ms", 1e3 * time),
            Self::Neurons(share) => write!(f, "{} % of neurons", 100.0 * share),
            Self::Synapses(share) => write!(f, "{} % of synapses", 100.0 * share),
            Self::Step(time) => write!(f, "step of {} ms", 1e3 * time),
            Self::Touch(End::Head) => f.write_str("touched at the head"),
            Self::Touch(End::Tail) => f.write_str("touched at the tail"),
        }
    }
}

/// `[disturb]` as it stands in the file: each a list, any of them left out.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DisturbFile {
    #[serde(default)]
    drag: Vec<Spanned<f64>>,
    #[serde(default)]
    noise: Vec<Spanned<f64>>,
    #[serde(default)]
    delay: Vec<Spanned<String>>,
    #[serde(default)]
    neurons: Vec<Spanned<f64>>,
    #[serde(default)]
    synapses: Vec<Spanned<f64>>,
    #[serde(default)]
    step: Vec<Spanned<String>>,
}

impl DisturbFile {
    /// All conditions, as it is first, touches last.
    pub(crate) fn read(&self, reader: &mut Reader) -> Vec<Condition> {
        let mut all = vec![Condition::AsItIs];
        let above = |value: &f64| value.is_finite() && *value > 0.0;
        let share = |value: &f64| *value > 0.0 && *value <= 1.0;
        for factor in &self.drag {
            all.push(Condition::Drag(reader.expect(factor, above, "drag", "a factor above 0")));
        }
        for deviation in &self.noise {
            all.push(Condition::Noise(reader.expect(deviation, above, "noise", "a deviation above 0")));
        }
        for time in &self.delay {
            all.push(Condition::Delay(reader.settings.positive(time, Dimension::TIME, &mut reader.problems)));
        }
        for part in &self.neurons {
            all.push(Condition::Neurons(reader.expect(part, share, "neurons", "a share above 0, at most 1")));
        }
        for part in &self.synapses {
            all.push(Condition::Synapses(reader.expect(part, share, "synapses", "a share above 0, at most 1")));
        }
        for time in &self.step {
            all.push(Condition::Step(reader.settings.positive(time, Dimension::TIME, &mut reader.problems)));
        }
        all.extend([End::Head, End::Tail].map(Condition::Touch));
        all
    }
}
