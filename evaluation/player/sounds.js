// Plays sounds, prepares those that are dropped, and makes files of them.

const FADE_SECS = 0.01;
const MOST_BYTES = 100e6;  // of a file that is dropped

class Speaker {
  constructor(sampleRate) {
    this.sampleRate = sampleRate;
    this.context = null;  // until a key or a press, before which browsers allow no sound
    this.playing = null;
    this.loops = false;
  }

  // Plays a sound in place of the last one.
  play(sound) {
    if (!this.context) this.context = new AudioContext();
    this.context.resume();
    this.stop();
    const buffer = this.context.createBuffer(1, sound.length, this.sampleRate);
    buffer.copyToChannel(sound, 0);
    const source = this.context.createBufferSource();
    source.buffer = buffer;
    source.loop = this.loops;
    const gain = this.context.createGain();
    source.connect(gain).connect(this.context.destination);
    const playing = {source, gain};
    source.onended = () => {
      if (this.playing === playing) this.playing = null;
    };
    source.start();
    this.playing = playing;
  }

  // Ends what plays, without a click.
  stop() {
    if (!this.playing) return;
    const {source, gain} = this.playing;
    this.playing = null;
    gain.gain.setTargetAtTime(0, this.context.currentTime, FADE_SECS / 3);
    source.stop(this.context.currentTime + FADE_SECS);
  }

  // Whether a sound begins again at its end.
  loop(loops) {
    this.loops = loops;
    if (this.playing) this.playing.source.loop = loops;
  }
}

// Promises the sound of a file, at the wanted rate, the mean of its channels. Errors are sentences.
async function decodeFile(file, sampleRate) {
  if (file.size > MOST_BYTES) {
    throw new Error(`${file.name} has ${Math.round(file.size / 1e6)} MB; expected one short sound.`);
  }
  let buffer;
  try {
    const context = new OfflineAudioContext(1, 1, sampleRate);
    buffer = await context.decodeAudioData(await file.arrayBuffer());
  } catch {
    throw new Error(`${file.name} is no sound that this browser can read; expected wav, flac or mp3.`);
  }
  const sound = new Float32Array(buffer.length);
  for (let channel = 0; channel < buffer.numberOfChannels; channel++) {
    const values = buffer.getChannelData(channel);
    for (let i = 0; i < sound.length; i++) sound[i] += values[i] / buffer.numberOfChannels;
  }
  return sound;
}

// Returns the one-shot of a sound, as data_prep prepares them: its greatest value moved to the attack, what
// does not fit cut off, its end faded, scaled to a peak of 1, padded with zeros.
// form: num_frames, attack_frame, fade_frames and inaudible, the least peak of a sound
function prepare(sound, form, name) {
  let peakFrame = 0;
  for (let i = 0; i < sound.length; i++) {
    if (Math.abs(sound[i]) > Math.abs(sound[peakFrame])) peakFrame = i;
  }
  const peak = Math.abs(sound[peakFrame] ?? 0);
  if (!(peak > form.inaudible)) throw new Error(`${name} is silent; expected a sound.`);
  // How many frames later a frame of the sound stands in the one-shot; it may be negative.
  const shift = form.attack_frame - peakFrame;
  const first = Math.max(0, -shift);
  const scaled = sound.slice(first, Math.max(0, form.num_frames - shift)).map((value) => value / peak);
  // A sound that ends with its peak keeps the peak.
  const numBehindPeak = scaled.length - 1 - (peakFrame - first);
  const numFaded = Math.min(form.fade_frames, numBehindPeak);
  for (let i = 0; i < numFaded; i++) {
    // From just below 1 to 0.
    scaled[scaled.length - numFaded + i] *= (numFaded - 1 - i) / numFaded;
  }
  const shot = new Float32Array(form.num_frames);
  shot.set(scaled, Math.max(0, shift));
  return shot;
}

// Returns a wav file, 16 bits, one channel.
function wavOf(sound, sampleRate) {
  const view = new DataView(new ArrayBuffer(44 + 2 * sound.length));
  const write = (at, letters) => [...letters].forEach((letter, i) => view.setUint8(at + i, letter.charCodeAt(0)));
  write(0, "RIFF");
  view.setUint32(4, 36 + 2 * sound.length, true);
  write(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);  // whole numbers
  view.setUint16(22, 1, true);  // channels
  view.setUint32(24, sampleRate, true);
  view.setUint32(28, 2 * sampleRate, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  write(36, "data");
  view.setUint32(40, 2 * sound.length, true);
  sound.forEach((value, i) => {
    view.setInt16(44 + 2 * i, Math.round(32767 * Math.min(1, Math.max(-1, value))), true);
  });
  return new Blob([view], {type: "audio/wav"});
}

function download(sound, sampleRate, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(wavOf(sound, sampleRate));
  link.download = `${name}.wav`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}
