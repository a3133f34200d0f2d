// The gait beside measured worms, the neurons with their search, and where a recording comes from.

const DEGREE = 180 / Math.PI;
const QUANTITIES = [
  ["forward_speed", "forward speed", "mm/s", MM], ["frequency", "undulation frequency", "Hz", 1],
  ["wavelength", "wavelength / length", "", 1], ["grip", "speed / speed of the wave", "", 1],
  ["bending", "curvature × length, rms", "", 1], ["undulation", "the same, less its mean over time", "", 1],
  ["tail_undulation", "that in the rear third", "", 1], ["travelling", "share of one travelling wave", "", 1],
  ["amplitude", "amplitude", "mm", MM], ["head_speed", "speed of the head's tip", "mm/s", MM],
  ["path_curvature", "curvature of the path, to the left", "/mm", 1e-3],
  ["eigenworms", "share of four eigenworms", "", 1], ["front_bend", "bend of the front third, rms", "°", DEGREE],
  ["middle_bend", "of the middle third", "°", DEGREE], ["rear_bend", "of the rear third", "°", DEGREE],
  ["reversals", "reversals", "", 1], ["omega_turns", "omega turns", "", 1],
];

function tellGait(page) {
  const table = document.getElementById("gait");
  const told = page.runs.filter(run => !run.motion.gait.why);
  const note = page.runs.filter(run => run.motion.gait.why).map(run => `${run.name}: ${run.motion.gait.why}.`);
  note.push(`Of what comes after the first fifth of a run. ✓ inside a range, ○ outside it; ranges on agar and in water are told apart, and ${page.runs.length > 1 ? "each run is to be put" : "this run is to be put"} beside that of its own medium.`);
  document.getElementById("gait-note").textContent = note.join(" ");
  if (!told.length) return table.parentElement.remove();
  table.classList.toggle("single", told.length === 1);
  const runHead = run => {
    const head = element("th", { scope: "col" }, ...(page.runs.length > 1 ? headed(page, run, "span") : ["this run"]));
    head.append(element("small", { text: [run.motion.gait.class, run.motion.gait.wave].filter(word => word !== "none").join(", ") || "no wave", style: "display:block;font-weight:400" }));
    return head;
  };
  table.createTHead().append(element("tr", {}, element("th", { scope: "col", text: "quantity" }), ...told.map(runHead), element("th", { scope: "col", text: "measured worms" })));
  const body = table.createTBody();
  for (const [key, what, unit, scale] of QUANTITIES) {
    const rows = page.measured.filter(row => row.quantity === key);
    const number = value => value === null || value === undefined ? "none" : key === "reversals" || key === "omega_turns" ? String(value) : (value * scale).toFixed(Math.abs(value * scale) < 1 ? 3 : 2).replace(/^-(0\.0+)$/, "$1");
    const cell = run => {
      const value = run.motion.gait[key], made = element("td", {}, element("strong", { text: `${number(value)} ${value === null ? "" : unit}` }));
      for (const { what, range: [low, high] } of rows) {
        const inside = value !== null && value >= low && value <= high;
        made.append(element("small", { class: inside ? "in" : "out", text: `${inside ? "inside" : "outside"} ${where(what)}` }));
      }
      return made;
    };
    const measured = element("td");
    for (const { what, range, source } of rows)
      measured.append(element("span", { class: "range", text: `${range.map(end => +(end * scale).toFixed(2)).join(" to ")} ${unit} ${where(what)}` }), element("small", { text: source }));
    if (!rows.length) measured.append("–");
    body.append(element("tr", {}, element("th", { scope: "row", text: what }), ...told.map(cell), measured));
  }
}

/** "on agar" or "in water", as a measured row says at its end. */
const where = what => /(on agar|in water)$/.exec(what)?.[0] ?? "";

/** Whether a name is asked for: the beginning of names, several with commas or spaces, a star for any letters. */
function asked(query) {
  const parts = query.toUpperCase().split(/[\s,]+/).filter(Boolean)
    .map(part => new RegExp(`^${part.replace(/[^A-Z0-9*]/g, "").replace(/\*/g, ".*")}`));
  return name => !parts.length || parts.some(part => part.test(name.toUpperCase()));
}

const MOST_TRACES = 8;
/** Drawn as lines before anything is searched, where a run has them. */
const USUAL = ["AVBL", "AVBR", "DB3", "VB3"];
const TRACES = ["#0072b2", "#d55e00", "#009e73", "#aa4499", "#8a6d00", "#332288", "#56b4e9", "#7a7a7a"];

