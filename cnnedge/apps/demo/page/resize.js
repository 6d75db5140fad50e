// Pillow's antialiased bilinear resize, integer for integer, so that the page feeds a file the very pixels that
// `cnnedge predict` feeds it. The arithmetic follows Pillow's src/libImaging/Resample.c (see NOTICE): a triangle as
// broad as the scale, its weights as integers of 22 bits, and each pass rounded and clamped to 8 bits.
// Rows are brought to their width first, then columns to their height: the order of cnnedge/images/pixels.py.

const PRECISION_BITS = 22;
const HALF = 1 << (PRECISION_BITS - 1);

// For each of `outSize` positions: the first of the `inSize` pixels under its triangle, and their integer weights.
export function weights(inSize, outSize) {
  const scale = inSize / outSize;
  const support = Math.max(scale, 1);
  return Array.from({length: outSize}, (_, position) => {
    const center = (position + 0.5) * scale;
    const first = Math.max(0, Math.trunc(center - support + 0.5));
    const end = Math.min(inSize, Math.trunc(center + support + 0.5));
    return {first, values: integers(triangle(first, end, center, 1 / support))};
  });
}

function triangle(first, end, center, narrowing) {
  const values = [];
  for (let x = first; x < end; x++) {
    values.push(Math.max(0, 1 - Math.abs((x - center + 0.5) * narrowing)));
  }
  const sum = values.reduce((total, value) => total + value, 0);
  return values.map((value) => (sum === 0 ? value : value / sum));
}

function integers(values) {
  return Int32Array.from(values, (value) => Math.trunc(0.5 + value * (1 << PRECISION_BITS)));
}

// Each row of `pixels` (height x width x channels, 0..255) brought to `outWidth` pixels.
export function resizeRows(pixels, width, height, channels, outWidth, kernel = weights(width, outWidth)) {
  if (width === outWidth) return pixels;
  const out = new Uint8ClampedArray(outWidth * height * channels);
  for (let column = 0; column < outWidth; column++) {
    const {first, values} = kernel[column];
    for (let row = 0; row < height; row++) {
      const start = (row * width + first) * channels;
      for (let channel = 0; channel < channels; channel++) {
        out[(row * outWidth + column) * channels + channel] = weighted(pixels, start + channel, channels, values);
      }
    }
  }
  return out;
}

// The columns of `pixels` brought to `outHeight` pixels.
export function resizeColumns(pixels, width, height, channels, outHeight) {
  if (height === outHeight) return pixels;
  const step = width * channels;
  const out = new Uint8ClampedArray(step * outHeight);
  weights(height, outHeight).forEach(({first, values}, row) => {
    for (let place = 0; place < step; place++) {
      out[row * step + place] = weighted(pixels, first * step + place, step, values);
    }
  });
  return out;
}

function weighted(pixels, start, step, values) {
  let sum = HALF;
  for (let index = 0, place = start; index < values.length; index++, place += step) {
    sum += pixels[place] * values[index];
  }
  return Math.min(255, Math.max(0, sum >> PRECISION_BITS));
}

// Both passes: `pixels` as [height, width, channels] = `shape`.
export function resize(pixels, width, height, [outHeight, outWidth, channels]) {
  const narrow = resizeRows(pixels, width, height, channels, outWidth);
  return resizeColumns(narrow, outWidth, height, channels, outHeight);
}
