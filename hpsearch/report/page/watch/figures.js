"use strict";

// Figures of a report: lines, dots and bars as SVG, as wide as their card. Colours are variables of the page, so that
// light, dark and paper are no matter of drawing.
function svg(name, attributes, text) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

// A list, or the bytes of one; NaN is a gap.
function unpacked(values) {
  if (!values || Array.isArray(values)) return values ?? [];
  const bytes = Uint8Array.from(atob(values.bdata), (each) => each.charCodeAt(0));
  const kind = { f4: Float32Array, i2: Int16Array, i4: Int32Array }[values.dtype];
  return Array.from(new kind(bytes.buffer), (each) => (Number.isNaN(each) ? null : each));
}

const SIDES = { left: 58, right: 14, top: 8, bottom: 38 };

class Figure {
  constructor(place, figure, open) {
    Object.assign(this, { place, figure, open, chosen: 0, whole: false, spots: [] });
    place.addEventListener("dblclick", () => { this.whole = !this.whole; this.draw(); });
    place.addEventListener("mousemove", (event) => { const spot = this.near(event); place.title = spot ? spot.text : ""; });
    place.addEventListener("click", (event) => { const spot = this.near(event); if (spot && spot.trial !== null) this.open(spot.trial); });
  }

  near(event) {
    const box = this.place.lastChild.getBoundingClientRect();
    const far = (spot) => Math.hypot(spot.x - event.clientX + box.left, spot.y - event.clientY + box.top);
    const found = this.spots.reduce((least, spot) => (least === null || far(spot) < far(least) ? spot : least), null);
    return found && far(found) < 16 ? found : null;
  }

  traces() {
    const { data, choices } = this.figure;
    return data.map((trace, i) => ({ ...trace, x: unpacked(trace.x), y: unpacked(choices.length ? choices[this.chosen][1][i] : trace.y), said: unpacked(trace.customdata) }));
  }

  // One side: where each value stands, what its ticks are.
  side(which, traces) {
    const layout = this.figure.layout[`${which}axis`] ?? {};
    const values = traces.flatMap((trace) => trace[which]);
    if (values.some((value) => typeof value === "string")) {
      const names = [...new Set(values)];
      const [low, high] = layout.autorange === "reversed" ? [names.length - 0.5, -0.5] : [-0.5, names.length - 0.5];
      return { limits: [low, high], at: (value) => names.indexOf(value), ticks: names.map((name, i) => [i, name]), title: layout.title?.text, names };
    }
    const bars = traces.some((trace) => trace.type === "bar");
    const stacks = bars && which === "y" && this.figure.layout.barmode === "stack";
    if (stacks) values.push(...traces[0].y.map((_, i) => traces.reduce((sum, trace) => sum + trace.y[i], 0)));
    for (const trace of traces) {
      const error = which === "x" && trace.error_x;
      if (error) trace.x.forEach((value, i) => values.push(value + error.array[i], value - error.arrayminus[i]));
    }
    const lengths = traces.some((trace) => trace.type === "bar" && (trace.orientation === "h") === (which === "x"));
    if (layout.rangemode === "tozero" || lengths) values.push(0);  // the length of a bar is its value
    let limits = layout.range && !this.whole ? layout.range : spread(values);
    if (bars && !lengths) limits = [limits[0] - 0.5, limits[1] + 0.5];
    else if (!layout.range || this.whole) { const pad = (limits[1] - limits[0]) * 0.03; limits = [limits[0] - (limits[0] === 0 ? 0 : pad), limits[1] + pad]; }
    const whole = layout.dtick === 1 || values.every((value) => value === null || Number.isInteger(value));
    return { limits, at: (value) => value, ticks: ticksOf({ whole }, ...limits), title: this.titled(which, layout) };
  }

  titled(which, layout) { return which === "y" && this.chosen ? this.figure.choices[this.chosen][0] : layout.title?.text; }

