"""Who else may be on the data directory: nobody, a stale postmaster.pid, a real server, another pgbosun."""

import os
import signal
import subprocess
import time
import unittest

import instance
from instance import ROOT, Case, alive, as_user, bin_dir, wait_for


def pid_file(it, pid, started=None):
    return f"{pid}\n{it.data_directory}\n{int(time.time()) if started is None else started}\n5432\n/tmp\n*\n0 0\nready\n"


class StalePidFile(Case):
    def comes_up_with(self, text, **options):
        it = self.existing(**options)
        it.write_file(f"{it.data_directory}/postmaster.pid", text(it) if callable(text) else text, 0o600)
        it.start().up()
        self.assertEqual(it.status()["postgres"]["restarts"], 0)
        self.assertEqual(it.stop(signal.SIGINT), 0)

    def process(self, *command):
        process = subprocess.Popen(command)
        instance._started.add(process.pid)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process.pid

    @unittest.skipUnless(ROOT, "a PID namespace needs root")
    def test_one_that_names_our_own_pid_is_stale(self):
        self.comes_up_with(lambda it: pid_file(it, 1), pid_1=True)

    @unittest.skipUnless(ROOT, "a PID namespace needs root")
    def test_one_that_names_the_pid_that_the_new_postmasters_child_may_get_is_stale(self):
        self.comes_up_with(lambda it: pid_file(it, 3), pid_1=True)

    def test_one_that_names_another_live_process_of_our_user_is_stale(self):
        other = self.process(*as_user("postgres"), "sleep", "600")
        self.comes_up_with(lambda it: pid_file(it, other))

    @unittest.skipUnless(ROOT, "a process of another user needs root")
    def test_one_that_names_a_live_process_of_another_user_is_stale(self):
        other = self.process("sleep", "600")
        self.comes_up_with(lambda it: pid_file(it, other))

    def test_one_that_names_a_zombie_is_stale(self):
        zombie = self.process("true")
        wait_for("it is a zombie", lambda: not alive(zombie))
        self.comes_up_with(lambda it: pid_file(it, zombie))

    def test_one_that_names_nobody_is_stale(self):
        self.comes_up_with(lambda it: pid_file(it, 4_000_000))

    def test_one_that_is_garbage_is_put_aside(self):
        self.comes_up_with("\0\1garbage" * 20)

    def test_one_that_is_empty_is_put_aside(self):
        self.comes_up_with("")


class SecondServer(Case):
    def foreign_server(self, it):
        sockets = f"{it.directory}/s"
        os.mkdir(sockets, 0o755)
        it._give(sockets)
        server = subprocess.Popen(
            as_user(it.user) + [f"{bin_dir()}/postgres", "-D", it.data_directory, "-p", str(it.port), "-h", "",
                                "-k", sockets, "-c", "logging_collector=off", "-c", "log_destination=stderr"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/")
        instance._started.add(server.pid)
        self.addCleanup(server.wait)
        self.addCleanup(server.kill)

        def ready():
            try:
                with open(f"{it.data_directory}/postmaster.pid", encoding="latin-1") as file:
                    return "ready" in file.read()
            except FileNotFoundError:
                return False
        wait_for("the other server is up", ready)
        return server

    def test_a_real_server_on_the_directory_is_left_alone_and_its_end_starts_ours(self):
        it = self.existing()
        server = self.foreign_server(it)

        it.start()
        status = it.wait_status("it says who is there", lambda status: str(server.pid) in (status["reason"] or ""))
        self.assertIsNotNone(status["hint"])
        self.assertFalse(status["ready"])
        self.assertIsNone(server.poll())

        server.send_signal(signal.SIGINT)
        server.wait()
        it.up()

    def test_a_stop_leaves_the_other_server_alone(self):
        it = self.existing()
        server = self.foreign_server(it)
        it.start()
        it.wait_status("it says who is there", lambda status: str(server.pid) in (status["reason"] or ""))

        self.assertEqual(it.stop(), 0)

        self.assertIsNone(server.poll())
        self.assertTrue(alive(server.pid))

    def test_a_fence_leaves_the_other_server_alone(self):
        it = self.existing()
        server = self.foreign_server(it)
        it.start()
        it.wait_status("it says who is there", lambda status: str(server.pid) in (status["reason"] or ""))

        self.assertEqual(it.http("POST", "/v1/fence?wait=30s", {"reason": "a test"}).status, 200)

        self.assertTrue(alive(server.pid))


class SecondAgent(Case):
    def test_a_second_pgbosun_on_the_same_volume_ends_with_1_and_names_the_holder(self):
        first = self.existing().start().up()
        second = self.make({"volume": first.volume})

        second.start()

        self.assertEqual(second.wait_exit(), 1)
        self.assertRegex(second.log(), rf"another pgbosun holds .*pid {first.pid}\b")
        self.assertTrue(first.status()["ready"])
        self.assertEqual(first.sql("select 1"), "1")

    @unittest.skipUnless(ROOT, "a PID namespace needs root")
    def test_a_second_pgbosun_in_another_pid_namespace_is_refused_too(self):
        first = self.existing().start().up()
        second = self.make({"volume": first.volume}, pid_1=True)

        second.start()

        self.assertEqual(second.wait_exit(), 1)
        self.assertIn("another pgbosun holds", second.log())
        self.assertTrue(first.status()["ready"])


if __name__ == "__main__":
    instance.main()
