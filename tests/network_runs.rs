//! Networks as a user of the library runs them: accuracy, determinism, checkpoints, ports, failures.

use std::path::Path;

use nematode::network::{Method, Network, Options};
use nematode::neuroml::model::Model;
use nematode::parallel::with_threads;

fn model(body: &str) -> Model {
    let text = format!("<neuroml xmlns='http://www.neuroml.org/schema/neuroml2'>{body}</neuroml>");
    Model::from_text(Path::new("test.nml"), &text).unwrap_or_else(|problems| panic!("{problems}"))
}

fn network(model: &Model, dt: f64, method: Method) -> Network {
    Network::compile(model, &Options { dt, method, seed: 0 }).unwrap_or_else(|problems| panic!("{problems}"))
}

fn run(network: &mut Network, duration: f64) {
    for _ in 0..(duration / network.dt()).round() as u64 {
        network.step().unwrap_or_else(|failure| panic!("{failure}"));
    }
}

fn read(network: &Network, path: &str) -> f64 {
    network.read(network.probe(path).unwrap_or_else(|problem| panic!("{problem}")))
}

/// Two leaky cells without a threshold in reach, 200 pF and 10 nS: a time constant of 20 ms.
const LEAKY: &str =
    "<iafCell id='leaky' leakReversal='-70mV' thresh='1V' reset='-70mV' C='0.2nF' leakConductance='10nS'/>
    <pulseGenerator id='pulse' delay='1ms' duration='50ms' amplitude='50pA'/>
    <gapJunction id='gap' conductance='2nS'/><silentSynapse id='silent'/>
    <gradedSynapse id='graded' conductance='4nS' delta='5mV' Vth='-60mV' k='0.025per_ms' erev='0mV'/>";

/// A cell with the channels of the squid axon: a sphere of 17.84 um, 1000 um².
const SQUID: &str = "<ionChannelPassive id='leak'/>
    <ionChannelHH id='na'><gateHHrates id='m' instances='3'>
        <forwardRate type='HHExpLinearRate' rate='1per_ms' midpoint='-40mV' scale='10mV'/>
        <reverseRate type='HHExpRate' rate='4per_ms' midpoint='-65mV' scale='-18mV'/></gateHHrates>
      <gateHHrates id='h' instances='1'>
        <forwardRate type='HHExpRate' rate='0.07per_ms' midpoint='-65mV' scale='-20mV'/>
        <reverseRate type='HHSigmoidRate' rate='1per_ms' midpoint='-35mV' scale='10mV'/></gateHHrates></ionChannelHH>
    <ionChannelHH id='k'><gateHHrates id='n' instances='4'>
        <forwardRate type='HHExpLinearRate' rate='0.1per_ms' midpoint='-55mV' scale='10mV'/>
        <reverseRate type='HHExpRate' rate='0.125per_ms' midpoint='-65mV' scale='-80mV'/></gateHHrates></ionChannelHH>
    <cell id='squid'><morphology id='shape'><segment id='0'>
        <proximal x='0' y='0' z='0' diameter='17.8412'/><distal x='0' y='0' z='0' diameter='17.8412'/></segment></morphology>
      <biophysicalProperties id='membrane'><membraneProperties>
        <channelDensity id='leak' ionChannel='leak' condDensity='3 S_per_m2' erev='-54.3mV' ion='non_specific'/>
        <channelDensity id='na' ionChannel='na' condDensity='120 mS_per_cm2' erev='50mV' ion='na'/>
        <channelDensity id='k' ionChannel='k' condDensity='360 S_per_m2' erev='-77mV' ion='k'/>
        <spikeThresh value='0mV'/><specificCapacitance value='1 uF_per_cm2'/><initMembPotential value='-65mV'/>
      </membraneProperties><intracellularProperties><resistivity value='0.1 kohm_cm'/></intracellularProperties>
      </biophysicalProperties></cell>
    <pulseGenerator id='pulse' delay='0ms' duration='1s' amplitude='100pA'/>";

