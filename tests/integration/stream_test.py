"""archive.stream: a row that was committed in a segment that never ended survives the loss of everything but the archive."""

import json
import os
import re
import shutil
import subprocess
import time
import types

import archives
import barman_backups
import base_backups as backups
import instance
from instance import Case, wait_for

SEGMENT = 16 << 20


def position(lsn):
    """(number of the segment, offset in it)"""
    high, low = (int(part, 16) for part in lsn.split("/"))
    return divmod(high << 32 | low, SEGMENT)


class Stream(Case):
    def shipped(self, it, segment):
        """How far the pieces of this segment reach, from its start on without a hole, of the newest generation."""
        top = f"{it.directory}/archive/orders/stream/{segment}"
        if not os.path.isdir(top):
            return 0
        pieces = [re.fullmatch(r"(\d{20})-([0-9A-F]{8})-([0-9A-F]{8})(\.\w+)?", name) for name in os.listdir(top)]
        pieces = [(piece[1], int(piece[2], 16), int(piece[3], 16)) for piece in pieces if piece]
        reached = 0
        for _, begin, end in sorted(piece for piece in pieces if piece[0] == max(each[0] for each in pieces)):
            if begin <= reached:
                reached = max(reached, end)
        return reached

    def commit(self, it, value):
        """Commits a row, and waits until its WAL is in the archive although its segment goes on; the segment's name."""
        it.sql(f"insert into noted values ({value})")
        lsn, segment = it.sql("select pg_current_wal_flush_lsn(), pg_walfile_name(pg_current_wal_flush_lsn())").split("|")
        wait_for(f"{lsn} in the stream\n{it.tail()}", lambda: self.shipped(it, segment) >= position(lsn)[1])
        return segment

    def test_a_committed_row_outlives_the_volume(self):
        it = self.existing({"postgresql": {"parameters": {"archive_timeout": "1h"}}})
        it.config["archive"] = {"destination": f"file://{it.directory}/archive", "stream": "200ms"}
        it.write_config()
        it.start().up()
        it.sql("create table noted(i int); insert into noted values (1)")
        self.assertEqual(backups.take(it).code, 0)
        segments = {self.commit(it, value) for value in (2, 3)}
        it.kill_everything()
        shutil.rmtree(it.volume)

        # What is lost is in the stream alone.
        self.assertEqual(len(segments), 1)
        self.assertFalse(segments & set(archives.wal_files(f"{it.directory}/archive")))

        new = self.make({
            "archive": {"destination": f"file://{it.directory}/archive", "server_name": "orders-2"},
            "bootstrap": {"recovery": {"source": {"destination": f"file://{it.directory}/archive",
                                                  "server_name": "orders"}}}})
        new.start().up()

        self.assertEqual(new.sql("select string_agg(i::text, ',' order by i) from noted"), "1,2,3")
        self.assertEqual(new.status()["timeline"], 2)

    def test_the_position_that_wal_verify_names_is_reached_by_a_recovery_to_it(self):
        it = self.existing({"postgresql": {"parameters": {"archive_timeout": "1h"}}})
        it.config["archive"] = {"destination": f"file://{it.directory}/archive", "stream": "200ms"}
        it.write_config()
        it.start().up()
        it.sql("create table noted(i int); insert into noted values (1)")
        self.assertEqual(backups.take(it).code, 0)
        self.commit(it, 2)
        it.kill_everything()
        said = subprocess.run([*instance.as_user(it.user), instance.PGBOSUN, "wal", "verify", "--json", "--config",
                               it.config_file], capture_output=True, text=True, check=False, cwd="/")
        self.assertEqual(said.returncode, 0, said.stdout + said.stderr)
        reached = json.loads(said.stdout)["recoverable_to_lsn"]
        self.assertNotRegex(reached, "000000$")
        shutil.rmtree(it.volume)

        # What PID 1 tells PostgreSQL must be reached as it is: the hint says what that is.
        recovery = {"target_lsn": reached, "source": {"destination": f"file://{it.directory}/archive", "server_name": "orders"}}
        refused = self.make({"archive": {"destination": f"file://{it.directory}/archive", "server_name": "orders-2"},
                             "bootstrap": {"recovery": recovery}})
        done = subprocess.run([*instance.as_user(it.user), backups.ARCHIVER, "restore", "--bootstrap", "--config",
                               refused.config_file], capture_output=True, text=True, check=False, cwd="/")
        self.assertEqual(done.returncode, 3, done.stdout + done.stderr)
        begin = re.search(r"target_lsn: ([0-9A-F]+/[0-9A-F]+), the begin of the last record", done.stdout + done.stderr)[1]
        self.assertLess(position(begin), position(reached))

        target = f"{it.directory}/restored"
        subprocess.run([*instance.as_user(it.user), backups.ARCHIVER, "restore", "--config", it.config_file, "--target", target,
                        "--to-lsn", reached], check=True, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        it.write_file(f"{target}/pgbosun.conf", "")
        it.write_file(f"{target}/pg_hba.conf", "local all all trust\n")
        server = barman_backups.Server(types.SimpleNamespace(directory=it.directory, servers=[]), target)
        self.addCleanup(server.stop)
        server.start(wait=False).promoted()
        self.assertEqual(server.sql("select string_agg(i::text, ',' order by i) from noted"), "1,2")

    def test_what_was_acknowledged_longer_ago_than_is_promised_is_in_the_archive(self):
        promised, generous = 1.0, 5.0
        it = self.existing({"postgresql": {"parameters": {"archive_timeout": "1h"}}})
        it.config["archive"] = {"destination": f"file://{it.directory}/archive", "stream": f"{promised:.0f}s"}
        it.write_config()
        it.start().up()
        it.sql("create table noted(i int)")
        self.assertEqual(backups.take(it).code, 0)
        self.commit(it, 0)

        acknowledged = {}
        began = time.monotonic()
        while time.monotonic() - began < 2 * generous:
            it.sql(f"insert into noted values ({len(acknowledged) + 1})")
            acknowledged[len(acknowledged) + 1] = time.monotonic()
        killed = time.monotonic()
        it.kill_everything()
        shutil.rmtree(it.volume)

        new = self.make({
            "archive": {"destination": f"file://{it.directory}/archive", "server_name": "orders-2"},
            "bootstrap": {"recovery": {"source": {"destination": f"file://{it.directory}/archive",
                                                  "server_name": "orders"}}}})
        new.start().up()
        there = {int(value) for value in new.sql("select i from noted").splitlines()}
        due = {value for value, at in acknowledged.items() if at < killed - generous}
        self.assertTrue(due)
        self.assertFalse(due - there)
        lost = [at for value, at in acknowledged.items() if value not in there]
        print(f"lost: {killed - min(lost) if lost else 0:.2f} s before the kill, of {promised} s that may be", flush=True)


if __name__ == "__main__":
    instance.main()
