"""Writes the cases of this folder: a LEMS file, what it must give, and how near to it.

Every reference is computed here, from the equations as they stand below and not by nematode: in closed form where
there is one, else by LSODA (scipy) at a relative tolerance of 1e-10, restarted at every jump. The format is that of
the suite that tests/conformance.rs also runs. Needs numpy and scipy:  python3 tests/conformance/make.py
"""

import json
from pathlib import Path

import numpy as np
from scipy.integrate import solve_ivp

HERE = Path(__file__).parent
MS, MV, NS, PA, NF = 1e-3, 1e-3, 1e-9, 1e-12, 1e-9
CELL = '<iafCell id="pas" leakReversal="-70mV" thresh="100mV" reset="-70mV" C="0.2nF" leakConductance="10nS"/>'
ARRAY = '<spikeArray id="arr"><spike id="0" time="10ms"/><spike id="1" time="30ms"/><spike id="2" time="35ms"/></spikeArray>'
TIMES = [10 * MS, 30 * MS, 35 * MS]


def case(name, body, columns, checks, table=None, events=None, crossings=None, exclude=(), length=100, step=0.01,
         spikes=None, target="net1", note=""):
    """One folder. `table` is a function of times [s] that gives the columns in order."""
    folder = HERE / name
    folder.mkdir(exist_ok=True)
    includes = "".join(f'  <Include file="{core}.xml"/>\n' for core in ["Cells", "Networks", "PyNN", "Simulation"])
    output = "".join(f'      <OutputColumn id="{c}" quantity="{path}"/>\n' for c, path in columns.items())
    output = f'    <OutputFile id="of" fileName="out.dat">\n{output}    </OutputFile>\n'
    if spikes:
        lines = "".join(f'      <EventSelection id="{i}" select="{path}" eventPort="spike"/>\n' for i, path in spikes.items())
        output += f'    <EventOutputFile id="ef" fileName="out.spikes" format="ID_TIME">\n{lines}    </EventOutputFile>\n'
    (folder / f"LEMS_{name}.xml").write_text(
        f'<Lems>\n  <Target component="sim1"/>\n{includes}{body.strip()}\n'
        f'  <Simulation id="sim1" length="{length}ms" step="{step}ms" target="{target}">\n{output}  </Simulation>\n</Lems>\n')
    (folder / "case.json").write_text(json.dumps({
        "id": name, "lems": f"LEMS_{name}.xml", "columns": list(columns), "length_ms": length, "step_ms": step,
        "checks": checks, "note": note}, indent=1) + "\n")
    (folder / "expect.json").write_text(json.dumps({
        "events": events or {}, "crossings": crossings or {}, "exclude": list(exclude), "tsv_columns": list(columns)}) + "\n")
    if table is not None:
        times = np.linspace(0, length * MS, 201)
        rows = np.column_stack([times, *table(times)])
        (folder / "expect.tsv").write_text("".join("\t".join(f"{x:.10g}" for x in row) + "\n" for row in rows))


def trace(column, tolerance, **more):
    return {"type": "trace", "col": column, "tol_abs": tolerance, **more}


def integrate(f, start, jumps=(), length=0.1):
    """Solves x' = f(t, x); at each time of `jumps` x becomes jump(x). Gives a function of times."""
    pieces, at, x = [], 0.0, np.array(start, float)
    for time, jump in [*sorted(jumps, key=lambda j: j[0]), (length, None)]:
        if time > at:
            piece = solve_ivp(f, (at, time), x, method="LSODA", rtol=1e-10, atol=1e-16, dense_output=True, max_step=1e-4)
            pieces.append((at, time, piece.sol))
            x = piece.y[:, -1]
        if jump is not None:
            x = jump(x)
        at = time

    def read(times):
        values = np.empty((len(start), len(times)))
        for begin, end, solution in pieces:
            inside = (times >= begin) & (times <= end)
            if inside.any():
                values[:, inside] = solution(times[inside])
        return values
    return read


def network(populations, rest=""):
    return f'<network id="net1">{populations}{rest}</network>'


def passive(v, current):
    return (10 * NS * (-70 * MV - v) + current) / (0.2 * NF)


def waveform(rise, decay):
    peak = np.log(decay / rise) * rise * decay / (decay - rise)
    return 1 / (np.exp(-peak / decay) - np.exp(-peak / rise))


