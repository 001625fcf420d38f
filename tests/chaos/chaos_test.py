"""Real PostgreSQL under faults: what was acknowledged is there, never two primaries, and one cluster again at the end.

Three instances, etcd and two controllers, each on a machine of its own (a network and a PID namespace), a client that
writes through all three servers and one beside each of them. Faults come one upon another, drawn from a seed that is printed.

    PGBOSUN_TEST_SEED=7                the faults of a run again (not the moments at which processes meet them); CI has
                                       its own, all other runs one by chance
    PGBOSUN_CHAOS_SECONDS=7200         for how long, 60 unless said
    PGBOSUN_CHAOS_KEEP=DIRECTORY       all logs of a run that fails
    PGBOSUN_CHAOS_ASYNCHRONOUS=1       without synchronous replication: what is lost is said, and is no failure

Exits with 77 when it is not root's, or there is no etcd.
"""

import os
import random
import shutil
import sys
import tempfile
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "cluster"), os.path.join(HERE, "..", "integration")]

import cluster  # noqa: E402
import faults  # noqa: E402
import instance  # noqa: E402
import network  # noqa: E402
import writer  # noqa: E402

SECONDS = float(os.environ.get("PGBOSUN_CHAOS_SECONDS", "60"))
SEED_OF_CI = 7
SEED = int(os.environ.get("PGBOSUN_TEST_SEED") or
           (SEED_OF_CI if os.environ.get("CI") else int.from_bytes(os.urandom(4), "little")))
KEEP = os.environ.get("PGBOSUN_CHAOS_KEEP")
SYNCHRONOUS = None if os.environ.get("PGBOSUN_CHAOS_ASYNCHRONOUS") else \
    {"method": "any", "number": 1, "data_durability": "required"}
SHORTEST, LONGEST = 0.2, 8.0  # of a fault, in seconds
MOST_AT_ONCE = 2
WHOLE_AGAIN = 60.0  # seconds after the last fault


def note(begin, text):
    print(f"{time.monotonic() - begin:8.2f} s  {text}", flush=True)


class Chaos(unittest.TestCase):
    def setUp(self):
        self.network = network.Network()
        self.addCleanup(self.network.close)
        directory = tempfile.mkdtemp(prefix="pgb-chaos-", dir=cluster.MEMORY)
        self.addCleanup(shutil.rmtree, directory, True)
        self.disks = faults.Disks()
        self.addCleanup(self.disks.close)
        self.cluster = cluster.Cluster(self.network, synchronous=SYNCHRONOUS, directory=directory)
        self.addCleanup(self.cluster.stop)
        self.addCleanup(self.tell)
        self.disks.give(self.cluster.members)
        faults.Clocks(self.cluster)
        self.random = random.Random(SEED)
        self.faults = faults.Faults(self.cluster, self.random)

    def tell(self):
        if instance.has_failed(self):
            print(f"the seed was {SEED}\n{self.cluster.tail()}", file=sys.stderr)
            if KEEP:
                self.cluster.keep_logs(KEEP)

    def begin_writing(self):
        self.writers = [self.cluster.write()]
        self.writers += [self.cluster.write(f"beside-{it.name}", [it.server], it.name) for it in self.cluster.members]
        for it in self.writers:
            self.addCleanup(it.stop)
        instance.wait_for("a first row", self.writers[0].acknowledged)

    def rage(self):
        """Faults for as long as was asked; each is mended before the end."""
        begin = time.monotonic()
        under_way = []  # (when it ends, its name, how it is mended)
        while time.monotonic() < begin + SECONDS or under_way:
            for fault in sorted((it for it in under_way if it[0] <= time.monotonic()), key=lambda it: it[0]):
                under_way.remove(fault)
                fault[2]()
                note(begin, f"over: {fault[1]}")
            if len(under_way) < MOST_AT_ONCE and time.monotonic() < begin + SECONDS:
                name, it = self.faults.draw()
                lasts = self.random.uniform(SHORTEST, LONGEST)
                what = f"{name.replace('_', ' ')}: {it.name}"
                if not any(other[1] == what for other in under_way):
                    note(begin, f"{what}, for {lasts:.1f} s")
                    under_way.append((time.monotonic() + lasts, what, self.faults.begin(name, it)))
            pause = self.random.choice((0.1, 1.0, 4.0))
            time.sleep(min([pause] + [max(0.0, it[0] - time.monotonic()) for it in under_way]))
        self.faults.mend()
        note(begin, "all is mended")

    def check(self):
        rows = [row for it in self.writers for row in it.rows()]
        acknowledged = sum(row.acknowledged is not None for row in rows)
        reigns = writer.reigns(rows)
        print(f"{acknowledged} rows acknowledged by {len(reigns)} primaries in turn", flush=True)
        self.assertEqual(writer.overlaps(rows), [], "two primaries took commits in the same time")
        primary = self.cluster.primary()
        there = {it: set(map(int, primary.sql(f"select id from acknowledged where label = '{it.label}'").split()))
                 for it in self.writers}
        lost = {it.label: sorted({row.number for row in it.acknowledged()} - there[it]) for it in self.writers}
        lost = {label: numbers for label, numbers in lost.items() if numbers}
        strangers = {it.label: there[it] - {row.number for row in it.rows()} for it in self.writers}
        self.assertEqual({label: numbers for label, numbers in strangers.items() if numbers}, {}, "rows that nobody sent")
        if SYNCHRONOUS is None:
            print(f"lost, as replication is asynchronous: { {label: len(numbers) for label, numbers in lost.items()} }")
        else:
            self.assertEqual(lost, {}, "acknowledged, and not there")
        sums = "select count(*) || ' ' || coalesce(sum(hashtext(label || id)), 0) from acknowledged"
        expected = primary.sql(sums)
        for it in self.cluster.members:
            instance.wait_for(f"{it.name} to hold the same rows", lambda it=it: it.sql(sums) == expected)

    def test_what_was_acknowledged_is_kept_and_one_primary_is_left(self):
        print(f"seed {SEED}, {SECONDS:.0f} s of faults", flush=True)
        self.cluster.start()
        self.cluster.prepare_writes()
        self.begin_writing()

        self.rage()

        mended = time.monotonic()
        self.cluster.wait_whole(WHOLE_AGAIN)
        print(f"whole {time.monotonic() - mended:.1f} s after the last fault", flush=True)
        written = time.monotonic()
        instance.wait_for("writes go on", lambda: self.writers[0].acknowledged(written))
        for it in self.writers:
            it.stop()
        self.check()


if __name__ == "__main__":
    if cluster.ETCD is None:
        print("SKIPPED: there is no etcd (Debian's package is etcd-server; PGBOSUN_ETCD names its program)")
        sys.exit(77)
    if not os.path.exists(faults.STEPPED_CLOCK):
        print(f"SKIPPED: {faults.STEPPED_CLOCK} is not there, without which no clock can be stepped")
        sys.exit(77)
    try:
        network.Network().close()
    except network.Impossible as error:
        print(f"SKIPPED: {error}")
        sys.exit(77)
    instance.main()
