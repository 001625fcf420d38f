"""A backup is restored and recovers to every sort of target; what cannot be reached fails and is never promoted."""

import os
import re
import signal
import subprocess
import unittest

import barman_backups as backups
import instance
from barman_backups import Place, Server, run
from instance import DEADLINE, SHORT_STATE, as_user, bin_dir, wait_for


class FullCircle(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        place = cls.place = Place()
        cls.addClassCleanup(place.destroy)
        server = cls.server = Server.initialise(place).start()
        fast = cls.fast = place.new("fast")
        run("mkdir", fast)
        server.sql("create table t(i int)")
        server.sql(f"create tablespace fast location '{fast}'")
        server.sql("create table in_fast(i int) tablespace fast; insert into in_fast select generate_series(1, 1000)")
        server.sql("create table large as select i, repeat('x', 500) from generate_series(1, 20000) i")
        # As Debian's package has it in /etc, from where only the file itself comes along.
        server.configure("include_dir = 'conf.d'\n")
        cls.backup = server.backup("20261121T010000")
        server.sql("insert into t values (1)")
        cls.after_1 = server.sql("select now()")
        cls.xid = server.sql("begin; insert into t values (2); select pg_current_xact_id(); commit")
        cls.lsn = server.sql("select pg_current_wal_lsn()")
        server.sql("select pg_create_restore_point('before three')")
        server.sql("insert into t values (3)")
        cls.last = server.switch()
        server.stop()

    def recovered(self, *options):
        """The rows of t, after recovery."""
        target, _ = self.place.restore(f"--tablespace=fast={self.place.new('moved')}", *options)
        it = Server(self.place, target).start(wait=False).promoted()
        self.assertEqual(it.sql("select count(*), sum(i) from in_fast"), "1000|500500")
        self.assertEqual(it.sql("select count(*) from large"), "20000")
        rows = it.sql("select string_agg(i::text, ',' order by i) from t")
        self.assertEqual(it.sql("select timeline_id from pg_control_checkpoint()"), "2")
        it.stop()
        run(f"{bin_dir()}/pg_checksums", "--check", "-D", target)
        return rows

    def test_the_latest(self):
        self.assertEqual(self.recovered(), "1,2,3")

    def test_a_time(self):
        self.assertEqual(self.recovered("--to-time", self.after_1), "1")

    def test_a_transaction(self):
        self.assertEqual(self.recovered("--backup", self.backup, "--to-xid", self.xid), "1,2")

    def test_before_a_transaction(self):
        self.assertEqual(self.recovered("--backup", self.backup, "--to-xid", self.xid, "--exclusive"), "1")

    def test_a_position(self):
        self.assertEqual(self.recovered("--to-lsn", self.lsn), "1,2")

    def test_a_restore_point(self):
        self.assertEqual(self.recovered("--backup", self.backup, "--to-name", "before three"), "1,2")

    def test_as_soon_as_it_is_consistent(self):
        self.assertEqual(self.recovered("--to-immediate"), "")

    def test_a_target_beyond_the_archive_is_refused_or_fails_and_is_never_promoted(self):
        for options in (["--backup", self.backup, "--to-xid", "4000000"], ["--backup", self.backup, "--to-name", "nobody made it"]):
            with self.subTest(options):
                target, done = self.place.restore(f"--tablespace=fast={self.place.new('moved')}", *options, check=False)
                if done.returncode != 0:
                    self.assertEqual(done.returncode, 3)
                    continue
                log = Server(self.place, target).start(wait=False).gone()
                self.assertIn("recovery ended before configured recovery target was reached", log)
                self.assertNotIn("selected new timeline", log)

    def test_a_time_without_its_zone_is_refused(self):
        target, done = self.place.restore("--to-time", "2026-11-21 10:00:00", check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("time zone", done.stdout)
        self.assertFalse(os.path.exists(target))

    def test_an_archive_that_is_away_stops_no_recovery_and_promotes_nobody(self):
        target, _ = self.place.restore(f"--tablespace=fast={self.place.new('moved')}")
        away = f"{self.place.directory}/away"
        os.rename(self.place.archive, away)
        try:
            it = Server(self.place, target).start(wait=False)
            wait_for("the first attempt", lambda: "WAL could not be fetched" in it.log())
            self.assertNotIn("selected new timeline", it.log())
        finally:
            os.rename(away, self.place.archive)
        it.promoted()
        self.assertEqual(it.sql("select count(*) from t"), "3")
        it.stop()

    def met_in_its_middle(self):
        """A restore that is stopped (SIGSTOP) after its first file and before its last; its words, and its target."""
        for _ in range(20):
            target, moved = self.place.new("restored"), self.place.new("moved")
            words = [backups.ARCHIVER, "restore", "--config", self.place.config(), "--target", target,
                     "--tablespace", f"fast={moved}"]
            restore = subprocess.Popen([*as_user(backups.USER), *words], stdout=subprocess.PIPE, text=True)
            self.addCleanup(restore.stdout.close)
            wait_for("the first file", lambda: os.path.exists(f"{target}/pgbosun.restore") or restore.poll() is not None,
                     pause=SHORT_STATE)
            restore.send_signal(signal.SIGSTOP)
            wait_for("it stops", lambda: instance.process_state(restore.pid) in ("T", "Z"))
            if os.path.exists(f"{target}/pgbosun.restore") and not os.path.exists(f"{target}/global/pg_control"):
                return restore, words, target, moved
            restore.send_signal(signal.SIGCONT)
            restore.communicate(timeout=DEADLINE)
        self.fail("it was never met in its middle")

    def test_a_killed_restore_leaves_nothing_that_starts_and_the_next_one_begins_anew(self):
        restore, words, target, _ = self.met_in_its_middle()

        restore.kill()
        restore.wait()

        self.assertTrue(os.path.exists(f"{target}/pgbosun.restore"))
        self.assertFalse(os.path.exists(f"{target}/global/pg_control"))
        run(*words)
        it = Server(self.place, target).start(wait=False).promoted()
        self.assertEqual(it.sql("select count(*) from t"), "3")
        it.stop()

    def test_a_restore_that_is_cancelled_leaves_nothing(self):
        for _ in range(10):
            restore, _, target, moved = self.met_in_its_middle()
            restore.send_signal(signal.SIGTERM)
            restore.send_signal(signal.SIGCONT)
            said, _ = restore.communicate(timeout=DEADLINE)
            if restore.returncode != 0:  # else it was about to end
                break

        self.assertEqual(restore.returncode, 1, said)
        self.assertIn("the restore was cancelled", said)
        self.assertFalse(os.path.exists(target))
        self.assertFalse(os.path.exists(moved))

    def test_a_whole_backup_verifies_and_every_damage_is_named(self):
        done = self.place.archiver("verify", self.backup)
        self.assertIn("segments of WAL were read", done.stdout)

        base = f"{self.place.archive}/orders/base/{self.backup}"
        segment = f"{self.place.archive}/orders/wals/{self.last[:16]}"
        first = sorted(name for name in os.listdir(segment) if len(name) == 24)
        with open(f"{base}/backup.info", encoding="utf-8") as file:
            begin = [line for line in file if line.startswith("begin_wal")][0].strip().split("=")[1]
        self.assertIn(begin, first)
        os.rename(f"{segment}/{begin}", f"{segment}/hidden")
        with open(f"{base}/data.tar", "r+b") as tar:
            tar.seek(-4096, os.SEEK_END)
            end = tar.read()
            tar.seek(-4096, os.SEEK_END)
            tar.truncate()
        try:
            done = self.place.archiver("verify", self.backup, check=False)
        finally:
            os.rename(f"{segment}/hidden", f"{segment}/{begin}")
            with open(f"{base}/data.tar", "ab") as tar:
                tar.write(end)
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"{begin} is missing", done.stderr)
        self.assertIn("data.tar", done.stderr)


class TheEnd(unittest.TestCase):
    """What pgbosun says is possible is reached: the archive's end, and what lies before a hole."""

    @classmethod
    def setUpClass(cls):
        place = cls.place = Place()
        cls.addClassCleanup(place.destroy)
        server = Server.initialise(place).start()
        server.sql("create table t(i int)")
        server.backup("20261121T010000")
        cls.segments = []
        for value in (1, 2, 3):
            server.sql(f"insert into t values ({value})")
            cls.segments.append(server.switch())
        # What pg_current_wal_lsn() shows after the last commit, at a segment's end.
        cls.end = f"0/{int(cls.segments[2][16:], 16) + 1:X}000000"
        server.stop()

    def rows(self, *options):
        target, _ = self.place.restore(*options)
        it = Server(self.place, target).start(wait=False).promoted()
        rows = it.sql("select string_agg(i::text, ',' order by i) from t")
        it.stop()
        return rows

    def test_the_position_at_the_end_of_the_archive_is_reached(self):
        self.assertEqual(self.rows("--to-lsn", self.end), "1,2,3")
        self.assertEqual(self.rows("--to-lsn", self.end, "--exclusive"), "1,2,3")

    def test_everything_before_a_hole_is_recovered_as_the_hint_says(self):
        path = f"{self.place.archive}/orders/wals/{self.segments[2][:16]}/{self.segments[1]}"
        os.rename(path, f"{path}.away")
        try:
            _, refused = self.place.restore(check=False)
            self.assertEqual(refused.returncode, 3, refused.stdout)
            self.assertIn(f"it lacks {self.segments[1]}", refused.stdout)
            possible = re.search(r"possible up to ([0-9A-F/]+): give that as target", refused.stdout)[1]
            said = run(backups.ARCHIVER, "wal", "verify", "--config", self.place.config(), check=False)
            self.assertEqual(said.returncode, 1)
            self.assertIn(f" to {possible}, whole segments to the end of", said.stdout)
            self.assertIn(f"hole at {self.segments[1]}", said.stdout)
            self.assertEqual(self.rows("--to-lsn", possible), "1")
        finally:
            os.rename(f"{path}.away", path)


if __name__ == "__main__":
    instance.main()
