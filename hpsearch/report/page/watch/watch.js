"use strict";

// What is shown: a study as the server tells of it, and what was chosen in the panels. Nothing is written anywhere.
const $ = (id) => document.getElementById(id);
const state = { study: null, data: null, other: null, brushes: {}, sort: ["value", -1], words: "", inside: [], charts: {} };
const ROWS = 300;

// A page in a file holds what a server would tell; of trials that it does not tell whole it has the columns.
const frozen = document.getElementById("frozen") && JSON.parse(document.getElementById("frozen").textContent);

if (!frozen) $("summary").textContent = "reading the log …";

function told(path) {
  if (path === "api/studies") return frozen.studies;
  if (path.startsWith("api/study/")) return frozen.study;
  const name = path.slice(path.lastIndexOf("/") + 1);
  if (frozen.trials[name]) return frozen.trials[name];
  const { trials, metric, curves } = frozen.study;
  const k = trials.number.indexOf(Number(name));
  const axes = axesOf(frozen.study).slice(0, -1);
  const text = (column) => cell(frozen.study.columns.find((each) => each.name === column), k) ?? "";
  return {
    trial: trials.number[k], state: STATES[trials.state[k]], value: trials.value[k], epoch: trials.at[k], epochs: trials.epochs[k],
    why: text("why"), diagnosis: text("diagnosis"), attributes: {}, shown: Object.fromEntries(axes.map((axis) => [axis.name, said(axis, axis.column[k])])),
    curves: curves[name] ? { [metric]: curves[name] } : {},
  };
}

async function ask(path) {
  if (frozen) return told(path);
  const answer = await fetch(path);
  if (answer.status === 204) return null;
  const value = await answer.json();
  if (!answer.ok) throw new Error(value.error || answer.statusText);
  return value;
}

const address = (kind, ...parts) => `api/${kind}/${parts.map(encodeURIComponent).join("/")}`;

function options(select, values, chosen) {
  const key = (pairs) => JSON.stringify(pairs);
  if (key([...select.options].map((option) => [option.value, option.text])) !== key(values)) {
    select.replaceChildren(...values.map(([value, text]) => new Option(text, value)));
  }
  if (chosen !== undefined) select.value = chosen;
}

// The axes that panels choose from: the parameters, and the metric itself.
function axesOf(data) {
  return [...data.axes.map((axis, i) => ({ ...axis, key: `p:${axis.name}`, column: data.trials.places[i] })),
    { name: data.metric, key: "value", column: data.trials.value }];
}

// Columns of the table that only a report has, and what stands in them.
const further = (data) => data.columns ?? [];
const cell = (column, k) => (!column ? null : column.names ? column.names[column.of[k]] : column.values[k]);
const cells = (column, trials) => trials.number.map((_, k) => cell(column, k));

function comparison(word) {
  const found = /^(.+?)([<>])(-?[\d.eE+-]+)$/.exec(word);
  return found && !Number.isNaN(Number(found[3])) ? [found[1], found[2], Number(found[3])] : null;
}

function choose() {
  const { data } = state;
  const axes = axesOf(data);
  const { number: numbers, state: states, at, epochs, stage: stages } = data.trials;
  const stage = stages && $("stage").value !== "" ? Number($("stage").value) : null;
  const words = state.words.toLowerCase().split(/\s+/).filter(Boolean);
  const columns = { trial: numbers, epochs, "at epoch": at, ...(stages ? { stage: stages } : {}) };
  const texts = [];
  for (const column of further(data)) {
    if (column.right) columns[column.name.toLowerCase()] = column.values; else texts.push(column);
  }
  state.inside = numbers.map((name, k) => {
    if (stage !== null && stages[k] !== stage) return false;
    for (const axis of axes) {
      const brush = state.brushes[axis.key];
      if (brush && (axis.column[k] === null || axis.column[k] < brush[0] || axis.column[k] > brush[1])) return false;
    }
    return words.every((word) => {
      const compared = comparison(word);
      if (!compared) {
        return `${name} ${STATES[states[k]]} ${axes.map((axis) => (axis.options && axis.column[k] !== null ? axis.options[axis.column[k]] : "")).join(" ")} ${texts.map((column) => cell(column, k) ?? "").join(" ")}`.toLowerCase().includes(word);
      }
      const axis = axes.find((each) => each.name.toLowerCase() === compared[0]);
      const place = axis ? axis.column[k] : (columns[compared[0]] || [])[k];
      const known = axis && axis.log && place !== null ? 10 ** place : place;
      return known !== null && known !== undefined && (compared[1] === "<" ? known < compared[2] : known > compared[2]);
    });
  });
  const count = state.inside.filter(Boolean).length;
  const all = count === (stage === null ? numbers.length : stages.filter((each) => each === stage).length);
  $("chosen").textContent = all ? "" : `${count.toLocaleString("en")} of ${numbers.length.toLocaleString("en")} trials chosen`;
  $("clear").disabled = all && !Object.keys(state.brushes).length && !state.words;
}

