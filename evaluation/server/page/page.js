// Sends songs, shows how far each is, and lets its stems be heard and taken away. Whatever comes from a
// song is put on the page as text.

import {Player} from "./player.js";
import {addTaggram, addTicks, drawTaggrams} from "./heard.js";

const POLL_MS = 500;
const REST_MS = 5000;  // between two looks while nothing is separated
const UNDER_WAY = ["waiting", "listening", "separating"];
const $ = (selector, within = document) => within.querySelector(selector);

// The token stands behind the # of the address that the command prints; a reload finds it in this tab.
const token = location.hash.slice(1) || kept("token") || "";
keep("token", token);
history.replaceState(null, "", location.pathname);
// The address of a command that was begun again, put into the tab of the one before.
addEventListener("hashchange", () => location.reload());

let model = null;
let unheard = false;  // whether the last look at the songs failed
let timer = null;
const cards = new Map();  // by the key of a song

// What a reload finds in this tab; where the browser keeps nothing, it finds nothing.
function keep(name, text) {
  try {
    sessionStorage.setItem(name, text);
  } catch { /* Nothing depends on it. */ }
}

function kept(name) {
  try {
    return sessionStorage.getItem(name);
  } catch {
    return null;
  }
}

async function ask(path, options = {}) {
  let response;
  try {
    response = await fetch(`/api/${path}`, {...options, headers: {"X-Token": token}});
  } catch {
    throw new Error("The command does not answer; begin it again, and open the address that it prints.");
  }
  if (!response.ok) throw new Error(await response.text());
  return response;
}

function tell(error) {
  const trouble = $("#trouble");
  trouble.textContent = error ? error.message : "";
  trouble.hidden = !error;
}

const nameOf = (label) => label === "residual" ? "what the others leave" : model.sources[label] ?? label;