def synapses():
    """Synapses on a passive cell."""
    spiking = '<population id="src" component="arr" size="1"/><population id="p" component="pas" size="1"/>'
    connection = '<synapticConnection from="src[0]" to="p[0]" synapse="s" destination="synapses"/>'
    w = waveform(1 * MS, 5 * MS)

    def stdp(t, x):
        v, a, b = x
        return [passive(v, 2 * NS * (b - a) * -v), -a / MS, -b / (5 * MS)]
    solved = integrate(stdp, [-70 * MV, 0, 0], [(t, lambda x: x + [0, w, w]) for t in TIMES])
    since = lambda times: np.select([times < t for t in TIMES], [1000 + times, times - TIMES[0], times - TIMES[1]], times - TIMES[2])
    case("stdp", f'{CELL}{ARRAY}<stdpSynapse id="s" gbase="2nS" erev="0mV" tauRise="1ms" tauDecay="5ms"/>{network(spiking, connection)}',
         {"v": "p[0]/v", "tsince": "p[0]/synapses:s:0/tsince"}, [trace("v", 2e-7), trace("tsince", 2e-8, win=0.25)],
         lambda times: [solved(times)[0], since(times)], exclude=[10, 30, 35])

    def depressing(t, x):
        v, a, b, r = x
        return [passive(v, 2 * NS * (b - a) * -v), -a / MS, -b / (5 * MS), (1 - r) / (120 * MS)]

    def release(x):
        u = 0.5
        return np.array([x[0], x[1] + w * u * x[3], x[2] + w * u * x[3], x[3] * (1 - u)])
    solved = integrate(depressing, [-70 * MV, 0, 0, 1], [(t, release) for t in TIMES])
    mechanism = '<tsodyksMarkramDepMechanism id="dep" initReleaseProb="0.5" tauRec="120 ms"/>'
    case("stp_depression", f'{CELL}{ARRAY}<blockingPlasticSynapse id="s" gbase="2nS" erev="0mV" tauRise="1ms" tauDecay="5ms">'
         f'{mechanism}</blockingPlasticSynapse>{network(spiking, connection)}', {"v": "p[0]/v"}, [trace("v", 2e-7)],
         lambda times: [solved(times)[0]], exclude=[10, 30, 35])

    def timed(t, x):
        return [passive(x[0], 2 * x[1] * -x[0]), -x[1] / (2 * MS)]
    # Between the steps of 0.01 ms, and two within one step.
    times = [4.003 * MS, 20.0061 * MS, 20.0064 * MS, 50 * MS]
    solved = integrate(timed, [-70 * MV, 0], [(t, lambda x: x + [0, 1 * NS]) for t in times])
    spikes = "".join(f'<spike id="{i}" time="{t / MS:.10g}ms"/>' for i, t in enumerate(times))
    case("timed_synaptic_input", f'{CELL}<expOneSynapse id="ampa" gbase="1nS" erev="0mV" tauDecay="2ms"/>'
         f'<timedSynapticInput id="in" synapse="ampa" spikeTarget="./ampa">{spikes}</timedSynapticInput>'
         + network('<population id="p" component="pas" size="1"/>',
                   '<inputList id="l" component="in" population="p"><inputW id="0" target="../p[0]" destination="synapses" weight="2"/></inputList>'),
         {"v": "p[0]/v"}, [trace("v", 7e-6)], lambda times: [solved(times)[0]],
         note="two spikes within a step arrive at its end, 4 us late: 2 x 2 nS x 70 mV / 0.2 nF x 4 us = 5.6 uV")

    # Weights in uS and nA; one spike of each kind at 10, 30 and 35 ms.
    def pynn(t, x):
        v, g, ag, aa, i, ai, aj = x
        V = v / MV
        current = (g * (0 - V) + ag * (-80 - V) + i + ai) * 1e-9
        tau = 5 * MS
        return [1e-3 / 1e-3 * (-65 - V) / 20 * MV / MS + current / 1e-9, -g / (2 * MS), (np.e * aa - ag) / tau, -aa / tau,
                -i / (3 * MS), (np.e * aj - ai) / tau, -aj / tau]
    jump = lambda x: x + [0, 0.004, 0, 0.002, 0.1, 0, -0.05]
    solved = integrate(pynn, [-65 * MV, 0, 0, 0, 0, 0, 0], [(t, jump) for t in TIMES])
    cell = ('<IF_cond_exp id="pyr" cm="1" i_offset="0" tau_m="20" tau_refrac="1" tau_syn_E="5" tau_syn_I="5" v_init="-65" '
            'v_reset="-65" v_rest="-65" v_thresh="100" e_rev_E="0" e_rev_I="-80"/>')
    kinds = ('<expCondSynapse id="ec" tau_syn="2" e_rev="0"/><alphaCondSynapse id="ac" tau_syn="5" e_rev="-80"/>'
             '<expCurrSynapse id="ei" tau_syn="3"/><alphaCurrSynapse id="ai" tau_syn="5"/>')
    rest = "".join(f'<projection id="{s}p" presynapticPopulation="src" postsynapticPopulation="p" synapse="{s}"><connectionWD id="0" '
                   f'preCellId="../src[0]" postCellId="../p[0]" weight="{w}" delay="0ms"/></projection>'
                   for s, w in [("ec", 0.004), ("ac", 0.002), ("ei", 0.1), ("ai", -0.05)])
    case("pynn_synapses", cell + kinds + ARRAY + network(spiking.replace("pas", "pyr"), rest), {"v": "p[0]/v"},
         [trace("v", 2e-7)], lambda times: [solved(times)[0]], exclude=[10, 30, 35])

    # 400 trains of 50 Hz for 60 ms: the mean of v, within five standard deviations of what so many trains give.
    rate, gbase, tau = 400 * 50.0, 0.02 * NS, 2 * MS

    def mean(t, x):
        inside = 20 * MS <= t < 80 * MS
        return [passive(x[0], x[1] * -x[0]), -x[1] / tau + (rate * gbase if inside else 0)]
    solved = integrate(mean, [-70 * MV, 0], [(20 * MS, lambda x: x), (80 * MS, lambda x: x)])
    inputs = "".join(f'<input id="{i}" target="../p[0]" destination="synapses"/>' for i in range(400))
    case("transient_poisson", f'{CELL}<expOneSynapse id="ampa" gbase="0.02nS" erev="0mV" tauDecay="2ms"/>'
         '<transientPoissonFiringSynapse id="in" delay="20ms" duration="60ms" averageRate="50Hz" synapse="ampa" spikeTarget="./ampa"/>'
         + network('<population id="p" component="pas" size="1"/>', f'<inputList id="l" component="in" population="p">{inputs}</inputList>'),
         {"v": "p[0]/v"}, [trace("v", 8e-4)], lambda times: [solved(times)[0]],
         note="Campbell: sd(v) = g (0 - v) sqrt(rate tau_m tau^2 / 2 / (tau + tau_m)) / C ... is 0.15 mV; five of them")


