"""No hole in the archive after a failover: what the dead primary had not archived, its standby does; and what only the old
primary has, it archives when it comes back."""

import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cluster"))

import archives
import base_backups
import instance
import join_test
from cluster import Cluster
from instance import as_user, wait_for


class Store:
    """An archive in a directory that can be away."""

    def __init__(self, path):
        self.path = path

    def leave(self):
        os.chmod(self.path, 0)

    def come_back(self):
        os.chmod(self.path, 0o700)


def verify(it):
    """What `pgbosun wal verify` says of the instance's archive."""
    done = subprocess.run(as_user(it.user) + [base_backups.ARCHIVER, "wal", "verify", "--json", "--config", it.config_file],
                          capture_output=True, text=True, check=False, cwd="/", timeout=120)
    return json.loads(done.stdout)


def segments_below(it, timeline):
    """The whole segments of a timeline that PostgreSQL marked in pg_wal, whatever the mark."""
    names = os.listdir(f"{it.data_directory}/pg_wal/archive_status")
    return {name.split(".")[0] for name in names if archives.is_segment(name.split(".")[0]) and name.startswith(timeline)}


class Promotion(join_test.Pair):
    def test_what_a_dead_primary_had_not_archived_its_standby_archives(self):
        one = self.primary()
        two = self.standby(one)
        store = Store(one.archive)
        one.start().up()
        base_backups.finish(base_backups.start(one))
        two.start()
        self.streams(two)
        archives.wait_archived(one, archives.switch(one))
        store.leave()
        names = [archives.switch(one) for _ in range(4)]
        end = one.sql("select pg_current_wal_flush_lsn()")
        wait_for("the standby has it all", lambda: two.sql(f"select pg_last_wal_receive_lsn() >= '{end}'") == "t")
        wait_for("its marks say that it is archived", lambda: set(names) <= archives.acknowledged(two))
        one.kill_everything()
        # As a receiver leaves it that ended exactly at the segment's end.
        os.unlink(f"{two.data_directory}/pg_wal/archive_status/{names[-1]}.done")

        # An archive that is away holds no promotion up: a restore command that waits for it would, half a minute for each file.
        answer = two.http("POST", "/v1/promote?wait=60s")
        self.assertEqual(answer.status, 200, answer)
        two.up()
        store.come_back()
        self.assertFalse(set(names) & set(archives.wal_files(store.path)), "else this shows nothing")

        for name in names:
            archives.wait_archived(two, name)
        archives.wait_archived(two, archives.switch(two))
        files = archives.wal_files(store.path)
        self.assertLessEqual(set(names) | {"00000002.history"}, set(files))
        archives.check_acknowledged(two, store.path)
        found = verify(two)
        self.assertEqual((found["recoverable"], found["hole_count"]), (True, 0), found)
        what = [entry["what"] for entry in two.http("GET", "/v1/journal").json["entries"] if entry["kind"] == "archive"]
        self.assertIn("WAL that the former primary may not have archived is archived by this instance", what)

    def test_what_the_standby_did_not_get_whole_is_not_archived_as_whole(self):
        one = self.primary()
        two = self.standby(one)
        one.start().up()
        two.start()
        self.streams(two)
        archives.wait_archived(one, archives.switch(one))
        one.sql("create table half(i int)")
        self.assertEqual(one.stop(), 0)
        two.wait_status("it no longer streams", lambda status: not status["lsn"]["streaming"])
        high, low = two.sql("select pg_last_wal_receive_lsn()").split("/")
        last = f"00000001{int(high, 16):08X}{int(low, 16) >> 24:08X}"
        # As its receiver does where its upstream's timeline ends.
        two.write_file(f"{two.data_directory}/pg_wal/archive_status/{last}.done", "", 0o600)

        self.assertEqual(two.http("POST", "/v1/promote?wait=60s").status, 200)
        two.up()
        archives.wait_archived(two, archives.switch(two))

        whole = {name for name in archives.wal_files(one.archive) if archives.is_segment(name)}
        fork = two.sql("select pg_walfile_name(split_part(convert_from(pg_read_binary_file('pg_wal/00000002.history'), "
                       "'UTF8'), E'\\t', 2)::pg_lsn)")
        self.assertEqual(last[8:], fork[8:], "else this shows nothing")
        self.assertNotIn(last, archives.waiting(two))
        self.assertFalse({name for name in whole if name.startswith("00000001") and name[8:] >= fork[8:]}, (whole, fork))


