"""How long writes stop when the primary goes, for each way that it can go; Patroni with its defaults in the same run.

A writer inserts a row every 10 ms through one libpq connection to all three servers; the figure is the longest time
without an acknowledged row, the median of 5 (PGBOSUN_BENCH_RUNS). Each instance, etcd, the controllers and the writer are on
network namespaces of their own (root is needed). The promotion alone is that of promotion.py. ARGUMENT: events, and "ours" or
"peer", with commas between.
"""

import contextlib
import os
import shutil
import signal
import statistics
import sys
import time

import support

os.environ.setdefault("PYTHONDONTWRITEBYTECODE", "1")
sys.path.insert(0, os.path.join(support.SOURCE, "tests", "cluster"))

import libpq  # noqa: E402
import writer as writing  # noqa: E402

RUNS = int(os.environ.get("PGBOSUN_BENCH_RUNS", "5"))
TTL = 3.0
PATIENCE = 180.0
SQL_PATIENCE = 5.0
CALM = 3 * TTL
WATCHED = 5.0  # seconds after a takeover for two writers to show
DATABASE_SCALE = 68  # of pgbench: 1 GB


class Ours:
    """pgbosun with two controllers and one etcd."""
    name = "pgbosun"

    def __init__(self, bench, network):
        import cluster
        place = bench.place("cluster")
        # Each run is a first crash: after further ones within the period PostgreSQL is started later on purpose.
        self.cluster = cluster.Cluster(network, ttl=f"{TTL:.0f}s", directory=place, member_config={"restart": {"period": "2s"}})
        self.directory = place
        self.members = self.cluster.members
        self.network = network

    def start(self):
        self.cluster.start()
        return self

    def stop(self):
        self.cluster.stop()

    def servers(self):
        return self.cluster.servers()

    def tail(self):
        return self.cluster.tail()

    def deciders(self):
        return self.cluster.programs

    def wait_whole(self, deadline=PATIENCE):
        return self.cluster.wait_whole(deadline)

    def switchover(self):
        code, said = self.cluster.ask("switchover")
        if code != 0:
            raise RuntimeError(said)


