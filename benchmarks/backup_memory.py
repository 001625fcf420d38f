"""The most memory that a backup with four workers ever has: VmHWM of the job, looked at until its end."""

import subprocess

import database
import support


def measure(bench):
    it = database.database_of(bench)
    it.archive_to("file://" + bench.place("archive"), data="compression: zstd, level: 1, max_parallel: 4")
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
    yield support.at_most(f"VmHWM of a backup of {it.bytes() / 1e9:.2f} GB, 4 workers", "", highest / 1024, 128, "MB")


def high_water_mark(pid):
    """kB; 0 when it has ended."""
    try:
        with open(f"/proc/{pid}/status", encoding="utf-8") as file:
            return next((int(line.split()[1]) for line in file if line.startswith("VmHWM")), 0)
    except (FileNotFoundError, ProcessLookupError):
        return 0
