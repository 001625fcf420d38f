"""What the archive_command itself costs: the backlog with all uploads done already, against /bin/true."""

import backlog
import support


class True_:
    def __init__(self, server):
        self.server = server

    def drain(self):
        return self.server.drain("/bin/true")

    def stop(self):
        pass


class UploadedAlready:
    """An archiver that has uploaded ahead all that waits, before PostgreSQL asks."""

    def __init__(self, bench, server):
        self.archiver = backlog.Archiver(bench, server, {"destination": "file://" + bench.place("archive")})
        self.archiver.may_archive()
        support.wait_until(lambda: self.archiver.backlog == 0 and self.archiver.archived >= backlog.SEGMENTS,
                           "the uploads", between=0.1)

    def drain(self):
        return self.archiver.server.drain(self.archiver.command)

    def stop(self):
        self.archiver.stop()


def measure(bench):
    server = backlog.server_of(bench)
    rates = backlog.compare(server, {"/bin/true": lambda: True_(server), "pgbosun-wal": lambda: UploadedAlready(bench, server)})
    ratio = rates["pgbosun-wal"] / rates["/bin/true"]
    yield support.Row(f"{backlog.SEGMENTS} segments, uploads done: pgbosun-wal archive",
                      f"/bin/true {rates['/bin/true']:.0f}/s", f"{rates['pgbosun-wal']:.0f}/s",
                      f"{ratio:.2f} >= 0.8", ratio >= 0.8)
