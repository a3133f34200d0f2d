//! The worm's own names for its 95 body wall muscles.
//!
//! Four quadrants (dorsal left and right, ventral left and right) of 24 rows from head to tail;
//! the ventral left quadrant ends at row 23, for MVL24 does not exist.
//!
//! Source: Sulston & Horvitz 1977, Dev Biol 56:110–156, doi:10.1016/0012-1606(77)90158-0.

/// The quadrants, in the order in which every table and recording lists them.
pub const QUADRANTS: [&str; 4] = ["MDL", "MDR", "MVL", "MVR"];

/// Rows of a quadrant, from head (1) to tail (24).
pub const ROWS: usize = 24;

/// How many body wall muscles there are: 4 × 24, less MVL24.
pub const MUSCLES: usize = 95;

/// All 95 names, quadrant by quadrant, each from head to tail: "MDL01" … "MVR24".
pub fn muscle_names() -> Vec<String> {
    QUADRANTS
        .iter()
        .flat_map(|quadrant| (1..=ROWS).map(move |row| format!("{quadrant}{row:02}")))
        .filter(|name| name != "MVL24")
        .collect()
}

/// The quadrant (index into [`QUADRANTS`]) and the row (1..=24) of a muscle; none for any other name.
pub fn muscle_place(name: &str) -> Option<(usize, usize)> {
    let (quadrant, row) = name.split_at_checked(3)?;
    let quadrant = QUADRANTS.iter().position(|known| *known == quadrant)?;
    let two_digits = row.len() == 2 && row.bytes().all(|byte| byte.is_ascii_digit());
    let row: usize = row.parse().ok().filter(|_| two_digits)?;
    ((1..=ROWS).contains(&row) && name != "MVL24").then_some((quadrant, row))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_95_muscles_and_mvl24_is_none_of_them() {
        let names = muscle_names();
        assert_eq!(names.len(), MUSCLES);
        assert!(!names.iter().any(|name| name == "MVL24"));
        assert_eq!((names[0].as_str(), names[94].as_str()), ("MDL01", "MVR24"));
    }

    #[test]
    fn a_name_gives_its_quadrant_and_row() {
        assert_eq!(muscle_place("MVR07"), Some((3, 7)));
        for name in muscle_names() {
            let (quadrant, row) = muscle_place(&name).expect("a muscle");
            assert_eq!(format!("{}{row:02}", QUADRANTS[quadrant]), name);
        }
        for other in ["MVL24", "MDL00", "MDL25", "MDL7", "MDL+7", "AVBL", "", "MDé07"] {
            assert_eq!(muscle_place(other), None, "{other:?}");
        }
    }
}
