// What the model said, what it looked at, what mattered, and the units that follow something.

function bars(rows, marked, spaced) { // spaced: several are marked, such as the keys of a chord
  const box = make("div", { class: "bars" }), most = Math.max(...rows.map(row => row[1]), 1e-9);
  for (const [name, share] of rows) {
    const chosen = name === marked || (spaced && (marked || "").split(" ").includes(name));
    box.append(make("span", { class: "name" }, visible(name) + (chosen ? " ◂" : "")),
      make("span", { class: "bar" + (chosen ? " chosen" : ""), style: `width:${(100 * share / most).toFixed(1)}%` }),
      make("span", {}, `${(100 * share).toFixed(1)} %`));
  }
  return box;
}

function saysView(text, number) {
  const { kind, rows, chosen: followed } = text.steps;
  if (kind === "ahead") return aheadView(text);
  const out = [make("h2", {}, kind === "next" ? word("next_") : word("says"))];
  if (kind === "label") {
    rows.forEach((row, n) => out.push(make("h3", {}, word(n ? "labelWhole" : "labelNetwork")), bars(row, row[0][0])));
    return out;
  }
  if (kind === "written") out.push(make("p", {}, make("strong", {}, `${word("answer")}: `), text.answer));
  const step = kind === "written" && placeNow().side === "source" ? chosen.written[number] : chosen.here[number];
  const at = Math.min(step, rows.length - 1), named = kind === "written" ? text.written[at] : kind === "keys" ? text.tokens[at] : text.tokens[at];
  out.push(make("p", { class: "note" }, word(kind + "Note", visible(named), at + 1)));
  if (kind === "written") out.push(make("p", {}, ...text.written.map((name, s) => make("button", {
    "aria-pressed": String(s === at), onclick: () => { chosen.written[number] = s; if (placeNow().side === "target") chosen.here[number] = s; draw(); },
  }, visible(name)))));
  out.push(bars(rows[at], followed[at], kind === "keys"));
  const details = make("details", {}, make("summary", {}, word("all")));
  details.addEventListener("toggle", () => {
    if (details.children.length > 1) return;
    const heads = ["step", "token", "followed", "likeliest"].map(n => make("th", {}, word(n)));
    const table = make("table", {}, make("thead", {}, make("tr", {}, ...heads)));
    const names = kind === "written" ? text.written : text.tokens;
    rows.forEach((row, s) => table.append(make("tr", {}, make("td", {}, s + 1), make("td", {}, visible(names[s])), make("td", {}, visible(followed[s])),
      make("td", {}, row.slice(0, 5).map(([n, p]) => `${visible(n)} ${(100 * p).toFixed(1)} %`).join("   ")))));
    details.append(make("div", { class: "scroll" }, table));
  });
  return [...out, details];
}

function aheadView(text) { // the look-back, the median and the widest interval
  const before = text.values, ahead = text.ahead, count = before.length + ahead.length;
  const width = Math.min(1100, Math.max(640, count * 9)), height = 210, left = 60, right = 8;
  const all = [...before, ...ahead.flat()], low = Math.min(...all), high = Math.max(...all), span = high - low || 1;
  const x = n => left + n / Math.max(1, count - 1) * (width - left - right), y = v => height - 22 - (v - low) / span * (height - 34);
  const svg = make("svg", { width, height, viewBox: `0 0 ${width} ${height}`, style: "max-width:100%;height:auto", role: "img", "aria-label": word("forecast") });
  for (const value of [low, (low + high) / 2, high]) {
    svg.append(make("line", { x1: left, x2: width, y1: y(value), y2: y(value), stroke: "var(--line)" }));
    svg.append(make("text", { x: left - 6, y: y(value) + 4, "text-anchor": "end" }, short(value)));
  }
  const from = before.length, point = (n, v) => `${x(n).toFixed(1)},${y(v).toFixed(1)}`;
  const middle = (ahead[0].length - 1) / 2;
  const upper = ahead.map((row, n) => point(from + n, row[row.length - 1])), lower = ahead.map((row, n) => point(from + n, row[0]));
  svg.append(make("polygon", { points: [...upper, ...lower.reverse()].join(" "), fill: "var(--b)", opacity: 0.22 }));
  svg.append(make("polyline", { points: before.map((v, n) => point(n, v)).join(" "), fill: "none", stroke: "var(--a)", "stroke-width": 1.8 }));
  svg.append(make("polyline", { points: [point(from - 1, before[from - 1]), ...ahead.map((row, n) => point(from + n, row[middle]))].join(" "), fill: "none", stroke: "var(--b)", "stroke-width": 1.8 }));
  const at = x(Math.min(from - 1, chosen.here[data.texts.indexOf(text)]));
  svg.append(make("line", { x1: at, x2: at, y1: 8, y2: height - 22, stroke: "var(--soft)", "stroke-dasharray": "3 3" }));
  svg.append(make("text", { x: left, y: height - 5 }, text.tokens[0]), make("text", { x: x(from - 1), y: height - 5, "text-anchor": "end" }, text.tokens[from - 1]));
  const key = (ink, name) => make("span", {}, make("span", { class: "key", style: `background:var(--${ink})` }), word(name));
  return [make("h2", {}, word("forecast")), make("p", { class: "legend" }, key("a", "values"), key("b", "median")), svg];
}

