"""Whether any commit that was acknowledged is lost with synchronous replication: a cluster under writers whose primary is
killed again and again, in turn its postmaster and the whole of it (agent and postgres), at a moment drawn from a seed. Before
some of these deaths a standby is killed too and started again, so that it may hold less than was acknowledged and has just
begun to answer when the choice is made.

Each failover is a new term, and the next comes as soon as the cluster is whole: the new primary serves, and both others
stream from it and could take over. After each of them what was acknowledged since the last is looked for on the new
primary, and all of it at the end on every instance. It ends at the first loss, and keeps what the processes said.

Root is needed (namespaces, as for failover.py). ARGUMENT: how many failovers, 1000 unless said; PGBOSUN_TEST_SEED: the seed.
"""

import contextlib
import os
import random
import shutil
import statistics
import sys
import tempfile
import time

import support

os.environ.setdefault("PYTHONDONTWRITEBYTECODE", "1")
sys.path.insert(0, os.path.join(support.SOURCE, "tests", "cluster"))

import libpq  # noqa: E402
import writer as writing  # noqa: E402

FAILOVERS = 1000
WRITERS = 3
TTL = "1s"
PATIENCE = 120.0  # until a cluster is whole again
SQL_PATIENCE = 30.0
LATEST = 0.5  # seconds from a whole cluster to the next death
STARTING = 0.25  # how often a standby has just been started then
PROGRESS = 10.0
MEMBERS = {
    # A crash is the first of its kind each time: later ones are started more slowly on purpose.
    "restart": {"period": "1s"},
    # PostgreSQL keeps what each of many short timelines has of a segment, and pg_rewind copies all of it.
    "bootstrap": {"initdb": {"options": ["--no-sync"], "wal_segment_size": 1}},
    "postgresql": {"parameters": {"wal_keep_size": "16MB", "min_wal_size": "16MB", "max_wal_size": "64MB"}},
}
SYNCHRONOUS = {"method": "any", "number": 1, "data_durability": "required"}


class Lost(Exception):
    pass


class Trail:
    """What a writer has noted, read on from where it was read to."""

    def __init__(self, writer):
        self.label = writer.label
        self.acknowledged = set()
        self._file = open(writer.file, encoding="ascii")
        self._rest = ""

    def more(self):
        """The rows that are new."""
        text = self._rest + self._file.read()
        lines, _, self._rest = text.rpartition("\n")
        rows = [writing.Row(line) for line in lines.splitlines()]
        for row in rows:
            row.label = self.label
        self.acknowledged.update(row.number for row in rows if row.acknowledged is not None)
        return rows

    def close(self):
        self._file.close()


