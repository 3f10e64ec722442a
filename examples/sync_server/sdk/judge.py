"""Optimizely's own SDK decides with the datafile that the service serves.

1. The SDK polls the service, and decides without a variation: off.
2. The datafile changes at the stand-in for the CDN, and a signed webhook is sent. The SDK decides "on".
3. The service and the stand-in stop. The service starts again without the CDN. A new SDK client decides "on".
"""

import atexit
import hashlib
import hmac
import http.server
import json
import logging
import pathlib
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

from optimizely import logger, optimizely
from optimizely.config_manager import PollingConfigManager
from optimizely.decision.optimizely_decide_option import OptimizelyDecideOption
from optimizely.helpers.sdk_settings import OptimizelySdkSettings

PROJECT = 11387641093
SDK_KEY = "QMVJcUKEJZFg8pQ2jhAybK"
SECRET = "yIRFMTpsBcAKKRjJPCIykNo6EkNxJn_nq01-_r3S8i4"
HERE = pathlib.Path(__file__).resolve().parent
DATAFILE = json.loads((HERE / "../../support/src/datafile.json").read_text())


class Cdn(http.server.BaseHTTPRequestHandler):
    revision = 12
    requests = 0

    def do_GET(self):
        Cdn.requests += 1
        datafile = dict(DATAFILE, sdkKey=SDK_KEY, revision=str(Cdn.revision))
        if Cdn.revision > 12:
            datafile = json.loads(json.dumps(datafile))
            experiment = datafile["rollouts"][0]["experiments"][0]
            experiment["trafficAllocation"] = [{"entityId": "40001", "endOfRange": 10000}]
        body = json.dumps(datafile).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Last-Modified", f"Fri, 27 Nov 2026 10:00:{Cdn.revision:02} GMT")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Service:
    def __init__(self, program, config):
        # The service ends with this program, also after a failed check.
        self.process = subprocess.Popen([program, config], stdout=subprocess.PIPE, text=True)
        atexit.register(self.process.kill)
        self.ports = {}
        for _ in range(3):
            name, _, url = self.process.stdout.readline().split()
            self.ports[name] = url

    def deliver(self, revision):
        url = f"https://cdn.optimizely.com/datafiles/{SDK_KEY}.json"
        data = {"revision": revision, "environment": "Production", "origin_url": url, "cdn_url": url}
        event = {"project_id": PROJECT, "timestamp": 1, "event": "project.datafile_updated", "data": data}
        body = json.dumps(event).encode()
        signature = "sha1=" + hmac.new(SECRET.encode(), body, hashlib.sha1).hexdigest()
        request = urllib.request.Request(
            self.ports["hooks"] + "/webhooks/optimizely",
            body,
            {"X-Hub-Signature": signature, "Content-Type": "application/json"},
        )
        assert urllib.request.urlopen(request, timeout=10).status == 200

    def sdk(self):
        # The shortest interval that the SDK accepts without a complaint is one second.
        manager = PollingConfigManager(
            sdk_key=SDK_KEY,
            url_template=self.ports["api"] + "/datafiles/{sdk_key}.json",
            update_interval=1,
            logger=logger.SimpleLogger(min_level=logging.ERROR),
        )
        return optimizely.Optimizely(
            config_manager=manager, settings=OptimizelySdkSettings(odp_disabled=True)
        )

    def stop(self):
        self.process.terminate()
        assert self.process.wait(10) == 0, "the service did not stop gracefully"


def decides(sdk, expected, what):
    """Waits for the decision, at most ten seconds. No event is sent to Optimizely."""
    begin = time.monotonic()
    while True:
        user = sdk.create_user_context("alice")
        decision = user.decide("new_checkout", [OptimizelyDecideOption.DISABLE_DECISION_EVENT])
        config = sdk.config_manager.get_config()
        revision = config and config.get_revision()
        if (decision.variation_key, decision.enabled, revision) == expected:
            print(f"{what}: {expected} after {time.monotonic() - begin:.1f} s")
            return
        assert time.monotonic() - begin < 10, (what, decision.variation_key, revision)
        time.sleep(0.02)


def main(program):
    cdn = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Cdn)
    cdn.daemon_threads = True
    threading.Thread(target=cdn.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "secret").write_text(SECRET)
        (folder / "sync.toml").write_text(f"""
            [listen]
            hooks = "127.0.0.1:0"
            api = "127.0.0.1:0"
            admin = "127.0.0.1:0"
            [store]
            folder = "{folder}/store"
            [[optimizely.project]]
            id = {PROJECT}
            secrets = [{{ name = "now", file = "{folder}/secret" }}]
            url = "http://127.0.0.1:{cdn.server_port}/datafiles/{{sdk_key}}.json"
            environment = [{{ sdk_key = "{SDK_KEY}" }}]
        """)
        service = Service(program, folder / "sync.toml")
        time.sleep(1)
        sdk = service.sdk()
        decides(sdk, (None, False, "12"), "before the webhook")
        asked = Cdn.requests
        Cdn.revision = 13
        service.deliver(13)
        decides(sdk, ("on", True, "13"), "after the webhook")
        print(f"requests to the CDN for it: {Cdn.requests - asked}")
        sdk.config_manager.stop()
        service.stop()

        cdn.shutdown()
        cdn.server_close()
        service = Service(program, folder / "sync.toml")
        sdk = service.sdk()
        decides(sdk, ("on", True, "13"), "after a restart without the CDN")
        sdk.config_manager.stop()
        service.stop()


main(sys.argv[1])