function mapOf(array, head, rows, columns, wide, high, left, top, context) {
  let most = 1e-9; // a map of little contrast is shown up to its own largest share
  const at = (r, c) => head === null ? numberAt(array, r, c) : numberAt(array, head, r, c);
  for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) most = Math.max(most, at(r, c));
  cells(context, left, top, wide, high, rows, columns, (r, c) => colourOf(at(r, c), 0, most));
  return at;
}

function lookingView(text, number, kind) {
  const names = Object.keys(text.arrays).filter(name => name.endsWith("." + kind));
  if (!names.length) return [];
  const picture = Boolean(text.arrays.picture);
  const out = [make("h2", {}, word(kind)), make("p", { class: "note" }, word(kind + (picture ? "Picture" : "Note")))];
  for (const name of names) {
    const array = text.arrays[name], heads = array.shape.length === 3 ? array.shape[0] : null;
    const written = name.startsWith("decoder.");
    const down = written ? text.written : text.tokens, read = ["<start>", ...text.written.slice(0, -1)]; // what a decoder has before it when it writes
    const across = kind === "alignment" || !written ? text.tokens : read;
    const now = chosen.head[name] || 0, place = name.slice(0, -kind.length - 1);
    out.push(make("h3", {}, nameOf(place)));
    if (picture && kind === "alignment") { out.push(...lookedAt(text, number, name)); continue; }
    if (heads > 1) out.push(make("div", { class: "heads" }, ...Array.from({ length: heads }, (_, h) => {
      const size = Math.max(1, Math.floor(104 / Math.max(down.length, across.length)) || 1);
      const wide = Math.min(104, size * across.length), high = Math.min(104, size * down.length);
      const picture = canvas(wide, high, `${word("head")} ${h + 1}`, c => mapOf(array, h, down.length, across.length, wide / across.length, high / down.length, 0, 0, c));
      picture.removeAttribute("tabindex");
      return make("button", { class: "head", "aria-pressed": String(h === now), onclick: () => { chosen.head[name] = h; draw(); } }, picture, `${word("head")} ${h + 1}`);
    })));
    out.push(enlarged(array, heads === null ? null : now, down, across, `${word(kind)}, ${nameOf(place)}`));
  }
  return out;
}

function enlarged(array, head, down, across, label) {
  const each = Math.max(4, Math.min(24, Math.floor(720 / Math.max(down.length, across.length))));
  const letters = Math.max(...down.map(n => visible(n).length)), left = each < 8 ? 30 : Math.min(120, 14 + 9 * letters), top = each < 8 ? 16 : 70;
  let at = null;
  const element = canvas(left + each * across.length + 30, top + each * down.length + 6, label, context => {
    at = mapOf(array, head, down.length, across.length, each, each, left, top, context);
    context.fillStyle = rgb(palette.soft);
    context.font = `${Math.min(12, Math.max(8, each - 1))}px system-ui, 'Noto Sans KR', sans-serif`;
    if (each < 8) return;
    context.textAlign = "right";
    down.forEach((name, n) => context.fillText(visible(name).slice(0, 12), left - 5, top + (n + 0.5) * each + 4));
    context.textAlign = "left";
    across.forEach((name, n) => {
      context.save();
      context.translate(left + (n + 0.5) * each + 4, top - 5);
      context.rotate(-Math.PI / 3);
      context.fillText(visible(name).slice(0, 11), 0, 0);
      context.restore();
    });
  });
  const line = make("p", { class: "value" });
  let r = 0, c = 0;
  const tell = () => { line.textContent = word("looks", visible(down[r]), visible(across[c]), at(r, c).toFixed(2)); };
  element.addEventListener("mousemove", event => {
    const box = element.getBoundingClientRect();
    r = Math.min(down.length - 1, Math.max(0, Math.floor((event.clientY - box.top - top) / each)));
    c = Math.min(across.length - 1, Math.max(0, Math.floor((event.clientX - box.left - left) / each)));
    tell();
  });
  element.addEventListener("keydown", event => {
    const by = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
    if (!by) return;
    event.preventDefault();
    r = Math.min(down.length - 1, Math.max(0, r + by[0])); c = Math.min(across.length - 1, Math.max(0, c + by[1]));
    tell(); say(line.textContent);
  });
  return make("div", { class: "scroll" }, element, line);
}

