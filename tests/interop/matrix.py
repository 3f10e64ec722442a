#!/usr/bin/env python3
"""Runs the layer against the senders' own packages, in both directions, over a real socket.

    matrix.py INTEROP_BINARY OUT_FOLDER [--only NAME,NAME] -- COMMAND...

COMMAND speaks the protocol that python/sdks.py describes, for example `venv/bin/python python/sdks.py`.
Writes OUT_FOLDER/table.md and OUT_FOLDER/results.json, and prints the table.

A row has two directions. A: the package signs, the layer verifies. B: `testing::Signer` signs, the package verifies.
The exit status is 1 when a direction fails, or when either side accepts a changed byte, another key or a wrong
signature, and expected.json gives no reason for it.
"""

import argparse
import base64
import collections
import http.client
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import time

from variants import signature_header, variants

HERE = pathlib.Path(__file__).resolve().parent
# Known differences and their reasons. A key is "SDK/WHAT", where WHAT is a check or the direction (A or B).
EXPECTED = json.loads((HERE / "expected.json").read_text())

BODIES = {
    "ascii": b'{"type":"interop","object":"event","id":"evt_1","n":1.0}',
    "spaced": b'{\r\n  "type": "interop",\r\n  "id": 1,\r\n\t"empty": ""\r\n}\n',
    "utf8": '{"type":"interop","id":1,"name":"Zo\u00eb \U0001f600 \u2028 \u6771"}'.encode(),
    "escaped": rb'{"type":"interop","id":1,"url":"https:\/\/a.example\/b","name":"Zo\u00eb \ud83d\ude00"}',
}
ODD_BODIES = {
    "form": b"payload=%7B%22id%22%3A1%7D&token=a+b&text=Zo%C3%AB",
    "bom": b'\xef\xbb\xbf{"type":"interop","id":1}',
    "not utf-8": b'{"type":"interop","id":1,"name":"Zo\xeb"}',
    "nul": b'{"type":"interop","id":1}\x00',
    "empty": b"",
    "300 kB": b'{"type":"interop","id":1,"pad":"' + b"x" * 300_000 + b'"}',
}
# Bodies for packages that demand certain fields, made when they are needed since some hold the time.
SPECIAL_BODIES = {
    "ascii": lambda: BODIES["ascii"],
    # Plivo's package for Python encodes other characters twice.
    "ascii form": lambda: b"CallSid=CA1&Text=a+%2B&From=%2B14158675309&Text=a+%2B",
    "form": lambda: b"CallSid=CA1&Body=Zo%C3%AB+%2B&From=%2B14158675309&Body=Zo%C3%AB+%2B",
    "compact": lambda: '{"type":"interop","id":1,"name":"Zo\u00eb"}'.encode(),
    "events": lambda: json.dumps(
        {"time_ms": now_ms(), "events": [], "meta": {"webhook_id": "WB1"}}).encode(),
    "stamped": lambda: json.dumps(
        {"type": "Issue", "action": "create", "webhookTimestamp": now_ms()}).encode(),
}
# Ages of a delivery in seconds at which both sides are asked. Negative is in the past.
OFFSETS = [-86400, -3700, -1805, -1795, -605, -595, -305, -295, -185, -175, -65, -55, -8, -3,
           3, 8, 55, 65, 175, 185, 295, 305, 595, 605, 3700, 86400]


def now_ms():
    return int(time.time() * 1000)


class Lines:
    """A child process that answers each line with one line."""

    def __init__(self, command):
        self.child = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)

    def ask(self, **order):
        self.child.stdin.write(json.dumps(order).encode() + b"\n")
        self.child.stdin.flush()
        line = self.child.stdout.readline()
        if not line:
            raise SystemExit(f"no answer to {order.get('op')} {order.get('sdk') or order.get('preset')}")
        return json.loads(line)

    def end(self):
        self.child.stdin.close()
        self.child.wait(10)


