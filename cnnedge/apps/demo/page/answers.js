// What a person sees of one answer: the likeliest classes as bars, and what it came from.

import {ranked} from "./feeding.js";

const SHOWN = 5;

export function element(name, text, className = "") {
  return Object.assign(document.createElement(name), {textContent: text, className});
}

export function sure(score, certain) {
  return certain ? `${(100 * score).toFixed(1)} %` : score.toPrecision(3);
}

// Three significant digits, without an exponent.
export function milliseconds(ms) {
  return ms >= 100 ? ms.toFixed(0) : ms < 0.001 ? "< 0.001" : String(Number(ms.toPrecision(3)));
}

export function showBars(list, file, scores) {
  list.replaceChildren(
    ...ranked(scores).slice(0, SHOWN).map((index) => {
      const item = document.createElement("li");
      item.append(element("span", file.labels[index]), element("span", sure(scores[index], file.certain)));
      item.style.setProperty("--share", file.certain ? Math.min(1, Math.max(0, scores[index])) : 0);
      return item;
    }),
  );
}

// A line of a table: each cell a text, or a text and its class; and words that take the rest of the line.
export function tableRow(cells, words = "") {
  const row = document.createElement("tr");
  for (const one of cells) row.append(cell(...[one].flat()));
  if (words) row.append(Object.assign(element("td", words), {colSpan: 7 - cells.length}));
  return row;
}

// The name of a file may break after its parts.
function cell(text, className) {
  const found = element("td", "", className);
  const [first, ...others] = text.split("_");
  found.append(first);
  for (const part of others) found.append("_", document.createElement("wbr"), part);
  return found;
}

export function checkWords({pictures, same, largest, pixels}, file) {
  if (same === pictures) {
    const how = file.tolerance === 0 ? "bit for bit" : `within ${file.tolerance}`;
    return `✓ Gives Python's answers here: ${pictures} of ${pictures} pictures, ${how}.`;
  }
  const why = pixels ? "" : " This browser's resize differs from Python's.";
  return (
    `✗ ${file.name} answers differently here: ${pictures - same} of ${pictures} pictures, by up to ` +
    `${largest.toPrecision(2)} of a probability.${why}`
  );
}