function attributionView(text, number) {
  const found = text.attribution;
  if (!found) return [];
  const target = Math.min(chosen.target[number], found.targets.length - 1), ahead = data.task === "forecast";
  if (!found.targets.length) return [];
  const pick = make("select", { "aria-label": word("result"), onchange: e => { chosen.target[number] = +e.target.value; draw(); } },
    ...found.targets.map((name, n) => make("option", { value: n, selected: n === target }, ahead ? name : `${data.task === "tag" ? name : visible(name)}   p = ${Math.exp(found.end[n]).toPrecision(3)}`)));
  const out = [make("h2", {}, word("attribution")), make("p", {}, `${word("result")}: `, pick)];
  if (data.task === "classify") out.push(make("p", { class: "note" }, word("network")));
  const sum = found.gradients[target].reduce((a, b) => a + b, 0), whole = found.end[target] - found.start[target];
  const note = ahead ? "Ahead" : "Note", start = text.arrays.mel ? "quiet" : text.arrays.roll ? "rest" : text.arrays.picture ? "cells" : "zeros";
  const rough = Math.abs(found.gap[target]) > 0.05 * Math.max(...found.end.map((end, n) => Math.abs(end - found.start[n]))) ? " " + word("rough") : "";
  const says = {
    gradients: word("gradients" + note, short(found.start[target]), short(found.end[target]), found.places, sum.toFixed(4), whole.toFixed(4), short(Math.abs(found.gap[target])), words.starts[start]) + rough,
    occlusion: word("occlusion" + note, words.starts[start]),
  };
  for (const method of ["gradients", "occlusion"]) {
    const values = found[method][target], most = mostOf(method);
    out.push(make("h3", {}, word(method)), make("p", { class: "note" }, says[method]));
    out.push(text.arrays.picture ? pictured(text, values, most) : text.arrays.mel || text.arrays.roll ? stemsBelow(values, most, text, number) : ahead ? stems(values, most, text) : coloured(values, most, text));
    out.push(make("p", { class: "note" }, ramp(-most, most), ` (${word("against")} – ${word("for")})`));
  }
  return out;
}

function mostOf(method) { // one scale for what is shown of all texts
  return Math.max(1e-9, ...data.texts.flatMap((text, n) => {
    const found = text.attribution;
    return found && found.targets.length ? found[method][Math.min(chosen.target[n], found.targets.length - 1)].map(Math.abs) : [];
  }));
}

function coloured(values, most, text) {
  const strip = make("div", { class: "strip" }), wide = areWords(text.tokens);
  text.tokens.forEach((name, step) => {
    const colour = colourOf(values[step], -most, most);
    strip.append(make("span", { class: "token" + (wide ? " wide" : ""), style: `background:${rgb(colour)};color:${inkOn(colour)};cursor:default`, title: `${visible(name)}  ${values[step].toFixed(4)}` },
      wide ? visible(name) : name === " " ? " " : visible(name)));
    if (name === "\n") strip.append(make("br"));
  });
  return strip;
}

function stems(values, most, text) { // a bar a step, up for and down against
  const width = 900, height = 110, each = width / values.length;
  const svg = make("svg", { width: "100%", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": word("attribution") });
  values.forEach((value, n) => {
    const size = Math.abs(value) / most * 50;
    svg.append(make("rect", { x: n * each + each * 0.1, width: each * 0.8, y: value > 0 ? 55 - size : 55, height: size, fill: `var(--${value > 0 ? "plus" : "minus"})` }));
  });
  svg.append(make("line", { x1: 0, x2: width, y1: 55, y2: 55, stroke: "var(--soft)" }));
  return svg;
}

function unitsView() {
  const out = [make("h2", {}, word("units"))], found = data.search;
  if (!found) return [...out, make("p", { class: "note" }, word("noUnits"))];
  out.push(make("p", { class: "note" }, word("unitsNote", ...found.tokens.map(n => n.toLocaleString()))));
  if (!found.rows.length) return [...out, make("p", { class: "note" }, word("noneFound"))];
  const head = ["property", "unit", "found", "held", "right", "place"].map((n, i) => make("th", { class: i && i < 5 ? "number" : null, scope: "col" }, word(n)));
  const body = found.rows.map(([property, place, signal, unit, here, held, right]) => make("tr", {},
    make("td", {}, propertyName(property)), make("td", { class: "number" }, unit),
    make("td", { class: "number" }, here.toFixed(2)), make("td", { class: "number" }, make("strong", {}, held.toFixed(2))),
    make("td", { class: "number" }, right === null ? "–" : `${(100 * right).toFixed(0)} %`),
    make("td", {}, `${nameOf(place)}, ${words.names[signal]}`),
    make("td", {}, make("button", { onclick: () => showUnit(place, signal, unit), "aria-label": `${word("show")}: ${propertyName(property)}, ${word("unit")} ${unit}` }, word("show")))));
  const table = make("table", {}, make("thead", {}, make("tr", {}, ...head, make("td"))), make("tbody", {}, ...body));
  const box = make("div", { class: "scroll" }, table);
  return [...out, found.rows.length > 12 ? make("details", { open: chosen.open, ontoggle: e => { chosen.open = e.target.open; } }, make("summary", {}, `${word("units")} (${found.rows.length})`), box) : box];
}