class Layer:
    """The layer behind a server on a loopback port."""

    def __init__(self, binary, routes):
        self.file = tempfile.NamedTemporaryFile("w", suffix=".json")
        json.dump(routes, self.file)
        self.file.flush()
        self.child = subprocess.Popen([binary, "serve", self.file.name], stdout=subprocess.PIPE)
        self.address = self.child.stdout.readline().decode().strip()
        if not self.address:
            raise SystemExit("the layer's server did not start")

    def post(self, route, headers, body, content_type="application/json"):
        """Returns the status and the code of the rejection. Header names keep their case."""
        connection = http.client.HTTPConnection(self.address, timeout=10)
        try:
            connection.putrequest("POST", "/" + route, skip_accept_encoding=True)
            for name, value in headers.items():
                connection.putheader(name, value.encode("latin-1", "replace"))
            connection.putheader("Content-Type", content_type)
            connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            response = connection.getresponse()
            response.read()
            return response.status, response.getheader("x-rejection") or ""
        finally:
            connection.close()

    def end(self):
        self.child.terminate()
        self.child.wait(10)


def changed(body):
    """The body with one byte changed, so that it stays JSON where possible."""
    at = body.find(b"1")
    if at >= 0:
        return body[:at] + b"2" + body[at + 1:]
    return body[:-1] + bytes([body[-1] ^ 1]) if body else b"x"


def other(secret):
    """Another secret of the same form, or None where none is easy to make."""
    if secret.startswith("whsec_"):
        return "whsec_" + base64.b64encode(b"another key, 24 bytes...").decode()
    if re.fullmatch(r"[0-9A-F]{64}", secret):
        return secret[:-1] + ("0" if secret[-1] != "0" else "1")
    if re.fullmatch(r"([A-Za-z0-9+/]{4}){8}", secret):
        return ("B" if secret[0] != "B" else "C") + secret[1:]
    if len(secret) > 80 or re.fullmatch(r"[0-9a-f]{64}", secret) or secret.endswith("="):
        return None
    return secret + "x"


