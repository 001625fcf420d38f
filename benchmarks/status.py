"""/v1/status under load, with postgres running and with postgres stopped (SIGSTOP); /primary, as load balancers ask it, with
postgres down.

5,000 requests a second (/primary: 1,000) on a fixed timetable, whether or not the answers come in time: a request that has to wait for
an earlier one counts its wait. Beside it, what wrk gets out of it when it asks as fast as it is answered."""

import os
import re
import selectors
import signal
import socket
import subprocess
import time

import support

RATE = 5000
CHECKS = 1000  # a second, of /primary
SECONDS = 10
CONNECTIONS = 10


class Connection:
    """Keep-alive, one request at a time."""

    def __init__(self, port, path, status):
        self.request = b"GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n" % path.encode()
        self.expected = b"HTTP/1.1 %d" % status
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.due = None
        self.buffer = b""

    def ask(self, due):
        self.due = due
        self.socket.sendall(self.request)

    def answered(self):
        """Whether the answer is complete."""
        part = self.socket.recv(65536)
        self.buffer += part
        head, found, body = self.buffer.partition(b"\r\n\r\n")
        if not part or (found and not head.startswith(self.expected)):
            raise RuntimeError(f"not answered: {head!r}")
        if not found or len(body) < int(re.search(rb"(?i)content-length: (\d+)", head).group(1)):
            return False
        self.buffer = b""
        return True


def timetable(port, path="/v1/status", status=200, rate=RATE):
    """Answers a second, and 99th percentiles in ms from when each request was due: of the answer, of its sending."""
    connections = [Connection(port, path, status) for _ in range(CONNECTIONS)]
    selector = selectors.DefaultSelector()
    for connection in connections:
        selector.register(connection.socket, selectors.EVENT_READ, connection)
    idle, latencies, lateness, sent = list(connections), [], [], 0
    begin = time.perf_counter()
    while len(latencies) < rate * SECONDS:
        now = time.perf_counter()
        while idle and sent < rate * SECONDS and begin + sent / rate <= now:
            idle.pop().ask(begin + sent / rate)
            lateness.append(now - begin - sent / rate)
            sent += 1
        for key, _ in selector.select(0.0002):
            if key.data.answered():
                latencies.append(time.perf_counter() - key.data.due)
                idle.append(key.data)
    took = time.perf_counter() - begin
    for connection in connections:
        connection.socket.close()
    return len(latencies) / took, p99_ms(latencies), p99_ms(lateness)


def p99_ms(seconds):
    return sorted(seconds)[int(len(seconds) * 0.99)] * 1000


def fastest(port):
    said = subprocess.run(["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", f"http://127.0.0.1:{port}/v1/status"],
                          capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in said or "Socket errors" in said:
        raise RuntimeError("errors under load:\n" + said)
    return float(re.search(r"Requests/sec:\s+([\d.]+)", said).group(1))


def rows(instance, state):
    rate, p99, late = timetable(instance.port)
    yield support.Row(f"/v1/status, {state}: {RATE} requests/s asked", "", f"{rate:.0f}/s", f">= {RATE}/s",
                      rate >= RATE * 0.99)
    yield support.at_most(f"  their p99, {CONNECTIONS} connections", "", p99, 5, "ms")
    # Tells a slow server from a machine that is busy with something else.
    yield support.Row("  of it: how late the requests were sent, p99", "", f"{late:.3g} ms", "", None)
    yield support.Row("  as fast as wrk can ask", "", f"{fastest(instance.port):.0f}/s", f">= {RATE}/s", None)


def postgres_processes(instance):
    postmasters = [pid for pid in instance.children() if support.program_of(pid) == "postgres"]
    with open(f"/proc/{postmasters[0]}/task/{postmasters[0]}/children") as file:
        return postmasters + [int(word) for word in file.read().split()]


def measure(bench):
    support.need("wrk", "wrk")
    instance = support.Instance(bench)
    instance.start()
    instance.wait_ready()
    yield from rows(instance, "postgres running")
    stopped = postgres_processes(instance)
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield from rows(instance, "postgres stopped")
    finally:
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)
    subprocess.run([bench.program("pgbosun"), "fence", "--config", instance.config], check=True, stdout=subprocess.DEVNULL)
    rate, p99, late = timetable(instance.port, "/primary", 503, CHECKS)
    yield support.Row(f"/primary, postgres down: {CHECKS} requests/s asked", "", f"{rate:.0f}/s", f">= {CHECKS}/s",
                      rate >= CHECKS * 0.99)
    yield support.at_most(f"  their p99, {CONNECTIONS} connections", "", p99, 1, "ms")
    yield support.Row("  of it: how late the requests were sent, p99", "", f"{late:.3g} ms", "", None)
    instance.stop()
