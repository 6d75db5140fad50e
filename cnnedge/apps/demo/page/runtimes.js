// The two runtimes behind one shape: open(file) gives {runtime, loadMs, run, close}; `run` takes what the file is fed
// and resolves to its raw output. One thread, on WebAssembly: LiteRT.js would choose WebGPU by itself, where int8 fails.

import {address, bytes, isInlined} from "./assets.js";

const MODULES = {};
// () -> v128: the smallest module that a browser without SIMD refuses. Both runtimes are built with SIMD alone.
const SIMD = Uint8Array.of(
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11,
);

export async function open(file, versions) {
  requireWebAssembly();
  const content = await bytes(file.address);
  await load(file.format);
  const started = performance.now();
  const opened = file.format === "tflite" ? await openLiteRt(file, content) : await openOnnx(file, content);
  return {...opened, loadMs: performance.now() - started, runtime: `${versions[file.format]} (wasm, 1 thread)`};
}

function requireWebAssembly() {
  if (typeof WebAssembly === "undefined") {
    throw new Error("WebAssembly is switched off here (by a setting, or Lockdown Mode): allow it, or use another browser");
  }
  if (!WebAssembly.validate(SIMD)) {
    throw new Error("its WebAssembly lacks SIMD: Chrome 91, Firefox 89, Safari 16.4 and later have it on most devices");
  }
}

// Load a runtime once; a failure is not kept, so that the next try may go better.
function load(format) {
  MODULES[format] ??= (format === "tflite" ? loadLiteRt() : loadOnnx()).catch((error) => {
    delete MODULES[format];
    throw new Error(`the runtime for .${format} files does not start here: ${error?.message ?? error}`);
  });
  return MODULES[format];
}

async function loadLiteRt() {
  const library = await import(await address("runtime/litert.js"));
  const inlined = "runtime/litert_wasm_compat_internal.wasm";
  if (isInlined(inlined)) {
    self.Module = {wasmBinary: await bytes(inlined)};
    await library.loadLiteRt(`${await address("runtime/litert_wasm_compat_internal.js")}#.js`);
  } else {
    await library.loadLiteRt(await address("runtime/"));
  }
  return library;
}

async function openLiteRt(file, content) {
  const library = await load("tflite");
  const model = await library.loadAndCompile(content, {accelerator: "wasm"});
  return {
    async run(fed) {
      const tensor = new library.Tensor(fed, file.input.shape);
      const outputs = await model.run([tensor]);
      const answer = outputs[0].toTypedArray().slice();
      for (const used of [tensor, ...outputs]) used.delete();
      return answer;
    },
    close: () => model.delete(),
  };
}

async function loadOnnx() {
  const library = await import(await address("runtime/ort.wasm.min.mjs"));
  library.env.wasm.numThreads = 1;
  library.env.wasm.wasmPaths = {mjs: await address("runtime/ort-wasm-simd-threaded.mjs")};
  library.env.wasm.wasmBinary = await bytes("runtime/ort-wasm-simd-threaded.wasm");
  return library;
}

async function openOnnx(file, content) {
  const library = await load("onnx");
  const session = await library.InferenceSession.create(content, {executionProviders: ["wasm"]});
  return {
    async run(fed) {
      const tensor = new library.Tensor(file.input.dtype, fed, file.input.shape);
      const outputs = await session.run({[file.input.name]: tensor});
      return outputs[file.output.name].data;
    },
    close: () => session.release(),
  };
}
