//! Every type of the core that stands by itself compiles and takes steps: what docs/neuroml.md calls "yes".

use std::path::Path;

use nematode::network::{Network, Options};
use nematode::neuroml::component_type::ComponentType;
use nematode::neuroml::model::Model;

const HOST: &str = "<expOneSynapse id='syn' gbase='1nS' erev='0mV' tauDecay='2ms'/>\
    <iafCell id='host' leakReversal='-70mV' thresh='100mV' reset='-70mV' C='0.2nF' leakConductance='10nS'/>\
    <izhikevichCell id='hostDL' v0='-70mV' thresh='30mV' a='0.02' b='0.2' c='-65' d='6'/>\
    <spikeGenerator id='clock' period='1ms'/>";

/// A value of each dimension with which equations stay finite for a few steps.
const VALUES: &[(&str, &str)] = &[
    ("none", "0.5"),
    ("time", "10 ms"),
    ("per_time", "10 per_s"),
    ("voltage", "-60 mV"),
    ("current", "1 pA"),
    ("conductance", "1 nS"),
    ("capacitance", "100 pF"),
    ("resistance", "100 Mohm"),
    ("conductanceDensity", "0.1 mS_per_cm2"),
    ("specificCapacitance", "1 uF_per_cm2"),
    ("currentDensity", "1 uA_per_cm2"),
    ("conductance_per_voltage", "1 nS_per_mV"),
];

fn step(text: &str) -> Result<(), String> {
    let model = Model::from_text(Path::new("t.nml"), text).map_err(|problems| problems.to_string())?;
    let mut network = Network::compile(&model, &Options::default()).map_err(|problems| problems.to_string())?;
    for _ in 0..100 {
        network.step().map_err(|failure| failure.what)?;
    }
    Ok(())
}

fn written(model: &Model, known: &ComponentType) -> String {
    let mut text = format!("<{} id='tested'", known.name);
    for (index, parameter) in known.parameters.iter().filter(|p| p.default.is_none()).enumerate() {
        let dimension = parameter.dimension.expect("core parameters have one");
        let (_, value) = VALUES
            .iter()
            .find(|(name, _)| model.vocabulary.dimensions[*name] == dimension)
            .unwrap_or_else(|| panic!("{}: no value for {dimension}", known.name));
        // Two rise and decay times that are alike have no peak: each parameter is a little more than the last.
        let (number, unit) = value.split_once(' ').unwrap_or((value, ""));
        let number = number.parse::<f64>().expect("a number") * (1.0 + 0.05 * index as f64);
        text += &format!(" {}='{number} {unit}'", parameter.name);
    }
    for (reference, _) in &known.references {
        text += &format!(" {reference}='syn'");
    }
    for path in known.texts.iter().filter(|name| name.ends_with("Path") || *name == "spikeTarget") {
        text += &format!(" {path}='./syn'");
    }
    text + "/>"
}

