//! Which attributes the elements of LEMS itself may carry: one that is misspelt is told, not passed over.
//!
//! Components are checked by their types (component.rs), networks by network_element.rs; this is the rest: the
//! definitions of types, dimensions and units, and a Simulation.
//!
//! Source: Cannon et al. 2014, doi:10.3389/fninf.2014.00079; https://docs.neuroml.org/Userdocs/LEMSSchema.html.

use crate::error::{Problem, Problems, nearest};
use crate::neuroml::xml::Element;

/// Each element and its attributes, beside `description`.
const ATTRIBUTES: &[(&str, &str)] = &[
    ("ComponentType", "name extends eXtends"),
    ("Dimension", "name m l t i k n j"),
    ("Unit", "name symbol dimension power scale offset"),
    ("Parameter", "name dimension default"),
    ("Property", "name dimension defaultValue"),
    ("Constant", "name symbol dimension value"),
    ("Fixed", "parameter value"),
    ("DerivedParameter", "name dimension value select"),
    ("Exposure", "name dimension"),
    ("Requirement", "name dimension"),
    ("InstanceRequirement", "name type"),
    ("ComponentRequirement", "name type"),
    ("Child", "name type"),
    ("Children", "name type min max"),
    ("Attachments", "name type"),
    ("ComponentReference", "name type local root default"),
    ("Text", "name default"),
    ("Path", "name type default"),
    ("Link", "name type default"),
    ("EventPort", "name direction"),
    ("Dynamics", "name simultaneous"),
    ("StateVariable", "name dimension exposure"),
    ("DerivedVariable", "name dimension exposure value select reduce required"),
    ("ConditionalDerivedVariable", "name dimension exposure"),
    ("Case", "condition value"),
    ("TimeDerivative", "variable value"),
    ("StateAssignment", "variable value"),
    ("OnStart", ""),
    ("OnEntry", ""),
    ("OnCondition", "test"),
    ("OnEvent", "port"),
    ("EventOut", "port"),
    ("Transition", "regime"),
    ("Regime", "name initial"),
    ("KineticScheme", "name nodes stateVariable edges edgeSource edgeTarget forwardRate reverseRate dependency step"),
    ("Structure", ""),
    ("With", "instance as"),
    ("ForEach", "instances as"),
    ("ChildInstance", "component"),
    ("MultiInstantiate", "number component"),
    ("EventConnection", "from to sourcePort targetPort receiver receiverContainer delay"),
    ("Tunnel", "name endA endB componentA componentB"),
    ("Assign", "property value"),
    ("Simulation", "id length step target seed type report reportFile timesFile name metaid"),
    ("OutputFile", "id fileName path"),
    ("OutputColumn", "id quantity"),
    ("EventOutputFile", "id fileName path format"),
    ("EventSelection", "id select eventPort"),
];

/// Adds a problem for each unknown attribute of an element and of those inside it.
pub fn check(element: &Element, problems: &mut Problems) {
    if let Some((_, known)) = ATTRIBUTES.iter().find(|(name, _)| *name == element.name) {
        let known: Vec<&str> = known.split_whitespace().collect();
        for attribute in &element.attributes {
            let name = attribute.name.as_str();
            if known.contains(&name) || name == "description" {
                continue;
            }
            let problem = Problem::new(format!("<{}> has no attribute `{name}`", element.name));
            let problem = problem.at(element.place_of(attribute.at));
            problems.push(match nearest(name, known.iter().copied()) {
                Some(known) => problem.help(format!("did you mean `{known}`?")),
                None if known.is_empty() => problem.help("it has none"),
                None => problem.help(format!("it has {}", known.join(", "))),
            });
        }
    }
    // What is only shown or noted is nobody's business.
    for child in &element.children {
        if !matches!(
            child.name.as_str(),
            "Display" | "Record" | "EventRecord" | "Meta" | "notes" | "annotation" | "About"
        ) {
            check(child, problems);
        }
    }
}
