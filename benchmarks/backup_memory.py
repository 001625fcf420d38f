"""The most memory that a backup with four workers ever has: VmHWM of the job, looked at until its end. To a directory, and to S3
over TLS (s3rver)."""

import subprocess

import backup_s3
import database
import drain_s3
import support

WORKERS = 4


def measure(bench):
    it = database.database_of(bench)
    it.archive_to("file://" + bench.place("archive"), data=f"compression: zstd, level: 1, max_parallel: {WORKERS}")
    yield row(bench, it, "a directory")
    store = drain_s3.S3rver(bench)
    bench.at_end(store.stop)
    backup_s3.archive_to(bench, it, store, WORKERS)
    yield row(bench, it, "S3")


def row(bench, it, where):
    job = subprocess.Popen([bench.program("pgbosun-archiver"), "backup", "--config", it.instance.config], cwd="/",
                           stdout=subprocess.DEVNULL, **support.account())
    highest = 0
    while job.poll() is None:
        highest = max(highest, high_water_mark(job.pid))
        try:
            job.wait(0.02)
        except subprocess.TimeoutExpired:
            continue
    if job.returncode != 0:
        raise RuntimeError("the backup failed")
    what = f"VmHWM of a backup of {it.bytes() / 1e9:.2f} GB to {where}, {WORKERS} workers"
    return support.at_most(what, "", highest / 1024, 128, "MB")


def high_water_mark(pid):
    """kB; 0 when it has ended."""
    try:
        with open(f"/proc/{pid}/status", encoding="utf-8") as file:
            return next((int(line.split()[1]) for line in file if line.startswith("VmHWM")), 0)
    except (FileNotFoundError, ProcessLookupError):
        return 0
