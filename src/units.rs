//! Where text becomes SI: "-60 mV" is −0.06 V, or an error that names the mend.
//!
//! A unit is read by a grammar rather than looked up: an optional prefix and a base unit with
//! an optional power, joined by `*`, `·`, `_` or a space; `/` or `per` turns the next factor
//! around. So the names of NeuroML ("mS_per_cm2", "per_ms", "kohm_cm") and those that a person
//! writes ("N*m^2", "kg/s", "µN") are one language. Units that a LEMS file defines are added
//! to a [`UnitTable`].
//!
//! Source of names and factors: BIPM, The International System of Units, 9th edition (2019).

use std::collections::BTreeMap;
use std::fmt;

use crate::error::{Problem, nearest};

/// A physical dimension, as powers of the seven SI base quantities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, PartialOrd, Ord)]
pub struct Dimension {
    /// Power of mass [kg].
    pub mass: i8,
    /// Power of length [m].
    pub length: i8,
    /// Power of time [s].
    pub time: i8,
    /// Power of electric current [A].
    pub current: i8,
    /// Power of temperature [K].
    pub temperature: i8,
    /// Power of amount of substance [mol].
    pub amount: i8,
    /// Power of luminous intensity [cd].
    pub luminosity: i8,
}

impl Dimension {
    /// A pure number.
    pub const NONE: Self = Self::of(0, 0, 0, 0);
    /// Length [m].
    pub const LENGTH: Self = Self::of(0, 1, 0, 0);
    /// 1/m.
    pub const PER_LENGTH: Self = Self::of(0, -1, 0, 0);
    /// Time [s].
    pub const TIME: Self = Self::of(0, 0, 1, 0);
    /// Frequency [1/s].
    pub const PER_TIME: Self = Self::of(0, 0, -1, 0);
    /// Mass [kg].
    pub const MASS: Self = Self::of(1, 0, 0, 0);
    /// Mass density [kg/m³].
    pub const DENSITY: Self = Self::of(1, -3, 0, 0);
    /// Velocity [m/s].
    pub const VELOCITY: Self = Self::of(0, 1, -1, 0);
    /// Acceleration [m/s²].
    pub const ACCELERATION: Self = Self::of(0, 1, -2, 0);
    /// Force [N].
    pub const FORCE: Self = Self::of(1, 1, -2, 0);
    /// Pressure [Pa].
    pub const PRESSURE: Self = Self::of(1, -1, -2, 0);
    /// Dynamic viscosity [Pa·s].
    pub const VISCOSITY: Self = Self::of(1, -1, -1, 0);
    /// Drag coefficient [kg/s].
    pub const DRAG: Self = Self::of(1, 0, -1, 0);
    /// Stiffness of a spring, or surface tension [N/m].
    pub const STIFFNESS: Self = Self::of(1, 0, -2, 0);
    /// Bending modulus EI [N·m²].
    pub const BENDING_MODULUS: Self = Self::of(1, 3, -2, 0);
    /// Voltage [V].
    pub const VOLTAGE: Self = Self::of(1, 2, -3, -1);
    /// Electric current [A].
    pub const CURRENT: Self = Self::of(0, 0, 0, 1);
    /// Conductance [S].
    pub const CONDUCTANCE: Self = Self::of(-1, -2, 3, 2);
    /// Capacitance [F].
    pub const CAPACITANCE: Self = Self::of(-1, -2, 4, 2);
    /// Concentration [mol/m³].
    pub const CONCENTRATION: Self = Self { amount: 1, ..Self::of(0, -3, 0, 0) };

    const fn of(mass: i8, length: i8, time: i8, current: i8) -> Self {
        Self { mass, length, time, current, temperature: 0, amount: 0, luminosity: 0 }
    }

    /// The powers, in the order m, l, t, i, k, n, j that LEMS uses.
    pub const fn powers(self) -> [i8; 7] {
        [self.mass, self.length, self.time, self.current, self.temperature, self.amount, self.luminosity]
    }

    /// The dimension with these powers, in the order of [`Dimension::powers`].
    pub const fn from_powers(p: [i8; 7]) -> Self {
        Self { mass: p[0], length: p[1], time: p[2], current: p[3], temperature: p[4], amount: p[5], luminosity: p[6] }
    }

    /// The dimension of a product. Powers saturate at ±127, far from any physical quantity.
    pub fn times(self, other: Self) -> Self {
        let (a, b) = (self.powers(), other.powers());
        Self::from_powers(std::array::from_fn(|i| a[i].saturating_add(b[i])))
    }

