"""What `pgbosun restore` prints is done, word for word, beside the instance that the backup is of."""

import os
import shlex
import subprocess

import instance
from barman_backups import ARCHIVER
from instance import Case, as_user, wait_for


class ByHand(Case):
    """t holds 1 at the backup and 2 in the archive's WAL."""

    def setUp(self):
        it = self.it = self.existing()
        it.config["archive"] = {"destination": f"file://{it.directory}/archive", "server_name": "srvh"}
        it.write_config()
        it.start().up()
        it.sql("create table t(i int); insert into t values (1)")
        answer = it.http("POST", "/v1/backups?wait=120s")
        self.assertEqual(answer.status, 200, answer)
        it.sql("insert into t values (2)")
        it.sql("select pg_switch_wal()")
        wait_for("all is archived", lambda: it.status()["archive"]["backlog"] == 0 and it.sql(
            "select count(*) from pg_stat_archiver where last_archived_wal >= pg_walfile_name(pg_current_wal_lsn() - 1)"))

    def restore(self, target, *options):
        command = [*as_user(self.it.user), ARCHIVER, "restore", "--config", self.it.config_file, "--target", target, *options]
        return subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")

    def typed(self, line):
        """A line that was printed, as a person types it."""
        command = [*as_user(self.it.user), "sh", "-c", line]
        environment = {"PATH": f"{instance.bin_dir()}:{os.environ['PATH']}", "LC_ALL": "C"}
        return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, cwd="/",
                              stdin=subprocess.DEVNULL, env=environment, timeout=instance.DEADLINE)

    def test_the_printed_commands_start_a_copy_that_the_live_instance_does_not_notice(self):
        it = self.it
        target = f"{it.directory}/the copy"
        done = self.restore(target)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        lines = [line.removeprefix("next:").strip() for line in done.stdout.splitlines()]
        start = next(line for line in lines if "pg_ctl" in line)
        ask = next(line for line in lines if line.startswith("psql"))
        before = len(it.records("all"))

        started = self.typed(start)
        self.assertEqual(started.returncode, 0, started.stdout)
        self.addCleanup(self.typed, f"pg_ctl -D {shlex.quote(target)} -m immediate stop")
        wait_for("the end of its recovery", lambda: self.typed(f"{ask} -Atc 'select pg_is_in_recovery()'").stdout.strip() == "f")
        rows = self.typed(f"{ask} -Atc 'select count(*) from t'").stdout.strip()
        # It takes writes, archives nothing, listens nowhere else.
        written = self.typed(f"{ask} -Atc 'create table own(i int)'")
        shown = self.typed(f"{ask} -Atc 'show listen_addresses' -c 'show archive_mode' -c 'show log_destination' "
                           "-c 'show max_logical_replication_workers'").stdout
        stopped = self.typed(f"pg_ctl -D {shlex.quote(target)} -m fast stop")

        self.assertEqual(rows, "2")
        self.assertEqual(written.returncode, 0, written.stdout)
        self.assertEqual(shown.splitlines(), ["", "off", "stderr", "0"], "subscriptions of the original's would run")
        self.assertEqual(stopped.returncode, 0, stopped.stdout)
        # The live one's log has what is its own.
        foreign = [record for record in it.records("all")[before:] if record.get("logger") == "postgres" and
                   any(word in str(record) for word in ("recovery", "starting PostgreSQL", "shutting down", "shut down"))]
        self.assertEqual(foreign, [])
        with open(f"{target}/restored.log", encoding="utf-8") as log:
            self.assertIn("archive recovery complete", log.read())
        self.assertTrue(it.status()["ready"])

    def test_as_the_volumes_data_it_recovers_although_the_file_names_another_archive_by_then(self):
        it = self.it
        second = self.make({"archive": {"destination": f"file://{it.directory}/archive", "server_name": "srvh"}})
        done = subprocess.run([*as_user(it.user), ARCHIVER, "restore", "--config", second.config_file, "--target",
                               second.data_directory], capture_output=True, text=True, check=False, cwd="/")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

        # In the file that the restore was told.
        second.config["archive"]["server_name"] = "srvi"
        second.write_config()
        second.start().up()
        status = second.wait_status("its recovery is over", lambda status: status["role"] == "primary")

        self.assertEqual(second.sql("select count(*) from t"), "2")
        self.assertEqual(status["timeline"], 2)
        # What was for a copy that is started by hand is gone, with the recovery.
        second.stop()
        second.start().up()
        with open(f"{second.data_directory}/postgresql.auto.conf", encoding="utf-8") as file:
            names = [line.split("=")[0].strip() for line in file if line.strip() and not line.startswith("#")]
        self.assertEqual(names, [])
        self.assertEqual(second.sql("show unix_socket_directories"), f'"{second.run_dir}"')
        self.assertEqual(second.sql("show archive_mode"), "on")
        self.assertEqual(second.sql("show max_logical_replication_workers"), "4")
        self.assertEqual(second.sql("show hot_standby"), "on")
        wait_for("it archives", lambda: os.path.isdir(f"{it.directory}/archive/srvi/wals"))

    def test_a_time_as_pgbosun_prints_it_is_recovered_to(self):
        it = self.it
        time = it.sql("select to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')")
        it.sql("insert into t values (3)")
        it.sql("select pg_switch_wal()")
        wait_for("all is archived", lambda: self.restore(f"{it.directory}/timed", "--to-time", time).returncode == 0)

        started = self.typed(f"pg_ctl -D {it.directory}/timed -l {it.directory}/timed/restored.log start")
        self.assertEqual(started.returncode, 0, started.stdout)
        self.addCleanup(self.typed, f"pg_ctl -D {it.directory}/timed -m immediate stop")
        ask = f"psql -h {it.directory}/timed -p {it.port} -U postgres -Atc"
        wait_for("the end of its recovery", lambda: self.typed(f"{ask} 'select pg_is_in_recovery()'").stdout.strip() == "f")
        self.assertEqual(self.typed(f"{ask} 'select count(*) from t'").stdout.strip(), "2")

    def test_what_is_written_wrongly_is_wrong_usage_and_makes_nothing(self):
        target = f"{self.it.directory}/wrong"
        for words in (["--to-time", "yesterday"], ["--to-time", "2026-11-21 10:00:00"], ["--to-lsn", "x"],
                      ["--to-xid", "x"], ["--timeline", "x"], ["--tablespace", "x"], ["--exclusive"],
                      ["--tablespace", "fast=/a", "--tablespace", "fast=/b"]):
            with self.subTest(words):
                done = self.restore(target, *words)
                self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
                self.assertFalse(os.path.exists(target))
        self.assertIn("twice", done.stdout + done.stderr)
        drilled = subprocess.run([*as_user(self.it.user), ARCHIVER, "drill", "--config", self.it.config_file, "--to-time", "x"],
                                 capture_output=True, text=True, check=False, cwd="/")
        self.assertEqual(drilled.returncode, 2, drilled.stdout + drilled.stderr)

    def test_a_file_system_that_gets_full_in_the_middle_is_a_failure(self):
        if not instance.ROOT:
            self.skipTest("needs root")
        it = self.it
        # With one nobody looks for room before.
        fast = f"{it.directory}/fast"
        os.mkdir(fast, 0o700)
        it._give(fast)
        it.sql(f"create tablespace fast location '{fast}'")
        it.sql("create table large as select repeat('x', 1000) as x from generate_series(1, 60000)")
        self.assertEqual(it.http("POST", "/v1/backups?wait=120s").status, 200)
        size = sum(os.path.getsize(f"{place}/{name}") for place, _, names in os.walk(it.data_directory) for name in names
                   if "/pg_wal" not in place)
        place = f"{it.directory}/small"
        os.mkdir(place)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size * 3 // 4},mode=0777", "tmpfs", place], check=True)
        self.addCleanup(subprocess.run, ["umount", place], check=True)

        done = self.restore(f"{place}/copy", "--tablespace", f"fast={it.directory}/moved")

        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertIn("No space left", done.stdout)
        self.assertFalse(os.path.exists(f"{place}/copy"))


if __name__ == "__main__":
    instance.main()
