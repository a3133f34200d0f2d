//! Cells of many segments against what the theory of cables says.

use std::path::Path;

use nematode::network::{Method, Network, Options};
use nematode::neuroml::model::Model;

/// A cylinder of 1000 um by 2 um in ten segments, leaky, and fed at its beginning.
///
/// Its numbers: 1 S/m² and 1 Ω·m give a length constant λ = √(d / (4 R g)) = 707.1 um.
fn cylinder(divisions: usize, channels: &str, inside: &str) -> Model {
    let text = cylinder_text(divisions, channels, inside);
    Model::from_text(Path::new("cable.nml"), &text).unwrap_or_else(|problems| panic!("{problems}"))
}

fn cylinder_text(divisions: usize, channels: &str, inside: &str) -> String {
    let segment = |k: usize| {
        let parent = if k == 0 { String::new() } else { format!("<parent segment='{}'/>", k - 1) };
        let proximal = if k == 0 { "<proximal x='0' y='0' z='0' diameter='2'/>" } else { "" };
        format!(
            "<segment id='{k}'>{parent}{proximal}<distal x='{}' y='0' z='0' diameter='2'/></segment>",
            100 * (k + 1)
        )
    };
    let members: String = (0..10).map(|k| format!("<member segment='{k}'/>")).collect();
    format!(
        "<neuroml><ionChannelPassive id='leak'/>{SQUID}<cell id='axon'><morphology id='m'>{}
           <segmentGroup id='all_of_it' neuroLexId='sao864921383'><property tag='numberInternalDivisions' value='{divisions}'/>
           {members}</segmentGroup><segmentGroup id='tip'><subTree><from segment='9'/></subTree></segmentGroup></morphology>
         <biophysicalProperties id='b'><membraneProperties>{channels}<spikeThresh value='0mV'/>
           <specificCapacitance value='1 uF_per_cm2'/><initMembPotential value='-65mV'/></membraneProperties>
         <intracellularProperties><resistivity value='100 ohm_cm'/></intracellularProperties></biophysicalProperties></cell>
         <pulseGenerator id='pulse' delay='0ms' duration='10s' amplitude='20pA'/>
         <pulseGenerator id='strong' delay='0ms' duration='10s' amplitude='0.5nA'/>
         <network id='n'><population id='p' component='axon' size='1'/>{inside}</network></neuroml>",
        (0..10).map(segment).collect::<String>()
    )
}

/// The channels of the squid axon. Hodgkin & Huxley 1952, doi:10.1113/jphysiol.1952.sp004764.
const SQUID: &str = "<ionChannelHH id='na'><gateHHrates id='m' instances='3'>
      <forwardRate type='HHExpLinearRate' rate='1per_ms' midpoint='-40mV' scale='10mV'/>
      <reverseRate type='HHExpRate' rate='4per_ms' midpoint='-65mV' scale='-18mV'/></gateHHrates>
    <gateHHrates id='h' instances='1'>
      <forwardRate type='HHExpRate' rate='0.07per_ms' midpoint='-65mV' scale='-20mV'/>
      <reverseRate type='HHSigmoidRate' rate='1per_ms' midpoint='-35mV' scale='10mV'/></gateHHrates></ionChannelHH>
    <ionChannelHH id='k'><gateHHrates id='n' instances='4'>
      <forwardRate type='HHExpLinearRate' rate='0.1per_ms' midpoint='-55mV' scale='10mV'/>
      <reverseRate type='HHExpRate' rate='0.125per_ms' midpoint='-65mV' scale='-80mV'/></gateHHrates></ionChannelHH>";

const LEAK: &str =
    "<channelDensity id='l' ionChannel='leak' condDensity='1 S_per_m2' erev='-65mV' ion='non_specific'/>";

const AXON: &str =
    "<channelDensity id='l' ionChannel='leak' condDensity='3 S_per_m2' erev='-54.3mV' ion='non_specific'/>
    <channelDensity id='nad' ionChannel='na' condDensity='120 mS_per_cm2' erev='50mV' ion='na'/>
    <channelDensity id='kd' ionChannel='k' condDensity='360 S_per_m2' erev='-77mV' ion='k'/>";