class Row:
    """One package: its checks, and how its verdicts differ from ours."""

    def __init__(self, entry, vendor, signer, layer):
        self.entry, self.vendor, self.signer, self.layer = entry, vendor, signer, layer
        self.sdk = entry["sdk"]
        self.result = {key: entry[key] for key in ("sdk", "preset", "package", "version", "note")}
        self.result |= {"A": {}, "B": {}, "differ": [], "bodies": {}, "expected": [], "unexpected": []}

    def post(self, route, headers, body):
        """Posts to the layer, with the type of the row's bodies."""
        form = self.entry["bodies"] in (["form"], ["ascii form"])
        kind = "application/x-www-form-urlencoded" if form else "application/json"
        return self.layer.post(route, headers, body, kind)

    def theirs(self, body, at=None):
        return self.vendor.ask(op="sign", sdk=self.sdk, body=base64.b64encode(body).decode(), at=at or now_ms())

    def ours(self, body, at=None):
        order = {key: self.entry[key] for key in ("preset", "secret", "url")}
        order["body"] = base64.b64encode(body).decode()
        if at:
            order["at"] = at
        return self.signer.ask(**order)

    def accepts(self, body, headers):
        headers = {name.lower(): value for name, value in headers.items()}
        answer = self.vendor.ask(op="verify", sdk=self.sdk, body=base64.b64encode(body).decode(), headers=headers)
        return answer["ok"], answer.get("why", "")

    def expect(self, what, good, detail):
        """Records a check. A direction that fails may have a reason; a forgery that is accepted may not."""
        if good:
            return
        forgery = re.search("changed|other key|wrong", what)
        reason = not forgery and (EXPECTED.get(f"{self.sdk}/{what}") or EXPECTED.get(f"{self.sdk}/{what[0]}"))
        self.result["expected" if reason else "unexpected"].append(f"{what}: {detail}")

    def run(self):
        names = self.entry["bodies"] or list(BODIES)
        bodies = {name: SPECIAL_BODIES[name]() if name in SPECIAL_BODIES else BODIES[name] for name in names}
        can_ours = "error" not in self.ours(bodies[names[0]])
        if self.entry["can_sign"]:
            for name, body in bodies.items():
                self.direction_a(name, body)
        if self.entry["can_verify"] and can_ours:
            for name, body in bodies.items():
                self.direction_b(name, body)
        if self.entry["can_verify"]:
            self.compare(self.ours if can_ours else self.theirs, names, bodies)
        return self.result

    def direction_a(self, name, body):
        signed = self.theirs(body)
        if "headers" not in signed:
            self.result["A"][name] = signed.get("error", "no headers")
            self.expect("A " + name, False, self.result["A"][name])
            return
        status, code = self.post(self.sdk, signed["headers"], body)
        self.result["A"][name] = "ok" if status == 200 else f"{status} {code}"
        self.expect("A " + name, status == 200, f"{status} {code}")
        status, code = self.post(self.sdk, signed["headers"], changed(body))
        self.expect("A changed " + name, status == 401, f"{status} {code}")
        if other(self.entry["secret"]):
            status, code = self.post(self.sdk + ".other", signed["headers"], body)
            self.expect("A other key " + name, status == 401, f"{status} {code}")

    def direction_b(self, name, body):
        headers = self.ours(body)["headers"]
        ok, why = self.accepts(body, headers)
        self.result["B"][name] = "ok" if ok else f"rejected: {why}"
        self.expect("B " + name, ok, why)
        # A shared key covers no byte of the body.
        if not self.entry.get("keyed"):
            ok, _ = self.accepts(changed(body), headers)
            self.expect("B changed " + name, not ok, "the package accepts a changed byte")

    def compare(self, make, names, bodies):
        """From here on the two sides may differ without a fault, except about a wrong signature."""
        for name, body in ([] if self.entry["bodies"] else ODD_BODIES.items()):
            made = make(body)
            if "headers" not in made:
                self.result["bodies"][name] = f"cannot be signed: {made.get('error')}"
                continue
            ok, why = self.accepts(body, made["headers"])
            status, code = self.post(self.sdk, made["headers"], body)
            if ok != (status == 200):
                theirs = "accepts" if ok else f"rejects ({why})"
                self.result["bodies"][name] = f"theirs {theirs}, ours {status} {code}"
        body = self.probe(make, names, bodies)
        for what, headers in variants(make(body)["headers"]):
            ok, why = self.accepts(body, headers)
            status, code = self.post(self.sdk, headers, body)
            if what == "a wrong signature":
                self.expect("wrong signature, theirs", not ok, "accepted")
                self.expect("wrong signature, ours", status == 401, f"{status}")
            if ok != (status == 200):
                self.result["differ"].append(
                    [what, "accepts" if ok else f"rejects: {why}", "accepts" if status == 200 else code])
        theirs, ours = [], []
        for offset in OFFSETS:
            made = make(body, now_ms() + offset * 1000)
            if "headers" in made:
                theirs.append((offset, self.accepts(body, made["headers"])[0]))
                ours.append((offset, self.post(self.sdk, made["headers"], body)[0] == 200))
        self.result["window"] = [window(theirs), window(ours)]

    def probe(self, make, names, bodies):
        """A body whose base64 signature has a character that the two base64 alphabets do not share."""
        fresh = SPECIAL_BODIES[names[0]] if self.entry["bodies"] else lambda: bodies[names[0]]
        body = fresh()
        for number in range(40):
            found = signature_header(make(body)["headers"])
            if self.entry["bodies"] or found is None or found[3] == "hex":
                break
            if re.search(r"[+/_-]", found[1][found[2][0]:found[2][1]]):
                break
            body = fresh()[:-1] + b',"z":' + str(number).encode() + b"}"
        return body


