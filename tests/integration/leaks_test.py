"""What pgbosun opened for a reload, a fence, a scrape, a reader of events or a client's mistake is closed afterwards."""

import collections
import os
import re
import signal
import socket

import instance
from instance import Case, children, process_name, wait_for

RELOADS = 30
ROUNDS = 3
LOOKS = 50


def kinds_of_open_files(pid):
    """What its descriptors are: paths, and how many sockets, pipes and so on."""
    found = collections.Counter()
    for name in os.listdir(f"/proc/{pid}/fd"):
        try:
            found[re.sub(r":\[\d+\]$", "", os.readlink(f"/proc/{pid}/fd/{name}"))] += 1
        except FileNotFoundError:  # closed meanwhile
            pass
    return found


def held(pid):
    return kinds_of_open_files(pid), collections.Counter(process_name(child) for child in children(pid))


class Leaks(Case):
    def setUp(self):
        self.it = self.existing({"metrics": {"cache_time": "0s"}})
        self.it.config["http"]["token_file"] = self.it.secret("token", "hush\n")
        self.it.write_config()
        self.it.start().up()

    def connect(self, over_tcp):
        if over_tcp:
            return socket.create_connection(("127.0.0.1", self.it.http_port()), 30)
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(30)
        connection.connect(self.it.control_socket)
        return connection

    def reload(self, number):
        self.it.config["postgresql"]["parameters"]["work_mem"] = f"{number}MB"
        self.it.write_config()
        self.it.send_signal(signal.SIGHUP)
        wait_for("it is applied", lambda: self.it.sql("show work_mem") == f"{number}MB")

    def fence_and_unfence(self):
        self.assertEqual(self.it.http("POST", "/v1/fence?wait=60s", {"reason": "a test"}).status, 200)
        self.assertEqual(self.it.http("POST", "/v1/unfence?wait=60s").status, 200)
        self.it.up()

    def read_events(self, over_tcp):
        with self.connect(over_tcp) as connection:
            connection.sendall(b"GET /v1/events?since=0 HTTP/1.1\r\nHost: x\r\n\r\n")
            with connection.makefile("rb") as answer:
                self.assertIn(b"200", answer.readline())
                while not answer.readline().startswith(b"data:"):
                    pass

    def make_mistakes(self, over_tcp):
        ask = self.it.tcp if over_tcp else self.it.http
        self.assertEqual(ask("GET", "/v1/nothing").status, 404)
        self.assertEqual(ask("DELETE", "/v1/status").status, 405)
        self.assertIn(ask("POST", "/v1/fence", "{broken").status, (400, 401))
        self.assertEqual(self.it.tcp("POST", "/v1/fence", headers={"Authorization": "Bearer wrong"}).status, 401)
        for text in (b"", b"\0\xff no request\r\n\r\n", b"GET /v1/status HTTP/1.1\r\nHos",
                     b"POST /v1/fence HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{", b"GET / HTTP/1.1\r\n\r\n"):
            with self.connect(over_tcp) as connection:
                connection.sendall(text)

    def each_thing_once(self):
        self.fence_and_unfence()
        for over_tcp in (False, True):
            for _ in range(10):
                self.assertEqual((self.it.tcp if over_tcp else self.it.http)("GET", "/metrics").status, 200)
                self.read_events(over_tcp)
                self.make_mistakes(over_tcp)

    def settled(self):
        """What it holds most of the time, when nobody is connected and no stream of events is open."""
        def alone():
            text = self.it.http("GET", "/metrics").text
            numbers = [float(number) for number in re.findall(r"(?m)^pgbosun_http_(?:connections|event_streams)\S* (\S+)$", text)]
            return sum(numbers) == 1  # who asks
        wait_for("every connection is closed", alone)
        looks = [held(self.it.pid) for _ in range(LOOKS)]
        return max(looks, key=looks.count)

    def test_after_many_reloads_fences_scrapes_readers_and_mistakes_it_holds_what_it_held_before(self):
        self.reload(100)
        self.each_thing_once()  # what is opened once and kept is not a leak
        before = self.settled()

        for number in range(RELOADS):
            self.reload(101 + number)
        for _ in range(ROUNDS):
            self.each_thing_once()

        after = None

        def as_before():
            nonlocal after
            after = self.settled()
            return after == before
        try:
            wait_for("it holds what it held", as_before)
        except AssertionError:
            self.fail(f"descriptors and children before: {before}\nafter: {after}")


if __name__ == "__main__":
    instance.main()