  draw() {
    const width = Math.max(this.place.clientWidth, 200);
    const height = this.figure.height;
    const traces = this.traces();
    const [x, y] = [this.side("x", traces), this.side("y", traces)];
    const left = y.names ? Math.min(Math.max(...y.names.map((name) => plain(name).length)) * 6.6 + 14, width * 0.4) : SIDES.left;
    const across = (value) => left + (x.at(value) - x.limits[0]) / (x.limits[1] - x.limits[0]) * (width - left - SIDES.right);
    const up = (value) => height - SIDES.bottom - (y.at(value) - y.limits[0]) / (y.limits[1] - y.limits[0]) * (height - SIDES.bottom - SIDES.top);
    const drawing = svg("svg", { viewBox: `0 0 ${width} ${height}`, height, role: "img", "aria-label": this.place.dataset.title });
    this.spots = [];
    let free = -Infinity;
    for (const [place, text] of x.ticks) {
      const at = across(place);
      drawing.append(svg("line", { x1: at, x2: at, y1: SIDES.top, y2: height - SIDES.bottom, class: "grid" }));
      if (at - text.length * 3.5 < free) continue;
      drawing.append(svg("text", { x: at, y: height - SIDES.bottom + 15, "text-anchor": "middle" }, text));
      free = at + text.length * 3.5 + 4;
    }
    for (const [place, text] of y.ticks) {
      const at = y.names ? up(y.names[place]) : up(place);
      if (!y.names) drawing.append(svg("line", { x1: left, x2: width - SIDES.right, y1: at, y2: at, class: "grid" }));
      drawing.append(svg("text", { x: left - 6, y: at + 4, "text-anchor": "end" }, cut(plain(text), y.names ? (left - 8) / 6.2 : 9)));
    }
    if (x.title) drawing.append(svg("text", { x: (left + width) / 2, y: height - 5, "text-anchor": "middle", class: "title" }, plain(x.title)));
    if (y.title) drawing.append(svg("text", { x: 12, y: (height - SIDES.bottom) / 2, "text-anchor": "middle", class: "title", transform: `rotate(-90 12 ${(height - SIDES.bottom) / 2})` }, plain(y.title)));
    const clip = `clip-${this.place.id}`;
    const room = svg("clipPath", { id: clip });
    room.append(svg("rect", { x: left, y: 0, width: width - left, height: height - SIDES.bottom + 1 }));
    const inside = svg("g", { "clip-path": `url(#${clip})` });
    drawing.append(room, inside);
    for (const shape of this.figure.layout.shapes ?? []) inside.append(svg("line", { x1: across(shape.x0), x2: across(shape.x1), y1: SIDES.top, y2: height - SIDES.bottom, style: `stroke: ${shape.line.color}; stroke-dasharray: 3 3` }));
    const base = new Map();
    let before = null;
    for (const trace of traces) {
      if (trace.type === "bar") this.bars(inside, trace, across, up, base);
      else {
        before = this.scatter(inside, trace, across, up, before);
        if (trace.hoverinfo !== "skip") this.remember(trace, across, up, [left, width]);
      }
      if (trace.error_x) this.errors(inside, trace, across, up);
    }
    this.place.replaceChildren(this.legend(traces), drawing);
  }

  remember(trace, across, up, [left, right]) {
    const step = Math.max(Math.floor(trace.x.length / 4000), 1);
    for (let i = 0; i < trace.x.length; i += step) {
      if (trace.y[i] === null || trace.x[i] === null) continue;
      const trial = typeof trace.said[i] === "number" ? trace.said[i] : null;
      const spot = { x: across(trace.x[i]), y: up(trace.y[i]), trial };
      spot.text = `${trial === null ? plain(trace.name ?? "") : `trial ${trial}`}: ${[trace.x[i], trace.y[i]].map((value) => (typeof value === "string" ? "" : number(value))).filter(Boolean).join(", ")}`;
      if (spot.x >= left && spot.x <= right) this.spots.push(spot);
    }
  }

