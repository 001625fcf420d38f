"""The backlog into a directory: zstd 1, two workers, fsync as each does it; pgBackRest asynchronous beside it."""

import backlog
import support


def measure(bench):
    server = backlog.server_of(bench)

    def ours():
        return backlog.Archiver(bench, server, {"destination": "file://" + bench.place("archive")})

    def peer():
        return backlog.PgBackRest(bench, server, {"repo1-path": bench.place("repository")})

    rates = backlog.compare(server, {"pgbosun": ours, "pgBackRest": peer})
    ratio = rates["pgbosun"] / rates["pgBackRest"]
    yield support.Row(f"{backlog.SEGMENTS} segments to a directory, zstd 1, 2 workers",
                      f"pgBackRest {rates['pgBackRest']:.1f}/s", f"{rates['pgbosun']:.1f}/s", f"{ratio:.2f} >= 2.5",
                      ratio >= 2.5)
