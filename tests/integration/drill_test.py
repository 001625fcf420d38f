"""A drill proves a backup beside the archive, says what is wrong with one, and leaves nothing behind."""

import contextlib
import hashlib
import json
import os
import signal
import subprocess
import unittest

import barman_backups as backups
import instance
from barman_backups import Place, Server, run
from instance import as_user, bin_dir, wait_for


class Drill(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        place = cls.place = Place()
        cls.addClassCleanup(place.destroy)
        server = cls.server = Server.initialise(place).start()
        cls.fast = place.new("fast")
        run("mkdir", cls.fast, f"{place.directory}/volume", f"{place.directory}/volume/pgbosun")
        server.sql(f"create tablespace fast location '{cls.fast}'")
        server.sql("create table t(i int primary key) tablespace fast")
        cls.backup = server.backup("20261121T010000")
        server.sql("insert into t values (1)")
        server.switch()
        server.stop()
        cls.scratch = f"{place.directory}/volume/pgbosun/drill"

    def drill(self, *options, check=True):
        return self.place.archiver("drill", *options, check=check)

    def tearDown(self):
        left = set(os.listdir(self.scratch)) if os.path.exists(self.scratch) else set()
        self.assertLessEqual(left, {"lock"})
        self.assertEqual(instance.server_processes(f"{self.scratch}/pgdata"), [])
        self.assertFalse([name for name in self.place.wals() if name.endswith(".history")], "a drill has archived")

    def test_a_backup_is_proved_and_measured(self):
        done = self.drill("--check", "select count(*) = 1 from t", "--report", "json")
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertIn("recovering", [line.get("step") for line in lines])
        text = json.dumps(lines[-1])
        self.assertIn("all checks passed", text)
        self.assertIn(self.backup, text)
        with open(f"{self.place.directory}/volume/pgbosun/drill.json", encoding="utf-8") as file:
            self.assertEqual(json.load(file), lines[-1])

    def test_the_key_of_an_encrypted_archive_may_be_in_the_environment(self):
        config = self.place.config(archive={"encryption": {"key_env": "DRILL_KEY"}})
        run(backups.ARCHIVER, "drill", "--config", config, "--check", "select count(*) = 1 from t",
            env=os.environ | {"DRILL_KEY": "ab" * 32, "PGPORT": "1"})

    def without_configuration(self, *words):
        """Runs the archiver where the default configuration finds this archive."""
        place = self.place.new("plain")
        run("mkdir", "-p", f"{place}/pgbosun-data/archive", f"{place}/pgbosun-data/pgbosun")
        run("cp", "-r", f"{self.place.archive}/orders", f"{place}/pgbosun-data/archive/pgbosun")
        done = subprocess.run([*as_user(backups.USER), backups.ARCHIVER, *words], capture_output=True, text=True, check=False,
                              cwd=place, env=os.environ | {"PATH": f"{bin_dir()}:{os.environ['PATH']}"})
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_a_drill_needs_no_configuration_file(self):
        self.without_configuration("drill", "--check", "select count(*) = 1 from t")

    def test_what_is_restored_without_a_configuration_file_recovers(self):
        target = self.place.new("restored")
        self.without_configuration("restore", "--target", target, "--tablespace", f"fast={self.place.new('moved')}")
        server = Server(self.place, target).start().promoted()
        self.addCleanup(server.stop)
        self.assertEqual(server.sql("select count(*) from t"), "1")

    def test_a_check_that_does_not_hold_is_named(self):
        done = self.drill("--check", "select count(*) = 2 from t", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("select count(*) = 2 from t", done.stdout)

    def begin_segment(self):
        """The path of the first segment that the backup needs."""
        base = f"{self.place.archive}/orders/base/{self.backup}/backup.info"
        with open(base, encoding="utf-8") as file:
            begin = [line for line in file if line.startswith("begin_wal")][0].strip().split("=")[1]
        return f"{self.place.archive}/orders/wals/{begin[:16]}/{begin}"

    def test_a_missing_segment_is_refused_before_anything_is_restored(self):
        path = self.begin_segment()
        os.rename(path, f"{self.place.directory}/hidden")
        try:
            done = self.drill(check=False)
        finally:
            os.rename(f"{self.place.directory}/hidden", path)
        self.assertEqual(done.returncode, 3, done.stdout)
        self.assertIn("lacks WAL that makes it consistent", done.stdout)

    def test_a_segment_that_is_there_and_holds_no_wal_fails_the_drill(self):
        path = self.begin_segment()
        with open(path, "r+b") as segment:
            whole = segment.read()
            segment.seek(40)  # behind the header of its first page
            segment.write(bytes(8192 - 40))
        try:
            done = self.drill("--report", "json", check=False)
        finally:
            with open(path, "r+b") as segment:
                segment.write(whole)
        self.assertEqual(done.returncode, 1, done.stdout)
        steps = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertIn("recovering", [step.get("step") for step in steps])
        self.assertIn("recovery failed", json.dumps(steps[-1]))

    def test_a_drill_that_grows_beyond_what_it_may_use_is_ended(self):
        with self.much_smaller_than_it_will_be() as (stored, _):
            config = self.place.config(drill={"max_bytes": f"{(4 * stored >> 20) + 1}MB"})
            done = run(backups.ARCHIVER, "drill", "--config", config, check=False)
        self.assertEqual(done.returncode, 3, done.stdout)
        self.assertIn("the drill takes", done.stdout)

    @unittest.skipUnless(instance.ROOT, "needs root")
    def test_a_drill_without_a_limit_of_its_own_leaves_a_tenth_of_the_file_system_free(self):
        place = self.place.new("small")
        os.mkdir(place)
        with self.much_smaller_than_it_will_be() as (_, content):
            # What is restored fits, and is more than nine tenths.
            subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={content * 107 // 100},mode=0755", "tmpfs", place],
                           check=True)
            self.addCleanup(subprocess.run, ["umount", place], check=True)
            self.place.own(place)
            config = self.place.config(drill={"directory": f"{place}/drill"})
            done = run(backups.ARCHIVER, "drill", "--config", config, check=False)
        self.assertEqual(done.returncode, 3, done.stdout)
        self.assertIn("the drill takes", done.stdout)

    @contextlib.contextmanager
    def much_smaller_than_it_will_be(self):
        """The backup, compressed so well that nobody could know its size. What is stored of it, and the size, in bytes."""
        backup = f"{self.place.archive}/orders/base/{self.backup}"
        with open(f"{backup}/data.tar", "rb") as tar:
            content = tar.read()
        # So compressible that nobody could know.
        small = subprocess.run(["gzip", "-9"], input=content, stdout=subprocess.PIPE, check=True).stdout
        with open(f"{backup}/data.tar.gz", "wb") as tar:
            tar.write(small)
        self.place.own(f"{backup}/data.tar.gz")
        os.rename(f"{backup}/data.tar", f"{self.place.directory}/hidden")
        stored = sum(os.path.getsize(f"{backup}/{name}") for name in os.listdir(backup))
        self.assertLess(4 * stored + (1 << 20), len(content))
        try:
            yield stored, len(content)
        finally:
            os.rename(f"{self.place.directory}/hidden", f"{backup}/data.tar")
            os.remove(f"{backup}/data.tar.gz")

    @unittest.skipUnless(instance.ROOT, "needs root")
    def test_root_drills_as_the_user_who_is_configured_and_never_itself(self):
        words = [backups.ARCHIVER, "drill", "--config"]
        refused = subprocess.run([*words, self.place.config(run_as="root")], capture_output=True, text=True, check=False, cwd="/")
        self.assertEqual(refused.returncode, 3, refused.stdout)
        self.assertIn("root", refused.stdout)
        self.assertFalse(os.path.exists(f"{self.scratch}/pgdata"))
        done = subprocess.run([*words, self.place.config(run_as="postgres")], capture_output=True, text=True, check=False,
                              cwd="/")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_a_drill_that_is_cancelled_leaves_nothing(self):
        drill = subprocess.Popen([*as_user(backups.USER), backups.ARCHIVER, "drill", "--config", self.place.config(),
                                  "--check", "select pg_sleep(600) is not null"], stdout=subprocess.PIPE, text=True)
        wait_for("the server of the drill", lambda: instance.server_processes(f"{self.scratch}/pgdata"))
        drill.send_signal(signal.SIGTERM)
        drill.wait(90)
        self.assertNotEqual(drill.returncode, 0)

    def test_without_room_there_is_no_drill(self):
        self.place.own(self.place.write("small.yaml", ""))
        config = self.place.config(drill={"max_bytes": "1MB"})
        done = run(backups.ARCHIVER, "drill", "--config", config, check=False)
        self.assertEqual(done.returncode, 3)
        self.assertIn("may use 1 MB", done.stdout)


class YoungerTablespace(unittest.TestCase):
    """One that was made after the backup: replay makes it again at its own place, which is the live server's."""

    @classmethod
    def setUpClass(cls):
        place = cls.place = Place()
        cls.addClassCleanup(place.destroy)
        run("mkdir", "-p", f"{place.directory}/volume/pgbosun")
        server = cls.server = Server.initialise(place)
        server.configure("autovacuum = off\n")
        server.start()
        cls.live = f"{place.directory}/volume/pgdata"
        run("ln", "-s", server.data, cls.live)
        cls.older = server.backup("20261121T010000")
        cls.fast = place.new("fast")
        run("mkdir", cls.fast)
        server.sql(f"create tablespace fast location '{cls.fast}'")
        server.sql("create table logged(i int) tablespace fast; insert into logged values (1)")
        server.sql("create unlogged table unlogged(i int) tablespace fast; insert into unlogged values (1)")
        server.sql("checkpoint")
        server.switch()

    def setUp(self):
        self.before = self.files()
        self.assertTrue(self.before)

    def tearDown(self):
        self.assertEqual(self.files(), self.before, "the live tablespace was written to")

    def files(self):
        found = {}
        for directory, _, names in os.walk(self.fast):
            for name in names:
                with open(f"{directory}/{name}", "rb") as file:
                    found[f"{directory}/{name}"] = hashlib.sha256(file.read()).hexdigest()
        return found

    def test_a_drill_that_would_write_into_it_is_refused(self):
        done = self.place.archiver("drill", "--backup", self.older, "--report", "json", check=False)

        self.assertEqual(done.returncode, 3, done.stdout)
        result = json.loads(done.stdout.splitlines()[-1])
        self.assertIn(f"the tablespace in {self.fast} was made after the backup", result["detail"])
        self.assertIn("take a backup", result["hint"])
        self.assertTrue(result["refused"])

    def test_a_restore_beside_it_is_refused_and_one_that_takes_its_place_is_not(self):
        target, done = self.place.restore("--backup", self.older, check=False)

        self.assertEqual(done.returncode, 3, done.stdout)
        self.assertIn(f"the tablespace in {self.fast} was made after the backup", done.stdout)
        self.assertFalse(os.path.exists(target))

        run("mv", self.live, f"{self.live}.aside")
        try:
            self.place.restore("--backup", self.older)
            self.place.archiver("restore", "--backup", self.older, "--target", self.live)
        finally:
            run("rm", "-rf", self.live)
            run("mv", f"{self.live}.aside", self.live)

    def test_a_backup_that_has_it_is_drilled_beside_it(self):
        self.server.backup("20261121T020000")

        self.place.archiver("drill", "--check", "select count(*) = 1 from logged")

    def test_where_nobody_knows_it_the_drill_ends_when_recovery_has_made_it(self):
        place = Place()
        self.addCleanup(place.destroy)
        run("mkdir", "-p", f"{place.directory}/volume/pgbosun", f"{place.directory}/late")
        server = Server.initialise(place).start()
        server.backup("20261121T010000")
        server.sql(f"create tablespace late location '{place.directory}/late'")
        server.switch()
        server.stop()

        done = place.archiver("drill", check=False)

        self.assertEqual(done.returncode, 3, done.stdout)
        self.assertIn(f"recovery made the tablespace in {place.directory}/late", done.stdout)
        self.assertEqual(instance.server_processes(f"{place.directory}/volume/pgbosun/drill/pgdata"), [])


class RaisedLimit(unittest.TestCase):
    """Recovery compares it with what the server that recovers has, and pauses for ever where that may be read meanwhile."""

    @classmethod
    def setUpClass(cls):
        place = cls.place = Place()
        cls.addClassCleanup(place.destroy)
        run("mkdir", "-p", f"{place.directory}/volume/pgbosun")
        server = Server.initialise(place).start()
        server.sql("create table t(i int)")
        server.backup("20261121T010000")
        server.stop()
        server.configure("max_worker_processes = 40\nmax_locks_per_transaction = 128\n")
        server.start()
        server.sql("insert into t values (1)")
        server.switch()
        server.stop()

    def test_a_drill_recovers_over_it(self):
        self.place.archiver("drill", "--check", "select count(*) = 1 from t", timeout=instance.DEADLINE)

    def test_a_copy_by_hand_recovers_over_it(self):
        target, _ = self.place.restore()

        copy = Server(self.place, target).start(wait=False).promoted()

        self.assertEqual(copy.sql("select count(*) from t"), "1")


class DamagedIndex(unittest.TestCase):
    @unittest.skipUnless(os.path.exists(f"{bin_dir()}/pg_amcheck"), "needs pg_amcheck")
    def test_an_index_that_is_out_of_order_fails_the_drill(self):
        place = Place()
        self.addCleanup(place.destroy)
        run("mkdir", "-p", f"{place.directory}/volume/pgbosun")
        server = Server.initialise(place).start()
        server.sql("create table t as select g as i from generate_series(1, 1000) g")
        server.sql("create function order_of(int, int) returns int language sql immutable as 'select btint4cmp($1, $2)'")
        server.sql("create operator class whim for type int using btree as operator 1 <, operator 2 <=, operator 3 =, "
                   "operator 4 >=, operator 5 >, function 1 order_of(int, int)")
        server.sql("create index in_order on t (i whim)")
        # As a new collation version does it.
        server.sql("create or replace function order_of(int, int) returns int language sql immutable as "
                   "'select btint4cmp($2, $1)'")
        server.backup("20261121T010000")
        server.switch()
        server.stop()

        done = place.archiver("drill", "--check", "select count(*) = 1000 from t", check=False)

        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertIn("pg_amcheck: ", done.stdout)
        self.assertIn("in_order", done.stdout + done.stderr)
        self.assertLessEqual(set(os.listdir(f"{place.directory}/volume/pgbosun/drill")), {"lock"})


class Scheduled(instance.Case):
    def test_a_drill_runs_when_it_is_due_and_metrics_tell_its_outcome(self):
        it = self.existing()
        it.config["archive"] = {"destination": f"file://{it.directory}/archive"}
        it.write_config()
        it.start().up()
        # Where an application has it: the checks are made there.
        it.sql("create table t(i int); insert into t values (1)", database="app")
        self.assertEqual(it.http("POST", "/v1/backups?wait=120s").status, 200)

        self.due(it, "select count(*) = 1 from t")
        status = it.wait_status("a drill has succeeded", lambda status: status["drill"]["last_ok"])
        self.assertGreater(status["drill"]["recovery_s"], 0)
        self.assertEqual(status["drill"]["last_id"], status["backup"]["last_id"])
        self.assertIn("schedule", [entry["facts"].get("by") for entry in it.http("GET", "/v1/journal").json["entries"]
                                   if entry["kind"] == "backup"])
        metrics = it.http("GET", "/metrics").text
        self.assertRegex(metrics, r"(?m)^pgbosun_drill_last_success 1$")
        self.assertRegex(metrics, r"(?m)^pgbosun_drill_last_success_timestamp 1[0-9.e+]+")
        self.assertRegex(metrics, r"(?m)^pgbosun_drill_recovery_seconds [0-9.e+-]*[1-9]")

        self.due(it, "select count(*) = 2 from t")
        status = it.wait_status("a drill has failed", lambda status: status["drill"]["last_ok"] is False)
        self.assertIn("select count(*) = 2", status["drill"]["last_error"])
        metrics = it.http("GET", "/metrics").text
        self.assertRegex(metrics, r"(?m)^pgbosun_drill_last_success 0$")
        self.assertRegex(metrics, r"(?m)^pgbosun_drill_last_success_timestamp 1[0-9.e+]+", "the one before is remembered")

    def test_a_drill_by_hand_is_in_the_status_and_the_metrics(self):
        it = self.existing()
        it.config["archive"] = {"destination": f"file://{it.directory}/archive"}
        it.write_config()
        it.start().up()
        self.assertEqual(it.http("POST", "/v1/backups?wait=120s").status, 200)

        drilled = subprocess.run([*as_user(it.user), backups.ARCHIVER, "drill", "--config", it.config_file],
                                 capture_output=True, text=True, check=False, cwd="/")
        self.assertEqual(drilled.returncode, 0, drilled.stdout + drilled.stderr)

        status = it.wait_status("the drill is known", lambda status: status["drill"]["last_ok"])
        self.assertEqual(status["drill"]["last_id"], status["backup"]["last_id"])
        self.assertRegex(it.http("GET", "/metrics").text, r"(?m)^pgbosun_drill_last_success 1$")

    def test_a_drill_that_cannot_begin_is_refused_and_counts_as_none(self):
        it = self.existing()
        it.config["archive"] = {"destination": f"file://{it.directory}/archive"}
        it.write_config()
        it.start().up()
        self.assertEqual(it.http("POST", "/v1/backups?wait=120s").status, 200)

        early = it.http("POST", "/v1/drill?wait=60s", {"to_time": "2020-01-01T00:00:00Z"})
        by_hand = subprocess.Popen([*as_user(it.user), backups.ARCHIVER, "drill", "--config", it.config_file, "--check",
                                    "select pg_sleep(600) is not null"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/")
        try:
            scratch = f"{it.volume}/pgbosun/drill/pgdata"
            wait_for("the server of the drill", lambda: instance.server_processes(scratch))
            second = it.http("POST", "/v1/drill?wait=60s")
            self.due(it, "select true")
            it.wait_log("the scheduled drill is skipped")
        finally:
            by_hand.terminate()
            by_hand.wait(90)

        self.assertEqual(early.status, 409, early)
        self.assertIn("before the end of the oldest backup", early.text)
        self.assertEqual(second.status, 409, second)
        self.assertIn("another drill runs", second.text)
        journal = it.http("GET", "/v1/journal").json["entries"]
        self.assertEqual([entry for entry in journal if "drill" in entry["what"] and "failed" in entry["what"]], [])

    def due(self, it, check):
        it.config["drill"] = {"schedule": "*/2 * * * * *", "checks": [check]}
        it.write_config()
        self.assertEqual(it.client("reload").returncode, 0)


if __name__ == "__main__":
    instance.main()
