// How long a file takes on this device: fresh load, first call, and single calls as fine as the browser's clock tells.

import {prepare} from "./feeding.js";
import {open} from "./runtimes.js";
import {goldenPixels, selfCheck} from "./selfcheck.js";

const WARM_UP = {calls: 10, ms: 500};
const LEAST_CALLS = 200;
const MOST_MS = 10_000;
// A reading of so many steps of the clock is right to 5 %.
const STEPS_PER_READING = 20;
const PAUSE_EVERY_MS = 100;
const SUSTAINED_MS = 60_000;

// One row for the laptop; `progress(text)` says where it stands, `signal` stops it.
export async function measure(file, page, {progress, signal, sustained}) {
  progress(`${file.name}: loading`);
  const session = await open(file, page.runtimes);
  try {
    const inputs = file.golden.map((golden) => prepare(goldenPixels(page.pictures, golden.picture, file.shape), file));
    const firstMs = await timed(() => session.run(inputs[0]));
    const check = await selfCheck(session, file, page.pictures);
    const found = await readings(session, inputs, (done) => progress(`${file.name}: ${done}`), signal);
    const curve = sustained ? await sustain(session, inputs, found, progress, signal) : null;
    return {
      file: file.name, sha256: file.sha256, runtime: session.runtime, load_ms: rounded(session.loadMs), first_ms: rounded(firstMs),
      latency_ms: summary(found.ms, found.calls), calls_per_reading: found.together, clock_step_ms: rounded(found.step),
      check: {
        pictures: check.pictures, same: check.same, largest_difference: finite(check.largest), tolerance: file.tolerance,
      },
      sustained: curve, error: null,
    };
  } finally {
    session.close();
  }
}

// A clock's step is coarser than a nanosecond; what lies beyond is the noise of floating point.
const rounded = (ms) => Math.round(ms * 1e6) / 1e6;

// JSON knows no infinity; no probability differs by more than 1.
const finite = (value) => Math.min(value, 1);

async function timed(call) {
  const started = performance.now();
  await call();
  return performance.now() - started;
}

// The smallest step that the clock makes: 0.005 to 1 ms, by browser.
export function clockStep() {
  let step = Infinity;
  for (let tries = 0; tries < 10; tries++) {
    const started = performance.now();
    let now = started;
    while (now === started) now = performance.now();
    step = Math.min(step, now - started);
  }
  return step;
}

async function readings(session, inputs, progress, signal) {
  const call = await warmUp(session, inputs);
  const step = clockStep();
  const together = Math.max(1, Math.ceil((STEPS_PER_READING * step) / Math.max(call, step / 100)));
  const ms = [];
  const begun = performance.now();
  while (ms.length < LEAST_CALLS && (performance.now() - begun < MOST_MS || ms.length === 0)) {
    await breathe(signal);
    progress(`${ms.length * together} calls`);
    const until = performance.now() + PAUSE_EVERY_MS;
    while (ms.length < LEAST_CALLS && performance.now() < until) {
      ms.push(await reading(session, inputs, together, ms.length));
    }
  }
  return {ms, together, step, calls: ms.length * together};
}

async function warmUp(session, inputs) {
  const begun = performance.now();
  let calls = 0;
  while (calls < WARM_UP.calls && performance.now() - begun < WARM_UP.ms) {
    await session.run(inputs[calls++ % inputs.length]);
  }
  const again = performance.now();
  await session.run(inputs[0]);
  const last = performance.now() - again;
  return Math.min(last || Infinity, (performance.now() - begun) / (calls + 1));
}

// The mean of `together` calls, in milliseconds.
async function reading(session, inputs, together, number) {
  const started = performance.now();
  for (let call = 0; call < together; call++) {
    await session.run(inputs[(number + call) % inputs.length]);
  }
  return (performance.now() - started) / together;
}

// A minute without a pause: one point a second.
async function sustain(session, inputs, {together}, progress, signal) {
  const points = [];
  const begun = performance.now();
  let runs = 0;
  while (performance.now() - begun < SUSTAINED_MS) {
    await breathe(signal);
    const at = performance.now() - begun;
    progress(`under load: ${Math.round(at / 1000)} of ${SUSTAINED_MS / 1000} s`);
    const ms = [];
    while (performance.now() - begun - at < 1000) ms.push(await reading(session, inputs, together, ms.length));
    runs += ms.length * together;
    points.push({at: rounded(at / 1000), p50: percentile(ms, 50), p90: percentile(ms, 90)});
  }
  return {
    at_s: points.map((point) => point.at), p50_ms: points.map((point) => point.p50),
    p90_ms: points.map((point) => point.p90), runs,
  };
}

// The share of its speed that is left: the first half minute against the last, or the halves of a shorter time, as
// cnnedge/documents/under_load.py judges them.
export function speedKept({at_s: seconds, p50_ms: points}) {
  const [first, last] = [seconds[0], seconds[seconds.length - 1]];
  const span = Math.min(30, last / 2);
  const median = (isIn) => percentile(points.filter((_, index) => isIn(seconds[index])), 50);
  return median((at) => at < first + span || at === first) / median((at) => at >= last - span);
}

function breathe(signal) {
  signal?.throwIfAborted();
  return new Promise((resolve) => setTimeout(resolve, 0));
}

function summary(ms, runs) {
  const mean = ms.reduce((sum, value) => sum + value, 0) / ms.length;
  return {
    p50: percentile(ms, 50), p90: percentile(ms, 90), p99: percentile(ms, 99), min: percentile(ms, 0),
    mean: rounded(mean), runs,
  };
}

// As numpy's: linear between the neighbours.
export function percentile(values, percent) {
  const sorted = [...values].sort((one, other) => one - other);
  const place = ((sorted.length - 1) * percent) / 100;
  const below = Math.floor(place);
  const above = Math.min(below + 1, sorted.length - 1);
  return rounded(sorted[below] + (sorted[above] - sorted[below]) * (place - below));
}