def cells():
    """Cells of PyNN and others."""
    eif = dict(a=4.0, b=0.08, cm=0.281, delta_T=2.0, i_offset=0.8, tau_m=9.3667, tau_refrac=2.0, tau_w=144.0, v_init=-70.6,
               v_reset=-70.6, v_rest=-70.6, v_spike=-40.0, v_thresh=-50.4)

    def adapt(t, x, p=eif):
        V, w = x
        return [((p["v_rest"] - V + p["delta_T"] * np.exp((V - p["v_thresh"]) / p["delta_T"])) / p["tau_m"] + (p["i_offset"] - w) / p["cm"]) / MS,
                (p["a"] * 1e-3 * (V - p["v_rest"]) - w) / (p["tau_w"] * MS)]
    spikes, at, x = [], 0.0, [eif["v_init"], 0.0]
    peak = lambda t, x: x[0] - eif["v_spike"]
    peak.terminal, peak.direction = True, 1
    while at < 0.3:
        free = solve_ivp(adapt, (at, 0.3), x, method="LSODA", rtol=1e-10, atol=1e-12, events=peak, max_step=1e-3)
        if not len(free.t_events[0]):
            break
        at, w = free.t_events[0][0], free.y_events[0][0][1] + eif["b"]
        spikes.append(at / MS)
        # v rests for tau_refrac while w goes on.
        end = at + eif["tau_refrac"] * MS
        w = solve_ivp(lambda t, w: adapt(t, [eif["v_reset"], w[0]])[1:], (at, end), [w], method="LSODA", rtol=1e-10, atol=1e-14).y[0, -1]
        at, x = end, [eif["v_reset"], w]
    given = " ".join(f'{k}="{v * 1e-3 if k == "a" else v}"' for k, v in eif.items())
    case("pynn_eif", f'<EIF_cond_exp_isfa_ista id="c" {given} tau_syn_E="5" tau_syn_I="5" e_rev_E="0" e_rev_I="-80"/>'
         + network('<population id="p" component="c" size="1"/>'), {"v": "p[0]/v"},
         [{"type": "events", "id": "0", "tol_ms": 0.05}], events={"0": spikes}, spikes={"0": "p[0]"}, length=300,
         note="a regime ends at the first step after tau_refrac: up to a step of 0.01 ms later for each of the spikes")

    # 200 sources that are silent for 20 ms and after 80 ms: 60 of 100 ms at 50 Hz.
    case("pynn_poisson", '<SpikeSourcePoisson id="c" start="20ms" duration="60ms" rate="50Hz"/>'
         + network('<population id="p" component="c" size="200"/>'), {"tsince": "p[0]/tsince"},
         [{"type": "rate", "ids": [0, 200], "rate": 30.0, "nsigma": 4}], spikes={str(i): f"p[{i}]" for i in range(200)})

    def traub(t, x):
        V, m, h, n = x
        u = V + 63
        am, bm = 0.32 * (13 - u) / np.expm1((13 - u) / 4), 0.28 * (u - 40) / np.expm1((u - 40) / 5)
        ah, bh = 0.128 * np.exp((17 - u) / 18), 4 / (1 + np.exp((40 - u) / 5))
        an, bn = 0.032 * (15 - u) / np.expm1((15 - u) / 5), 0.5 * np.exp((10 - u) / 40)
        ion = 0.01 * (-65 - V) + 20 * m**3 * h * (50 - V) + 6 * n**4 * (-90 - V)
        return np.array([(ion + 0.5) / 0.2, am * (1 - m) - bm * m, ah * (1 - h) - bh * h, an * (1 - n) - bn * n]) / MS
    zero = lambda t, x: x[0]
    zero.direction = 1
    solved = solve_ivp(traub, (0, 0.1), [-65, 0, 0, 0], method="LSODA", rtol=1e-10, atol=1e-12, events=zero, max_step=1e-4)
    case("pynn_hh", '<HH_cond_exp id="c" cm="0.2" e_rev_E="0" e_rev_I="-80" e_rev_K="-90" e_rev_Na="50" e_rev_leak="-65" g_leak="0.01" '
         'gbar_K="6" gbar_Na="20" i_offset="0.5" tau_syn_E="0.2" tau_syn_I="2" v_init="-65" v_offset="-63"/>'
         + network('<population id="p" component="c" size="1"/>'), {"v": "p[0]/v"}, [{"type": "events", "id": "0", "tol_ms": 0.05}],
         events={"0": list(solved.t_events[0] / MS)}, spikes={"0": "p[0]"},
         note="the eighth spike is 0.034 ms off at 0.01 ms, 0.009 ms at 0.005 ms, 0.002 ms at 0.0025 ms: second order")

    def rose(t, x):
        x, y, z = x
        return np.array([y - x**3 + 3 * x**2 - z + 2.0, 1 - 5 * x**2 - y, 0.002 * (4 * (x + 1.6) - z)]) / MS
    solved = integrate(rose, [-1.3, -7.5, 1.9], length=0.3)
    case("hindmarsh_rose", '<hindmarshRose1984Cell id="c" C="1nF" a="1" b="3" c="1" d="5" r="0.002" s="4" x1="-1.6" x0="-1.3" y0="-7.5" z0="1.9" '
         'v_scaling="1mV"/><pulseGenerator id="in" delay="0ms" duration="10s" amplitude="2nA"/>'
         + network('<population id="p" component="c" size="1"/>', '<explicitInput target="p[0]" input="in"/>'),
         {"v": "p[0]/v", "z": "p[0]/z"}, [trace("v", 4e-4), trace("z", 4e-3)],
         lambda times: [solved(times)[0] * MV, solved(times)[2]], length=300,
         note="the scheme is of second order: 0.24 mV at 0.01 ms, 0.06 mV at 0.005 ms, 0.015 mV at 0.0025 ms")

    # DL inputs add up to one number that moves a cell of a user's own type.
    def sum_of_inputs(t):
        pulse = 2.0 if 10 * MS <= t < 50 * MS else 0.0
        sine = 3 * np.sin(0.5 + 2 * np.pi * (t - 20 * MS) / (25 * MS)) if 20 * MS <= t < 80 * MS else 0.0
        ramp = 1 + 4 * (t - 30 * MS) / (40 * MS) if 30 * MS <= t < 70 * MS else -1.0
        return pulse + sine + ramp
    edges = [(t * MS, lambda x: x) for t in [10, 20, 30, 50, 70, 80]]
    solved = integrate(lambda t, x: [(2 * sum_of_inputs(t + 1e-12 if t < 0.05 else t - 1e-12) - x[0]) / (10 * MS)], [0], edges)
    case("inputs_dl", '<ComponentType name="Leaky" extends="baseCellMembPotDL"><Parameter name="tau" dimension="time"/>'
         '<Attachments name="synapses" type="basePointCurrentDL"/><Dynamics><StateVariable name="V" exposure="V" dimension="none"/>'
         '<DerivedVariable name="I" dimension="none" select="synapses[*]/I" reduce="add"/><TimeDerivative variable="V" value="(I - V) / tau"/>'
         '</Dynamics></ComponentType><Leaky id="c" tau="10ms"/><compoundInputDL id="in"><pulseGeneratorDL id="a" delay="10ms" duration="40ms" '
         'amplitude="2"/><sineGeneratorDL id="b" phase="0.5" delay="20ms" duration="60ms" amplitude="3" period="25ms"/><rampGeneratorDL id="c" '
         'delay="30ms" duration="40ms" startAmplitude="1" finishAmplitude="5" baselineAmplitude="-1"/></compoundInputDL>'
         + network('<population id="p" component="c" size="1"/>', '<inputList id="l" component="in" population="p"><inputW id="0" target="../p[0]" '
                   'destination="synapses" weight="2"/></inputList>'),
         {"V": "p[0]/V"}, [trace("V", 2e-4)], lambda times: [solved(times)[0]])


