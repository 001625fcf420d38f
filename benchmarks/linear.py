"""Backup and restore of a database of two, four and eight gigabytes: seconds for each gigabyte, which must not grow with it."""

import os
import shutil
import subprocess

import base_backup
import database
import support

RUNS = 3
MOST = 1.2  # times the smallest one's seconds for a gigabyte


def restored(bench, it):
    target = os.path.join(bench.place("restored-linear"), "pgdata")
    subprocess.run(["mkdir", "-m", "700", target], check=True, **support.account())
    bench.settle()
    seconds, _ = base_backup.timed([bench.program("pgbosun-archiver"), "restore", "--config", it.instance.config, "--target",
                                    target])
    shutil.rmtree(target)
    return seconds


def measure(bench):
    it = database.database_of(bench)
    it.archive_to("file://" + bench.place("archive-linear"),
                  data=f"compression: zstd, level: 1, max_parallel: {base_backup.WORKERS}")
    ours = base_backup.Ours(bench, it)
    seconds = {"backup": [], "restore": []}
    sizes = []
    for more in (0, 1, 2):
        for number in range(more):
            name = f"more{len(sizes)}{number}"
            it.run("createdb", name)
            it.run("pgbench", "-i", "-q", "-s", str(database.SCALE), name)
        it.run("psql", "-Xqc", "CHECKPOINT", "postgres")
        sizes.append(it.bytes() / 1e9)
        seconds["backup"].append(support.median([ours.run()[0] for _ in range(RUNS)]) / sizes[-1])
        seconds["restore"].append(support.median([restored(bench, it) for _ in range(RUNS)]) / sizes[-1])
        support.note(f"{sizes[-1]:.2f} GB: backup {seconds['backup'][-1]:.2f} s/GB, restore {seconds['restore'][-1]:.2f} s/GB")
    where = ", ".join(f"{size:.1f}" for size in sizes)
    for what, each in seconds.items():
        ratio = max(each) / each[0]
        yield support.Row(f"{what} of {where} GB in a directory", "", ", ".join(f"{it:.2f}" for it in each) + " s/GB",
                          f"{ratio:.2f} <= {MOST}", ratio <= MOST)
