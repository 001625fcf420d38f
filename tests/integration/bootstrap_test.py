"""What bootstrap.initdb says is what an empty volume becomes; an interrupted bootstrap begins anew."""

import glob
import os
import signal
import stat
import subprocess
import unittest

import instance
from instance import ROOT, Case, bin_dir, wait_for


def log_in(it, user, password, database):
    return subprocess.run([f"{bin_dir()}/psql", "-XAtq", "-w", "-h", "127.0.0.1", "-p", str(it.port), "-U", user,
                           "-d", database, "-c", "select current_user"], capture_output=True, text=True, check=False,
                          env={"PGPASSWORD": password, "LC_ALL": "C"}, timeout=60)


class Options(Case):
    @classmethod
    def setUpClass(cls):
        it = cls.prepared = instance.Instance()
        cls.addClassCleanup(it.destroy)
        it.config["bootstrap"]["initdb"] |= {
            "database": "orders", "owner": "clerk", "password_file": it.secret("clerk", "it's \"secret\"\n"),
            "superuser_password_file": it.secret("superuser", "emperor"),
            "data_checksums": True, "wal_segment_size": 4, "encoding": "UTF8", "locale": "C",
            "locale_ctype": "C.UTF-8",
            "post_init_sql": ["create role reader; create table in_postgres()", "create database apart"],
            "post_init_template_sql": ["create table in_template()"],
            "post_init_application_sql": ["create schema sales", "create table sales.in_application()"],
        }
        it.config["postgresql"]["parameters"] = it.config["postgresql"].get("parameters", {}) | {"log_statement": "all"}
        it.write_config()
        it.start().up()

    def test_the_database_belongs_to_its_owner_who_logs_in_with_the_password_over_tcp(self):
        it = self.prepared
        self.assertEqual(it.sql("select pg_get_userbyid(datdba) from pg_database where datname = 'orders'"), "clerk")

        right = log_in(it, "clerk", "it's \"secret\"", "orders")
        wrong = log_in(it, "clerk", "another", "orders")

        self.assertEqual((right.returncode, right.stdout), (0, "clerk\n"), right.stderr)
        self.assertNotEqual(wrong.returncode, 0)
        self.assertRegex(it.sql("select rolpassword from pg_authid where rolname = 'clerk'"), r"^SCRAM-SHA-256\$")

    def test_the_superuser_logs_in_with_its_password_over_tcp(self):
        self.assertEqual(log_in(self.prepared, "postgres", "emperor", "postgres").returncode, 0)

    def test_checksums_segment_size_encoding_and_locale_are_as_configured(self):
        it = self.prepared
        self.assertEqual(it.sql("show data_checksums"), "on")
        self.assertEqual(it.sql("show wal_segment_size"), "4MB")
        self.assertEqual(it.sql("select pg_encoding_to_char(encoding), datcollate, datctype from pg_database "
                                "where datname = 'orders'"), "UTF8|C|C.UTF-8")
        self.assertTrue(it.status()["postgres"]["checksums"])

    def test_the_sql_runs_once_in_each_of_its_three_databases(self):
        it = self.prepared
        tables = "select string_agg(relname, ',' order by relname) from pg_class where relname ~ '^in_'"
        self.assertEqual(it.sql(tables, "postgres"), "in_postgres")
        self.assertEqual(it.sql(tables, "template1"), "in_template")
        self.assertEqual(it.sql(tables, "orders"), "in_application,in_template")
        self.assertEqual(it.sql("select count(*) from pg_roles where rolname = 'reader'"), "1")

    def test_no_secret_is_in_the_log_or_in_the_data_directory(self):
        it = self.prepared
        self.assertNotIn("emperor", it.log("all"))
        self.assertNotIn("secret\\\"", it.log("all"))
        self.assertIn("create table in_postgres()", it.log("all"), "else it would not be seen")
        self.assertNotIn("SCRAM-SHA-256$", it.log("all"))
        found = subprocess.run(["grep", "-rlaE", "emperor|it's \"secret", it.volume], capture_output=True, text=True,
                               check=False).stdout
        self.assertEqual(found, "")


class OtherOptions(Case):
    def test_without_checksums_and_in_another_encoding_it_comes_up_too(self):
        it = self.started({"bootstrap": {"initdb": {"data_checksums": False, "encoding": "LATIN1", "locale": "C"}}})

        self.assertEqual(it.sql("show data_checksums"), "off")
        self.assertEqual(it.sql("show server_encoding", "app"), "LATIN1")
        self.assertFalse(it.status()["postgres"]["checksums"])

    def test_sql_that_fails_is_named_in_status_and_the_bootstrap_is_tried_again(self):
        it = self.make({"bootstrap": {"initdb": {"post_init_application_sql": ["select 1 / 0"]}},
                        "restart": {"intensity": 1}}).start()

        self.assertEqual(it.wait_exit(), 1, it.tail())
        self.assertIn("division by zero", it.log())
        self.assertIn("correct bootstrap.initdb.post_init_application_sql", it.log())

        it.config["bootstrap"]["initdb"]["post_init_application_sql"] = ["create table made()"]
        it.write_config()
        it.start().up()
        self.assertEqual(it.sql("select count(*) from made", "app"), "0")