    /// The dimension of a quotient.
    pub fn over(self, other: Self) -> Self {
        self.times(other.to_the(-1))
    }

    /// The dimension of a whole power.
    pub fn to_the(self, power: i8) -> Self {
        Self::from_powers(self.powers().map(|p| p.saturating_mul(power)))
    }

    /// The dimension of a root, where it exists.
    pub fn root(self, degree: i8) -> Option<Self> {
        let powers = self.powers();
        (degree != 0 && powers.iter().all(|p| p % degree == 0)).then(|| Self::from_powers(powers.map(|p| p / degree)))
    }

    /// The name of the quantity and its SI unit, where the field has one.
    fn known(self) -> Option<(&'static str, &'static str)> {
        KNOWN.iter().find(|(dimension, ..)| *dimension == self).map(|(_, name, unit)| (*name, *unit))
    }

    /// The SI unit as text: "V", "kg/s", or base units with powers.
    pub fn si_unit(self) -> String {
        if let Some((_, unit)) = self.known() {
            return unit.to_string();
        }
        let bases = ["kg", "m", "s", "A", "K", "mol", "cd"];
        let factors: Vec<String> = bases
            .iter()
            .zip(self.powers())
            .filter(|(_, power)| *power != 0)
            .map(|(base, power)| if power == 1 { (*base).to_string() } else { format!("{base}^{power}") })
            .collect();
        factors.join("*")
    }
}

/// The dimensions that have a name in the field, with article and SI unit.
const KNOWN: &[(Dimension, &str, &str)] = &[
    (Dimension::NONE, "a pure number", "1"),
    (Dimension::LENGTH, "a length", "m"),
    (Dimension::of(0, 2, 0, 0), "an area", "m^2"),
    (Dimension::of(0, 3, 0, 0), "a volume", "m^3"),
    (Dimension::of(0, -1, 0, 0), "a curvature", "1/m"),
    (Dimension::TIME, "a time", "s"),
    (Dimension::PER_TIME, "a rate", "1/s"),
    (Dimension::MASS, "a mass", "kg"),
    (Dimension::DENSITY, "a density", "kg/m^3"),
    (Dimension::VELOCITY, "a velocity", "m/s"),
    (Dimension::ACCELERATION, "an acceleration", "m/s^2"),
    (Dimension::FORCE, "a force", "N"),
    (Dimension::PRESSURE, "a pressure", "Pa"),
    (Dimension::VISCOSITY, "a viscosity", "Pa*s"),
    (Dimension::DRAG, "a drag coefficient", "kg/s"),
    (Dimension::STIFFNESS, "a stiffness", "N/m"),
    (Dimension::BENDING_MODULUS, "a bending modulus", "N*m^2"),
    (Dimension::of(1, 2, -2, 0), "an energy", "J"),
    (Dimension::VOLTAGE, "a voltage", "V"),
    (Dimension::of(-1, -2, 3, 1), "a rate per voltage", "1/V"),
    (Dimension::CURRENT, "a current", "A"),
    (Dimension::of(0, -2, 0, 1), "a current density", "A/m^2"),
    (Dimension::CONDUCTANCE, "a conductance", "S"),
    (Dimension::of(-1, -4, 3, 2), "a conductance density", "S/m^2"),
    (Dimension::CAPACITANCE, "a capacitance", "F"),
    (Dimension::of(-1, -4, 4, 2), "a specific capacitance", "F/m^2"),
    (Dimension::of(1, 2, -3, -2), "a resistance", "ohm"),
    (Dimension::of(1, 3, -3, -2), "a resistivity", "ohm*m"),
    (Dimension::of(0, 0, 1, 1), "a charge", "C"),
    (Dimension::CONCENTRATION, "a concentration", "mol/m^3"),
    (Dimension { temperature: 1, ..Dimension::NONE }, "a temperature", "K"),
    (Dimension { amount: 1, ..Dimension::NONE }, "an amount of substance", "mol"),
];

impl fmt::Display for Dimension {
    /// "a voltage (V)", or "a quantity in kg*m^-2".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.known() {
            Some((name, _)) if *self == Self::NONE => f.write_str(name),
            Some((name, unit)) => write!(f, "{name} ({unit})"),
            None => write!(f, "a quantity in {}", self.si_unit()),
        }
    }
}

/// A unit: SI value = number × `scale` + `offset`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Unit {
    /// What it measures.
    pub dimension: Dimension,
    /// SI units per unit.
    pub scale: f64,
    /// What is added after scaling; only temperatures have one (273.15 K for °C).
    pub offset: f64,
}

