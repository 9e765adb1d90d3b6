// What is no text: a recording with what is heard in it, a piano roll, a picture that is looked at.

function labelOf(text, place, step) { // a step of a recording is named by what is said there, a time without its year
  if (text.values) return text.tokens[step].length > 10 ? text.tokens[step].slice(5, 16) : text.tokens[step];
  return text.steps.kind === "spoken" && place.side === "source" ? text.steps.chosen[step] : namesOf(text, place)[step];
}

function labelsOf(text, place) { return namesOf(text, place).map((_, step) => labelOf(text, place, step)); }

function nameAt(text, step) { // how a step is spoken of: "0.36 s “t”"
  const label = labelOf(text, placeNow(), step);
  return text.steps.kind === "spoken" && placeNow().side === "source" ? `${text.tokens[step]} s “${visible(label)}”` : `“${visible(label)}”`;
}

function trackOfSeries(text, number, low, high) { // the values as a line, behind them the unit's colours
  const values = text.values, count = values.length, each = columnWidth(count), top = 8, bottom = 112;
  const least = Math.min(...values), span = Math.max(...values) - least || 1;
  const x = step => GUTTER + (step + 0.5) * each, y = value => bottom - 8 - (value - least) / span * (bottom - top - 16);
  const svg = make("svg", { width: GUTTER + each * count + 8, height: bottom + 20, role: "img", tabindex: "0", "aria-label": word("trackSteps") });
  values.forEach((value, step) => {
    const unit = unitValue(text, chosen.signal, step);
    svg.append(make("rect", { x: GUTTER + step * each, width: each + 0.5, y: top, height: bottom - top, fill: rgb(colourOf(unit, low, high)) },
      make("title", {}, `${text.tokens[step]}: ${short(value)}, ${words.unit} ${chosen.unit}: ${unit.toFixed(2)}`)));
  });
  svg.append(make("rect", { x: GUTTER + chosen.here[number] * each + 0.5, width: each - 1, y: top, height: bottom - top, fill: "none", stroke: "var(--ink)", "stroke-width": 2 }));
  svg.append(make("polyline", { points: values.map((value, step) => `${x(step)},${y(value).toFixed(1)}`).join(" "), fill: "none", stroke: "var(--ink)", "stroke-width": 1.8 }));
  for (const value of [least, least + span]) svg.append(make("text", { x: GUTTER - 6, y: y(value) + 4, "text-anchor": "end" }, short(value)));
  svg.append(make("text", { x: GUTTER, y: bottom + 16 }, text.tokens[0]), make("text", { x: GUTTER + each * count, y: bottom + 16, "text-anchor": "end" }, text.tokens[count - 1]));
  return make("div", { class: "scroll" }, stepped(svg, number, each, count));
}

function stepped(element, number, each, count) { // a picture over the steps: a click chooses one, arrow keys move
  element.addEventListener("click", event => {
    const step = Math.floor((event.clientX - element.getBoundingClientRect().left - GUTTER) / each);
    if (step >= 0 && step < count) goTo(number, step);
  });
  element.addEventListener("keydown", event => moved(event, number, count));
  return element;
}

function inputView(text, number) {
  if (text.arrays.mel) return hearView(text, number);
  if (text.arrays.roll) return rollView(text, number);
  if (text.arrays.picture) return [make("h2", {}, word("picture")), make("div", { class: "looks" }, make("figure", {}, seen(text, 240, word("picture"))))];
  return [];
}

function hearView(text, number) {
  const count = text.tokens.length, each = columnWidth(count), mel = text.arrays.mel, [bands, frames] = mel.shape;
  const high = Math.max(2, Math.round(120 / bands)), width = GUTTER + each * count + 8;
  const element = canvas(width, bands * high + 20, word("mel"), context => {
    const colours = Array.from({ length: 256 }, (_, n) => mixed(palette.zero, palette.one, (n / 255) ** 1.6));
    cells(context, GUTTER, 2, each * count / frames, high, bands, frames, (r, c) => colours[bytes[mel.at + (bands - 1 - r) * frames + c]]);
    context.strokeStyle = rgb(palette.ink);
    context.strokeRect(GUTTER + chosen.here[number] * each + 0.5, 2.5, each - 1, bands * high - 1);
    context.fillStyle = rgb(palette.soft);
    context.font = "11px system-ui, sans-serif";
    const every = Math.ceil(44 / each);
    for (let step = 0; step < count; step += every) context.fillText(`${text.tokens[step]} s`, GUTTER + step * each, bands * high + 16);
  });
  return [
    make("h2", {}, word("hearing")), make("p", {}, `${word("answer")}: `, make("strong", {}, text.answer || word("nothing"))),
    make("p", { class: "note" }, word("hearingNote")),
    make("div", { class: "scroll" }, make("h3", {}, word("mel")), stepped(element, number, each, count),
      make("h3", {}, word("chance")), chanceLegend(text), stepped(chanceChart(text, number, each), number, each, count)),
  ];
}

