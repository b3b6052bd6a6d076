// Draws what a sound is like: its waveform, and its levels over time and frequency.

const PICTURE_WINDOW = 512;
const PICTURE_COLUMNS = 180;
const SILENCE = -2;  // the least level
const LOUD = 1;  // 60 dB above it: what is softer than that throughout looks so
// From silence to the loudest, dark to light: equal steps of level look equal (after "magma").
const COLOURS = [[0, 0, 4], [81, 18, 124], [183, 55, 121], [252, 137, 97], [252, 253, 191]];

// A number as people write it: with a minus, and none before zero.
function shown(value, digits = 2) {
  return value.toFixed(digits).replace(/^-(?=.*[1-9])/, "\u2212").replace("-", "");
}

function colourOf(share) {
  const place = Math.min(1, Math.max(0, share)) * (COLOURS.length - 1);
  const below = Math.min(COLOURS.length - 2, Math.floor(place));
  return COLOURS[below].map((value, i) => value + (place - below) * (COLOURS[below + 1][i] - value));
}

// Draws the lowest and the highest value in each column of a canvas, in the colour of its text.
function drawWaveform(canvas, sound) {
  const {width, height} = canvas;
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, width, height);
  context.fillStyle = getComputedStyle(canvas).color;
  for (let column = 0; column < width; column++) {
    const start = Math.floor(column * sound.length / width);
    const stop = Math.max(start + 1, Math.floor((column + 1) * sound.length / width));
    let low = 1;
    let high = -1;
    for (let i = start; i < stop; i++) {
      low = Math.min(low, sound[i]);
      high = Math.max(high, sound[i]);
    }
    const top = (1 - high) / 2 * height;
    context.fillRect(column, top, 1, Math.max(1, (high - low) / 2 * height));
  }
}

// Draws the levels of a sound, time to the right and frequency upwards, to half of its rate.
function drawLevels(canvas, sound) {
  const padded = new Float32Array(sound.length + PICTURE_WINDOW);
  padded.set(sound, PICTURE_WINDOW / 2);
  const hop = Math.max(1, Math.floor(sound.length / PICTURE_COLUMNS));
  const levels = levelsOf(padded, PICTURE_WINDOW, hop);
  const numBins = PICTURE_WINDOW / 2;
  const numColumns = levels.length / (numBins + 1);
  let highest = LOUD;
  for (const level of levels) highest = Math.max(highest, level);
  canvas.width = numColumns;
  canvas.height = numBins;
  const context = canvas.getContext("2d");
  const image = context.createImageData(numColumns, numBins);
  for (let row = 0; row < numBins; row++) {
    for (let column = 0; column < numColumns; column++) {
      const level = levels[column * (numBins + 1) + numBins - 1 - row];
      const colour = colourOf((level - SILENCE) / (highest - SILENCE));
      image.data.set([...colour, 255], 4 * (row * numColumns + column));
    }
  }
  context.putImageData(image, 0, 0);
}

// A sound with its two pictures, as an element of the template holds them.
class Picture {
  constructor(element) {
    this.element = element;
    this.waveform = element.querySelector(".waveform");
    this.levels = element.querySelector(".levels");
    this.sound = null;
    // Canvases do not follow the colours of the page by themselves.
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#draw());
  }

  show(sound) {
    this.sound = sound;
    this.#draw();
  }

  #draw() {
    if (!this.sound) return;
    drawWaveform(this.waveform, this.sound);
    drawLevels(this.levels, this.sound);
  }
}