/// A number with its dimension, in SI units.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quantity {
    /// The value in SI units.
    pub value: f64,
    /// What it measures.
    pub dimension: Dimension,
}

/// Base units: symbol, dimension, SI units per unit, whether prefixes apply.
const BASE_UNITS: &[(&str, Dimension, f64, bool)] = &[
    ("m", Dimension::LENGTH, 1.0, true),
    ("g", Dimension::MASS, 1e-3, true),
    ("s", Dimension::TIME, 1.0, true),
    ("min", Dimension::TIME, 60.0, false),
    ("h", Dimension::TIME, 3600.0, false),
    ("hour", Dimension::TIME, 3600.0, false),
    ("A", Dimension::CURRENT, 1.0, true),
    ("K", Dimension { temperature: 1, ..Dimension::NONE }, 1.0, true),
    ("mol", Dimension { amount: 1, ..Dimension::NONE }, 1.0, true),
    ("cd", Dimension { luminosity: 1, ..Dimension::NONE }, 1.0, true),
    ("Hz", Dimension::PER_TIME, 1.0, true),
    ("N", Dimension::FORCE, 1.0, true),
    ("Pa", Dimension::PRESSURE, 1.0, true),
    ("J", Dimension::of(1, 2, -2, 0), 1.0, true),
    ("W", Dimension::of(1, 2, -3, 0), 1.0, true),
    ("C", Dimension::of(0, 0, 1, 1), 1.0, true),
    // Elementary charge [C], exact since 2019.
    ("e", Dimension::of(0, 0, 1, 1), 1.602176634e-19, false),
    ("V", Dimension::VOLTAGE, 1.0, true),
    ("S", Dimension::CONDUCTANCE, 1.0, true),
    ("F", Dimension::CAPACITANCE, 1.0, true),
    ("ohm", Dimension::of(1, 2, -3, -2), 1.0, true),
    ("Ohm", Dimension::of(1, 2, -3, -2), 1.0, true),
    ("Ω", Dimension::of(1, 2, -3, -2), 1.0, true),
    ("L", Dimension::of(0, 3, 0, 0), 1e-3, true),
    ("l", Dimension::of(0, 3, 0, 0), 1e-3, true),
    ("litre", Dimension::of(0, 3, 0, 0), 1e-3, true),
    // Molar: one mole per litre [mol/m³].
    ("M", Dimension::CONCENTRATION, 1e3, true),
    ("rad", Dimension::NONE, 1.0, false),
    ("deg", Dimension::NONE, std::f64::consts::PI / 180.0, false),
    ("%", Dimension::NONE, 0.01, false),
    ("1", Dimension::NONE, 1.0, false),
];

/// SI prefixes; the micro sign stands for itself, for the Greek letter and for "u".
const PREFIXES: &[(&str, f64)] = &[
    ("a", 1e-18),
    ("f", 1e-15),
    ("p", 1e-12),
    ("n", 1e-9),
    ("u", 1e-6),
    ("µ", 1e-6),
    ("μ", 1e-6),
    ("m", 1e-3),
    ("c", 1e-2),
    ("d", 1e-1),
    ("k", 1e3),
    ("M", 1e6),
    ("G", 1e9),
    ("T", 1e12),
];

impl Unit {
    /// Reads a unit symbol: "mV", "mS_per_cm2", "N*m^2", "kg/s"; an empty one is a pure number.
    pub fn parse(symbol: &str) -> Option<Self> {
        let symbol = symbol.trim();
        if symbol == "degC" || symbol == "°C" {
            let dimension = Dimension { temperature: 1, ..Dimension::NONE };
            return Some(Self { dimension, scale: 1.0, offset: 273.15 });
        }
        let mut unit = Self { dimension: Dimension::NONE, scale: 1.0, offset: 0.0 };
        let mut below = false;
        let mut expects_factor = false;
        let mut rest = symbol;
        while !rest.is_empty() {
            let end = rest.find(|c: char| "_*·/ ".contains(c)).unwrap_or(rest.len());
            let (factor, tail) = rest.split_at(end);
            if factor == "per" {
                below = !below;
                expects_factor = true;
            } else if !factor.is_empty() {
                let (dimension, scale) = parse_factor(factor)?;
                let power = if below { -1 } else { 1 };
                unit.dimension = unit.dimension.times(dimension.to_the(power));
                unit.scale = if below { unit.scale / scale } else { unit.scale * scale };
                (below, expects_factor) = (false, false);
            }
            let separator = tail.chars().next();
            if separator == Some('/') {
                (below, expects_factor) = (!below, true);
            }
            rest = separator.map_or("", |c| &tail[c.len_utf8()..]);
        }
        (!expects_factor).then_some(unit)
    }
}