/** The potentials of a run, unpacked once: a column for each neuron. */
function read({ cells }) {
  if (!cells.columns) {
    const { potential, start, interval } = cells, table = unpack(potential);
    cells.columns = columns(table);
    cells.time = Array.from({ length: table.shape[0] }, (_, row) => start + row * interval);
    cells.low = potential.low;
    cells.high = table.values.reduce((most, value) => value > most ? value : most, potential.low);
  }
  return cells;
}

function drawNeurons(page) {
  const runs = page.runs.filter(run => run.cells);
  if (!runs.length) return document.getElementById("neuron-section").remove();
  const names = [...new Set(runs.flatMap(run => run.cells.names))];
  document.getElementById("names").append(...names.map(value => element("option", { value })));
  const scales = new Map();
  /** Least and greatest potential of all runs of one unit, so that they can be compared. */
  const ends = unit => {
    if (!scales.has(unit)) {
      const found = runs.filter(run => run.cells.unit === unit).map(read);
      scales.set(unit, [Math.min(...found.map(({ low }) => low)), Math.max(...found.map(({ high }) => high))]);
    }
    return scales.get(unit);
  };
  const quantity = unit => unit ? `membrane potential [${unit}]` : "state of the cell";
  let wanted = () => true;
  const known = USUAL.filter(name => names.includes(name));
  let chosen = (known.length ? known : names).slice(0, MOST_TRACES);

  const traces = new Chart(page, document.getElementById("traces"), { label: "Potentials of single neurons over time", height: heights().low + 20 }, () => {
    return {
      traces: runs.flatMap((run, k) => chosen.filter(name => run.cells.names.includes(name)).map(name => ({
        x: read(run).time, y: read(run).columns[run.cells.names.indexOf(name)], mode: "lines", name: runs.length > 1 ? `${name}, ${run.name}` : name,
        line: { color: TRACES[chosen.indexOf(name)], width: 1.6, dash: ["solid", "dash", "dot"][k % 3] }, hovertemplate: `${name}, %{x:.3f} s<br>%{y:.2f} ${run.cells.unit}<extra></extra>`,
      }))),
      layout: layout({ showlegend: true, legend: { orientation: "h", y: 1.18 }, margin: { ...MARGIN, t: 42 }, xaxis: timeAxis(page), yaxis: { title: { text: [...new Set(runs.map(run => quantity(run.cells.unit)))].join(", "), standoff: 6 } } }),
    };
  });

  const charts = page.runs.flatMap(run => {
    const place = element("div", {}, ...headed(page, run));
    document.getElementById("neurons").append(place);
    const { cells } = run;
    if (!cells) {
      place.append(element("p", { class: "note", text: "This run has no neurons." }));
      return [];
    }
    const rows = () => cells.names.map((name, i) => [name, i]).filter(([name]) => wanted(name));
    const axis = (shown, labels) => {
      const every = Math.max(1, Math.ceil(shown.length / labels));
      const ticks = shown.map((_, row) => row).filter(row => row % every === 0);
      return { range: [shown.length - 0.5, -0.5], tickvals: ticks, ticktext: ticks.map(row => shown[row][0]), ticks: "", fixedrange: true };
    };
    const potentials = new Chart(page, place, { label: `Potentials of the neurons of ${run.name} over time`, height: heights().high }, () => {
      const shown = rows();
      return {
        traces: [{ type: "heatmap", x: read(run).time, y: shown.map(([name]) => name), z: shown.map(([, i]) => read(run).columns[i]),
          zmin: ends(cells.unit)[0], zmax: ends(cells.unit)[1], zsmooth: false, colorscale: "Viridis", colorbar: barOf(quantity(cells.unit)), hovertemplate: `%{y}, %{x:.3f} s<br>%{z:.2f} ${cells.unit}<extra></extra>` }],
        layout: layout({ margin: WITH_BAR, xaxis: timeAxis(page), yaxis: axis(shown, 24) }),
      };
    });
    const { spikes } = cells;
    if (!spikes.all) {
      place.append(element("p", { class: "note", style: "margin-top:8px", text: `No neuron of this run spikes, so there is no raster of spikes; what they do is in their ${cells.unit ? "potentials" : "states"} above.` }));
      return [potentials];
    }
    const raster = new Chart(page, place, { label: `Spikes of the neurons of ${run.name} over time`, height: heights().low }, () => {
      const shown = rows(), row = new Map(shown.map(([, i], row) => [i, row]));
      const kept = spikes.cell.map((_, k) => k).filter(k => row.has(spikes.cell[k]));
      return {
        traces: [{ type: "scattergl", mode: "markers", x: kept.map(k => spikes.time[k]), y: kept.map(k => row.get(spikes.cell[k])), text: kept.map(k => cells.names[spikes.cell[k]]),
          marker: { symbol: "line-ns-open", size: 6, color: "#1d2529" }, hovertemplate: "%{text} spikes at %{x:.4f} s<extra></extra>" }],
        layout: layout({ margin: WITH_BAR, xaxis: timeAxis(page), yaxis: axis(shown, 12) }),
      };
    });
    return [potentials, raster];
  });

  const found = document.getElementById("found");
  const search = query => {
    const matching = names.filter(asked(query)), none = !matching.length;
    const all = none || !query.trim();
    wanted = all ? () => true : name => matching.includes(name);
    chosen = (all ? (known.length ? known : names) : matching).slice(0, MOST_TRACES);
    found.textContent = none ? `no neuron is called “${query.trim()}”: all are shown`
      : all ? `${names.length} neurons; lines: ${chosen.join(", ")}`
      : `${matching.length} of ${names.length}: ${matching.slice(0, MOST_TRACES).join(", ")}${matching.length > MOST_TRACES ? " …" : ""}`;
    for (const chart of [traces, ...charts]) if (chart.drawn) chart.draw();
  };
  let waiting;
  document.getElementById("search").addEventListener("input", ({ target }) => {
    clearTimeout(waiting);
    waiting = setTimeout(search, 150, target.value);
  });
  search("");
}

