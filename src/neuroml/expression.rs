//! An expression of LEMS: read, its dimension inferred, `voltage + conductance` refused.
//!
//! ```text
//! or ← and (".or." and)*          and ← compare (".and." compare)*      compare ← sum (".gt." sum)?
//! sum ← term (("+"|"-") term)*    term ← power (("*"|"/") power)*       power ← ("-"|"+") power | atom ("^" power)?
//! ```
//!
//! A minus binds looser than `^` (−x² is −(x²)) and tighter than `*`. Truth is 1, falsehood 0.
//!
//! Source: Cannon et al. 2014, doi:10.3389/fninf.2014.00079, section on expressions.

use crate::error::{Problem, nearest};
use crate::units::Dimension;

/// How deep an expression may nest: far above any equation, far below the stack.
const MAX_DEPTH: usize = 100;

/// An operation on two numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Binary {
    Add,
    Sub,
    Mul,
    Div,
    Pow,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Equal,
    NotEqual,
    And,
    Or,
}

/// A function of one number (or of none that matters: `random`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Function {
    Exp,
    Log,
    Log10,
    Sqrt,
    Abs,
    Sin,
    Cos,
    Tan,
    Sinh,
    Cosh,
    Tanh,
    Asin,
    Acos,
    Atan,
    Ceil,
    Floor,
    Random,
    Heaviside,
    Not,
}

const FUNCTIONS: &[(&str, Function)] = &[
    ("exp", Function::Exp),
    ("log", Function::Log),
    ("ln", Function::Log),
    ("log10", Function::Log10),
    ("sqrt", Function::Sqrt),
    ("abs", Function::Abs),
    ("sin", Function::Sin),
    ("cos", Function::Cos),
    ("tan", Function::Tan),
    ("sinh", Function::Sinh),
    ("cosh", Function::Cosh),
    ("tanh", Function::Tanh),
    ("asin", Function::Asin),
    ("acos", Function::Acos),
    ("atan", Function::Atan),
    ("ceil", Function::Ceil),
    ("floor", Function::Floor),
    ("random", Function::Random),
    ("H", Function::Heaviside),
    ("heaviside", Function::Heaviside),
    ("not", Function::Not),
];

/// A parsed expression; names carry their offset in the text for error messages.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)]
pub enum Expression {
    Number(f64),
    Name(String, usize),
    Negate(Box<Expression>),
    Binary(Binary, Box<Expression>, Box<Expression>, usize),
    Call(Function, Box<Expression>, usize),
}

/// What is wrong with an expression, and the byte offset in its text.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    /// Where in the text.
    pub offset: usize,
    /// What and the mend.
    pub problem: Problem,
}

fn fault(offset: usize, message: impl Into<String>) -> Fault {
    Fault { offset, problem: Problem::new(message) }
}

fn helped(mut fault: Fault) -> Fault {
    fault.problem = fault.problem.help("a value is a name, a number, or something in ( )");
    fault
}

