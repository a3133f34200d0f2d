// The charts, by plotly.js. Charts over time share their reach, and a line through all of them is the present.

const MARGIN = { l: 58, r: 16, t: 10, b: 40 };
const BEND = [[0, "#2166ac"], [0.25, "#8fbfdc"], [0.5, "#f8f7f4"], [0.75, "#f0a582"], [1, "#b2182b"]];
const ACTIVE = [[0, "#e8dfcd"], [0.5, "#f0a04b"], [1, "#b5121b"]];
const TOUCH = matchMedia("(pointer: coarse)").matches;
const CONFIG = { responsive: true, displayModeBar: false, doubleClick: "reset", scrollZoom: false };

function layout(changes = {}) {
  const axis = { gridcolor: "#e8e5dd", zerolinecolor: "#cfcabd", linecolor: "#8b9297", ticks: "outside", ticklen: 4, tickcolor: "#b9b4a8", exponentformat: "e", fixedrange: TOUCH };
  const { xaxis, yaxis, ...rest } = changes;
  return {
    margin: { ...MARGIN }, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "#fff", hovermode: "closest", showlegend: false,
    font: { family: "system-ui, Segoe UI, Roboto, sans-serif", size: 12, color: "#1d2529" },
    dragmode: TOUCH ? false : "zoom", ...rest, xaxis: { ...axis, ...xaxis }, yaxis: { ...axis, ...yaxis },
  };
}

const timeAxis = page => ({ title: { text: "time [s]", standoff: 6 }, range: [...page.reach], hoverformat: ".2f" });
const barOf = text => ({ title: { text, side: "right", font: { size: 11 } }, thickness: 10, len: 1, outlinewidth: 0, tickfont: { size: 10 }, xpad: 6 });

/** One chart; it is drawn when it comes near to what is seen. */
class Chart {
  constructor(page, parent, { label, height, overTime = true }, content) {
    this.page = page;
    this.content = content;
    this.plot = element("div", { class: "plot", role: "img", "aria-label": label });
    this.box = element("div", { class: "chart", style: `height:${height}px` }, this.plot);
    parent.append(this.box);
    if (overTime) {
      this.cursor = element("div", { class: "cursor", "aria-hidden": "true" });
      this.box.append(this.cursor);
    }
    page.charts.push(this);
    page.observer.observe(this.box);
    this.box.chart = this;
  }

  async draw() {
    const first = !this.drawn;
    this.drawn = true;
    const { traces, layout: shape } = this.content();
    if (this.cursor && this.page.zoomed) shape.xaxis.range = [...this.page.zoomed];
    await Plotly.react(this.plot, traces, shape, CONFIG);
    if (first) this.plot.on("plotly_afterplot", () => this.mark());
    if (first && this.cursor) {
      this.plot.on("plotly_click", ({ points: [point] }) => this.page.seek(point.x));
      this.plot.on("plotly_relayout", change => {
        if (Object.keys(change).some(key => key.startsWith("xaxis"))) this.page.zoom(this, [...this.plot.layout.xaxis.range]);
      });
    }
    this.mark();
  }

  /** The margins as they were drawn; a scale with long words makes them wider than was asked. */
  inner() {
    return this.plot._fullLayout?._size ?? MARGIN;
  }

  /** Puts the line of the present in its place. */
  mark() {
    if (!this.cursor || !this.drawn || !this.plot.layout) return;
    const [from, to] = this.plot.layout.xaxis.range, { l, r, t, b } = this.inner();
    const part = (this.page.now - from) / (to - from);
    this.cursor.style.display = part < 0 || part > 1 ? "none" : "";
    this.cursor.style.left = `${l + part * (this.plot.clientWidth - l - r)}px`;
    this.cursor.style.top = `${t}px`;
    this.cursor.style.height = `${this.plot.clientHeight - t - b}px`;
  }
}

/** The value below which a part of the sizes of some numbers lie. */
function sizeOf(values, part) {
  const sizes = Array.from(values, Math.abs).filter(Number.isFinite).sort((a, b) => a - b);
  return sizes[Math.floor(part * (sizes.length - 1))] || 1;
}

const WITH_BAR = { ...MARGIN, r: 94 };

function heights() {
  return { low: innerWidth < 720 ? 210 : 250, middle: innerWidth < 720 ? 280 : 330, high: innerWidth < 720 ? 320 : 380 };
}

function drawCurvature(page) {
  const parent = document.getElementById("curvature");
  // One scale for all, so that they can be compared.
  let scale;
  const scaled = () => scale ??= Math.max(...page.runs.map(run => sizeOf(unpack(run.motion.curvature).values, 0.99))) / MM;
  for (const run of page.runs) {
    const place = element("div", {}, ...headed(page, run));
    parent.append(place);
    new Chart(page, place, { label: `Curvature of ${run.name} along the body over time`, height: heights().low }, () => {
      const z = columns(unpack(run.motion.curvature), 1 / MM), most = scaled();
      return {
        traces: [{ type: "heatmap", x: run.time, y: z.map((_, k) => k / (z.length - 1)), z, zmin: -most, zmax: most, zsmooth: "fast", colorscale: BEND,
          colorbar: barOf("curvature [1/mm]"), hovertemplate: "%{x:.2f} s, place %{y:.2f}<br>%{z:.2f} /mm<extra></extra>" }],
        layout: layout({ margin: WITH_BAR, xaxis: timeAxis(page), yaxis: { title: { text: "head → tail", standoff: 6 }, range: [1, 0], tickvals: [0, 0.25, 0.5, 0.75, 1], fixedrange: true } }),
      };
    });
  }
}

