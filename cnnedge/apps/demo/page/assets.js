// Where the page's bytes come from: the server that it was loaded from, or the page itself (`--export-html`).

const inlined = (name) => document.querySelector(`script[data-asset="${CSS.escape(name)}"]`);
const addresses = new Map();

export async function bytes(name) {
  const element = inlined(name);
  if (element !== null) return unpacked(element.textContent.trim());
  const answer = await fetch(name).catch(() => null);
  if (answer === null) throw new Error(`${name} could not be fetched: is the laptop still serving this page?`);
  if (!answer.ok) throw new Error(`${name} could not be fetched (${answer.status}): load the page again`);
  return new Uint8Array(await answer.arrayBuffer());
}

// An address of a script, for `import` and <script src>.
export async function address(name) {
  if (inlined(name) === null) return new URL(name, document.baseURI).href;
  if (!addresses.has(name)) {
    const blob = new Blob([await bytes(name)], {type: "text/javascript"});
    addresses.set(name, URL.createObjectURL(blob));
  }
  return addresses.get(name);
}

export const isInlined = (name) => inlined(name) !== null;

export function fromBase64(text) {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}

async function unpacked(text) {
  const packed = new Blob([fromBase64(text)]).stream();
  return new Uint8Array(await new Response(packed.pipeThrough(new DecompressionStream("gzip"))).arrayBuffer());
}
