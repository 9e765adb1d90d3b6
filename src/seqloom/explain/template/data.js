"use strict";
// What all views share: the data, words, colours, and ways to make elements. No library.

const data = JSON.parse(document.getElementById("data").textContent);
const words = data.words;
let bytes = null; // all arrays, 8 bits a number

function word(name, ...values) {
  return words[name].replace(/\{(\d)\}/g, (_, n) => values[n]);
}

function nameOf(place) { // "decoder.layer1.forward" → "decoder, layer 1, forward"
  return place.split(".").map(part => {
    const [, name, number] = part.match(/^([a-z]+)(\d*)$/i);
    return (words.names[name] || name) + (number ? " " + number : "");
  }).join(", ");
}

function propertyName(name) { // "tag NOUN" → "tag NOUN" in the page's language
  if (words.told[name]) return words.told[name];
  const [kind, ...rest] = name.split(" ");
  return [words.properties[kind] || kind, ...rest].join(" ");
}

function visible(token) { // events of music are written with spaces; in a text they are seen
  if (data.task === "compose" || data.task === "forecast") return token;
  return token.replace(/ /g, "␣").replace(/\n/g, "⏎").replace(/\t/g, "⇥") || "∅";
}

function make(tag, attributes = {}, ...children) {
  const svg = ["svg", "polyline", "line", "text", "rect", "polygon", "circle", "title", "g"].includes(tag);
  const element = svg ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== null && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children);
  return element;
}

async function unpack() {
  const packed = atob(document.getElementById("blob").textContent.trim());
  const raw = Uint8Array.from(packed, c => c.charCodeAt(0));
  const stream = new Blob([raw]).stream().pipeThrough(new DecompressionStream("deflate"));
  bytes = new Uint8Array(await new Response(stream).arrayBuffer());
}

function numberAt(array, ...index) {
  let at = 0;
  index.forEach((i, axis) => { at = at * array.shape[axis] + i; });
  return array.low + bytes[array.at + at] / 255 * (array.high - array.low);
}

// Colours: from the paper's colour to one side's, by where a value lies between its limits.
let palette = {};

function readPalette() {
  const style = getComputedStyle(document.documentElement);
  for (const name of ["zero", "plus", "minus", "one", "ink", "soft", "line", "accent", "a", "b", "c", "d", "e", "f"]) {
    const hex = style.getPropertyValue("--" + name).trim();
    palette[name] = [1, 3, 5].map(i => parseInt(hex.slice(i, i + 2), 16));
  }
}

function mixed(from, to, share) {
  return from.map((c, i) => Math.round(c + (to[i] - c) * share));
}

function rgb(colour) { return `rgb(${colour.join(",")})`; }

function colourOf(value, low, high) {
  if (low >= 0) return mixed(palette.zero, palette.one, Math.min(1, Math.max(0, (value - low) / (high - low))));
  const share = Math.min(1, Math.abs(value) / Math.max(high, -low));
  return mixed(palette.zero, value < 0 ? palette.minus : palette.plus, share);
}

function coloursOf(array) { // of each of the 256 values, made once for a picture
  return Array.from({ length: 256 }, (_, n) => colourOf(array.low + n / 255 * (array.high - array.low), array.low, array.high));
}

function inkOn(colour) {
  const [r, g, b] = colour.map(c => (c / 255) ** 2.2);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.3 ? "#14171c" : "#ffffff";
}

function ramp(low, high) {
  const stops = [0, 0.25, 0.5, 0.75, 1].map(s => rgb(colourOf(low + s * (high - low), low, high)));
  const bar = make("span", { class: "ramp", style: `background:linear-gradient(90deg,${stops.join(",")})` });
  return make("span", { class: "soft" }, short(low), bar, short(high));
}

function short(value) {
  if (value === 0) return "0";
  const size = Math.abs(value);
  return (size >= 1000 || size < 0.001) ? value.toExponential(1).replace("e+", "e") : String(+value.toPrecision(3));
}

function say(text) { document.getElementById("said").textContent = text; }

// A canvas sharp on every screen; draw(context) is called in CSS pixels.
function canvas(width, height, label, draw) {
  const element = make("canvas", { role: "img", tabindex: "0", "aria-label": label, style: `width:${width}px;height:${height}px` });
  const scale = Math.min(2, window.devicePixelRatio || 1);
  element.width = width * scale;
  element.height = height * scale;
  const context = element.getContext("2d");
  context.scale(scale, scale);
  draw(context);
  return element;
}

// A picture of rows × columns numbers, cell by cell.
function cells(context, left, top, wide, high, rows, columns, colour) {
  const image = new ImageData(columns, rows);
  for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) {
    image.data.set([...colour(r, c), 255], (r * columns + c) * 4);
  }
  const small = document.createElement("canvas");
  small.width = columns; small.height = rows;
  small.getContext("2d").putImageData(image, 0, 0);
  context.imageSmoothingEnabled = false;
  context.drawImage(small, left, top, wide * columns, high * rows);
}
