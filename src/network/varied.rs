//! What varies along a cell: a density that is a formula of the distance from the root.
//!
//! ```text
//! p = path from the root's beginning to the compartment's centre [um]
//! with <proximal translationStart="a"/>:   p − nearest beginning of the group + a
//! with <distal normalizationEnd="b"/>:     then b times p over its value at the group's farthest end
//! ```
//!
//! The formula gives the parameter in SI units (S/m² for a density of conductance), as jNeuroML's export to NEURON reads
//! it (its factors were looked at). There `<proximal>` and `<distal>` count by being there, which is the same for the
//! usual a = 0 and b = 1.
//!
//! Source: NeuroML 2.3, `channelDensityNonUniform`, `inhomogeneousParameter`; NEURON's `SubsetDomainIterator`.

use crate::error::{Problem, nearest};
use crate::network::flatten::{binary_of, unary_of};
use crate::neuroml::component::Component;
use crate::neuroml::expression::{Expression, Function};
use crate::neuroml::morphology::Morphology;

/// A parameter of a property of the membrane with its value at the centre of each compartment that has it.
pub struct Varied {
    /// The id of the property.
    pub property: String,
    /// The name of its parameter.
    pub parameter: String,
    /// Its value in each compartment [SI]; none outside of the group.
    pub values: Vec<Option<f64>>,
}

/// Everything that varies along a cell.
///
/// # Errors
/// A group, a variable or a parameter that is not there, a formula that is not understood, a value that is no number.
pub fn all(cell: &Component, shape: &Morphology) -> Result<Vec<Varied>, Problem> {
    let mut found = Vec::new();
    let mut left: Vec<&Component> = vec![cell];
    while let Some(component) = left.pop() {
        for (slot, child) in &component.children {
            if slot == "variableParameters" {
                let varied = one(cell, component, child, shape).map_err(|problem| problem.at(child.place.clone()))?;
                found.push(varied);
            } else {
                left.push(child);
            }
        }
    }
    Ok(found)
}

fn text<'c>(component: &'c Component, name: &str) -> Result<&'c str, Problem> {
    let found = component.texts.get(name).map(String::as_str);
    found.ok_or_else(|| Problem::new(format!("<{}> needs `{name}`", component.type_name)))
}

fn child<'c>(component: &'c Component, slot: &str) -> Option<&'c Component> {
    component.children.iter().find(|(known, _)| known == slot).map(|(_, child)| child)
}

fn one(cell: &Component, property: &Component, variable: &Component, shape: &Morphology) -> Result<Varied, Problem> {
    let parameter = text(variable, "parameter")?;
    if !property.parameters.contains_key(parameter) {
        let message = format!("<{}> has no parameter \"{parameter}\"", property.type_name);
        return Err(match nearest(parameter, property.parameters.keys().map(String::as_str)) {
            Some(known) => Problem::new(message).help(format!("did you mean \"{known}\"?")),
            None => Problem::new(message),
        });
    }
    let group = text(variable, "segmentGroup")?;
    let value = child(variable, "inhomogeneousValue")
        .ok_or_else(|| Problem::new("<variableParameter> needs an <inhomogeneousValue>"))?;
    let formula = text(value, "value")?;
    let expression = Expression::parse(formula).map_err(|fault| fault.problem)?;
    let metric = metric(cell, group, text(value, "inhomogeneousParameter")?)?;
    let distance = distance(metric, group, shape);
    let symbol = text(metric, "variable")?;
    let mut values = Vec::with_capacity(shape.compartments.len());
    for (compartment, path) in shape.compartments.iter().zip(shape.paths()) {
        if !shape.is_in(compartment.segment, group) {
            values.push(None);
            continue;
        }
        let p = distance(path * 1e6);
        let value = evaluate(&expression, &|name| (name == symbol).then_some(p))?;
        if !value.is_finite() {
            return Err(Problem::new(format!("\"{formula}\" is {value} where {symbol} = {p}")));
        }
        values.push(Some(value));
    }
    Ok(Varied { property: property.id.clone(), parameter: parameter.to_string(), values })
}

/// The inhomogeneous parameter of that id in a group of segments.
fn metric<'c>(cell: &'c Component, group: &str, id: &str) -> Result<&'c Component, Problem> {
    let groups = child(cell, "morphology").into_iter().flat_map(|morphology| &morphology.children);
    let group_of = groups.filter(|(slot, _)| slot == "segmentGroups").map(|(_, group)| group).find(|g| g.id == group);
    let Some(element) = group_of else {
        return Err(Problem::new(format!("no segmentGroup \"{group}\" in \"{}\"", cell.id)));
    };
    let known: Vec<&Component> = element
        .children
        .iter()
        .filter(|(slot, _)| slot == "inhomogeneousParameters")
        .map(|(_, parameter)| parameter)
        .collect();
    let Some(metric) = known.iter().find(|metric| metric.id == id) else {
        let message = format!("no inhomogeneousParameter \"{id}\" in segmentGroup \"{group}\"");
        return Err(match nearest(id, known.iter().map(|metric| metric.id.as_str())) {
            Some(near) => Problem::new(message).help(format!("did you mean \"{near}\"?")),
            None => Problem::new(message),
        });
    };
    match text(metric, "metric")? {
        "Path Length from root" => Ok(metric),
        other => {
            let problem = Problem::new(format!("a metric \"{other}\" is not known"));
            Err(problem.help("the standard has \"Path Length from root\""))
        }
    }
}

/// What the formula's variable is for a path from the root [um].
fn distance(metric: &Component, group: &str, shape: &Morphology) -> impl Fn(f64) -> f64 {
    let (near, far) = shape.path_span(group);
    let number =
        |slot: &str, name: &str| child(metric, slot).map(|end| end.parameters.get(name).copied().unwrap_or(0.0));
    let moved = number("proximal", "translationStart").map_or(0.0, |start| start - 1e6 * near);
    let scale = number("distal", "normalizationEnd").map_or(1.0, |end| end / (1e6 * far + moved));
    move |path| scale * (path + moved)
}

/// The value of an expression in which names have values.
fn evaluate(expression: &Expression, value: &dyn Fn(&str) -> Option<f64>) -> Result<f64, Problem> {
    Ok(match expression {
        Expression::Number(number) => *number,
        Expression::Name(name, _) => value(name)
            .ok_or_else(|| Problem::new(format!("\"{name}\" is not the variable of the inhomogeneousParameter")))?,
        Expression::Negate(inner) => -evaluate(inner, value)?,
        Expression::Call(Function::Random, ..) => {
            return Err(Problem::new("a value that varies along a cell does not draw random numbers"));
        }
        Expression::Call(function, inner, _) => unary_of(*function)?.of(evaluate(inner, value)?),
        Expression::Binary(operation, a, b, _) => {
            let (operation, [a, b]) = binary_of(*operation, [evaluate(a, value)?, evaluate(b, value)?]);
            operation.of(a, b)
        }
    })
}