class Campaign:
    def __init__(self, bench, failovers, seed):
        import cluster
        import network
        self.failovers, self.seed = failovers, seed
        self.random = random.Random(seed)
        self.done, self.came_back, self.starting = 0, 0, 0
        self.whole_after = {"postmaster": [], "machine": []}
        self.rows, self.unchecked, self.longest = [], [], (0.0, "")
        self.began = self.told = time.monotonic()
        self.network = network.Network()
        bench.at_end(self.network.close)
        self.cluster = cluster.Cluster(
            self.network, ttl=TTL, synchronous=SYNCHRONOUS, directory=bench.place("cluster"),
            member_config=MEMBERS,
            controller_config={"failover": {"restart_window": "0s"}})
        bench.at_end(self.cluster.stop)

    def begin(self):
        self.cluster.start()
        self.primary = self.cluster.prepare_writes()
        self.term = self.cluster.said()["term"]
        self.writers = [self.cluster.write(f"client-{number}") for number in range(1, WRITERS + 1)]
        self.trails = [Trail(it) for it in self.writers]
        support.wait_until(lambda: all(it.acknowledged() for it in self.writers), "first rows")
        self.began = self.told = time.monotonic()

    # One failover

    def kill(self, kind):
        if self.random.random() < STARTING:
            standby = self.random.choice([it for it in self.cluster.members if it is not self.primary])
            standby.kill()
            time.sleep(self.random.uniform(0.0, LATEST))
            standby.start()
            time.sleep(self.random.uniform(0.0, LATEST))
            self.starting += 1
        if kind == "machine":
            self.primary.kill()
        else:
            self.primary.kill_postmaster()

    def whole_in(self, kind, postmaster):
        """The term in which the cluster is whole again: another one, or the same when the primary came back with another
        postmaster before the controller had decided. None: not yet."""
        said = self.cluster.said()
        if not said or said.get("term") is None:
            return None
        if said["term"] > self.term and not self.primary.runs:
            self.primary.start()
        if said["term"] == self.term and (kind == "machine" or self.primary.postmaster() in (None, postmaster)):
            return None
        if self.cluster.lacks() or not self.takes_writes():
            return None
        after = self.cluster.said()
        return said["term"] if after and after.get("term") == said["term"] else None

    def takes_writes(self):
        """Whether what a writer sends from now on is acknowledged, within a moment."""
        now = time.monotonic()
        while time.monotonic() < now + 1:
            self.read()
            if any(row.sent > now and row.acknowledged is not None for row in self.unchecked[-100:]):
                return True
            time.sleep(0.01)
        return False

    def fail_over(self):
        kind = ("postmaster", "machine")[(self.done + self.came_back) % 2]
        time.sleep(self.random.uniform(0.0, LATEST))
        postmaster, begin = self.primary.postmaster(), time.monotonic()
        self.kill(kind)
        while not (term := self.whole_in(kind, postmaster)):
            self.tell()
            if time.monotonic() > begin + PATIENCE:
                raise Lost(f"not whole {PATIENCE:.0f} s after the {kind} of {self.primary.name} was killed: "
                           f"{self.cluster.lacks() or 'in the same term'}")
            time.sleep(0.02)
        if term > self.term:
            self.done += 1
            self.whole_after[kind].append(time.monotonic() - begin)
        else:
            self.came_back += 1
        self.primary, self.term = self.cluster.member(self.cluster.said()["primary"]), term
        self.check_new(kind, begin)

    # What is there

    def ids(self, member, label, above=-1):
        connection = libpq.Connection(writing.conninfo([member.server], "any"), SQL_PATIENCE)
        with contextlib.closing(connection):
            text = f"select id from acknowledged where label = '{label}' and id > {above}"
            return {int(row[0]) for row in connection.execute(text, SQL_PATIENCE)}

    def read(self):
        for trail in self.trails:
            self.unchecked += trail.more()

    def check_new(self, kind, begin):
        """All that was acknowledged since the last time."""
        self.read()
        rows = [row for row in self.unchecked if row.acknowledged is not None]
        for trail in self.trails:
            sent = {row.number for row in rows if row.label == trail.label}
            if sent:
                self.miss(trail.label, sent - self.ids(self.primary, trail.label, min(sent) - 1), self.primary)
        gap = writing.longest_gap(rows, begin, time.monotonic())[0]
        self.longest = max(self.longest, (gap, kind))
        self.rows += rows
        self.unchecked.clear()
        self.tell()

    def miss(self, label, lost, member):
        if lost:
            raise Lost(f"{len(lost)} acknowledged rows of {label} are not on {member.name} in term {self.term}: "
                       f"{sorted(lost)[:10]}")

    def check_all(self):
        for it in self.writers:
            it.stop()
        self.read()
        self.rows += self.unchecked
        for trail in self.trails:
            self.miss(trail.label, trail.acknowledged - self.ids(self.primary, trail.label), self.primary)
        for member in self.cluster.members:
            for trail in self.trails:
                support.wait_until(lambda m=member, t=trail: t.acknowledged <= self.ids(m, t.label),
                                   f"{member.name} to hold what was acknowledged", between=0.5)
        if overlaps := writing.overlaps(self.rows):
            raise Lost(f"two primaries took commits in the same time: {overlaps[:5]}")
        support.note("all that was acknowledged is there, on each instance")

    # What is said

    def acknowledged(self):
        return sum(len(it.acknowledged) for it in self.trails)

    def summary(self):
        minutes = (time.monotonic() - self.began) / 60
        whole = ", ".join(f"{kind} {statistics.median(it):.1f} s (worst {max(it):.1f})"
                          for kind, it in self.whole_after.items() if it)
        return (f"{self.done} of {self.failovers} failovers in {minutes:.1f} minutes ({self.done / minutes:.1f} a minute), "
                f"{self.acknowledged()} rows acknowledged, whole again after: {whole}; the longest time without one "
                f"{self.longest[0]:.2f} s ({self.longest[1]}); {self.came_back} came back by themselves; {self.starting} times a standby was just starting; "
                f"seed {self.seed}")

    def tell(self):
        if time.monotonic() > self.told + PROGRESS:
            self.told = time.monotonic()
            support.note(self.summary())

    def keep(self):
        kept = tempfile.mkdtemp(prefix="pgbosun-lost.", dir="/var/tmp")
        self.cluster.keep_logs(kept)
        shutil.copytree(f"{self.cluster.directory}/etcd", f"{kept}/etcd", dirs_exist_ok=True)
        return kept

    def run(self):
        """Whether all failovers came and nothing was lost."""
        try:
            self.begin()
            while self.done < self.failovers:
                self.fail_over()
            self.check_all()
            return True
        except SystemExit:  # told to end: what was done is judged all the same
            for it in self.cluster.members:
                if not it.runs:
                    it.start()
            self.primary = self.cluster.wait_whole(PATIENCE)
            self.check_all()
            raise
        except (Lost, RuntimeError, AssertionError, libpq.Lost, libpq.Refused) as error:
            support.note(f"{type(error).__name__}: {str(error)[:2000]}\n# all logs: {self.keep()}")
            return False
        finally:
            for it in getattr(self, "writers", []):
                it.stop()
            support.note(self.summary())


def measure(bench, argument=str(FAILOVERS)):
    support.need(shutil.which("etcd") or "/usr/bin/etcd", "etcd-server")
    os.environ["PGBOSUN_PROGRAMS"] = bench.programs
    seed = int(os.environ.get("PGBOSUN_TEST_SEED") or int.from_bytes(os.urandom(4), "little"))
    campaign = Campaign(bench, int(argument), seed)
    good = campaign.run()
    yield support.Row(f"acknowledged commits lost, synchronous, {campaign.done} failovers", "",
                      f"0 of {campaign.acknowledged()}" if good else "see above", "0", good)
    yield support.Row("  the longest time without an acknowledged commit", "", f"{campaign.longest[0]:.2f} s", "", None)