fn fed_at(segment: usize, fraction: f64) -> String {
    format!(
        "<inputList id='i' population='p' component='pulse'><input id='0' target='../p[0]' destination='synapses'
         segmentId='{segment}' fractionAlong='{fraction}'/></inputList>"
    )
}

fn after(model: &Model, dt: f64, duration: f64) -> Network {
    let mut network = Network::compile(model, &Options { dt, method: Method::Exponential, seed: 0 })
        .unwrap_or_else(|problems| panic!("{problems}"));
    for _ in 0..(duration / dt).round() as usize {
        network.step().expect("it runs");
    }
    network
}

fn read(network: &Network, path: &str) -> f64 {
    network.read(network.probe(path).unwrap_or_else(|problem| panic!("{problem}")))
}

/// V(x) − E = I R∞ cosh((l − x)/λ) / sinh(l/λ), R∞ = 4 R λ / (π d²): a cable closed at its far end (Rall 1969,
/// doi:10.1016/S0006-3495(69)86467-2).
#[test]
fn a_closed_cable_holds_the_potentials_of_theory() {
    let (d, length, g, resistivity, current) = (2e-6_f64, 1e-3, 1.0, 1.0, 20e-12);
    let lambda = (d / (4.0 * resistivity * g)).sqrt();
    let infinite = 4.0 * resistivity * lambda / (std::f64::consts::PI * d * d);
    let theory = |x: f64| current * infinite * ((length - x) / lambda).cosh() / (length / lambda).sinh();
    let error = |divisions: usize| {
        // 200 ms are twenty time constants of 10 ms: e⁻²⁰ = 2e-9 is left of the way.
        let network = after(&cylinder(divisions, LEAK, &fed_at(0, 0.0)), 1e-4, 0.2);
        (0..10)
            .map(|segment| {
                let x = (segment as f64 + 0.5) * 1e-4;
                ((read(&network, &format!("p/0/axon/{segment}/v")) + 0.065) / theory(x) - 1.0).abs()
            })
            .fold(0.0, f64::max)
    };
    // Segments' middles are compartments' centres where each segment holds an odd number of them.
    let (coarse, fine) = (error(10), error(30));
    assert!(coarse < 2e-2 && fine < 2.5e-3, "{coarse} {fine}");
    assert!((coarse / fine / 9.0 - 1.0).abs() < 0.2, "a third of the length, a ninth of the error: {coarse} {fine}");
}

#[test]
fn a_spike_along_an_axon_converges_with_the_square_of_the_step() {
    let model = cylinder(20, AXON, &fed_at(0, 0.5).replace("pulse", "strong"));
    let at = |dt: f64| read(&after(&model, dt, 4e-3), "p/0/axon/4/v");
    let fine = at(1.25e-6);
    let order = ((at(2e-5) - fine) / (at(1e-5) - fine)).abs().log2();
    // The order is asymptotic: within 0.3 of it at these steps.
    assert!((order - 2.0).abs() < 0.3, "order {order}");
}

#[test]
fn an_input_feeds_the_segment_that_it_names_and_a_group_has_its_own_channels() {
    let near = after(&cylinder(10, LEAK, &fed_at(9, 0.5)), 1e-4, 0.05);
    assert!(read(&near, "p/0/axon/9/v") > read(&near, "p/0/axon/0/v"), "fed at the tip");
    // Without a leak but at the tip, all current leaves there: the potential falls along the whole way to it.
    let tip = LEAK.replace("id='l'", "id='l' segmentGroup='tip'");
    // The tip lets its charge go in 0.1 s; twenty times that is 2 s.
    let far = after(&cylinder(10, &tip, &fed_at(0, 0.0)), 1e-4, 2.0);
    let drops: Vec<f64> =
        (0..9).map(|k| read(&far, &format!("p/0/axon/{k}/v")) - read(&far, &format!("p/0/axon/{}/v", k + 1))).collect();
    // I R l / (π r²) for 100 um between two middles: 20 pA · 1 Ω·m · 1e-4 m / π 1e-12 m² = 0.6366 mV.
    assert!(drops.iter().all(|drop| (drop - 0.636_62e-3).abs() < 1e-6), "{drops:?}");
}