fn pair(inside: &str) -> Model {
    model(&format!(
        "{LEAKY}<network id='n'><population id='p' component='leaky' size='2'/>{inside}
         <inputList id='i' population='p' component='pulse'><input id='0' target='../p[0]' destination='synapses'/>
         </inputList></network>"
    ))
}

#[test]
fn a_leaky_cell_under_a_steady_current_is_solved_exactly_at_any_step() {
    // V = E + I/g (1 − e^(−t/τ)); exact up to rounding and the 1e-6 of a step by which the first look is inside it.
    let steady = "<pulseGenerator id='steady' delay='0ms' duration='50ms' amplitude='50pA'/>";
    for dt in [1e-5, 1e-3] {
        let text = format!(
            "{LEAKY}{steady}<network id='n'><population id='p' component='leaky' size='2'/>
             <explicitInput target='p[0]' input='steady'/></network>"
        );
        let mut network = network(&model(&text), dt, Method::Exponential);
        run(&mut network, 0.020);
        let exact = -0.070 + 0.005 * (1.0 - (-0.020f64 / 0.020).exp());
        let error = read(&network, "p[0]/v") - exact;
        assert!(error.abs() < 1e-12, "{error} V off in steps of {dt} s");
        assert!(
            (read(&network, "p/1/leaky/v") + 0.070).abs() < 1e-13,
            "a cell at rest stays at rest, but for rounding"
        );
    }
}

#[test]
fn the_error_falls_with_the_power_of_the_step_that_each_method_claims() {
    let model = model(&format!(
        "{SQUID}<network id='n'><population id='p' component='squid' size='1'/>
         <explicitInput target='p[0]' input='pulse'/></network>"
    ));
    let at = |dt: f64, method: Method| {
        let mut network = network(&model, dt, method);
        run(&mut network, 0.002);
        read(&network, "p/v")
    };
    let fine = at(1e-6, Method::RungeKutta);
    let error = |dt: f64, method: Method| (at(dt, method) - fine).abs();
    let order = |method: Method| (error(4e-5, method) / error(1e-5, method)).log2() / 2.0;
    // The order is asymptotic: within 0.3 of it at these steps.
    assert!((order(Method::Exponential) - 2.0).abs() < 0.3, "order {}", order(Method::Exponential));
    assert!((order(Method::Euler) - 1.0).abs() < 0.3, "order {}", order(Method::Euler));
    assert!((order(Method::RungeKutta) - 4.0).abs() < 0.3, "order {}", order(Method::RungeKutta));
}

#[test]
fn a_gap_junction_takes_from_one_cell_what_it_gives_to_the_other() {
    let model = pair(
        "<electricalProjection id='e' presynapticPopulation='p' postsynapticPopulation='p'>
         <electricalConnectionInstanceW id='0' preCell='../p/0/leaky' postCell='../p/1/leaky' synapse='gap' weight='2'/>
         </electricalProjection>",
    );
    let mut network = network(&model, 1e-5, Method::Exponential);
    run(&mut network, 0.1);
    // The sum of both voltages obeys the equation of one cell with half the current: nothing is lost between them.
    // Tolerance: the coupling is explicit and of second order, (dt/τ)² = 2.5e-7.
    let (a, b) = (read(&network, "p[0]/v") + 0.070, read(&network, "p[1]/v") + 0.070);
    let sum = 0.005 * (1.0 - (-2.5f64).exp()) * (-(0.1 - 0.051f64) / 0.020).exp();
    assert!(((a + b) / sum - 1.0).abs() < 2.5e-7, "{} {sum}", a + b);
    assert!(a > b);
}

#[test]
fn a_graded_synapse_follows_the_voltage_of_its_peer() {
    let model = pair(
        "<continuousProjection id='c' presynapticPopulation='p' postsynapticPopulation='p'>
         <continuousConnectionInstanceW id='0' preCell='../p/0/leaky' postCell='../p/1/leaky' preComponent='silent'
          postComponent='graded' weight='1'/></continuousProjection>",
    );
    let voltage = |dt| {
        let mut network = network(&model, dt, Method::Exponential);
        run(&mut network, 0.040);
        read(&network, "p[1]/v")
    };
    let (coarse, fine) = (voltage(1e-4), voltage(1e-6));
    assert!(fine > -0.069, "the synapse depolarises: {fine}");
    // Second order at 0.1 ms with a synapse of tens of ms: far below a microvolt.
    assert!((coarse - fine).abs() < 1e-7, "{coarse} {fine}");
}

