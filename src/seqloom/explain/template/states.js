// One unit over the text, all its gates as lines, and heat maps of all units.

const GUTTER = 46; // pixels left of a heat map, for the numbers of the units

function placeNow() { return data.places[chosen.place]; }

function namesOf(text, place) { return place.side === "target" ? text.written : text.tokens; }

function arrayOf(text, signal) { return text.arrays[placeNow().name + "." + signal]; }

function unitValue(text, signal, step) {
  return numberAt(arrayOf(text, signal), step, placeNow().units.indexOf(chosen.unit));
}

function largest(text, signal) { // how far this unit goes
  return Math.max(...namesOf(text, placeNow()).map((_, step) => Math.abs(unitValue(text, signal, step))));
}

function columnWidth(count) { return count <= 20 ? 30 : count <= 40 ? 20 : count <= 90 ? 14 : count <= 160 ? 9 : 6; }

function areWords(names) { return names.filter(name => name.length > 1).length > names.length / 2; }

function trackView(text, number) {
  const place = placeNow(), names = labelsOf(text, place), array = arrayOf(text, chosen.signal);
  const wide = areWords(names);
  // A state's colours go as far as this unit does in any of the texts; a gate's from 0 to 1.
  const own = Math.max(1e-3, ...data.texts.map(one => largest(one, chosen.signal)));
  const [low, high] = array.low < 0 ? [-own, own] : [array.low, array.high];
  const strip = make("div", {
    class: "strip", tabindex: "0", role: "group", "aria-label": word("track"), onkeydown: e => moved(e, number, names.length),
  });
  names.forEach((name, step) => {
    const value = unitValue(text, chosen.signal, step), colour = colourOf(value, low, high);
    strip.append(make("span", {
      class: "token" + (wide ? " wide" : "") + (step === chosen.here[number] ? " here" : ""),
      style: `background:${rgb(colour)};color:${inkOn(colour)}`,
      title: `${step + 1}: ${nameAt(text, step)}  ${value.toFixed(2)}`, onclick: () => goTo(number, step),
    }, wide ? visible(name) : name === " " ? " " : visible(name)));
    if (name === "\n") strip.append(make("br"));
  });
  return [
    make("h2", {}, word(["forecast", "transcribe", "compose"].includes(data.task) ? "trackSteps" : "track")),
    make("p", { class: "note" }, word("trackNote", chosen.unit, nameOf(place.name), words.names[chosen.signal])),
    text.values ? trackOfSeries(text, number, low, high) : strip,
    make("p", { class: "value" }, told(text, number)), make("p", {}, ramp(low, high)),
  ];
}

function told(text, number) {
  const step = chosen.here[number];
  const values = placeNow().signals.map(s => `${words.names[s]} ${unitValue(text, s, step).toFixed(2)}`);
  return `${step + 1} ${nameAt(text, step)}: ${values.join(", ")}`;
}

function moved(event, number, count) {
  const by = { ArrowLeft: -1, ArrowRight: 1, Home: -count, End: count }[event.key];
  if (by) {
    event.preventDefault();
    goTo(number, Math.min(count - 1, Math.max(0, chosen.here[number] + by)), event.currentTarget);
  } else if (event.key === "ArrowUp" || event.key === "ArrowDown") {
    event.preventDefault();
    stepUnit(event.key === "ArrowUp" ? -1 : 1);
  }
}

function chartView(text, number) {
  const place = placeNow(), names = namesOf(text, place), each = columnWidth(names.length);
  const width = GUTTER + each * names.length + 8, height = 170, top = 8, bottom = height - 14;
  const signals = place.signals, span = Math.max(1, ...signals.flatMap(s => data.texts.map(one => largest(one, s))));
  const low = signals.some(s => arrayOf(text, s).low < 0) ? -span : 0;
  const y = value => bottom - (value - low) / (span - low) * (bottom - top);
  const svg = make("svg", { width, height, role: "img", "aria-label": word("chart", chosen.unit) });
  for (const value of [low, (low + span) / 2, span]) {
    svg.append(make("line", { x1: GUTTER, x2: width, y1: y(value), y2: y(value), stroke: "var(--line)" }));
    svg.append(make("text", { x: GUTTER - 6, y: y(value) + 4, "text-anchor": "end" }, short(value)));
  }
  const at = GUTTER + (chosen.here[number] + 0.5) * each;
  svg.append(make("line", { x1: at, x2: at, y1: top, y2: bottom, stroke: "var(--soft)", "stroke-dasharray": "3 3" }));
  const legend = make("p", { class: "legend" });
  signals.forEach((signal, n) => {
    const ink = `var(--${"abcdef"[n]})`;
    const points = names.map((_, s) => `${GUTTER + (s + 0.5) * each},${y(unitValue(text, signal, s)).toFixed(1)}`);
    svg.append(make("polyline", {
      points: points.join(" "), fill: "none", stroke: ink, "stroke-width": signal === chosen.signal ? 2.6 : 1.4,
      "stroke-dasharray": n > 2 ? "5 3" : null,
    }));
    legend.append(make("span", {}, make("span", { class: "key", style: `background:${ink}` }), words.names[signal]));
  });
  return [make("h3", {}, word("chart", chosen.unit)), legend, make("div", { class: "scroll" }, svg), numbersTable(text, names)];
}