function drawPath(page) {
  const chart = new Chart(page, document.getElementById("path"), { label: "Path of the centre of mass", height: heights().middle, overTime: false }, () => ({
    traces: page.runs.map(run => {
      const [x, y] = [0, 1].map(axis => run.motion.center.map(center => MM * center[axis]));
      return { x, y, mode: "lines", name: run.name, line: { color: run.colour, width: 2 }, text: run.time.map(time => `${time.toFixed(2)} s`), hovertemplate: "%{x:.3f}, %{y:.3f} mm<br>%{text}<extra></extra>" };
    }),
    layout: layout({ showlegend: page.runs.length > 1, legend: { orientation: "h", y: 1.12 },
      xaxis: { title: { text: "x [mm]", standoff: 6 } }, yaxis: { title: { text: "y [mm]", standoff: 6 }, scaleanchor: "x" } }),
  }));
  // A redraw of plotly's costs more than a frame of the worm, so the present is a ring of its own.
  const rings = page.runs.map(run => element("i", { class: "ring", style: `border-color:${run.colour}`, "aria-hidden": "true" }));
  chart.box.append(...rings);
  chart.mark = () => {
    if (!chart.drawn || !chart.plot.layout) return;
    const { l, r, t, b } = chart.inner(), { xaxis, yaxis } = chart.plot.layout, { clientWidth, clientHeight } = chart.box;
    const part = (value, { range: [from, to] }) => (value - from) / (to - from);
    page.runs.forEach((run, i) => {
      const [x, y] = positionAt(run, page.now), [across, up] = [part(x, xaxis), part(y, yaxis)];
      const seen = [across, up].every(place => place >= 0 && place <= 1);
      rings[i].style.display = seen ? "block" : "none";
      rings[i].style.transform = `translate(${l + across * (clientWidth - l - r)}px, ${t + (1 - up) * (clientHeight - t - b)}px)`;
    });
  };
}

function positionAt({ motion: { center }, time: times }, time) {
  const { before, after, part } = between(times, time);
  return [0, 1, 2].map(axis => MM * (center[before][axis] * (1 - part) + center[after][axis] * part));
}

function drawSpeed(page) {
  const single = page.runs.length === 1;
  const waves = page.runs.some(run => run.motion.cycle_speed);
  document.getElementById("speed-note").textContent = waves
    ? `Of the centre of mass along the body, head first above zero: ${single ? "thin" : "faint"} from frame to frame, bold over one cycle of the undulation.`
    : "Of the centre of mass along the body, from frame to frame; head first above zero.";
  new Chart(page, document.getElementById("speed"), { label: "Speed over time", height: heights().middle }, () => {
    const line = ({ time, speed }, style, run) => ({ x: time, y: speed.map(speed => MM * speed), mode: "lines", name: run.name, hovertemplate: "%{x:.2f} s: %{y:.3f} mm/s<extra></extra>", ...style });
    const bold = page.runs.map(run => run.motion.cycle_speed ?? run.motion.speed);
    // Frame to frame a speed is noisy; its scale leaves single spikes out.
    const most = Math.max(...page.runs.map(run => sizeOf(run.motion.speed.speed, 0.98))) * MM * 1.15;
    const least = Math.min(0, ...page.runs.flatMap(run => run.motion.speed.speed.map(speed => MM * speed)));
    return {
      traces: [
        ...page.runs.map(run => line(run.motion.speed, { line: { color: run.colour, width: 1 }, opacity: single ? 0.4 : 0.2, showlegend: false }, run)),
        ...page.runs.map((run, i) => line(bold[i], { line: { color: run.colour, width: 2.5 } }, run)),
      ],
      layout: layout({ showlegend: !single, legend: { orientation: "h", y: 1.12 }, xaxis: timeAxis(page),
        yaxis: { title: { text: "speed [mm/s]", standoff: 6 }, range: [Math.max(1.1 * least, -most), most] } }),
    };
  });
}

function drawMuscles(page) {
  const parent = document.getElementById("muscles");
  if (!page.runs.some(run => run.activation)) return document.getElementById("muscle-section").remove();
  const places = ["MDL", "MDR", "MVL", "MVR"].flatMap(quadrant => Array.from({ length: 24 }, (_, row) => `${quadrant}${String(row + 1).padStart(2, "0")}`));
  for (const run of page.runs) {
    const place = element("div", {}, ...headed(page, run));
    parent.append(place);
    if (!run.activation) {
      place.append(element("p", { class: "note", text: "This recording has no muscle activation." }));
      continue;
    }
    new Chart(page, place, { label: `Muscle activation of ${run.name} over time`, height: heights().high }, () => {
      const of = columns(run.activation), none = new Float32Array(run.time.length).fill(NaN);
      const z = places.map(name => of[run.muscles.names.indexOf(name)] ?? none);
      const rule = y => ({ type: "line", xref: "paper", x0: 0, x1: 1, y0: y, y1: y, line: { color: "#fff", width: 2 } });
      return {
        traces: [{ type: "heatmap", x: run.time, y: places, z, zmin: 0, zmax: 1, zsmooth: false, colorscale: ACTIVE, colorbar: barOf("activation"),
          hovertemplate: "%{y}, %{x:.2f} s<br>%{z:.2f}<extra></extra>" }],
        layout: layout({ margin: WITH_BAR, shapes: [23.5, 47.5, 71.5].map(rule), xaxis: timeAxis(page),
          yaxis: { range: [95.5, -0.5], tickvals: [11.5, 35.5, 59.5, 83.5], ticktext: ["MDL", "MDR", "MVL", "MVR"], ticks: "", fixedrange: true } }),
      };
    });
  }
}
