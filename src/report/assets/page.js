// The page: its views, its clock, its keys.

class Page {
  constructor(data) {
    Object.assign(this, data, { charts: [], now: 0, playing: false, rate: 1, fineness: 1 });
    this.reach = [Math.min(...this.runs.map(run => run.time[0])), Math.max(...this.runs.map(run => run.time[run.time.length - 1]))];
    this.now = this.reach[0];
    const shortest = Math.min(...this.runs.map(run => (run.time[run.time.length - 1] - run.time[0]) / (run.time.length - 1)));
    this.step = shortest;
    this.observer = new IntersectionObserver(entries => {
      for (const { isIntersecting, target: { chart } } of entries) if (isIntersecting && !chart.drawn) this.queue.push(chart);
      this.drawNext();
    }, { rootMargin: "300px" });
    this.queue = [];
  }

  /** Charts one by one, so that the page stays awake between them. */
  async drawNext() {
    if (this.drawing || !window.Plotly) return;
    this.drawing = true;
    for (let chart; (chart = this.queue.shift());) {
      if (!chart.drawn) await chart.draw();
      await new Promise(resolve => setTimeout(resolve));
    }
    this.drawing = false;
    document.documentElement.dataset.drawn = Math.round(performance.now());
  }

  seek(time) {
    this.now = Math.min(this.reach[1], Math.max(this.reach[0], time));
    this.show();
  }

  zoom(from, range) {
    if (this.zooming) return;
    this.zooming = true;
    const whole = from.plot.layout.xaxis.autorange;
    this.zoomed = whole ? null : range;
    const change = { "xaxis.range": [...(this.zoomed ?? this.reach)] };
    Promise.all(this.charts.filter(chart => chart.cursor && chart.drawn && (chart !== from || whole)).map(chart => Plotly.relayout(chart.plot, change)))
      .finally(() => { this.zooming = false; this.mark(); });
  }

  /** All that changes with time. */
  show() {
    this.dirty = true;
    const { now } = this;
    this.slider.value = now;
    this.slider.setAttribute("aria-valuetext", `${now.toFixed(2)} seconds`);
    this.output.textContent = `${now.toFixed(2)} / ${this.reach[1].toFixed(this.reach[1] < 100 ? 1 : 0)} s`;
    this.mark();
  }

  mark() {
    for (const chart of this.charts) chart.mark();
  }

  play(on) {
    if (on && this.now >= this.reach[1]) this.now = this.reach[0];
    this.playing = on;
    this.button.classList.toggle("on", on);
    this.button.setAttribute("aria-label", on ? "Pause" : "Play");
    this.last = performance.now();
    // What stands still can be drawn with all pixels.
    this.sharpen(on ? this.fineness : 1);
  }

  /** Draws with fewer pixels where a machine is too slow for 24 frames a second. */
  keepUp(passed) {
    this.pace = 0.8 * (this.pace ?? 0.03) + 0.2 * passed;
    if (this.pace < 1 / 24) return;
    this.fineness = Math.max(0.5, 0.8 * this.fineness);
    this.sharpen(this.fineness);
    this.pace = 0.03;
  }

  sharpen(fineness) {
    for (const { view } of this.views) if (view) view.fineness = fineness;
  }

  tick(stamp) {
    if (this.playing) {
      const passed = Math.min(0.25, (stamp - this.last) / 1e3);
      this.last = stamp;
      this.keepUp(passed);
      if (passed > 0) this.seek(this.now + passed * this.rate);
      if (this.now >= this.reach[1]) this.play(false);
    }
    for (const view of this.views) if (view.fit()) this.dirty = true;
    if (this.dirty) {
      this.dirty = false;
      this.views.forEach(view => view.show());
      this.frames = (this.frames ?? 0) + 1;
    }
    requestAnimationFrame(stamp => this.tick(stamp));
  }
}

/** One worm in its canvas. */
class WormView {
  constructor(page, run, parent) {
    Object.assign(this, { page, run });
    const place = element("div", {}, ...headed(page, run));
    const box = element("div", { class: "view" });
    this.canvas = element("canvas", { class: "world", tabindex: "0", role: "img", "aria-label": `${run.name}: the worm in 3D, coloured by the activation of its muscles. Drag to turn, W A S D to turn by keys.` });
    place.append(box);
    parent.append(place);
    box.append(this.canvas);
    this.view = View.on(this.canvas);
    if (!this.view) {
      box.replaceChildren(element("p", { class: "none", text: "This browser shows no WebGL 2, so there is no worm in 3D here; the charts below need none." }));
      return;
    }
    this.body = new Body(run);
    this.view.setMesh(this.body.triangles);
    this.floor(box);
    if (run.activation) this.map(box);
    this.hands();
  }

