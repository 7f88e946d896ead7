"use strict";

// Figures: Plotly takes colours, not their names, so the names are looked up for each way the page is shown.
const figures = JSON.parse(document.getElementById("data").textContent);
const ways = ["(prefers-color-scheme: dark)", "print"].map((query) => matchMedia(query));

function coloured(value, style) {
  if (typeof value === "string") {
    return value.startsWith("var(") ? style.getPropertyValue(value.slice(4, -1)).trim() : value;
  }
  if (Array.isArray(value)) {
    return value.every((item) => typeof item === "number" || item === null) ? value : value.map((item) => coloured(item, style));
  }
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, coloured(item, style)]));
}

function frame(layout) {
  const line = { gridcolor: "var(--rule)", linecolor: "var(--rule)", zerolinecolor: "var(--rule)", automargin: true };
  const title = (axis) => ({ standoff: 8, ...((axis || {}).title || {}) });
  return {
    paper_bgcolor: "transparent", plot_bgcolor: "transparent", hovermode: "closest", showlegend: true,
    font: { family: "system-ui, sans-serif", size: 12, color: "var(--ink)" },
    legend: { orientation: "h", x: 0, y: 1.02, yanchor: "bottom", bgcolor: "transparent" },
    margin: { l: 56, r: 12, t: 28, b: 44 },
    hoverlabel: { bgcolor: "var(--card)", bordercolor: "var(--rule)", font: { color: "var(--ink)" } },
    modebar: { bgcolor: "transparent", color: "var(--soft)", activecolor: "var(--ink)" },
    ...layout,
    xaxis: { ...line, ...layout.xaxis, title: title(layout.xaxis) },
    yaxis: { ...line, ...layout.yaxis, title: title(layout.yaxis) },
  };
}

// A drag zooms and a double click shows all, so a picture to take away is all that needs a button.
const config = { responsive: true, displaylogo: false, displayModeBar: "hover", modeBarButtons: [["toImage"]] };

function draw() {
  const style = getComputedStyle(document.documentElement);
  for (const [key, figure] of Object.entries(figures)) {
    Plotly.react(key, coloured(figure.data, style), coloured(frame(figure.layout), style), config);
  }
}

function choose(figure, [, values]) {
  figure.data.forEach((trace, number) => { trace.y = values[number]; });
}

for (const figure of Object.values(figures)) if (figure.choices.length) choose(figure, figure.choices[0]);
for (const select of document.querySelectorAll("select")) {
  const figure = figures[select.dataset.of];
  const first = figure.layout.yaxis;
  const text = (name) => name.replace(/&/g, "&amp;").replace(/</g, "&lt;");
  select.addEventListener("change", () => {
    const choice = figure.choices[select.selectedIndex];
    choose(figure, choice);
    figure.layout.yaxis = select.selectedIndex ? { title: { text: text(choice[0]) } } : first;
    draw();
  });
}
for (const way of ways) way.addEventListener("change", draw);
draw();

// The table of trials: sorted by a click on a heading, filtered by words and by comparisons.
const body = document.querySelector("#trials tbody");
const heads = [...document.querySelectorAll("#trials th")];
const search = document.querySelector("#trials input");
const rows = [...body.rows].map((row) => ({
  row, text: row.textContent.toLowerCase(), values: [...row.cells].map((cell) => cell.dataset.v ?? cell.textContent),
}));

function compare(a, b) {
  const [x, y] = [Number(a), Number(b)];
  const known = (number, text) => text !== "" && text !== "–" && text !== "-" && !Number.isNaN(number);
  if (known(x, a) && known(y, b)) return x - y;
  return known(y, b) - known(x, a) || a.localeCompare(b);
}

function show() {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  const names = heads.map((head) => head.textContent.toLowerCase());
  const tests = words.map((word) => {
    const [, name, sign, bound] = word.match(/^(.+?)([<>])(-?[\d.e+-]+)$/) || [];
    const column = names.indexOf(name);
    if (column < 0) return (each) => each.text.includes(word);
    return (each) => (sign === "<" ? Number(each.values[column]) < Number(bound) : Number(each.values[column]) > Number(bound));
  });
  let count = 0;
  for (const each of rows) {
    const kept = tests.every((test) => test(each));
    each.row.hidden = !kept;
    each.row.classList.toggle("late", kept && ++count > 50);
  }
  document.getElementById("count").textContent = `${count} of ${rows.length}`;
}

function sort(column) {
  const down = heads[column].getAttribute("aria-sort") === "ascending";
  heads.forEach((head) => head.removeAttribute("aria-sort"));
  heads[column].setAttribute("aria-sort", down ? "descending" : "ascending");
  rows.sort((a, b) => (down ? -1 : 1) * compare(a.values[column], b.values[column]));
  body.append(...rows.map((each) => each.row));
  show();
}

heads.forEach((head, column) => {
  head.addEventListener("click", () => sort(column));
  head.addEventListener("keydown", (event) => { if (event.key === "Enter") sort(column); });
});
search.addEventListener("input", show);
show();
