// "How fast is this device?": measuring every file, showing the figures, and sending them to the laptop.

import {milliseconds, tableRow} from "./answers.js";
import {measure, speedKept} from "./measure.js";

const $ = (id) => document.getElementById(id);
const ID = "cnnedge-device";

export class Figures {
  // `chosen()` is the file that a person looks at.
  constructor(page, chosen) {
    Object.assign(this, {page, chosen, stopping: null, run: null});
    $("device").value = remembered("cnnedge-name") ?? "";
    $("measure").addEventListener("click", () => this.measureAll());
    $("stop").addEventListener("click", () => this.stopping?.abort(new Error("Stopped: nothing was sent.")));
    $("save").addEventListener("click", () => save(this.run));
    $("again").addEventListener("click", () => this.hand());
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) this.stopping?.abort(new Error(HIDDEN));
    });
  }

  async measureAll() {
    this.stopping = new AbortController();
    this.busy(true);
    $("figures").tBodies[0].replaceChildren();
    const rows = [];
    try {
      for (const file of this.page.files) {
        rows.push(await this.measureOne(file));
        this.showRow(rows[rows.length - 1], file);
      }
      this.run = await this.asRun(rows);
      $("save").hidden = false;
      await this.hand();
    } catch (error) {
      say(error.message, "bad");
    } finally {
      this.stopping = null;
      this.busy(false);
    }
  }

  busy(working) {
    $("measure").disabled = working;
    $("stop").hidden = !working;
    if (working) $("save").hidden = $("again").hidden = true;
  }

  async measureOne(file) {
    const {signal} = this.stopping;
    const sustained = $("sustained").checked && file === this.chosen();
    try {
      return await measure(file, this.page, {progress: count, signal, sustained});
    } catch (error) {
      if (signal.aborted) throw error;
      return {
        file: file.name, sha256: file.sha256, runtime: this.page.runtimes[file.format], load_ms: null, first_ms: null,
        latency_ms: null, calls_per_reading: 1, clock_step_ms: 0, check: null, sustained: null,
        error: String(error.message).slice(0, 300),
      };
    }
  }

  showRow({latency_ms: latency, first_ms: first, load_ms: load, check, sustained, error}, file) {
    $("figures").hidden = false;
    const body = $("figures").tBodies[0];
    if (error) return body.append(tableRow([file.name], error));
    const figures = [latency.p50, latency.p90, latency.p99, first, load].map(milliseconds);
    const cells = figures.map((text, index) => [text, ["number", "number", "number roomier"][index] ?? "number roomy"]);
    body.append(tableRow([file.name, ...cells, check.same === check.pictures ? "Python's" : "differ"]));
    if (sustained) body.append(tableRow([], `after a minute: ${Math.round(100 * speedKept(sustained))} % of its speed kept`));
  }

  // What `cnnedge report` reads, from the laptop's folder or from the file that a person saves.
  async asRun(rows) {
    const name = $("device").value.trim() || "phone";
    remember("cnnedge-name", name);
    return {
      schema: 2, kind: "browser", id: deviceId(), device: name, user_agent: await agent(),
      cores: navigator.hardwareConcurrency ?? null, at: new Date().toISOString(), cnnedge: this.page.cnnedge, rows,
    };
  }

  // Send the figures to the laptop; a page that came as one file has none.
  async hand() {
    if (this.page.upload === null) {
      return say("Measured. This page has no laptop behind it: save the figures, and cnnedge report reads them.", "good");
    }
    say("Sending …");
    const answer = await fetch(this.page.upload, {
      method: "POST", headers: {"content-type": "application/json"}, body: JSON.stringify(this.run),
    }).catch(() => null);
    $("again").hidden = answer !== null;
    if (answer === null) return say(UNHEARD, "bad");
    const text = await answer.text();
    say(answer.ok ? `Sent: ${text}` : `The laptop refused the figures: ${text}`, answer.ok ? "good" : "bad");
  }
}

const HIDDEN =
  "Stopped, and nothing was sent: the page went into the background, where browsers slow it down. Measure again.";
const UNHEARD =
  "The laptop does not answer. Send the figures again once it is reached, or save them: cnnedge report reads the file.";

// Chrome's user agent names no device any more; on https and on this very computer it tells when asked.
async function agent() {
  const hints = navigator.userAgentData?.getHighEntropyValues(["model", "platformVersion"]);
  const {model, platform, platformVersion} = (await hints?.catch(() => null)) ?? {};
  const system = platform && `${platform} ${platformVersion}`.trim();
  return [model, system, navigator.userAgent].filter(Boolean).join("; ").slice(0, 400);
}

// Offer the figures as a file, as browsers save what they download.
function save(run) {
  const name = run.device.toLowerCase().match(/[a-z0-9]+/g)?.join("-") ?? "phone";
  const file = new Blob([JSON.stringify(run, null, 1)], {type: "application/json"});
  const link = Object.assign(document.createElement("a"), {href: URL.createObjectURL(file), download: `${name}.json`});
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

function say(text, kind = "", live = "polite") {
  $("progress").ariaLive = live;
  $("progress").textContent = text;
  $("progress").className = `check ${kind}`;
}

// What changes many times a second is not read out.
const count = (text) => say(text, "", "off");

// The device's own random number, so that its figures replace its older ones and nobody else's.
function deviceId() {
  const known = remembered(ID);
  if (known) return known;
  const id = Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) => byte.toString(16).padStart(2, "0")).join("");
  remember(ID, id);
  return id;
}

// A browser may forbid keeping anything.
function remembered(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

function remember(key, value) {
  try {
    localStorage.setItem(key, value);
  } catch {
    // Then it is asked for again.
  }
}
