// What moved what in a policy: muscles against senses and neurons.

const STRENGTH = [[0, "#fbfaf7"], [0.25, "#c9d8e6"], [0.6, "#4a87b5"], [1, "#0b2f4f"]];

/** The strongest three of a row, with their values. */
function strongest(names, row) {
  return [...row.keys()].sort((a, b) => row[b] - row[a]).slice(0, 3).map(place => `${names[place]} ${row[place].toFixed(3)}`).join(", ");
}

function drawInfluence(page) {
  const parent = document.getElementById("influence");
  if (!page.runs.some(run => run.influence)) return document.getElementById("influence-section").remove();
  let by = "ablation";
  const charts = [], tables = [];
  for (const run of page.runs) {
    const place = element("div", {}, ...headed(page, run));
    parent.append(place);
    const { influence } = run;
    if (!influence) {
      place.append(element("p", { class: "note", text: "This worm has no policy." }));
      continue;
    }
    const rows = table => {
      const { shape: [count, width], values } = unpack(table);
      return Array.from({ length: count }, (_, row) => values.subarray(row * width, (row + 1) * width));
    };
    const every = (names, labels) => {
      const apart = Math.max(1, Math.ceil(names.length / labels));
      return { tickvals: names.map((_, i) => i).filter(i => i % apart === 0), ticktext: names.filter((_, i) => i % apart === 0), ticks: "", fixedrange: true };
    };
    for (const [what, names, table] of [["senses", influence.senses, "of_senses"], ["neurons", influence.neurons, "of_neurons"]])
      charts.push(new Chart(page, place, { label: `How strongly ${what} of ${influence.policy} moved each muscle`, height: heights().high, overTime: false }, () => ({
        traces: [{ type: "heatmap", z: rows(influence[table][by]), zmin: 0, zsmooth: false, colorscale: STRENGTH, colorbar: barOf("change of drive"),
          text: influence.muscles.map(muscle => names.map(name => `${name} → ${muscle}`)), hovertemplate: "%{text}<br>%{z:.3f}<extra></extra>" }],
        layout: layout({ margin: { ...WITH_BAR, b: 118 }, xaxis: { title: { text: what, standoff: 6 }, tickangle: -60, ...every(names, innerWidth < 720 ? 16 : 40) },
          yaxis: { range: [influence.muscles.length - 0.5, -0.5], ...every(influence.muscles, 24) } }),
      })));
    const body = element("tbody");
    const fill = () => body.replaceChildren(...influence.muscles.map((muscle, row) => element("tr", {}, element("th", { scope: "row", text: muscle }),
      element("td", { text: strongest(influence.senses, rows(influence.of_senses[by])[row]) }), element("td", { text: strongest(influence.neurons, rows(influence.of_neurons[by])[row]) }))));
    tables.push(fill);
    fill();
    const head = element("thead", {}, element("tr", {}, ...["muscle", "senses that moved it most", "neurons"].map(text => element("th", { scope: "col", text }))));
    place.append(element("details", {}, element("summary", { text: "The strongest of each muscle" }),
      element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": `The strongest senses and neurons of ${influence.policy}` }, element("table", { class: "strongest" }, head, body))));
  }
  for (const choice of document.querySelectorAll("#influence-section input"))
    choice.addEventListener("change", () => {
      by = choice.value;
      tables.forEach(fill => fill());
      for (const chart of charts) if (chart.drawn) chart.draw();
    });
}