#[test]
fn synapses_of_one_peer_share_one_state_whatever_cells_they_feed() {
    let synapse = |id: usize, post: usize, weight: usize, component: &str| {
        format!(
            "<continuousConnectionInstanceW id='{id}' preCell='0' postCell='{post}' preComponent='silent'
              postComponent='{component}' weight='{weight}'/>"
        )
    };
    let slow = "<gradedSynapse id='slow' conductance='4nS' delta='5mV' Vth='-60mV' k='0.005per_ms' erev='0mV'/>
        <gradedSynapse id='shunts' conductance='4nS' delta='5mV' Vth='-60mV' k='0.025per_ms' erev='-70mV'/>";
    let network_of = |connections: &str| {
        let model = model(&format!(
            "{LEAKY}{slow}<network id='n'><population id='p' component='leaky' size='3'/>
             <continuousProjection id='c' presynapticPopulation='p' postsynapticPopulation='p'>{connections}
             </continuousProjection><explicitInput target='p[0]' input='pulse'/></network>"
        ));
        network(&model, 5e-5, Method::Exponential)
    };
    // Another reversal potential leaves the state alone; another rate does not.
    let together = [(1, 1, "graded"), (2, 3, "graded"), (2, 1, "shunts"), (1, 1, "slow")];
    let text: String = together.iter().enumerate().map(|(id, (post, w, name))| synapse(id, *post, *w, name)).collect();
    let mut all = network_of(&text);
    let mut alone = network_of(&synapse(0, 1, 1, "slow"));
    let none = network_of("").state().len();
    let of_one = alone.state().len() - none;
    assert_eq!(all.state().len() - none, 2 * of_one, "one state for graded and shunts, one for slow");
    run(&mut all, 0.04);
    run(&mut alone, 0.04);
    assert_eq!(read(&all, "p[1]/graded/s").to_bits(), read(&all, "p[2]/shunts/s").to_bits());
    assert_eq!(read(&all, "p[1]/slow/s").to_bits(), read(&alone, "p[1]/slow/s").to_bits());
    assert!(read(&all, "p[1]/slow/s") < read(&all, "p[1]/graded/s"), "it opens more slowly");
    assert!(read(&all, "p[2]/graded/i") != read(&all, "p[1]/graded/i"), "each feeds its own cell");
}

#[test]
fn spikes_travel_with_delay_and_weight() {
    let model = model(
        "<iafCell id='fires' leakReversal='-50mV' thresh='-55mV' reset='-70mV' C='0.2nF' leakConductance='10nS'/>
         <iafCell id='hears' leakReversal='-70mV' thresh='1V' reset='-70mV' C='0.2nF' leakConductance='10nS'/>
         <expOneSynapse id='s' gbase='1nS' erev='0mV' tauDecay='5ms'/>
         <network id='n'><population id='a' component='fires' size='1'/><population id='b' component='hears' size='2'/>
         <projection id='x' presynapticPopulation='a' postsynapticPopulation='b' synapse='s'>
         <connectionWD id='0' preCellId='../a[0]' postCellId='../b[0]' weight='1' delay='2ms'/>
         <connectionWD id='1' preCellId='../a[0]' postCellId='../b[1]' weight='3' delay='0ms'/></projection></network>",
    );
    let mut network = network(&model, 1e-5, Method::Exponential);
    run(&mut network, 1e-5);
    let spikes = network.drain_spikes();
    assert_eq!(spikes.len(), 1, "it starts above threshold");
    let heard = network.probe("b[0]/s/g").expect("a synapse");
    assert!((read(&network, "b[1]/s/g") / 3e-9 - 1.0).abs() < 1e-15, "rounding of 3 × 1 nS");
    assert_eq!(network.read(heard), 0.0);
    run(&mut network, 2e-3);
    assert_eq!(network.read(heard), 1e-9);
}