  scatter(inside, trace, across, up, before) {
    const look = `opacity: ${trace.opacity ?? 1};`;
    const points = trace.x.map((value, i) => (value === null || trace.y[i] === null ? null : [across(value), up(trace.y[i])]));
    if (trace.fill === "tonexty" && before) {
      const ring = [...before, ...[...points].reverse()].filter(Boolean).map((point) => point.map((each) => each.toFixed(1)).join(","));
      inside.append(svg("polygon", { points: ring.join(" "), style: `fill: ${trace.line.color}; opacity: 0.12` }));
    }
    if (trace.mode.includes("lines")) {
      const { color, width: thick, shape, dash } = trace.line;
      const path = svg("path", { d: line(points, shape), style: `${look} fill: none; stroke: ${color}; stroke-width: ${thick ?? 2};${dash ? " stroke-dasharray: 2 3;" : ""}` });
      inside.append(path);
    }
    if (trace.mode.includes("markers")) {
      const { color, size = 6, opacity } = trace.marker ?? { color: trace.line.color };
      for (const point of points) if (point) inside.append(svg("circle", { cx: point[0].toFixed(1), cy: point[1].toFixed(1), r: size / 2, style: `fill: ${color}; opacity: ${opacity ?? 1}` }));
    }
    return points;
  }

  bars(inside, trace, across, up, base) {
    const flat = trace.orientation === "h";
    const look = `fill: ${trace.marker.color}; opacity: ${trace.marker.opacity ?? 1}`;
    trace.x.forEach((value, i) => {
      if (flat) {
        const [from, to] = [across(0), across(value)];
        inside.append(svg("rect", { x: Math.min(from, to), width: Math.abs(to - from), y: up(trace.y[i]) - 9, height: 18, style: look }));
        this.spots.push({ x: to, y: up(trace.y[i]), trial: null, text: `${plain(trace.y[i])}: ${number(value)}` });
        return;
      }
      const low = base.get(value) ?? 0;
      base.set(value, low + trace.y[i]);
      const [from, to] = [up(low), up(low + trace.y[i])];
      inside.append(svg("rect", { x: across(value - 0.5), width: across(value + 0.5) - across(value - 0.5) + 0.3, y: to, height: from - to, style: look }));
      this.spots.push({ x: across(value), y: to, trial: null, text: `epoch ${value}: ${trace.y[i]} ${trace.name}` });
    });
  }

  errors(inside, trace, across, up) {
    trace.x.forEach((value, i) => {
      const [low, high, at] = [across(value - trace.error_x.arrayminus[i]), across(value + trace.error_x.array[i]), up(trace.y[i])];
      inside.append(svg("path", { d: `M${low},${at}H${high}M${low},${at - 4}v8M${high},${at - 4}v8`, style: `fill: none; stroke: ${trace.error_x.color}; stroke-width: 1.3` }));
    });
  }

  legend(traces) {
    const shown = traces.filter((trace) => trace.name && trace.showlegend !== false);
    const place = document.createElement("div");
    place.className = "legend";
    if (this.figure.layout.showlegend === false) return place;
    place.append(...shown.map((trace) => {
      const [entry, mark] = [document.createElement("span"), document.createElement("i")];
      mark.style.background = trace.line?.color ?? trace.marker?.color;
      entry.append(mark, plain(trace.name));
      return entry;
    }));
    return place;
  }
}

function line(points, shape) {
  let path = "";
  let last = null;
  for (const point of points) {
    if (point) {
      const [x, y] = point.map((each) => each.toFixed(1));
      if (!last) path += `M${x},${y}`;
      else if (shape === "hv") path += `H${x}V${y}`;
      else if (shape === "hvh") path += `H${((last[0] + point[0]) / 2).toFixed(1)}V${y}H${x}`;
      else path += `L${x},${y}`;
    }
    last = point;
  }
  return path;
}

// Texts of figures say < and & in the way of HTML.
function plain(text) { return text.replaceAll("&lt;", "<").replaceAll("&amp;", "&"); }

// Draws all figures of a page, and returns how to draw them again.
function drawFigures(told, open) {
  const drawn = Object.entries(told).map(([key, figure]) => new Figure(document.getElementById(key), figure, open));
  for (const select of document.querySelectorAll("select[data-of]")) {
    const figure = drawn.find((each) => each.place.id === select.dataset.of);
    select.addEventListener("change", () => { figure.chosen = select.selectedIndex; figure.draw(); });
  }
  const draw = () => drawn.forEach((each) => each.draw());
  draw();
  return draw;
}
