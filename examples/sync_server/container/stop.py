"""Runs `/sync_server` of a root directory as process 1 of a namespace, and stops it with open connections."""

import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import threading
import time

DRAIN = 3
CONFIG = """
[listen]
hooks = "127.0.0.1:0"
api = "127.0.0.1:0"
admin = "127.0.0.1:0"
[store]
folder = "/var/lib/sync"
[sync]
drain = "{drain}s"
[[optimizely.project]]
id = 1
secrets = [{{ name = "now", env = "SECRET" }}]
url = "http://127.0.0.1:{source}/{{sdk_key}}.json"
environment = [{{ sdk_key = "key" }}]
"""


def start(root, source):
    path = root / "etc/sync/config.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(CONFIG.format(drain=DRAIN, source=source))
    inside = ["chroot", "--userspec=65532:65532", str(root), "/sync_server"]
    outer = subprocess.Popen(
        ["unshare", "--pid", "--fork", "--kill-child", *inside],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        # The program finds its configuration at the default path.
        env={"SECRET": "a secret that is long enough", "PATH": os.environ["PATH"]},
    )
    ports = {}
    for _ in range(3):
        name, _, url = outer.stdout.readline().split()
        ports[name] = int(url.rsplit(":", 1)[1])
    children = pathlib.Path(f"/proc/{outer.pid}/task/{outer.pid}/children").read_text()
    return outer, int(children.split()[0]), ports


def status(pid):
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return dict(re.findall(r"^(\w+):\s+(.*)$", text, re.MULTILINE))


def opened(port, sent):
    connection = socket.create_connection(("127.0.0.1", port), timeout=10)
    connection.sendall(sent)
    return connection


def stop(root, signals, expected):
    # It accepts connections and never responds.
    source = socket.create_server(("127.0.0.1", 0))
    asked = threading.Event()

    def accept():
        while True:
            connection, _ = source.accept()
            connections.append(connection)
            asked.set()

    connections = []
    threading.Thread(target=accept, daemon=True).start()
    outer, pid, ports = start(root, source.getsockname()[1])
    assert asked.wait(10), "the source was not asked"
    found = status(pid)
    assert found["NSpid"].split()[-1] == "1", found["NSpid"]
    assert found["Uid"].split() == ["65532"] * 4, found["Uid"]
    connections.append(opened(ports["hooks"], b"POST /webhooks"))
    idle = opened(ports["admin"], b"GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n")
    assert idle.recv(100).startswith(b"HTTP/1.1 200"), "no health"
    time.sleep(0.2)

    begin = time.monotonic()
    for number in range(signals):
        time.sleep(0.3 * number)
        os.kill(pid, signal.SIGTERM)
    code = outer.wait(30)
    took = time.monotonic() - begin
    print(
        f"process 1, user 65532, memory {found['VmRSS']}: {signals} × SIGTERM with a hanging download, a silent client and an "
        f"idle connection: exit code {code} after {took:.2f} s, drain {DRAIN} s"
    )
    assert code == 0 and took < expected, (code, took)


root = pathlib.Path(sys.argv[1])
stop(root, 1, DRAIN + 2)
stop(root, 2, 1)
