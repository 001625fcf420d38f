"""A running instance with a pgbench database, for what is measured of whole databases: backups and restores."""

import contextlib
import os
import subprocess

import support

SCALE = int(os.environ.get("PGBOSUN_BENCH_SCALE", "130"))  # of pgbench: 15 MB each


class Database:
    """One for all benchmarks of a run; the archive changes between two of its lives."""

    def __init__(self, bench):
        self.bench = bench
        self.instance = support.Instance(bench)
        with open(self.instance.config, encoding="utf-8") as file:
            self.text = file.read()
        self.data = f"{self.instance.place}/volume/pgdata"
        self.run_dir = f"{self.instance.place}/run"
        self.postgres_port = next(line.split()[1] for line in self.text.splitlines() if line.startswith("  port:"))
        self.archive_to("file://" + bench.place("archive"))
        support.note(f"pgbench database of scale {SCALE}")
        self.run("pgbench", "-i", "-q", "-s", str(SCALE), "postgres")
        self.run("psql", "-Xqc", "CHECKPOINT", "postgres")

    def archive_to(self, destination, more="", data=""):
        """Starts the instance with this archive, which was emptied on purpose if it held something."""
        self.instance.stop()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(f"{self.instance.place}/volume/pgbosun/known-archive")
        head, tail = self.text.split("archive:\n")
        rest = tail.split("\n", 1)[1]
        text = f"{head}archive:\n  destination: {destination}\n{more}  data: {{{data}}}\n{rest}"
        with open(self.instance.config, "w", encoding="utf-8") as file:
            file.write(text)
        self.instance.start()
        self.instance.wait_ready()

    def run(self, program, *arguments):
        path = os.path.join(support.POSTGRES_BIN, program)
        environment = os.environ | {"PGHOST": self.run_dir, "PGPORT": self.postgres_port, "PGUSER": "postgres"}
        subprocess.run([path, *arguments], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                       env=environment, cwd="/", **support.account())

    def bytes(self):
        done = subprocess.run(["du", "-sb", "--exclude=pg_wal", self.data], check=True, capture_output=True, text=True)
        return int(done.stdout.split()[0])


def database_of(bench):
    if not hasattr(bench, "database"):
        bench.database = Database(bench)
    return bench.database