function tell(k) {
  const { trials, metric } = state.data;
  const params = axesOf(state.data).slice(0, -1).map((axis) => `${axis.name}=${said(axis, axis.column[k])}`).join(" ");
  return `trial ${trials.number[k]}, ${STATES[trials.state[k]]}: ${metric} ${number(trials.value[k])}\n${params}`;
}

function brush(key, range, redraw = true) {
  if (range) state.brushes[key] = range; else delete state.brushes[key];
  if (redraw) refresh();
}

const parallel = new Parallel($("parallel"), brush);
const map = new Scatter($("map"), brush, (k) => show(state.data.trials.number[k]));
const lanes = new Lanes($("lanes"), (k) => show(state.data.trials.number[k]));

function chart(id, opts, data, height = 300) {
  const place = $(id);
  const old = state.charts[id];
  const limits = opts.limits && !place.dataset.whole ? opts.limits : null;
  const shape = JSON.stringify([opts.series.map((series) => [series.label, series.stroke, series.width]), place.clientWidth, limits]);
  if (old && old.shape === shape) { old.plot.setData(data); return; }
  if (old) old.plot.destroy();
  const paint = colours();
  const axis = { stroke: paint.soft, grid: { stroke: paint.rule, width: 1 }, ticks: { stroke: paint.rule, width: 1 } };
  const whole = (plot, splits) => splits.map((split) => (Number.isInteger(split) ? String(split) : ""));
  const plot = new uPlot({
    width: Math.max(place.clientWidth, 200), height, scales: { x: { time: false }, ...(limits ? { y: { range: () => limits } } : {}) },
    axes: [{ ...axis, values: whole, label: opts.across, labelSize: 18, size: 34 }, { ...axis, size: 56, values: (_, splits) => splits.map(number) }],
    cursor: { focus: { prox: 16 } }, focus: { alpha: 0.25 },
    legend: { show: Boolean(opts.named), live: false }, series: opts.series, hooks: opts.hooks ?? {},
  }, data, place);
  state.charts[id] = { plot, shape };
  // The poorest values are left out at first where they would take most of the height.
  if (opts.limits) place.querySelector(".u-over").addEventListener("dblclick", () => { place.dataset.whole = place.dataset.whole ? "" : "yes"; opts.again(); });
  if (opts.open) place.querySelector(".u-over").addEventListener("click", () => { if (place.dataset.near) opts.open(Number(place.dataset.near)); });
}

function drawCurves() {
  const { data } = state;
  const paint = colours();
  const metrics = [data.metric, ...Object.keys(data.other_curves)];
  options($("metric"), metrics.map((name) => [name, name]), metrics.includes($("metric").value) ? $("metric").value : data.metric);
  $("metric").parentElement.hidden = metrics.length < 2;
  const metric = $("metric").value;
  const curves = metric === data.metric ? data.curves : data.other_curves[metric];
  const epochs = [...new Set(Object.values(curves).flatMap(([x]) => x))].sort((a, b) => a - b);
  const at = new Map(epochs.map((epoch, i) => [epoch, i]));
  const where = new Map(data.trials.number.map((name, k) => [name, k]));
  const names = Object.keys(curves).map(Number).filter((name) => where.has(name) && state.inside[where.get(name)]);
  const best = data.best ? data.best.trial : -1;
  names.sort((a, b) => (a === best) - (b === best) || a - b);
  const columns = names.map((name) => {
    const column = new Array(epochs.length).fill(null);
    const [x, y] = curves[name];
    x.forEach((epoch, i) => { column[at.get(epoch)] = y[i]; });
    return column;
  });
  const series = names.map((name) => ({
    label: `trial ${name}`, spanGaps: true, points: { show: curves[name][0].length === 1, size: 5, fill: paint.card },
    stroke: name === best ? paint.best : `${paint[data.trials.state[where.get(name)]]}${name === best ? "" : "99"}`, width: name === best ? 2.5 : 1,
  }));
  const place = $("curves");
  chart("curves", {
    across: "epoch", series: [{ label: "epoch" }, ...series], open: (name) => show(name), again: drawCurves,
    limits: metric === data.metric ? data.curve_limits : null,
    hooks: { setSeries: [(plot, i) => { place.dataset.near = i ? plot.series[i].label.slice(6) : ""; place.title = i ? plot.series[i].label : ""; }] },
  }, [epochs, ...columns]);
  const drawn = Object.keys(curves).length;
  $("curvesnote").textContent = drawn < data.trials.number.length ? `${drawn} of ${data.trials.number.length.toLocaleString("en")} curves: the best, those that run, and others evenly apart.` : "A click shows the trial.";
}