def window(verdicts):
    """The accepted ages in seconds: oldest / furthest in the future."""
    past = [-offset for offset, ok in verdicts if ok and offset < 0]
    ahead = [offset for offset, ok in verdicts if ok and offset > 0]

    def show(values):
        return "none" if not values else "any" if max(values) >= 86400 else f"{max(values)} s"

    return f"{show(past)} / {show(ahead)}"


HEAD = ("| preset | package | version | A: theirs → ours | B: ours → theirs | accepted age / ahead, theirs | ours | remark |\n"
        "|---|---|---|---|---|---|---|---|")


def table_row(result):
    theirs, ours = result.get("window", ["–", "–"])
    remark = " ".join(filter(None, [
        "**unexpected**" if result["unexpected"] else "",
        "**known to differ**" if result["expected"] else "",
        result["note"],
    ]))
    cells = [result["preset"], result["package"], result["version"], verdict(result["A"]), verdict(result["B"]),
             theirs, ours + ("" if theirs == ours else " ≠"), remark]
    return "| " + " | ".join(cells) + " |"


def verdict(cells):
    if not cells:
        return "–"
    good = sum(1 for cell in cells.values() if cell == "ok")
    failure = next((cell for cell in cells.values() if cell != "ok"), None)
    return f"{good}/{len(cells)}" + (f" **{failure[:70].replace('|', '/')}**" if failure else "")


def differences(results):
    lines = ["## Where the verdicts differ", ""]
    for result in results:
        if result["differ"] or result["bodies"]:
            lines.append(f"- **{result['sdk']}** ({result['package']} {result['version']})")
            lines += [f"  - body {name}: {what}" for name, what in result["bodies"].items()]
            lines += [f"  - {what}: theirs {theirs}; ours {ours}" for what, theirs, ours in result["differ"]]
    kinds = collections.Counter(what for result in results for what, _, _ in result["differ"])
    lines += ["", "Number of packages per variant: " + ", ".join(f"{what} {n}" for what, n in kinds.most_common())]
    return "\n".join(lines) + "\n"


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("binary")
    options.add_argument("out", type=pathlib.Path)
    options.add_argument("--only", help="names of rows, separated by commas")
    options.add_argument("command", nargs="+")
    options = options.parse_args()
    only = options.only and set(options.only.split(","))
    options.out.mkdir(parents=True, exist_ok=True)

    vendor, signer = Lines(options.command), Lines([options.binary, "sign"])
    sdks = [sdk for sdk in vendor.ask(op="list")["sdks"] if only is None or sdk["sdk"] in only]
    routes = {}
    for sdk in sdks:
        route = {key: sdk[key] for key in ("preset", "secret", "url")}
        routes[sdk["sdk"]] = route
        if other(sdk["secret"]):
            routes[sdk["sdk"] + ".other"] = route | {"secret": other(sdk["secret"])}
    layer = Layer(options.binary, routes)
    results = []
    try:
        for entry in sdks:
            results.append(Row(entry, vendor, signer, layer).run())
    finally:
        for child in (layer, vendor, signer):
            child.end()
    table = HEAD + "\n" + "\n".join(map(table_row, results)) + "\n"
    (options.out / "table.md").write_text(table + "\n" + differences(results))
    (options.out / "results.json").write_text(json.dumps(results, indent=1))
    print(table)
    failed = [result for result in results if result["unexpected"]]
    for result in failed:
        for what in result["unexpected"]:
            print(f"unexpected: {result['sdk']}: {what}")
    print(f"{len(results)} rows, {len(failed)} with unexpected results, "
          f"{sum(1 for result in results if result['expected'])} with known differences")
    print(f"{len(results) - len(failed)} passed, {len(failed)} failed")
    return 1 if failed or not results else 0


if __name__ == "__main__":
    sys.exit(main())