impl Expression {
    /// Reads an expression.
    ///
    /// # Errors
    /// The first thing that is not understood, with its offset.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let mut parser = Parser { text, at: 0, depth: 0 };
        let expression = parser.or()?;
        parser.space();
        match parser.rest().chars().next() {
            None => Ok(expression),
            Some(')') => Err(fault(parser.at, format!("\")\" without \"(\" in \"{text}\""))),
            Some(_) => Err(fault(parser.at, format!("\"{}\" not understood in \"{text}\"", parser.rest()))),
        }
    }

    /// Calls `visit` for every name with its offset.
    pub fn names<'a>(&'a self, visit: &mut impl FnMut(&'a str, usize)) {
        match self {
            Self::Number(_) => {}
            Self::Name(name, offset) => visit(name, *offset),
            Self::Negate(inner) | Self::Call(_, inner, _) => inner.names(visit),
            Self::Binary(_, left, right, _) => {
                left.names(visit);
                right.names(visit);
            }
        }
    }

    /// The dimension of the value; `None` where it can be any (a name that declares none, a bare zero).
    ///
    /// # Errors
    /// An unknown name, or dimensions that do not fit together.
    pub fn dimension(
        &self,
        of_name: &impl Fn(&str) -> Result<Option<Dimension>, Problem>,
    ) -> Result<Option<Dimension>, Fault> {
        match self {
            Self::Number(value) => Ok((*value != 0.0).then_some(Dimension::NONE)),
            Self::Name(name, offset) => of_name(name).map_err(|problem| Fault { offset: *offset, problem }),
            Self::Negate(inner) => inner.dimension(of_name),
            Self::Call(function, inner, offset) => {
                let inside = inner.dimension(of_name)?;
                match (function, inside) {
                    (Function::Abs | Function::Random | Function::Ceil | Function::Floor, _) => Ok(inside),
                    (Function::Sqrt, Some(dimension)) => dimension
                        .root(2)
                        .map(Some)
                        .ok_or_else(|| fault(*offset, format!("no square root of {dimension}"))),
                    (Function::Sqrt, None) => Ok(None),
                    (Function::Heaviside, _) => Ok(Some(Dimension::NONE)),
                    (_, Some(dimension)) if dimension != Dimension::NONE => {
                        let name = FUNCTIONS.iter().find(|(_, known)| known == function).map_or("", |(name, _)| name);
                        Err(fault(*offset, format!("{name}(…) takes a pure number, found {dimension}")))
                    }
                    _ => Ok(Some(Dimension::NONE)),
                }
            }
            Self::Binary(operation, left, right, offset) => {
                let (a, b) = (left.dimension(of_name)?, right.dimension(of_name)?);
                binary_dimension(*operation, a, b, right, *offset)
            }
        }
    }
}

fn binary_dimension(
    operation: Binary,
    a: Option<Dimension>,
    b: Option<Dimension>,
    right: &Expression,
    offset: usize,
) -> Result<Option<Dimension>, Fault> {
    match operation {
        Binary::Mul => Ok(a.zip(b).map(|(a, b)| a.times(b))),
        Binary::Div => Ok(a.zip(b).map(|(a, b)| a.over(b))),
        Binary::Pow => match (a, right) {
            (Some(a), Expression::Number(power)) if power.fract() == 0.0 && power.abs() < 20.0 => {
                Ok(Some(a.to_the(*power as i8)))
            }
            (Some(Dimension::NONE), _) => Ok(Some(Dimension::NONE)),
            (None, _) => Ok(None),
            (Some(a), _) => Err(fault(offset, format!("{a} can only be raised to a whole number"))),
        },
        Binary::And | Binary::Or => Ok(Some(Dimension::NONE)),
        Binary::Add | Binary::Sub => match (a, b) {
            (Some(a), Some(b)) if a != b => {
                let verb = if operation == Binary::Add { "added to" } else { "subtracted from" };
                let (first, second) = if operation == Binary::Add { (a, b) } else { (b, a) };
                Err(fault(offset, format!("{first} cannot be {verb} {second}")))
            }
            _ => Ok(a.or(b)),
        },
        _ => match (a, b) {
            (Some(a), Some(b)) if a != b => Err(fault(offset, format!("{a} cannot be compared with {b}"))),
            _ => Ok(Some(Dimension::NONE)),
        },
    }
}

struct Parser<'t> {
    text: &'t str,
    at: usize,
    depth: usize,
}

