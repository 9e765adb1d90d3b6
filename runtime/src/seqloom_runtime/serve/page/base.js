// What all parts share: words, elements, requests, controls made of a model's fields.

import { WORDS } from "/page/words.js";

let remembered = null;
try { remembered = localStorage.getItem("seqloom-language"); } catch { remembered = null; }
export const state = {
  language: remembered || (navigator.language || "en").startsWith("ko") && "ko" || "en",
  key: "",
};
if (!(state.language in WORDS)) state.language = "en";

export function word(name, ...values) {
  const found = name.split(".").reduce((at, part) => at?.[part], WORDS[state.language]);
  return String(found ?? name.split(".").pop()).replace(/\{(\d)\}/g, (_, n) => values[n]);
}

const SVG = new Set(["svg", "polyline", "polygon", "line", "text", "rect", "circle", "g", "path", "title"]);

export function make(tag, attributes = {}, ...children) {
  const element = SVG.has(tag) ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "style") Object.assign(element.style, value); // one by one, which the page's policy allows
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter(child => child !== null && child !== undefined));
  return element;
}

export function say(text) { document.getElementById("said").textContent = text; }

// An error of the server in the page's language; its own words are English.
function told(found) {
  const sentences = WORDS[state.language].errors;
  if (!sentences || !found.error) return found.error;
  const values = (found.values || []).map(value => typeof value === "number" ? value.toLocaleString("en") : value);
  return found.code in sentences ? word(`errors.${found.code}`, ...values) : word("refused", found.error);
}

export class Refused extends Error {
  constructor(status, found) {
    super(told(found));
    Object.assign(this, { status, code: found.code || "", values: found.values || [] });
  }
}

async function send(path, body, signal) {
  const headers = { "Content-Type": "application/json" };
  if (state.key) headers["X-API-Key"] = state.key;
  const options = body === undefined ? { headers, signal } : { method: "POST", headers, body: JSON.stringify(body), signal };
  let response;
  try {
    response = await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refused(0, { error: error.message, code: "failed", values: [error.message] });
  }
  if (response.ok) return response;
  const found = await response.json().catch(() => ({ error: response.statusText }));
  if (response.status === 401) document.getElementById("key").hidden = false;
  throw new Refused(response.status, found);
}

export async function ask(path, body, signal) { return (await send(path, body, signal)).json(); }

// Server-sent events of a POST, which EventSource cannot make.
export async function* events(path, body, signal) {
  const reader = (await send(path, body, signal)).body.pipeThrough(new TextDecoderStream()).getReader();
  let held = "";
  while (true) {
    const { done, value } = await reader.read();
    if (done) return;
    held += value;
    const parts = held.split("\n\n");
    held = parts.pop();
    for (const part of parts) {
      const lines = part.split("\n");
      const name = lines.find(line => line.startsWith("event: "))?.slice(7) || "message";
      const data = JSON.parse(lines.find(line => line.startsWith("data: ")).slice(6));
      if (name === "error") throw new Refused(0, data);
      if (name === "done") return;
      yield data;
    }
  }
}

let numbered = 0;
export function nextId(name) { return `${name}-${++numbered}`; }

export function labelled(text, control) {
  const id = control.id || (control.id = nextId("field"));
  return make("div", {}, make("label", { for: id }, text), control);
}

// A control for one of a model's options; value() gives what was chosen.
export function optionControl(name, field, start = field.default) {
  const title = state.language === "en" ? field.help : null;
  if (field.kind === "boolean") {
    const box = make("input", { type: "checkbox", id: nextId(name), checked: Boolean(start) });
    return { name, element: make("label", { class: "check", title }, box, " ", word(`options.${name}`)), value: () => box.checked };
  }
  if (field.kind === "choice") {
    const select = make("select", { title }, ...field.choices.map(one => make("option", { value: one, selected: one === start }, one)));
    return { name, element: labelled(word(`options.${name}`), select), value: () => select.value };
  }
  if (field.kind === "text") {
    const input = make("input", { type: "text", value: start ?? "", title, autocomplete: "off" });
    return { name, element: labelled(word(`options.${name}`), input), value: () => input.value.trim() || null };
  }
  if (name === "temperature" || name === "top_p") {
    const most = name === "temperature" ? 2 : 1;
    const input = make("input", { type: "range", min: name === "top_p" ? 0.05 : 0, max: most, step: 0.05, value: start, id: nextId(name), title });
    const shown = make("output", { class: "value", for: input.id }, Number(start).toFixed(2));
    input.addEventListener("input", () => { shown.textContent = Number(input.value).toFixed(2); });
    const element = make("div", {}, make("label", { for: input.id }, word(`options.${name}`), shown), input);
    return { name, element, value: () => Number(input.value) };
  }
  const step = field.kind === "integer" ? 1 : "any";
  const input = make("input", { type: "number", min: field.low, max: field.high, step, value: start ?? "", title });
  return { name, element: labelled(word(`options.${name}`), input), value: () => input.value === "" ? null : Number(input.value) };
}

