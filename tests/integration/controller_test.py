"""Two controllers, a real etcd and three agents that are played here: who is primary, through failures and commands.

Exits with 77 when there is no etcd.
"""

import contextlib
import http.client
import http.server
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.request

import instance

CONTROLLER = os.path.abspath(os.path.join(os.environ.get("PGBOSUN_BUILD", "build"), "src", "pgbosun-controller"))
ETCD = os.environ.get("PGBOSUN_ETCD") or shutil.which("etcd")
if ETCD is None:
    print("SKIPPED: there is no etcd (Debian's package is etcd-server; PGBOSUN_ETCD names its program)")
    sys.exit(77)
PATIENCE = 90
TTL = 3  # seconds


def until(what, condition):
    give_up = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > give_up:
            raise AssertionError(f"not in {PATIENCE} s: {what}")
        time.sleep(0.05)


class Agent:
    """Keeps the lease's rule (its own clock, echoed), lives by the promises of the others when nobody renews it, and follows
    whom it is told to; it has no PostgreSQL."""

    def __init__(self, cluster, name):
        self.cluster, self.name = cluster, name
        self.lock = threading.Condition()
        self.term = self.accepted = self.data_term = 0
        self.primary = ""
        self.promotable = self.synchronous = 0
        self.listed = []
        self.valid_until = 0.0
        self.changes = 0
        self.alive = True
        agent = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def answer(self, status, document):
                body = json.dumps(document).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_GET(self):
                if not agent.alive:
                    return self.close()
                if self.path == "/v1/status":
                    return self.answer(200, agent.status())
                return self.stream()

            def stream(self):
                self.close_connection = True
                self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\nretry: 1000\n\n")
                seen = agent.changes
                while agent.alive:
                    with agent.lock:
                        agent.lock.wait_for(lambda: agent.changes != seen or not agent.alive, 1)
                    if agent.changes != seen:
                        seen = agent.changes
                        self.wfile.write(b"id: %d\nevent: phase\ndata: {}\n\n" % seen)

            def do_PUT(self):
                self.control(agent.assign)

            def do_POST(self):
                self.control(lambda _: None)

            def control(self, act):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if not agent.alive:
                    return self.close()
                if self.headers["Authorization"] != "Bearer secret":
                    return self.answer(403, {"detail": "no token"})
                refusal = act(json.loads(body) if body else None)
                return self.answer(409, {"detail": refusal}) if refusal else self.answer(200, agent.status())

            def close(self):
                self.close_connection = True

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_port}"

    def is_primary(self):
        return self.term > 0 and self.accepted == self.term

    def serves(self):
        return self.alive and self.is_primary() and (time.monotonic() < self.valid_until or self.is_promised())

    def is_promised(self):
        """Whether all members of its list would promise now. Who has seen a later term does not."""
        members = [a for a in self.cluster if a.name in self.listed]
        return bool(members) and all(a.alive and a.term == self.term for a in members)

    def streams(self):
        return not self.is_primary() and any(a.serves() and a.name == self.primary and a.term == self.term
                                             for a in self.cluster)

    def status(self):
        with self.lock:
            serving, streaming = self.serves(), self.streams()
            if serving or streaming:
                self.data_term = self.term
            return {"instance": self.name, "cluster": "orders", "version": "0", "boot_id": self.name + "-life",
                    "monotonic_ms": int(time.monotonic() * 1000), "phase": "running",
                    "role": "primary" if serving else "standby", "term": self.term, "system_id": "7",
                    "lsn": {"streaming": streaming, "received": "0/5000060", "current": "0/5000060"},
                    "managed": {"accepted": self.accepted, "primary": self.primary or None, "serving": serving,
                                "stopped": not self.is_primary(), "able": True,
                                "reach": {"term": self.data_term, "timeline": 1, "lsn": "0/5000060", "age_ms": 0},
                                "promotable_version": self.promotable, "synchronous_version": self.synchronous,
                                "promised": {"term": self.term, "for_ms": 0}}}

    def assign(self, it):
        with self.lock:
            if it["instance"] != self.name or it["cluster"] != "orders":
                return "for another"
            if it["term"] < self.term:
                return "a higher term has been seen"
            before = (self.term, self.accepted)
            if it["term"] > self.term:
                self.valid_until = 0.0
            self.term, self.primary = it["term"], it["primary"]
            if self.primary == self.name:
                lease = it.get("lease")
                if lease is None or lease["boot_id"] != self.name + "-life":
                    return "no lease"
                end = (lease["monotonic_ms"] + lease["ttl_ms"]) / 1000
                if not self.is_primary() and end < time.monotonic():
                    return "late"
                self.valid_until = max(self.valid_until, end)
                self.accepted = self.term
                self.promotable = it["promotable"]["version"]
                self.listed = it["promotable"]["names"]
                self.synchronous = it["synchronous"]["version"]
            if before != (self.term, self.accepted):
                self.changes += 1
                self.lock.notify_all()
        return None

    def die(self):
        with self.lock:
            self.alive = False
            self.lock.notify_all()


