// Dialogs: the browser keeps the focus inside and gives it back.

import { $ } from "./element.js";

export const dialogIsOpen = () => Boolean(document.querySelector("dialog[open]"));

/** Opens a dialog. `after` gets the value of the button that closed it. */
export function openDialog(name, after) {
  const dialog = $(name);
  dialog.returnValue = "";
  dialog.showModal();
  dialog.addEventListener("close", () => {
    after?.(dialog.returnValue);
    // The element that opened the dialog can be hidden now, and then the browser has nowhere to return to.
    if (document.activeElement === document.body || !document.activeElement.checkVisibility()) {
      [$("title"), $("empty-title"), $("detail"), $("items"), $("open-test")].find((place) => place.checkVisibility()).focus({ preventScroll: true });
    }
  }, { once: true });
}
