// Forecast: a chart with a fan whose end can be dragged.

import { ask, labelled, latest, make, say, showWrong, word } from "/page/base.js";

const LEFT = 62, RIGHT = 26, TOP = 14, BOTTOM = 34;

export function forecast(model, place, tools) {
  const about = model.about, requests = latest();
  const most = model.options.horizon.high;
  let horizon = about.horizon, table = null, found = null;
  const series = make("select", {}, ...about.series.map(name => make("option", { value: name }, name)));
  const channel = make("select", {}, ...about.channels.map(name => make("option", { value: name }, name)));
  const steps = make("input", { type: "number", min: 1, max: most, value: horizon });
  const chart = make("div"), answer = make("section", { class: "answer", "aria-label": word("answer") }, chart);
  const own = make("textarea", { rows: 5, spellcheck: "false", placeholder: `${about.channels.join(",")}\n…` });
  const use = make("button", { type: "button" }, word("useOwn")), back = make("button", { type: "button", hidden: true }, word("useTrained"));
  const controls = make("div", { class: "options" }, labelled(word("options.horizon"), steps));
  if (about.series.length > 1) controls.prepend(labelled(word("series"), series));
  if (about.channels.length > 1) controls.append(labelled(word("channel"), channel));
  const form = make("form", { class: "play" }, controls, make("details", {}, make("summary", {}, word("own")), labelled(word("ownNote"), own), make("div", { class: "row" }, use, back)));
  form.addEventListener("submit", event => { event.preventDefault(); load(); });
  place.append(form, answer);
  steps.addEventListener("change", () => { set(Number(steps.value)); load(); });
  series.addEventListener("change", () => { load(); tools.changed(); });
  channel.addEventListener("change", draw);
  use.addEventListener("click", () => { table = rowsOf(own.value); back.hidden = false; load(); tools.changed(); });
  back.addEventListener("click", () => { table = null; back.hidden = true; load(); tools.changed(); });
  window.addEventListener("resize", () => { if (found && place.isConnected) draw(); });

  function set(value) {
    horizon = Math.min(most, Math.max(1, Math.round(value || 1)));
    steps.value = horizon;
  }

  function row() {
    if (table) return { table };
    return about.series.length > 1 ? { series: series.value } : {};
  }

  async function load() {
    const signal = requests.begin();
    answer.setAttribute("aria-busy", "true");
    try {
      const all = await ask("/v1/forecast", { model: model.name, horizon, ...row() }, signal);
      found = { ...all.series[0], calibrated: all.calibrated_steps };
      if (!answer.contains(chart)) answer.replaceChildren(chart);
      draw();
      say(word("horizonNow", horizon));
      tools.answered();
    } catch (error) { showWrong(answer, error); }
    answer.removeAttribute("aria-busy");
  }

  function draw() {
    const name = about.channels.length > 1 ? channel.value : Object.keys(found.channels)[0];
    const focused = chart.contains(document.activeElement) && document.activeElement.getAttribute("role") === "slider";
    chart.replaceChildren(picture(found.before.channels[name], found.channels[name], [...found.before.times, ...found.times]), tableOf(name));
    if (focused) chart.querySelector(".handle").focus();
  }

  function picture(past, ahead, times) {
    const width = Math.max(300, Math.min(900, place.clientWidth)), height = width < 480 ? 260 : 340;
    const shown = past.length + Math.max(ahead.length, Math.min(most, about.horizon)), count = shown + Math.ceil(0.12 * shown);
    const levels = Object.keys(ahead[0]).filter(key => key.startsWith("lo-")).map(key => key.slice(3));
    const all = [...past, ...ahead.flatMap(step => Object.values(step))];
    const low = Math.min(...all), high = Math.max(...all), room = (high - low || 1) * 0.06;
    const x = n => LEFT + n / Math.max(1, count - 1) * (width - LEFT - RIGHT);
    const y = value => TOP + (high + room - value) / (high - low + 2 * room) * (height - TOP - BOTTOM);
    const svg = make("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": `${found.name}: ${word("horizonNow", ahead.length)}` });
    for (let n = 0; n < 5; n++) {
      const value = low + n / 4 * (high - low);
      svg.append(make("line", { x1: LEFT, x2: width - RIGHT, y1: y(value), y2: y(value), stroke: "var(--line)" }), make("text", { x: LEFT - 8, y: y(value) + 4, "text-anchor": "end" }, short(value)));
    }
    const marks = width < 480 ? 3 : 5;
    for (let n = 0; n < marks; n++) {
      const at = Math.round(n / (marks - 1) * (times.length - 1));
      svg.append(make("text", { x: x(at), y: height - 10, "text-anchor": n === 0 ? "start" : n === marks - 1 ? "end" : "middle" }, String(times[at]).replace(/:00$/, "")));
    }
    const last = past.length - 1, start = past[last];
    levels.forEach(level => {
      const upper = ahead.map((step, n) => `${x(past.length + n)},${y(step[`hi-${level}`])}`);
      const lower = ahead.map((step, n) => `${x(past.length + n)},${y(step[`lo-${level}`])}`).reverse();
      svg.append(make("polygon", { points: [`${x(last)},${y(start)}`, ...upper, ...lower].join(" "), fill: "var(--fan)", "fill-opacity": 0.14 }));
    });
    const line = (points, ink, wide) => make("polyline", { points: points.join(" "), fill: "none", stroke: ink, "stroke-width": wide });
    svg.append(line(past.map((value, n) => `${x(n)},${y(value)}`), "var(--past)", 1.6));
    svg.append(line([`${x(last)},${y(start)}`, ...ahead.map((step, n) => `${x(past.length + n)},${y(step.y)}`)], "var(--fan)", 2.4));
    svg.append(handle(svg, x, past.length, height, ahead.length, width));
    return make("div", {}, legend(levels), svg, ahead.length > about.horizon ? make("p", { class: "note" }, word("beyond", about.horizon)) : "");
  }

  function handle(svg, x, from, height, now, width) {
    const group = make("g", {
      class: "handle", tabindex: "0", role: "slider", "aria-label": word("horizonHandle"),
      "aria-valuemin": 1, "aria-valuemax": most, "aria-valuenow": now, "aria-valuetext": word("horizonNow", now),
    });
    const at = x(from + now - 1), middle = (height - BOTTOM + TOP) / 2;
    const rule = make("line", { x1: at, x2: at, y1: TOP, y2: height - BOTTOM, stroke: "var(--accent)", "stroke-width": 2, "stroke-dasharray": "4 3" });
    const knob = make("circle", { cx: at, cy: middle, r: 9, fill: "var(--accent)" });
    const told = make("text", { x: at, y: TOP + 2, "text-anchor": at > width - 90 ? "end" : "middle" }, `+${now}`);
    group.append(make("rect", { x: at - 16, y: TOP, width: 32, height: height - TOP - BOTTOM, fill: "transparent" }), rule, knob, told);
    const move = value => {
      set(value);
      const to = x(from + horizon - 1);
      rule.setAttribute("x1", to); rule.setAttribute("x2", to); knob.setAttribute("cx", to);
      told.setAttribute("x", to); told.textContent = `+${horizon}`;
    };
    group.addEventListener("pointerdown", event => {
      event.preventDefault();
      group.setPointerCapture(event.pointerId);
      group.focus();
      const each = x(1) - x(0), box = svg.getBoundingClientRect(), scale = box.width / width;
      const moved = inner => move((inner.clientX - box.left) / scale / each - LEFT / each - from + 1);
      const up = () => {
        group.removeEventListener("pointermove", moved);
        load();
      };
      group.addEventListener("pointermove", moved);
      group.addEventListener("pointerup", up, { once: true });
    });
    group.addEventListener("keydown", event => {
      const by = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageUp: about.horizon, PageDown: -about.horizon }[event.key];
      const to = event.key === "Home" ? 1 : event.key === "End" ? most : by ? horizon + by : null;
      if (to === null) return;
      event.preventDefault();
      move(to);
      load();
    });
    return group;
  }

  function legend(levels) {
    const key = (ink, opacity) => make("span", { class: "key", style: { background: ink, opacity } });
    const shades = levels.map((level, n) => make("span", {}, key("var(--fan)", 0.14 * (n + 1) + 0.06), word("interval", level)));
    return make("p", { class: "legend" }, make("span", {}, key("var(--past)", 1), word("past")), make("span", {}, key("var(--fan)", 1), word("median")), ...shades);
  }

  function tableOf(name) {
    const rows = found.channels[name], columns = Object.keys(rows[0]);
    const title = column => column === "y" ? word("median") : column;
    const table = make("table", {}, make("tr", {}, make("th", {}, word("time")), ...columns.map(column => make("th", { class: "number" }, title(column)))),
      ...rows.map((step, n) => make("tr", {}, make("td", {}, found.times[n]), ...columns.map(column => make("td", { class: "number" }, short(step[column]))))));
    return make("details", {}, make("summary", {}, word("numbersTable")), make("div", { class: "scroll", tabindex: "0" }, table));
  }

  load();
  return { row, text: () => JSON.stringify(row()) };
}

function short(value) {
  const size = Math.abs(value);
  return size >= 1e6 || (size < 1e-3 && size > 0) ? value.toExponential(2) : String(+value.toPrecision(4));
}

// Rows of CSV; a cell that is a number is one.
function rowsOf(text) {
  const [head, ...lines] = text.trim().split(/\r?\n/).map(line => line.split(",").map(cell => cell.trim()));
  return lines.map(cells => Object.fromEntries(head.map((name, n) => {
    const cell = cells[n] ?? "";
    return [name, cell === "" ? null : isNaN(cell) ? cell : Number(cell)];
  })));
}
