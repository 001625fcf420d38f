"""The controller's instances by a label selector, with a real controller; Kubernetes is played here, and has pods alone."""

import contextlib
import http.server
import json
import os
import pathlib
import signal
import subprocess
import tempfile
import threading
import unittest
import urllib.request

import instance
from instance import wait_for

CONTROLLER = os.path.abspath(os.path.join(os.environ.get("PGBOSUN_BUILD", "build"), "src", "pgbosun-controller"))


class Kubernetes(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self):
        self.pods, self.asked, self.silent, self.over = [], [], False, threading.Event()
        super().__init__(("127.0.0.1", 0), Answer)
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if "/pods" not in self.path:
            return self.send_error(503)
        self.server.asked.append(self.path)
        if self.server.silent:
            return self.server.over.wait()
        body = json.dumps({"items": [{"metadata": {"name": name}} for name in self.server.pods]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET

    def log_message(self, *_):
        pass


class Selector(unittest.TestCase):
    def setUp(self):
        self.place = pathlib.Path(tempfile.mkdtemp())
        self.kubernetes = Kubernetes()
        self.addCleanup(self.kubernetes.server_close)
        self.addCleanup(self.kubernetes.shutdown)
        self.addCleanup(self.kubernetes.over.set)
        self.url = f"http://127.0.0.1:{instance.free_port()}"
        config = {"cluster": "orders", "http": {"listen": self.url.split("/")[-1]},
                  "record": {"kubernetes": {"namespace": "data",
                                            "server": f"http://127.0.0.1:{self.kubernetes.server_address[1]}"}},
                  "instances": {"selector": "cluster=orders", "url": "http://{pod}.invalid:8008", "conninfo": "host={pod}"}}
        (self.place / "controller.yaml").write_text(json.dumps(config))

    def tearDown(self):
        if instance.has_failed(self):
            print(self.log())

    def start(self):
        with open(self.place / "log", "wb") as log:
            self.controller = subprocess.Popen([CONTROLLER, "run", "--config", self.place / "controller.yaml"], stdout=log,
                                               stderr=log)
        self.addCleanup(self.controller.wait)
        self.addCleanup(self.controller.kill)

    def log(self):
        return (self.place / "log").read_text()

    def instances(self):
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{self.url}/v1/status", timeout=5) as answer:
            return [it["name"] for it in json.load(answer)["instances"]]
        return None

    def ends(self):
        self.controller.send_signal(signal.SIGTERM)
        self.assertEqual(self.controller.wait(instance.DEADLINE), 0, self.log())

    def test_it_waits_for_the_first_pod_takes_in_those_that_come_and_keeps_one_that_goes(self):
        self.start()
        wait_for("it says what it waits for", lambda: "no pod has the labels of the selector" in self.log())
        self.kubernetes.pods = ["orders-1"]
        wait_for("it has the pod", lambda: self.instances() == ["orders-1"])
        self.assertTrue(all("labelSelector=cluster%3Dorders" in path for path in self.kubernetes.asked), self.kubernetes.asked)
        self.kubernetes.pods = ["orders-0"]
        wait_for("it has both", lambda: self.instances() == ["orders-0", "orders-1"])
        self.assertIn("more instances are there", self.log())
        self.ends()

    def test_a_signal_ends_the_search_also_while_kubernetes_does_not_answer(self):
        self.kubernetes.silent = True
        self.start()
        wait_for("it asks", lambda: self.kubernetes.asked)
        self.ends()


if __name__ == "__main__":
    instance.main()