def channels():
    """Gates and kinetic schemes, driven by a voltage clamp of three levels."""
    sigmoid = lambda v, mid, scale: 1 / (1 + np.exp((mid - v) / scale))
    clamp = ('<voltageClampTriple id="clamp" active="1" delay="20ms" duration="40ms" conditioningVoltage="-80mV" testingVoltage="0mV" '
             'returnVoltage="-40mV" simpleSeriesResistance="1Mohm"/>')
    held = lambda t: -80 * MV if t < 20 * MS else 0.0 if t < 60 * MS else -40 * MV
    edges = [(20 * MS, lambda x: x), (60 * MS, lambda x: x)]
    cell = ('<pointCellCondBased id="c" C="10pF" v0="-80mV" thresh="100mV"><channelPopulation id="cp" ionChannel="ch" number="100" '
            'erev="50mV" ion="na"/></pointCellCondBased>')
    rest = network('<population id="p" component="c" size="1"/>', '<explicitInput target="p[0]" input="clamp"/>')

    def fractional(t, x):
        v, a, b = x
        g = 100 * 10e-12 * (0.3 * a + 0.7 * b) ** 2
        h = held(t + (1e-12 if t < 0.05 else -1e-12)) if abs(t - 0.02) > 1e-11 else held(t)
        return [(g * (50 * MV - v) + (h - v) / 1e6) / 10e-12, (sigmoid(v, -30 * MV, 8 * MV) - a) / (2 * MS), (sigmoid(v, -20 * MV, 5 * MV) - b) / (9 * MS)]
    start = [-80 * MV, sigmoid(-80 * MV, -30 * MV, 8 * MV), sigmoid(-80 * MV, -20 * MV, 5 * MV)]
    pieces = integrate(fractional, start, edges)
    sub = lambda i, share, tau, mid, scale: (
        f'<subGate id="{i}" fractionalConductance="{share}"><steadyState type="HHSigmoidVariable" rate="1" midpoint="{mid}mV" scale="{scale}mV"/>'
        f'<timeCourse type="fixedTimeCourse" tau="{tau}ms"/></subGate>')
    case("gate_fractional", f'<ionChannelHH id="ch" conductance="10pS"><gateFractional id="q" instances="2">{sub("a", 0.3, 2, -30, 8)}'
         f'{sub("b", 0.7, 9, -20, 5)}</gateFractional></ionChannelHH>{cell}{clamp}{rest}',
         {"q": "p[0]/cp/ch/q/q", "fcond": "p[0]/cp/ch/q/fcond"}, [trace("q", 1e-5, win=0.25), trace("fcond", 1e-5, win=0.25)],
         lambda times: [0.3 * pieces(times)[1] + 0.7 * pieces(times)[2], (0.3 * pieces(times)[1] + 0.7 * pieces(times)[2]) ** 2],
         exclude=[20, 60], step=0.0005, note="the clamp settles in 10 us, twenty steps; a jump that settles within a step reaches the gates "
         "half a step late")

    # Two states and the open one; vHalf between the first two, tau and inf between the last.
    def scheme(t, x):
        v, c2, o = x
        c1 = 1 - c2 - o
        g = 100 * 10e-12 * o
        h = held(t + (1e-12 if t < 0.05 else -1e-12)) if abs(t - 0.02) > 1e-11 else held(t)
        there = 1 / (3 * MS * np.exp(-2 * 0.4 * (v + 30 * MV) / (25.3 * MV)) + 0.5 * MS)
        back = 1 / (3 * MS * np.exp(2 * 0.6 * (v + 30 * MV) / (25.3 * MV)) + 0.5 * MS)
        inf = sigmoid(v, -25 * MV, 6 * MV)
        f1, f2 = there * c1 - back * c2, inf / (4 * MS) * c2 - (1 - inf) / (4 * MS) * o
        return [(g * (50 * MV - v) + (h - v) / 1e6) / 10e-12, f1 - f2, f2]
    pieces2 = integrate(scheme, [-80 * MV, 0, 0], edges)
    case("ks_variants", '<ionChannelKS id="ch" conductance="10pS"><gateKS id="q" instances="1"><closedState id="c1"/><closedState id="c2"/>'
         '<openState id="o"/><vHalfTransition id="t1" from="c1" to="c2" vHalf="-30mV" z="2" gamma="0.4" tau="3ms" tauMin="0.5ms"/>'
         '<tauInfTransition id="t2" from="c2" to="o"><steadyState type="HHSigmoidVariable" rate="1" midpoint="-25mV" scale="6mV"/>'
         f'<timeCourse type="fixedTimeCourse" tau="4ms"/></tauInfTransition></gateKS></ionChannelKS>{cell}{clamp}{rest}',
         {"q": "p[0]/cp/ch/q/q"}, [trace("q", 2e-5, win=0.25)], lambda times: [pieces2(times)[2]], exclude=[20, 60], step=0.0005,
         note="the clamp settles in 10 us, twenty steps")


