"use strict";

// The panels of the page: each draws what it is given and tells what was chosen in it. Colours are the page's own.
const STATES = { C: "complete", P: "pruned", F: "failed", R: "running", W: "paused" };

function colours() {
  const style = getComputedStyle(document.documentElement);
  const of = (name) => style.getPropertyValue(`--${name}`).trim();
  return {
    ink: of("ink"), soft: of("soft"), rule: of("rule"), card: of("card"), best: of("best"), other: of("running"),
    C: of("complete"), P: of("pruned"), F: of("failed"), R: of("running"), W: of("line-4"),
    scale: [0, 1, 2, 3].map((step) => of(`scale-${step}`)),
  };
}

// A canvas as sharp as the screen, cleared, with its size in pixels of the page.
function blank(canvas) {
  const ratio = window.devicePixelRatio || 1;
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  pen.font = "12px system-ui, sans-serif";
  return { pen, width, height };
}

function number(value) {
  if (value === null || value === undefined) return "–";
  const size = Math.abs(value);
  return value === 0 || (size >= 1e-3 && size < 1e5) ? String(Number(value.toPrecision(4))) : value.toExponential(2);
}

// What a place on an axis is called: an option, a power of ten or the number itself.
function said(axis, place) {
  if (place === null) return "–";
  if (axis.options) return axis.options[place];
  return number(axis.log ? 10 ** place : place);
}

function ticksOf(axis, low, high) {
  if (axis.ticks) return axis.ticks[0].map((place, i) => [place, axis.ticks[1][i]]).filter(([place]) => place >= low - 1e-9 && place <= high + 1e-9);
  if (high <= low) return [[low, said(axis, low)]];
  const raw = (high - low) / 6;
  const power = 10 ** Math.floor(Math.log10(raw));
  let step = [1, 2, 5, 10].map((mark) => mark * power).find((each) => each >= raw);
  if (axis.whole) step = Math.max(Math.round(step), 1);
  const found = [];
  for (let at = Math.ceil(low / step) * step; at <= high + step * 1e-6; at += step) found.push([at, number(Math.abs(at) < step * 1e-6 ? 0 : at)]);
  return found;
}

function spread(values) {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) if (value !== null) { if (value < low) low = value; if (value > high) high = value; }
  if (low > high) return [0, 1];
  if (low === high) return [low - 0.5, high + 0.5];
  return [low, high];
}

// From the worst to the best value, by rank: one outlier must not take all colours.
function ranks(values, maximize) {
  const order = values.map((value, i) => i).filter((i) => values[i] !== null)
    .sort((a, b) => (maximize ? values[a] - values[b] : values[b] - values[a]));
  const rank = new Float32Array(values.length).fill(-1);
  order.forEach((i, place) => { rank[i] = order.length > 1 ? place / (order.length - 1) : 1; });
  return rank;
}

function shade(paint, rank) {
  return rank < 0 ? paint.soft : paint.scale[Math.min(Math.floor(rank * 4), 3)];
}

// Tells of drags and clicks in a canvas: the rectangle dragged over, or the point clicked.
function pointed(canvas, dragged, clicked) {
  let from = null;
  const at = (event) => { const box = canvas.getBoundingClientRect(); return [event.clientX - box.left, event.clientY - box.top]; };
  canvas.addEventListener("pointerdown", (event) => { from = at(event); canvas.setPointerCapture(event.pointerId); });
  canvas.addEventListener("pointermove", (event) => { if (from) canvas.dispatchEvent(new CustomEvent("rubber", { detail: [from, at(event)] })); });
  canvas.addEventListener("pointercancel", () => { from = null; });
  canvas.addEventListener("pointerup", (event) => {
    if (!from) return;
    const [start, end] = [from, at(event)];
    from = null;
    if (Math.hypot(end[0] - start[0], end[1] - start[1]) < 4) clicked(end); else dragged(start, end);
  });
}

class Parallel {
  constructor(canvas, brush) {
    this.canvas = canvas;
    this.canvas.addEventListener("rubber", (event) => { this.draw(); this.rubber(event.detail); });
    pointed(canvas, ([x, y0], [, y1]) => {
      const axis = this.near(x);
      if (axis < 0) return;
      const place = (y) => { const [low, high] = this.limits[axis]; return high - (y - this.top) / this.span * (high - low); };
      brush(this.axes[axis].key, [place(Math.max(y0, y1)), place(Math.min(y0, y1))]);
    }, ([x, y]) => { const axis = this.near(x); if (axis >= 0 && y < this.top) brush(this.axes[axis].key, null); });
  }

