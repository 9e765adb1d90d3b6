// Compose: a piece as a piano roll that plays.

import { ask, canvas, colour, dropZone, fromBase64, make, mixed, optionControls, optionsBox, say, showWrong, toBase64, valuesOf, word } from "/page/base.js";

const INKS = ["accent", "plus", "teal", "violet"];
const DRUMS = "drums";

export function compose(model, place, tools) {
  const controls = optionControls(model, { bars: 8 });
  let prompt = null, found = null, playing = null;
  const run = make("button", { class: "main", type: "submit" }, word("compose"));
  const chosen = make("span", { class: "note" });
  const clear = make("button", { type: "button", hidden: true, onclick: () => { prompt = null; chosen.textContent = ""; clear.hidden = true; } }, word("noBegin"));
  const zone = dropZone({ drop: word("begin"), choose: word("begin") }, ".mid,.midi,audio/midi", async file => {
    prompt = toBase64(await file.arrayBuffer());
    chosen.textContent = file.name;
    clear.hidden = false;
  });
  zone.querySelector("p").remove();
  zone.append(chosen, clear);
  const answer = make("section", { class: "answer", "aria-label": word("answer") });
  const form = make("form", { class: "play" }, optionsBox(controls, ["temperature", "bars", "key", "seed"]), make("div", { class: "row" }, run), make("details", {}, make("summary", {}, word("begin")), zone));
  form.addEventListener("submit", event => { event.preventDefault(); submit(); });
  place.append(form, answer);

  async function submit() {
    stop();
    run.disabled = true;
    answer.setAttribute("aria-busy", "true");
    say(word("busy"));
    try {
      found = await ask("/v1/compose", { model: model.name, ...valuesOf(controls), ...(prompt ? { prompt } : {}) });
      show();
      say(word("roll", found.bars, found.notes.length));
      tools.answered();
    } catch (error) { showWrong(answer, error); }
    run.disabled = false;
    answer.removeAttribute("aria-busy");
  }

  let picture = null, head = null, toggle = null;

  function show() {
    const file = URL.createObjectURL(new Blob([fromBase64(found.midi)], { type: "audio/midi" }));
    toggle = make("button", { type: "button", class: "main", onclick: () => playing ? stop() : play() }, word("play"));
    const download = make("a", { href: file, download: `${model.name}.mid` }, word("download"));
    const names = found.instruments.length > 1 ? make("p", { class: "legend" }, ...found.instruments.map((name, n) => make("span", {}, make("span", { class: "key", style: { background: `var(--${INKS[n % INKS.length]})` } }), word("instrument", name)))) : "";
    picture = roll();
    answer.replaceChildren(make("div", { class: "row" }, toggle, download), names, make("div", { class: "scroll", tabindex: "0" }, picture), make("p", { class: "note" }, found.melody));
  }

  function roll() {
    const pitches = found.notes.map(note => note[2]);
    const low = Math.min(60, ...pitches) - 2, high = Math.max(72, ...pitches) + 2;
    const each = Math.max(6, Math.min(9, 260 / (high - low))), step = Math.max(4, Math.min(16, 820 / Math.max(1, found.end)));
    const width = 34 + step * found.end + 6, height = each * (high - low + 1) + 6;
    const y = pitch => (high - pitch) * each;
    return canvas(width, height, word("roll", found.bars, found.notes.length), context => {
      const [paper, line, panel] = ["paper", "line", "panel"].map(colour);
      for (let pitch = low; pitch <= high; pitch++) {
        const black = [1, 3, 6, 8, 10].includes(pitch % 12);
        context.fillStyle = mixed(black ? panel : paper, line, black ? 0.25 : 0);
        context.fillRect(34, y(pitch), width - 40, each);
        if (pitch % 12 === 0) {
          context.fillStyle = mixed(colour("soft"), paper, 0);
          context.font = "11px system-ui, sans-serif";
          context.fillText(`C${pitch / 12 - 1}`, 4, y(pitch) + each);
        }
      }
      context.fillStyle = mixed(line, paper, 0);
      for (const start of found.bar_starts) context.fillRect(34 + start * step, 0, 1, height - 6);
      for (const [start, duration, pitch, velocity, player] of found.notes) {
        const ink = colour(INKS[player % INKS.length]);
        context.fillStyle = mixed(paper, ink, start < found.prompt_end ? 0.45 : 0.6 + 0.4 * velocity / 127);
        context.beginPath();
        context.roundRect(34 + start * step + 0.5, y(pitch) + 0.5, Math.max(3, duration * step - 1), each - 1, 2);
        context.fill();
      }
      if (head !== null) {
        context.fillStyle = mixed(colour("wrong"), paper, 0);
        context.fillRect(34 + head * step, 0, 2, height - 6);
      }
    });
  }

  function play() {
    const audio = new AudioContext(), beat = 60 / found.tempo / found.grid, begin = audio.currentTime + 0.08;
    const loud = audio.createGain();
    loud.gain.value = 0.5 / Math.sqrt(Math.max(1, found.instruments.length));
    loud.connect(audio.createDynamicsCompressor()).connect(audio.destination);
    for (const [start, duration, pitch, velocity, player] of found.notes) {
      note(audio, loud, begin + start * beat, duration * beat, pitch, velocity, found.instruments[player] === DRUMS);
    }
    const whole = found.end * beat;
    playing = { audio };
    toggle.textContent = word("playStop");
    const follow = () => {
      if (!playing) return;
      head = Math.max(0, (audio.currentTime - begin) / beat);
      picture.redraw();
      if (audio.currentTime - begin > whole + 0.3) stop();
      else requestAnimationFrame(follow);
    };
    requestAnimationFrame(follow);
  }

  function note(audio, out, at, length, pitch, velocity, drum) {
    const volume = audio.createGain(), peak = velocity / 127 * 0.5;
    volume.gain.setValueAtTime(0, at);
    volume.gain.linearRampToValueAtTime(peak, at + 0.012);
    volume.gain.exponentialRampToValueAtTime(Math.max(1e-4, peak * 0.35), at + Math.max(0.05, length * 0.8));
    volume.gain.exponentialRampToValueAtTime(1e-4, at + (drum ? 0.12 : length + 0.12));
    volume.connect(out);
    const tone = audio.createOscillator();
    tone.type = drum ? "square" : "triangle";
    tone.frequency.value = drum ? 90 : 440 * 2 ** ((pitch - 69) / 12);
    tone.connect(volume);
    tone.start(at);
    tone.stop(at + length + 0.15);
  }

  function stop() {
    if (!playing) return;
    playing.audio.close();
    playing = null; head = null;
    picture?.redraw();
    if (toggle) toggle.textContent = word("play");
  }

  return { leave: stop, row: () => found && found.notes.length ? { prompt: found.midi } : null };
}
