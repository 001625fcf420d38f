"""A PostgreSQL server with 133 segments of real WAL that wait for its archiver, and those who archive them."""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import threading
import time

import support

SEGMENTS = 133
MB = 1024 * 1024


class Server:
    """PostgreSQL without pgbosun's PID 1. Its segments are marked as waiting again before each drain."""

    def __init__(self, bench):
        self.bench = bench
        self.place = os.path.abspath(bench.keep) if bench.keep else bench.place("server")
        self.data = os.path.join(self.place, "data")
        self.marks = os.path.join(self.data, "pg_wal/archive_status")
        # Outside the place that may be kept, and short enough for a socket.
        self.run = bench.place("run")
        self.socket = os.path.join(self.run, "archive.sock")
        if not os.path.exists(os.path.join(self.place, "complete")):
            self.make()
        else:
            self.end_what_was_left()
            self.start()
        bench.at_end(self.stop)
        with open(os.path.join(self.place, "complete")) as file:
            self.names = file.read().split()
        control = self.tool("pg_controldata", self.data)
        self.system_id = re.search(r"system identifier:\s+(\d+)", control).group(1)
        self.segment_size = int(re.search(r"Bytes per WAL segment:\s+(\d+)", control).group(1))

    def tool(self, name, *arguments):
        return subprocess.run([os.path.join(support.POSTGRES_BIN, name), *arguments], check=True, text=True,
                              cwd=self.run, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **support.account()).stdout

    def sql(self, text):
        return self.tool("psql", "-XAtqh", self.run, "-c", text, "postgres").strip()

    def make(self):
        support.note(f"making a backlog of {SEGMENTS} segments with pgbench")
        self.initialise()
        self.start()
        self.tool("pgbench", "-h", self.run, "-i", "-s", "40", "-q", "postgres")
        while self.written() < SEGMENTS + 2:
            self.sql("CHECKPOINT")
            self.tool("pgbench", "-h", self.run, "-n", "-c", "4", "-T", "4", "postgres")
        self.sql("SELECT pg_switch_wal()")
        self.sql("CHECKPOINT")
        support.wait_until(lambda: len(self.waiting()) >= SEGMENTS, "the backlog")
        # The last ones: writes of transactions, with a few of pgbench -i.
        for name in self.waiting()[:-SEGMENTS]:
            os.unlink(os.path.join(self.marks, name))
        self.complete([name[:-len(".ready")] for name in self.waiting()])

    def complete(self, names):
        with open(os.path.join(self.place, "complete"), "w") as file:
            file.write("\n".join(names))

    def initialise(self):
        if not os.path.isdir(self.place):
            os.makedirs(self.place)
        shutil.chown(self.place, "postgres", "postgres") if os.geteuid() == 0 else None
        self.tool("initdb", "-D", self.data, "-U", "postgres", "-A", "trust", "--no-sync", "-k")
        with open(os.path.join(self.data, "postgresql.conf"), "a") as file:
            # Nothing is recycled and nobody writes while a drain is measured.
            file.write("listen_addresses = ''\nwal_level = replica\narchive_mode = on\nautovacuum = off\n"
                       "max_wal_size = 20GB\nwal_keep_size = 20GB\ncheckpoint_timeout = 1d\nshared_buffers = 256MB\n"
                       "synchronous_commit = off\ninclude = 'archive.conf'\n")

    def written(self):
        return int(self.sql("SELECT pg_current_wal_lsn() - '0/0'")) // (16 * MB)

    def start(self):
        self.command("")
        with open(os.path.join(self.run, "log"), "ab") as log:
            process = subprocess.Popen([os.path.join(support.POSTGRES_BIN, "postgres"), "-D", self.data, "-k", self.run],
                                       stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.run,
                                       env={"PGBOSUN_ARCHIVE_SOCKET": self.socket, "PATH": os.environ["PATH"]},
                                       **support.account())
        self.process = process
        support.wait_until(lambda: os.path.exists(os.path.join(self.run, ".s.PGSQL.5432")), "postgres")
        support.wait_until(self.answers, "postgres", between=0.1)

    def end_what_was_left(self):
        """Of a run that was killed."""
        subprocess.run([os.path.join(support.POSTGRES_BIN, "pg_ctl"), "-D", self.data, "-m", "immediate", "stop"], check=False,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=self.run, **support.account())
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(self.data, "postmaster.pid"))

    def answers(self):
        try:
            return self.sql("SELECT 1") == "1"
        except subprocess.CalledProcessError:
            return False

    def stop(self):
        # Nobody answers the last command any more, and PostgreSQL waits for its archiver.
        self.command("")
        self.process.send_signal(signal.SIGHUP)
        self.process.send_signal(signal.SIGINT)
        self.process.wait(support.PATIENCE)

    def command(self, text):
        path = os.path.join(self.data, "archive.conf")
        with open(path + ".new", "w") as file:
            file.write(f"archive_command = '{text}'\n")
        os.chmod(path + ".new", 0o644)
        os.rename(path + ".new", path)

    def waiting(self):
        return sorted(name for name in os.listdir(self.marks) if name.endswith(".ready"))

    def refill(self):
        """All segments wait again, in the page cache as if just written, and nobody archives."""
        self.command("")
        self.process.send_signal(signal.SIGHUP)
        time.sleep(0.3)
        self.bench.settle()
        # A server that was kept has stopped since, which made marks of its own.
        for name in self.waiting():
            os.rename(os.path.join(self.marks, name), os.path.join(self.marks, name[:-len("ready")] + "done"))
        for name in self.names:
            os.rename(os.path.join(self.marks, name + ".done"), os.path.join(self.marks, name + ".ready"))
            with open(os.path.join(self.data, "pg_wal", name), "rb") as segment:
                while segment.read(MB):
                    pass
        os.sync()

    def drain(self, command, begin=lambda: None):
        """Segments a second from the reload that names the command to the last mark."""
        self.command(command)
        start = time.time_ns()
        begin()
        self.process.send_signal(signal.SIGHUP)
        support.wait_until(lambda: not self.waiting(), f"'{command}' to archive all", patience=600, between=0.02)
        # The last rename is what changed the directory last.
        took = os.stat(self.marks).st_mtime_ns - start
        return len(self.names) / took * 1e9


