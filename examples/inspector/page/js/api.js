// The token, the requests, and the stream of events.

const token = (() => {
  const given = location.hash.slice(1);
  if (/^[0-9a-f]{32}$/.test(given)) {
    sessionStorage.setItem("token", given);
    // A fragment is in no request and no log, but it is in the address bar and in screenshots.
    history.replaceState(null, "", location.pathname);
  }
  return sessionStorage.getItem("token");
})();

// A new link that is opened in this tab changes only the fragment, so the browser does not load the page again.
addEventListener("hashchange", () => location.reload());

export class ApiError extends Error {
  /** `confirm`: the server does it after a question, with `?confirm=1`. */
  constructor(status, message, confirm = false) {
    super(message);
    Object.assign(this, { status, confirm });
  }
}

async function request(method, path, body, signal) {
  const headers = { authorization: `Bearer ${token}` };
  if (body !== undefined) headers["content-type"] = "application/json";
  let response;
  try {
    response = await fetch(path, { method, headers, signal, body: body === undefined ? undefined : JSON.stringify(body) });
  } catch {
    throw new ApiError(0, "The inspector does not respond. Is the program still running?");
  }
  if (response.ok) return response;
  const { error, confirm } = await response.json().catch(() => ({}));
  throw new ApiError(response.status, error ?? `The inspector responded with status ${response.status}.`, confirm);
}

export const call = async (method, path, body) => { await request(method, path, body); };
export const getJson = async (path) => (await request("GET", path)).json();
export const getText = async (path) => (await request("GET", path)).text();
export const sendJson = async (method, path, body) => (await request(method, path, body)).json();

const LONGEST_WAIT_MS = 8_000;

/**
 * Reads the events until the token is not accepted, and connects again whenever the stream ends. It uses `fetch`,
 * because `EventSource` cannot send a header. `on` has `event`, `live`, `waiting` (with the reason) and `locked`.
 */
export async function listen(on) {
  if (!token) return on.locked();
  for (let wait = 500; ; wait = Math.min(wait * 2, LONGEST_WAIT_MS)) {
    const stop = new AbortController();
    let reason = "the inspector does not respond; trying again";
    try {
      const response = await request("GET", "/api/events", undefined, stop.signal);
      on.live();
      wait = 500;
      await read(response.body, on.event);
    } catch (error) {
      if (error.status === 401) return on.locked();
      if (error.status) reason = error.message;
      // The server dropped events because this page reads too slowly: the next connection sends the whole state.
      if (error === BEHIND) continue;
    } finally {
      // The server counts open streams, so none stays open unread.
      stop.abort();
    }
    on.waiting(reason);
    await new Promise((done) => setTimeout(done, wait));
  }
}

const BEHIND = new Error("behind");

async function read(body, heard) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const events = (rest + value).split("\n\n");
    rest = events.pop();
    for (const event of events) {
      const data = event.split("\n").filter((line) => line.startsWith("data:")).map((line) => line.slice(5).trimStart()).join("\n");
      if (!data) continue;
      const parsed = JSON.parse(data);
      if (parsed.kind === "behind") throw BEHIND;
      try {
        heard(parsed);
      } catch (error) {
        // A defect of the page must not look like a connection that ended.
        reportError(error);
      }
    }
  }
}