def language():
    """The language of types."""
    # Three regimes; an event moves from each to the next, and the slope of x differs.
    regime = lambda name, slope, to, first="": (
        f'<Regime name="{name}"{first}><TimeDerivative variable="x" value="{slope} / MS"/><OnEvent port="in"><StateAssignment variable="x" '
        f'value="x + 1"/><Transition regime="{to}"/></OnEvent></Regime>')
    clock = ('<ComponentType name="Stepper"><EventPort name="in" direction="in"/><EventPort name="spike" direction="out"/><Exposure name="x" '
             'dimension="none"/><Exposure name="n" dimension="none"/><Constant name="MS" dimension="time" value="1 ms"/><Dynamics><StateVariable name="x" exposure="x" '
             'dimension="none"/><StateVariable name="n" exposure="n" dimension="none"/><OnEvent port="in"><StateAssignment variable="n" value="n + 1"/>'
             '<EventOut port="spike"/></OnEvent>' + regime("up", 1, "down", ' initial="true"') + regime("down", -2, "still") + regime("still", 0, "up")
             + '</Dynamics></ComponentType><Stepper id="c"/>')

    def steps(times):
        x = np.select([times < 0.01, times < 0.03, times < 0.035], [times / MS, 11 - 2 * (times - 0.01) / MS, -28 + 0 * times], -27 + (times - 0.035) / MS)
        return [x, sum((times >= t).astype(float) for t in TIMES)]
    case("regimes_with_events", f'{clock}{ARRAY}' + network(
        '<population id="src" component="arr" size="1"/><population id="p" component="c" size="2"/>',
        '<explicitConnection from="src[0]" to="p[0]"/><explicitConnection from="p[0]" to="p[1]"/>'),
         {"x": "p[0]/x", "n": "p[1]/n"}, [trace("x", 0.03, win=0.25), trace("n", 1e-9, win=0.25)], steps,
         exclude=[10, 30, 35], events={"0": [t / MS for t in TIMES]}, spikes={"0": "p[1]"},
         note="an event between cells takes effect at the end of its step: 0.01 ms times a slope of at most 2, twice")

    # A user's own network: two populations, a tunnel of gap junctions, and events through a synapse with a delay.
    types = ('<ComponentType name="Group"><ComponentReference name="component" type="Component"/><Parameter name="size" dimension="none"/>'
             '<Structure><MultiInstantiate number="size" component="component"/></Structure></ComponentType>'
             '<ComponentType name="Junctions"><Path name="a"/><Path name="b"/><ComponentReference name="kind" type="gapJunction"/><Property name="strength" dimension="none" defaultValue="1"/>'
             '<Structure><With instance="a" as="one"/><With instance="b" as="other"/><Tunnel name="t" endA="one" endB="other" componentA="kind" componentB="kind">'
             '<Assign property="weight" value="2"/></Tunnel></Structure></ComponentType>'
             '<ComponentType name="Feed"><Link name="from" type="Group"/><Link name="to" type="Group"/><Parameter name="wait" dimension="time"/><Parameter name="strength" dimension="none"/>'
             '<ComponentReference name="synapse" type="baseSynapse"/><Structure><ForEach instances="from" as="a"><ForEach instances="to" as="b">'
             '<EventConnection from="a" to="b" receiver="synapse" receiverContainer="synapses" delay="wait"><Assign property="weight" value="strength"/>'
             '</EventConnection></ForEach></ForEach></Structure></ComponentType>'
             '<ComponentType name="Web"><Children name="groups" type="Group"/><Children name="joints" type="Junctions"/><Children name="feeds" type="Feed"/></ComponentType>')
    web = ('<Web id="web"><Group id="src" component="arr" size="1"/><Group id="p" component="pas" size="1"/><Group id="q" component="pas" size="3"/>'
           '<Junctions id="j" a="../p[0]" b="../q[1]" kind="gap"/><Feed id="f" from="src" to="p" wait="3ms" strength="2" synapse="s"/></Web>')

    def joined(t, x):
        v, u, g = x
        return [passive(v, 2 * 3 * NS * (u - v) + g * -v), passive(u, 2 * 3 * NS * (v - u)), -g / (2 * MS)]
    solved = integrate(joined, [-70 * MV, -70 * MV, 0], [(t + 3 * MS, lambda x: x + [0, 0, 2 * NS]) for t in TIMES])
    case("user_network", f'{CELL}{ARRAY}<gapJunction id="gap" conductance="3nS"/><expOneSynapse id="s" gbase="1nS" erev="0mV" tauDecay="2ms"/>{types}{web}',
         {"v": "p[0]/v", "u": "q[1]/v"}, [trace("v", 2e-7), trace("u", 2e-7)], lambda times: solved(times)[:2], exclude=[13, 33, 38], target="web")

    # A type that adds to inherited dynamics; a constant of all types; values at the start in order; a source beside a counter.
    case("inherited_dynamics", '<Constant name="RATE" dimension="per_time" value="0.1 per_ms"/><ComponentType name="Base" extends="baseCell"><Exposure name="y" dimension="none"/>'
         '<Exposure name="z" dimension="none"/><Dynamics><StateVariable name="y" exposure="y" dimension="none"/><DerivedVariable name="goal" '
         'dimension="none" value="1"/><TimeDerivative variable="y" value="RATE * (goal - y)"/><OnStart><StateAssignment variable="y" value="3"/>'
         '</OnStart></Dynamics></ComponentType><ComponentType name="More" extends="Base"><Dynamics><Super/><StateVariable name="z" exposure="z" '
         'dimension="none"/><ConditionalDerivedVariable name="goal" dimension="none"><Case condition="y .gt. 2.5" value="0"/><Case value="2"/>'
         '</ConditionalDerivedVariable><TimeDerivative variable="z" value="-RATE * z"/><OnStart><StateAssignment variable="z" value="y * 2"/></OnStart>'
         '</Dynamics></ComponentType><More id="c"/>' + network('<population id="p" component="c" size="1"/>'), {"y": "p[0]/y", "z": "p[0]/z"},
         [trace("y", 2e-3), trace("z", 1e-6)],
         lambda times: [np.where(times < 10 * MS * np.log(1.2), 3 * np.exp(-times / (10 * MS)), 2 + 0.5 * np.exp(-(times - 10 * MS * np.log(1.2)) / (10 * MS))),
                        6 * np.exp(-times / (10 * MS))],
         note="y crosses 2.5 within a step: an error of the step, 0.01 ms, times the change of slope, 0.2 per ms")
    counter = ('<ComponentType name="Counter"><EventPort name="in" direction="in"/><Exposure name="n" dimension="none"/><Dynamics><StateVariable '
               'name="n" exposure="n" dimension="none"/><OnEvent port="in"><StateAssignment variable="n" value="n + 1"/></OnEvent></Dynamics></ComponentType>'
               '<ComponentType name="Pair"><Child name="source" type="baseSpikeSource"/><Children name="counters" type="Counter"/><Exposure name="total" dimension="none"/>'
               '<Dynamics><DerivedVariable name="total" exposure="total" dimension="none" select="counters[*]/n" reduce="add"/></Dynamics><Structure>'
               '<ForEach instances="counters[*]" as="one"><EventConnection from="source" to="one"/></ForEach></Structure></ComponentType>'
               '<Pair id="c"><source type="spikeGenerator" id="clock" period="7ms"/><Counter id="a"/><Counter id="b"/><Counter id="d"/></Pair>')
    case("events_between_children", counter + network('<population id="p" component="c" size="1"/>'), {"total": "p[0]/total"},
         [trace("total", 1e-9, win=0.25)], lambda times: [3 * np.floor(times / (7 * MS) + 1e-9)], exclude=[7 * k for k in range(1, 15)])