class Run:
    """One cluster of a kind, with its writer."""

    def __init__(self, kind, bench):
        import network
        self.network = network.Network()
        try:
            self.kind = kind(bench, self.network)
            self.kind.start()
            self.primary = self.kind.wait_whole()
            self.sql(writing.TABLE)
            self.network.add("client")
            self.writer = self.write("client", self.kind.servers(), "client")
        except BaseException:
            self.close()
            raise

    def close(self):
        with contextlib.suppress(AttributeError):
            self.writer.stop()
        with contextlib.suppress(AttributeError):
            self.kind.stop()
        self.network.close()

    def write(self, label, servers, place):
        return writing.Writer(label, f"{self.kind.directory}/{label}.{time.monotonic_ns()}", servers,
                                   self.network.nodes[place].enter)

    def sql(self, text, server=None):
        connection = libpq.Connection(writing.conninfo([server or self.primary.server], "any"), SQL_PATIENCE)
        try:
            return connection.execute(text, SQL_PATIENCE)
        finally:
            connection.close()

    # Waiting

    def steady(self, since):
        """Until writes have gone on for 2 s after `since`."""
        def is_steady():
            now = time.monotonic()
            rows = self.writer.acknowledged(max(since, now - 2))
            return now - since >= 2 and len(rows) > 20 and writing.longest_gap(rows, now - 2, now)[0] < 0.5
        support.wait_until(is_steady, "steady writes", PATIENCE, 0.1)

    def taken_over(self, since, old):
        def other():
            return [row for row in self.writer.acknowledged(since) if row.server != old.server]
        support.wait_until(other, "another primary", PATIENCE, 0.05)

    def whole(self):
        self.primary = self.kind.wait_whole()
        self.steady(time.monotonic() - 2)

    def gap(self, since):
        self.steady(time.monotonic())
        return writing.longest_gap(self.writer.rows(), since, time.monotonic())[0]

    # Events: each gives (seconds without a write, seconds with two writers), and leaves the cluster whole

    def switchover(self):
        self.whole()
        old, begin = self.primary, time.monotonic()
        self.kind.switchover()
        self.taken_over(begin, old)
        return self.gap(begin), 0.0

    def ended(self):
        """As kubelet ends a pod; it comes back when another one serves."""
        self.whole()
        old, begin = self.primary, time.monotonic()
        old.end()
        self.taken_over(begin, old)
        gap = self.gap(begin)
        old.kill()
        old.start()
        return gap, 0.0

    def postmaster(self):
        self.whole()
        begin = time.monotonic()
        self.primary.kill_postmaster()
        time.sleep(1)  # its backends may still answer for a moment
        return self.gap(begin), 0.0

    def machine(self):
        self.whole()
        old, begin = self.primary, time.monotonic()
        old.kill()
        self.taken_over(begin, old)
        gap = self.gap(begin)
        old.start()
        return gap, 0.0

    def promoted(self, old):
        """Another server that takes writes, once there is one."""
        def other():
            for server in self.kind.servers():
                with contextlib.suppress(libpq.Lost, libpq.Refused):
                    if server != old.server and self.sql("select pg_is_in_recovery()", server) == [["f"]]:
                        return server
            return None
        found = []
        support.wait_until(lambda: found.append(other()) or found[-1], "another primary", PATIENCE, 0.05)
        return found[-1]

    def lost_agent(self, lose, mend):
        """`lose` takes the agent away from the others while its postgres runs on; a client beside it goes on writing, and
        one is at the new primary as soon as there is one."""
        self.whole()
        old = self.primary
        writers = [self.write("beside", [old.server], old.name)]
        try:
            support.wait_until(writers[0].acknowledged, "the writer beside the primary", PATIENCE, 0.05)
            begin = time.monotonic()
            lose(old)
            writers.append(self.write("ahead", [self.promoted(old)], "client"))
            support.wait_until(writers[1].acknowledged, "writes on the new primary", PATIENCE, 0.05)
            time.sleep(WATCHED)
            gap = self.gap(begin)
            rows = [row for it in (self.writer, *writers) for row in it.acknowledged(begin)]
            overlap = max((seconds for _, _, seconds in writing.overlaps(rows)), default=0.0)
        finally:
            mend(old)
            for it in writers:
                it.stop()
        return gap, overlap

    def network_cut(self):
        return self.lost_agent(lambda old: self.network.isolate(old.name), lambda _: self.network.heal())

    def agent_stopped(self):
        return self.lost_agent(lambda old: old.freeze(), lambda old: old.thaw())

    def calm(self, programs):
        """The longest time without a write while these are gone and the primary is well."""
        self.whole()
        begin = time.monotonic()
        for program in programs():
            program.kill()
        time.sleep(CALM)
        gap = writing.longest_gap(self.writer.rows(), begin, time.monotonic())[0]
        for program in programs():
            if not program.runs:
                program.start()
        return gap, 0.0

    def leader(self):
        """A controller that leads. (Patroni has none.)"""
        leader = []
        return self.calm(lambda: leader or leader.append(self.kind.cluster.leader()) or leader)

    def record(self):
        """All controllers, and the only etcd."""
        return self.calm(self.kind.deciders)

    def rejoin(self):
        """A primary of 1 GB that crashed with WAL that nobody else has: from its start to streaming as a standby."""
        self.whole()
        old = self.primary
        beside = self.write("beside", [old.server], old.name)
        begin = time.monotonic()
        self.network.isolate(old.name)
        support.wait_until(lambda: len(beside.acknowledged(begin + 0.2)) > 10, "rows that nobody else has", PATIENCE, 0.05)
        old.kill()
        beside.stop()
        self.network.heal()
        self.taken_over(begin, old)
        self.steady(time.monotonic())
        new = self.writer.acknowledged()[-1].server
        started = time.monotonic()
        old.start()
        address = old.server.rpartition(":")[0]
        streams = (f"select from pg_stat_replication where client_addr = '{address}' and state = 'streaming' "
                   "and application_name <> 'pg_basebackup'")
        support.wait_until(lambda: self.sql(streams, new), "the old primary to stream", PATIENCE, 0.05)
        return time.monotonic() - started, 0.0

    def fill(self):
        self.whole()
        host, _, port = self.primary.server.rpartition(":")
        support.subprocess.run([os.path.join(support.POSTGRES_BIN, "pgbench"), "-i", "-q", "-s", str(DATABASE_SCALE),
                                "-h", host, "-p", port, "-U", "postgres", "postgres"], check=True,
                               stdout=support.subprocess.DEVNULL, stderr=support.subprocess.DEVNULL)
        # As some minutes after any load: it is the diverged WAL that is measured, not the recovery of the load.
        self.sql("CHECKPOINT", self.primary.server)
        self.whole()


