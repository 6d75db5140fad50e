// Before a file's answers are shown, it answers pictures whose answers Python gave: through the page's own resize.

import {fromBase64} from "./assets.js";
import {prepare, probabilities, typed} from "./feeding.js";
import {grey} from "./picture.js";
import {resize} from "./resize.js";

// {pictures, same, largest, pixels}: how many answers are Python's own, the largest difference of a probability, and
// whether the pixels were the same everywhere.
export async function selfCheck(session, file, pictures) {
  const found = {pictures: file.golden.length, same: 0, largest: 0, pixels: true};
  for (const golden of file.golden) {
    const pixels = goldenPixels(pictures, golden.picture, file.shape);
    const isSamePicture = adler32(pixels) === golden.adler32;
    const own = probabilities(await session.run(prepare(pixels, file)), file.output);
    const expected = probabilities(typed(fromBase64(golden.output), file.output.dtype), file.output);
    const difference = largestDifference(own, expected);
    found.pixels &&= isSamePicture;
    found.same += isSamePicture && difference <= file.tolerance;
    found.largest = Math.max(found.largest, difference);
  }
  return found;
}

export function goldenPixels({width, height, rgb}, picture, shape) {
  const colours = fromBase64(rgb[picture]);
  if (shape[2] === 3) return resize(colours, width, height, shape);
  const plain = new Uint8ClampedArray(width * height);
  for (let index = 0; index < plain.length; index++) {
    plain[index] = grey(...colours.subarray(3 * index, 3 * index + 3));
  }
  return resize(plain, width, height, shape);
}

function largestDifference(own, expected) {
  if (own.length !== expected.length) return Infinity;
  return own.reduce((most, value, index) => {
    const difference = Math.abs(value - expected[index]);
    return Number.isNaN(difference) ? Infinity : Math.max(most, difference);
  }, 0);
}

export function adler32(values) {
  let [low, high] = [1, 0];
  for (const value of values) {
    low = (low + value) % 65521;
    high = (high + low) % 65521;
  }
  return ((high << 16) | low) >>> 0;
}