  floor(box) {
    const { run, view } = this, { gl } = view;
    this.body.at(run.time[0]);
    const heights = this.body.positions.filter((_, i) => i % 3 === 2);
    this.floorAt = heights.reduce((a, b) => Math.min(a, b), Infinity);
    if (!Number.isFinite(this.floorAt)) this.floorAt = 0;
    const length = MM * run.motion.length, way = run.motion.center.map(center => center.map(x => MM * x));
    const [from, to] = [Math.min, Math.max].map((end, i) => [0, 1].map(axis => end(...way.map(p => p[axis])) + (i ? 1 : -1) * 1.6 * length));
    const spacing = Math.max(to[0] - from[0], to[1] - from[1]) > 12 ? 1 : 0.1;
    const fine = [], coarse = [];
    [0, 1].forEach(axis => {
      const other = 1 - axis;
      for (let k = Math.ceil(from[axis] / spacing); k * spacing <= to[axis]; k++)
        // In pieces, for some drivers drop a line of which one end is behind the camera.
        for (let piece = 0; piece < 12; piece++)
          for (const end of [piece, piece + 1]) {
            const point = [0, 0, this.floorAt];
            point[axis] = k * spacing;
            point[other] = from[other] + end / 12 * (to[other] - from[other]);
            (k % 10 ? fine : coarse).push(...point);
          }
    });
    view.addLines(gl.LINES, Float32Array.from(fine), [0.45, 0.42, 0.36, 0.16]);
    view.addLines(gl.LINES, Float32Array.from(coarse), [0.45, 0.42, 0.36, 0.45]);
    const ink = [1, 3, 5].map(i => parseInt(run.colour.slice(i, i + 2), 16) / 255);
    const path = Float32Array.from(way.flatMap(([x, y]) => [x, y, this.floorAt]));
    this.head = element("span", { class: "head", text: "head", "aria-hidden": "true" });
    this.ended = element("span", { class: "ended" });
    box.append(this.head, this.ended);
    this.path = view.addLines(gl.LINE_STRIP, path, [...ink, 0.9]);
    box.append(element("span", { class: "scale", text: `squares of ${spacing} mm; line: way of the centre` }));
  }

  map(box) {
    this.grid = element("canvas", { width: "264", height: "48", role: "img", "aria-label": "Activation of the 95 muscles now, by quadrant and row" });
    box.append(element("div", { class: "map" }, element("p", {}, element("span", { text: "head" }), element("span", { text: "muscles DL, DR, VL, VR" }), element("span", { text: "tail" })), this.grid));
  }

  hands() {
    const { canvas, page } = this, pointers = new Map();
    canvas.addEventListener("pointerdown", event => { canvas.setPointerCapture(event.pointerId); pointers.set(event.pointerId, event); });
    for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, event => pointers.delete(event.pointerId));
    canvas.addEventListener("pointermove", event => {
      const before = pointers.get(event.pointerId);
      if (!before) return;
      const other = [...pointers.values()].find(({ pointerId }) => pointerId !== event.pointerId);
      const apart = ({ clientX, clientY }) => Math.hypot(clientX - other.clientX, clientY - other.clientY) || 1;
      if (other) page.camera.zoom(apart(before) / apart(event));
      else page.camera.turn(-0.008 * (event.clientX - before.clientX), event.pointerType === "touch" ? 0 : 0.008 * (event.clientY - before.clientY));
      pointers.set(event.pointerId, event);
      page.dirty = true;
    });
    canvas.addEventListener("wheel", event => {
      event.preventDefault();
      page.camera.zoom(Math.exp(0.0012 * event.deltaY));
      page.dirty = true;
    }, { passive: false });
    canvas.addEventListener("keydown", ({ key }) => {
      const turns = { a: [-0.1, 0], d: [0.1, 0], w: [0, 0.1], s: [0, -0.1] };
      const turn = turns[key.toLowerCase()];
      if (turn) page.camera.turn(...turn);
      page.dirty = true;
    });
  }

  fit() {
    return this.view ? this.view.fit() : false;
  }

  show() {
    if (!this.view) return;
    const { page, run, body } = this;
    body.at(page.now);
    const centre = positionAt(run, page.follow.checked ? page.now : run.time[0]);
    this.path.count = Math.max(1, between(run.time, page.now).before + 1);
    this.point(this.view.draw(body, page.camera, centre, this.floorAt));
    const end = run.time[run.time.length - 1];
    this.ended.textContent = page.now > end + page.step ? `ended at ${end.toFixed(1)} s` : "";
    if (this.grid) this.colour();
  }

  /** Says which end is the head. */
  point(matrix) {
    const [x, y, z] = midlineAt(this.run, this.page.now)[0], { canvas, head } = this;
    const at = row => matrix[row] * x + matrix[4 + row] * y + matrix[8 + row] * z + matrix[12 + row];
    const [across, up] = [0, 1].map(row => at(row) / at(3));
    head.style.display = Math.abs(across) > 1 || Math.abs(up) > 1 ? "none" : "block";
    head.style.transform = `translate(${(across + 1) / 2 * canvas.clientWidth}px, ${(1 - up) / 2 * canvas.clientHeight}px)`;
  }

  colour() {
    const { grid, run } = this, context = grid.getContext("2d"), { values, shape: [, width] } = run.activation;
    const { before } = between(run.time, this.page.now);
    context.fillStyle = "#fff";
    context.fillRect(0, 0, 264, 48);
    run.muscles.places.forEach((place, muscle) => {
      if (!place) return;
      context.fillStyle = heat(values[before * width + muscle]);
      context.fillRect(11 * place[1], 12 * place[0], 10, 11);
    });
  }
}

