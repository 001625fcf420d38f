"""From SIGKILL of the postmaster to the first write that is acknowledged again, without a controller."""

import os
import signal
import subprocess
import time

import support

KILLS = 5


def measure(bench):
    instance = support.Instance(bench)
    instance.start()
    instance.wait_ready()
    socket = os.path.join(instance.place, "run")
    port = os.path.basename(next(name for name in os.listdir(socket) if name.startswith(".s.PGSQL.")
                                 and not name.endswith(".lock"))).rpartition(".")[2]

    def sql(text):
        command = [os.path.join(support.POSTGRES_BIN, "psql"), "-XAtqh", socket, "-p", port, "-c", text, "postgres"]
        return subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/",
                              **support.account()).returncode == 0

    if not sql("create table written (at timestamptz)"):
        raise RuntimeError("psql does not get to the server")
    times = []
    for _ in range(KILLS):
        # Crashes in a row are answered with a pause; each of these is the first one of its minute.
        support.wait_until(lambda: instance.status_of("/readyz") == 200, "the instance to be ready")
        postmaster = next(pid for pid in instance.children() if support.program_of(pid) == "postgres")
        begin = time.monotonic()
        os.kill(postmaster, signal.SIGKILL)
        support.wait_until(lambda: sql("insert into written values (now())"), "a write", between=0.005)
        times.append(time.monotonic() - begin)
        support.note(f"postmaster killed: {times[-1]:.2f} s")
        instance.stop()
        instance.start()
        instance.wait_ready()
    yield support.at_most(f"postmaster killed, to the next write, median of {KILLS}", "", support.median(times), 1, "s")
