// The page of a contest: its table, a chart for each measure, the learning curves.

/** A number of a measure in its own unit; zeros stay short. */
const told = (value, { scale }) => value === null || value === undefined ? "–" : (value * scale).toFixed(3).replace(/^-?0\.000$/, "0");

function tellResults({ contestants, measures, seeds, against }) {
  document.getElementById("table-note").textContent =
    `Mean ± standard deviation of ${seeds.length} seeds; below it the 95 % interval of the mean difference from ${against}, seed by seed.`;
  const table = document.getElementById("results");
  table.createTHead().append(element("tr", {}, element("th", { scope: "col", text: "contestant" }), element("th", { scope: "col", text: "weights" }),
    ...measures.map(({ title }) => element("th", { scope: "col", text: title }))));
  const body = table.createTBody();
  for (const contestant of contestants) {
    const cell = measure => {
      const { mean, sd, values, interval_95: interval } = contestant.measures[measure.key];
      const made = element("td", {}, element("strong", { text: mean === null ? "–" : `${told(mean, measure)}${sd === null ? "" : ` ± ${told(sd, measure)}`}` }));
      const present = values.filter(value => value !== null).length;
      if (present && present < values.length) made.append(element("small", { text: ` ${present} of ${values.length}` }));
      if (interval) made.append(element("small", { text: `[${interval.map(end => told(end, measure)).join(", ")}]`, style: "display:block" }));
      return made;
    };
    body.append(element("tr", {}, element("th", { scope: "row", text: contestant.name }), element("td", { text: contestant.weights ?? "–" }), ...measures.map(cell)));
  }
}

/** Everything that is drawn, as it comes near to what is seen. */
class Charts {
  constructor() {
    this.charts = [];
    this.observer = new IntersectionObserver(entries => {
      for (const { isIntersecting, target: { chart } } of entries) if (isIntersecting && !chart.drawn && window.Plotly) chart.draw();
    }, { rootMargin: "300px" });
  }
}

function drawMeasures(page, { contestants, measures }) {
  const parent = document.getElementById("measures"), names = contestants.map(({ name }) => name);
  for (const measure of measures) {
    const of = contestants.map(contestant => contestant.measures[measure.key]);
    if (of.every(({ mean }) => mean === null)) continue;
    new Chart(page, parent, { label: `${measure.title} of each contestant`, height: 60 + 26 * names.length, overTime: false }, () => {
      const points = of.flatMap(({ values }, i) => values.filter(value => value !== null).map(value => [value * measure.scale, names[i]]));
      const known = of.map((one, i) => ({ ...one, name: names[i] })).filter(({ mean }) => mean !== null);
      return {
        traces: [
          { type: "scatter", mode: "markers", x: points.map(([x]) => x), y: points.map(([, y]) => y), marker: { size: 7, color: "#0072b2", opacity: 0.45 }, hovertemplate: "%{y}: %{x:.4g}<extra></extra>" },
          { type: "scatter", mode: "markers", x: known.map(({ mean }) => mean * measure.scale), y: known.map(({ name }) => name), marker: { symbol: "line-ns-open", size: 16, color: "#1d2529", line: { width: 2.5 } },
            error_x: { type: "data", array: known.map(({ sd }) => (sd ?? 0) * measure.scale), thickness: 1.4, width: 0, color: "#1d2529" }, hovertemplate: "%{y}, mean: %{x:.4g}<extra></extra>" },
        ],
        layout: layout({ margin: { l: 132, r: 16, t: 34, b: 30 }, title: { text: measure.title, font: { size: 13 }, x: 0.02, xanchor: "left", y: 0.97, yanchor: "top" },
          yaxis: { categoryorder: "array", categoryarray: [...names].reverse(), range: [-0.6, names.length - 0.4], ticks: "", fixedrange: true } }),
      };
    });
  }
}

const LINES = ["#0072b2", "#d55e00", "#009e73", "#aa4499", "#8a6d00", "#332288", "#56b4e9", "#7a7a7a", "#b12"];

function drawCurves(page, { contestants }) {
  const parent = document.getElementById("curves");
  const drawn = [["imitation", "error of imitation", "epoch", "log"], ["reward", "reward", "generation, from 0: what imitation came to", "linear"]].map(([key, what, when, type]) => {
    const learners = contestants.map((one, i) => ({ ...one, colour: LINES[i % LINES.length] })).filter(one => one[key].some(curve => curve.length));
    if (!learners.length) return false;
    new Chart(page, parent, { label: `${what} over learning`, height: 380, overTime: false }, () => ({
      traces: learners.flatMap(({ name, colour, [key]: curves }) => {
        const length = Math.max(...curves.map(curve => curve.length)), x = Array.from({ length }, (_, i) => key === "imitation" ? i + 1 : i);
        const at = (i, of) => of(curves.map(curve => curve[i]).filter(value => value !== undefined && value !== null));
        const least = x.map((_, i) => at(i, all => Math.min(...all))), most = x.map((_, i) => at(i, all => Math.max(...all)));
        const mean = x.map((_, i) => at(i, all => all.reduce((a, b) => a + b, 0) / all.length));
        return [
          { x: [...x, ...[...x].reverse()], y: [...most, ...least.reverse()], fill: "toself", fillcolor: colour, opacity: 0.13, line: { width: 0 }, hoverinfo: "skip", showlegend: false, legendgroup: name },
          { x, y: mean, mode: x.length > 1 ? "lines" : "markers", name, legendgroup: name, line: { color: colour, width: 2 }, marker: { color: colour }, hovertemplate: `${name}, %{x}: %{y:.4g}<extra></extra>` },
        ];
      }),
      layout: layout({ showlegend: true, legend: { orientation: "h", y: 1.02, yanchor: "bottom" }, margin: { ...MARGIN, t: 76 },
        xaxis: { title: { text: when, standoff: 6 } }, yaxis: { type, title: { text: what, standoff: 6 } } }),
    }));
    return true;
  });
  if (!drawn.some(Boolean)) document.getElementById("curves-section").remove();
}

function openContest() {
  const data = JSON.parse(document.getElementById("data").textContent), page = new Charts();
  window.nematode = page;
  document.getElementById("subtitle").textContent = `${data.contestants.length} contestants with ${data.seeds.length} seeds each, in the same worm, with the same senses, drives and lessons.`;
  tellResults(data);
  drawMeasures(page, data);
  drawCurves(page, data);
  const broke = data.contestants.flatMap(({ name, broke }) => broke.map((why, i) => why && `${name}, seed ${data.seeds[i]}: ${why}`).filter(Boolean));
  const rows = [["reproduces", data.reproduces], ["contest", data.contest], ["version", `nematode ${data.version}`], ["broke off", broke.join("; ")]].filter(([, value]) => value);
  document.getElementById("origin").append(...rows.flatMap(([key, value]) => [element("dt", { text: key }), element("dd", { text: value })]));
  document.getElementById("plan").textContent = data.plan;
  setTimeout(async () => {
    const script = document.createElement("script");
    script.textContent = document.getElementById("plotly").textContent;
    document.head.append(script);
    for (const chart of page.charts) if (chart.box.getBoundingClientRect().top < innerHeight + 300) await chart.draw();
    document.documentElement.dataset.drawn = Math.round(performance.now());
  });
}