/// A base unit with prefix and power: "mm2", "s^-1", "cm³".
fn parse_factor(factor: &str) -> Option<(Dimension, f64)> {
    if factor == "1" {
        return Some((Dimension::NONE, 1.0));
    }
    let superscripts = [('²', "2"), ('³', "3"), ('⁴', "4")];
    let mut plain = factor.to_string();
    for (sign, digit) in superscripts {
        plain = plain.replace(sign, digit);
    }
    let letters = plain.find(|c: char| c.is_ascii_digit() || c == '^' || c == '-').unwrap_or(plain.len());
    let (name, power) = plain.split_at(letters);
    let power: i8 = match power.strip_prefix('^').unwrap_or(power) {
        "" => 1,
        digits => digits.parse().ok().filter(|power: &i8| power.abs() <= 9)?,
    };
    let (dimension, scale) = parse_prefixed(name)?;
    Some((dimension.to_the(power), scale.powi(i32::from(power))))
}

fn parse_prefixed(name: &str) -> Option<(Dimension, f64)> {
    let exact = BASE_UNITS.iter().find(|(symbol, ..)| *symbol == name);
    if let Some((_, dimension, scale, _)) = exact {
        return Some((*dimension, *scale));
    }
    PREFIXES.iter().find_map(|(prefix, factor)| {
        let base = name.strip_prefix(prefix)?;
        let (_, dimension, scale, _) =
            BASE_UNITS.iter().find(|(symbol, _, _, prefixed)| *prefixed && *symbol == base)?;
        Some((*dimension, factor * scale))
    })
}

/// The units that a text may use: the grammar of this file and what a LEMS file defines.
#[derive(Debug, Clone, Default)]
pub struct UnitTable {
    defined: BTreeMap<String, Unit>,
}

impl UnitTable {
    /// Only the grammar.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a unit by name; a definition wins over the grammar.
    pub fn define(&mut self, symbol: impl Into<String>, unit: Unit) {
        self.defined.insert(symbol.into(), unit);
    }

    /// The unit of that name.
    pub fn unit(&self, symbol: &str) -> Option<Unit> {
        self.defined.get(symbol.trim()).copied().or_else(|| Unit::parse(symbol))
    }

    /// Reads a number and its unit: "-60 mV", ".1nS", "0.025per_ms", "8e-8".
    ///
    /// # Errors
    /// A problem that says what was not understood.
    pub fn parse(&self, text: &str) -> Result<Quantity, Problem> {
        let trimmed = text.trim();
        let (number, symbol) = split_number(trimmed).ok_or_else(|| {
            Problem::new(format!("expected a number with a unit, found \"{text}\"")).help("write it like \"-60 mV\"")
        })?;
        let unit = self.unit(symbol).ok_or_else(|| {
            let problem = Problem::new(format!("unknown unit \"{}\" in \"{text}\"", symbol.trim()));
            match self.nearest_unit(symbol.trim()) {
                Some(known) => problem.help(format!("did you mean \"{known}\"?")),
                None => problem.help("units look like mV, nS, per_ms, uF_per_cm2, N*m^2, kg/s"),
            }
        })?;
        let value = number * unit.scale + unit.offset;
        if !value.is_finite() {
            return Err(Problem::new(format!("\"{text}\" is not a finite number")));
        }
        Ok(Quantity { value, dimension: unit.dimension })
    }

    /// Reads a quantity of the expected dimension and gives its SI value.
    ///
    /// A bare zero is accepted for every dimension, as the reference simulators do.
    ///
    /// # Errors
    /// A problem that names what was expected and what was found.
    pub fn parse_as(&self, text: &str, expected: Dimension) -> Result<f64, Problem> {
        let quantity = self.parse(text)?;
        let bare_zero = quantity.value == 0.0 && quantity.dimension == Dimension::NONE;
        if quantity.dimension == expected || bare_zero {
            return Ok(quantity.value);
        }
        let problem = Problem::new(format!("expected {expected}, found \"{text}\", {}", quantity.dimension));
        Err(match self.same_number_in(text, expected) {
            Some(mend) => problem.help(format!("\"{mend}\"? A capital S is siemens, a small s is seconds.")),
            None => problem.help(format!("give it in {}", expected.si_unit())),
        })
    }

    /// The text with its unit's letters in the other case, where that has the dimension wanted.
    fn same_number_in(&self, text: &str, expected: Dimension) -> Option<String> {
        let (number, symbol) = split_number(text.trim())?;
        let swapped = if symbol.contains('S') { symbol.replace('S', "s") } else { symbol.replace('s', "S") };
        let unit = self.unit(&swapped)?;
        (unit.dimension == expected && swapped != symbol).then(|| format!("{number} {}", swapped.trim()))
    }