class ControllerTest(unittest.TestCase):
    def setUp(self):
        self.place = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory())) if hasattr(self, "enterContext") \
            else pathlib.Path(tempfile.mkdtemp())
        (self.place / "token").write_text("secret\n")
        client, peer = (f"http://127.0.0.1:{instance.free_port()}" for _ in range(2))
        self.etcd = self.start([ETCD, "--data-dir", str(self.place / "etcd"), "--listen-client-urls", client,
                                "--advertise-client-urls", client, "--listen-peer-urls", peer,
                                "--initial-advertise-peer-urls", peer, "--initial-cluster", f"default={peer}"], "etcd.log")
        self.agents = []
        self.agents += [Agent(self.agents, f"pg-{i}") for i in (1, 2, 3)]
        self.controllers = {}
        for _ in range(2):
            port = instance.free_port()
            config = {"cluster": "orders", "record": {"etcd": {"endpoints": [client]}}, "lease": {"ttl": f"{TTL}s"},
                      "token_file": str(self.place / "token"), "http": {"listen": f"127.0.0.1:{port}"},
                      "instances": [{"name": a.name, "url": a.url, "conninfo": f"host={a.name}"} for a in self.agents]}
            file = self.place / f"{port}.yaml"
            file.write_text(json.dumps(config))
            self.controllers[f"http://127.0.0.1:{port}"] = self.start(
                [CONTROLLER, "run", "--config", str(file)], f"{port}.log")
        until("a primary, and two that could take over", self.is_whole)

    def start(self, command, log):
        with open(self.place / log, "w", encoding="utf-8") as output:
            process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def tearDown(self):
        if not instance.has_failed(self):
            return
        for url in self.controllers:
            print(f"--- {url}\n{self.log(url)[-20000:]}", file=sys.stderr)

    def ask(self, *words, url=None):
        done = subprocess.run([CONTROLLER, *words, "--url", url or self.running(), "--token-file", str(self.place / "token")],
                              capture_output=True, text=True, timeout=PATIENCE)
        return done.returncode, done.stdout + done.stderr

    def running(self):
        return next(url for url, process in self.controllers.items() if process.poll() is None)

    def said(self, url):
        """By the controller there, whether it leads or not; nothing when it does not answer."""
        with contextlib.suppress(OSError, ValueError, http.client.HTTPException), \
                urllib.request.urlopen(f"{url}/v1/status", timeout=5) as answer:
            return json.load(answer)
        return {}

    def seen(self):
        """By the one that leads, whom the others name."""
        view = self.said(self.running())
        return view if view.get("leads") or not view.get("leader_url") else self.said(view["leader_url"])

    def is_whole(self):
        view = self.seen()
        return bool(view.get("serving")) and len(view["promotable"]) == 2 and self.leader_is_settled(view)

    def leader_is_settled(self, view):
        primary = next(a for a in self.agents if a.name == view["primary"])
        return primary.promotable > 0 and len(self.serving()) == 1

    def serving(self):
        return [a.name for a in self.agents if a.serves()]

    def test_a_primary_that_is_gone_is_replaced(self):
        old = self.serving()[0]
        died = time.monotonic()
        next(a for a in self.agents if a.name == old).die()
        until("another primary", lambda: self.serving() and self.serving() != [old])
        took = time.monotonic() - died
        print(f"replaced after {took:.2f} s with a ttl of {TTL} s")
        self.assertEqual(self.seen()["term"], 2)

    def test_a_switchover_is_carried_out_from_either_controller(self):
        for url in self.controllers:
            until("the cluster is whole", self.is_whole)
            to = next(a.name for a in self.agents if a.name not in self.serving())
            until("it is taken", lambda: self.ask("switchover", "--to", to, url=url)[0] == 0)
            self.assertEqual(self.serving(), [to])

    def test_status_says_as_json_what_the_api_says(self):
        code, text = self.ask("status", "--json")
        self.assertEqual(code, 0, text)
        said, seen = json.loads(text), self.seen()
        for key in ("cluster", "term", "primary", "leader_url", "serving", "promotable"):
            self.assertEqual(said[key], seen[key], key)

    def test_what_makes_no_sense_is_refused_and_changes_nothing(self):
        before = self.seen()["term"]
        self.assertEqual(self.ask("switchover", "--to", self.serving()[0])[0], 3)
        self.assertEqual(self.ask("failover", "--to", "pg-9")[0], 3)
        self.assertEqual(self.ask("failover")[0], 2)
        self.assertEqual(self.seen()["term"], before)

    def test_the_leader_is_killed_and_the_primary_stays(self):
        leader = self.controllers[self.seen()["leader_url"]]
        primary = self.serving()
        leader.send_signal(signal.SIGKILL)
        leader.wait()
        stopped = []

        def other_leads():
            stopped.extend([self.serving()] * (self.serving() != primary))
            view = self.seen()
            return view.get("leads") and view.get("serving")
        until("the other leads", other_leads)
        self.assertEqual((stopped, self.serving()), ([], primary))
        self.assertEqual(self.seen()["term"], 1)

    def configure(self, url, change):
        """What the controller there reads, and the signal to read it."""
        self.write_configuration(url, change)
        self.sighup(url)

    def sighup(self, url):
        """Whoever looks at the file from time to time would do the same, and says other words."""
        words = "a signal: the configuration is read again"
        before = self.log(url).count(words)
        self.controllers[url].send_signal(signal.SIGHUP)
        until("the signal is obeyed", lambda: self.log(url).count(words) > before)

    def log(self, url):
        return (self.place / f"{url.rsplit(':', 1)[1]}.log").read_text()

    def write_configuration(self, url, change):
        file = self.place / f"{url.rsplit(':', 1)[1]}.yaml"
        config = json.loads(file.read_text())
        change(config)
        file.write_text(json.dumps(config))

    def instances(self, url):
        return sorted(it["name"] for it in self.said(url).get("instances", []))

    def without_one(self, primary):
        """A change of a configuration that takes a standby out of it, and the names that are left."""
        gone = next(a.name for a in self.agents if a.name not in primary)

        def take_away(config):
            config["instances"] = [it for it in config["instances"] if it["name"] != gone]
        return take_away, sorted(a.name for a in self.agents if a.name != gone)

    def test_at_sighup_the_instances_are_read_again_and_the_primary_stays(self):
        primary = self.serving()
        stopped = []

        def holds(condition):
            stopped.extend([self.serving()] * (self.serving() != primary))
            return condition()
        # With nothing that is new in the file, it is the signal alone that makes it begin anew.
        one = self.running()
        self.sighup(one)
        until("it begins anew", lambda: holds(lambda: len(re.findall(r"pgbosun-controller \d", self.log(one))) == 2))
        until("the cluster is whole", lambda: holds(self.is_whole))

        take_away, rest = self.without_one(primary)
        for url in self.controllers:
            self.configure(url, take_away)
            until(f"{url} has taken it away", lambda url=url: holds(lambda: self.instances(url) == rest))
        until("the list without it", lambda: len(self.seen().get("promotable", [])) == 1)
        self.assertEqual((stopped, self.serving(), self.seen()["term"]), ([], primary, 1))
        self.assertEqual([it.poll() for it in self.controllers.values()], [None, None])

    def test_a_changed_configuration_is_taken_without_a_signal_and_the_primary_stays(self):
        primary = self.serving()
        take_away, rest = self.without_one(primary)
        stopped = []

        def is_taken():
            stopped.extend([self.serving()] * (self.serving() != primary))
            return all(self.instances(url) == rest for url in self.controllers)
        for url in self.controllers:
            self.write_configuration(url, take_away)
        until("both have taken it away", is_taken)
        until("the list without it", lambda: len(self.seen().get("promotable", [])) == 1)
        self.assertEqual((stopped, self.serving(), self.seen()["term"]), ([], primary, 1))

        url = self.seen()["leader_url"]
        self.write_configuration(url, lambda config: config.update(instances=[]))
        (self.place / "token").write_text("another\n")
        until("it is said", lambda: "the configuration stays as it was" in self.log(url))
        self.assertEqual(self.instances(url), rest)
        until("the new token is taken", lambda: self.ask("pause", url=url)[0] == 0)

    def test_a_wrong_configuration_is_not_taken_at_sighup(self):
        url = self.seen()["leader_url"]
        self.configure(url, lambda config: config.update(instances=[]))
        until("it is said", lambda: "the configuration stays as it was" in self.log(url))
        self.assertEqual(len(self.instances(url)), 3)
        self.assertEqual(self.seen()["leader_url"], url)

    def test_a_port_that_somebody_has_is_not_taken_at_sighup(self):
        url = self.seen()["leader_url"]
        with contextlib.closing(socket.socket()) as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            listen = f"127.0.0.1:{taken.getsockname()[1]}"
            self.configure(url, lambda config: config["http"].update(listen=listen))
            until("it is said", lambda: "the configuration stays as it was" in self.log(url))
            until("it serves where it did", lambda: len(self.instances(url)) == 3)
        self.assertIsNone(self.controllers[url].poll())

    def test_paused_nothing_is_promoted_until_resumed(self):
        until("it is paused", lambda: self.ask("pause")[0] == 0)
        old = self.serving()[0]
        next(a for a in self.agents if a.name == old).die()
        until("it is said", lambda: self.seen().get("waits_for") == "it is paused")
        self.assertEqual(self.serving(), [])
        self.assertEqual(self.ask("resume")[0], 0)
        until("another primary", self.serving)

    def test_a_failover_by_force_goes_to_who_is_named(self):
        old = self.serving()[0]
        to = next(a.name for a in reversed(self.agents) if a.name != old)
        code, said = self.ask("failover", "--to", to)
        self.assertEqual((code, self.serving()), (0, [to]), said)
        self.assertIn(f"{to} is the primary (term 2)", said)
        self.assertEqual(self.seen()["primary"], to)

    def test_who_is_on_no_list_takes_over_when_those_who_are_lost_are_named(self):
        old = next(a for a in self.agents if a.serves())
        last, other = (a for a in self.agents if a is not old)
        last.die()
        until("it leaves the list", lambda: self.seen().get("promotable") == [other.name])
        other.die()
        until("nobody is on the list", lambda: self.seen().get("promotable") == [] and not old.listed)
        until("it is said", lambda: self.ask("status")[1].find("nobody could take over") > 0)
        old.die()
        last.alive = True
        until("the only one left answers", lambda: any(it["name"] == last.name and it["answers"]
                                                       for it in self.seen().get("instances", [])))

        code, said = self.ask("failover", "--to", last.name)
        self.assertEqual(code, 3, said)
        self.assertIn(f"failover --to {last.name} --lost {old.name}", said)
        code, said = self.ask("failover", "--to", last.name, "--lost", other.name)
        self.assertEqual(code, 3, said)
        self.assertIn(f"{old.name} may still write", said)
        self.assertEqual(self.serving(), [])
        until("it is taken", lambda: self.ask("failover", "--to", last.name, "--lost", f"{old.name},{other.name}")[0] == 0)
        self.assertEqual(self.serving(), [last.name])


if __name__ == "__main__":
    instance.main()
