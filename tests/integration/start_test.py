"""A start ends in a running server, and a stop in a clean data directory within its budget."""

import os
import signal
import subprocess
import unittest

import instance
from instance import ROOT, Case, alive, process_name, wait_for


class Stop(Case):
    def stop_by(self, number, pid_1):
        it = self.existing(pid_1=pid_1).start().up()
        self.assertEqual(it.sql("create table kept(); select 1"), "1")
        postmaster = it.postmaster()

        exit_status = it.stop(number)

        self.assertEqual(exit_status, 0, it.tail())
        self.assertFalse(alive(postmaster))
        self.assertEqual(instance.server_processes(it.data_directory), [])
        return it

    def test_sigterm_ends_it_cleanly(self):
        it = self.stop_by(signal.SIGTERM, pid_1=False)
        self.assertEqual(it.control_data()["Database cluster state"], "shut down")

    @unittest.skipUnless(ROOT, "a PID namespace needs root")
    def test_sigterm_ends_it_cleanly_as_pid_1(self):
        it = self.stop_by(signal.SIGTERM, pid_1=True)
        self.assertEqual(it.control_data()["Database cluster state"], "shut down")

    def test_sigint_ends_it_cleanly(self):
        it = self.stop_by(signal.SIGINT, pid_1=False)
        self.assertEqual(it.control_data()["Database cluster state"], "shut down")

    def test_sigquit_ends_it_at_once_and_the_next_start_recovers(self):
        it = self.stop_by(signal.SIGQUIT, pid_1=False)
        self.assertEqual(it.control_data()["Database cluster state"], "in production")

        it.start().up()

        self.assertEqual(it.sql("select count(*) from kept"), "0")

    def test_a_stop_with_a_hundred_idle_sessions_is_clean(self):
        it = self.existing({"postgresql": {"parameters": {"max_connections": 110},
                                           "pg_hba": ["host all all 127.0.0.1/32 trust"]}}).start().up()
        sessions = [instance.raw_session(it.port, user="postgres", database="postgres") for _ in range(100)]

        exit_status = it.stop(signal.SIGTERM)

        self.assertEqual(exit_status, 0)
        self.assertEqual(it.control_data()["Database cluster state"], "shut down")
        for session in sessions:
            session.close()

    def test_a_backend_that_does_not_end_is_killed_when_the_time_for_the_stop_is_over(self):
        it = self.existing({"shutdown": {"timeout": "7s", "checkpoint_timeout": "1s"}}).start().up()
        client = subprocess.Popen(it.psql_command() + ["-c", "select pg_sleep(600)"], stderr=subprocess.DEVNULL)
        self.addCleanup(client.wait)
        instance._started.add(client.pid)
        backend = wait_for("the backend sleeps", lambda: it.sql(
            "select pid from pg_stat_activity where query ~ '^select pg_sleep'"))
        os.kill(int(backend), signal.SIGSTOP)

        exit_status = it.stop(signal.SIGTERM)

        self.assertEqual(exit_status, 0)
        self.assertEqual(instance.server_processes(it.data_directory), [])


class Signals(Case):
    def stop_during_initdb(self, number, pid_1):
        it = self.make(pid_1=pid_1).start()
        wait_for("initdb runs", lambda: any(process_name(pid) in ("initdb", "postgres")
                                            for pid in instance.descendants(it.process.pid)))

        exit_status = it.stop(number)

        self.assertEqual(exit_status, 0, it.tail())
        self.assertEqual(instance.server_processes(it.data_directory), [])
        it.start().up()
        self.assertEqual(it.sql("select 1"), "1")

    def test_sigterm_during_initdb_ends_it_and_the_next_start_begins_anew(self):
        self.stop_during_initdb(signal.SIGTERM, pid_1=False)

    @unittest.skipUnless(ROOT, "a PID namespace needs root")
    def test_sigquit_during_initdb_as_pid_1_ends_it_and_the_next_start_begins_anew(self):
        self.stop_during_initdb(signal.SIGQUIT, pid_1=True)

    def test_a_broken_configuration_ends_it_with_2_and_the_line(self):
        it = self.make({"volume": "not/absolute"}).start()

        self.assertEqual(it.wait_exit(), 2)
        self.assertRegex(it.log(), r"pgbosun\.yaml:\d+.*volume")


if __name__ == "__main__":
    instance.main()
