"""bootstrap.recovery: an empty volume becomes the cluster that was archived, or says why it does not."""

import os
import shutil
import signal

import archives
import base_backups as backups
import instance
from barman_backups import ARCHIVER, Place, Server, run
from instance import SHORT_STATE, Case, children, command_line, process_name, wait_for


class Recovery(Case):
    """One origin for all tests, archived by PostgreSQL's own programs: t holds 1 at the backup, 2 and 3 come after it."""

    @classmethod
    def setUpClass(cls):
        place = cls.place = Place()
        cls.addClassCleanup(place.destroy)
        cls.archive = place.archive
        server = Server.initialise(place).start()
        server.sql("create table t(i int); insert into t values (1); create role reader")
        cls.backup = server.backup("20261121T010000")
        server.sql("insert into t values (2)")
        cls.after_2 = server.sql("select now()")
        server.sql("select pg_sleep(0.05); insert into t values (3)")
        server.switch()
        server.stop()

    def recovering(self, server="orders-2", recovery=None, **more):
        """An instance, not started, that recovers under another server name."""
        config = {
            "archive": {"destination": f"file://{self.archive}", "server_name": server},
            "bootstrap": {"recovery": {"source": {"server_name": "orders"}, **(recovery or {})}},
            "restart": {"period": "10min"},
        }
        it = self.make(instance.merge(config, more))
        if server != "orders":  # that one is the source of all tests
            self.addCleanup(shutil.rmtree, f"{self.archive}/{server}", ignore_errors=True)
        return it

    def rows(self, it):
        return it.sql("select string_agg(i::text, ',' order by i) from t")

    def test_everything_that_was_archived_comes_back_and_archives_under_the_new_name(self):
        it = self.recovering(postgresql={"replication": {"password_file": "/dev/null"}})
        it.config["postgresql"]["replication"]["password_file"] = it.secret("replication", "secret\n")
        it.config["bootstrap"]["initdb"]["password_file"] = it.secret("app", "secret\n")
        it.write_config()
        phases = []
        it.start()
        status = it.wait_status("it is ready", lambda status: phases.append(status["phase"]) or status["ready"])

        self.assertEqual((status["phase"], status["role"], status["timeline"]), ("running", "primary", 2))
        self.assertIn("bootstrapping", phases)
        self.assertEqual(self.rows(it), "1,2,3")
        # Of the roles those that pgbosun needs, and the owner whose password was given.
        wait_for("the roles are kept", lambda: it.sql(
            "select count(*) from pg_authid where rolname in ('streaming_replica', 'app') and rolpassword like 'SCRAM%'") == "2")
        name = archives.switch(it)
        archives.wait_archived(it, name)
        self.assertIn(name, archives.wal_files(self.archive, "orders-2"))
        self.assertNotIn(name, archives.wal_files(self.archive, "orders"))
        self.assertFalse(os.path.exists(f"{it.volume}/pgbosun/recovery"))
        self.assertFalse(os.path.exists(f"{it.data_directory}/recovery.signal"))

        # A restart is an ordinary one, although bootstrap.recovery still stands in the configuration.
        it.stop(signal.SIGINT)
        it.start().up()
        self.assertEqual(self.rows(it), "1,2,3")
        self.assertEqual(it.status()["timeline"], 2)
        self.assertFalse(it.status()["pending_restart"])

    def test_a_recovery_puts_wal_on_its_own_volume(self):
        it = self.recovering("orders-wal")
        wal = f"{it.wal_volume()}/pg_wal"

        it.start().up()

        self.assertEqual(self.rows(it), "1,2,3")
        self.assertEqual(os.readlink(f"{it.data_directory}/pg_wal"), wal)
        self.assertIn(it.sql("select pg_walfile_name(pg_current_wal_insert_lsn())"), os.listdir(wal))
        it.stop(signal.SIGINT)
        it.start().up()
        self.assertEqual(self.rows(it), "1,2,3")

    def test_a_moment_is_recovered_to(self):
        it = self.recovering("orders-time", {"target_time": self.after_2})
        it.start().up()
        self.assertEqual(self.rows(it), "1,2")

    def test_a_target_that_is_not_in_the_archive_fails_is_said_and_is_never_promoted_nor_tried_for_ever(self):
        it = self.recovering("orders-name", {"target_name": "nobody made it", "backup": self.backup})
        it.start()
        status = it.wait_status("it has failed", lambda status: status["phase"] == "failed")
        self.assertRegex(status["reason"], "did not reach its target|target")
        self.assertTrue(status["hint"])
        self.assertEqual(it.http("GET", "/readyz").status, 503)
        self.assertEqual(it.http("GET", "/livez").status, 200)
        self.assertNotIn("selected new timeline", it.log())
        starts = it.log().count("starting PostgreSQL")
        self.assertIsNone(it.postmaster())
        refused = it.http("POST", "/v1/promote")
        self.assertEqual(refused.status, 409, refused)

        # Nor by another life of pgbosun.
        it.stop()
        it.start()
        it.wait_status("it has failed again", lambda status: status["phase"] == "failed")
        self.assertNotIn("selected new timeline", it.log("all"))
        self.assertLessEqual(starts, 6)

    def test_an_archive_that_has_the_server_already_is_refused_and_nothing_is_made(self):
        it = self.recovering("orders-taken")
        os.makedirs(f"{self.archive}/orders-taken/base/20200101T000000")
        with open(f"{self.archive}/orders-taken/base/20200101T000000/data.tar", "wb"):
            pass
        for path, directories, files in os.walk(f"{self.archive}/orders-taken"):
            for name in [path, *(f"{path}/{name}" for name in directories + files)]:
                it._give(name)
        it.start()
        status = it.wait_status("it has failed", lambda status: status["phase"] == "failed")
        self.assertIn("orders-taken", status["reason"])
        self.assertIn("server_name", status["hint"])
        self.assertFalse(os.path.exists(f"{it.data_directory}/PG_VERSION"))

        # Another name, and it goes on.
        it.config["archive"]["server_name"] = "orders-free"
        self.addCleanup(shutil.rmtree, f"{self.archive}/orders-free", ignore_errors=True)
        it.write_config()
        self.assertIn(it.client("reload").returncode, (0, 3))
        it.http("POST", "/v1/restart?wait=0s")
        it.up()
        self.assertEqual(self.rows(it), "1,2,3")

    def restored_by_hand(self, server):
        """An instance, not started, on whose volume somebody has restored the origin."""
        it = self.make({"archive": {"destination": f"file://{self.archive}", "server_name": server}})
        run(ARCHIVER, "restore", "--config", self.place.config(), "--target", it.data_directory)
        if server != "orders":
            self.addCleanup(shutil.rmtree, f"{self.archive}/{server}", ignore_errors=True)
        return it

    def content(self):
        return {path: os.stat(path).st_mtime_ns
                for directory, _, names in os.walk(f"{self.archive}/orders") for path in [f"{directory}/{it}" for it in names]}

    def test_a_copy_that_was_restored_by_hand_does_not_archive_into_its_source(self):
        it = self.restored_by_hand("orders")
        before = self.content()
        it.start()
        status = it.wait_status("it has failed", lambda status: status["phase"] == "failed")
        self.assertIn("orders already", status["reason"])
        self.assertIn("server_name", status["hint"])
        self.assertIsNone(it.postmaster())
        self.assertEqual(self.content(), before)

        # Nor in another life; under another name it recovers, archives, and starts again as any other.
        it.stop()
        it.start()
        it.wait_status("it has failed again", lambda status: status["phase"] == "failed")
        it.stop()
        it.config["archive"]["server_name"] = "orders-by-hand"
        self.addCleanup(shutil.rmtree, f"{self.archive}/orders-by-hand", ignore_errors=True)
        it.write_config()
        it.start().up()
        it.wait_status("its recovery is over", lambda status: status["role"] == "primary")
        self.assertEqual(self.rows(it), "1,2,3")
        name = archives.switch(it)
        archives.wait_archived(it, name)
        self.assertIn(name, archives.wal_files(self.archive, "orders-by-hand"))
        it.stop(signal.SIGINT)
        it.start().up()
        self.assertEqual(self.rows(it), "1,2,3")
        self.assertEqual(self.content(), before)

    def killed_at(self, server, reached):
        """A recovery that was killed when it had come there. Each step is soon over: one that was missed is tried again."""
        over = "the recovery has reached its target"
        for _ in range(10):
            it = self.recovering(server, {"target_time": self.after_2})
            it.start()
            wait_for("it is there", lambda it=it: reached(it) or over in it.log(), pause=SHORT_STATE)
            missed = over in it.log()
            it.kill_everything()
            if not missed:
                return it
            it.destroy()
            shutil.rmtree(f"{self.archive}/{server}", ignore_errors=True)
        return self.fail("the step was never met")

    def test_killed_at_any_step_it_begins_again_or_goes_on_and_ends_right(self):
        def restoring(it):
            return any("restore" in command_line(pid) for pid in children(it.pid) if process_name(pid).startswith("pgbosun-arch"))

        steps = {
            "orders-k1": lambda it: os.path.exists(f"{it.volume}/pgbosun/bootstrapping"),
            "orders-k2": restoring,
            "orders-k3": lambda it: os.path.exists(f"{it.data_directory}/recovery.signal"),
            "orders-k4": lambda it: it.postmaster() is not None,
        }
        for server, reached in steps.items():
            with self.subTest(server):
                it = self.killed_at(server, reached)
                it.start().up()
                self.assertEqual(self.rows(it), "1,2")
                it.destroy()

    def test_the_source_is_waited_for_when_it_is_away(self):
        it = self.recovering("orders-away")
        os.rename(self.archive, f"{self.archive}.away")
        try:
            it.config["archive"]["destination"] = f"file://{it.directory}/own"
            it.config["bootstrap"]["recovery"]["source"] = {"destination": f"file://{self.archive}", "server_name": "orders"}
            it.write_config()
            it.start()
            it.wait_status("it says why it waits", lambda status: status["reason"])
            self.assertIsNone(it.process.poll())
        finally:
            shutil.rmtree(self.archive, ignore_errors=True)
            os.rename(f"{self.archive}.away", self.archive)
        it.up()
        self.assertEqual(self.rows(it), "1,2,3")

    def test_a_configuration_that_would_archive_into_its_source_is_refused(self):
        it = self.recovering("orders")
        it.start()
        self.assertEqual(it.wait_exit(), 2)
        self.assertIn("bootstrap.recovery.source.server_name", it.log())


