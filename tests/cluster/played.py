"""Instances under `mode: managed` with the test in the controllers' place: it says who is the primary, as lies too."""

import json
import os
import shutil
import signal
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))

import instance  # noqa: E402
from instance import free_port, wait_for  # noqa: E402

from cluster import MEMORY, TOKEN, Member, Place  # noqa: E402

ROWS = "select coalesce(string_agg(i::text, ',' order by i), '') from t"


class Played:
    """`config` is merged into each instance's. Without an archive: nothing knows of a timeline but who is on it."""

    def __init__(self, size, config=None):
        self.directory = tempfile.mkdtemp(prefix="pgb-played-", dir=MEMORY)
        os.chmod(self.directory, 0o755)
        self.config = config or {}
        self.members = [self.make(f"pg-{number}") for number in range(1, size + 1)]

    def make(self, name, directory=None):
        directory = f"{self.directory}/{directory or name}"
        os.makedirs(directory)
        port = free_port()
        member = Member(Place(None, name), instance.merge({
            "mode": "managed", "lease": {"ttl": "1s"}, "http": {"listen": f"127.0.0.1:{free_port()}"},
            "postgresql": {"port": port, "parameters": {"wal_keep_size": "128MB"}},
        }, self.config), name, directory)
        member.port = port
        member.config["http"]["token_file"] = member.secret("token", TOKEN + "\n")
        member.config["postgresql"].setdefault("replication", {}).update(
            user="streaming_replica", password_file=member.secret("replication", "hush-hush\n"))
        member.write_config()
        return member

    def stop(self):
        for member in self.members:
            member.destroy()
        shutil.rmtree(self.directory, ignore_errors=True)

    def tail(self):
        return "".join(it.tail() for it in self.members)

    def assign(self, member, term, primary, upstream=None):
        """Says it to one of them alone. Nobody is promotable, so that a primary goes on without a controller."""
        said = wait_for(f"{member.name} answers", member.said)
        body = {"cluster": "orders", "instance": member.name, "term": term, "primary": primary.name,
                "promotable": {"version": term, "names": []},
                "synchronous": {"version": 0, "method": "any", "number": 0, "names": []},
                "peers": [{"name": it.name, "url": it.url, "conninfo": it.conninfo} for it in self.members],
                "former": "stopped", "at_least": {"term": 0, "timeline": 1, "lsn": "0/0"}}
        if primary is member:
            body["at_least"]["timeline"] = 0
            body["lease"] = {"boot_id": said["boot_id"], "monotonic_ms": said["monotonic_ms"], "ttl_ms": 3000}
        if upstream is not None:
            body["upstream"] = upstream.name
        answer = member.http("PUT", "/v1/assignment", json.dumps(body))
        if answer.status != 200:
            raise AssertionError(f"{member.name}: {answer}")

    def promote(self, member, term):
        self.assign(member, term, member)
        member.wait_status("it takes writes", lambda said: said["managed"]["serving"])

    def follow(self, member, term, primary, upstream=None):
        self.assign(member, term, primary, upstream)
        self.streams(member)

    def streams(self, member):
        member.wait_status("it streams", lambda said: said["role"] == "standby" and said["lsn"]["streaming"])

    def start(self, standbys):
        """A new cluster, whose first instance is the primary; the next ones are cloned from it."""
        one = self.members[0]
        one.start()
        self.promote(one, 1)
        one.sql("create table t(i int); insert into t values (1)")
        for member in self.members[1:standbys + 1]:
            member.start()
            self.follow(member, 1, one)
        return self.members

    def forget(self, member):
        """What the instance was told, while it is at rest: its next life waits for a controller."""
        os.remove(f"{member.volume}/pgbosun/assignment")

    @staticmethod
    def end(member):
        """Cleanly."""
        code = member.stop(signal.SIGINT)
        if code != 0:
            raise AssertionError(f"{member.name} ended with {code}\n{member.tail()}")

    @staticmethod
    def has(member, rows):
        wait_for(f"{member.name} has the rows {rows}", lambda: member.psql(ROWS).stdout.strip() == rows)

    @staticmethod
    def entries(member, begin="rejoin: "):
        """What its journal says that begins so."""
        return [it["what"] for it in member.http("GET", "/v1/journal").json["entries"] if it["what"].startswith(begin)]
