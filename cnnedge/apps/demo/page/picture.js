// From a picture of any kind to the pixels that a file takes, as cnnedge/images/pixels.py makes them: upright, laid on
// white, grey by ITU-R 601 where the file takes grey, and squashed to its size.

import {resizeColumns, resizeRows, weights} from "./resize.js";
import {upright} from "./turning.js";

// What is read of one picture, as in Python, and how much of it is unpacked at a time: a phone's canvas ends at 16.
const MOST_PIXELS = 100e6;
const STRIP_PIXELS = 4e6;

const OPTIONS = {colorSpaceConversion: "none", imageOrientation: "from-image", premultiplyAlpha: "none"};

// Decode an encoded picture, turned as its EXIF says, its colours as they are written.
export async function decode(blob, name) {
  const found = await createImageBitmap(blob, OPTIONS).catch(() => null);
  if (found === null) throw new Error(`${name} cannot be opened by this browser: ${await reason(blob)}`);
  const bitmap = await upright(found, blob, OPTIONS);
  if (bitmap.width * bitmap.height > MOST_PIXELS) {
    const size = `${bitmap.width} x ${bitmap.height}`;
    bitmap.close();
    throw new Error(`${name} has ${size} pixels, expected at most 100 million: scale it down first`);
  }
  return bitmap;
}

// Kinds of pictures that few browsers read, by their first bytes.
const UNREAD = {
  HEIC: /^....ftyp(hei[cxms]|hev[cxms]|mif1|msf1)/s, TIFF: /^(II\*\0|MM\0\*)/, "JPEG 2000": /^(\0\0\0\x0cjP|\xff\x4f\xff\x51)/,
};

async function reason(blob) {
  const start = new TextDecoder("latin1").decode(await blob.slice(0, 12).arrayBuffer());
  const kind = Object.keys(UNREAD).find((one) => UNREAD[one].test(start));
  if (kind) return `it is ${kind}, which few browsers read. Choose a JPEG, or let the phone's camera take one here`;
  if (/^....ftypavi[fs]/s.test(start)) return "it is AVIF, which older browsers do not read. Choose a JPEG";
  return `it is ${start ? "damaged or no picture" : "empty"}. Choose a JPEG, PNG or WebP`;
}

// What to say of the two kinds that Chromium decodes otherwise than Pillow, "" for all others: grey PNG of 16 bits by a
// level (the high byte is taken, not the nearest), AVIF by up to 20 where it is half transparent.
export async function caution(blob) {
  const start = new TextDecoder("latin1").decode(await blob.slice(0, 26).arrayBuffer());
  if (/^.PNG.{20}\x10[\0\x04]/s.test(start)) return "Grey of 16 bits: browsers may round it by one level otherwise than Python.";
  if (/^....ftypavi[fs]/s.test(start)) return "AVIF: where it is transparent, browsers may blend it otherwise than Python.";
  return "";
}

// `source` (a bitmap, canvas or video of width x height) as the pixels of shape [height, width, channels], 0..255.
export function pixelsOf(source, width, height, [outHeight, outWidth, channels]) {
  const kernel = weights(width, outWidth);
  const narrow = new Uint8ClampedArray(outWidth * height * channels);
  const strip = Math.max(1, Math.floor(STRIP_PIXELS / width));
  const canvas = newCanvas(width, Math.min(strip, height));
  const context = canvas.getContext("2d", {willReadFrequently: true, alpha: true});
  for (let top = 0; top < height; top += strip) {
    const rows = Math.min(strip, height - top);
    const plain = withoutAlpha(onWhite(context, source, width, rows, top), channels);
    narrow.set(resizeRows(plain, width, rows, channels, outWidth, kernel), top * outWidth * channels);
  }
  return resizeColumns(narrow, outWidth, height, channels, outHeight);
}

function newCanvas(width, height) {
  return Object.assign(document.createElement("canvas"), {width, height});
}

function onWhite(context, source, width, rows, top) {
  context.fillStyle = "#fff";
  context.fillRect(0, 0, width, rows);
  context.drawImage(source, 0, top, width, rows, 0, 0, width, rows);
  return context.getImageData(0, 0, width, rows).data;
}

// RGBA as RGB, or as grey the way Pillow makes it.
export function withoutAlpha(rgba, channels) {
  const count = rgba.length / 4;
  const out = new Uint8ClampedArray(count * channels);
  for (let index = 0, place = 0; index < count; index++, place += 4) {
    if (channels === 1) {
      out[index] = grey(rgba[place], rgba[place + 1], rgba[place + 2]);
    } else {
      out[3 * index] = rgba[place];
      out[3 * index + 1] = rgba[place + 1];
      out[3 * index + 2] = rgba[place + 2];
    }
  }
  return out;
}

export function grey(red, green, blue) {
  return (red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16;
}

// Pixels of shape [height, width, channels] on a canvas of that size, for a person to see what is fed.
export function show(canvas, pixels, [height, width, channels]) {
  const rgba = new Uint8ClampedArray(4 * height * width).fill(255);
  for (let index = 0; index < height * width; index++) {
    for (let channel = 0; channel < 3; channel++) {
      rgba[4 * index + channel] = pixels[index * channels + (channels === 1 ? 0 : channel)];
    }
  }
  Object.assign(canvas, {width, height});
  canvas.getContext("2d").putImageData(new ImageData(rgba, width, height), 0, 0);
}
