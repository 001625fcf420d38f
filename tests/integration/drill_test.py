"""A drill proves a backup beside the archive, says what is wrong with one, and leaves nothing behind."""

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

    def test_a_check_that_does_not_hold_is_named(self):
        done = self.drill("--check", "select count(*) = 2 from t", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("select count(*) = 2 from t", done.stdout)

    def test_a_missing_segment_fails_the_drill(self):
        base = f"{self.place.archive}/orders/base/{self.backup}/backup.info"
        with open(base, encoding="utf-8") as file:
            begin = [line for line in file if line.startswith("begin_wal")][0].strip().split("=")[1]
        path = f"{self.place.archive}/orders/wals/{begin[:16]}/{begin}"
        os.rename(path, f"{self.place.directory}/hidden")
        try:
            done = self.drill(check=False)
        finally:
            os.rename(f"{self.place.directory}/hidden", path)
        self.assertNotEqual(done.returncode, 0)

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


if __name__ == "__main__":
    unittest.main(verbosity=2)