function clock(secs) {
  const whole = Math.round(secs);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

// The keyboard goes on where the neighbour has what is selected, else where songs are dropped.
function removeElement(element, selector) {
  const hadFocus = element.contains(document.activeElement);
  const neighbour = element.nextElementSibling ?? element.previousElementSibling;
  element.remove();
  if (hadFocus) ((neighbour && $(selector, neighbour)) ?? $("#files")).focus();
}

const megabytes = (bytes) => `${(bytes / 1e6).toLocaleString("en", {maximumFractionDigits: 1})} MB`;

// --- what is chosen -----------------------------------------------------------------------------------

function showModel() {
  $("#model").textContent = model.model;
  for (const [label, name] of Object.entries(model.sources)) {
    const line = document.createElement("label");
    const box = document.createElement("input");
    box.type = "checkbox";
    box.value = label;
    line.append(box, ` ${name}`);
    $("#sources").append(line);
  }
  if (model.listens) $("#sources").before($("#listen").content.cloneNode(true));
}

const listens = () => $("input[name=plays]:checked")?.value === "auto";

// What is ticked counts only where nobody listens.
function showHint() {
  $("#sources").hidden = listens();
  if (listens()) {
    $("#hint").textContent = "Every song is heard as a whole first; those that play are the instruments heard in it.";
    return;
  }
  $("#hint").textContent = model.takes_unknown_labels
    ? "Tick none where you do not know: then the network hears for itself, and every stem is made."
    : "This network was always told what plays: tick at least one.";
}

// No source has the value of another choice: none may be called "all", "auto" or "residual", or has a star.
function keepChoices() {
  const boxes = [...document.querySelectorAll("#choices input:not([type=file])")];
  const ticked = (kept("ticked") ?? "").split(",");
  for (const box of boxes) box.checked ||= ticked.includes(box.value);
  showHint();
  $("#choices").addEventListener("change", () => {
    showHint();
    keep("ticked", boxes.filter((box) => box.checked).map((box) => box.value).join(","));
  });
}

function choices() {
  const ticked = [...document.querySelectorAll("#sources input:checked")].map((box) => box.value);
  const labels = listens() ? ["auto"] : ticked;
  const chosen = new URLSearchParams();
  if (labels.length) chosen.set("labels", labels.join(","));
  const stems = $("input[name=stems]:checked").value || labels.join(",") || "all";
  chosen.set("write", $("#residual").checked ? `${stems},residual` : stems);
  return chosen;
}

// --- sending ------------------------------------------------------------------------------------------

function send(file, isFolder = false) {
  const line = document.createElement("li");
  const said = document.createElement("p");
  const bar = document.createElement("progress");
  line.append(said, bar);
  $("#uploads").append(line);

  const refuse = (sentence) => {
    said.textContent = `${file.name}: ${sentence}`;
    said.className = "failed";
    bar.remove();
    const button = document.createElement("button");
    button.className = "quiet";
    button.textContent = "Dismiss";
    button.addEventListener("click", () => removeElement(line, "button"));
    line.append(button);
  };
  if (isFolder) {
    refuse("a folder cannot be dropped; open it and drop the songs in it, or choose them.");
    return;
  }
  if (file.size > model.most_bytes) {
    refuse(`it has ${megabytes(file.size)}, and up to ${megabytes(model.most_bytes)} are taken.`);
    return;
  }
  const chosen = choices();
  if (!model.takes_unknown_labels && !chosen.has("labels")) {
    refuse("tick what plays before you send it; this network was never without such words.");
    return;
  }
  chosen.set("title", file.name);
  const request = new XMLHttpRequest();  // fetch does not tell how far it is
  request.open("POST", `/api/songs?${chosen}`);
  request.setRequestHeader("X-Token", token);
  said.textContent = `${file.name}: sending`;
  request.upload.addEventListener("progress", (event) => {
    bar.max = event.total || 1;
    bar.value = event.loaded;
  });
  request.addEventListener("error", () => refuse("it could not be sent; the command may have ended."));
  request.addEventListener("load", () => {
    if (request.status === 201) {
      line.remove();
      look();
    } else refuse(request.responseText);
  });
  request.send(file);
}

function takeFiles() {
  const input = $("#files");
  input.addEventListener("change", () => {
    for (const file of input.files) send(file);
    input.value = "";
  });
  const drop = $(".drop");
  for (const kind of ["dragenter", "dragover"]) {
    document.addEventListener(kind, (event) => {
      event.preventDefault();
      drop.classList.add("over");
    });
  }
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) drop.classList.remove("over");
  });
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    for (const item of event.dataTransfer.items) {
      if (item.kind === "file") send(item.getAsFile(), item.webkitGetAsEntry()?.isDirectory);
    }
  });
}

// --- songs --------------------------------------------------------------------------------------------

async function look() {
  clearTimeout(timer);
  let wait = REST_MS;
  try {
    const songs = (await (await ask("songs")).json()).filter((song) => song.state !== "receiving");
    const keys = new Set(songs.map((song) => song.key));
    for (const [key, card] of cards) if (!keys.has(key)) card.remove();
    for (const song of songs) {
      if (!cards.has(song.key)) cards.set(song.key, new Card(song));
      cards.get(song.key).show(song);
    }
    if (songs.some((song) => UNDER_WAY.includes(song.state))) wait = POLL_MS;
    // Not an error of something else.
    if (unheard) tell(null);
    unheard = false;
  } catch (error) {
    tell(error);
    unheard = true;
  }
  clearTimeout(timer);
  timer = setTimeout(look, wait);
}

