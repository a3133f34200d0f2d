"use strict";
// What the page was given, with its numbers unpacked, and the moment that is shown.

const MM = 1e3;
const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#aa4499", "#8a6d00", "#332288"];

/** Numbers that were kept in 16 bits: value = low + step · code, 65535 for none. */
function unpack({ shape, low, step, data }) {
  const text = atob(data);
  const count = text.length / 2;
  const values = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    const code = text.charCodeAt(2 * i) | (text.charCodeAt(2 * i + 1) << 8);
    values[i] = code === 65535 ? NaN : low + step * code;
  }
  return { shape, values };
}

/** Columns of a table of rows: one array for each. */
function columns({ shape: [rows, width], values }, scale = 1) {
  return Array.from({ length: width }, (_, column) =>
    Float32Array.from({ length: rows }, (_, row) => values[row * width + column] * scale));
}

/** Between which two of some growing times a time lies, and how far. */
function between(times, time) {
  const last = times.length - 1;
  if (last < 1 || time <= times[0]) return { before: 0, after: 0, part: 0 };
  if (time >= times[last]) return { before: last, after: last, part: 0 };
  let low = 0, high = last;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (times[middle] <= time) low = middle; else high = middle;
  }
  return { before: low, after: high, part: (time - times[low]) / (times[high] - times[low]) };
}

function readRuns() {
  const data = JSON.parse(document.getElementById("data").textContent);
  const runs = data.runs.map((run, index) => ({
    ...run,
    name: data.runs.length === 1 ? run.origin.title : `${run.origin.file}`,
    colour: COLOURS[index % COLOURS.length],
    time: run.motion.time,
    midline: unpack(run.motion.midline),
    activation: run.muscles && unpack(run.muscles.activation),
  }));
  return { ...data, runs };
}

/** An element with attributes, `text` among them, and children. */
function element(name, { text, ...attributes } = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) if (value !== undefined) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  made.append(...children);
  return made;
}

/** A heading with the colour of a run, where there are several. */
function headed(page, run, tag = "h3") {
  if (page.runs.length === 1) return [];
  const dot = element("span", { class: "dot", style: `background:${run.colour}`, "aria-hidden": "true" });
  return [element(tag, {}, dot, run.name)];
}