#[test]
fn a_stretch_receptor_feeds_its_cell_with_what_the_body_writes() {
    let mut model = pair("");
    let id = model.add_component("<stretchReceptor id='stretch' gain='100pA' saturation='20pA'/>").expect("added");
    model.attach_input(&id, "p", 1, 1.0).expect("attached");
    assert!(model.attach_input(&id, "p", 2, 1.0).is_err());
    assert!(model.attach_input(&id, "q", 0, 1.0).is_err());
    assert!(model.add_component("<stretchReceptor id='stretch' gain='1pA' saturation='1pA'/>").is_err());
    let mut network = network(&model, 1e-4, Method::Exponential);
    let port = network.port("p[1]/stretch/stretch").expect("a port");
    assert!(network.port("p[1]/v").is_err(), "a voltage has a rate of its own");
    network.write(port, 0.1);
    run(&mut network, 1.0);
    // 10 pA / 10 nS = 1 mV above rest, fifty time constants later.
    assert!((read(&network, "p[1]/v") + 0.069).abs() < 1e-12);
    network.write(port, -5.0);
    run(&mut network, 1.0);
    assert!((read(&network, "p[1]/v") + 0.072).abs() < 1e-12, "cut off at 20 pA");
}

#[test]
fn one_thread_and_eight_give_the_same_bits_and_so_does_a_restart() {
    let model = pair(
        "<electricalProjection id='e' presynapticPopulation='p' postsynapticPopulation='p'>
         <electricalConnection id='0' preCell='0' postCell='1' synapse='gap'/></electricalProjection>
         <continuousProjection id='c' presynapticPopulation='p' postsynapticPopulation='p'>
         <continuousConnection id='0' preCell='0' postCell='1' preComponent='silent' postComponent='graded'/>
         </continuousProjection>",
    );
    let bits = |threads| {
        with_threads(threads, || {
            let mut network = network(&model, 5e-5, Method::Exponential);
            run(&mut network, 0.05);
            network.state().iter().map(|value| value.to_bits()).collect::<Vec<u64>>()
        })
    };
    let one = bits(1);
    assert_eq!(one, bits(2));
    assert_eq!(one, bits(8));
    let mut first = network(&model, 5e-5, Method::Exponential);
    run(&mut first, 0.02);
    let mut second = network(&model, 5e-5, Method::Exponential);
    second.restore(&first.state()).expect("the same network");
    run(&mut second, 0.03);
    assert_eq!(one, second.state().iter().map(|value| value.to_bits()).collect::<Vec<u64>>());
    assert!(second.restore(&[1.0]).is_err());
}

#[test]
fn a_seed_is_a_train_of_spikes_and_a_restart_draws_on() {
    let model = model(
        "<spikeGeneratorPoisson id='noisy' averageRate='200Hz'/>
         <network id='n'><population id='a' component='noisy' size='3'/></network>",
    );
    let with_seed = |seed| {
        let options = Options { dt: 1e-4, seed, ..Options::default() };
        Network::compile(&model, &options).unwrap_or_else(|problems| panic!("{problems}"))
    };
    let train = |network: &mut Network, duration: f64| -> Vec<(usize, u64)> {
        run(network, duration);
        network.drain_spikes().iter().map(|spike| (spike.cell, spike.time.to_bits())).collect()
    };
    let whole = train(&mut with_seed(1), 0.4);
    // 3 cells × 200 Hz × 0.4 s = 240 spikes, ± 15.5; within four of these.
    assert!((178..=302).contains(&whole.len()), "{} spikes", whole.len());
    assert_ne!(whole, train(&mut with_seed(2), 0.4));
    let mut first = with_seed(1);
    let mut parts = train(&mut first, 0.1);
    let mut second = with_seed(1);
    second.restore(&first.state()).expect("the same network");
    parts.extend(train(&mut second, 0.3));
    assert_eq!(whole, parts);
}

