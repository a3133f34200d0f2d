//! Bending and touch become senses: what a body's shape and surface tell its neurons and its controller.
//!
//!   curvature/01 … curvature/24    κL of each stretch of the body, positive to the back (dimensionless)
//!   MDL05/strain                   (l − l₀)/l₀ of a muscle (dimensionless)
//!   touch/anterior, …/posterior    1 while that half of the body is touched, else 0
//!
//! A stretch receptor feels the mean strain of the muscles of one side over its receptive field.
//!
//! Source: Boyle, Berri & Cohen 2012, doi:10.3389/fncom.2012.00010 (stretch of one side over a stretch of the body);
//! Wen et al. 2012, Neuron 76:750, doi:10.1016/j.neuron.2012.08.039 (B neurons feel the body in front of them);
//! Chalfie et al. 1985, doi:10.1523/JNEUROSCI.05-04-00956.1985 (two fields of touch; that they meet in the middle is a
//! simplification).

use crate::body::worm_body::WormBody;
use crate::error::{Problem, nearest};
use crate::names::{MUSCLE_ROWS, muscle_names, muscle_place, muscles};

/// What a body feels at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Felt {
    /// κL of each of 24 stretches, head to tail.
    pub curvature: Vec<f64>,
    /// Strain of each muscle.
    pub strain: Vec<f64>,
    /// Whether the front and the back half are touched, 1 or 0.
    pub touch: [f64; 2],
}

impl Felt {
    /// What `body` feels as it lies, touched nowhere.
    pub fn by(body: &WormBody) -> Self {
        let length = body.rest_length();
        let curvature = body.midline().curvature_of_parts(MUSCLE_ROWS).iter().map(|k| k * length).collect();
        Self { curvature, strain: body.muscle_strain(), touch: [0.0; 2] }
    }

    /// A touch at a place along the body, 0 head to 1 tail; everywhere if the plate is tapped.
    pub fn feel_touch(&mut self, place: Option<f64>) {
        let halves = place.map_or([true, true], |place| [place < 0.5, place >= 0.5]);
        for (touch, felt) in self.touch.iter_mut().zip(halves) {
            if felt {
                *touch = 1.0;
            }
        }
    }
}

/// One named sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sense {
    /// Curvature of a stretch of the body, from 0.
    Curvature(usize),
    /// Strain of a muscle, by number.
    Strain(usize),
    /// Touch of the front (0) or the back half (1).
    Touch(usize),
}

impl Sense {
    /// The sense of that name.
    ///
    /// # Errors
    /// A problem with the nearest name.
    pub fn named(name: &str) -> Result<Self, Problem> {
        Self::all().into_iter().find_map(|(known, sense)| (known == name).then_some(sense)).ok_or_else(|| {
            let problem = Problem::new(format!("unknown sense \"{name}\""));
            let names: Vec<String> = Self::all().into_iter().map(|(known, _)| known).collect();
            problem.help(match nearest(name, names.iter().map(String::as_str)) {
                Some(known) => format!("did you mean \"{known}\"?"),
                None => "senses are \"curvature/01\" … \"curvature/24\", \"MDL05/strain\" and \"touch/anterior\""
                    .to_string(),
            })
        })
    }

    /// Every sense with its name.
    pub fn all() -> Vec<(String, Self)> {
        let bends = (0..MUSCLE_ROWS).map(|row| (format!("curvature/{:02}", row + 1), Self::Curvature(row)));
        let strains =
            muscle_names().into_iter().enumerate().map(|(i, name)| (format!("{name}/strain"), Self::Strain(i)));
        let touches = ["touch/anterior", "touch/posterior"].into_iter().enumerate();
        bends.chain(strains).chain(touches.map(|(half, name)| (name.to_string(), Self::Touch(half)))).collect()
    }

    /// Its value in what is felt.
    pub fn of(self, felt: &Felt) -> f64 {
        match self {
            Self::Curvature(row) => felt.curvature[row],
            Self::Strain(muscle) => felt.strain[muscle],
            Self::Touch(half) => felt.touch[half],
        }
    }
}

