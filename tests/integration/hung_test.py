"""A postgres that hangs, a long checkpoint or a backup: status tells, and every probe is answered at once."""

import signal
import subprocess
import unittest

import instance
from instance import Case, wait_for

HANGS = 30.0  # seconds; from memory an answer takes milliseconds, and who waits for what is stopped waits for ever


class Hung(Case):
    @classmethod
    def setUpClass(cls):
        cls.it = instance.Instance({"monitor": {"query_timeout": "1s"}})
        cls.addClassCleanup(cls.it.destroy)
        instance.Template.fill(cls.it)
        cls.it.start().up()
        cls.shared = cls.it

    def answers_at_once(self, path, status):
        answer = self.it.http("GET", path, timeout=HANGS)
        self.assertEqual(answer.status, status, f"{path}: {answer}")
        return answer

    def test_a_stopped_postmaster_is_told_though_the_sessions_that_there_are_answer(self):
        postmaster = self.it.postmaster()
        instance.send(postmaster, signal.SIGSTOP)
        try:
            status = self.it.wait_status("status says that it is silent",
                                         lambda status: status["postgres"]["silent_for_s"] is not None)
            self.assertEqual((status["phase"], status["ready"]), ("running", False))
            self.assertIn("its postmaster is stopped", status["reason"])
        finally:
            instance.send(postmaster, signal.SIGCONT)
        self.it.wait_status("it is ready again", lambda status: status["ready"])
        self.assertEqual(self.it.postmaster(), postmaster)

    def test_a_stopped_postgres_is_told_and_no_answer_waits_for_it(self):
        postmaster = self.it.postmaster()
        tree = [postmaster, *instance.descendants(postmaster)]
        for pid in tree:
            instance.send(pid, signal.SIGSTOP)
        try:
            status = self.it.wait_status("status says that it is silent",
                                         lambda status: status["postgres"]["silent_for_s"] is not None)
            self.assertEqual((status["phase"], status["role"], status["ready"]), ("running", "primary", False))
            self.assertIn("does not answer", status["reason"])
            self.assertTrue(status["hint"])
            self.assertIn("does not answer", self.answers_at_once("/readyz", 503).text)
            self.assertIn("does not answer", self.answers_at_once("/health", 503).text)
            for path, expected in (("/livez", 200), ("/startupz", 200), ("/primary", 200), ("/v1/status", 200),
                                   ("/v1/journal", 200)):
                self.answers_at_once(path, expected)
            metrics = self.answers_at_once("/metrics", 200).text
            self.assertIn("pgbosun_postgres_silent 1", metrics)
            self.assertEqual(self.it.http("POST", "/v1/demote", timeout=HANGS).status, 409)
            self.assertRegex(self.it.client("status").stdout, r"(?m)^ +(postgres +)?does not answer for \d")
        finally:
            for pid in tree:
                instance.send(pid, signal.SIGCONT)

        recovered = self.it.wait_status("it is ready again", lambda status: status["ready"])

        self.assertIsNone(recovered["postgres"]["silent_for_s"])
        self.assertEqual(self.it.postmaster(), postmaster)
        self.assertEqual(recovered["postgres"]["restarts"], 0)

    def test_a_stopped_postgres_can_still_be_fenced(self):
        it = self.existing({"shutdown": {"timeout": "3s"}, "monitor": {"query_timeout": "1s"}}).start().up()
        postmaster = it.postmaster()
        for pid in [postmaster, *instance.descendants(postmaster)]:
            instance.send(pid, signal.SIGSTOP)

        answer = it.http("POST", "/v1/fence?wait=60s")

        self.assertEqual(answer.status, 200, answer)
        self.assertEqual(instance.server_processes(it.data_directory), [])

    def test_a_running_backup_and_a_slow_checkpoint_starve_no_probe(self):
        self.it.sql("create table filled as select i, repeat('x', 500) from generate_series(1, 20000) i")
        script = ("select pg_backup_start('test', true) is not null;\n"
                  "select pg_backup_stop(false) is not null;\n")
        backup = subprocess.Popen(self.it.psql_command(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                  stderr=subprocess.DEVNULL)
        instance._started.add(backup.pid)
        self.addCleanup(backup.wait)
        backup.stdin.write(script.split("\n", 1)[0] + "\n")
        backup.stdin.flush()
        self.assertEqual(backup.stdout.readline().strip(), "t")
        checkpointer = int(self.it.sql("select pid from pg_stat_activity where backend_type = 'checkpointer'"))
        instance.send(checkpointer, signal.SIGSTOP)
        waiting = subprocess.Popen(self.it.psql_command() + ["-c", "checkpoint"], stderr=subprocess.DEVNULL)
        instance._started.add(waiting.pid)
        self.addCleanup(waiting.wait)
        try:
            wait_for("the checkpoint is under way", lambda: self.it.sql(
                "select count(*) from pg_stat_activity where query = 'checkpoint' and wait_event is not null") == "1")
            ours = subprocess.Popen([instance.PGBOSUN, "checkpoint", "--wait", "0", "--socket", self.it.control_socket],
                                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            instance._started.add(ours.pid)
            self.addCleanup(ours.wait)

            ages = []

            def gathered_again():
                for path in ("/readyz", "/livez", "/primary", "/health"):
                    self.answers_at_once(path, 200)
                status = self.answers_at_once("/v1/status", 200).json
                self.assertIsNone(status["postgres"]["silent_for_s"])
                self.answers_at_once("/metrics", 200)
                ages.append(status["facts_age_s"])
                return sum(later < earlier for earlier, later in zip(ages, ages[1:])) >= 3
            wait_for("facts are gathered while the checkpoint runs", gathered_again)
        finally:
            instance.send(checkpointer, signal.SIGCONT)
        backup.stdin.write(script.split("\n", 1)[1])
        backup.stdin.close()
        self.assertEqual(backup.wait(60), 0)


if __name__ == "__main__":
    instance.main()
