// Is the map: a dot for each training sound, a cross where the sound that is heard lies, a ring where the one
// that was dropped lies.

const SIZE = 5;  // of a dot, in pixels from its middle to its outline
const NEAR = 9;  // in pixels: so near, a press means the dot
const STEP = 1 / 100;  // of the map, by an arrow key
const BIG_STEP = 1 / 10;  // with shift
const EDGE = {left: 46, right: 12, top: 12, bottom: 30};  // in pixels, around what is shown
const NUM_COLOURS = 8;
const SVG = "http://www.w3.org/2000/svg";

// Outlines of dots, one a class; they differ to eyes that see no colours, too.
const around = (count, turn, inner = 1) => Array.from({length: count}, (_, i) => {
  const radius = i % 2 ? inner : 1;
  const angle = 2 * Math.PI * (i / count + turn);
  return [radius * Math.sin(angle), -radius * Math.cos(angle)];
});
const CROSS = [
  [-.35, -1], [.35, -1], [.35, -.35], [1, -.35], [1, .35], [.35, .35],
  [.35, 1], [-.35, 1], [-.35, .35], [-1, .35], [-1, -.35], [-.35, -.35],
];
const SHAPES = [
  around(16, 0), around(4, 1 / 8), around(3, 0), around(4, 0),
  CROSS, around(3, 1 / 2), around(10, 0, .45), CROSS.map(([x, y]) => [.75 * (x - y), .75 * (x + y)]),
];

// Each round of colours has the shapes moved on by one.
const colourOfClass = (number) => `var(--class-${number % NUM_COLOURS})`;
function outline(number, x, y, size) {
  const shape = SHAPES[(number + Math.floor(number / NUM_COLOURS)) % SHAPES.length];
  return `M${shape.map(([dx, dy]) => `${(x + size * dx).toFixed(1)} ${(y + size * dy).toFixed(1)}`).join("L")}Z`;
}

// Round numbers from a least to a greatest one, about so many.
function ticksOf(least, greatest, count) {
  const raw = (greatest - least) / count;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = power * [1, 2, 5, 10].find((each) => each * power >= raw);
  const ticks = [];
  for (let i = Math.ceil(least / step); i * step <= greatest; i++) ticks.push(i * step);
  return ticks.map((value) => Number(value.toPrecision(6)));
}

