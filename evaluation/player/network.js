// Makes sounds of numbers, and finds the numbers of sounds, as trainer/networks/generator does. It runs in
// a worker, and in the page where there is none.
//
// Axes: T frames, Z numbers of a sound, J columns, C channels.

const ACTIVATIONS = {
  relu: (x) => x > 0 ? x : 0,
  leaky_relu: (x) => x > 0 ? x : 0.2 * x,
  tanh: Math.tanh,
  sigmoid: (x) => 1 / (1 + Math.exp(-x)),
};

class Network {
  // model: the settings, of GeneratorSettings
  // weights: arrays by the paths of variables
  constructor(model, weights) {
    this.model = model;
    this.weights = weights;
    this.hears = weights.has("generator/encoder/numbers/kernel");
    // (taps, C, filters) -> (filters, taps C): a window of the frames is a row of such a product.
    for (let level = 1; weights.has(`generator/encoder/down/convolution_${level}/kernel`); level++) {
      const kernel = weights.get(`generator/encoder/down/convolution_${level}/kernel`);
      const [taps, channels, filters] = kernel.shape;
      kernel.values = transposed(kernel.values, taps * channels, filters);
    }
  }

  // Returns the sound of numbers (Z,), (T,).
  make(latents) {
    const {model} = this;
    const up = "decoder/up";
    if (model.body === "dense") {
      const features = this.#layers(`${up}/layers`, latents);
      return this.#dense(`${up}/frames`, features, Math.tanh);
    }
    let x = this.#dense(`${up}/dense`, latents, ACTIVATIONS.relu);
    let numColumns = model.num_columns;
    for (let number = 1; number <= model.num_levels; number++) {
      const activation = number < model.num_levels ? ACTIVATIONS.relu : Math.tanh;
      x = this.#spread(`${up}/convolution_${number}`, x, numColumns, activation);
      numColumns *= model.stride;
    }
    return x;
  }

  // Returns the numbers of a sound (T,), (Z,): of a variational network the means, which come first.
  hear(sound) {
    const {model} = this;
    const down = "encoder/down";
    let x = sound;
    if (model.hears === "spectrum") x = levelsOf(sound, model.spectrum_window, model.spectrum_hop);
    if (model.body === "dense" || model.hears === "spectrum") x = this.#layers(`${down}/layers`, x);
    else {
      let numFrames = model.num_frames;
      for (let number = 1; number <= model.num_levels; number++) {
        x = this.#gather(`${down}/convolution_${number}`, x, numFrames);
        numFrames /= model.stride;
      }
    }
    return this.#dense("encoder/numbers", x, (value) => value).slice(0, model.latents);
  }

  #layer(path) {
    const kernel = this.weights.get(`generator/${path}/kernel`);
    return {shape: kernel.shape, kernel: kernel.values, bias: this.weights.get(`generator/${path}/bias`).values};
  }

  // Dense layers, each with the activation of the settings.
  #layers(path, x) {
    let features = x;
    for (let number = 1; number <= this.model.units.length; number++) {
      features = this.#dense(`${path}/dense_${number}`, features, ACTIVATIONS[this.model.activation]);
    }
    return features;
  }

  // A dense layer. What comes in as 0, as half of all behind a relu, adds nothing.
  #dense(path, x, activation) {
    const {kernel, bias, shape: [numInputs, numOutputs]} = this.#layer(path);
    const sums = Float64Array.from(bias);
    for (let input = 0; input < numInputs; input++) {
      const value = x[input];
      if (value === 0) continue;
      const first = input * numOutputs;
      for (let output = 0; output < numOutputs; output++) sums[output] += value * kernel[first + output];
    }
    return Float32Array.from(sums, activation);
  }

  // A transposed convolution, (J, C) -> (stride J, filters), padding "same" as TensorFlow has it:
  // y[stride i + tap - left] += x[i] w[tap], with left = 10 for a stride of 4 and 25 taps.
  #spread(path, x, numColumns, activation) {
    const {kernel, bias, shape: [taps, filters, channels]} = this.#layer(path);
    const {stride} = this.model;
    const left = Math.floor((taps - stride) / 2);
    const numRows = inFours(numColumns);
    const rows = new Float32Array(numRows * channels);
    rows.set(x);
    // (J, taps filters)
    const parts = product(rows, numRows, channels, kernel, taps * filters, channels);
    const numFrames = stride * numColumns;
    const made = new Float32Array(numFrames * filters);
    for (let frame = 0; frame < numFrames; frame++) made.set(bias, frame * filters);
    for (let column = 0; column < numColumns; column++) {
      for (let tap = 0; tap < taps; tap++) {
        const frame = stride * column + tap - left;
        if (frame < 0 || frame >= numFrames) continue;
        const from = (column * taps + tap) * filters;
        const to = frame * filters;
        for (let filter = 0; filter < filters; filter++) made[to + filter] += parts[from + filter];
      }
    }
    return made.map((value) => activation(value));
  }

  // A convolution, (stride J, C) -> (J, filters), leaky relu; the same padding, so that the window of each
  // column is what lies together in memory, and the next one begins a stride behind it.
  #gather(path, x, numFrames) {
    const {kernel, bias, shape: [taps, channels, filters]} = this.#layer(path);
    const {stride} = this.model;
    const left = Math.floor((taps - stride) / 2);
    const numColumns = numFrames / stride;
    const numRows = inFours(numColumns);
    const padded = new Float32Array((stride * (numRows - 1) + taps) * channels);
    padded.set(x, left * channels);
    const length = taps * channels;
    const made = product(padded, numRows, stride * channels, kernel, filters, length);
    return made
      .subarray(0, numColumns * filters)
      .map((value, i) => ACTIVATIONS.leaky_relu(value + bias[i % filters]));
  }
}

// In a worker: the first message is the network, each other one a question.
if (typeof document === "undefined") {
  let network = null;
  onmessage = ({data}) => {
    if (data.model) network = new Network(data.model, unpack(data.weights, data.text));
    else postMessage({number: data.number, values: network[data.kind](data.values)});
  };
}
