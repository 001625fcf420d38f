"""A standby that clones its primary, follows it, outlives its absence, is promoted; a primary that is demoted."""

import os
import unittest

import archives
import instance
import metrics_test
from instance import Case, wait_for


class Pair(Case):
    def primary(self, **config):
        options = {"postgresql": {"parameters": {"wal_keep_size": "128MB"}}, "metrics": {"cache_time": "1s"}, **config}
        it = self.make(options, name="pg-1")
        password = it.secret("replication", "hush-hush\n")
        it.config["postgresql"]["replication"] = {"user": "streaming_replica", "password_file": password}
        it.archive = f"{it.directory}/archive"
        it.config["archive"] = {"destination": f"file://{it.archive}"}
        it.write_config()
        return it

    def standby(self, primary, name="pg-2", **config):
        it = self.make(instance.merge({"shutdown": {"checkpoint_timeout": "2s"}, "metrics": {"cache_time": "1s"}}, config),
                       name=name)
        del it.config["bootstrap"]["initdb"]
        it.config["bootstrap"]["join"] = {"primary_conninfo": f"host=127.0.0.1 port={primary.port}",
                                          "password_file": it.secret("replication", "hush-hush\n")}
        it.config["postgresql"]["replication"] = {"user": "streaming_replica",
                                                  "password_file": f"{it.directory}/replication"}
        # The same archive: only the one that is the primary adds to it.
        it.config["archive"] = {"destination": f"file://{primary.archive}"}
        it.write_config()
        return it

    def streams(self, standby):
        return standby.wait_status("it streams", lambda status: status["ready"] and status["role"] == "standby" and
                                   status["lsn"]["streaming"])

    def check(self, it, path):
        return it.http("GET", path).status


