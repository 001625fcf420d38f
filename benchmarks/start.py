"""From exec to the first answer of /livez, on a volume that exists, warm."""

import os
import signal
import socket
import time

import support

STARTS = 20
REQUEST = b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


def answers(port):
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            connection.sendall(REQUEST)
            return connection.recv(64).startswith(b"HTTP/1.1 200")
    except OSError:
        return False


def measure(bench):
    instance = support.Instance(bench)
    instance.start()
    instance.wait_ready()
    instance.stop()
    times, ran, waited = [], [], []
    for _ in range(STARTS):
        begin = time.monotonic()
        instance.start()
        while not answers(instance.port):
            if time.monotonic() > begin + support.PATIENCE:
                raise RuntimeError("/livez never answered")
            time.sleep(0.0005)
        times.append((time.monotonic() - begin) * 1000)
        with open(f"/proc/{instance.process.pid}/schedstat") as file:
            nanoseconds = file.read().split()
        ran.append(int(nanoseconds[0]) / 1e6)
        waited.append(int(nanoseconds[1]) / 1e6)
        instance.wait_ready()
        os.kill(instance.process.pid, signal.SIGINT)
        instance.process.wait(support.PATIENCE)
    yield support.at_most(f"exec to answering /livez, median of {STARTS}", "", support.median(times), 30, "ms")
    yield support.Row("  the worst of them", "", f"{max(times):.3g} ms", "", None)
    # Tells a slow start from a machine that is busy with something else.
    yield support.Row("  of the median: on a processor", "", f"{support.median(ran):.3g} ms", "", None)
    yield support.Row("  of the median: waiting for a processor", "", f"{support.median(waited):.3g} ms", "", None)
