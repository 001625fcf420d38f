"""Giving a full backup back from a directory: ours, pgBackRest's, and `cp -a` of the data directory, in turn. Ours and
pgBackRest end with everything on disk; cp does not wait for it."""

import os
import shutil
import subprocess

import base_backup
import database
import support

RUNS = 3


class Restore:
    """`command` makes `target`, which is removed again outside of the measurement."""

    def __init__(self, bench, name, command):
        self.bench, self.name, self.command = bench, name, command

    def run(self):
        target = os.path.join(self.bench.place(f"restored-{self.name}"), "pgdata")
        subprocess.run(["mkdir", "-m", "700", target], check=True, **support.account())
        self.bench.settle()
        seconds, processor = base_backup.timed(self.command(target))
        if not os.path.exists(os.path.join(target, "global/pg_control")):
            raise RuntimeError(f"{self.name} has restored nothing")
        shutil.rmtree(target)
        os.sync()
        return seconds, processor


def compare(bench, it, peer, where):
    """Of one backup each, which `it` and `peer` have just made."""
    it.instance.stop()
    what = {
        "pgBackRest": Restore(bench, "peer", lambda target: peer.program + [f"--pg1-path={target}", "restore"]),
        "pgbosun": Restore(bench, "ours", lambda target: [bench.program("pgbosun-archiver"), "restore", "--config",
                                                          it.instance.config, "--target", target]),
        "cp -a": Restore(bench, "copy", lambda target: ["cp", "-a", f"{it.data}/.", target]),
    }
    measured = {name: [] for name in what}
    for _ in range(RUNS):
        for name, restore in what.items():
            measured[name].append(restore.run())
            support.note(f"restore from {where}, {name}: {measured[name][-1]} (s, s of processor)")
    median = {name: tuple(support.median(column) for column in zip(*values)) for name, values in measured.items()}
    ours, peers, copy = (median[name][0] for name in ("pgbosun", "pgBackRest", "cp -a"))
    size = f"{it.bytes() / 1e9:.2f} GB"
    yield support.Row(f"restore from {where}, {size}, zstd 1, {base_backup.WORKERS} workers", f"pgBackRest {peers:.1f} s",
                      f"{ours:.1f} s", f"{peers / ours:.2f} >= 2", peers / ours >= 2)
    yield support.Row("  against a copy", f"cp -a {copy:.1f} s", f"{ours:.1f} s", f"{ours / copy:.2f} <= 2.5",
                      ours / copy <= 2.5)


def measure(bench):
    it = database.database_of(bench)
    it.archive_to("file://" + bench.place("archive"), data=f"compression: zstd, level: 1, max_parallel: {base_backup.WORKERS}")
    base_backup.Ours(bench, it).run()
    peer = base_backup.PgBackRest(bench, it, {"repo1-path": bench.place("repository")})
    peer.run()
    yield from compare(bench, it, peer, "a directory")