function heat(active) {
  const stops = [[232, 223, 205], [240, 160, 75], [181, 18, 27]], place = 2 * Math.min(1, Math.max(0, active || 0));
  const [from, to] = place < 1 ? [stops[0], stops[1]] : [stops[1], stops[2]], part = place < 1 ? place : place - 1;
  return `rgb(${from.map((c, i) => Math.round(c + part * (to[i] - c)))})`;
}

function setUp(page) {
  const id = name => document.getElementById(name);
  Object.assign(page, { slider: id("time"), output: id("now"), button: id("play"), follow: id("follow") });
  Object.assign(page.slider, { min: page.reach[0], max: page.reach[1] });
  const longest = Math.max(...page.runs.map(run => MM * run.motion.length));
  page.camera = new Camera(1.3 * longest);
  id("views").classList.toggle("many", page.runs.length > 1);
  page.views = page.runs.map(run => new WormView(page, run, id("views")));
  page.slider.addEventListener("input", () => page.seek(Number(page.slider.value)));
  page.button.addEventListener("click", () => page.play(!page.playing));
  id("rate").addEventListener("change", ({ target }) => { page.rate = Number(target.value); });
  page.follow.addEventListener("change", () => { page.dirty = true; });
  const look = place => { page.camera.go(place); page.dirty = true; };
  for (const button of document.querySelectorAll("[data-camera]")) button.addEventListener("click", () => look(button.dataset.camera));
  addEventListener("resize", () => { page.dirty = true; setTimeout(() => page.mark(), 200); });
  const facts = page.runs.map(run => [`${(run.time[run.time.length - 1]).toFixed(1)} s`, run.surface.kind === "cuticle" ? "3D body of particles" : "body of rods",
    run.cells ? `${run.cells.names.length} neurons` : "no neurons", run.origin.controller && `driven by ${run.origin.controller.replace("_", " ")}`].filter(Boolean).join(" · "));
  id("subtitle").textContent = page.runs.length === 1 ? facts[0] : `${page.runs.length} recordings with one clock`;
  if (page.runs.length > 1) id("title").textContent = page.runs.map(run => run.origin.file).join(" · ");

  addEventListener("keydown", event => {
    const { target, key } = event;
    if (event.ctrlKey || event.metaKey || event.altKey || target.matches("input[type=search], select")) return;
    const on = target.matches("input[type=range]"), pressed = target.matches("button, summary, a, input[type=checkbox]");
    const rate = step => { const list = id("rate"); list.selectedIndex = Math.min(list.length - 1, Math.max(0, list.selectedIndex + step)); page.rate = Number(list.value); };
    const move = event.shiftKey ? 0.5 : page.step;
    const keys = {
      " ": pressed ? null : () => page.play(!page.playing),
      ArrowLeft: () => { page.play(false); page.seek(page.now - move); },
      ArrowRight: () => { page.play(false); page.seek(page.now + move); },
      Home: () => page.seek(page.reach[0]), End: () => page.seek(page.reach[1]),
      "[": () => rate(-1), "]": () => rate(1),
      "+": () => { page.camera.zoom(0.9); page.dirty = true; }, "-": () => { page.camera.zoom(1.1); page.dirty = true; },
      1: () => look("slant"), 2: () => look("top"), 3: () => look("side"),
      "/": () => id("search")?.focus(),
    };
    if (!keys[key] || (on && (key === "Home" || key === "End"))) return;
    event.preventDefault();
    keys[key]();
  });
}

/** Shows the worm at once, and then reads the program of the charts, which is large. */
function openPage() {
  const page = new Page(readRuns());
  window.nematode = page;
  setUp(page);
  tellGait(page);
  drawCurvature(page);
  drawPath(page);
  drawSpeed(page);
  drawMuscles(page);
  drawNeurons(page);
  drawInfluence(page);
  tellOrigin(page);
  page.show();
  requestAnimationFrame(stamp => {
    page.tick(stamp);
    document.documentElement.dataset.worm = Math.round(performance.now());
    setTimeout(() => {
      const script = document.createElement("script");
      script.textContent = document.getElementById("plotly").textContent;
      document.body.append(script);
      page.drawNext();
      if (!matchMedia("(prefers-reduced-motion: reduce)").matches) page.play(true);
    }, 30);
  });
}