function drawSoFar() {
  const paint = colours();
  const sets = [state.data, ...(state.other ? [state.other] : [])];
  const { data } = state;
  const x = [...new Set([...sets.flatMap((each) => each.so_far[0]), ...data.dots[0]])].sort((a, b) => a - b);
  const at = new Map(x.map((each, i) => [each, i]));
  const columns = sets.map((each) => {
    const [reached, values] = each.so_far;
    let i = -1;
    return x.map((count) => { while (i + 1 < reached.length && reached[i + 1] <= count) i += 1; return i < 0 || count > reached[reached.length - 1] ? null : values[i]; });
  });
  const steps = uPlot.paths.stepped({ align: 1 });
  const found = [...new Set(data.dots[1].map((k) => data.trials.state[k]))].sort((a, b) => "PFWRC".indexOf(a) - "PFWRC".indexOf(b));
  const dots = found.map((letter) => {
    const column = new Array(x.length).fill(null);
    data.dots[1].forEach((k, i) => { if (data.trials.state[k] === letter && state.inside[k]) column[at.get(data.dots[0][i])] = data.trials.value[k]; });
    return column;
  });
  chart("sofar", {
    across: "epochs trained, all trials together", named: sets.length > 1,
    limits: sets.length > 1 ? null : data.limits, again: drawSoFar,
    series: [{ label: "epochs" },
      ...found.map((letter) => ({ label: STATES[letter], stroke: paint[letter], width: 1, paths: () => null, points: { show: true, size: 5, fill: paint[letter], width: 0 } })),
      ...sets.map((each, i) => ({ label: each.study, stroke: i ? paint.other : paint.best, width: 2.5, paths: steps }))],
  }, [x, ...dots, ...columns]);
}

function table() {
  const { data } = state;
  const axes = axesOf(data);
  const { trials } = data;
  const columns = [["trial", trials.number, String], ["state", [...trials.state], (each) => STATES[each]], [data.metric, trials.value, number],
    ["at epoch", trials.at, (each) => (each === null ? "–" : String(each))], ["epochs", trials.epochs, String],
    ...(trials.stage ? [["stage", trials.stage, String]] : []),
    ...axes.slice(0, -1).map((axis) => [axis.name, axis.column, (place) => said(axis, place)]),
    ...further(data).map((column) => [column.name, cells(column, trials), column.right ? number : (each) => each ?? "", column.right ? "n" : column.name === "curve" ? "curve" : "text"])];
  const kind = (i) => columns[i][3] ?? (i === 1 ? "" : "n");
  const [by, way] = state.sort;
  const place = by === "value" ? 2 : columns.findIndex(([name]) => name === by);
  const values = columns[Math.max(place, 0)][1];
  const better = by === "value" && data.direction === "minimize" ? -way : way;
  const order = [...trials.number.keys()].filter((k) => state.inside[k]).sort((a, b) => {
    const [x, y] = [values[a], values[b]];
    if (x === null || y === null) return (x === null) - (y === null);
    return (x < y ? -1 : x > y ? 1 : trials.number[a] - trials.number[b]) * (x === y ? 1 : better);
  });
  const heads = document.createElement("tr");
  columns.forEach(([name], i) => {
    const head = document.createElement("th");
    head.scope = "col"; head.tabIndex = 0; head.textContent = name; head.className = kind(i);
    head.ariaSort = i === place ? (better > 0 ? "ascending" : "descending") : "none";
    const turn = () => { state.sort = [i === 2 ? "value" : name, i === place ? -way : i === 2 ? -1 : 1]; table(); };
    head.addEventListener("click", turn);
    head.addEventListener("keydown", (event) => { if (event.key === "Enter") turn(); });
    heads.append(head);
  });
  const focused = document.activeElement && document.activeElement.dataset.trial;
  const rows = order.slice(0, ROWS).map((k, place) => {
    const row = document.createElement("tr");
    row.tabIndex = 0; row.dataset.trial = trials.number[k];
    row.className = place < 50 ? "" : "late";
    columns.forEach(([, column, text], i) => {
      const field = document.createElement("td");
      field.textContent = text(column[k]); field.className = i === 1 ? STATES[trials.state[k]] : kind(i);
      row.append(field);
    });
    return row;
  });
  document.querySelector("#trials thead").replaceChildren(heads);
  document.querySelector("#trials tbody").replaceChildren(...rows);
  if (focused) document.querySelector(`#trials tr[data-trial="${focused}"]`)?.focus();
  $("count").textContent = order.length > ROWS ? `the first ${ROWS} of ${order.length.toLocaleString("en")}` : String(order.length);
}