function numbersTable(text, names) {
  const details = make("details", {}, make("summary", {}, word("numbers")));
  details.addEventListener("toggle", () => {
    if (details.children.length > 1) return;
    const signals = placeNow().signals;
    const head = ["step", "token"].map(n => make("th", {}, word(n)));
    const table = make("table", {}, make("thead", {}, make("tr", {}, ...head, ...signals.map(s => make("th", { class: "number" }, words.names[s])))));
    names.forEach((name, step) => table.append(make("tr", {}, make("td", {}, step + 1), make("td", {}, visible(name)),
      ...signals.map(s => make("td", { class: "number" }, unitValue(text, s, step).toFixed(2))))));
    details.append(make("div", { class: "scroll" }, table));
  }, { once: true });
  return details;
}

function labelsAbove(context, names, each, top) { // slanted names of the tokens
  context.fillStyle = rgb(palette.soft);
  context.font = `${each < 11 ? 9 : 11}px system-ui, 'Noto Sans KR', sans-serif`;
  const slanted = names.some(name => visible(name).length > 1), every = Math.max(1, Math.ceil((slanted ? 11 : 8) / each));
  names.forEach((name, step) => {
    if (step % every) return;
    const shown = visible(name);
    context.save();
    context.translate(GUTTER + (step + 0.5) * each + 4, top - 4);
    if (shown.length > 1) context.rotate(-Math.PI / 3); else context.translate(-7, 0);
    context.fillText(shown.slice(0, 11), 0, 0);
    context.restore();
  });
}

function mapsView(text, number) {
  const place = placeNow(), names = labelsOf(text, place), units = place.units;
  const each = columnWidth(names.length), high = units.length <= 40 ? 7 : units.length <= 80 ? 4 : units.length <= 160 ? 3 : units.length <= 256 ? 2 : 1;
  const long = names.some(name => visible(name).length > 1), top = long ? 66 : 18;
  const room = document.getElementById("main").clientWidth / data.texts.length;
  const right = long ? 44 : 8; // the last names slant beyond the map
  const beside = 2 * (GUTTER + each * names.length + right + 16) + 20 < room; // short texts leave room for several in a row
  const box = make("div", { class: "scroll" + (beside ? " beside" : "") });
  place.signals.forEach((signal, n) => {
    const named = !n || beside, array = arrayOf(text, signal), above = named ? top : 2;
    const width = GUTTER + each * names.length + right, height = above + high * units.length + 4;
    const label = `${words.names[signal]}, ${nameOf(place.name)}, ${names.length} × ${units.length}`;
    const element = canvas(width, height, label, context => {
      if (named) labelsAbove(context, names, each, top);
      const colours = coloursOf(array);
      cells(context, GUTTER, above, each, high, units.length, names.length, (u, s) => colours[bytes[array.at + s * units.length + u]]);
      const row = units.indexOf(chosen.unit), at = above + row * high;
      context.strokeStyle = rgb(palette.ink);
      context.strokeRect(GUTTER - 0.5, at - 0.5, each * names.length + 1, high + 1);
      context.strokeRect(GUTTER + chosen.here[number] * each - 0.5, above - 0.5, each + 1, high * units.length + 1);
      context.fillStyle = rgb(palette.soft);
      context.font = "11px system-ui, sans-serif";
      context.textAlign = "right";
      context.fillText(`${chosen.unit}`, GUTTER - 5, Math.min(height - 2, at + high / 2 + 4));
    });
    const found = event => {
      const box = element.getBoundingClientRect();
      return [Math.floor((event.clientY - box.top - above) / high), Math.floor((event.clientX - box.left - GUTTER) / each)];
    };
    const inside = (u, s) => u >= 0 && u < units.length && s >= 0 && s < names.length;
    element.addEventListener("click", event => {
      const [u, s] = found(event);
      if (inside(u, s)) { chosen.unit = units[u]; chosen.signal = signal; goTo(number, s); }
    });
    element.addEventListener("mousemove", event => {
      const [u, s] = found(event);
      element.title = inside(u, s) ? `${words.unit} ${units[u]}, ${s + 1} ${nameAt(text, s)}: ${numberAt(array, s, u).toFixed(2)}` : "";
    });
    element.addEventListener("keydown", event => moved(event, number, names.length));
    box.append(make("div", {}, make("h3", {}, words.names[signal], " ", ramp(array.low, array.high)), element));
  });
  const left = units.length < place.size ? [make("p", { class: "note" }, word("left", units.length, place.size))] : [];
  return [make("h2", {}, word("maps")), make("p", { class: "note" }, word("mapsNote")), ...left, box];
}
