"""A full backup into a directory; pgBackRest beside it."""

import base_backup
import database


def measure(bench):
    it = database.database_of(bench)
    it.archive_to("file://" + bench.place("archive"), data=f"compression: zstd, level: 1, max_parallel: {base_backup.WORKERS}")
    ours = base_backup.Ours(bench, it)
    peer = base_backup.PgBackRest(bench, it, {"repo1-path": bench.place("repository")})
    yield from base_backup.rows("backup to a directory", it.bytes(), base_backup.compare(ours, peer))
