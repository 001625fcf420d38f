"""The backlog into a directory: zstd 1, two workers, fsync as each does it; pgBackRest asynchronous beside it, and the
loop that does nothing else to the same files."""

import backlog
import support


def measure(bench):
    server = backlog.server_of(bench)

    def ours():
        return backlog.Archiver(bench, server, {"destination": "file://" + bench.place("archive")})

    def peer():
        return backlog.PgBackRest(bench, server, {"repo1-path": bench.place("repository")})

    def loop():
        return backlog.BareLoop(bench, server)

    rates = backlog.compare(server, {"pgbosun": ours, "pgBackRest": peer, "the bare loop": loop})
    what = f"{backlog.SEGMENTS} segments to a directory, zstd 1, 2 workers"
    for who, least in (("pgBackRest", 3), ("the bare loop", 0.85)):
        ratio = rates["pgbosun"] / rates[who]
        yield support.Row(what, f"{who} {rates[who]:.1f}/s", f"{rates['pgbosun']:.1f}/s", f"{ratio:.2f} >= {least}",
                          ratio >= least)
