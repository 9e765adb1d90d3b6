// Caption: a picture, what is said of it, and where the model looked for each word.

import { ask, dropZone, latest, make, optionControls, optionsBox, say, showWrong, toBase64, valuesOf, visible, word } from "/page/base.js";
import { nbest } from "/page/text.js";

const LARGEST = 1024; // pixels of a side that are sent; a model sees far fewer
const SHOWN = 340;

export function caption(model, place, tools) {
  const controls = optionControls(model, { n_best: 3 }, ["attention"]), requests = latest();
  let bitmap = null, found = null, sent = null, at = -1;
  const zone = dropZone({ drop: word("dropPicture"), choose: word("choosePicture") }, "image/*", take);
  const picture = make("canvas", { role: "img", hidden: true });
  zone.prepend(picture);
  const run = make("button", { class: "main", type: "submit", disabled: true }, word("run"));
  const answer = make("section", { class: "answer", "aria-label": word("answer") });
  const form = make("form", { class: "play" }, zone, optionsBox(controls, []), make("div", { class: "row" }, run));
  form.addEventListener("submit", event => { event.preventDefault(); submit(); });
  place.append(form, answer);

  async function take(file) {
    try { bitmap = await createImageBitmap(file); } catch (error) {
      showWrong(answer, new Error(word("unreadable", error.message)));
      return;
    }
    found = null;
    run.disabled = false;
    draw();
    submit();
  }

  function scaled(most) {
    const scale = Math.min(1, most / Math.max(bitmap.width, bitmap.height));
    return [Math.max(1, Math.round(bitmap.width * scale)), Math.max(1, Math.round(bitmap.height * scale))];
  }

  // Where the model looked, laid over the square in the middle that it sees.
  function draw() {
    const grow = Math.max(1, SHOWN / Math.max(bitmap.width, bitmap.height));
    const [width, height] = scaled(SHOWN).map(size => Math.round(size * grow));
    picture.hidden = false;
    picture.width = width; picture.height = height;
    picture.setAttribute("aria-label", found ? found.text : word("choosePicture"));
    const context = picture.getContext("2d");
    context.imageSmoothingEnabled = grow === 1;
    context.drawImage(bitmap, 0, 0, width, height);
    const map = found?.attention?.[at];
    if (!map) return;
    const crop = model.about.framing === "crop", side = Math.min(width, height);
    const [left, top, wide, high] = crop ? [(width - side) / 2, (height - side) / 2, side, side] : [0, 0, width, height];
    const most = Math.max(...map.flat(), 1e-9);
    map.forEach((row, y) => row.forEach((share, x) => {
      context.fillStyle = `rgba(10, 12, 16, ${0.78 * (1 - share / most)})`;
      context.fillRect(left + x * wide / row.length, top + y * high / map.length, wide / row.length + 0.5, high / map.length + 0.5);
    }));
  }

  async function submit() {
    if (!bitmap) return;
    const signal = requests.begin();
    answer.setAttribute("aria-busy", "true");
    say(word("busy"));
    try {
      const [width, height] = scaled(LARGEST), small = new OffscreenCanvas(width, height);
      small.getContext("2d").drawImage(bitmap, 0, 0, width, height);
      const image = sent = toBase64(await (await small.convertToBlob({ type: "image/png" })).arrayBuffer());
      const asked = valuesOf(controls);
      if (asked.temperature > 0) asked.n_best = 1; // one is drawn
      found = await ask("/v1/caption", { model: model.name, image, ...("attention" in model.options ? { attention: true } : {}), ...asked }, signal);
      at = -1;
      show();
      say(found.text);
      tools.answered();
    } catch (error) { showWrong(answer, error); }
    answer.removeAttribute("aria-busy");
  }

  function show() {
    const told = make("p", { class: "note", "aria-live": "polite" }, found.attention ? word("lookedNote") : "");
    const buttons = found.tokens.map((token, n) => make("button", {
      type: "button", "aria-pressed": "false", onclick: () => {
        at = at === n ? -1 : n;
        buttons.forEach((button, m) => button.setAttribute("aria-pressed", String(m === at)));
        told.textContent = at < 0 ? word("lookedNote") : word("looked", visible(token));
        draw();
      },
    }, visible(token)));
    answer.replaceChildren(make("p", { class: "best" }, found.text));
    if (found.attention) answer.append(make("div", { class: "row" }, ...buttons), told);
    if (found.n_best.length > 1) answer.append(make("h3", {}, word("nbest")), nbest(found.n_best));
    draw();
  }

  return { row: () => sent && { image: sent } };
}
