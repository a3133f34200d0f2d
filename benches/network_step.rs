//! How long one step of a network of the size of a worm takes: 302 neurons and 95 muscles of one shape (leak, two
//! potassium channels, one calcium channel with inactivation by calcium, a calcium pool), 4000 graded synapses and
//! 1100 gap junctions (2200 ends), 0.05 ms. The wiring is made up (a fixed pseudo-random sequence); only its size
//! is that of the animal (White et al. 1986, doi:10.1098/rstb.1986.0056).

use std::fmt::Write;
use std::path::Path;

use criterion::{Criterion, criterion_group, criterion_main};
use nematode::network::{Method, Network, Options};
use nematode::neuroml::model::Model;

const CHANNELS: &str = "
    <ComponentType name='calciumGate' extends='gateHHtauInf'>
      <Parameter name='half' dimension='concentration'/><Parameter name='slope' dimension='concentration'/>
      <Requirement name='caConc' dimension='concentration'/>
      <Dynamics><DerivedVariable name='inf' exposure='inf' dimension='none' value='1/(1 + exp((half - caConc)/slope))'/>
        <DerivedVariable name='q' exposure='q' dimension='none' value='inf'/>
        <DerivedVariable name='fcond' exposure='fcond' dimension='none' value='1 + 0.3*(q - 1)'/></Dynamics>
    </ComponentType>
    <ionChannelPassive id='leak'/>
    <ionChannelHH id='kslow'><gateHHtauInf id='n' instances='1'><timeCourse type='fixedTimeCourse' tau='25ms'/>
      <steadyState type='HHSigmoidVariable' rate='1' midpoint='20mV' scale='16mV'/></gateHHtauInf></ionChannelHH>
    <ionChannelHH id='kfast'><gateHHtauInf id='p' instances='4'><timeCourse type='fixedTimeCourse' tau='2.3ms'/>
      <steadyState type='HHSigmoidVariable' rate='1' midpoint='-8mV' scale='7mV'/></gateHHtauInf>
      <gateHHtauInf id='q' instances='1'><timeCourse type='fixedTimeCourse' tau='150ms'/>
      <steadyState type='HHSigmoidVariable' rate='1' midpoint='-16mV' scale='-10mV'/></gateHHtauInf></ionChannelHH>
    <ionChannelHH id='ca'><gateHHtauInf id='e' instances='2'><timeCourse type='fixedTimeCourse' tau='0.1ms'/>
      <steadyState type='HHSigmoidVariable' rate='1' midpoint='-3mV' scale='7mV'/></gateHHtauInf>
      <gateHHtauInf id='f' instances='1'><timeCourse type='fixedTimeCourse' tau='150ms'/>
      <steadyState type='HHSigmoidVariable' rate='1' midpoint='25mV' scale='-5mV'/></gateHHtauInf>
      <calciumGate id='h' instances='1' half='6e-8 mM' slope='-1e-8 mM'/></ionChannelHH>
    <fixedFactorConcentrationModel id='pool' ion='ca' restingConc='0 mM' decayConstant='12 ms'
      rho='0.00024 mol_per_m_per_A_per_s'/>
    <gapJunction id='gap' conductance='0.5 pS'/><silentSynapse id='silent'/>
    <gradedSynapse id='excites' conductance='0.09 nS' delta='5 mV' Vth='0 mV' k='0.025per_ms' erev='0 mV'/>
    <gradedSynapse id='inhibits' conductance='0.09 nS' delta='5 mV' Vth='0 mV' k='0.025per_ms' erev='-70 mV'/>
    <pulseGenerator id='pulse' delay='5 ms' duration='10 s' amplitude='5 pA'/>";

fn cell(id: &str, length: f64, slow: f64) -> String {
    format!(
        "<cell id='{id}'><morphology id='m'><segment id='0'><proximal x='0' y='0' z='0' diameter='5'/>
         <distal x='{length}' y='0' z='0' diameter='5'/></segment></morphology><biophysicalProperties id='b'>
         <membraneProperties><channelDensity id='l' ionChannel='leak' condDensity='0.005 mS_per_cm2' erev='-50 mV' ion='none'/>
         <channelDensity id='s' ionChannel='kslow' condDensity='{slow} mS_per_cm2' erev='-60 mV' ion='k'/>
         <channelDensity id='f' ionChannel='kfast' condDensity='0.07 mS_per_cm2' erev='-60 mV' ion='k'/>
         <channelDensity id='c' ionChannel='ca' condDensity='{slow} mS_per_cm2' erev='40 mV' ion='ca'/>
         <spikeThresh value='-20 mV'/><specificCapacitance value='1 uF_per_cm2'/><initMembPotential value='-45 mV'/>
         </membraneProperties><intracellularProperties><species id='ca' ion='ca' concentrationModel='pool'
         initialConcentration='0 mM' initialExtConcentration='2 mM'/><resistivity value='0.1 kohm_cm'/>
         </intracellularProperties></biophysicalProperties></cell>"
    )
}

fn worm_sized_network() -> String {
    let mut text =
        format!("<neuroml>{CHANNELS}{}{}<network id='n'>", cell("neuron", 0.0, 3.0), cell("muscle", 20.0, 0.6));
    for index in 0..397 {
        let component = if index < 302 { "neuron" } else { "muscle" };
        let _ = write!(text, "<population id='c{index}' component='{component}' size='1'/>");
    }
    let mut seed = 1u64;
    let mut below = |n: u64| {
        seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (seed >> 33) % n
    };
    for index in 0..5100 {
        let (pre, post, weight) = (below(302), below(397), 1 + below(4));
        let ends = format!("presynapticPopulation='c{pre}' postsynapticPopulation='c{post}'");
        let _ = if index < 4000 {
            let synapse = if below(5) == 0 { "inhibits" } else { "excites" };
            write!(
                text,
                "<continuousProjection id='s{index}' {ends}><continuousConnectionInstanceW id='0' preCell='0' \
                 postCell='0' preComponent='silent' postComponent='{synapse}' weight='{weight}'/></continuousProjection>"
            )
        } else {
            write!(
                text,
                "<electricalProjection id='g{index}' {ends}><electricalConnectionInstanceW id='0' preCell='0' \
                 postCell='0' synapse='gap' weight='{weight}'/></electricalProjection>"
            )
        };
    }
    text.push_str("<explicitInput target='c7[0]' input='pulse'/><explicitInput target='c9[0]' input='pulse'/></network></neuroml>");
    text
}

fn network_step(criterion: &mut Criterion) {
    let text = worm_sized_network();
    let model = Model::from_text(Path::new("bench.nml"), &text).unwrap_or_else(|problems| panic!("{problems}"));
    criterion.bench_function("load 302 + 95 cells", |bencher| {
        bencher.iter(|| Model::from_text(Path::new("bench.nml"), &text));
    });
    for method in [Method::Exponential, Method::Euler] {
        let options = Options { method, ..Options::default() };
        let mut network = Network::compile(&model, &options).unwrap_or_else(|problems| panic!("{problems}"));
        for _ in 0..400 {
            network.step().unwrap_or_else(|failure| panic!("{failure}"));
        }
        criterion.bench_function(&format!("step 302 + 95 cells, {method:?}"), |bencher| {
            bencher.iter(|| network.step());
        });
    }
}

criterion_group!(benches, network_step);
criterion_main!(benches);