/// The part of the body that one stretch receptor feels.
#[derive(Debug, Clone, PartialEq)]
pub struct ReceptiveField {
    /// What it feels, with the weight of each: muscles by number, or rows by number where it feels bending.
    felt: Vec<(usize, f64)>,
    /// −1 where what is felt is curvature and the back feels it: bent to the back, the back is shorter.
    sign: f64,
    feeling: Feeling,
}

/// How a stretch receptor feels the strain of a muscle.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Feeling {
    /// Factor of the strain where the muscle is longer than at rest.
    pub when_longer: f64,
    /// And where it is shorter.
    pub when_shorter: f64,
    /// Whether strain counts over the width of the body there, as a part of its largest: so it is bending that is
    /// felt, the same in thick and in thin parts.
    pub relative_to_width: bool,
    /// Whether it is not the strain of muscles that is felt but what bending alone makes of it, ∓ κ times the half-width
    /// there: blind to a body that is shortened as a whole, and the same in bodies whose muscles lie differently deep.
    pub bending: bool,
}

impl Feeling {
    /// Strain as it is.
    pub const PLAIN: Self = Self { when_longer: 1.0, when_shorter: 1.0, relative_to_width: false, bending: false };

    fn of(self, strain: f64) -> f64 {
        strain * if strain > 0.0 { self.when_longer } else { self.when_shorter }
    }
}

impl ReceptiveField {
    /// The muscles of the back (`dorsal`) or the belly whose middle lies between two places along the body
    /// (0 head … 1 tail); the nearest row where none does. `widths` are those of the rows.
    pub fn new(dorsal: bool, [from, to]: [f64; 2], feeling: Feeling, widths: &Widths) -> Self {
        let place = |row: usize| (row as f64 - 0.5) / MUSCLE_ROWS as f64;
        let outside = |row: usize| (from - place(row)).max(place(row) - to).max(0.0);
        let nearest = (1..=MUSCLE_ROWS).map(outside).fold(f64::INFINITY, f64::min);
        let inside = |row: &usize| outside(*row) <= nearest;
        let width = |row: usize| if feeling.relative_to_width { 1.0 } else { widths.relative[row - 1] };
        let felt = if feeling.bending {
            (1..=MUSCLE_ROWS).filter(inside).map(|row| (row - 1, width(row) * widths.slenderness)).collect()
        } else {
            let felt = |(_, (quadrant, row)): &(usize, (crate::names::Quadrant, usize))| {
                quadrant.is_dorsal() == dorsal && inside(row)
            };
            let weight = |row: usize| if feeling.relative_to_width { 1.0 / widths.relative[row - 1] } else { 1.0 };
            muscles().into_iter().enumerate().filter(felt).map(|(index, (_, row))| (index, weight(row))).collect()
        };
        let sign = if feeling.bending && dorsal { -1.0 } else { 1.0 };
        Self { felt, sign, feeling }
    }

    /// Mean strain of the field.
    pub fn stretch(&self, felt: &Felt) -> f64 {
        let values = if self.feeling.bending { &felt.curvature } else { &felt.strain };
        let strains = self.felt.iter().map(|(index, weight)| weight * self.feeling.of(self.sign * values[*index]));
        strains.sum::<f64>() / self.felt.len().max(1) as f64
    }
}

/// How wide a body is.
#[derive(Debug, Clone, PartialEq)]
pub struct Widths {
    /// At each row of muscles, over its largest.
    pub relative: [f64; MUSCLE_ROWS],
    /// Largest half-width over length.
    pub slenderness: f64,
}