function toldNames(text) { // of the tokens that are likely somewhere: those of the transcript, then others
  const said = [...new Set(text.written)].filter(name => text.names.includes(name));
  return [...said, ...text.names.filter(name => name !== SILENT && !said.includes(name))].slice(0, 12);
}

const SILENT = "·";
const INKS = ["a", "b", "c", "d", "e", "f"];

function inkOf(n) { return { ink: `var(--${INKS[n % INKS.length]})`, dash: n >= INKS.length ? "5 3" : null }; }

function chanceLegend(text) {
  const legend = make("p", { class: "legend" });
  toldNames(text).forEach((name, n) => legend.append(make("span", {}, make("span", { class: "key", style: `background:${inkOf(n).ink}` }), visible(name))));
  return legend;
}

function chanceChart(text, number, each) { // a line a token, and the token's name where it is said
  const count = text.tokens.length, array = text.arrays.chance, top = 24, bottom = 150;
  const width = GUTTER + each * count + 8, svg = make("svg", { width, height: bottom + 8, role: "img", tabindex: "0", "aria-label": word("chance") });
  const x = step => GUTTER + (step + 0.5) * each, y = share => bottom - share * (bottom - top);
  for (const share of [0, 0.5, 1]) {
    svg.append(make("line", { x1: GUTTER, x2: width, y1: y(share), y2: y(share), stroke: "var(--line)" }));
    svg.append(make("text", { x: GUTTER - 6, y: y(share) + 4, "text-anchor": "end" }, `${100 * share} %`));
  }
  const at = x(chosen.here[number]);
  svg.append(make("line", { x1: at, x2: at, y1: top, y2: bottom, stroke: "var(--soft)", "stroke-dasharray": "3 3" }));
  toldNames(text).forEach((name, n) => {
    const column = text.names.indexOf(name), { ink, dash } = inkOf(n);
    const points = Array.from({ length: count }, (_, step) => `${x(step).toFixed(1)},${y(numberAt(array, step, column)).toFixed(1)}`);
    svg.append(make("polyline", { points: points.join(" "), fill: "none", stroke: ink, "stroke-width": 1.8, "stroke-dasharray": dash }));
  });
  text.steps.chosen.forEach((name, step) => {
    if (name !== SILENT) svg.append(make("text", { class: "said", x: x(step), y: 15, "text-anchor": "middle" }, visible(name)));
  });
  return svg;
}

function rollView(text, number) {
  const array = text.arrays.roll, [keys, count] = array.shape, each = columnWidth(count), high = 5;
  let low = keys, top = 0;
  for (let k = 0; k < keys; k++) for (let t = 0; t < count; t++) if (bytes[array.at + k * count + t]) { low = Math.min(low, k); top = Math.max(top, k); }
  low = Math.max(0, low - 2); top = Math.min(keys - 1, top + 2);
  const rows = Math.max(1, top - low + 1), width = GUTTER + each * count + 8;
  const element = canvas(width, rows * high + 6, word("roll"), context => {
    cells(context, GUTTER, 2, each, high, rows, count, (r, c) => mixed(palette.zero, palette.a, bytes[array.at + (top - r) * count + c] ? 1 : 0));
    context.strokeStyle = rgb(palette.line);
    context.strokeRect(GUTTER - 0.5, 1.5, each * count + 1, rows * high + 1);
    context.strokeStyle = rgb(palette.ink);
    context.strokeRect(GUTTER + chosen.here[number] * each + 0.5, 2.5, each - 1, rows * high - 1);
    context.fillStyle = rgb(palette.soft);
    context.font = "11px system-ui, sans-serif";
    context.textAlign = "right";
    for (let k = low; k <= top; k++) if ((k + 21) % 12 === 0) context.fillText(`C${(k + 21) / 12 - 1}`, GUTTER - 5, 2 + (top - k + 1) * high);
  });
  return [make("h2", {}, word("roll")), make("p", { class: "note" }, word("rollNote")), make("div", { class: "scroll" }, stepped(element, number, each, count))];
}

