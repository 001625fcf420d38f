"""Giving a full backup back from S3 over TLS (s3rver): as restore_file.py."""

import backup_s3
import base_backup
import database
import drain_s3
import restore_file


def measure(bench):
    it = database.database_of(bench)
    store = drain_s3.S3rver(bench)
    bench.at_end(store.stop)
    backup_s3.archive_to(bench, it, store)
    base_backup.Ours(bench, it).run()
    peer = base_backup.PgBackRest(bench, it, drain_s3.repository(store))
    peer.run()
    yield from restore_file.compare(bench, it, peer, "S3")
