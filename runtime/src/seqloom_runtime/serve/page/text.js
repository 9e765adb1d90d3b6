// Generate, classify, tag and translate: something typed, something told.

import { ask, bars, canvas, colour, events, inkOn, labelled, latest, make, mixed, optionControls, optionsBox, percent, say, showWrong, valuesOf, visible, word } from "/page/base.js";

const EXAMPLES = {
  generate: { en: "The ", ko: "" },
  classify: { en: "A wonderful film from beginning to end.", ko: "처음부터 끝까지 정말 재미있는 영화" },
  tag: { en: "Anna sees the old city.", ko: "나는 매운 떡볶이를 정말 좋아합니다." },
  translate: { en: "", ko: "" },
};

function frame(model, place, name, start, controls, shown, runWord, submit, changed) {
  const area = make("textarea", { rows: 3, spellcheck: "false" });
  area.value = start;
  const run = make("button", { class: "main", type: "submit" }, runWord);
  const stop = make("button", { type: "button", hidden: true }, word("stop"));
  const answer = make("section", { class: "answer", "aria-label": word("answer") });
  const form = make("form", { class: "play" }, labelled(name, area), optionsBox(controls, shown), make("div", { class: "row" }, run, stop));
  form.addEventListener("submit", event => { event.preventDefault(); submit(); });
  area.addEventListener("keydown", event => { if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) submit(); });
  area.addEventListener("input", changed);
  place.append(form, answer);
  return { area, run, stop, answer };
}

async function working(answer, run) {
  answer.setAttribute("aria-busy", "true");
  say(word("busy"));
  try { await run(); say(word("done")); } catch (error) { showWrong(answer, error); }
  answer.removeAttribute("aria-busy");
}

export function generate(model, place, tools) {
  const controls = optionControls(model, { length: 200 }, ["candidates"]);
  const requests = latest();
  let steps = [], spans = [];
  const one = frame(model, place, word("prompt"), tools.kept ?? "", controls, ["temperature", "length", "top_k"], word("write"), write, tools.changed);
  one.stop.addEventListener("click", () => requests.stop());

  async function write() {
    const signal = requests.begin(), prompt = one.area.value;
    const written = make("div", { class: "written", tabindex: "0", "aria-label": word("answer") }, make("span", { class: "prompt" }, prompt));
    const slider = make("input", { type: "range", min: 1, max: 1, value: 1, "aria-label": word("step") });
    const told = make("p", { class: "note" }), chart = make("div");
    const likely = make("section", { hidden: true }, make("h3", {}, word("candidates")), slider, told, chart, make("p", { class: "note" }, word("stepsNote")));
    slider.addEventListener("input", () => show(Number(slider.value) - 1));
    one.answer.replaceChildren(written, likely);
    one.answer.setAttribute("aria-busy", "true");
    one.stop.hidden = false;
    steps = []; spans = [];
    say(word("writing"));
    const show = at => {
      const step = steps[at];
      if (!step) return;
      spans.forEach((span, n) => span.classList.toggle("here", n === at));
      told.textContent = word("stepOf", at + 1, steps.length, visible(step.token));
      slider.value = at + 1;
      slider.setAttribute("aria-valuetext", told.textContent);
      chart.replaceChildren(bars(step.top, step.token));
    };
    try {
      const asked = { model: model.name, prompt, ...("candidates" in model.options ? { candidates: 8 } : {}), ...valuesOf(controls) };
      for await (const event of events("/v1/generate/stream", asked, signal)) {
        if (event.unknown) {
          one.answer.append(make("p", { class: "note" }, word("unknown", event.unknown.map(visible).join(", "))));
          continue;
        }
        const span = make("span", { class: "token" }, event.text);
        for (const step of event.steps || []) {
          const at = steps.push(step) - 1;
          spans.push(span);
          span.addEventListener("click", () => show(at));
        }
        written.append(span);
        slider.max = Math.max(1, steps.length);
        likely.hidden = !steps.length;
        show(steps.length - 1);
        written.scrollTop = written.scrollHeight;
      }
      say(word("done"));
    } catch (error) {
      if (error.name === "AbortError") say(word("stopped"));
      else showWrong(one.answer, error);
    }
    one.answer.removeAttribute("aria-busy");
    one.stop.hidden = true;
    tools.answered();
  }
  return { row: () => ({ prompt: one.area.value }), text: () => one.area.value };
}

function numbersIn(text) { return text.split(/[\s,;]+/).filter(Boolean).map(Number); }

