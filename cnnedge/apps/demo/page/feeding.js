// Between pixels and a file's own ends, as cnnedge/runtime/runner.py: `prepare` and `probabilities`.

const ARRAYS = {
  float32: Float32Array, uint8: Uint8Array, int8: Int8Array, int16: Int16Array, int32: Int32Array,
};

// Pixels [height, width, channels] in the input's own type and axis order.
export function prepare(pixels, file) {
  const [height, width, channels] = file.shape;
  const out = new ARRAYS[file.input.dtype](height * width * channels);
  const tables = file.table;
  for (let place = 0; place < height * width; place++) {
    for (let channel = 0; channel < channels; channel++) {
      const pixel = pixels[place * channels + channel];
      const index = file.channelsFirst ? channel * height * width + place : place * channels + channel;
      out[index] = tables === null ? pixel : tables[channel % tables.length][pixel];
    }
  }
  return out;
}

// The raw output as a probability per class.
export function probabilities(raw, {scale, zeroPoint}) {
  return Float32Array.from(raw, (value) => (scale ? Math.fround(Math.fround(value - zeroPoint) * scale) : value));
}

export function typed(bytes, dtype) {
  return new ARRAYS[dtype](bytes.buffer, bytes.byteOffset, bytes.byteLength / ARRAYS[dtype].BYTES_PER_ELEMENT);
}

// Indices of the classes, the likeliest first.
export function ranked(scores) {
  return Array.from(scores.keys()).sort((one, other) => scores[other] - scores[one] || one - other);
}