  near(x) { return this.at ? this.at.findIndex((each) => Math.abs(each - x) < Math.max(this.gap / 2, 12)) : -1; }

  rubber([[x, y0], [, y1]]) {
    const axis = this.near(x);
    if (axis < 0) return;
    const { pen } = this;
    pen.fillStyle = colours().best; pen.globalAlpha = 0.3;
    pen.fillRect(this.at[axis] - 8, Math.min(y0, y1), 16, Math.abs(y1 - y0));
    pen.globalAlpha = 1;
  }

  show(axes, columns, inside, rank, brushes) { Object.assign(this, { axes, columns, inside, rank, brushes }); this.draw(); }

  draw() {
    if (!this.axes) return;
    const { pen, width, height } = blank(this.canvas);
    const paint = colours();
    const n = this.axes.length;
    this.pen = pen; this.top = 26; this.span = height - this.top - 12;
    this.gap = n > 1 ? (width - 110) / (n - 1) : width;
    this.at = this.axes.map((_, i) => 50 + i * this.gap);
    this.limits = this.columns.map(spread);
    const order = [...this.rank.keys()].sort((a, b) => this.rank[a] - this.rank[b]);
    const y = (i, place) => { const [low, high] = this.limits[i]; return this.top + (high - place) / (high - low) * this.span; };
    const many = order.length > 1000;
    for (const pass of [false, true]) {
      pen.lineWidth = pass ? 1.2 : 0.7;
      for (const k of order) {
        if (this.inside[k] !== pass) continue;
        pen.globalAlpha = pass ? (many ? 0.35 : 0.75) : (many ? 0.03 : 0.12);
        pen.strokeStyle = pass ? shade(paint, this.rank[k]) : paint.soft;
        pen.beginPath();
        let open = false;
        for (let i = 0; i < n; i += 1) {
          const place = this.columns[i][k];
          if (place === null) { open = false; continue; }
          if (open) pen.lineTo(this.at[i], y(i, place)); else pen.moveTo(this.at[i], y(i, place));
          open = true;
        }
        pen.stroke();
      }
    }
    pen.globalAlpha = 1;
    this.axes.forEach((axis, i) => {
      pen.strokeStyle = paint.rule; pen.lineWidth = 1.5;
      pen.beginPath(); pen.moveTo(this.at[i], this.top); pen.lineTo(this.at[i], this.top + this.span); pen.stroke();
      pen.fillStyle = paint.ink; pen.textAlign = i === 0 ? "left" : i === n - 1 ? "right" : "center";
      pen.fillText(cut(axis.name, Math.max(this.gap / 7, 8)), i === 0 ? 4 : i === n - 1 ? width - 4 : this.at[i], 14);
      pen.fillStyle = paint.soft; pen.textAlign = "left";
      for (const [place, text] of ticksOf(axis, ...this.limits[i])) pen.fillText(cut(text, 12), this.at[i] + 4, y(i, place) + 4);
      const brush = this.brushes[axis.key];
      if (brush) {
        pen.fillStyle = paint.best; pen.globalAlpha = 0.35;
        const [from, to] = [y(i, brush[1]), y(i, brush[0])].map((each) => Math.min(Math.max(each, this.top), this.top + this.span));
        pen.fillRect(this.at[i] - 6, from, 12, to - from);
        pen.globalAlpha = 1;
      }
    });
  }
}

function cut(text, most) { return text.length > most ? `${text.slice(0, Math.max(Math.floor(most) - 1, 1))}…` : text; }

// Whether an axis has an order: numbers, or options that are numbers.
function ordered(axis) { return !axis.options || axis.options.every((option) => option !== "" && !Number.isNaN(Number(option))); }

const CELLS = 48;
const NEAR = 1500;

// The mean of the values near by, as shares from the worst to the best (Nadaraya-Watson with a Gaussian kernel): it never
// leaves the trials' range, and there is none where no trial is near. Of very many trials, some evenly apart are asked.
function surface(xs, ys, values, limits, maximize) {
  if (values.length < 6) return null;
  const step = Math.ceil(values.length / NEAR);
  const thin = (column) => column.filter((_, i) => i % step === 0);
  const [x, y, z] = [xs, ys, values].map(thin);
  const [[left, right], [low, high], [poor, good]] = [spread(x), spread(y), limits ?? spread(z)];
  const width = Math.max(0.3 * z.length ** (-1 / 6), 0.05); // Scott's rule for two dimensions, over a unit square
  const marks = Array.from({ length: CELLS }, (_, i) => -0.04 + 1.08 * i / (CELLS - 1));
  const near = (column, from, to) => marks.map((mark) => column.map((each) => Math.exp(-(((each - from) / (to - from) - mark) ** 2) / (2 * width ** 2))));
  const [across, up] = [near(x, left, right), near(y, low, high)];
  const shares = z.map((value) => (Math.min(Math.max(value, poor), good) - poor) / (good - poor)).map((share) => (maximize ? share : 1 - share));
  const heights = up.map((row) => across.map((column) => {
    let [total, sum] = [0, 0];
    for (let i = 0; i < shares.length; i += 1) { const weight = row[i] * column[i]; total += weight; sum += weight * shares[i]; }
    return total > Math.exp(-2) ? sum / total : null;
  }));
  return { xs: marks.map((mark) => left + mark * (right - left)), ys: marks.map((mark) => low + mark * (high - low)), heights };
}