export function classify(model, place, tools) {
  const controls = optionControls(model), series = model.about.reads === "series";
  const start = tools.kept ?? (series ? "0, 1, 2, 1, 0" : EXAMPLES.classify[tools.language]);
  const one = frame(model, place, series ? word("numbers") : word("text"), start, controls, [], word("run"), submit, tools.changed);
  const row = () => series ? { series: numbersIn(one.area.value) } : { text: one.area.value };

  async function submit() {
    await working(one.answer, async () => {
      const found = await ask("/v1/classify", { model: model.name, ...row(), ...valuesOf(controls) });
      const shares = Object.entries(found.probabilities).sort((a, b) => b[1] - a[1]);
      const best = found.labels.length ? found.labels.join(", ") : word("none");
      const mattered = make("div");
      one.answer.replaceChildren(make("p", { class: "best" }, best, " ", make("span", { class: "soft" }, percent(found.probability))), cutNote(found), bars(shares.slice(0, 12), found.label), mattered);
      say(`${word("label")}: ${best}, ${percent(found.probability)}`);
      tools.answered();
      if (model.weighs && !series) await weigh(mattered, shares[0][0]);
    });
  }

  async function weigh(place, label) {
    let found;
    place.replaceChildren(make("h3", {}, word("mattered")), make("p", { class: "note" }, word("busy")));
    try { found = await ask("/v1/classify/weigh", { model: model.name, ...row() }); } catch (error) {
      place.replaceChildren(make("p", { class: "note" }, error.code === "inside_long" ? word("matteredLong") : error.message));
      return;
    }
    const tokens = make("p", { class: "tokens" });
    const select = make("select", {}, ...found.targets.map(name => make("option", { value: name, selected: name === label }, name)));
    const show = () => {
      const own = found.gradients[found.targets.indexOf(select.value)];
      const most = Math.max(...own.map(Math.abs), 1e-9);
      tokens.replaceChildren(...found.tokens.map((token, n) => {
        const paint = mixed(colour("zero"), colour(own[n] < 0 ? "minus" : "plus"), Math.abs(own[n]) / most);
        const shown = (found.pieces[n] || "").trim() || visible(token);
        return make("span", { title: `${own[n] >= 0 ? "+" : ""}${own[n].toFixed(3)}`, style: { background: paint, color: inkOn(paint) } }, shown);
      }));
    };
    select.addEventListener("change", show);
    show();
    place.replaceChildren(make("h3", {}, word("mattered")), labelled(word("matteredFor"), select), tokens, make("p", { class: "note" }, word("matteredNote")));
  }
  return { row, text: () => one.area.value, submit };
}

// Said where the end of a text was not read.
function cutNote(found) { return found.cut ? make("p", { class: "note cut" }, word("cut")) : ""; }

function hueOf(name) { return [...name].reduce((sum, letter) => (sum * 31 + letter.codePointAt(0)) % 360, 7); }

export function tag(model, place, tools) {
  const one = frame(model, place, word("sentence"), tools.kept ?? EXAMPLES.tag[tools.language], [], [], word("run"), submit, tools.changed);
  async function submit() {
    await working(one.answer, async () => {
      const found = await ask("/v1/tag", { model: model.name, text: one.area.value });
      const box = make("div", { class: "tags" });
      found.words.forEach((name, n) => {
        const own = found.tags[n];
        const style = own === "O" ? {} : { borderBottomColor: `hsl(${hueOf(own.replace(/^[BI]-/, ""))} 65% 52%)` };
        box.append(make("span", { style }, name, make("small", {}, own)));
      });
      one.answer.replaceChildren(make("h3", {}, word("tags")), box);
      tools.answered();
    });
  }
  return { row: () => ({ text: one.area.value }), text: () => one.area.value, submit };
}

export function translate(model, place, tools) {
  const controls = optionControls(model, { n_best: 3 }, ["attention"]);
  const one = frame(model, place, word("source"), tools.kept ?? "", controls, [], word("run"), submit, tools.changed);
  async function submit() {
    await working(one.answer, async () => {
      const asked = valuesOf(controls);
      if (asked.temperature > 0) asked.n_best = 1; // one is drawn
      const found = await ask("/v1/translate", { model: model.name, text: one.area.value, ...("attention" in model.options ? { attention: true } : {}), ...asked });
      one.answer.replaceChildren(make("p", { class: "best" }, found.text || word("nothing")), cutNote(found));
      if (found.n_best.length > 1) one.answer.append(make("h3", {}, word("nbest")), nbest(found.n_best));
      if (found.attention) one.answer.append(make("h3", {}, word("alignment")), make("p", { class: "note" }, word("alignmentNote")), alignment(found));
      say(found.text);
      tools.answered();
    });
  }
  return { row: () => ({ text: one.area.value }), text: () => one.area.value, submit };
}

export function nbest(found) {
  return make("ol", {}, ...found.map(one => make("li", {}, one.text || word("nothing"), make("span", { class: "share", title: word("score") }, one.score.toFixed(2)))));
}

function alignment(found) {
  const read = found.source.map(visible), written = [...found.tokens.map(visible), word("end")];
  const short = read.concat(found.tokens).every(token => token.length < 3), each = short ? 26 : 34, high = 24;
  const left = 16 + 9 * Math.min(14, Math.max(...written.map(token => token.length + (/[가-힣]/.test(token) ? token.length * 0.6 : 0)))), top = short ? 26 : 86;
  const width = left + each * read.length + 40, height = top + high * written.length + 4;
  const picture = canvas(width, height, word("alignment"), context => {
    const [zero, full] = [colour("panel"), colour("accent")];
    context.font = "13px system-ui, 'Noto Sans KR', 'Noto Sans CJK KR', sans-serif";
    context.textBaseline = "middle";
    found.attention.forEach((row, y) => row.forEach((share, x) => {
      context.fillStyle = mixed(zero, full, Math.min(1, share));
      context.fillRect(left + x * each, top + y * high, each - 1, high - 1);
    }));
    context.fillStyle = getComputedStyle(document.body).color;
    context.textAlign = "right";
    written.forEach((token, y) => context.fillText(token.slice(0, 16), left - 7, top + (y + 0.5) * high));
    read.forEach((token, x) => {
      context.save();
      context.translate(left + (x + 0.5) * each, top - 8);
      if (!short) context.rotate(-Math.PI / 3);
      context.textAlign = short ? "center" : "left";
      context.fillText(token.slice(0, 12), 0, 0);
      context.restore();
    });
  });
  const table = make("table", {}, make("tr", {}, make("th", {}, word("written")), ...read.map(token => make("th", { class: "number" }, token))),
    ...written.map((token, y) => make("tr", {}, make("th", {}, token), ...found.attention[y].map(share => make("td", { class: "number" }, share.toFixed(2))))));
  return make("div", {}, make("div", { class: "scroll", tabindex: "0" }, picture), make("details", {}, make("summary", {}, word("numbersTable")), make("div", { class: "scroll", tabindex: "0" }, table)));
}