    fn nearest_unit(&self, symbol: &str) -> Option<String> {
        let common = [
            "mV",
            "V",
            "nS",
            "pS",
            "mS",
            "uS",
            "S",
            "pA",
            "nA",
            "uA",
            "A",
            "ms",
            "s",
            "pF",
            "nF",
            "uF",
            "um",
            "mm",
            "cm",
            "per_ms",
            "per_s",
            "Hz",
            "mS_per_cm2",
            "S_per_cm2",
            "uF_per_cm2",
            "mM",
            "degC",
            "Mohm",
            "kohm_cm",
            "uN",
            "kPa",
        ];
        let defined = self.defined.keys().map(String::as_str);
        nearest(symbol, common.into_iter().chain(defined)).map(str::to_string)
    }
}

/// Splits "-60 mV" into −60 and " mV".
fn split_number(text: &str) -> Option<(f64, &str)> {
    let bytes = text.as_bytes();
    let mut end = 0;
    let mut seen_digit = false;
    while end < bytes.len() {
        match bytes[end] {
            b'+' | b'-' if end == 0 => {}
            b'0'..=b'9' => seen_digit = true,
            b'.' => {}
            b'e' | b'E' if seen_digit => {
                let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
                if !bytes.get(end + 1 + sign).is_some_and(u8::is_ascii_digit) {
                    break;
                }
                end += sign;
            }
            _ => break,
        }
        end += 1;
    }
    let number = text[..end].parse().ok()?;
    Some((number, &text[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn si(text: &str) -> f64 {
        UnitTable::new().parse(text).expect("a quantity").value
    }

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() <= 1e-15 * b.abs()
    }

    #[test]
    fn text_becomes_si() {
        assert!(close(si("-60 mV"), -0.06));
        assert!(close(si(".1nS"), 1e-10));
        assert!(close(si("0.025per_ms"), 25.0));
        assert!(close(si("1 uF_per_cm2"), 0.01));
        assert!(close(si("3 S_per_m2"), 3.0));
        assert!(close(si("2.8 kohm_cm"), 28.0));
        assert!(close(si("1e-10 mol_per_cm3"), 1e-4));
        assert!(close(si("0.0002 mol_per_m_per_A_per_s"), 2e-4));
        assert!(close(si("20 degC"), 293.15));
        assert!(close(si("128e-3 kg/s"), 0.128));
        assert!(close(si("9.5e-14 N*m^2"), 9.5e-14));
        assert!(close(si("2.5 µN"), 2.5e-6));
        assert!(close(si("1.5 e"), 1.5 * 1.602176634e-19));
        assert!(close(si("5 1/mm"), 5000.0));
        assert!(close(si("8e-8"), 8e-8));
        assert!(close(si("1mM"), 1.0));
    }

    #[test]
    fn dimensions_tell_a_conductance_from_a_voltage() {
        let units = UnitTable::new();
        assert_eq!(units.parse_as("0.5 mS", Dimension::CONDUCTANCE), Ok(0.5e-3));
        let problem = units.parse_as("0.5 mV", Dimension::CONDUCTANCE).expect_err("a voltage");
        assert_eq!(problem.message, "expected a conductance (S), found \"0.5 mV\", a voltage (V)");
        let problem = units.parse_as("0.5 ms", Dimension::CONDUCTANCE).expect_err("a time");
        assert!(problem.help.expect("a mend").starts_with("\"0.5 mS\"?"));
    }

    #[test]
    fn a_bad_unit_is_named_with_the_nearest_good_one() {
        let problem = UnitTable::new().parse("3 mVV").expect_err("no such unit");
        assert_eq!(problem.message, "unknown unit \"mVV\" in \"3 mVV\"");
        assert_eq!(problem.help.as_deref(), Some("did you mean \"mV\"?"));
        for bad in ["", "mV", "1 per_", "1 kg/", "NaN", "inf s", "1e999 s", "--3 s", "3 mV_per"] {
            assert!(UnitTable::new().parse(bad).is_err(), "{bad:?} must not be read");
        }
    }

    #[test]
    fn a_defined_unit_wins_over_the_grammar() {
        let mut units = UnitTable::new();
        units.define("S", Unit { dimension: Dimension::TIME, scale: 7.0, offset: 0.0 });
        assert_eq!(units.parse_as("2 S", Dimension::TIME), Ok(14.0));
    }
}