function heading() {
  if (frozen) return; // a report says more
  const { data } = state;
  const { counts } = data;
  document.title = `${data.study} – hpsearch`;
  $("goal").textContent = `${data.direction} ${data.metric}${data.data ? ` on ${data.data}` : ""}; ${data.sampler?.class ?? data.sampler}, ${data.pruner?.class ?? data.pruner}`;
  const ended = counts.complete + counts.pruned + counts.failed;
  const best = data.best ? `best ${data.metric} ${number(data.best.value)}, trial ${data.best.trial} (${data.best.params})` : `no trial has a ${data.metric} yet`;
  $("summary").textContent = `${best}.${data.stop ? ` Stopped: ${data.stop}.` : ""}${data.failures.length ? ` Trial ${data.failures[0][0]} failed: ${data.failures[0][1]}.` : ""}`;
  const tiles = [[ended.toLocaleString("en"), data.n_trials ? `of ${data.n_trials.toLocaleString("en")} trials ended` : "trials ended"],
    ...Object.entries(counts).map(([name, count]) => [count.toLocaleString("en"), name])];
  $("tiles").replaceChildren(...tiles.map(([value, name]) => {
    const tile = document.createElement("div");
    const [strong, span] = [document.createElement("b"), document.createElement("span")];
    strong.textContent = value; span.textContent = name; tile.append(strong, span);
    return tile;
  }));
}

function refresh() {
  const { data } = state;
  if (!data) return;
  const axes = axesOf(data);
  $("stages-shown").hidden = !data.stages.length;
  const stages = [...data.stages.map(([name, words]) => [String(name), `${name}: ${words}`]), ["", "all"]];
  if (!$("stage").options.length || !stages.some(([name]) => name === $("stage").value)) options($("stage"), stages, String(data.stage));
  else options($("stage"), stages, $("stage").value);
  choose();
  const names = axes.map((axis) => [axis.key, axis.name]);
  const known = (select, fallback) => (names.some(([key]) => key === select.value) ? select.value : fallback);
  const [first, second] = mapped(axes);
  options($("across"), names, known($("across"), first));
  options($("up"), names, known($("up"), second));
  const [x, y] = [$("across"), $("up")].map((select) => axes.find((axis) => axis.key === select.value));
  const stage = data.trials.stage && $("stage").value;
  const values = stage ? data.trials.value.map((value, k) => (data.trials.stage[k] === Number(stage) ? value : null)) : data.trials.value;
  const rank = ranks(values, data.direction === "maximize");
  parallel.show(axes, axes.map((axis) => axis.column), state.inside, rank, state.brushes);
  map.show(x, y, [x.column, y.column], state.inside, rank, data.trials.state, tell, hill(x, y, values));
  lanes.show(data.trials, data.lanes, state.inside, tell);
  drawCurves(); drawSoFar(); table();
}

// The two parameters that a map begins with: where it is known, the numbers that matter most, else the first two.
function mapped(axes) {
  const matter = (frozen?.important ?? []).map((name) => axes.find((axis) => axis.key === `p:${name}`)).filter((axis) => axis && ordered(axis));
  const chosen = axes.filter((axis) => matter.slice(0, 2).includes(axis));
  const [first, second] = [...chosen, ...axes.filter((axis) => !chosen.includes(axis))];
  return [first.key, (second ?? first).key];
}

// What the map is shaded by: how good trials near by are, where both axes are numbers and neither is the metric.
function hill(x, y, values) {
  const { data } = state;
  if (x === y || [x, y].some((axis) => axis.key === "value" || !ordered(axis))) return null;
  const kept = [...values.keys()].filter((k) => state.inside[k] && values[k] !== null && data.trials.state[k] !== "F" && x.column[k] !== null && y.column[k] !== null);
  return surface(kept.map((k) => x.column[k]), kept.map((k) => y.column[k]), kept.map((k) => values[k]), data.limits, data.direction === "maximize");
}