#[test]
fn a_state_that_is_no_number_is_named_with_its_cell_and_its_last_value() {
    let model = model(
        "<ComponentType name='bad' extends='baseCellMembPot'><Constant name='S' dimension='time' value='1s'/><Dynamics>
         <StateVariable name='v' exposure='v' dimension='voltage'/><StateVariable name='x' dimension='none'/>
         <TimeDerivative variable='x' value='-1/S'/><TimeDerivative variable='v' value='v*sqrt(x)/S'/>
         <OnStart><StateAssignment variable='x' value='0.01'/></OnStart></Dynamics></ComponentType>
         <Component id='b' type='bad'/><network id='n'><population id='AVBL' component='b' size='1'/></network>",
    );
    let mut network = network(&model, 1e-3, Method::Exponential);
    let failure = (0..100).find_map(|_| network.step().err()).expect("√x of a negative x");
    let text = failure.to_string();
    assert!(text.contains("membrane potential of AVBL is not a number (was 0 V one step before)"), "{text}");
    assert!(failure.time > 0.008 && failure.time < 0.013, "{text}");
}

#[test]
fn paths_lead_to_gates_and_a_wrong_step_is_named() {
    let model = model(&format!("{SQUID}<network id='n'><population id='AVBL' component='squid' size='1'/></network>"));
    let network = network(&model, 1e-5, Method::Exponential);
    // n∞ of Hodgkin and Huxley at rest: 0.3177.
    let n = read(&network, "AVBL/0/squid/membrane/membraneProperties/k/k/n/q");
    assert!((n - 0.3177).abs() < 1e-4, "{n}");
    assert!((read(&network, "AVBL/surfaceArea") - 1e-9).abs() < 1e-14);
    for (path, wanted) in [
        ("AVBR/v", "nearest: \"AVBL\""),
        ("AVBL/w", "no variable \"w\""),
        ("AVBL/0/squid/membrain/x", "did you mean \"membrane\"?"),
        ("AVBL[3]/v", "no cell 3"),
        ("", "no quantity"),
    ] {
        let problem = network.probe(path).expect_err(path).to_string();
        assert!(problem.contains(wanted), "{path}: {problem}");
    }
}

#[test]
fn a_run_has_the_bits_written_here_on_every_machine() {
    // Changes only with a change of an equation, of the integrator or of exp; say in the commit which one was meant.
    const BITS: u64 = 0x8879_0bb0_ba6a_ac91;
    let model = model(&format!(
        "{SQUID}<silentSynapse id='silent'/>
         <gradedSynapse id='graded' conductance='4nS' delta='5mV' Vth='-40mV' k='0.025per_ms' erev='0mV'/>
         <network id='n'><population id='p' component='squid' size='70'/><explicitInput target='p[0]' input='pulse'/>
         <continuousProjection id='c' presynapticPopulation='p' postsynapticPopulation='p'>
         <continuousConnection id='0' preCell='0' postCell='69' preComponent='silent' postComponent='graded'/>
         </continuousProjection></network>"
    ));
    let mut network = network(&model, 2e-5, Method::Exponential);
    run(&mut network, 0.03);
    assert!(read(&network, "p[69]/v") != read(&network, "p[1]/v"), "the synapse speaks");
    // FNV-1a over the bytes of all states.
    let bytes = network.state().into_iter().flat_map(f64::to_le_bytes).collect::<Vec<u8>>();
    let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(*b)).wrapping_mul(0x0100_0000_01b3));
    assert_eq!(hash, BITS, "found {hash:#018x}");
}

#[test]
fn a_cell_that_lacks_a_part_is_named_where_it_stands() {
    let model = model(
        "<ionChannelPassive id='leak'/><cell id='bare'><morphology id='m'><segment id='0'>
         <distal x='0' y='0' z='0' diameter='5'/></segment></morphology></cell>
         <network id='n'><population id='p' component='bare' size='1'/></network>",
    );
    let problems = Network::compile(&model, &Options::default()).expect_err("no membrane");
    let text = problems.to_string();
    assert!(text.starts_with("test.nml:1:") && text.contains("\"bare\""), "{text}");
}
