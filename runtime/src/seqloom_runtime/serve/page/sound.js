// Transcribe: a recording from the microphone or a file, and what was heard in it.

import { ask, canvas, colour, dropZone, latest, make, mixed, optionControls, optionsBox, say, showWrong, toBase64, valuesOf, word } from "/page/base.js";

export function transcribe(model, place, tools) {
  const rate = model.about.rate, controls = optionControls(model), requests = latest();
  let recorder = null, address = null, sent = null;
  const record = make("button", { type: "button", class: "main", "aria-pressed": "false" }, word("record"));
  const zone = dropZone({ drop: word("dropSound"), choose: word("chooseSound") }, "audio/*,.wav,.flac,.ogg", file => hear(file));
  zone.querySelector(".row").prepend(record);
  const heard = make("div"), answer = make("section", { class: "answer", "aria-label": word("answer") });
  place.append(make("form", { class: "play", onsubmit: event => event.preventDefault() }, zone, heard, optionsBox(controls, [])), answer);
  record.addEventListener("click", () => recorder ? recorder.stop() : begin());

  async function begin() {
    let stream;
    try {
      if (!navigator.mediaDevices) throw new Error("https, or localhost");
      stream = await navigator.mediaDevices.getUserMedia({ audio: true });
    } catch (error) {
      showWrong(answer, new Error(word("noMicrophone", error.message)));
      return;
    }
    const parts = [];
    recorder = new MediaRecorder(stream);
    recorder.addEventListener("dataavailable", event => parts.push(event.data));
    recorder.addEventListener("stop", () => {
      stream.getTracks().forEach(track => track.stop());
      pressed(false);
      const type = recorder.mimeType;
      recorder = null;
      hear(new Blob(parts, { type }));
    });
    recorder.start();
    pressed(true);
    say(word("recording"));
    setTimeout(() => recorder?.stop(), 1000 * Math.min(60, model.about.seconds));
  }

  function pressed(on) {
    record.setAttribute("aria-pressed", String(on));
    record.textContent = word(on ? "recordStop" : "record");
  }

  async function hear(blob) {
    const signal = requests.begin();
    answer.setAttribute("aria-busy", "true");
    say(word("busy"));
    try {
      const samples = await samplesOf(blob);
      if (address) URL.revokeObjectURL(address);
      const file = wav(samples, rate);
      address = URL.createObjectURL(new Blob([file], { type: "audio/wav" }));
      heard.replaceChildren(wave(samples), make("audio", { controls: true, src: address }));
      sent = toBase64(file);
      const found = await ask("/v1/transcribe", { model: model.name, audio: sent, ...valuesOf(controls) }, signal);
      answer.replaceChildren(make("h3", {}, word("heard")), make("p", { class: "best" }, found.text || word("nothing")), make("p", { class: "note" }, word("seconds", found.seconds.toFixed(1))));
      if (found.others.length) answer.append(make("h3", {}, word("others")), make("ol", {}, ...found.others.map(text => make("li", {}, text || word("nothing")))));
      say(found.text || word("nothing"));
      tools.answered();
    } catch (error) { showWrong(answer, error); }
    answer.removeAttribute("aria-busy");
  }

  // Whatever the browser can read, as one channel at the model's rate.
  async function samplesOf(blob) {
    const audio = new AudioContext();
    try {
      const decoded = await audio.decodeAudioData(await blob.arrayBuffer());
      const offline = new OfflineAudioContext(1, Math.max(1, Math.ceil(decoded.duration * rate)), rate);
      const source = offline.createBufferSource();
      source.buffer = decoded;
      source.connect(offline.destination);
      source.start();
      return (await offline.startRendering()).getChannelData(0);
    } catch (error) {
      throw new Error(word("unreadable", error.message));
    } finally { audio.close(); }
  }

  function wave(samples) {
    const width = Math.max(260, Math.min(640, place.clientWidth - 34)), height = 84;
    return canvas(width, height, word("seconds", (samples.length / rate).toFixed(1)), context => {
      context.fillStyle = mixed(colour("accent"), colour("paper"), 0);
      const each = samples.length / width, loudest = samples.reduce((most, one) => Math.max(most, Math.abs(one)), 0.01);
      for (let x = 0; x < width; x++) {
        let most = 0;
        for (let n = Math.floor(x * each); n < (x + 1) * each; n++) most = Math.max(most, Math.abs(samples[n] || 0));
        const high = Math.max(1, most / loudest * (height - 4));
        context.fillRect(x, (height - high) / 2, 1, high);
      }
    });
  }

  return { leave: () => recorder?.stop(), row: () => sent && { audio: sent } };
}

function wav(samples, rate) {
  const view = new DataView(new ArrayBuffer(44 + 2 * samples.length));
  const text = (at, letters) => [...letters].forEach((letter, n) => view.setUint8(at + n, letter.charCodeAt(0)));
  text(0, "RIFF"); view.setUint32(4, 36 + 2 * samples.length, true); text(8, "WAVEfmt ");
  view.setUint32(16, 16, true); view.setUint16(20, 1, true); view.setUint16(22, 1, true);
  view.setUint32(24, rate, true); view.setUint32(28, 2 * rate, true); view.setUint16(32, 2, true); view.setUint16(34, 16, true);
  text(36, "data"); view.setUint32(40, 2 * samples.length, true);
  samples.forEach((one, n) => view.setInt16(44 + 2 * n, Math.max(-1, Math.min(1, one)) * 32767, true));
  return view.buffer;
}
