// The two settings that stay in this browser: colours, and whether single keys are shortcuts.

import { $, attribute, write } from "./element.js";

const THEMES = [["", "◐", "as the system"], ["light", "☀", "light"], ["dark", "☾", "dark"]];

function apply(name) {
  const at = Math.max(0, THEMES.findIndex(([one]) => one === name));
  const [theme, sign, words] = THEMES[at];
  attribute(document.documentElement, "data-theme", theme || null);
  write($("theme"), sign);
  attribute($("theme"), "aria-label", `Colours: ${words}`);
  return at;
}

let at = apply(localStorage.getItem("theme") ?? "");
$("theme").addEventListener("click", () => {
  const [name] = THEMES[(at + 1) % THEMES.length];
  localStorage.setItem("theme", name);
  at = apply(name);
});

export const singleKeys = () => $("keys-on").checked;
$("keys-on").checked = localStorage.getItem("keys") !== "off";
$("keys-on").addEventListener("change", (event) => localStorage.setItem("keys", event.target.checked ? "on" : "off"));
