"""What the benchmarks share: the programs, temporary directories, an instance under pgbosun, rows."""

import http.client
import os
import pwd
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

SOURCE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
POSTGRES_BIN = os.environ.get("PGBOSUN_POSTGRES_BIN", "/usr/lib/postgresql/15/bin")
PATIENCE = 120
PROGRAMS = ("pgbosun", "pgbosun-archiver", "pgbosun-wal", "pgbosun-controller")


def note(text):
    print("# " + text, file=sys.stderr, flush=True)


def account():
    """Arguments of subprocess that make a child the user that PostgreSQL runs as."""
    if os.geteuid() != 0:
        return {}
    entry = pwd.getpwnam("postgres")
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def need(program, package):
    """Installs a Debian package unless its program is there."""
    if shutil.which(program) or os.path.exists(program):
        return
    note(f"installing {package}")
    sudo = [] if os.geteuid() == 0 else ["sudo", "-n"]
    done = subprocess.run(sudo + ["apt-get", "install", "-y", "--no-install-recommends", package],
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                          env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"})
    if done.returncode != 0:
        sys.exit(f"{program} is needed and {package} cannot be installed: {done.stderr.strip()}")


def wait_until(true, what, patience=PATIENCE, between=0.01):
    deadline = time.monotonic() + patience
    while not true():
        if time.monotonic() > deadline:
            raise RuntimeError(f"waited {patience} s in vain for {what}")
        time.sleep(between)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def median(values):
    return statistics.median(values)


def print_head():
    print(f"{'what':<58} {'peer':>26} {'pgbosun':>18} {'ratio or limit':>18}  reached", flush=True)


class Row:
    """One number. `reached` None: for information."""

    def __init__(self, what, peer, ours, judged, reached):
        self.what, self.peer, self.ours, self.judged, self.reached = what, peer, ours, judged, reached

    def print(self):
        verdict = {None: "-", True: "yes", False: "NO"}[self.reached]
        print(f"{self.what:<58} {self.peer:>26} {self.ours:>18} {self.judged:>18}  {verdict}", flush=True)


def at_most(what, peer, value, limit, unit):
    return Row(what, peer, f"{value:.3g} {unit}", f"<= {limit:g} {unit}", value <= limit)


class Bench:
    """The temporary directory and the stripped programs in it; ends what was started."""

    def __init__(self, keep=None):
        self.keep = keep
        base = os.environ.get("PGBOSUN_BENCH_TMP", "/var/tmp")
        self.directory = tempfile.mkdtemp(prefix="pgbosun-bench.", dir=base)
        os.chmod(self.directory, 0o755)
        self.programs = os.path.join(self.directory, "bin")
        self.ends = []
        self.filler, self.filled = None, 0

    def __enter__(self):
        built = os.environ.get("PGBOSUN_BIN")
        if not built:
            subprocess.run([os.path.join(SOURCE, "scripts/build-release")], check=True, stdout=subprocess.DEVNULL)
            built = os.path.join(SOURCE, "build-release/bin")
        need(os.path.join(POSTGRES_BIN, "postgres"), "postgresql-15")
        os.mkdir(self.programs, 0o755)
        for name in PROGRAMS:
            target = self.program(name)
            shutil.copyfile(os.path.join(built, name), target)
            os.chmod(target, 0o755)
            subprocess.run(["strip", "--strip-all", target], check=True)
        return self

    def __exit__(self, *_):
        while self.ends:
            self.ends.pop()()
        shutil.rmtree(self.directory, ignore_errors=True)

    def program(self, name):
        return os.path.join(self.programs, name)

    def place(self, name):
        """A directory that postgres may write to; empty."""
        path = os.path.join(self.directory, name)
        shutil.rmtree(path, ignore_errors=True)
        os.mkdir(path, 0o755)
        if os.geteuid() == 0:
            entry = pwd.getpwnam("postgres")
            os.chown(path, entry.pw_uid, entry.pw_gid)
        return path

    def at_end(self, end):
        self.ends.append(end)

    def settle(self):
        """As a machine that has run for long: nothing waits to be written, and no memory is free, for the page cache has
        it all. Memory that a virtual machine has given back to its host costs a fault there when it is used again, up to
        two seconds for a gigabyte; that would be measured instead."""
        os.sync()
        with open("/proc/meminfo", encoding="ascii") as file:
            free = next(int(line.split()[1]) * 1024 for line in file if line.startswith("MemFree:"))
        if self.filler is None:
            self.filler = tempfile.TemporaryFile(dir=self.directory)
            os.truncate(self.filler.fileno(), 1 << 43)  # a hole
        piece = bytearray(1 << 20)
        until = self.filled + free + (256 << 20)
        while self.filled < until:
            self.filled += os.preadv(self.filler.fileno(), [piece], self.filled)


class Instance:
    """pgbosun run, with a database of its own and an archive in a directory."""

    def __init__(self, bench):
        self.bench = bench
        self.place = bench.place("instance")
        self.port = free_port()
        self.config = os.path.join(self.place, "pgbosun.yaml")
        with open(self.config, "w") as file:
            file.write(f"""
cluster: bench
instance: pg-1
volume: {self.place}/volume
run_dir: {self.place}/run
postgresql:
  port: {free_port()}
  listen_addresses: 127.0.0.1
  bin_dir: {POSTGRES_BIN}
archive:
  destination: file://{self.place}/archive
http: {{listen: "127.0.0.1:{self.port}"}}
""")
        self.process = None
        self.log = open(os.path.join(self.place, "log"), "ab")
        bench.at_end(self.stop)

    def start(self):
        self.process = subprocess.Popen([self.bench.program("pgbosun"), "run", "--config", self.config],
                                        stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)

    def status_of(self, path):
        """The HTTP status; None when nobody answers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            answer.read()
            return answer.status
        except OSError:
            return None
        finally:
            connection.close()

    def wait_ready(self):
        def ready():
            if self.process.poll() is not None:
                with open(self.log.name) as log:
                    raise RuntimeError("pgbosun has ended:\n" + log.read())
            return self.status_of("/readyz") == 200
        wait_until(ready, "the instance to be ready", between=0.1)

    def stop(self):
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(PATIENCE)

    def children(self):
        """{pid: command line} of the direct children."""
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children") as file:
            pids = [int(word) for word in file.read().split()]
        return {pid: command_line(pid) for pid in pids}


def command_line(pid):
    with open(f"/proc/{pid}/cmdline", "rb") as file:
        return file.read().replace(b"\0", b" ").decode(errors="replace").strip()


def program_of(pid):
    return os.path.basename(os.readlink(f"/proc/{pid}/exe"))


def rollup_kb(pid):
    """Fields of smaps_rollup in kB."""
    fields = {}
    with open(f"/proc/{pid}/smaps_rollup") as file:
        for line in file.readlines()[1:]:
            name, value = line.split(":")
            fields[name] = int(value.split()[0])
    return fields


def cpu_ns(pid):
    """What a process and its threads have run, to the nanosecond."""
    total = 0
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/schedstat") as file:
            total += int(file.read().split()[0])
    return total
