// "How fast is this device?": measuring every file, showing the figures, and sending them to the laptop.

import {milliseconds, tableRow} from "./answers.js";
import {measure} from "./measure.js";

const $ = (id) => document.getElementById(id);
const ID = "cnnedge-device";

export class Figures {
  // `chosen()` is the file that a person looks at.
  constructor(page, chosen) {
    Object.assign(this, {page, chosen, stopping: null});
    $("device").value = remembered("cnnedge-name") ?? "";
    $("measure").addEventListener("click", () => this.measureAll());
    $("stop").addEventListener("click", () => this.stopping?.abort());
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
      await this.hand(rows);
    } catch (error) {
      say(error.message === "stopped" ? "Stopped: nothing was sent." : error.message, "bad");
    } finally {
      this.busy(false);
    }
  }

  busy(working) {
    $("measure").disabled = working;
    $("stop").hidden = !working;
  }

  async measureOne(file) {
    const {signal} = this.stopping;
    const sustained = $("sustained").checked && file === this.chosen();
    try {
      return await measure(file, this.page, {progress: say, signal, sustained});
    } catch (error) {
      if (signal.aborted) throw error;
      return {
        file: file.name, sha256: file.sha256, runtime: this.page.runtimes[file.format], load_ms: null, first_ms: null,
        latency_ms: null, calls_per_reading: 1, clock_step_ms: 0, check: null, sustained: null,
        error: String(error.message).slice(0, 300),
      };
    }
  }

  showRow({latency_ms: latency, first_ms: first, load_ms: load, check, error}, file) {
    $("figures").hidden = false;
    const figures = latency ? [latency.p50, latency.p90, latency.p99, first, load].map(milliseconds) : Array(5).fill("");
    const cells = figures.map((text, index) => [text, ["number", "number", "number roomier"][index] ?? "number roomy"]);
    const words = error ?? (check.same === check.pictures ? "Python's" : `${check.pictures - check.same} differ`);
    $("figures").tBodies[0].append(tableRow([file.name, ...cells, words]));
  }

  // Send the rows to the laptop; a page that came as one file has none.
  async hand(rows) {
    const name = $("device").value.trim() || "phone";
    remember("cnnedge-name", name);
    const run = {
      schema: 1, id: deviceId(), device: name, user_agent: navigator.userAgent.slice(0, 400),
      cores: navigator.hardwareConcurrency ?? null, rows,
    };
    if (this.page.upload === null) return say("Measured. Nothing was sent: this page has no laptop behind it.", "good");
    say("Sending …");
    const answer = await fetch(this.page.upload, {
      method: "POST", headers: {"content-type": "application/json"}, body: JSON.stringify(run),
    }).catch(() => null);
    if (answer === null) throw new Error("The laptop does not answer: measure again once it runs.");
    const text = await answer.text();
    if (!answer.ok) throw new Error(`The laptop refused the figures: ${text}`);
    say(`Sent: ${text}`, "good");
  }
}

function say(text, kind = "") {
  $("progress").textContent = text;
  $("progress").className = `check ${kind}`;
}

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