def cables():
    """Cells of several compartments: each its capacitance and leak, and resistance from centre to centre."""
    def cylinder(length, radius, resistivity, count=1):
        """Area, resistance from a centre to an end, and distance of each centre from the beginning, of equal parts [SI]."""
        part = length / count
        return [(2 * np.pi * radius * part, resistivity * part / 2 / (np.pi * radius**2), part * (k + 0.5)) for k in range(count)]

    def solve(parts, leaks, joints, inputs):
        """`leaks`: (conductance per area, reversal) of each part; `joints`: (part, part, resistance); `inputs`: A of t, by part."""
        area = np.array([part[0] for part in parts])
        matrix = np.zeros((len(parts), len(parts)))
        for a, b, resistance in joints:
            for one, other in [(a, b), (b, a)]:
                matrix[one, one] -= 1 / resistance
                matrix[one, other] += 1 / resistance
        density, reversal = np.array(leaks).T

        def rates(t, v):
            current = matrix @ v + area * density * (reversal - v)
            for part, fed in inputs.items():
                current[part] += fed(t)
            return current / (area * 0.01)
        return integrate(rates, [-65 * MV] * len(parts), [(5 * MS, lambda v: v), (25 * MS, lambda v: v)])

    pulse = '<pulseGenerator id="pg" delay="5ms" duration="20ms" amplitude="50pA"/>'

    def fed(t):
        return 50 * PA if 5 * MS <= t < 25 * MS else 0.0

    def cell(segments, groups, leaks, inside):
        return (f'<ionChannelPassive id="pas"/><cell id="c"><morphology id="m">{segments}{groups}</morphology><biophysicalProperties id="b">'
                f'<membraneProperties>{leaks}<spikeThresh value="0mV"/><specificCapacitance value="1 uF_per_cm2"/><initMembPotential value="-65mV"/>'
                f'</membraneProperties><intracellularProperties>{inside}</intracellularProperties></biophysicalProperties></cell>{pulse}')

    def fed_at(segment):
        return network('<population id="p" component="c" size="1"/>', '<inputList id="i" population="p" component="pg"><input id="0" target="../p[0]" '
                       f'destination="synapses" segmentId="{segment}" fractionAlong="0.5"/></inputList>')

    def section(name, member, divisions, more=""):
        return (f'<segmentGroup id="{name}" neuroLexId="sao864921383"><property tag="numberInternalDivisions" value="{divisions}"/>'
                f'<member segment="{member}"/>{more}</segmentGroup>')

    # A leak that falls with the part of the way along the dendrite, and one that begins at a distance from the root.
    um = 1e-6
    soma, dendrite = cylinder(10 * um, 5 * um, 1.0), cylinder(200 * um, 1 * um, 1.0, 9)
    density = [(1.0, -65 * MV)]
    for _, _, at in dendrite:
        part, way = at / (200 * um), 10 + at / um
        near, far = 3 + 7 * np.exp(-2 * part), (0.02 * way if way >= 100 else 0.0)
        density.append((near + far, (near * -80 * MV + far * -50 * MV) / (near + far)))
    joints = [(0, 1, soma[0][1] + dendrite[0][1])] + [(k, k + 1, 2 * dendrite[0][1]) for k in range(1, 9)]
    solved = solve(soma + dendrite, density, joints, {0: fed})
    along = ('<inhomogeneousParameter id="part" variable="p" metric="Path Length from root"><proximal translationStart="0"/><distal normalizationEnd="1"/>'
             '</inhomogeneousParameter><inhomogeneousParameter id="way" variable="x" metric="Path Length from root"/>')

    def varied(name, reversal, parameter, formula):
        return (f'<channelDensityNonUniform id="{name}" ionChannel="pas" ion="non_specific" erev="{reversal}mV"><variableParameter parameter="condDensity" '
                f'segmentGroup="dendrite"><inhomogeneousValue inhomogeneousParameter="{parameter}" value="{formula}"/></variableParameter></channelDensityNonUniform>')
    body = cell('<segment id="0"><proximal x="0" y="0" z="0" diameter="10"/><distal x="10" y="0" z="0" diameter="10"/></segment><segment id="1"><parent '
                'segment="0"/><proximal x="10" y="0" z="0" diameter="2"/><distal x="210" y="0" z="0" diameter="2"/></segment>',
                section("soma", 0, 1) + section("dendrite", 1, 9, along),
                '<channelDensity id="l" ionChannel="pas" condDensity="1 S_per_m2" erev="-65mV" ion="non_specific" segmentGroup="soma"/>'
                + varied("near", -80, "part", "3 + 7 * exp(-2 * p)") + varied("far", -50, "way", "0.02 * x * H(x - 100)"), '<resistivity value="100 ohm_cm"/>')
    case("mc_inhomogeneous", body + fed_at(0), {"soma": "p/0/c/0/v", "dendrite": "p/0/c/1/v"}, [trace("soma", 5e-7), trace("dendrite", 5e-7)],
         lambda times: solved(times)[[0, 5]], exclude=[5, 25], length=60, note="the cable is of second order: 2e-7 V at this step")

    # Two branches on a thick trunk, each with a resistivity and a leak of its own.
    trunk, left, right = cylinder(100 * um, 3 * um, 0.7, 3), cylinder(150 * um, 0.5 * um, 3.0, 5), cylinder(80 * um, 1 * um, 1.2, 1)
    parts = trunk + left + right + [(0.0, 0, 0)]
    # The three meet at a point without surface, which is worked out of the equations: star to triangle.
    ends = [(2, trunk[2][1]), (3, left[0][1]), (8, right[0][1])]
    total = sum(1 / r for _, r in ends)
    joints = [(a, b, ra * rb * total) for i, (a, ra) in enumerate(ends) for b, rb in ends[i + 1:]]
    joints += [(k, k + 1, 2 * trunk[0][1]) for k in range(2)] + [(k, k + 1, 2 * left[0][1]) for k in range(3, 7)]
    solved_tree = solve(parts[:-1], [(2.0, -65 * MV)] * 3 + [(0.5, -70 * MV)] * 5 + [(4.0, -60 * MV)], joints, {4: fed})

    def leak(group, value, reversal):
        return f'<channelDensity id="l_{group}" ionChannel="pas" condDensity="{value} S_per_m2" erev="{reversal}mV" ion="non_specific" segmentGroup="{group}"/>'
    body = cell('<segment id="0"><proximal x="0" y="0" z="0" diameter="6"/><distal x="100" y="0" z="0" diameter="6"/></segment><segment id="1"><parent '
                'segment="0"/><proximal x="100" y="0" z="0" diameter="1"/><distal x="100" y="150" z="0" diameter="1"/></segment><segment id="2"><parent '
                'segment="0"/><proximal x="100" y="0" z="0" diameter="2"/><distal x="180" y="0" z="0" diameter="2"/></segment>',
                section("trunk", 0, 3) + section("left", 1, 5) + section("right", 2, 1),
                leak("trunk", 2, -65) + leak("left", 0.5, -70) + leak("right", 4, -60),
                '<resistivity value="70 ohm_cm" segmentGroup="trunk"/><resistivity value="300 ohm_cm" segmentGroup="left"/><resistivity value="120 ohm_cm" segmentGroup="right"/>')
    body += network('<population id="p" component="c" size="1"/>', '<inputList id="i" population="p" component="pg"><input id="0" target="../p[0]" '
                    'destination="synapses" segmentId="1" fractionAlong="0.3"/></inputList>')
    case("mc_resistivities", body, {"trunk": "p/0/c/0/v", "left": "p/0/c/1/v", "right": "p/0/c/2/v"},
         [trace("trunk", 1e-7), trace("left", 1e-6), trace("right", 1e-7)], lambda times: solved_tree(times)[[1, 5, 8]], exclude=[5, 25], length=60,
         note="the cable is of second order: the fed branch is off by 4e-7 V at this step")


if __name__ == "__main__":
    for make in [synapses, cells, channels, cables, language]:
        make()