class Scatter {
  constructor(canvas, brush, open) {
    this.canvas = canvas;
    canvas.addEventListener("rubber", ({ detail: [a, b] }) => {
      this.draw();
      this.pen.strokeStyle = colours().best;
      this.pen.strokeRect(Math.min(a[0], b[0]), Math.min(a[1], b[1]), Math.abs(b[0] - a[0]), Math.abs(b[1] - a[1]));
    });
    pointed(canvas, (a, b) => {
      const [x, y] = [[a[0], b[0]].map((each) => this.back(0, each)), [a[1], b[1]].map((each) => this.back(1, each))];
      brush(this.x.key, x.sort((p, q) => p - q), false);
      brush(this.y.key, y.sort((p, q) => p - q), true);
    }, (at) => { const k = this.nearest(at, 14); if (k >= 0) open(k); });
    canvas.addEventListener("mousemove", (event) => {
      const box = canvas.getBoundingClientRect();
      const k = this.nearest([event.clientX - box.left, event.clientY - box.top], 10);
      canvas.title = k < 0 ? "" : this.tell(k);
      canvas.style.cursor = k < 0 ? "crosshair" : "pointer";
    });
  }

  show(x, y, columns, inside, rank, states, tell, hill) { Object.assign(this, { x, y, columns, inside, rank, states, tell, hill }); this.draw(); }

  place(side, value) {
    const [low, high] = this.limits[side];
    const part = (value - low) / (high - low);
    return side === 0 ? 56 + part * (this.width - 72) : this.height - 34 - part * (this.height - 48);
  }

  back(side, pixel) {
    const [low, high] = this.limits[side];
    const part = side === 0 ? (pixel - 56) / (this.width - 72) : (this.height - 34 - pixel) / (this.height - 48);
    return low + part * (high - low);
  }

  shadeHill(paint) {
    const { pen } = this;
    const { xs, ys, heights } = this.hill;
    const [wide, high] = [this.place(0, xs[1]) - this.place(0, xs[0]), this.place(1, ys[0]) - this.place(1, ys[1])];
    pen.save();
    pen.beginPath(); pen.rect(56, 14, this.width - 72, this.height - 48); pen.clip();
    pen.fillStyle = paint.scale[2];
    ys.forEach((y, j) => xs.forEach((x, i) => {
      const share = heights[j][i];
      if (share === null) return;
      pen.globalAlpha = 0.05 + 0.5 * share;
      pen.fillRect(this.place(0, x) - wide / 2, this.place(1, y) - high / 2, wide, high);
    }));
    pen.restore();
  }

  nearest([x, y], reach) {
    if (!this.columns) return -1;
    let [found, least] = [-1, reach];
    const [xs, ys] = this.columns;
    for (let k = 0; k < xs.length; k += 1) {
      if (xs[k] === null || ys[k] === null || !this.inside[k]) continue;
      const far = Math.hypot(this.place(0, xs[k]) - x, this.place(1, ys[k]) - y);
      if (far < least) [found, least] = [k, far];
    }
    return found;
  }

