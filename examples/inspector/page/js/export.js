// Copy as curl, save as test vector, save as Rust test.

import { getText } from "./api.js";
import { openDialog } from "./dialogs.js";
import { $, copyText, save, toast, write } from "./element.js";
import { state } from "./store.js";

/** Gets an export. If it has a received signature or key in it, the server gives a warning, and the page asks first. */
function exported(form, use) {
  if (!state.detail) return;
  const { id, exports } = state.detail;
  const get = async (query) => {
    try {
      use(await getText(`/api/deliveries/${id}/${form}${query}`), state.detail);
    } catch (error) {
      toast(error.message);
    }
  };
  if (!exports[form]) return get("");
  write($("warn-text"), exports[form]);
  openDialog("warn", (answer) => { if (answer === "yes") get("?confirm=1"); });
}

export const copyCurl = () => exported("curl", copyText);

$("curl").addEventListener("click", copyCurl);
$("save-vector").addEventListener("click", () => exported("vector", (text, { id, sender }) => save(`${sender}-${id}.json`, "application/json", text)));
$("save-test").addEventListener("click", () => exported("test", (text, { id, sender }) => save(`${sender}_${id}.rs`, "text/plain", text)));