class Joining(Pair):
    @classmethod
    def setUpClass(cls):
        cls.tools = cls("test_a_standby_streams_answers_the_checks_of_a_standby_and_is_told_by_its_primary")
        cls.one = cls.tools.primary()
        cls.addClassCleanup(cls.one.destroy)
        cls.two = cls.tools.standby(cls.one, probes={"readiness": {"type": "streaming"}})
        cls.addClassCleanup(cls.two.destroy)
        cls.one.start().up()
        cls.one.sql("create table kept(i int); insert into kept values (1)")
        cls.two.start()
        cls.tools.streams(cls.two)

    def tearDown(self):
        if instance.has_failed(self):
            print(self.one.tail() + self.two.tail(), flush=True)

    def follows(self, number):
        self.one.sql(f"insert into kept values ({number})")
        wait_for("the row is there", lambda: self.two.sql(f"select count(*) from kept where i = {number}") == "1")

    def test_a_standby_streams_answers_the_checks_of_a_standby_and_is_told_by_its_primary(self):
        self.follows(2)

        for path, expected in (("/replica", 200), ("/standby", 200), ("/read-only", 200), ("/asynchronous", 200),
                               ("/replica?lag=10MB", 200), ("/replica?replication_state=streaming", 200),
                               ("/readyz", 200), ("/readyz?lag=16MB", 200), ("/health", 200), ("/startupz", 200),
                               ("/primary", 503), ("/", 503), ("/read-write", 503), ("/leader", 503),
                               ("/synchronous", 503), ("/replica?tag_x=y", 503), ("/replica?lag=ten", 400)):
            with self.subTest(path):
                self.assertEqual(self.check(self.two, path), expected)
        for path, expected in (("/primary", 200), ("/", 200), ("/read-only", 200), ("/replica", 503),
                               ("/replica?lag=10MB", 503), ("/readyz", 200)):
            with self.subTest(path):
                self.assertEqual(self.check(self.one, path), expected)
        told = self.one.wait_status("the primary names it", lambda status: status["standbys"])["standbys"]
        self.assertEqual([(one["name"], one["state"]) for one in told], [("pg-2", "streaming")])
        self.assertEqual(self.two.status()["system_id"], self.one.status()["system_id"])
        self.assertEqual(self.two.status()["archive_refused"], "a standby does not archive")
        families = metrics_test.wait_scrape(self.one, [name for name in metrics_test.WITH_A_STANDBY
                                                       if "slots" not in name])
        self.assertGreaterEqual(metrics_test.value(families, "cnpg_pg_stat_replication_replay_diff_bytes",
                                                   application_name="pg-2", usename="streaming_replica"), 0)
        self.assertEqual(metrics_test.value(families, "cnpg_pg_replication_streaming_replicas"), 1)
        families = metrics_test.wait_scrape(self.two, ["cnpg_pg_replication_in_recovery"])
        self.assertEqual(metrics_test.value(families, "cnpg_pg_replication_in_recovery"), 1)
        self.assertEqual(metrics_test.value(families, "cnpg_pg_replication_is_wal_receiver_up"), 1)
        self.assertNotIn("hush-hush", self.two.log("all") + self.one.log("all"))

    def test_a_standby_that_lags_fails_the_check_with_a_limit_and_passes_the_one_without(self):
        self.two.sql("select pg_wal_replay_pause()")
        try:
            wait_for("replay pauses", lambda: self.two.sql("select pg_get_wal_replay_pause_state()") == "paused")
            self.one.sql("create table if not exists big(t text); insert into big select repeat('x', 1000) from "
                         "generate_series(1, 5000)")
            self.two.wait_status("the lag is told", lambda status: (status["lsn"]["lag_bytes"] or 0) > 1 << 20)
            self.assertEqual(self.check(self.two, "/replica?lag=1MB"), 503)
            self.assertEqual(self.check(self.two, "/readyz?lag=1MB"), 503)
            self.assertIn("behind", self.two.http("GET", "/readyz?lag=1MB").text)
            self.assertEqual(self.check(self.two, "/replica?lag=1GB"), 200)
            self.assertEqual(self.check(self.two, "/replica"), 200)
        finally:
            self.two.sql("select pg_wal_replay_resume()")
        self.two.wait_status("it has caught up", lambda status: (status["lsn"]["lag_bytes"] or 0) < 1 << 20)

    def test_a_delayed_standby_has_received_at_once_what_it_replays_later(self):
        def configure(delay):
            self.two.config["postgresql"]["apply_delay"] = delay
            self.two.write_config()
            self.assertEqual(self.two.http("POST", "/v1/reload").status, 200)
            wait_for("postgres has it", lambda: self.two.sql("show recovery_min_apply_delay") == delay)
        configure("1h")
        try:
            self.one.sql("insert into kept values (10)")
            written = self.one.sql("select pg_current_wal_flush_lsn()")
            wait_for("it is received", lambda: self.two.sql(f"select pg_last_wal_receive_lsn() >= '{written}'") == "t")
            self.assertEqual(self.two.sql("select count(*) from kept where i = 10"), "0")
        finally:
            configure("0")
        wait_for("it is replayed", lambda: self.two.sql("select count(*) from kept where i = 10") == "1")

    def test_a_standby_outlives_the_absence_of_its_primary_and_follows_again(self):
        postmaster = self.two.postmaster()
        self.one.kill_everything()
        self.two.wait_status("it no longer streams", lambda status: not status["lsn"]["streaming"])
        self.assertEqual(self.two.sql("select count(*) from kept where i = 1"), "1")
        self.assertEqual(self.check(self.two, "/livez"), 200)
        self.assertEqual(self.check(self.two, "/readyz"), 503)
        self.assertIn("not streaming", self.two.http("GET", "/readyz").text)

        self.one.start().up()

        self.streams(self.two)
        self.follows(3)
        self.assertEqual(self.two.postmaster(), postmaster)

    def test_a_standby_restarts_and_follows_again(self):
        self.assertEqual(self.two.http("POST", "/v1/restart").status, 200)
        self.streams(self.two)
        self.two.kill_everything()
        self.two.start()
        self.streams(self.two)
        self.follows(4)

    def test_a_demote_of_a_standby_is_done_already(self):
        self.assertEqual(self.two.http("POST", "/v1/demote").status, 200)
        self.assertEqual(self.two.http("POST", "/v1/checkpoint").status, 200)
        self.assertEqual(self.two.status()["role"], "standby")


class Preferred(Pair):
    def test_a_standby_that_is_there_confirms_commits_and_one_that_is_gone_holds_none_up(self):
        one = self.primary(postgresql={"synchronous": {"method": "any", "number": 1, "data_durability": "preferred"},
                                       "parameters": {"wal_keep_size": "128MB"}})
        one.start().up()
        self.assertEqual(one.sql("show synchronous_standby_names"), "")
        two = self.standby(one)
        two.start()
        self.streams(two)

        wait_for("it is synchronous", lambda: one.sql("show synchronous_standby_names") == 'ANY 1 ("pg-2")')
        one.wait_status("status says so", lambda status: [s["sync"] for s in status["standbys"]] == ["quorum"])
        one.sql("create table kept(i int); insert into kept values (1)")

        two.kill_everything()
        wait_for("it no longer counts", lambda: one.sql("show synchronous_standby_names") == "")
        one.sql("insert into kept values (2)")

        two.start()
        self.streams(two)
        wait_for("it counts again", lambda: one.sql("show synchronous_standby_names") == 'ANY 1 ("pg-2")')


