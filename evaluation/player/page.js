// Puts the page together: what is heard is always the sound of the numbers that it shows.

const $ = (selector) => document.querySelector(selector);
const described = JSON.parse($("#described").textContent);
const textOf = (id) => () => $(`#${id}`).textContent;
const numbers = unpack(described.numbers, textOf("numbers")());
const script = [...document.querySelectorAll(".of-network")].map((each) => each.textContent).join("\n");
const engine = new Engine(described.model, described.weights, textOf("weights"), script);
const speaker = new Speaker(described.sample_rate);
const numLatents = described.model.latents;
const middle = numbers.get("middle").values;  // where all coordinates are 0
const rowsOf = (path) => {
  const {shape: [count, length], values} = numbers.get(path);
  return Array.from({length: count}, (_, i) => values.subarray(i * length, (i + 1) * length));
};
const directions = rowsOf("directions");
const sounds = rowsOf("sounds");
const spreads = numbers.get("spreads").values;

// Where numbers (Z,) lie along a direction.
function coordinate(latents, k) {
  let sum = 0;
  for (let i = 0; i < numLatents; i++) sum += (latents[i] - middle[i]) * directions[k][i];
  return sum;
}
const onMap = (latents) => directions.slice(0, 2).map((_, k) => coordinate(latents, k));

// The middle of the sounds, or of what dice give.
const start = numbers.get("start").values;
let latents = Float32Array.from(start);  // of what is heard
let sound = null;
let isMaking = false;
let isStale = false;  // whether the numbers have changed since the network was asked
let willPlay = false;

const picture = new Picture($("#heard"));
const sliders = [];

// Moves the sound along a direction, all others as they are.
function moveAlong(k, value) {
  const way = value - coordinate(latents, k);
  latents = latents.map((each, i) => each + way * directions[k][i]);
}

function goTo(wanted) {
  latents = Float32Array.from(wanted);
  showPlace("");
  follow(true);
}

// Shows where the sound lies: of a training sound its number, of any sound that has one its name.
function showPlace(name, trainingSound = "") {
  const place = onMap(latents);
  map.show(place);
  for (const {input, output, k} of sliders) {
    const value = coordinate(latents, k);
    input.value = value;
    output.textContent = shown(value);
  }
  $("#where").textContent = (name ? `${name}: ` : "") + place.map((value) => shown(value)).join(", ");
  if ($("#names")) $("#names").value = trainingSound;
}

// Makes the sound of the numbers, and plays it if it is to be. While the network is busy numbers change: of
// these only the last ones count.
async function follow(plays) {
  isStale = true;
  willPlay = plays;
  if (isMaking) return;
  isMaking = true;
  while (isStale) {
    isStale = false;
    sound = await engine.make(latents);
    picture.show(sound);
    if (willPlay) speaker.play(sound);
  }
  isMaking = false;
}

function hearTrainingSound(i) {
  latents = Float32Array.from(sounds[i]);
  showPlace(described.names[i], i);
  follow(true);
}

const axisNames = numLatents > 2 && sounds.length
  ? ["principal axis 1", "principal axis 2"]
  : ["number 1", "number 2"];
const limits = rowsOf("limits").map((each) => [...each]);
const dots = sounds.map((each, i) => ({place: onMap(each), number: described.class_numbers[i]}));
const map = new SoundMap($("#map"), limits, dots, axisNames, (place, dot) => {
  if (dot !== null) {
    hearTrainingSound(dot);
    return;
  }
  place.forEach((value, k) => moveAlong(k, value));
  goTo(latents);
});

// A normal number (Box, Muller, 1958).
const normal = () => Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());

// Draws numbers as the task does: by its prior, or, of an autoencoder, as its training sounds have them.
function drawByDice() {
  if (!numbers.has("dice")) {
    const draw = described.prior === "uniform" ? () => 2 * Math.random() - 1 : normal;
    return latents.map(draw);
  }
  const drawn = Float32Array.from(numbers.get("dice_middle").values);
  for (const row of rowsOf("dice")) {
    const factor = normal();
    row.forEach((value, i) => { drawn[i] += factor * value; });
  }
  return drawn;
}

const fileName = () => `${described.name} ${[...onMap(latents)].map((value) => value.toFixed(2)).join(" ")}`;
const play = () => sound ? speaker.play(sound) : follow(true);
function toggleLoop() {
  speaker.loop(!speaker.loops);
  $("#loop").setAttribute("aria-pressed", speaker.loops);
  if (speaker.loops && !speaker.playing) play();
}
const take = () => sound && download(sound, described.sample_rate, fileName());
const rollDice = () => goTo(drawByDice());
const stop = () => speaker.stop();

// On the map alone, so that no letter typed elsewhere is a command.
const KEYS = {enter: play, " ": play, l: toggleLoop, d: take, r: rollDice, escape: stop};

$("#play").addEventListener("click", play);
$("#stop").addEventListener("click", stop);
$("#loop").addEventListener("click", toggleLoop);
$("#download").addEventListener("click", take);
$("#dice").addEventListener("click", rollDice);
$("#middle").addEventListener("click", () => goTo(start));
$("#map").addEventListener("keydown", (event) => {
  if (event.altKey || event.ctrlKey || event.metaKey) return;
  const does = KEYS[event.key.toLowerCase()];
  if (!does) return;
  event.preventDefault();
  // A key that is held does not toggle.
  if (!event.repeat) does();
});

function addSliders() {
  directions.slice(2).forEach((_, i) => {
    const k = i + 2;
    const row = $("#slider").content.cloneNode(true).firstElementChild;
    const input = row.querySelector("input");
    const output = row.querySelector("output");
    row.querySelector("span").textContent = sounds.length ? `axis ${k + 1}` : `number ${k + 1}`;
    input.min = -3 * spreads[k];
    input.max = 3 * spreads[k];
    input.addEventListener("input", () => {
      moveAlong(k, Number(input.value));
      goTo(latents);
    });
    sliders.push({input, output, k});
    $("#sliders").append(row);
  });
}

function addLegend() {
  const counts = new Map();
  for (const number of described.class_numbers) counts.set(number, (counts.get(number) ?? 0) + 1);
  described.classes.forEach((name, number) => {
    const item = $("#class").content.cloneNode(true).firstElementChild;
    const path = item.querySelector("path");
    path.setAttribute("d", outline(number, 8, 8, 6));
    path.style.fill = colourOfClass(number);
    item.querySelector(".name").textContent = name || "training sounds";
    item.querySelector(".count").textContent = counts.get(number);
    $("#legend").append(item);
  });
}

function addNames() {
  described.names.forEach((name, i) => $("#names").add(new Option(name, i)));
  $("#names").addEventListener("change", ({target}) => {
    if (target.value !== "") hearTrainingSound(Number(target.value));
  });
}

// A sound of one's own lies where the network hears it; the original is heard first.
function arrive(found, original, name) {
  latents = found;
  map.mark(onMap(found));
  showPlace(name);
  follow(false);
  speaker.play(original);
  return $("#where").textContent;
}

addSliders();
if (sounds.length) {
  addLegend();
  addNames();
}
const own = $(".drop") ? new OwnSounds(described, engine, speaker, arrive) : null;
showPlace("");
// The first sound is shown, and played when asked for: browsers let no page begin by itself.
follow(false).then(() => { document.body.dataset.ready = ""; });
