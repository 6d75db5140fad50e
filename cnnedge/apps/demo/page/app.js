// The page: which file, which picture, and what comes of the two.

import {checkWords, element, milliseconds, showBars, sure, tableRow} from "./answers.js";
import {Camera} from "./camera.js";
import {Pad} from "./drawing.js";
import {prepare, probabilities, ranked} from "./feeding.js";
import {Figures} from "./figures.js";
import {caution, decode, pixelsOf, show} from "./picture.js";
import {open} from "./runtimes.js";
import {selfCheck} from "./selfcheck.js";

const page = JSON.parse(document.getElementById("page").textContent);
const $ = (id) => document.getElementById(id);
const opened = new Map();
// What is looked at: a function from a file to its pixels, or null. `turn` tells a late answer from the last one.
let source = null;
let turn = 0;
// The photo, and its pixels by the shape that a file takes: those of 48 megapixels take a phone seconds.
let photo = null;

const chosen = () => page.files[$("file").value];

// The file's session and its self-check, once each; a file that failed may be tried again.
function ready(file) {
  if (!opened.has(file)) {
    const found = open(file, page.runtimes).then(async (session) => ({
      session, check: await selfCheck(session, file, page.pictures),
    }));
    opened.set(file, found);
    found.catch(() => opened.delete(file));
  }
  return opened.get(file);
}

async function answer(file, pixels) {
  const {session} = await ready(file);
  const fed = prepare(pixels, file);
  const started = performance.now();
  const raw = await session.run(fed);
  const ms = performance.now() - started;
  return {scores: probabilities(raw, file.output), ms, runtime: session.runtime};
}

async function look() {
  const [file, mine] = [chosen(), ++turn];
  const pixels = source?.(file) ?? null;
  if (pixels === null) return showNothing();
  try {
    const found = await answer(file, pixels);
    if (mine === turn) showAnswer(file, pixels, found);
  } catch (error) {
    if (mine === turn) trouble(`${file.name}: ${error.message}`);
  }
}

function showNothing() {
  $("best").textContent = "\u00a0";
  $("facts").textContent = "Nothing to look at yet.";
  $("bars").replaceChildren();
  show($("fed"), new Uint8ClampedArray(1), [1, 1, 1]);
  $("fed-size").textContent = "fed";
}

function showAnswer(file, pixels, {scores, ms, runtime}) {
  const best = ranked(scores)[0];
  // Set anew, it would be read out anew: the camera asks five times a second.
  if ($("best").textContent !== file.labels[best]) $("best").textContent = file.labels[best];
  $("facts").textContent =
    `${sure(scores[best], file.certain)} · ${milliseconds(ms)} ms · ${file.name} on ${runtime}`;
  showBars($("bars"), file, scores);
  show($("fed"), pixels, file.shape);
  $("fed-size").textContent = `fed: ${file.shape[1]} × ${file.shape[0]}`;
}

function trouble(text) {
  $("trouble").textContent = text;
  $("trouble").hidden = !text;
}

async function choose() {
  const file = chosen();
  trouble("");
  $("check").className = "check";
  $("check").textContent = `${file.name} is loading and checking itself …`;
  $("tab-draw").hidden = !file.isDigits;
  if (!file.isDigits && !$("draw").hidden) select("photo");
  if (file.remark) trouble(file.remark);
  try {
    const {check} = await ready(file);
    if (file !== chosen()) return;
    $("check").textContent = checkWords(check, file);
    $("check").classList.add(check.same === check.pictures ? "good" : "bad");
    await look();
  } catch (error) {
    if (file !== chosen()) return;
    $("check").textContent = "";
    showNothing();
    trouble(`${file.name} cannot run in this browser: ${error.message}`);
  }
}

// Which of the three panels is shown, and what is looked at then.
function select(name) {
  for (const panel of ["draw", "photo", "camera"]) {
    $(panel).hidden = panel !== name;
    $(`tab-${panel}`).setAttribute("aria-selected", panel === name);
    $(`tab-${panel}`).tabIndex = panel === name ? 0 : -1;
  }
  if (name !== "camera") camera.stop();
  source = {draw: drawn, photo: photographed, camera: () => null}[name];
  look();
}

const drawn = (file) => (file.isDigits ? pad.digit() : null);

function photographed({shape}) {
  if (photo === null) return null;
  const {bitmap, pixels} = photo;
  pixels[shape] ??= pixelsOf(bitmap, bitmap.width, bitmap.height, shape);
  return pixels[shape];
}

