"""A full backup to S3 over TLS (s3rver); pgBackRest beside it, each to an empty store."""

import base_backup
import database
import drain_s3


def archive_to(bench, it, store, workers=base_backup.WORKERS):
    it.archive_to("s3://bucket/ours", data=f"compression: zstd, level: 1, max_parallel: {workers}",
                  more=f"""  endpoint_url: https://localhost:{store.port}
  endpoint_ca: {store.ca}
  credentials: {{access_key_id_file: {key_file(bench)}, secret_access_key_file: {key_file(bench)}}}
""")


def measure(bench):
    it = database.database_of(bench)
    store = drain_s3.S3rver(bench)
    bench.at_end(store.stop)
    archive_to(bench, it, store)
    ours = base_backup.Ours(bench, it)
    peer = base_backup.PgBackRest(bench, it, drain_s3.repository(store))
    yield from base_backup.rows("backup to S3", it.bytes(), base_backup.compare(ours, peer))


def key_file(bench):
    path = bench.directory + "/s3-key"
    with open(path, "w", encoding="utf-8") as file:
        file.write(drain_s3.KEY)
    return path