  draw() {
    if (!this.columns) return;
    const { pen, width, height } = blank(this.canvas);
    Object.assign(this, { pen, width, height });
    const paint = colours();
    this.limits = this.columns.map((column) => { const [low, high] = spread(column); const pad = (high - low) * 0.04; return [low - pad, high + pad]; });
    if (this.hill) this.shadeHill(paint);
    [this.x, this.y].forEach((axis, side) => {
      for (const [place, text] of ticksOf(axis, ...this.limits[side])) {
        const at = this.place(side, place);
        pen.strokeStyle = paint.rule; pen.lineWidth = 1; pen.beginPath();
        if (side === 0) { pen.moveTo(at, 14); pen.lineTo(at, height - 34); } else { pen.moveTo(56, at); pen.lineTo(width - 16, at); }
        pen.stroke();
        pen.fillStyle = paint.soft; pen.textAlign = side === 0 ? "center" : "right";
        if (side === 0) pen.fillText(cut(text, 10), at, height - 18); else pen.fillText(cut(text, 8), 50, at + 4);
      }
    });
    pen.fillStyle = paint.ink; pen.textAlign = "center";
    pen.fillText(this.x.name + (this.x.log ? " (log)" : ""), 56 + (width - 72) / 2, height - 3);
    pen.textAlign = "left"; pen.fillText(this.y.name + (this.y.log ? " (log)" : ""), 4, 10);
    const [xs, ys] = this.columns;
    const size = xs.length > 1000 ? 2 : 4;
    const order = [...this.rank.keys()].sort((a, b) => this.rank[a] - this.rank[b]);
    for (const k of order) {
      if (xs[k] === null || ys[k] === null) continue;
      const [x, y] = [this.place(0, xs[k]), this.place(1, ys[k])];
      pen.globalAlpha = this.inside[k] ? 0.95 : 0.12;
      if (this.states[k] === "F") {
        pen.strokeStyle = paint.F; pen.beginPath();
        pen.moveTo(x - size, y - size); pen.lineTo(x + size, y + size); pen.moveTo(x - size, y + size); pen.lineTo(x + size, y - size); pen.stroke();
        continue;
      }
      pen.beginPath(); pen.arc(x, y, size, 0, 7);
      pen.fillStyle = shade(paint, this.rank[k]);
      if (this.hill && size > 2) { pen.strokeStyle = paint.card; pen.lineWidth = 2; pen.stroke(); pen.lineWidth = 1; }
      if (this.states[k] === "R") { pen.strokeStyle = paint.R; pen.stroke(); } else pen.fill();
      if (this.rank[k] === 1) { pen.strokeStyle = paint.best; pen.lineWidth = 2.5; pen.beginPath(); pen.arc(x, y, size + 3, 0, 7); pen.stroke(); pen.lineWidth = 1; }
    }
    pen.globalAlpha = 1;
  }
}

class Lanes {
  constructor(canvas, open) {
    this.canvas = canvas;
    pointed(canvas, () => {}, (at) => { const k = this.under(at); if (k >= 0) open(k); });
    canvas.addEventListener("mousemove", (event) => {
      const box = canvas.getBoundingClientRect();
      const k = this.under([event.clientX - box.left, event.clientY - box.top]);
      canvas.title = k < 0 ? "" : this.tell(k);
    });
  }

  show(trials, bars, inside, tell) { Object.assign(this, { trials, bars, inside, tell }); this.draw(); }

  bar(j) {
    const { begins, lasts, lane, span } = this.bars;
    const wide = (this.width - 40) / (span || 1);
    return [34 + begins[j] * wide, 6 + lane[j] * this.high, Math.max(lasts[j] * wide, 1), this.high];
  }

  under([x, y]) {
    if (!this.bars) return -1;
    const j = this.bars.trial.findIndex((_, j) => { const [left, top, wide, high] = this.bar(j); return x >= left && x <= left + wide && y >= top && y <= top + high; });
    return j < 0 ? -1 : this.bars.trial[j];
  }

  draw() {
    if (!this.bars) return;
    const { pen, width, height } = blank(this.canvas);
    const paint = colours();
    const lanes = this.bars.lane.reduce((most, lane) => Math.max(most, lane), 0) + 1;
    Object.assign(this, { width, high: (height - 34) / lanes });
    for (let j = 0; j < this.bars.trial.length; j += 1) {
      const k = this.bars.trial[j];
      const [left, top, wide, high] = this.bar(j);
      pen.globalAlpha = this.inside[k] ? 0.9 : 0.15;
      pen.fillStyle = paint[this.trials.state[k]];
      pen.fillRect(left, top, Math.max(wide - (wide > 4 ? 1 : 0), 0.5), Math.max(high - 2, 1));
    }
    pen.globalAlpha = 1; pen.fillStyle = paint.soft; pen.textAlign = "right";
    const step = Math.max(Math.ceil(lanes / 12), 1);
    for (let lane = 0; lane < lanes; lane += step) pen.fillText(String(lane), 28, 6 + (lane + 0.5) * this.high + 4);
    const { unit, span, busy } = this.bars;
    pen.textAlign = "center"; pen.fillText(`${unit} 0 to ${span}, lanes trained ${Math.round(100 * busy)} % of it`, width / 2, height - 6);
  }
}