class Interrupted(Case):
    def test_a_bootstrap_that_was_killed_in_initdb_begins_anew(self):
        it = self.make().start()
        wait_for("initdb has written something", lambda: glob.glob(it.data_directory + "/*"),
                 pause=instance.SHORT_STATE)

        it.kill_everything()
        it.start().up()

        self.assertEqual(it.sql("select 1", "app"), "1")

    def test_a_bootstrap_that_was_killed_in_its_sql_begins_anew(self):
        it = self.make({"bootstrap": {"initdb": {"post_init_sql": ["create table once()", "select pg_sleep(600)"]}}})
        it.start()
        it.wait_status("the SQL runs", lambda status: (status["progress"] or {}).get("what") == "SQL after initdb")
        it.wait_log("bootstrap: .*post_init_sql")

        it.send_signal(signal.SIGKILL)
        it.wait_exit()
        wait_for("nothing of postgres is left", lambda: not instance.server_processes(it.data_directory))
        it.config["bootstrap"]["initdb"]["post_init_sql"] = ["create table once()"]
        it.write_config()
        it.start().up()

        self.assertEqual(it.sql("select count(*) from once"), "0")


class Gone(Case):
    """A data directory that is not there any more: a mount that is away, or somebody's hand."""

    def gone(self):
        it = self.existing().start().up()
        self.assertEqual(it.stop(), 0)
        os.rename(it.data_directory, it.data_directory + ".away")
        it.start()
        status = it.wait_status("it is told", lambda status: status["phase"] == "failed")
        self.assertEqual(status["reason"], "the data directory is gone, and this volume has held a database")
        self.assertEqual(it.http("GET", "/primary").status, 503)
        self.assertFalse(os.path.exists(it.data_directory))
        return it, status["hint"]

    def test_it_is_not_replaced_by_an_empty_database_and_used_when_it_is_back(self):
        it, _ = self.gone()
        os.rename(it.data_directory + ".away", it.data_directory)
        self.assertEqual(it.client("restart").returncode, 0)
        it.up()

    def test_an_empty_database_is_made_when_a_person_says_so(self):
        it, hint = self.gone()
        os.unlink(hint.rpartition(" ")[2])
        self.assertEqual(it.client("restart").returncode, 0)
        it.up()


class WalVolume(Case):
    def prepared(self, config=None):
        it = self.make(config)
        self.wal = f"{it.wal_volume()}/pg_wal"
        return it

    def wal_is_there(self, it):
        self.assertEqual(os.readlink(f"{it.data_directory}/pg_wal"), self.wal)
        self.assertIn(it.sql("select pg_walfile_name(pg_current_wal_insert_lsn())"), os.listdir(self.wal))

    def test_wal_lies_on_its_own_volume_and_still_does_after_a_restart_and_another_start(self):
        it = self.prepared().start().up()
        self.wal_is_there(it)
        self.assertEqual({volume["name"]: volume["path"] for volume in it.wait_status(
            "both volumes are told", lambda status: len(status["volumes"]) == 2)["volumes"]},
            {"data": f"{it.volume}/pgbosun", "wal": os.path.dirname(self.wal)})
        it.sql("create table kept(); select pg_switch_wal()")

        self.assertEqual(it.http("POST", "/v1/restart?wait=60s").status, 200)
        it.up()
        self.wal_is_there(it)
        self.assertEqual(it.stop(), 0)
        it.start().up()

        self.wal_is_there(it)
        self.assertEqual(it.sql("select count(*) from kept"), "0")

    def test_a_bootstrap_that_was_killed_begins_anew_with_what_it_left_on_the_volume_for_wal(self):
        it = self.prepared({"bootstrap": {"initdb": {"post_init_sql": ["select pg_sleep(600)"]}}}).start()
        it.wait_status("the SQL runs", lambda status: (status["progress"] or {}).get("what") == "SQL after initdb")
        self.assertTrue(os.listdir(self.wal))

        it.kill_everything()
        it.config["bootstrap"]["initdb"]["post_init_sql"] = []
        it.write_config()
        it.start().up()

        self.wal_is_there(it)

    def test_wal_of_something_else_is_not_touched_and_named(self):
        it = self.prepared()
        os.makedirs(self.wal)
        for path in (self.wal, it.write_file(f"{self.wal}/000000010000000000000001", "kept")):
            it._give(path)

        it.start()

        status = it.wait_status("it is named", lambda status: "is not empty" in (status["reason"] or ""))
        self.assertIn(self.wal, status["reason"])
        self.assertIsNone(it.postmaster())
        with open(f"{self.wal}/000000010000000000000001", encoding="ascii") as file:
            self.assertEqual(file.read(), "kept")


class Ownership(Case):
    def mode_after_start(self, mode):
        it = self.existing()
        os.chmod(it.data_directory, mode)
        it.start().up()
        return stat.S_IMODE(os.stat(it.data_directory).st_mode)

    def test_a_data_directory_with_group_access_keeps_it(self):
        self.assertEqual(oct(self.mode_after_start(0o750)), oct(0o750))

    def test_a_data_directory_that_others_can_read_is_closed(self):
        self.assertEqual(oct(self.mode_after_start(0o755)), oct(0o700))

    def test_a_data_directory_that_an_fs_group_can_write_is_closed(self):
        self.assertEqual(oct(self.mode_after_start(0o2770) & 0o777), oct(0o700))

    @unittest.skipUnless(ROOT, "another uid needs root")
    @unittest.skipUnless(glob.glob("/usr/lib/*/libnss_wrapper.so"), "libnss-wrapper is not installed")
    def test_a_uid_without_a_passwd_entry_bootstraps_and_runs(self):
        it = self.make(user=12345).start().up()

        self.assertEqual(os.stat(it.data_directory).st_uid, 12345)
        self.assertEqual(it.sql("select 1", "app"), "1")
        self.assertEqual(it.stop(), 0)

    def test_an_empty_data_directory_that_is_there_already_is_filled(self):
        it = self.make()
        for path in (it.volume, it.data_directory, it.data_directory + "/lost+found"):
            os.mkdir(path, 0o755)
            it._give(path)

        it.start().up()

        self.assertEqual(oct(stat.S_IMODE(os.stat(it.data_directory).st_mode)), oct(0o700))


if __name__ == "__main__":
    instance.main()