class Parted(instance.Case):
    member_config = {"bootstrap": {"initdb": {"data_checksums": True}}}

    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(size=2, controllers=1, member_config=cls.member_config)
        cls.addClassCleanup(cls.cluster.stop)
        cls.cluster.start()
        cls.cluster.wait_whole()
        cls.store = Store(f"{cls.cluster.directory}/archive")

    def tearDown(self):
        if instance.has_failed(self):
            print(self.cluster.tail(), flush=True)

    def split(self, last=lambda primary: None):
        """A primary dies that has segments which no other has and no archive. It, the names, and their bytes. `last`: what is
        done with it before."""
        before = self.cluster.wait_whole()
        standby = next(it for it in self.cluster.members if it is not before)
        archives.wait_archived(before, archives.switch(before))
        receiver = int(standby.sql("select pid from pg_stat_wal_receiver"))
        os.kill(receiver, instance.signal.SIGSTOP)
        self.addCleanup(instance.send, receiver, instance.signal.SIGCONT)
        self.store.leave()
        self.addCleanup(self.store.come_back)
        # The sockets between the two hold up to 36 MB.
        names = [archives.switch(before) for _ in range(6)]
        wait_for("they wait", lambda: set(names) <= archives.waiting(before))
        last(before)
        before.kill()
        standby.sql(f"select pg_terminate_backend({receiver})")
        instance.send(receiver, instance.signal.SIGCONT)
        content = {}
        for name in names:
            with open(f"{before.data_directory}/pg_wal/{name}", "rb") as file:
                content[name] = file.read()
        # A standby that is promoted waits for a store that is away before it gives up looking for more WAL there.
        self.store.come_back()
        wait_for("another primary serves", lambda: self.cluster.primary() not in (None, before))
        names = names[3:]
        self.assertFalse(set(names) & segments_below(self.cluster.primary(), names[0][:8]), "the other one has them too")
        return before, names, content

    @staticmethod
    def said(it):
        """What its journal has."""
        return [entry["what"] for entry in it.http("GET", "/v1/journal").json["entries"]]


class Rejoin(Parted):
    def told(self, it):
        """What it says of WAL that is not in the archive."""
        return [entry for entry in it.http("GET", "/v1/journal").json["entries"]
                if entry["what"].startswith("WAL that only this instance has is not in the archive: ")]

    def test_what_only_the_old_primary_has_is_in_the_archive_after_its_rejoin(self):
        before, names, content = self.split()
        self.assertFalse(set(names) & set(archives.wal_files(self.store.path)), "else this shows nothing")

        before.start()
        self.cluster.wait_whole()

        files = archives.wal_files(self.store.path)
        for name in names:
            self.assertEqual(archives.decoded(files[name]), content[name], name)
        entries = self.said(before)
        self.assertIn("WAL that only this instance had to archive is archived", entries)
        self.assertTrue(any(what.startswith("rejoin: rewind") for what in entries), entries)
        self.assertFalse(os.path.exists(f"{before.volume}/pgbosun/unarchived"))

    def test_what_cannot_be_archived_is_kept_and_told_and_the_old_primary_follows(self):
        before, names, content = self.split()
        self.store.leave()

        before.start()
        before.wait_status("it says what it does", lambda status: (status["progress"] or {}).get("what") ==
                           "archiving what only this instance has")
        told = wait_for("it says what is not in the archive", lambda: self.told(before))
        self.store.come_back()
        self.cluster.wait_whole()

        kept = f"{before.volume}/pgbosun/unarchived"
        for name in names:
            with open(f"{kept}/{name}", "rb") as file:
                self.assertEqual(file.read(), content[name], name)
        self.assertEqual(len(told), 1, told)
        self.assertIn(names[-1], told[0]["what"])
        self.assertIn(kept, told[0]["what"])


class Removed(Parted):
    """Nobody keeps WAL for who is away; the archive has it."""

    member_config = {**Parted.member_config, "postgresql": {"parameters": {"wal_keep_size": "0"}},
                     "replication_slots": {"high_availability": {"enabled": False}}}

    @staticmethod
    def checkpoint(primary):
        """The WAL that its recovery would begin with."""
        primary.sql("checkpoint")
        return primary.sql("select pg_walfile_name(redo_lsn) from pg_control_checkpoint()")

    def remove(self, primary, segment):
        primary.sql("checkpoint")
        wait_for(f"{primary.name} has removed {segment}", lambda: not os.path.exists(f"{primary.data_directory}/pg_wal/{segment}"))

    def clones(self, it):
        return [what for what in self.said(it) if what.startswith(("clone", "rejoin: reclone"))]

    def test_pg_rewind_takes_from_the_archive_what_the_old_primary_has_removed(self):
        before = self.cluster.wait_whole()
        clones = self.clones(before)
        common = self.checkpoint(before)

        self.split(last=lambda it: self.remove(it, common))
        before.start()
        self.cluster.wait_whole()

        self.assertTrue(any(what.startswith("rejoin: rewind") for what in self.said(before)), self.said(before))
        self.assertEqual(self.clones(before), clones)

    def test_a_standby_that_was_away_replays_from_the_archive_what_its_primary_has_removed(self):
        primary = self.cluster.wait_whole()
        standby = next(it for it in self.cluster.members if it is not primary)
        clones = self.clones(standby)
        standby.kill()
        missed = archives.switch(primary)
        for name in (missed, archives.switch(primary), archives.switch(primary)):
            archives.wait_archived(primary, name)
        self.remove(primary, missed)

        standby.start()

        self.assertIs(self.cluster.wait_whole(), primary)
        self.assertIn(f'restored log file \\"{missed}\\" from archive', standby.log())
        self.assertEqual(self.clones(standby), clones)


if __name__ == "__main__":
    instance.main()