class Card {
  constructor(song) {
    this.key = song.key;
    this.element = $("#song").content.cloneNode(true).firstElementChild;
    $("h2", this.element).textContent = song.title;
    const remove = $(".remove", this.element);
    remove.setAttribute("aria-label", `Remove ${song.title}`);
    remove.addEventListener("click", () => this.#leave());
    $("#songs").prepend(this.element);
  }

  show(song) {
    if (this.state === "ready" || this.state === "failed") return;
    this.state = song.state;
    const status = $(".status", this.element);
    const bar = $("progress", this.element);
    status.textContent = sentence(song);
    status.classList.toggle("failed", song.state === "failed");
    bar.hidden = song.state !== "separating" && song.state !== "listening";
    bar.setAttribute("aria-label", `${song.title}: ${song.state === "listening" ? "heard" : "separated"}`);
    if (song.all_secs) {
      bar.max = song.all_secs;
      bar.value = Math.min(song.done_secs, song.all_secs);
    }
    if (song.state !== "ready") return;
    for (const warning of song.warnings) {
      const line = document.createElement("li");
      line.textContent = warning;
      $(".warnings", this.element).append(line);
    }
    this.#open(song).catch(tell);
  }

  remove() {
    if (!cards.delete(this.key)) return;
    if (this.player) this.player.close();
    // Not its button: a key that is held would remove one song after the other.
    removeElement(this.element, "h2");
  }

  async #leave() {
    try {
      await ask(`songs/${this.key}`, {method: "DELETE"});
      this.remove();
    } catch (error) {
      tell(error);
    }
  }

  async #open(song) {
    const picture = await (await ask(`songs/${this.key}/picture`)).json();
    this.player = new Player({
      names: Object.keys(picture.outlines),
      sampleRate: picture.sample_rate,
      channels: picture.channels,
      numFrames: picture.num_frames,
      load: async (first, count) => {
        const response = await ask(`songs/${this.key}/sound?first=${first}&frames=${count}`);
        return new Float32Array(await response.arrayBuffer());
      },
    });
    if (song.heard) await this.#showHeard(song);
    for (const stem of song.stems) this.#addStem(song, stem, picture.outlines[stem]);
    if (song.stems.length) $(".rest", this.element).textContent = rest(picture.rest_db);
    else this.#showSongAlone();
    this.#connect(song);
    $(".player", this.element).hidden = false;
    this.#follow();
  }

  #addStem(song, stem, outline) {
    const row = $("#stem").content.cloneNode(true).firstElementChild;
    const name = nameOf(stem);
    row.dataset.stem = stem;
    $(".name", row).textContent = name;
    $("path", row).setAttribute("d", path(outline));
    for (const kind of ["mute", "solo"]) {
      const button = $(`.${kind}`, row);
      button.setAttribute("aria-label", `${button.textContent} ${name}`);
      button.addEventListener("click", () => {
        const pressed = button.getAttribute("aria-pressed") !== "true";
        button.setAttribute("aria-pressed", pressed);
        this.player.set(stem, {[kind]: pressed});
        this.#fade();
      });
    }
    const volume = $(".volume", row);
    volume.setAttribute("aria-label", `Volume of ${name}`);
    volume.addEventListener("input", () => this.player.set(stem, {volume: Number(volume.value)}));
    this.#seekIn($(".wave", row));
    const download = $(".download", row);
    download.setAttribute("aria-label", `Download ${name}`);
    download.addEventListener("click", () => this.#take(stem, download));
    $(".stems", this.element).append(row);
  }

  // What was heard: a picture above the stems, and ticks.
  async #showHeard(song) {
    const {rows} = await (await ask(`songs/${this.key}/taggram`)).json();
    this.element.classList.add("listened");
    for (const wave of addTaggram($(".stems", this.element), rows)) this.#seekIn(wave);
    addTicks($(".player", this.element), song, model.sources, (labels) => this.#again(labels));
  }

  #showSongAlone() {
    this.player.hear("*");
    $(".hear", this.element).hidden = true;
    $(".take", this.element).hidden = true;
  }

  // The keyboard goes on at the new song.
  async #again(labels) {
    try {
      const wanted = new URLSearchParams({labels});
      const made = await (await ask(`songs/${this.key}/again?${wanted}`, {method: "POST"})).json();
      await look();
      const card = cards.get(made.key);
      if (card) $("h2", card.element).focus();
      return true;
    } catch (error) {
      tell(error);
      return false;
    }
  }

  #seekIn(wave) {
    wave.addEventListener("click", (event) => {
      const box = wave.getBoundingClientRect();
      this.#seek((event.clientX - box.left) / box.width * this.player.secs);
    });
  }

  #connect(song) {
    const player = this.player;
    const position = $(".position", this.element);
    position.max = player.secs;
    position.addEventListener("input", () => this.#seek(Number(position.value)));
    const play = $(".play", this.element);
    play.addEventListener("click", () => {
      if (player.run) player.pause();
      else {
        for (const card of cards.values()) if (card !== this && card.player) card.pause();
        player.play().catch((error) => this.#stop(error));
      }
      this.#follow();
    });
    player.onend = () => this.#follow();
    for (const choice of this.element.querySelectorAll(".hear input")) {
      choice.name = `hear-${this.key}`;
      choice.addEventListener("change", () => {
        player.hear(choice.value);
        this.#fade();
      });
    }
    const formats = $(".format", this.element);
    for (const format of model.formats) formats.add(new Option(format, format, false, format === kept("format")));
    formats.addEventListener("change", () => keep("format", formats.value));
    const all = $(".all", this.element);
    all.setAttribute("aria-label", `Download all stems of ${song.title}`);
    all.addEventListener("click", () => this.#take("all", all));
  }

  pause() {
    this.player.pause();
    this.#follow();
  }

  #stop(error) {
    this.pause();
    tell(error);
  }

  #seek(secs) {
    this.player.seek(secs).catch((error) => this.#stop(error));
    this.#follow();
  }

  // Shows where the player is, and goes on to while it plays.
  #follow() {
    const {position, secs, run} = this.player;
    $(".play", this.element).textContent = run ? "Pause" : "Play";
    $(".time", this.element).textContent = `${clock(position)} of ${clock(secs)}`;
    const slider = $(".position", this.element);
    slider.value = position;
    slider.setAttribute("aria-valuetext", clock(position));
    for (const mark of this.element.querySelectorAll(".wave i")) mark.style.left = `${100 * position / secs}%`;
    cancelAnimationFrame(this.next);
    if (run) this.next = requestAnimationFrame(() => this.#follow());
  }

  #fade() {
    for (const row of this.element.querySelectorAll(".stem")) {
      row.classList.toggle("silent", !this.player.isHeard(row.dataset.stem));
    }
  }

  async #take(stem, button) {
    const told = $(".told", this.element);
    const format = $(".format", this.element).value;
    button.disabled = true;
    told.textContent = "being made";
    try {
      const wanted = new URLSearchParams({stem, format});
      const made = await (await ask(`songs/${this.key}/downloads?${wanted}`, {method: "POST"})).json();
      const link = document.createElement("a");
      link.href = made.address;
      link.download = "";
      link.click();
      told.textContent = "";
    } catch (error) {
      told.textContent = error.message;
    }
    button.disabled = false;
  }
}

