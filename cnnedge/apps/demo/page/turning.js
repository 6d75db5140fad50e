// The orientation in a WebP's EXIF, over which Chromium passes and which Pillow heeds.

import {fromBase64} from "./assets.js";

const ORIENTATION = 0x0112;
// A WebP of 2 x 1 pixels whose EXIF turns it into one of 1 x 2.
const LYING =
  "UklGRk4AAABXRUJQVlA4WAoAAAAIAAAAAQAAAAAAVlA4TA4AAAAvAQAAAAcQEf0PRET/A0VYSUYaAAAATU0AKgAAAAgAAQESAAMAAAABAAYA" +
  "AAAAAAA=";
// From a picture of w x h to the turned one, as a canvas takes it, by the orientation.
const TURNS = {
  2: (w) => [-1, 0, 0, 1, w, 0], 3: (w, h) => [-1, 0, 0, -1, w, h], 4: (w, h) => [1, 0, 0, -1, 0, h],
  5: () => [0, 1, 1, 0, 0, 0], 6: (w, h) => [0, 1, -1, 0, h, 0], 7: (w, h) => [0, -1, -1, 0, h, w],
  8: (w) => [0, -1, 1, 0, 0, w],
};
let heeded = null;

// `bitmap`, decoded from `blob` with `options`; turned, and laid on white, where that is left to do.
export async function upright(bitmap, blob, options) {
  const turn = TURNS[await webpOrientation(blob)];
  if (!turn || (await (heeded ??= isHeeded(options)))) return bitmap;
  const {width, height} = bitmap;
  const matrix = turn(width, height);
  const size = matrix[0] ? {width, height} : {width: height, height: width};
  const canvas = Object.assign(document.createElement("canvas"), size);
  const context = canvas.getContext("2d");
  context.fillStyle = "#fff";
  context.fillRect(0, 0, size.width, size.height);
  context.setTransform(...matrix);
  context.imageSmoothingEnabled = false;
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return createImageBitmap(canvas);
}

async function isHeeded(options) {
  const bitmap = await createImageBitmap(new Blob([fromBase64(LYING)]), options);
  return bitmap.height === 2;
}

// 1 to 8; 1 for other kinds of pictures, and where the EXIF cannot be read.
async function webpOrientation(blob) {
  const start = new TextDecoder("latin1").decode(await blob.slice(0, 12).arrayBuffer());
  if (!/^RIFF....WEBP/s.test(start)) return 1;
  const view = new DataView(await blob.arrayBuffer());
  try {
    return exifOrientation(view, exifPlace(view));
  } catch {
    return 1;
  }
}

function exifPlace(view) {
  let place = 12;
  while (view.getUint32(place) !== 0x45584946) {
    const size = view.getUint32(place + 4, true);
    place += 8 + size + (size % 2);
  }
  const start = place + 8;
  // Some writers begin with what JPEG begins with: "Exif" and two zeros.
  return view.getUint32(start) === 0x45786966 ? start + 6 : start;
}

function exifOrientation(view, start) {
  const little = view.getUint16(start) === 0x4949;
  const directory = start + view.getUint32(start + 4, little);
  for (let entry = 0; entry < view.getUint16(directory, little); entry++) {
    const place = directory + 2 + 12 * entry;
    if (view.getUint16(place, little) === ORIENTATION) return view.getUint16(place + 8, little);
  }
  return 1;
}
