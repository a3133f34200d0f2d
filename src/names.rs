//! The worm's own names: 95 body-wall muscles in four quadrants of 24 rows, of which MVL24 does not exist.
//!
//! Source: Sulston & Horvitz 1977, Dev Biol 56:110, doi:10.1016/0012-1606(77)90158-0.

/// Rows of muscle cells along each quadrant, head to tail.
pub const MUSCLE_ROWS: usize = 24;

/// Body-wall muscles of the worm.
pub const MUSCLE_COUNT: usize = 95;

/// One of the four bands of muscle along the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Quadrant {
    /// MDL01 … MDL24.
    DorsalLeft,
    /// MDR01 … MDR24.
    DorsalRight,
    /// MVL01 … MVL23.
    VentralLeft,
    /// MVR01 … MVR24.
    VentralRight,
}

impl Quadrant {
    /// All four, in the order in which muscles are numbered.
    pub const ALL: [Self; 4] = [Self::DorsalLeft, Self::DorsalRight, Self::VentralLeft, Self::VentralRight];

    /// The first three letters of its muscles' names.
    pub fn prefix(self) -> &'static str {
        match self {
            Self::DorsalLeft => "MDL",
            Self::DorsalRight => "MDR",
            Self::VentralLeft => "MVL",
            Self::VentralRight => "MVR",
        }
    }

    /// Whether it lies on the back.
    pub fn is_dorsal(self) -> bool {
        matches!(self, Self::DorsalLeft | Self::DorsalRight)
    }

    /// Whether it lies on the left.
    pub fn is_left(self) -> bool {
        matches!(self, Self::DorsalLeft | Self::VentralLeft)
    }

    /// How many muscles it has.
    pub fn rows(self) -> usize {
        if self == Self::VentralLeft { MUSCLE_ROWS - 1 } else { MUSCLE_ROWS }
    }
}

/// The number, from 0, of the muscle of a quadrant in a row (from 1), where it exists.
pub fn muscle_index(quadrant: Quadrant, row: usize) -> Option<usize> {
    let before: usize = Quadrant::ALL.iter().take_while(|other| **other != quadrant).map(|other| other.rows()).sum();
    (1..=quadrant.rows()).contains(&row).then(|| before + row - 1)
}

/// Quadrant and row (from 1) of every muscle, in order of number.
pub fn muscles() -> Vec<(Quadrant, usize)> {
    Quadrant::ALL.iter().flat_map(|quadrant| (1..=quadrant.rows()).map(|row| (*quadrant, row))).collect()
}

/// The names of all muscles, in order of number: "MDL01" … "MVR24".
pub fn muscle_names() -> Vec<String> {
    muscles().iter().map(|(quadrant, row)| format!("{}{row:02}", quadrant.prefix())).collect()
}

/// The quadrant and row (from 1) of the muscle of that name; none for any other name.
pub fn muscle_place(name: &str) -> Option<(Quadrant, usize)> {
    let (prefix, row) = name.split_at_checked(3)?;
    let quadrant = Quadrant::ALL.into_iter().find(|quadrant| quadrant.prefix() == prefix)?;
    let two_digits = row.len() == 2 && row.bytes().all(|byte| byte.is_ascii_digit());
    let row: usize = row.parse().ok().filter(|_| two_digits)?;
    muscle_index(quadrant, row).map(|_| (quadrant, row))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_95_muscles_and_no_mvl24() {
        let names = muscle_names();
        assert_eq!(names.len(), MUSCLE_COUNT);
        assert!(!names.iter().any(|name| name == "MVL24"));
        for (index, (quadrant, row)) in muscles().into_iter().enumerate() {
            assert_eq!(muscle_index(quadrant, row), Some(index));
        }
        assert_eq!(muscle_index(Quadrant::VentralLeft, 24), None);
        assert_eq!(muscle_place("MVR07"), Some((Quadrant::VentralRight, 7)));
        for other in ["MVL24", "MDL00", "MDL25", "MDL7", "MDL+7", "AVBL", "", "MDé07"] {
            assert_eq!(muscle_place(other), None, "{other:?}");
        }
    }
}