class Switchover(Pair):
    def test_a_primary_is_demoted_its_standby_is_promoted_and_is_followed_through_restarts(self):
        one = self.primary()
        two = self.standby(one)
        one.start().up()
        one.sql("create table kept(i int); insert into kept values (1)")
        one.sql("select pg_create_physical_replication_slot('left_behind', true)")
        two.start()
        self.streams(two)
        archives.wait_archived(one, archives.switch(one))

        # Its shutdown sends the rest to the standby, so neither has WAL that the other has not.
        demoted = one.http("POST", "/v1/demote?wait=60s",
                           {"upstream": f"host=127.0.0.1 port={two.port}", "reason": "switchover"})
        self.assertEqual(demoted.status, 200, demoted)
        self.assertEqual(demoted.json["role"], "standby")
        self.assertTrue(os.path.exists(f"{one.data_directory}/standby.signal"))
        self.assertEqual(one.http("POST", "/v1/demote").status, 200, "again: it is so already")
        self.assertEqual(one.sql("select count(*) from pg_replication_slots"), "0", "it would keep WAL for ever")
        promoted = two.http("POST", "/v1/promote?wait=60s")

        self.assertEqual(promoted.status, 200, promoted)
        self.assertEqual(two.http("POST", "/v1/promote").status, 200, "again: it is so already")
        two.up()
        two.wait_status("the new timeline is told", lambda status: status["timeline"] == 2)
        self.assertEqual((self.check(two, "/primary"), self.check(two, "/replica")), (200, 503))
        name = archives.switch(two)
        archives.wait_archived(two, name)
        files = archives.wal_files(one.archive)
        self.assertIn("00000002.history", files)
        history = os.stat(files["00000002.history"]).st_mtime_ns
        for file, path in files.items():
            if file.startswith("00000002") and archives.is_segment(file):
                self.assertGreaterEqual(os.stat(path).st_mtime_ns, history, f"{file} came before the history")
        # What it streamed as a standby PostgreSQL marks as done, whoever has archived it.
        archives.check_acknowledged(two, one.archive, only="00000002")

        two.sql("insert into kept values (2)")
        wait_for("the old primary follows", lambda: one.sql("select count(*) from kept") == "2")
        self.assertEqual((self.check(one, "/replica"), self.check(one, "/primary")), (200, 503))

        one.kill_everything()
        one.start()
        one.wait_status("it is a standby still", lambda status: status["role"] == "standby" and status["ready"])
        two.sql("insert into kept values (3)")
        wait_for("whom it follows outlives pgbosun", lambda: one.sql("select count(*) from kept") == "3")

        # Back and forth, with nobody named: one goes by its configuration, the other by whom it was told last.
        for former, new, rows in ((two, one, 4), (one, two, 5)):
            self.assertEqual(former.http("POST", "/v1/demote?wait=60s").status, 200)
            self.assertEqual(new.http("POST", "/v1/promote?wait=60s").status, 200)
            new.up()
            new.sql(f"insert into kept values ({rows})")
            wait_for(f"{rows} rows on the former", lambda it=former, n=rows: it.sql("select count(*) from kept") == str(n))


