"""Replay of 150 segments that come from the archive through restore_command, against the same out of pg_wal. The figure is
PostgreSQL's own: the time from "redo starts" to "redo done"."""

import os
import re
import shutil
import signal
import subprocess

import backlog
import support

SEGMENTS = 150
RUNS = 3
FILES = 20  # of pg_wal copied at a time
# Rows all over the table: a page's first change since the checkpoint brings all of it into WAL, the others the row.
UPDATES = """UPDATE pgbench_accounts SET abalance = abalance + 1
 WHERE aid = ANY (ARRAY(SELECT 1 + (random() * 3999999)::int FROM generate_series(1, 200)));
"""


class History(backlog.Server):
    """A server that has written 150 segments since its base backup, and waits with all of them."""

    def make(self):
        support.note(f"making {SEGMENTS} segments with pgbench, and the base backup before them")
        self.initialise()
        self.start()
        self.tool("pgbench", "-h", self.run, "-i", "-s", "40", "-q", "postgres")
        # With "-X none" it would wait for the archiver, which has nothing to do yet.
        self.tool("pg_basebackup", "-h", self.run, "-U", "postgres", "-D", self.base, "-X", "fetch", "-c", "fast", "--no-sync")
        for name in os.listdir(os.path.join(self.base, "pg_wal")):
            if name != "archive_status":
                os.unlink(os.path.join(self.base, "pg_wal", name))
        first = self.sql("SELECT pg_walfile_name(redo_lsn) FROM pg_control_checkpoint()")
        until = self.written() + SEGMENTS
        script = os.path.join(self.run, "updates.sql")
        with open(script, "w", encoding="ascii") as file:
            file.write(UPDATES)
        while self.written() < until:
            self.sql("CHECKPOINT")
            self.tool("pgbench", "-h", self.run, "-n", "-c", "2", "-T", "2", "-f", script, "postgres")
        self.sql("SELECT pg_switch_wal()")
        support.wait_until(lambda: len(self.since(first)) >= SEGMENTS, "the segments")
        self.complete(self.since(first)[:SEGMENTS])

    def since(self, first):
        names = (mark[:-len(".ready")] for mark in self.waiting())
        return [name for name in names if len(name) == 24 and name >= first]

    @property
    def target(self):
        """Where the last of the segments begins, as an LSN."""
        return f"{int(self.names[-1][8:16], 16):X}/{int(self.names[-1][16:], 16) * self.segment_size:X}"

    @property
    def base(self):
        return os.path.join(self.place, "base")


class Replay:
    def __init__(self, bench, server, restore_command):
        self.bench, self.server, self.restore_command = bench, server, restore_command

    def run(self):
        """seconds"""
        place = self.bench.place("replay")
        data = os.path.join(place, "data")
        subprocess.run(["cp", "-a", self.server.base, data], check=True)
        # Archive recovery for both: a crash's recovery keeps less account of how far it is. Only a standby does without a
        # restore_command.
        settings = ["archive_mode = off", "hot_standby = off", f"recovery_target_lsn = '{self.server.target}'",
                    "recovery_target_action = promote"]
        if self.restore_command is None:
            wal = [os.path.join(self.server.data, "pg_wal", name) for name in self.server.names]
            for at in range(0, len(wal), FILES):
                subprocess.run(["cp", "-a", *wal[at:at + FILES], os.path.join(data, "pg_wal")], check=True)
        else:
            settings.append(f"restore_command = '{self.restore_command}'")
        with open(os.path.join(data, "standby.signal" if self.restore_command is None else "recovery.signal"), "w"):
            pass
        with open(os.path.join(data, "archive.conf"), "w", encoding="ascii") as file:
            file.write("\n".join(settings) + "\n")
        self.bench.settle()
        return self.replay(place, data)

    def replay(self, place, data):
        log_name = os.path.join(place, "log")
        with open(log_name, "wb") as log:
            process = subprocess.Popen([os.path.join(support.POSTGRES_BIN, "postgres"), "-D", data, "-k", place],
                                       stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=place,
                                       env={"PGBOSUN_ARCHIVE_SOCKET": self.server.socket, "PATH": os.environ["PATH"]},
                                       **support.account())

        def done():
            with open(log_name, encoding="utf-8", errors="replace") as file:
                said = file.read()
            if process.poll() is not None:
                raise RuntimeError("postgres has ended:\n" + said)
            return re.search(r"redo done at .* elapsed: ([0-9.]+) s", said)
        try:
            support.wait_until(done, "the replay", patience=900, between=0.1)
            return float(done().group(1))
        finally:
            process.send_signal(signal.SIGQUIT)
            process.wait(support.PATIENCE)
            shutil.rmtree(place)


def measure(bench):
    server = History(bench)
    ours = backlog.Archiver(bench, server, {"destination": "file://" + bench.place("archive")})
    peer = backlog.PgBackRest(bench, server, {"repo1-path": bench.place("repository")})
    for who, begin in ((ours, ours.may_archive), (peer, lambda: None)):
        server.refill()
        server.drain(who.command, begin)
    peer.stop()
    # Whose restore_command asks, recovers, so that what follows is fetched ahead.
    ours.order(os.path.join(bench.directory, "replay", "data"), may_archive=False)
    bench.at_end(ours.stop)
    get = " ".join(peer.program) + " --pg1-path={} archive-get %f %p"
    replays = {
        "pg_wal": Replay(bench, server, None),
        "pgbosun": Replay(bench, server, "exec " + bench.program("pgbosun-wal") + " restore %f %p"),
        "pgBackRest": Replay(bench, server, get.format(os.path.join(bench.directory, "replay", "data"))),
    }
    seconds = {name: [] for name in replays}
    for _ in range(RUNS):
        for name, replay in replays.items():
            seconds[name].append(replay.run())
            support.note(f"replay from {name}: {seconds[name][-1]:.1f} s")
    median = {name: support.median(values) for name, values in seconds.items()}
    ratio, peers = (median[name] / median["pg_wal"] for name in ("pgbosun", "pgBackRest"))
    yield support.Row(f"replay of {SEGMENTS} archived segments, against pg_wal's {median['pg_wal']:.1f} s", f"pgBackRest {peers:.2f}",
                      f"{median['pgbosun']:.1f} s", f"{ratio:.2f} <= 1.15", ratio <= 1.15)
