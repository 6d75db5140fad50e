// The drawing pad: white strokes on black, and from them the 28 x 28 pixels that MNIST would have made.

import {resize} from "./resize.js";

// MNIST's digits fit into 20 of 28 pixels, their centre of mass in the middle: as in cnnedge/examples/handwriting.py.
const SIDE = 28;
const BOX = 20;
// Where ink begins, of 255, and how broad the pen is: MNIST's stroke is 2.7 of its 20 pixels.
const EDGE = 102;
const PEN = 20 / 280;

export class Pad {
  // `changed(done)` is called while a person draws, with `done` true when the pen is lifted.
  constructor(canvas, changed) {
    this.canvas = canvas;
    this.changed = changed;
    this.context = canvas.getContext("2d", {willReadFrequently: true});
    this.last = null;
    this.clear();
    canvas.addEventListener("pointerdown", (event) => this.begin(event));
    canvas.addEventListener("pointermove", (event) => this.move(event));
    for (const end of ["pointerup", "pointercancel"]) {
      canvas.addEventListener(end, (event) => this.end(event));
    }
  }

  clear() {
    this.context.fillStyle = "#000";
    this.context.fillRect(0, 0, this.canvas.width, this.canvas.height);
    this.last = null;
  }

  begin(event) {
    if (this.last !== null || event.button > 0) return;
    event.preventDefault();
    this.canvas.setPointerCapture(event.pointerId);
    this.pointer = event.pointerId;
    this.last = this.place(event);
    this.line(this.last, this.last);
  }

  move(event) {
    if (this.last === null || event.pointerId !== this.pointer) return;
    for (const between of event.getCoalescedEvents?.() ?? [event]) {
      const next = this.place(between);
      this.line(this.last, next);
      this.last = next;
    }
    this.changed(false);
  }

  end(event) {
    if (this.last === null || event.pointerId !== this.pointer) return;
    this.last = null;
    this.changed(true);
  }

  place(event) {
    const box = this.canvas.getBoundingClientRect();
    return [
      ((event.clientX - box.left) * this.canvas.width) / box.width,
      ((event.clientY - box.top) * this.canvas.height) / box.height,
    ];
  }

  line(from, to) {
    Object.assign(this.context, {
      strokeStyle: "#fff", lineWidth: PEN * this.canvas.width, lineCap: "round", lineJoin: "round",
    });
    this.context.beginPath();
    this.context.moveTo(...from);
    this.context.lineTo(...to);
    this.context.stroke();
  }

  // The digit as pixels [28, 28, 1], centred as MNIST's are; null where nothing is drawn.
  digit() {
    const {width, height} = this.canvas;
    const {data} = this.context.getImageData(0, 0, width, height);
    return centred(data.filter((_, index) => index % 4 === 0), width, height);
  }
}

// Ink (height x width, 0..255) cut out, fitted into 20 x 20 and put with its centre of mass into the middle.
export function centred(ink, width, height) {
  const box = bounds(ink, width, height);
  if (box === null) return null;
  const cut = cutOut(ink, width, box);
  const longest = Math.max(box.width, box.height);
  const [fitHeight, fitWidth] = [box.height, box.width].map((size) => Math.max(1, evenly((size * BOX) / longest)));
  const fitted = resize(cut, box.width, box.height, [fitHeight, fitWidth, 1]);
  const {row, column} = centreOfMass(fitted, fitWidth, fitHeight);
  const top = evenly(Math.min(Math.max(SIDE / 2 - row, 0), SIDE - fitHeight));
  const left = evenly(Math.min(Math.max(SIDE / 2 - column, 0), SIDE - fitWidth));
  const out = new Uint8ClampedArray(SIDE * SIDE);
  for (let y = 0; y < fitHeight; y++) {
    out.set(fitted.subarray(y * fitWidth, (y + 1) * fitWidth), (top + y) * SIDE + left);
  }
  return out;
}

function bounds(ink, width, height) {
  let [left, right, top, bottom] = [width, -1, height, -1];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (ink[y * width + x] <= EDGE) continue;
      [left, right] = [Math.min(left, x), Math.max(right, x)];
      [top, bottom] = [Math.min(top, y), y];
    }
  }
  return right < 0 ? null : {left, top, width: right - left + 1, height: bottom - top + 1};
}

function cutOut(ink, width, box) {
  const cut = new Uint8ClampedArray(box.width * box.height);
  for (let y = 0; y < box.height; y++) {
    const start = (box.top + y) * width + box.left;
    cut.set(ink.subarray(start, start + box.width), y * box.width);
  }
  return cut;
}

function centreOfMass(pixels, width, height) {
  let [mass, row, column] = [0, 0, 0];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const value = pixels[y * width + x];
      mass += value;
      row += y * value;
      column += x * value;
    }
  }
  return {row: row / mass, column: column / mass};
}

// Python's round: halves go to the even neighbour.
function evenly(value) {
  const below = Math.floor(value);
  if (value - below !== 0.5) return Math.round(value);
  return below % 2 === 0 ? below : below + 1;
}