class Parted(Pair):
    """A standby that was promoted, while its former primary went on."""

    def setUp(self):
        self.one = self.primary()
        self.two = self.standby(self.one)
        self.one.start().up()
        self.one.sql("create table kept(i int); insert into kept values (1)")
        self.two.start()
        self.streams(self.two)
        archives.wait_archived(self.one, archives.switch(self.one))
        self.assertEqual(self.two.http("POST", "/v1/promote?wait=60s").status, 200)
        self.two.up()
        self.one.sql("insert into kept values (2)")
        archives.wait_archived(self.two, archives.switch(self.two))

    def fails_to_follow(self):
        """Demoted while the upstream cannot be asked."""
        nobody = f"host=127.0.0.1 port={instance.free_port()}"
        refused = self.one.client("demote", "--upstream", nobody)
        self.assertEqual(refused.returncode, 3, refused)
        self.assertRegex(refused.stderr, "the upstream does not answer, and nobody would take writes: .*--force")
        self.assertEqual(self.one.sql("select pg_is_in_recovery()"), "f")
        demoted = self.one.client("demote", "--force", "--upstream", nobody)
        self.assertEqual(demoted.returncode, 1, demoted)
        self.assertRegex(demoted.stderr, "requested timeline 2 is not a child.*pgbosun promote.*bootstrap.join")
        self.assertEqual(self.one.status()["phase"], "failed")

    def test_the_former_primary_is_not_demoted_and_demoted_all_the_same_it_is_promoted_with_all_that_it_had(self):
        refused = self.one.client("demote", "--upstream", f"host=127.0.0.1 port={self.two.port}")

        self.assertEqual(refused.returncode, 3, refused)
        self.assertRegex(refused.stderr, "its history has parted from the upstream's.*bootstrap.join")
        self.one.sql("insert into kept values (3)")
        self.assertFalse(os.path.exists(f"{self.one.data_directory}/standby.signal"))

        self.fails_to_follow()

        promoted = self.one.client("promote")

        self.assertEqual(promoted.returncode, 0, promoted)
        self.one.up()
        self.assertEqual(self.one.sql("select count(*) from kept"), "3")
        self.one.wait_status("it is on a timeline of its own", lambda status: status["timeline"] == 3)
        self.one.sql("insert into kept values (4)")

    def test_one_that_was_demoted_and_cannot_follow_joins_anew(self):
        self.fails_to_follow()

        self.assertEqual(self.one.client("fence").returncode, 0)
        os.rename(self.one.data_directory, f"{self.one.data_directory}.aside")
        self.one.config["bootstrap"] = {"join": {"primary_conninfo": f"host=127.0.0.1 port={self.two.port}",
                                                 "password_file": f"{self.one.directory}/replication"}}
        self.one.write_config()
        self.assertEqual(self.one.client("reload").returncode, 0)
        self.assertEqual(self.one.client("unfence").returncode, 0)

        self.streams(self.one)
        self.two.sql("insert into kept values (4)")
        wait_for("the row is there", lambda: self.one.psql("select count(*) from kept where i = 4").stdout.strip() == "1")


class WalVolume(Pair):
    def test_a_clone_puts_wal_on_its_own_volume_and_streams_there_after_a_restart_too(self):
        one = self.primary().start().up()
        two = self.standby(one)
        wal = f"{two.wal_volume()}/pg_wal"

        two.start()
        self.streams(two)

        self.assertEqual(os.readlink(f"{two.data_directory}/pg_wal"), wal)
        self.assertTrue([name for name in os.listdir(wal) if archives.is_segment(name)])
        self.assertTrue(os.path.isdir(f"{one.data_directory}/pg_wal") and not os.path.islink(
            f"{one.data_directory}/pg_wal"), "the primary has none")
        self.assertEqual(two.stop(), 0)
        two.start()
        self.streams(two)
        one.sql("create table kept(i int); insert into kept values (1)")
        wait_for("the row is there", lambda: two.psql("select count(*) from kept").stdout.strip() == "1")
        self.assertEqual(os.readlink(f"{two.data_directory}/pg_wal"), wal)


class Waiting(Pair):
    def test_a_clone_waits_for_a_primary_that_is_not_there_yet_and_tells_its_progress(self):
        one = self.primary()
        two = self.standby(one)
        two.config["bootstrap"]["join"]["max_rate"] = "8M"
        two.write_config()
        two.start()
        waiting = two.wait_status("it says what it waits for",
                                  lambda status: status["reason"] and "pg_basebackup" in status["reason"])
        self.assertEqual(waiting["role"], "none")
        self.assertIn("primary_conninfo", waiting["hint"])
        self.assertEqual(self.check(two, "/livez"), 200)
        self.assertEqual(self.check(two, "/readyz"), 503)
        refused = two.http("POST", "/v1/promote")
        self.assertEqual(refused.status, 409)
        self.assertTrue(refused.json["hint"])

        one.start().up()

        told = two.wait_status("the progress is told", lambda status: (status["progress"] or {}).get("done_bytes"))
        self.assertEqual((told["phase"], told["progress"]["what"]), ("bootstrapping", "pg_basebackup"))
        self.assertGreater(told["progress"]["total_bytes"], 1 << 20)
        self.streams(two)
        self.assertIsNone(two.status()["progress"])
        self.assertIsNone(two.status()["reason"])

    def test_a_wrong_password_is_told_and_the_right_one_is_taken_without_a_restart(self):
        one = self.primary().start().up()
        two = self.standby(one)
        two.config["restart"] = {"intensity": 100}
        two.write_config()
        two.secret("replication", "wrong\n")

        two.start()
        told = two.wait_status("it is told", lambda status: status["reason"] and
                               "password authentication failed" in status["reason"])
        self.assertIn("password", told["hint"])
        self.assertNotIn("wrong\\n", two.log())
        two.secret("replication", "hush-hush\n")

        self.streams(two)


if __name__ == "__main__":
    instance.main()