// A picture with a value for each of its cells: light where it is looked at, or in two colours.
function seen(text, size, label, shareOf, signed) {
  const array = text.arrays.picture, [height, width] = array.shape, side = Math.round(Math.sqrt(text.tokens.length));
  const element = canvas(size, size, label, context => {
    context.imageSmoothingEnabled = false;
    const image = new ImageData(width, height);
    for (let n = 0; n < width * height; n++) {
      const colour = [0, 1, 2].map(c => bytes[array.at + n * 3 + c]);
      image.data.set([...(signed ? Array(3).fill(0.5 * (0.3 * colour[0] + 0.59 * colour[1] + 0.11 * colour[2]) + 90) : colour), 255], n * 4);
    }
    const small = make("canvas", { width, height });
    small.getContext("2d").putImageData(image, 0, 0);
    context.imageSmoothingEnabled = true;
    context.drawImage(small, 0, 0, size, size);
    if (!shareOf) return;
    for (let cell = 0; cell < side * side; cell++) {
      const share = shareOf(cell), [r, c] = [Math.floor(cell / side), cell % side];
      const [left, top, right, bottom] = [c, r, c + 1, r + 1].map(n => Math.round(n * size / side)); // without seams
      context.fillStyle = signed ? `rgba(${(share < 0 ? palette.minus : palette.plus).join(",")},${(0.8 * Math.abs(share)).toFixed(3)})` : `rgba(0,0,0,${(0.66 * (1 - Math.sqrt(share))).toFixed(3)})`;
      context.fillRect(left, top, right - left, bottom - top);
    }
  });
  element.removeAttribute("tabindex");
  return element;
}

function lookedAt(text, number, name) { // a small picture for each word, light where the decoder looked
  const array = text.arrays[name], heads = array.shape.length === 3 ? array.shape[0] : 0, now = chosen.head[name] || 0;
  const at = (step, cell) => heads ? numberAt(array, now, step, cell) : numberAt(array, step, cell);
  const out = heads > 1 ? [make("p", { class: "heads" }, ...Array.from({ length: heads }, (_, h) =>
    make("button", { class: "head", "aria-pressed": String(h === now), onclick: () => { chosen.head[name] = h; draw(); } }, `${word("head")} ${h + 1}`)))] : [];
  const row = make("div", { class: "looks" });
  text.written.forEach((token, step) => {
    const most = Math.max(1e-9, ...text.tokens.map((_, cell) => at(step, cell)));
    const label = word("looks", visible(token), text.tokens[text.tokens.map((_, c) => at(step, c)).reduce((best, v, c, all) => v > all[best] ? c : best, 0)], most.toFixed(2));
    row.append(make("button", { class: "look", "aria-pressed": String(step === chosen.here[number]), title: label, onclick: () => goTo(number, step) },
      seen(text, 132, label, cell => at(step, cell) / most), make("span", {}, visible(token))));
  });
  return [...out, row];
}

function stemsBelow(values, most, text, number) { // a bar a step, as wide as the steps of the pictures above
  const each = columnWidth(values.length), width = GUTTER + each * values.length + 8;
  const svg = make("svg", { width, height: 124, role: "img", tabindex: "0", "aria-label": word("attribution") });
  const at = GUTTER + (chosen.here[number] + 0.5) * each;
  svg.append(make("line", { x1: at, x2: at, y1: 4, y2: 106, stroke: "var(--soft)", "stroke-dasharray": "3 3" }));
  values.forEach((value, step) => {
    const size = Math.abs(value) / most * 50;
    svg.append(make("rect", { x: GUTTER + (step + 0.1) * each, width: each * 0.8, y: value > 0 ? 55 - size : 55, height: size, fill: `var(--${value > 0 ? "plus" : "minus"})` }));
  });
  svg.append(make("line", { x1: GUTTER, x2: width - 8, y1: 55, y2: 55, stroke: "var(--soft)" }));
  const every = Math.ceil(44 / each), time = text.steps.kind === "spoken";
  for (let step = 0; step < values.length; step += every) svg.append(make("text", { x: GUTTER + step * each, y: 120 }, time ? `${text.tokens[step]} s` : String(step + 1)));
  return make("div", { class: "scroll" }, stepped(svg, number, each, values.length));
}

function pictured(text, values, most) { // attribution of the cells of a picture
  return make("div", { class: "looks" },
    make("figure", {}, seen(text, 260, word("picture")), make("figcaption", {}, word("picture"))),
    make("figure", {}, seen(text, 260, word("attribution"), cell => values[cell] / most, true), make("figcaption", {}, word("cellsNote", text.tokens[values.indexOf(Math.max(...values))]))));
}