function tellOrigin(page) {
  for (const run of page.runs) {
    const { origin, motion, surface, cells } = run;
    const rows = [["recording", origin.file], ["reproduces", origin.reproduces], ["command", origin.command.join(" ")], ["version", origin.version && `nematode ${origin.version}`],
      ["body", origin.anatomy], ["medium", origin.medium], ["controller", origin.controller?.replace("_", " ")]].filter(([, value]) => value);
    const list = element("dl", {}, ...rows.flatMap(([key, value]) => [element("dt", { text: key }), element("dd", {}, key === "command" ? element("code", { text: value }) : value)]));
    const place = element("div", { class: "origin" }, ...headed(page, run), list);
    if (origin.papers.length) {
      const paper = text => {
        const [, before, doi, after] = /^(.*?)(10\.\d{4,}\/[^\s,;]+)(.*)$/.exec(text) ?? [];
        return doi ? element("li", {}, before, element("a", { href: `https://doi.org/${doi}`, rel: "noreferrer", text: doi }), after) : element("li", { text });
      };
      place.append(element("details", { open: "" }, element("summary", { text: `Papers of the parts that it used (${origin.papers.length})` }), element("ol", {}, ...origin.papers.map(paper))));
    }
    if (origin.files.length)
      place.append(element("details", {}, element("summary", { text: `Files that went in (${origin.files.length}), with SHA-256` }),
        element("pre", { text: origin.files.map((file, i) => `${file}\n  ${origin.hashes[i] ?? ""}`).join("\n") })));
    if (origin.experiment) place.append(element("details", {}, element("summary", { text: "The experiment as it was read" }), element("pre", { text: origin.experiment })));
    document.getElementById("origin").append(place);
    const about = document.getElementById("about"), of = page.runs.length > 1 ? `${run.name}: ` : "";
    const say = text => about.append(element("li", { text: of + text }));
    if (origin.controller === "policy" && !run.influence) say("what its senses and neurons did to its muscles is shown where the page is made with --contributions.");
    if (motion.stride > 1) say(`every ${ordinal(motion.stride)} of ${motion.frames} frames is in this page.`);
    if (surface.kind === "cuticle") say(surface.stride > 1 ? `the cuticle is drawn from every ${ordinal(surface.stride)} frame, and moved evenly in between.` : "the cuticle is drawn from every frame.");
    else say(surface.assumed ? "the body's thickness is not recorded; the tube has that of a typical worm." : "the body is a tube with the recorded midline and radii, round and without twist.");
    if (cells && cells.stride > 1) say(`every ${ordinal(cells.stride)} of ${cells.rows} rows of potentials is in this page.`);
    if (cells && cells.spikes.stride > 1) say(`every ${ordinal(cells.spikes.stride)} of ${cells.spikes.all} spikes is in this page.`);
  }
  document.getElementById("about").append(
    element("li", { text: "Numbers are kept in 16 bits over the range of each quantity; the recording has them in full." }),
    element("li", { text: `Made by nematode ${page.version}; nothing is loaded from a network.` }));
}

function ordinal(number) {
  return `${number}${["th", "st", "nd", "rd"][number % 100 > 10 && number % 100 < 14 ? 0 : number % 10] ?? "th"}`;
}