class Tablespaces(Case):
    def test_killed_with_files_in_a_tablespace_it_begins_again(self):
        one = self.existing()
        one.config["archive"] = {"destination": f"file://{one.directory}/archive"}
        one.write_config()
        one.start().up()
        fast = f"{one.directory}/fast"
        os.mkdir(fast, 0o700)
        one._give(fast)
        one.sql(f"create tablespace fast location '{fast}'")
        one.sql("create table t tablespace fast as select i, repeat('x', 500) from generate_series(1, 100000) i")
        self.assertEqual(backups.take(one).code, 0)
        self.assertEqual(one.stop(), 0)

        def has_files(place):
            return os.path.isdir(place) and any(name.startswith("PG_") for name in os.listdir(place))

        def restored(two):
            return os.path.exists(f"{two.data_directory}/pg_tblspc") and os.listdir(f"{two.data_directory}/pg_tblspc")

        for server, is_at_the_place in (("orders-t1", lambda two, place: has_files(place)),
                                        ("orders-t2", lambda two, place: restored(two))):
            with self.subTest(server):
                archive = f"file://{one.directory}/archive"
                two = self.make({"archive": {"destination": archive, "server_name": server},
                                 "bootstrap": {"recovery": {"source": {"destination": archive, "server_name": "orders"}}},
                                 "restart": {"period": "10min"}})
                place = f"{two.directory}/moved"
                two.config["bootstrap"]["recovery"]["tablespaces"] = {"fast": place}
                two.write_config()
                two.start()
                wait_for("files in the tablespace", lambda: is_at_the_place(two, place), pause=SHORT_STATE)
                two.kill_everything()

                two.start().up()
                self.assertEqual(two.sql("select count(*) from t"), "100000")
                self.assertEqual(two.stop(), 0)


class WalVolume(Case):
    def test_a_recovery_from_a_backup_of_our_own_puts_wal_on_its_own_volume(self):
        one = self.existing()
        one.config["archive"] = {"destination": f"file://{one.directory}/archive"}
        one.write_config()
        one.start().up()
        self.assertEqual(backups.take(one).code, 0)
        one.sql("create table t(i int); insert into t values (1)")
        self.assertEqual(one.stop(), 0)

        two = self.make({"archive": {"destination": f"file://{one.directory}/archive", "server_name": "orders-2"},
                         "bootstrap": {"recovery": {"source": {"destination": f"file://{one.directory}/archive",
                                                               "server_name": "orders"}}}})
        wal = f"{two.wal_volume()}/pg_wal"
        two.start().up()

        self.assertEqual(os.readlink(f"{two.data_directory}/pg_wal"), wal)
        self.assertIn(two.sql("select pg_walfile_name(pg_current_wal_insert_lsn())"), os.listdir(wal))
        self.assertEqual(two.sql("select i from t"), "1")
        self.assertEqual(two.stop(), 0)
        two.start().up()
        self.assertEqual(two.sql("select i from t"), "1")


if __name__ == "__main__":
    instance.main()