class SoundMap {
  // element: gets the picture, the keys and the presses
  // limits: [least, greatest] of each of the one or two axes
  // dots: {place, number of the class} each
  // names: of the axes
  // move: called with a place that is pressed, and the number of the dot there or null
  constructor(element, limits, dots, names, move) {
    Object.assign(this, {element, limits, dots, names, move});
    this.place = limits.map(([least, greatest]) => (least + greatest) / 2);
    this.dropped = null;
    this.svg = document.createElementNS(SVG, "svg");
    this.svg.setAttribute("aria-hidden", "true");
    element.prepend(this.svg);
    this.ground = this.#add("g");
    this.above = this.#add("g");
    new ResizeObserver(() => this.#draw()).observe(element);
    element.addEventListener("pointerdown", (event) => this.#press(event));
    element.addEventListener("pointermove", (event) => this.#drag(event));
    element.addEventListener("keydown", (event) => this.#step(event));
  }

  // Shows where the sound lies that is heard.
  show(place) {
    this.place = place;
    this.#drawAbove();
  }

  // Shows where the sound lies that was dropped.
  mark(place) {
    this.dropped = place;
    this.#drawAbove();
  }

  // Where a place is in pixels. A map of one number is a line in the middle of the picture.
  pixelsOf(place) {
    const [left, right] = this.limits[0];
    const x = EDGE.left + (place[0] - left) / (right - left) * this.width;
    if (this.limits.length === 1) return [x, EDGE.top + this.height / 2];
    const [low, high] = this.limits[1];
    return [x, EDGE.top + (high - place[1]) / (high - low) * this.height];
  }

  #placeOf(x, y) {
    const shares = [(x - EDGE.left) / this.width, 1 - (y - EDGE.top) / this.height];
    return this.limits.map(([least, greatest], i) => {
      return least + Math.min(1, Math.max(0, shares[i])) * (greatest - least);
    });
  }

  #press(event) {
    if (event.button !== 0) return;
    this.element.setPointerCapture(event.pointerId);
    const [x, y] = this.#within(event);
    const distances = this.dots.map(({place}) => {
      const [dotX, dotY] = this.pixelsOf(place);
      return Math.hypot(dotX - x, dotY - y);
    });
    const nearest = distances.reduce((best, each, i) => each < (distances[best] ?? NEAR) ? i : best, null);
    if (nearest === null) this.move(this.#placeOf(x, y), null);
    else this.move(this.dots[nearest].place, nearest);
    this.start = [x, y];
  }

  // What trembles is no drag.
  #drag(event) {
    if (!this.element.hasPointerCapture(event.pointerId)) return;
    const [x, y] = this.#within(event);
    if (this.start && Math.hypot(x - this.start[0], y - this.start[1]) < 4) return;
    this.start = null;
    this.move(this.#placeOf(x, y), null);
  }

  #within(event) {
    const box = this.element.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  #step(event) {
    const direction = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowDown: [0, -1], ArrowUp: [0, 1]}[event.key];
    if (!direction || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const size = event.shiftKey ? BIG_STEP : STEP;
    const place = this.limits.map(([least, greatest], i) => {
      const moved = this.place[i] + direction[i] * size * (greatest - least);
      return Math.min(greatest, Math.max(least, moved));
    });
    this.move(place, null);
  }

  #add(name, attributes = {}, within = this.svg) {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    within.append(made);
    return made;
  }

  #draw() {
    const {clientWidth, clientHeight} = this.element;
    this.width = Math.max(1, clientWidth - EDGE.left - EDGE.right);
    this.height = Math.max(1, clientHeight - EDGE.top - EDGE.bottom);
    this.svg.setAttribute("viewBox", `0 0 ${clientWidth} ${clientHeight}`);
    this.ground.replaceChildren();
    this.#drawAxes();
    const paths = new Map();
    for (const {place, number} of this.dots) {
      const [x, y] = this.pixelsOf(place);
      paths.set(number, (paths.get(number) ?? "") + outline(number, x, y, SIZE));
    }
    for (const [number, d] of paths) {
      this.#add("path", {d, class: "dots", style: `fill: ${colourOfClass(number)}`}, this.ground);
    }
    this.#drawAbove();
  }

  #drawAxes() {
    const bottom = EDGE.top + this.height;
    const right = EDGE.left + this.width;
    const text = (words, attributes) => {
      this.#add("text", attributes, this.ground).textContent = words;
    };
    const words = (value) => String(value).replace("-", "\u2212");
    for (const tick of ticksOf(...this.limits[0], Math.max(2, this.width / 90))) {
      const [x] = this.pixelsOf([tick, 0]);
      this.#add("path", {d: `M${x} ${EDGE.top}V${bottom}`, class: "grid"}, this.ground);
      text(words(tick), {x, y: bottom + 14, "text-anchor": "middle"});
    }
    text(this.names[0], {x: right, y: bottom + 27, "text-anchor": "end"});
    if (this.limits.length === 1) return;
    for (const tick of ticksOf(...this.limits[1], Math.max(2, this.height / 70))) {
      const [, y] = this.pixelsOf([0, tick]);
      this.#add("path", {d: `M${EDGE.left} ${y}H${right}`, class: "grid"}, this.ground);
      text(words(tick), {x: EDGE.left - 5, y: y + 4, "text-anchor": "end"});
    }
    const middle = EDGE.top;
    text(this.names[1], {transform: `translate(12 ${middle}) rotate(-90)`, "text-anchor": "end"});
  }

  #drawAbove() {
    if (!this.width) return;
    this.above.replaceChildren();
    const bottom = EDGE.top + this.height;
    const right = EDGE.left + this.width;
    // What lies beyond the map is shown at its edge.
    const [rawX, rawY] = this.pixelsOf(this.place);
    const x = Math.min(right, Math.max(EDGE.left, rawX));
    const y = Math.min(bottom, Math.max(EDGE.top, rawY));
    this.#add("path", {d: `M${x} ${EDGE.top}V${bottom}M${EDGE.left} ${y}H${right}`, class: "cross"}, this.above);
    this.#add("circle", {cx: x, cy: y, r: 8, class: "heard"}, this.above);
    if (!this.dropped) return;
    const [cx, cy] = this.pixelsOf(this.dropped);
    this.#add("circle", {cx, cy, r: 12, class: "dropped"}, this.above);
    this.#add("circle", {cx, cy, r: 16, class: "dropped outer"}, this.above);
  }
}