function sentence(song) {
  if (song.state === "failed") return song.sentence;
  if (song.state === "waiting") return "waits for the songs before it";
  if (song.state === "ready") return song.sentence || song.remark;
  const done = song.all_secs
    ? `${Math.min(100, Math.round(100 * song.done_secs / song.all_secs))} %`
    : `${clock(song.done_secs)} done`;
  const progress = song.left_secs === null ? done : `${done}, ${clock(song.left_secs)} left`;
  if (song.state === "listening") return `listening: ${progress}`;
  return song.labels ? `separating ${song.labels.map(nameOf).join(", ")}: ${progress}` : progress;
}

function rest(decibels) {
  if (decibels === null) return "";
  if (decibels < -100) return "Together the stems are the song.";
  const distance = Math.abs(decibels).toFixed(1);
  return `What the stems together leave of the song lies ${distance} dB ${decibels < 0 ? "below" : "above"} it.`;
}

// The outline of a sound: its highest values from left to right, and back along its lowest.
function path(outline) {
  const width = 1000 / outline.length;
  const above = outline.map(([, high], i) => `${(i * width).toFixed(1)} ${-high}`);
  const below = outline.map(([low], i) => `${(i * width).toFixed(1)} ${-low}`).reverse();
  return `M${above.join("L")}L${below.join("L")}Z`;
}

// Canvases do not follow the colours of the page by themselves.
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawTaggrams());

try {
  model = await (await ask("model")).json();
  showModel();
  keepChoices();
  takeFiles();
  await look();
} catch (error) {
  tell(error);
}
