// The page: what is chosen, the controls, and drawing everything anew when a choice changes.

const chosen = {
  place: Math.max(0, data.places.findIndex(p => p.signals.length > 1)), signal: "hidden", unit: 0,
  here: data.texts.map(firstStep), written: data.texts.map(() => 0),
  target: data.texts.map(likeliestTarget), head: {}, open: true,
};

if (data.search && data.search.rows.length) { // begins with the unit that follows something most, mere counting apart
  const [, place, signal, unit] = data.search.rows.find(([name]) => !["place", "bars"].includes(name)) || data.search.rows[0];
  Object.assign(chosen, { place: data.places.findIndex(p => p.name === place), signal, unit });
}

function firstStep(text) { // the last that was read; of a recording the first at which something is said
  const said = text.steps.kind === "spoken" ? text.steps.chosen.findIndex(name => name !== SILENT) : -1;
  return said >= 0 ? said : Math.max(0, text.tokens.length - 1);
}

function likeliestTarget(text) { // of a classifier the label it gives; else the first result
  const ends = text.attribution ? text.attribution.end : [];
  return data.task === "classify" ? Math.max(0, ends.indexOf(Math.max(...ends))) : 0;
}

function usable() { // keeps a choice within what there is
  const place = placeNow();
  if (!place.signals.includes(chosen.signal)) chosen.signal = place.signals[place.signals.length - 1];
  if (!place.units.includes(chosen.unit)) chosen.unit = place.units.reduce((a, b) => Math.abs(b - chosen.unit) < Math.abs(a - chosen.unit) ? b : a);
  data.texts.forEach((text, n) => { chosen.here[n] = Math.min(chosen.here[n], namesOf(text, place).length - 1); });
}

function goTo(number, step) {
  chosen.here[number] = step;
  draw();
  say(told(data.texts[number], number));
}

function stepUnit(by) {
  const units = placeNow().units, at = units.indexOf(chosen.unit);
  chosen.unit = units[Math.min(units.length - 1, Math.max(0, at + by))];
  draw();
  say(`${word("unit")} ${chosen.unit}`);
}

function showUnit(place, signal, unit) {
  Object.assign(chosen, { place: data.places.findIndex(p => p.name === place), signal, unit });
  draw();
  document.getElementById("track0").scrollIntoView({ block: "center", behavior: "smooth" });
}

function drawHead() {
  const head = document.getElementById("head"), largest = Math.max(...data.texts.map(t => t.deviation));
  const named = (kind, name) => (words[kind] || {})[name] || name;
  const about = [["task", named("tasks", data.task)], ["encoder", named("encoders", data.encoder)], ["run", data.run]].filter(([, v]) => v);
  head.replaceChildren(make("h1", {}, word("title")),
    make("p", { class: "soft" }, about.map(([n, v]) => `${word(n)}: ${v}`).join("  ·  ")),
    make("p", { class: "note" }, word("exact", largest.toExponential(1), 256)),
    ...(data.texts.length > 1 ? [make("p", { class: "note" }, word("shared"))] : []),
    ...data.texts.flatMap((text, n) => text.remarks.map(remark => make("p", { class: "note" }, data.texts.length > 1 ? `${whichOf(n)}: ${remark}` : remark))));
  document.title = document.title || word("title");
  document.getElementById("skip").textContent = word("skip");
}

function whichOf(number) { // what a text is called beside another
  return word(["forecast", "transcribe", "compose", "caption"].includes(data.task) ? "whichFile" : "which", number + 1);
}

function drawControls() {
  const place = placeNow();
  const pick = (label, options, now, change) => make("label", {}, word(label), make("select", { id: "pick-" + label, onchange: change },
    ...options.map(([value, name]) => make("option", { value, selected: String(value) === String(now) }, name))));
  const unit = make("input", {
    id: "pick-unit", type: "number", min: 0, max: place.size - 1, value: chosen.unit,
    onchange: e => { chosen.unit = +e.target.value; draw(); },
  });
  document.getElementById("controls").replaceChildren(
    pick("layer", data.places.map((p, n) => [n, nameOf(p.name)]), chosen.place, e => { chosen.place = +e.target.value; draw(); }),
    pick("signal", place.signals.map(s => [s, words.names[s]]), chosen.signal, e => { chosen.signal = e.target.value; draw(); }),
    make("label", {}, `${word("unit")} (0–${place.size - 1})`, unit),
    make("button", { id: "unit-before", "aria-label": word("previous"), onclick: () => stepUnit(-1) }, "◂"),
    make("button", { id: "unit-after", "aria-label": word("next"), onclick: () => stepUnit(1) }, "▸"),
    make("button", { id: "theme", class: "spread", "aria-label": word("theme"), title: word("theme"), onclick: turnTheme }, "◐"));
}

function draw() {
  usable();
  const held = document.activeElement, main = document.getElementById("main");
  const again = held && held.id; // the element that had the keyboard gets it back
  const path = held && main.contains(held) && !again ? whereIs(held, main) : null;
  const scrolled = [...main.querySelectorAll(".scroll, .strip")].map(e => [e.scrollLeft, e.scrollTop]);
  const top = window.scrollY;
  drawControls();
  const columns = make("div", { class: "texts" + (data.texts.length > 1 ? " two" : "") });
  // Both texts of a view stand in one row, so that they can be compared.
  for (const view of [inputView, saysView, trackView, chartView, mapsView, (t, n) => lookingView(t, n, "attention"), (t, n) => lookingView(t, n, "alignment"), attributionView]) {
    data.texts.forEach((text, number) => {
      const parts = view(text, number), id = view === trackView ? "track" + number : null;
      if (data.texts.length < 2) { columns.append(make("section", { id }, ...parts)); return; }
      const which = make("p", { class: "which" }, make("strong", {}, whichOf(number)), ` ${text.given.slice(0, 70)}`);
      columns.append(make("section", { id, "aria-label": whichOf(number) }, ...(parts.length ? [which] : []), ...parts));
    });
  }
  main.replaceChildren(columns, make("section", {}, ...unitsView()));
  [...main.querySelectorAll(".scroll, .strip")].forEach((e, n) => { if (scrolled[n]) [e.scrollLeft, e.scrollTop] = scrolled[n]; });
  window.scrollTo(0, top);
  const next = again ? document.getElementById(again) : path && path.reduce((e, n) => e && e.children[n], main);
  if (next) next.focus({ preventScroll: true });
}

function whereIs(element, root) {
  const path = [];
  for (let e = element; e !== root; e = e.parentElement) path.unshift([...e.parentElement.children].indexOf(e));
  return path;
}

function setTheme(name) {
  document.documentElement.dataset.theme = name;
  readPalette();
}

function turnTheme() {
  setTheme(document.documentElement.dataset.theme === "dark" ? "light" : "dark");
  draw();
}

const dark = window.matchMedia("(prefers-color-scheme: dark)");
dark.addEventListener("change", () => { setTheme(dark.matches ? "dark" : "light"); draw(); });
const asked = location.hash.slice(1);
setTheme(["dark", "light"].includes(asked) ? asked : dark.matches ? "dark" : "light");
drawHead();
if (typeof DecompressionStream === "undefined") document.getElementById("main").append(make("p", {}, word("old")));
else unpack().then(draw);