# name -> (what is said, our limit in seconds, whether the peer has it too)
EVENTS = {
    "switchover": ("switchover", 0.5, True),
    "ended": ("primary ended with SIGTERM", 0.7, True),
    "postmaster": ("postmaster killed", 1.0, True),
    "machine": (f"whole primary killed, ttl {TTL:.0f} s", TTL + 0.7, True),
    "network_cut": (f"primary's network cut, ttl {TTL:.0f} s", TTL + 1.0, True),
    "agent_stopped": (f"agent stopped, postgres alive, ttl {TTL:.0f} s", TTL + 0.7, True),
    "leader": ("leading controller killed", 0.25, False),
    "record": (f"all controllers and etcd away for {CALM:.0f} s", 0.25, True),
    "rejoin": ("crashed primary of 1 GB with diverged WAL streams again", 5.0, True),
}
WITH_TWO_WRITERS = ("network_cut", "agent_stopped")


def measure_kind(kind, bench, events):
    """event -> what each run gave. After one that came to nothing the others get a cluster of their own."""
    found, run = {}, None
    try:
        for event in [it for it in events if kind is Ours or EVENTS[it][2]]:
            found[event] = []
            try:
                run = run or Run(kind, bench)
                if event == "rejoin":
                    run.fill()
                for number in range(RUNS):
                    found[event].append(getattr(run, event)())
                    support.note(f"{kind.name}, {event} {number + 1} of {RUNS}: {found[event][-1][0]:.2f} s, "
                                 f"two writers for {found[event][-1][1]:.2f} s")
            except Exception as error:  # the other figures are wanted all the same
                support.note(f"{kind.name}, {event}: {error}\n{run.kind.tail() if run else ''}")
                if run:
                    run.close()
                run = None
    finally:
        if run:
            run.close()
    return found


def median_of(found, event, part):
    values = [it[part] for it in found.get(event, [])]
    return statistics.median(values) if values else None


def row(event, ours, peer):
    what, limit, _ = EVENTS[event]
    mine, theirs = median_of(ours, event, 0), median_of(peer, event, 0)
    judged = f"<= {limit:g} s" + (f", {theirs / mine:.1f}x" if mine and theirs else "")
    return support.Row(what, f"Patroni {theirs:.2f} s" if theirs is not None else "",
                       f"{mine:.2f} s" if mine is not None else "not measured", judged,
                       mine is not None and mine <= limit)


def two_writers(event, ours, peer):
    worst = {name: max((it[1] for it in found.get(event, [])), default=None) for name, found in
             (("ours", ours), ("peer", peer))}
    shown = {name: f"{value:.2f} s" if value is not None else "" for name, value in worst.items()}
    return support.Row("  the worst: two writers in the same time", f"Patroni {shown['peer']}" if shown["peer"] else "",
                       shown["ours"] or "not measured", "0", worst["ours"] == 0)


def measure(bench, argument=""):
    words = [word for word in argument.split(",") if word]
    everything = not set(words) - {"ours", "peer"}
    events = [*EVENTS] if everything else [word for word in words if word in EVENTS]
    support.need(shutil.which("etcd") or "/usr/bin/etcd", "etcd-server")
    os.environ["PGBOSUN_PROGRAMS"] = bench.programs
    from patroni import Patroni
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    peer = measure_kind(Patroni, bench, events) if "ours" not in words else {}
    ours = measure_kind(Ours, bench, events) if "peer" not in words else {}
    for event in events:
        yield row(event, ours, peer)
        if event in WITH_TWO_WRITERS:
            yield two_writers(event, ours, peer)
    if everything or "promotion" in words:
        import promotion
        yield from promotion.measure(bench)