class Archiver:
    """pgbosun-archiver as PID 1 starts it, with `archive` as its configuration."""

    def __init__(self, bench, server, archive):
        self.server = server
        config = os.path.join(server.run, "pgbosun.yaml")
        with open(config, "w") as file:
            json.dump({"cluster": "bench", "instance": "pg-1", "volume": bench.place("volume"), "run_dir": server.run,
                       "archive": archive | {"wal": {"compression": "zstd", "level": 1, "max_parallel": 2}}}, file)
        os.chmod(config, 0o644)
        self.command = bench.program("pgbosun-wal") + " archive %p"
        self.backlog = None
        self.error = None
        self.log = open(os.path.join(server.run, "archiver.log"), "ab")
        self.process = subprocess.Popen([bench.program("pgbosun-archiver"), "--config", config], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, start_new_session=True,
                                        **support.account())
        threading.Thread(target=self.read_reports, daemon=True).start()
        support.wait_until(lambda: os.path.exists(server.socket), "the archiver", between=0.01)

    def read_reports(self):
        for line in self.process.stdout:
            report = json.loads(line)
            self.backlog, self.error, self.archived = report["backlog"], report["last_error"], report["archived"]

    def drain(self):
        return self.server.drain(self.command, self.may_archive)

    def may_archive(self):
        self.order(self.server.data, may_archive=True)

    def order(self, data_directory, may_archive):
        order = {"may_archive": may_archive, "reason": "", "data_directory": data_directory,
                 "system_id": self.server.system_id, "wal_segment_size": self.server.segment_size, "wal": None,
                 "promoting": False, "stopping": False}
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()

    def stop(self):
        self.process.stdin.close()
        self.process.wait(support.PATIENCE)
        self.log.close()


class PgBackRest:
    """The peer: asynchronous, with its own spool, lock and log directories for each run."""

    def __init__(self, bench, server, repository):
        support.need("pgbackrest", "pgbackrest")
        place = bench.place("pgbackrest")
        config = os.path.join(place, "pgbackrest.conf")
        with open(config, "w") as file:
            file.write("[global]\n" + "".join(f"{key}={value}\n" for key, value in repository.items()) + f"""
archive-async=y
process-max=2
compress-type=zst
compress-level=1
spool-path={place}/spool
lock-path={place}/lock
log-path={place}/log
log-level-console=warn
log-level-file=off
[bench]
pg1-path={server.data}
pg1-socket-path={server.run}
pg1-user=postgres
""")
        shutil.chown(config, "postgres", "postgres") if os.geteuid() == 0 else None
        self.program = [shutil.which("pgbackrest"), f"--config={config}", "--stanza=bench"]
        subprocess.run(self.program + ["stanza-create"], check=True, cwd=place, **support.account())
        self.command = " ".join(self.program) + " archive-push %p"
        self.lock = os.path.join(place, "lock")
        self.server = server

    def drain(self):
        return self.server.drain(self.command)

    def stop(self):
        """Waits for its asynchronous process, which writes below this run's directories."""
        support.wait_until(lambda: subprocess.run(["pgrep", "-f", "--", self.program[1] + ".*archive-push:async"],
                                                  stdout=subprocess.DEVNULL).returncode != 0,
                           "pgbackrest to end", between=0.2)


class BareLoop:
    """Not an archiver: two threads that do to the files what must be done, and nothing else."""

    def __init__(self, bench, server):
        self.bench, self.server = bench, server
        self.program = os.path.join(bench.directory, "bare_loop")
        source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "bare_loop.cpp")
        if not os.path.exists(self.program):
            subprocess.run(["c++", "-std=c++20", "-O2", source, "-o", self.program, "-lzstd", "-lxxhash", "-pthread"],
                           check=True)

    def drain(self):
        files = [os.path.join(self.server.data, "pg_wal", name) for name in self.server.names]
        took = subprocess.run([self.program, self.bench.place("bare"), *files], check=True, text=True,
                              stdout=subprocess.PIPE, **support.account()).stdout
        return len(files) / float(took)

    def stop(self):
        pass


def server_of(bench):
    """One server for all benchmarks of a run."""
    if not hasattr(bench, "server"):
        bench.server = Server(bench)
    return bench.server


def compare(server, makers, runs=3):
    """Medians of segments a second; the runs alternate, for the machine has other things to do."""
    rates = {name: [] for name in makers}
    for number in range(runs):
        for name, make in makers.items():
            server.refill()
            who = make()
            rates[name].append(who.drain())
            who.stop()
            support.note(f"{name}, run {number + 1}: {rates[name][-1]:.1f} segments/s")
    return {name: support.median(values) for name, values in rates.items()}
