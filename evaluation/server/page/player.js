// Plays a song and its stems in step. All sounds of a stretch come together and are begun at one time of
// one clock, so that none can run away from the others, and no more than some seconds are in memory.

const STRETCH_SECS = 1;
const AHEAD_SECS = 3;
const MOST_FRAMES = 2 ** 19;  // that are given at once
const START_SECS = 0.05;  // from a stretch that has come to its sound
const FADE_SECS = 0.01;
const ORIGINAL = "*";  // names the song itself among its stems

export class Player {
  // names: of the sounds as they come, the song itself first
  // load: (first frame, number of frames) -> promise of their numbers, sound by sound, channel by channel
  constructor({names, sampleRate, channels, numFrames, load}) {
    Object.assign(this, {names, sampleRate, channels, numFrames, load});
    this.levels = new Map(names.map((name) => [name, {volume: 1, mute: false, solo: false}]));
    this.hears = "stems";
    this.run = null;  // what plays at present
    this.frame = 0;  // where it goes on
    this.onend = () => {};
  }

  get secs() { return this.numFrames / this.sampleRate; }

  get position() {
    const run = this.run;
    if (!run || run.startTime === null) return this.frame / this.sampleRate;
    const secs = run.first / this.sampleRate + this.context.currentTime - run.startTime;
    return Math.min(this.secs, Math.max(run.first / this.sampleRate, secs));
  }

  isHeard(name) {
    if (name === ORIGINAL || this.hears === ORIGINAL) return name === this.hears;
    const level = this.levels.get(name);
    const anySolo = [...this.levels.values()].some((each) => each.solo);
    return anySolo ? level.solo : !level.mute;
  }

  set(name, change) {
    Object.assign(this.levels.get(name), change);
    this.#balance();
  }

  hear(which) {
    this.hears = which;
    this.#balance();
  }

  async play() {
    if (this.run) return;
    if (!this.context) this.#connect();
    const run = {first: this.frame, startTime: null, nodes: new Set()};
    this.run = run;
    await this.context.resume();
    await this.#schedule(run);
  }

  pause() {
    const run = this.run;
    if (!run) return;
    this.frame = Math.round(this.position * this.sampleRate);
    this.run = null;
    for (const node of run.nodes) node.stop();
  }

  async seek(secs) {
    const plays = this.run !== null;
    this.pause();
    this.frame = Math.min(this.numFrames - 1, Math.max(0, Math.round(secs * this.sampleRate)));
    if (plays) await this.play();
  }

  close() {
    this.pause();
    if (this.context) this.context.close();
  }

  #connect() {
    try {
      // At the rate of the song, so that stretches follow each other without a seam.
      this.context = new AudioContext({sampleRate: this.sampleRate});
    } catch {
      this.context = new AudioContext();
    }
    this.gains = new Map(this.names.map((name) => [name, this.context.createGain()]));
    for (const gain of this.gains.values()) gain.connect(this.context.destination);
    this.#balance(0);
  }

  #balance(fade = FADE_SECS) {
    if (!this.context) return;
    for (const [name, gain] of this.gains) {
      const level = this.isHeard(name) ? this.levels.get(name).volume : 0;
      if (fade) gain.gain.setTargetAtTime(level, this.context.currentTime, fade);
      else gain.gain.value = level;
    }
  }

  async #schedule(run) {
    let next = run.first;
    while (next < this.numFrames) {
      const lead = run.startTime === null ? 0 : this.#timeOf(run, next) - this.context.currentTime;
      if (lead > AHEAD_SECS) await pause(100);
      else {
        const wanted = Math.min(Math.ceil(STRETCH_SECS * this.sampleRate), MOST_FRAMES);
        const count = Math.min(wanted, this.numFrames - next);
        const numbers = await this.load(next, count);
        if (this.run !== run) return;
        // At the start, and where a stretch came too late: all sounds wait for it together.
        const soon = this.context.currentTime + START_SECS;
        if (run.startTime === null || this.#timeOf(run, next) < soon - START_SECS) {
          // Upon a frame: between two, the browser would make up others.
          const frame = Math.ceil(soon * this.sampleRate);
          run.startTime = (frame - next + run.first) / this.sampleRate;
        }
        this.#begin(run, next, count, numbers);
        next += count;
      }
      if (this.run !== run) return;
    }
    while (this.run === run && this.position < this.secs) await pause(50);
    if (this.run !== run) return;
    this.run = null;
    this.frame = 0;
    this.onend();
  }

  #timeOf(run, frame) { return run.startTime + (frame - run.first) / this.sampleRate; }

  #begin(run, first, count, numbers) {
    const when = this.#timeOf(run, first);
    if (this.sampleRate < 3000 || this.sampleRate > 768000) {
      throw new Error(`A browser cannot play ${this.sampleRate} frames a second; download the stems.`);
    }
    this.names.forEach((name, i) => {
      const buffer = this.context.createBuffer(this.channels, count, this.sampleRate);
      for (let channel = 0; channel < this.channels; channel++) {
        const start = (i * this.channels + channel) * count;
        buffer.copyToChannel(numbers.subarray(start, start + count), channel);
      }
      const node = this.context.createBufferSource();
      node.buffer = buffer;
      node.connect(this.gains.get(name));
      node.addEventListener("ended", () => run.nodes.delete(node));
      run.nodes.add(node);
      node.start(when);
    });
  }
}

function pause(milliseconds) {
  return new Promise((resolve) => { setTimeout(resolve, milliseconds); });
}
