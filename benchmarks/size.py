"""The stripped size of what is shipped."""

import os

import support


def measure(bench):
    for name, limit in (("pgbosun", 4), ("pgbosun-wal", 1)):
        megabytes = os.path.getsize(bench.program(name)) / 1e6
        yield support.at_most(f"stripped size of {name}", "", megabytes, limit, "MB")
    archiver = os.path.getsize(bench.program("pgbosun-archiver")) / 1e6
    yield support.Row("stripped size of pgbosun-archiver", "", f"{archiver:.3g} MB", "", None)
