// Shows what was heard of a song by who listened to it: ticks that can be changed, and a picture over time.

const $ = (selector, within = document) => within.querySelector(selector);
const percent = (share) => `${Math.round(100 * share)} %`;
const copy = (template) => $(template).content.cloneNode(true).firstElementChild;

const drawn = new WeakMap();  // by its canvas: how probable an instrument is from left to right, in percent

// Puts before the stems a strip for each row, as wide as the waveforms; returns what a click in them seeks in.
export function addTaggram(stems, rows) {
  const item = copy("#taggram");
  const picture = item.firstElementChild;
  const shares = rows.map((row) => `${row.name} in ${percent(row.share)} of the time`);
  picture.setAttribute("aria-label", `Heard over time: ${shares.join(", ")}.`);
  for (const row of rows) {
    const strip = copy("#tagged");
    const name = $(".name", strip);
    name.textContent = row.name;
    name.classList.toggle("is-heard", row.is_heard);
    $(".share", strip).textContent = `heard ${percent(row.share)}`;
    const canvas = $("canvas", strip);
    canvas.width = row.percent.length;
    drawn.set(canvas, row.percent);
    picture.append(strip);
  }
  stems.prepend(item);
  drawTaggrams(item);
  return [...picture.querySelectorAll(".wave")];
}

// The darker, the more probable; where the page is dark, the brighter.
export function drawTaggrams(within = document) {
  for (const canvas of within.querySelectorAll(".tagged canvas")) {
    const context = canvas.getContext("2d");
    context.clearRect(0, 0, canvas.width, 1);
    context.fillStyle = getComputedStyle(canvas).color;
    drawn.get(canvas).forEach((value, i) => {
      context.globalAlpha = value / 100;
      context.fillRect(i, 0, 1, 1);
    });
  }
}

// Puts before all else the instruments that the stems were made of; others may be ticked.
// again: labels -> promise of whether the song is sent once more with them
export function addTicks(player, song, sources, again) {
  const ticks = copy("#heard");
  const isHeard = [...song.labels].sort().join() === [...song.heard].sort().join();
  $("legend", ticks).textContent = isHeard ? "Heard" : "Ticked by you";
  const boxes = Object.entries(sources).map(([label, name]) => {
    const line = document.createElement("label");
    const box = document.createElement("input");
    box.type = "checkbox";
    box.value = label;
    line.append(box, ` ${name}`);
    $(".sources", ticks).append(line);
    return box;
  });
  const button = $(".again", ticks);
  const ticked = () => boxes.filter((box) => box.checked).map((box) => box.value);
  const reset = () => {
    for (const box of boxes) box.checked = song.labels.includes(box.value);
    button.disabled = true;
  };
  reset();
  ticks.addEventListener("change", () => {
    button.disabled = ticked().length === 0 || boxes.every((box) => box.checked === song.labels.includes(box.value));
  });
  button.setAttribute("aria-label", `Separate ${song.title} again`);
  button.addEventListener("click", async () => {
    button.disabled = true;
    if (await again(ticked())) reset();
    else button.disabled = false;
  });
  player.prepend(ticks);
}
