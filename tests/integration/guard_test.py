"""Postgres never outlives the one who answers for it."""

import os
import signal
import unittest

import instance
from instance import ROOT, Case, alive, send, wait_for


class Guard(Case):
    def nothing_left(self, it):
        wait_for("nothing of postgres is left", lambda: not instance.server_processes(it.data_directory))

    def test_a_killed_pgbosun_takes_postgres_along_and_starts_again_on_what_is_left(self):
        it = self.existing().start().up()
        it.sql("create table kept()")

        it.send_signal(signal.SIGKILL)
        it.wait_exit()

        self.nothing_left(it)
        self.assertTrue(os.path.exists(it.control_socket))
        it.start().up()
        self.assertEqual(it.sql("select count(*) from kept"), "0")
        self.assertEqual(it.stop(), 0)

    def test_it_starts_again_after_everything_was_killed_at_once(self):
        it = self.existing().start().up()
        it.sql("create table kept()")
        everything = instance.descendants(it.process.pid) | {it.process.pid}

        for pid in sorted(everything):
            send(pid, signal.SIGSTOP)
        for pid in everything:
            send(pid, signal.SIGKILL)
        it.wait_exit()

        self.nothing_left(it)
        self.assertTrue(os.path.exists(f"{it.data_directory}/postmaster.pid"))
        self.assertTrue(os.path.exists(f"{it.run_dir}/.s.PGSQL.{it.port}"))
        it.start().up()
        self.assertEqual(it.sql("select count(*) from kept"), "0")

    def test_a_killed_pgbosun_takes_a_stopped_postgres_along_too(self):
        it = self.existing().start().up()
        for pid in instance.server_processes(it.data_directory):
            os.kill(pid, signal.SIGSTOP)

        it.send_signal(signal.SIGKILL)
        it.wait_exit()

        self.nothing_left(it)

    @unittest.skipUnless(ROOT, "a PID namespace needs root")
    def test_a_killed_pid_1_takes_everything_along(self):
        it = self.existing(pid_1=True).start().up()
        everything = instance.descendants(it.process.pid)

        it.send_signal(signal.SIGKILL)
        it.wait_exit()

        wait_for("all are gone", lambda: not any(alive(pid) for pid in everything))
        it.start().up()

    def test_a_pgbosun_that_does_not_respond_loses_postgres_and_comes_back_by_itself(self):
        it = self.existing({"lease": {"standalone_guard": "2s"}}).start().up()
        it.sql("create table kept()")

        it.send_signal(signal.SIGSTOP)
        self.nothing_left(it)
        it.send_signal(signal.SIGCONT)

        it.wait_status("postgres is back", lambda status: status["ready"] and status["postgres"]["restarts"] == 1)
        self.assertEqual(it.sql("select count(*) from kept"), "0")

    def test_a_killed_guard_is_replaced_and_postgres_goes_on(self):
        it = self.existing().start().up()
        postmaster = it.postmaster()
        guard = it.processes()["pgbosun-guard"]

        os.kill(guard, signal.SIGKILL)

        wait_for("another guard is there", lambda: it.processes().get("pgbosun-guard") not in (None, guard))
        self.assertEqual(it.postmaster(), postmaster)
        self.assertEqual(it.sql("select 1"), "1")
        it.wait_log("guard has ended")
        it.send_signal(signal.SIGKILL)
        it.wait_exit()
        self.nothing_left(it)


if __name__ == "__main__":
    instance.main()