#[test]
fn a_long_chain_of_segments_that_hang_on_beginnings_is_joined_without_end() {
    let point = "diameter='1' y='0' z='0'";
    let chain: String = (1..5000)
        .map(|k| {
            format!(
                "<segment id='{k}'><parent segment='{}' fractionAlong='0'/><proximal x='0' {point}/><distal x='{k}' {point}/></segment>",
                k - 1
            )
        })
        .collect();
    let text = format!(
        "<neuroml><ionChannelPassive id='leak'/><cell id='star'><morphology id='m'><segment id='0'><proximal x='0' {point}/>
         <distal x='1' {point}/></segment>{chain}</morphology><biophysicalProperties id='b'><membraneProperties>{LEAK}
         <spikeThresh value='0mV'/><specificCapacitance value='1 uF_per_cm2'/><initMembPotential value='-60mV'/>
         </membraneProperties><intracellularProperties><resistivity value='100 ohm_cm'/></intracellularProperties>
         </biophysicalProperties></cell><network id='n'><population id='p' component='star' size='1'/></network></neuroml>"
    );
    let model = Model::from_text(Path::new("star.nml"), &text).unwrap_or_else(|problems| panic!("{problems}"));
    // All alike, so that no current flows between them: e^(-1) of the way is left after one time constant of 10 ms.
    let network = after(&model, 1e-4, 0.01);
    for segment in [0, 1, 4999] {
        let left = (read(&network, &format!("p/0/star/{segment}/v")) + 0.065) / 0.005;
        // The trapezoidal rule at z = 0.01 is off by z²/12.
        assert!((left / (-1.0f64).exp() - 1.0).abs() < 1e-4, "{segment}: {left}");
    }
}

/// A leak that is a formula of the distance `x` from the root, on the group of all.
fn varied(parameter: &str, metric: &str, formula: &str) -> String {
    format!(
        "<channelDensityNonUniform id='l' ionChannel='leak' ion='non_specific' erev='-65mV'><variableParameter
           parameter='{parameter}' segmentGroup='all_of_it'><inhomogeneousValue inhomogeneousParameter='{metric}' value='{formula}'/>
         </variableParameter></channelDensityNonUniform>"
    )
}

/// The cylinder with a distance to speak of.
fn measured(channels: &str) -> Result<Network, String> {
    let metric = "<inhomogeneousParameter id='way' variable='x' metric='Path Length from root'/></segmentGroup><segmentGroup id='tip'>";
    let text = cylinder_text(10, channels, &fed_at(0, 0.5)).replace("</segmentGroup><segmentGroup id='tip'>", metric);
    let model = Model::from_text(Path::new("cable.nml"), &text).map_err(|problems| problems.to_string())?;
    Network::compile(&model, &Options { dt: 1e-4, ..Options::default() }).map_err(|problems| problems.to_string())
}

#[test]
fn a_density_that_varies_by_a_constant_is_a_density() {
    let mut constant = measured(&varied("condDensity", "way", "1 + 0 * x")).unwrap_or_else(|told| panic!("{told}"));
    for _ in 0..300 {
        constant.step().unwrap_or_else(|failure| panic!("{failure}"));
    }
    let uniform = after(&cylinder(10, LEAK, &fed_at(0, 0.5)), 1e-4, 0.03);
    for segment in 0..10 {
        let path = format!("p/0/axon/{segment}/v");
        assert_eq!(read(&constant, &path).to_bits(), read(&uniform, &path).to_bits());
    }
}

#[test]
fn a_formula_that_cannot_be_worked_out_is_told_with_its_place_and_the_mend() {
    for (wrong, told) in [
        (varied("condDensit", "way", "1"), ["no parameter \"condDensit\"", "did you mean \"condDensity\"?"]),
        (varied("condDensity", "ways", "1"), ["no inhomogeneousParameter \"ways\"", "did you mean \"way\"?"]),
        (varied("condDensity", "way", "2 * y"), ["\"y\" is not the variable", "cable.nml:"]),
        (varied("condDensity", "way", "1 / (x - x)"), ["is inf where x = 50", "cable.nml:"]),
        (varied("condDensity", "way", "2 *"), ["cable.nml:", "help: "]),
        (varied("condDensity", "way", "random(1)"), ["random", "cable.nml:"]),
    ] {
        let Err(found) = measured(&wrong) else { panic!("{wrong} was taken") };
        assert!(told.iter().all(|part| found.contains(part)), "{found}");
    }
}