/// The number of the muscle of that name.
///
/// # Errors
/// A problem with the nearest name.
pub fn muscle_named(name: &str) -> Result<usize, Problem> {
    let names = muscle_names();
    if muscle_place(name).is_some()
        && let Some(index) = names.iter().position(|known| known == name)
    {
        return Ok(index);
    }
    let problem = Problem::new(format!("no muscle of the name \"{name}\""));
    Err(problem.help(match nearest(name, names.iter().map(String::as_str)) {
        _ if name == "MVL24" => "MVL24 does not exist in the worm; its quadrant ends at MVL23".to_string(),
        Some(known) => format!("did you mean \"{known}\"?"),
        None => "muscles are MDL01 … MDL24, MDR01 … MDR24, MVL01 … MVL23, MVR01 … MVR24".to_string(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn felt() -> Felt {
        Felt { curvature: vec![0.0; 24], strain: (0..95).map(f64::from).collect(), touch: [0.0; 2] }
    }

    fn plain(dorsal: bool, from: f64, to: f64) -> ReceptiveField {
        ReceptiveField::new(
            dorsal,
            [from, to],
            Feeling::PLAIN,
            &Widths { relative: [1.0; MUSCLE_ROWS], slenderness: 0.03 },
        )
    }

    fn half() -> Widths {
        Widths { relative: [0.5; MUSCLE_ROWS], slenderness: 0.03 }
    }

    #[test]
    fn a_receptor_of_bending_feels_the_side_that_is_stretched() {
        let mut felt = felt();
        (felt.curvature[4], felt.curvature[5]) = (2.0, 4.0);
        let feeling = Feeling { when_longer: 0.8, when_shorter: 1.2, bending: true, ..Feeling::PLAIN };
        let field = |dorsal| ReceptiveField::new(dorsal, [4.0 / 24.0, 6.0 / 24.0], feeling, &half());
        // Bent to the back by κL = 3 in the mean, where the half-width is 0.015 L: the belly is 4.5 % longer.
        assert!((field(false).stretch(&felt) - 0.8 * 0.045).abs() < 1e-15);
        assert!((field(true).stretch(&felt) + 1.2 * 0.045).abs() < 1e-15);
    }

    #[test]
    fn a_receptor_feels_longer_and_shorter_and_thin_and_thick_as_its_data_say() {
        let feeling = Feeling { when_longer: 0.8, when_shorter: 1.2, relative_to_width: true, ..Feeling::PLAIN };
        let field = ReceptiveField::new(true, [0.0, 1.0 / 24.0], feeling, &half());
        let mut felt = felt();
        // The first row of the back: MDL01 (0) and MDR01 (24), each over half of the largest width.
        (felt.strain[0], felt.strain[24]) = (0.1, -0.2);
        assert!((field.stretch(&felt) - 0.5 * (2.0 * 0.8 * 0.1 - 2.0 * 1.2 * 0.2)).abs() < 1e-15);
    }

    #[test]
    fn a_receptive_field_feels_its_side_and_its_rows_only() {
        // Rows 1 to 4 have their middles before 4/24; the dorsal ones are MDL01–04 (0–3) and MDR01–04 (24–27).
        assert_eq!(plain(true, 0.0, 4.0 / 24.0).stretch(&felt()), 13.5);
        // The ventral tail: MVL23 (70) and MVR24 (94), MVR23 (93); MVL24 does not exist.
        assert_eq!(plain(false, 22.0 / 24.0, 1.0).stretch(&felt()), (70.0 + 93.0 + 94.0) / 3.0);
    }

    #[test]
    fn a_touch_is_felt_by_its_half_and_a_tap_of_the_plate_by_both() {
        let touched = |place| {
            let mut felt = felt();
            felt.feel_touch(place);
            ["touch/anterior", "touch/posterior"].map(|name| Sense::named(name).expect("a sense").of(&felt))
        };
        assert_eq!([touched(Some(0.1)), touched(Some(0.9)), touched(None)], [[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]);
    }

    #[test]
    fn a_field_beyond_the_tail_feels_the_last_row() {
        assert_eq!(plain(true, 1.1, 1.2).stretch(&felt()), (23.0 + 47.0) / 2.0);
    }

    #[test]
    fn an_unknown_sense_or_muscle_is_answered_with_the_nearest() {
        let problem = Sense::named("curvature/1").expect_err("two digits").to_string();
        assert!(problem.contains("did you mean \"curvature/01\"?"), "{problem}");
        let problem = muscle_named("MVL24").expect_err("not there").to_string();
        assert!(problem.contains("does not exist in the worm"), "{problem}");
    }
}