async function show(name) {
  const found = await ask(address("trial", state.study, name));
  $("trialname").textContent = `trial ${found.trial}: ${found.state.toLowerCase()}`;
  const body = $("trialbody");
  const list = document.createElement("dl");
  const add = (key, value) => { const [dt, dd] = [document.createElement("dt"), document.createElement("dd")]; dt.textContent = key; dd.textContent = value; list.append(dt, dd); };
  add(state.data.metric, `${number(found.value)}${found.epoch === null ? "" : ` at epoch ${found.epoch} of ${found.epochs}`}`);
  if (found.why) add("why", found.why);
  if (found.diagnosis) add("its curve", found.diagnosis);
  for (const [key, value] of Object.entries(found.shown)) add(key, value);
  for (const [key, value] of Object.entries(found.attributes)) add(key, JSON.stringify(value));
  const metrics = document.createElement("select");
  metrics.setAttribute("aria-label", "metric");
  options(metrics, Object.keys(found.curves).map((key) => [key, key]));
  metrics.value = state.data.metric in found.curves ? state.data.metric : metrics.value;
  const place = document.createElement("div");
  place.id = "trialchart"; place.className = "chart";
  const text = (title, content) => { const [head, pre] = [document.createElement("h3"), document.createElement("pre")]; head.textContent = title; pre.textContent = content; return [head, pre]; };
  body.replaceChildren(list, ...(metrics.length ? [metrics, place] : []), ...(found.traceback ? text("traceback", found.traceback) : []), ...(found.output ? text("what it printed", found.output) : []));
  if (!$("trial").open) $("trial").showModal();
  const draw = () => {
    delete state.charts.trialchart; place.replaceChildren();
    const along = found.across?.[metrics.value] || "epoch";
    chart("trialchart", { across: along, series: [{ label: along }, { label: metrics.value, stroke: colours().best, width: 2, points: { show: found.curves[metrics.value][0].length < 40, fill: colours().card } }] }, found.curves[metrics.value], 240);
  };
  metrics.addEventListener("change", draw);
  if (metrics.length) draw();
}

async function follow() {
  const begun = performance.now();
  try {
    const studies = await ask("api/studies");
    const names = studies.map((each) => [each.study, `${each.study}${each.running ? " ●" : ""}`]);
    if (!studies.length) { $("summary").textContent = "there is no study yet"; return; }
    const wanted = frozen ? studies[0].study : decodeURIComponent(location.hash.slice(1));
    const name = names.some(([each]) => each === wanted) ? wanted : (studies.find((each) => each.running) ?? studies[0]).study;
    options($("study"), names, name);
    options($("other"), [["", "–"], ...names.filter(([each]) => each !== name)], $("other").value);
    const changed = name !== state.study;
    const data = await ask(`${address("study", name)}?at=${changed ? "" : state.data?.at}`);
    if (changed) Object.assign(state, { study: name, brushes: {}, other: null });
    if (data) { state.data = data; heading(); refresh(); }
  } catch (error) {
    $("summary").textContent = error instanceof TypeError ? "hpsearch watch has ended; what is shown is its last state" : `cannot be read: ${error.message}`;
  } finally {
    // A study that takes long to tell of is asked for less often.
    if (!frozen) setTimeout(follow, Math.max(1500, 8 * (performance.now() - begun)));
  }
}

$("study").addEventListener("change", (event) => { location.hash = encodeURIComponent(event.target.value); });
window.addEventListener("hashchange", () => location.reload());
$("other").addEventListener("change", async (event) => { state.other = event.target.value ? await ask(address("study", event.target.value)) : null; drawSoFar(); });
$("filter").addEventListener("input", (event) => { state.words = event.target.value; refresh(); });
$("clear").addEventListener("click", () => { state.brushes = {}; state.words = ""; $("filter").value = ""; refresh(); });
for (const id of ["across", "up", "stage"]) $(id).addEventListener("change", refresh);
$("metric").addEventListener("change", drawCurves);
document.querySelector("#trials tbody").addEventListener("click", (event) => { const row = event.target.closest("tr"); if (row) show(row.dataset.trial); });
document.querySelector("#trials tbody").addEventListener("keydown", (event) => {
  const row = event.target.closest("tr");
  if (!row) return;
  if (event.key === "Enter") show(row.dataset.trial);
  const next = event.key === "ArrowDown" ? row.nextElementSibling : event.key === "ArrowUp" ? row.previousElementSibling : null;
  if (next) { next.focus(); event.preventDefault(); }
});
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && !["INPUT", "SELECT"].includes(event.target.tagName)) { $("filter").focus(); event.preventDefault(); }
});
function again() { for (const { plot } of Object.values(state.charts)) plot.destroy(); state.charts = {}; refresh(); figures(); }
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
let width = innerWidth;
window.addEventListener("resize", () => { if (innerWidth !== width) { width = innerWidth; again(); } });
const figures = frozen ? drawFigures(frozen.figures, show) : () => {};
follow();
