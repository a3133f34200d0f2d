//! Physics with known answers: `nematode validate body` runs each claim by the engine's own parts and prints what
//! came out beside what theory says.
//!
//! A tolerance is what is asked of the engine, not what it reaches: a row that misses says so, and rows that nobody
//! has written yet stand in the table as not reached.

mod drops;
mod filled;
mod flows;
mod solids;

use crate::table::{Style, aligned};

/// A number that an experiment gave, and what it should be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measured {
    /// What came out.
    pub value: f64,
    /// What should; zero for what should vanish.
    pub reference: f64,
}

/// One law, and the experiment that tries it.
#[derive(Debug, Clone, Copy)]
pub struct Claim {
    /// What is measured.
    pub name: &'static str,
    /// Its unit; empty for a pure number.
    pub unit: &'static str,
    /// The largest error allowed: relative to the reference, or absolute where that is zero.
    pub tolerance: f64,
    /// Where the reference comes from.
    pub source: &'static str,
    /// Whether the experiment takes more than a few seconds.
    pub slow: bool,
    /// The experiment; none where nobody has written it yet.
    pub experiment: Option<fn() -> Result<Measured, String>>,
}

/// What became of a claim.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// Within the tolerance.
    Held(Measured),
    /// Beyond it.
    Missed(Measured),
    /// The experiment broke off, with the reason.
    Broke(String),
    /// There is no experiment yet.
    NotReached,
}

impl Measured {
    /// Error, relative to the reference, or absolute where that is zero.
    pub fn error(&self) -> f64 {
        if self.reference == 0.0 { self.value.abs() } else { (self.value / self.reference - 1.0).abs() }
    }
}

impl Claim {
    /// Runs the experiment.
    pub fn try_out(&self) -> Outcome {
        match self.experiment.map(|experiment| experiment()) {
            // A value that is no number holds nothing.
            Some(Ok(measured)) if measured.error() <= self.tolerance => Outcome::Held(measured),
            Some(Ok(measured)) => Outcome::Missed(measured),
            Some(Err(why)) => Outcome::Broke(why),
            None => Outcome::NotReached,
        }
    }
}

/// All claims about the body, in the order of the table.
pub fn body() -> Vec<Claim> {
    [solids::CLAIMS, flows::CLAIMS, filled::CLAIMS, drops::CLAIMS].concat()
}

/// The table of some claims and their outcomes.
pub fn table(rows: &[(Claim, Outcome)], style: Style) -> String {
    if style == Style::Json {
        let rows: Vec<serde_json::Value> = rows.iter().map(json).collect();
        return format!("{:#}\n", serde_json::Value::from(rows));
    }
    aligned(HEAD, &rows.iter().map(cells).collect::<Vec<_>>(), style == Style::Markdown)
}

const HEAD: [&str; 7] = ["law", "value", "reference", "error", "tolerance", "", "source"];

fn cells((claim, outcome): &(Claim, Outcome)) -> [String; 7] {
    let number = |value: f64| match value.abs() {
        size if size != 0.0 && !(1e-3..1e4).contains(&size) => format!("{value:.3e} {}", claim.unit),
        _ => format!("{value:.4} {}", claim.unit),
    };
    let share = |error: f64| if error < 1e-4 { format!("{error:.1e}") } else { format!("{:.2} %", 100.0 * error) };
    let none = || "-".to_string();
    let (value, reference, error, verdict) = match outcome {
        Outcome::Held(m) => (number(m.value), number(m.reference), share(m.error()), "holds".to_string()),
        Outcome::Missed(m) => (number(m.value), number(m.reference), share(m.error()), "MISSED".to_string()),
        Outcome::Broke(why) => (none(), none(), none(), format!("BROKE OFF: {why}")),
        Outcome::NotReached => (none(), none(), none(), "not reached".to_string()),
    };
    let name = claim.name.to_string();
    [name, value, reference, error, share(claim.tolerance), verdict, claim.source.to_string()]
}

fn json((claim, outcome): &(Claim, Outcome)) -> serde_json::Value {
    let (verdict, measured, why) = match outcome {
        Outcome::Held(m) => ("holds", Some(m), None),
        Outcome::Missed(m) => ("missed", Some(m), None),
        Outcome::Broke(why) => ("broke off", None, Some(why)),
        Outcome::NotReached => ("not reached", None, None),
    };
    serde_json::json!({
        "law": claim.name,
        "unit": claim.unit,
        "value": measured.map(|m| m.value),
        "reference": measured.map(|m| m.reference),
        "error": measured.map(Measured::error),
        "tolerance": claim.tolerance,
        "verdict": verdict,
        "why": why,
        "source": claim.source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(experiment: Option<fn() -> Result<Measured, String>>) -> Claim {
        Claim { name: "a law", unit: "m", tolerance: 0.05, source: "a book", slow: false, experiment }
    }

    #[test]
    fn a_claim_holds_within_its_tolerance_and_says_so_where_it_does_not() {
        let good = claim(Some(|| Ok(Measured { value: 1.04, reference: 1.0 })));
        let bad = claim(Some(|| Ok(Measured { value: 1.06, reference: 1.0 })));
        let lost = claim(Some(|| Ok(Measured { value: f64::NAN, reference: 1.0 })));
        assert!(matches!(good.try_out(), Outcome::Held(_)));
        assert!(matches!(bad.try_out(), Outcome::Missed(_)));
        assert!(matches!(lost.try_out(), Outcome::Missed(_)));
        assert_eq!(claim(None).try_out(), Outcome::NotReached);
        let rows = vec![(bad, bad.try_out()), (claim(None), Outcome::NotReached)];
        for style in [Style::Plain, Style::Markdown, Style::Json] {
            let text = table(&rows, style).to_lowercase();
            assert!(text.contains("missed") && text.contains("not reached"), "{text}");
        }
    }
}
