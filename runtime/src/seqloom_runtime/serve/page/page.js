// The page: which model, in which language, and what is inside it.

import { WORDS } from "/page/words.js";
import { ask, make, say, state, word } from "/page/base.js";
import { classify, generate, tag, translate } from "/page/text.js";
import { forecast } from "/page/forecast.js";
import { compose } from "/page/music.js";
import { transcribe } from "/page/sound.js";
import { caption } from "/page/picture.js";

const PLAYS = { generate, classify, tag, translate, forecast, transcribe, compose, caption };
const WIDE = window.matchMedia("(min-width: 1061px)");
const $ = id => document.getElementById(id);
let models = [], now = null, part = null, kept = {}, open = WIDE.matches, wait = 0;
let looking = false, again = false; // one look at a time: they take the server a while

function current() {
  const name = decodeURIComponent(location.hash.slice(1));
  return models.find(model => model.name === name) || models[0];
}

function showFrame() {
  document.documentElement.lang = state.language;
  $("lead").textContent = word("lead");
  $("skip").textContent = word("skip");
  $("key-label").textContent = word("key");
  $("key-send").textContent = word("send");
  for (const button of document.querySelectorAll("[data-language]")) button.setAttribute("aria-pressed", button.dataset.language === state.language);
  $("models").setAttribute("aria-label", word("models"));
  $("models").replaceChildren(...models.map(model => make("a", { href: `#${encodeURIComponent(model.name)}`, "aria-current": model === now ? "page" : null },
    model.name, make("span", {}, word(`tasks.${model.task}`)))));
  const chosen = $("models").querySelector("[aria-current]"); // scrolled by hand: the keyboard's place stays
  if (chosen) $("models").scrollLeft = chosen.offsetLeft - ($("models").clientWidth - chosen.offsetWidth) / 2;
}

function showModel() {
  if (now && part?.text) kept[now.name] = part.text();
  part?.leave?.();
  now = current();
  showFrame();
  if (!now) return;
  document.title = `${now.name} · Seqloom`;
  const play = $("play");
  play.replaceChildren(make("h2", {}, now.name), make("p", { class: "soft" }, word(`leads.${now.task}`)));
  const tools = { language: state.language, kept: now.task === "forecast" ? undefined : kept[now.name], changed: lookSoon, answered: lookSoon };
  part = PLAYS[now.task](now, play, tools);
  showInside();
}

function showInside() {
  const inside = $("inside"), columns = document.querySelector(".columns");
  inside.replaceChildren();
  columns.classList.toggle("both", Boolean(now.looks && open));
  if (!now.looks) {
    inside.append(make("p", { class: "note" }, word("insideNone")));
    return;
  }
  const button = make("button", { type: "button", "aria-expanded": String(open), onclick: () => { open = !open; showInside(); } }, word(open ? "insideHide" : "insideShow"));
  inside.append(make("div", { class: "row" }, button));
  if (!open) return;
  inside.append(make("p", { class: "note" }, word("insideNote")), make("div", { id: "view" }, make("p", { class: "note" }, word("insideWait"))));
  lookSoon();
}

function lookSoon() {
  clearTimeout(wait);
  if (now.looks && open) wait = setTimeout(look, 600);
}

async function look() {
  const view = $("view"), row = part?.row?.();
  if (!view || !row) return;
  const text = row.prompt ?? row.text;
  if (typeof text === "string" && !text.trim()) return;
  const empty = view.querySelector("p");
  if (empty) empty.textContent = word("busy");
  if (looking) { again = true; return; }
  looking = true;
  const model = now;
  try {
    const found = await ask(`/v1/${now.task}/look`, { model: now.name, language: state.language, ...row });
    if (!view.isConnected || model !== now) return;
    const frame = view.querySelector("iframe");
    if (frame) frame.src = found.page;
    else view.replaceChildren(make("iframe", { title: word("insideFrame"), src: found.page, sandbox: "allow-scripts" }));
  } catch (error) {
    if (error.status === 429) again = true;
    else if (view.isConnected) {
      const words = error.code === "inside_long" ? word("insideLong", error.values[0]) : error.message;
      view.replaceChildren(make("p", { class: "note" }, words));
    }
  } finally {
    looking = false;
    if (again) wait = setTimeout(look, 1500);
    again = false;
  }
}

async function begin() {
  try {
    models = (await ask("/v1/models")).models;
  } catch (error) {
    $("play").replaceChildren(make("p", { class: "wrong", role: "alert" }, error.message));
    return;
  }
  showModel();
}

for (const button of document.querySelectorAll("[data-language]")) {
  button.addEventListener("click", () => {
    state.language = button.dataset.language in WORDS ? button.dataset.language : "en";
    try { localStorage.setItem("seqloom-language", state.language); } catch { say(""); }
    showModel();
  });
}
$("key").addEventListener("submit", event => {
  event.preventDefault();
  state.key = $("key-value").value;
  $("key").hidden = true;
  begin();
});
window.addEventListener("hashchange", () => { showModel(); $("play").focus(); });
showFrame();
begin();
