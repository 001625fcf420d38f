"""Full backups, ours and pgBackRest's, of the same database in turn. Both at the same low priority, which ours has
anyway, and with an immediate checkpoint; ours waits for the WAL it needs, pgBackRest is told not to."""

import os
import resource
import shutil
import subprocess
import time

import support

WORKERS = 2
NICE = ["nice", "-n", "10", "ionice", "-c", "2", "-n", "7"]


class Ours:
    def __init__(self, bench, database):
        self.command = NICE + [bench.program("pgbosun-archiver"), "backup", "--config", database.instance.config]

    def run(self):
        return timed(self.command)


class PgBackRest:
    def __init__(self, bench, database, repository):
        support.need("pgbackrest", "pgbackrest")
        place = bench.place("pgbackrest-backup")
        config = os.path.join(place, "pgbackrest.conf")
        with open(config, "w", encoding="utf-8") as file:
            file.write("[global]\n" + "".join(f"{key}={value}\n" for key, value in repository.items()) + f"""
process-max={WORKERS}
compress-type=zst
compress-level=1
start-fast=y
spool-path={place}/spool
lock-path={place}/lock
log-path={place}/log
log-level-console=warn
log-level-file=off
[bench]
pg1-path={database.data}
pg1-socket-path={database.run_dir}
pg1-port={database.postgres_port}
pg1-user=postgres
""")
        if os.geteuid() == 0:
            shutil.chown(config, "postgres", "postgres")
        program = [shutil.which("pgbackrest"), f"--config={config}", "--stanza=bench"]
        subprocess.run(program + ["stanza-create", "--no-online"], check=True, cwd=place, stdout=subprocess.DEVNULL,
                       **support.account())
        self.program = program
        self.command = NICE + program + ["backup", "--type=full", "--no-archive-check", "--repo1-retention-full=9"]

    def run(self):
        return timed(self.command)


def timed(command):
    """(seconds, seconds of processor)"""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begin = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, cwd="/", **support.account())
    seconds = time.monotonic() - begin
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stdout}{done.stderr}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def compare(ours, peer, runs=3):
    """Medians; the runs alternate, for the machine has other things to do."""
    measured = {"ours": [], "peer": []}
    for _ in range(runs):
        measured["peer"].append(peer.run())
        measured["ours"].append(ours.run())
        support.note(f"ours {measured['ours'][-1]}, pgBackRest {measured['peer'][-1]} (s, s of processor)")
    return {name: tuple(support.median(column) for column in zip(*values)) for name, values in measured.items()}


def rows(what, size, medians):
    (ours, our_processor), (peer, peer_processor) = medians["ours"], medians["peer"]
    ratio = peer / ours
    yield support.Row(f"{what}, {size / 1e9:.2f} GB, zstd 1, {WORKERS} workers", f"pgBackRest {peer:.1f} s", f"{ours:.1f} s",
                      f"{ratio:.2f} >= 1.8", ratio >= 1.8)
    yield support.Row("  processor", f"{peer_processor:.1f} s", f"{our_processor:.1f} s",
                      f"{peer_processor / our_processor:.2f}", None)