#[test]
fn every_cell_source_synapse_and_input_of_the_core_runs() {
    let model = Model::from_text(Path::new("t.nml"), "<neuroml/>").expect("the core reads");
    let (mut seen, mut wrong) = (0, Vec::new());
    for known in model.vocabulary.types.values() {
        // A cell with a morphology stands below; a base has no dynamics.
        if known.dynamics.is_none() || known.is("cell") {
            continue;
        }
        let hosts = "<population id='p' component='host' size='2'/><population id='q' component='clock' size='1'/>";
        let network = if known.is("baseCell") || known.is("baseSpikeSource") {
            "<population id='p' component='tested' size='2'/>".to_string()
        } else if !known.instance_requirements.is_empty() || known.is("baseGradedSynapse") {
            format!(
                "{hosts}<continuousProjection id='c' presynapticPopulation='p' postsynapticPopulation='p'>\
                 <continuousConnection id='0' preCell='0' postCell='1' preComponent='tested' postComponent='tested'/>\
                 </continuousProjection>"
            )
        } else if known.is("baseSynapse") {
            format!("{hosts}<synapticConnection from='q[0]' to='p[0]' synapse='tested' destination='synapses'/>")
        } else if known.is("basePointCurrent") {
            format!("{hosts}<explicitInput target='p[0]' input='tested'/>")
        } else if known.is("basePointCurrentDL") {
            "<population id='p' component='hostDL' size='1'/><explicitInput target='p[0]' input='tested'/>".to_string()
        } else {
            continue;
        };
        seen += 1;
        let tested = written(&model, known);
        let text = format!("<neuroml>{HOST}{tested}<network id='n'>{network}</network></neuroml>");
        if let Err(said) = step(&text) {
            wrong.push(format!("{}: {said}", known.name));
        }
    }
    println!("{seen} types");
    assert!(seen > 50, "only {seen} types");
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// A cell of one segment with these channel densities, its calcium, and one or two pools.
fn cell(pools: &str, densities: &str) -> String {
    let species = |ion: &str| {
        format!(
            "<species id='{ion}' ion='{ion}' concentrationModel='pool' initialConcentration='1e-4 mM' \
             initialExtConcentration='2 mM'/>"
        )
    };
    let both = if pools.is_empty() { species("ca") } else { species("ca") + &species("ca2") };
    format!(
        "<neuroml><ionChannelHH id='ch' conductance='10pS'><gateHHInstantaneous id='m' instances='1'><steadyState \
         type='HHSigmoidVariable' rate='1' midpoint='-40mV' scale='5mV'/></gateHHInstantaneous></ionChannelHH>\
         <ionChannelVShift id='cv' conductance='10pS' vShift='5mV'/>\
         <fixedFactorConcentrationModelTraub id='pool' ion='ca' restingConc='1e-4 mM' beta='0.1 per_ms' \
         phi='1e5 mol_per_m_per_A_per_s'/>\
         <cell{pools} id='c'><morphology id='m'><segment id='0'><proximal x='0' y='0' z='0' diameter='10'/>\
         <distal x='10' y='0' z='0' diameter='10'/></segment></morphology><biophysicalProperties{pools} id='b'>\
         <membraneProperties{pools}>{densities}<spikeThresh value='0mV'/><specificCapacitance value='1 uF_per_cm2'/>\
         <initMembPotential value='-60mV'/></membraneProperties{pools}><intracellularProperties{pools}>{both}\
         </intracellularProperties{pools}></biophysicalProperties{pools}></cell{pools}>\
         <network id='n' type='networkWithTemperature' temperature='20 degC'><population id='p' component='c' size='1'/>\
         </network></neuroml>"
    )
}

#[test]
fn every_uniform_density_runs_in_cells_with_one_and_two_calcium_pools() {
    let density = |name: &str, more: &str| format!("<{name} id='d' ionChannel='ch' ion='ca' {more}/>");
    let conductance = "condDensity='0.1 mS_per_cm2'";
    for (name, more) in [
        ("channelDensity", "condDensity='0.1 mS_per_cm2' erev='50mV'"),
        ("channelDensityVShift", "condDensity='0.1 mS_per_cm2' erev='50mV' vShift='5mV'"),
        ("channelDensityNernst", conductance),
        ("channelDensityGHK", "permeability='1e-6 cm_per_s'"),
        ("channelDensityGHK2", conductance),
        ("channelPopulation", "number='100' erev='50mV'"),
    ] {
        for pools in ["", "2CaPools"] {
            step(&cell(pools, &density(name, more))).unwrap_or_else(|said| panic!("{name} {pools}: {said}"));
        }
    }
    let second = density("channelDensityNernstCa2", conductance).replace("ion='ca'", "ion='ca2'");
    step(&cell("2CaPools", &second)).expect("the second pool");
    let said = step(&cell("", &second)).expect_err("one pool only");
    assert!(said.contains("which nothing around it offers"), "{said}");
}
