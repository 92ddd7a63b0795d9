// Making and filling elements. Text goes in as text: nothing that was received is ever read as markup.

export const $ = (id) => document.getElementById(id);

// An element with attributes and children; children that are null are left out.
export function element(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined) continue;
    if (key === "class") node.className = value; else node.setAttribute(key, value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

export function say(id, text) {
  if ($(id).textContent !== text) $(id).textContent = text;
}

// The message about the patient's last action.
export function notice(text, kind = "") {
  $("notice").textContent = text;
  $("notice").className = `notice ${kind}`;
  $("notice").hidden = !text;
}

// Fills an element only when its content has changed, so that focus, open parts and scroll positions stay.
const shown = new WeakMap();
export function renew(node, content, build) {
  const text = JSON.stringify(content);
  if (shown.get(node) === text) return false;
  shown.set(node, text);
  node.replaceChildren(...build());
  return true;
}

// A list of terms and values: [term, value].
export const facts = (pairs) => pairs.flatMap(([term, value]) => [element("dt", {}, term), element("dd", {}, value)]);

// Words and a number, in the right number.
export const counted = (count, word) => `${count.toLocaleString("en")} ${word}${count === 1 ? "" : "s"}`;
