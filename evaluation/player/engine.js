// Asks the network in a worker, so that the page goes on meanwhile; where a browser has no worker for a
// file, it asks a network of the page.

class Engine {
  // described: what packing.py says of the weights
  // text: returns the packed weights
  // script: the text of what a network needs, for the worker
  constructor(model, described, text, script) {
    this.model = model;
    this.described = described;
    this.text = text;
    this.waiting = new Map();  // questions without an answer, by their numbers
    this.next = 0;
    this.network = null;
    try {
      const address = URL.createObjectURL(new Blob([script], {type: "text/javascript"}));
      this.worker = new Worker(address);
      this.worker.onmessage = ({data}) => this.#answer(data.number, data.values);
      this.worker.onerror = (event) => {
        event.preventDefault();
        this.#goOnAlone();
      };
      this.worker.postMessage({model, weights: described, text: text()});
    } catch {
      this.#goOnAlone();
    }
  }

  // Promises the sound of numbers.
  make(latents) { return this.#ask("make", Float32Array.from(latents)); }

  // Promises the numbers of a sound.
  hear(sound) { return this.#ask("hear", Float32Array.from(sound)); }

  #ask(kind, values) {
    return new Promise((resolve) => {
      const number = this.next++;
      this.waiting.set(number, {kind, values, resolve});
      if (this.network) this.#answer(number, this.network[kind](values));
      else this.worker.postMessage({number, kind, values});
    });
  }

  #answer(number, values) {
    const {resolve} = this.waiting.get(number);
    this.waiting.delete(number);
    resolve(values);
  }

  #goOnAlone() {
    if (this.worker) this.worker.terminate();
    this.network = new Network(this.model, unpack(this.described, this.text()));
    for (const [number, {kind, values}] of [...this.waiting]) {
      this.#answer(number, this.network[kind](values));
    }
  }
}