impl<'t> Parser<'t> {
    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn space(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    fn take(&mut self, token: &str) -> bool {
        self.space();
        let found = self.rest().starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }

    fn chain(
        &mut self,
        operations: &[(&str, Binary)],
        next: fn(&mut Self) -> Result<Expression, Fault>,
    ) -> Result<Expression, Fault> {
        let mut left = next(self)?;
        loop {
            self.space();
            let offset = self.at;
            let Some((_, operation)) = operations.iter().find(|(token, _)| self.take(token)) else {
                return Ok(left);
            };
            let right = next(self)?;
            left = Expression::Binary(*operation, Box::new(left), Box::new(right), offset);
            // A chain is a tree as deep as it is long.
            self.depth += 1;
            if self.depth > 10 * MAX_DEPTH {
                return Err(fault(offset, "the expression is too long"));
            }
        }
    }

    fn or(&mut self) -> Result<Expression, Fault> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(fault(self.at, format!("the expression nests deeper than {MAX_DEPTH}")));
        }
        let depth = self.depth;
        let expression = self.chain(&[(".or.", Binary::Or)], Self::and);
        self.depth = depth - 1;
        expression
    }

    fn and(&mut self) -> Result<Expression, Fault> {
        self.chain(&[(".and.", Binary::And)], Self::compare)
    }

    fn compare(&mut self) -> Result<Expression, Fault> {
        let operations = [
            (".geq.", Binary::GreaterEqual),
            (".gt.", Binary::Greater),
            (".leq.", Binary::LessEqual),
            (".lt.", Binary::Less),
            (".eq.", Binary::Equal),
            (".neq.", Binary::NotEqual),
            (".ne.", Binary::NotEqual),
            (">=", Binary::GreaterEqual),
            (">", Binary::Greater),
            ("<=", Binary::LessEqual),
            ("<", Binary::Less),
            ("==", Binary::Equal),
            ("!=", Binary::NotEqual),
        ];
        self.chain(&operations, Self::sum)
    }

    fn sum(&mut self) -> Result<Expression, Fault> {
        self.chain(&[("+", Binary::Add), ("-", Binary::Sub)], Self::term)
    }

    fn term(&mut self) -> Result<Expression, Fault> {
        self.chain(&[("*", Binary::Mul), ("/", Binary::Div)], Self::power)
    }

    fn power(&mut self) -> Result<Expression, Fault> {
        let mut negative = false;
        loop {
            if self.take("-") {
                negative = !negative;
            } else if !self.take("+") {
                break;
            }
        }
        let base = self.atom()?;
        self.space();
        let offset = self.at;
        let value = if self.take("^") {
            self.depth += 1;
            if self.depth > MAX_DEPTH {
                return Err(fault(offset, format!("the expression nests deeper than {MAX_DEPTH}")));
            }
            let exponent = self.power()?;
            self.depth -= 1;
            Expression::Binary(Binary::Pow, Box::new(base), Box::new(exponent), offset)
        } else {
            base
        };
        Ok(if negative { Expression::Negate(Box::new(value)) } else { value })
    }

    fn atom(&mut self) -> Result<Expression, Fault> {
        self.space();
        let start = self.at;
        let rest = self.rest();
        let Some(first) = rest.chars().next() else {
            return Err(helped(fault(start, format!("\"{}\" ends where a value is expected", self.text))));
        };
        if self.take("(") {
            let inside = self.or()?;
            if !self.take(")") {
                return Err(fault(start, format!("\"(\" is never closed in \"{}\"", self.text)));
            }
            return Ok(inside);
        }
        if first.is_ascii_digit() || first == '.' {
            return self.number();
        }
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        let name = &rest[..end];
        if name.is_empty() {
            return Err(fault(start, format!("expected a value, found \"{first}\" in \"{}\"", self.text)));
        }
        self.at += end;
        if self.take("(") {
            let Some((_, function)) = FUNCTIONS.iter().find(|(known, _)| *known == name) else {
                let mut fault = fault(start, format!("unknown function \"{name}\""));
                if let Some(known) = nearest(name, FUNCTIONS.iter().map(|(known, _)| *known)) {
                    fault.problem = fault.problem.help(format!("did you mean \"{known}\"?"));
                }
                return Err(fault);
            };
            let inside = self.or()?;
            if !self.take(")") {
                return Err(fault(start, format!("{name}(… is never closed in \"{}\"", self.text)));
            }
            return Ok(Expression::Call(*function, Box::new(inside), start));
        }
        Ok(Expression::Name(name.to_string(), start))
    }

    fn number(&mut self) -> Result<Expression, Fault> {
        let bytes = self.rest().as_bytes();
        let digit = |i: usize| bytes.get(i).is_some_and(u8::is_ascii_digit);
        let mut end = 0;
        while digit(end) {
            end += 1;
        }
        // "3.gt." is a 3 and a comparison.
        if bytes.get(end) == Some(&b'.') && !bytes.get(end + 1).is_some_and(u8::is_ascii_alphabetic) {
            end += 1;
            while digit(end) {
                end += 1;
            }
        }
        if matches!(bytes.get(end), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
            if digit(end + 1 + sign) {
                end += 1 + sign;
                while digit(end) {
                    end += 1;
                }
            }
        }
        let text = &self.rest()[..end];
        let value = text.parse().map_err(|_| fault(self.at, format!("\"{}\" is not a number", self.rest())))?;
        self.at += end;
        Ok(Expression::Number(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> f64 {
        fn eval(e: &Expression) -> f64 {
            match e {
                Expression::Number(n) => *n,
                Expression::Name(..) => 3.0,
                Expression::Negate(e) => -eval(e),
                Expression::Call(_, e, _) => eval(e).exp(),
                Expression::Binary(op, a, b, _) => {
                    let (a, b) = (eval(a), eval(b));
                    match op {
                        Binary::Add => a + b,
                        Binary::Sub => a - b,
                        Binary::Mul => a * b,
                        Binary::Div => a / b,
                        Binary::Pow => a.powf(b),
                        Binary::Greater => f64::from(a > b),
                        Binary::And => f64::from(a != 0.0 && b != 0.0),
                        _ => f64::NAN,
                    }
                }
            }
        }
        eval(&Expression::parse(text).expect("an expression"))
    }

    #[test]
    fn precedence_is_that_of_the_language() {
        assert_eq!(value("1 + 2*x^2 - -4/2"), 21.0);
        assert_eq!(value("-x^2"), -9.0);
        assert_eq!(value("2^-1 * (1 + 1e-0)"), 1.0);
        assert_eq!(value("x .gt. 2.and.1 .gt. 0"), 1.0);
        assert_eq!(value("x.gt.4"), 0.0);
        assert_eq!(value("8/2/2"), 2.0);
    }

    #[test]
    fn a_fault_knows_its_offset() {
        assert_eq!(Expression::parse("2*(y+").expect_err("ends").offset, 5);
        assert_eq!(Expression::parse("(1").expect_err("open").offset, 0);
        assert_eq!(Expression::parse("1)").expect_err("closed").offset, 1);
        assert_eq!(Expression::parse("1 + expp(2)").expect_err("no such function").offset, 4);
        assert!(Expression::parse(&"(".repeat(100_000)).is_err());
        assert!(Expression::parse(&"-".repeat(100_000)).is_err());
        assert!(Expression::parse(&"1+".repeat(100_000)).is_err());
        assert!(Expression::parse("").is_err());
    }

    #[test]
    fn voltage_plus_conductance_is_refused() {
        let of_name = |name: &str| match name {
            "v" => Ok(Some(Dimension::VOLTAGE)),
            "g" => Ok(Some(Dimension::CONDUCTANCE)),
            _ => Err(Problem::new("unknown")),
        };
        let dimension = |text: &str| Expression::parse(text).expect("parses").dimension(&of_name);
        assert_eq!(dimension("g*(v - 0)"), Ok(Some(Dimension::CURRENT)));
        assert_eq!(dimension("exp(v/v)"), Ok(Some(Dimension::NONE)));
        let refused = dimension("2*v + g").expect_err("nonsense");
        assert_eq!(refused.problem.message, "a voltage (V) cannot be added to a conductance (S)");
        assert_eq!(refused.offset, 4);
        assert!(dimension("exp(v)").is_err());
        assert!(dimension("v .gt. g").is_err());
        assert!(dimension("sqrt(v)").is_err());
    }
}