export function optionControls(model, starts = {}, left = []) {
  return Object.entries(model.options).filter(([name]) => !left.includes(name))
    .map(([name, field]) => optionControl(name, field, starts[name] ?? field.default));
}

export function valuesOf(controls) {
  return Object.fromEntries(controls.map(one => [one.name, one.value()]).filter(([, value]) => value !== null));
}

export function optionsBox(controls, shown) {
  const first = controls.filter(one => shown.includes(one.name)), rest = controls.filter(one => !shown.includes(one.name));
  const box = make("div", { class: "row" });
  if (first.length) box.append(make("div", { class: "options", style: { flex: "1 1 100%" } }, ...first.map(one => one.element)));
  if (rest.length) {
    const grid = make("div", { class: "options" }, ...rest.map(one => one.element));
    box.append(make("details", { style: { flex: "1 1 100%" } }, make("summary", {}, word("more")), grid));
  }
  return box;
}

export function showWrong(place, error) {
  if (error.name === "AbortError") return;
  place.replaceChildren(make("p", { class: "wrong", role: "alert" }, error.message));
}

// Runs one request at a time: a later one ends the one before.
export function latest() {
  let control = null;
  return {
    begin() { control?.abort(); control = new AbortController(); return control.signal; },
    stop() { control?.abort(); },
  };
}

export function visible(token) {
  return token.replace(/\n/g, "⏎").replace(/\t/g, "⇥").replace(/^ +| +$/g, spaces => "␣".repeat(spaces.length)) || "∅";
}

export function percent(share) { return `${(100 * share).toFixed(share < 0.1 ? 2 : 1)} %`; }

export function bars(rows, chosen = null) {
  const box = make("div", { class: "bars" });
  for (const [name, share] of rows) {
    const bar = make("div", { class: "bar" + (name === chosen ? " chosen" : "") , style: { width: `${Math.max(0.3, 100 * share)}%` } });
    box.append(make("span", { class: "name" }, visible(name)), make("div", { class: "track", "aria-hidden": "true" }, bar), make("span", { class: "share" }, percent(share)));
  }
  return box;
}

export function colour(name) {
  const hex = getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  return [1, 3, 5].map(i => parseInt(hex.slice(i, i + 2), 16));
}

export function mixed(from, to, share) {
  return `rgb(${from.map((c, i) => Math.round(c + (to[i] - c) * share)).join(",")})`;
}

export function inkOn(rgb) {
  const [r, g, b] = rgb.match(/\d+/g).map(c => (c / 255) ** 2.2);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.3 ? "#14171c" : "#ffffff";
}

// A canvas that is sharp on every screen; draw(context) works in CSS pixels.
export function canvas(width, height, label, draw) {
  const element = make("canvas", { role: "img", "aria-label": label, style: { width: `${width}px`, height: `${height}px` } });
  const scale = Math.min(2, window.devicePixelRatio || 1);
  element.width = width * scale; element.height = height * scale;
  element.redraw = () => {
    const context = element.getContext("2d");
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, width, height);
    draw(context);
  };
  element.redraw();
  return element;
}

export function toBase64(buffer) {
  const bytes = new Uint8Array(buffer);
  let text = "";
  for (let at = 0; at < bytes.length; at += 32768) text += String.fromCharCode(...bytes.subarray(at, at + 32768));
  return btoa(text);
}

export function fromBase64(text) { return Uint8Array.from(atob(text), c => c.charCodeAt(0)); }

// A place to drop a file on, with a button that does the same.
export function dropZone(words, accept, take) {
  const input = make("input", { type: "file", accept, class: "hidden", tabindex: "-1", "aria-hidden": "true" });
  const choose = make("button", { type: "button", onclick: () => input.click() }, words.choose);
  const zone = make("div", { class: "drop" }, make("p", { class: "soft" }, words.drop), make("div", { class: "row" }, choose), input);
  input.addEventListener("change", () => { if (input.files[0]) take(input.files[0]); input.value = ""; });
  zone.addEventListener("dragover", event => { event.preventDefault(); zone.classList.add("over"); });
  zone.addEventListener("dragleave", () => zone.classList.remove("over"));
  zone.addEventListener("drop", event => {
    event.preventDefault();
    zone.classList.remove("over");
    if (event.dataTransfer.files[0]) take(event.dataTransfer.files[0]);
  });
  return zone;
}