async function openPhoto(blob, name) {
  trouble("");
  $("facts").textContent = `${name} is being opened …`;
  try {
    const bitmap = await decode(blob, name);
    photo?.bitmap.close();
    photo = {bitmap, pixels: {}};
    preview(bitmap);
    $("photo-note").textContent = await caution(blob);
    select("photo");
  } catch (error) {
    trouble(error.message);
    look();
  }
}

function preview(bitmap) {
  const shrink = Math.min(1, 700 / Math.max(bitmap.width, bitmap.height));
  const [width, height] = [bitmap.width, bitmap.height].map((size) => Math.max(1, Math.round(size * shrink)));
  Object.assign($("preview"), {width, height});
  $("preview").getContext("2d").drawImage(bitmap, 0, 0, width, height);
}

async function compare() {
  const picked = source;
  const alike = page.files.filter((file) => file.isDigits === chosen().isDigits && file.folder === chosen().folder);
  $("compare").disabled = true;
  $("comparison").hidden = false;
  const body = $("comparison").tBodies[0];
  body.replaceChildren();
  for (const file of alike) {
    body.append(await comparisonRow(file, picked?.(file) ?? null));
  }
  $("compare").disabled = false;
}

async function comparisonRow(file, pixels) {
  if (pixels === null) return tableRow([file.name, "no picture yet", "", ""]);
  try {
    const {check} = await ready(file);
    const {scores, ms} = await answer(file, pixels);
    const best = ranked(scores)[0];
    const mark = check.same === check.pictures ? "" : " (differs from Python)";
    const figures = [sure(scores[best], file.certain), milliseconds(ms)].map((text) => [text, "number"]);
    return tableRow([file.name, file.labels[best] + mark, ...figures]);
  } catch (error) {
    return tableRow([file.name, error.message, "", ""]);
  }
}

function fillFiles() {
  for (const folder of new Set(page.files.map((file) => file.folder))) {
    const group = Object.assign(document.createElement("optgroup"), {label: folder || "files"});
    for (const file of page.files.filter((one) => one.folder === folder)) {
      const option = element("option", `${file.name} · ${Math.round(file.size / 1000)} kB`);
      group.append(Object.assign(option, {value: page.files.indexOf(file)}));
    }
    $("file").append(group);
  }
}

function fillRefused() {
  for (const [name, reason] of Object.entries(page.refused)) {
    $("refused").append(element("p", `${name} is left out: ${reason}`, "warning"));
  }
}

function listen() {
  $("file").addEventListener("change", choose);
  $("clear").addEventListener("click", () => {
    pad.clear();
    $("hint").hidden = false;
    look();
  });
  $("compare").addEventListener("click", compare);
  for (const name of ["draw", "photo", "camera"]) {
    $(`tab-${name}`).addEventListener("click", () => select(name));
  }
  document.querySelector("[role=tablist]").addEventListener("keydown", stepTabs);
  for (const id of ["pick", "take"]) {
    $(id).addEventListener("change", () => {
      const [picked] = $(id).files;
      if (picked) openPhoto(picked, picked.name);
      $(id).value = "";
    });
  }
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    const [dropped] = event.dataTransfer.files;
    if (dropped) openPhoto(dropped, dropped.name);
  });
  document.addEventListener("paste", (event) => {
    const [pasted] = event.clipboardData.files;
    if (pasted) openPhoto(pasted, pasted.name);
  });
}

function stepTabs(event) {
  const step = {ArrowLeft: -1, ArrowRight: 1}[event.key];
  if (!step) return;
  const tabs = [...event.currentTarget.children].filter((tab) => !tab.hidden);
  const next = tabs[(tabs.indexOf(event.target) + step + tabs.length) % tabs.length];
  next.focus();
  next.click();
}

const pad = new Pad($("pad"), () => {
  $("hint").hidden = true;
  look();
});
const camera = new Camera({video: $("video"), button: $("watch"), note: $("camera-note")}, (video) => {
  source = (file) => pixelsOf(video, video.videoWidth, video.videoHeight, file.shape);
  return look();
});

fillFiles();
$("file").value = page.start;
fillRefused();
listen();
new Figures(page, chosen);
$("about").textContent = `cnnedge ${page.cnnedge}. ${Object.values(page.runtimes).join(", ")}, on this device alone.`;
select(chosen().isDigits ? "draw" : "photo");
choose();
