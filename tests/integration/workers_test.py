"""A disk that hangs is named and blocks nobody: the children that touch it are stopped, as a wedged disk would."""

import os
import signal

import instance
import metrics_test
from instance import Case, alive, wait_for


QUICK = {"monitor": {"volume_deadline": "1s", "interval": "500ms"}, "shutdown": {"timeout": "20s"}}


class WalVolume(Case):
    def test_a_volume_for_wal_that_hangs_is_named_and_the_one_for_data_is_not(self):
        it = self.make(QUICK)
        check = f"{it.wal_volume()}/.pgbosun-volume-check"
        it.start().up()
        wait_for("the volume is watched", lambda: os.path.exists(check))
        os.unlink(check)
        os.mkfifo(check, 0o600)
        it._give(check)

        status = it.wait_status("the volume hangs", lambda status: any(
            volume["hangs_for_s"] is not None for volume in status["volumes"]))
        self.assertEqual([volume["name"] for volume in status["volumes"] if volume["hangs_for_s"] is not None], ["wal"])
        self.assertIn("the wal volume hangs", status["reason"])
        self.assertIn("the wal volume hangs", it.http("GET", "/readyz").text)
        wait_for("its metric says so, and that data's works", lambda: [metrics_test.value(
            metrics_test.scrape(it), "pgbosun_volume_hang_seconds", volume=name) > 0 for name in ("wal", "data")]
            == [True, False])

        with open(check, "rb"):
            os.unlink(check)
            it.wait_status("it is ready", lambda status: status["ready"])


class Workers(Case):
    def setUp(self):
        self.it = self.existing(QUICK).start().up()

    def stop_child(self, name):
        child = wait_for(f"{name} is there", lambda: self.it.processes().get(name))
        os.kill(child, signal.SIGSTOP)
        return child

    def test_a_volume_that_hangs_is_named_with_the_time_and_makes_it_unready_until_it_works_again(self):
        # A FIFO blocks whoever opens it, until somebody reads: the child hangs in a system call.
        check = f"{self.it.volume}/pgbosun/.pgbosun-volume-check"
        os.unlink(check)
        os.mkfifo(check, 0o600)
        self.it._give(check)

        status = self.it.wait_status("the volume hangs", lambda status: any(
            volume["hangs_for_s"] is not None for volume in status["volumes"]))
        self.assertIn("hangs", status["reason"])
        self.assertEqual(status["volumes"][0]["name"], "data")
        probe = self.it.http("GET", "/readyz")
        self.assertEqual(probe.status, 503)
        self.assertIn("hangs", probe.text)
        self.assertEqual(self.it.http("GET", "/livez").status, 200)
        wait_for("the metric of this volume says for how long", lambda: metrics_test.value(
            metrics_test.scrape(self.it), "pgbosun_volume_hang_seconds", volume="data") > 0)

        with open(check, "rb"):
            os.unlink(check)
            self.it.wait_status("it is ready", lambda status: status["ready"])

    def test_a_killed_volume_watch_is_replaced(self):
        child = wait_for("it is there", lambda: self.it.processes().get("pgbosun-volume"))
        os.kill(child, signal.SIGKILL)

        wait_for("another one is there", lambda: self.it.processes().get("pgbosun-volume") not in (None, child))
        self.it.wait_status("it is ready", lambda status: status["ready"])

    def test_while_file_work_hangs_pgbosun_answers_and_a_fence_stops_postgres_and_is_stored_later(self):
        child = self.stop_child("pgbosun-files")

        for path in ("/livez", "/readyz", "/metrics", "/v1/status", "/v1/journal"):
            self.assertIn(self.it.http("GET", path).status, (200, 503), path)
        self.it.http("POST", "/v1/fence", {"reason": "a test"})
        self.it.wait_status("postgres is stopped", lambda status: status["postgres"]["pid"] is None)
        wait_for("the child that hangs is replaced", lambda: not alive(child))
        answer = self.it.http("POST", "/v1/fence?wait=60s", {"reason": "a test"})
        self.assertEqual(answer.status, 200, answer)
        self.assertTrue(os.path.exists(f"{self.it.volume}/pgbosun/fence"))

    def test_while_a_mounted_file_cannot_be_read_a_fence_is_stored_at_once(self):
        child = self.stop_child("pgbosun-mounts")

        os.kill(self.it.pid, signal.SIGHUP)
        answer = self.it.http("POST", "/v1/fence?wait=60s", {"reason": "a test"})

        self.assertEqual(answer.status, 200, answer)
        self.assertTrue(os.path.exists(f"{self.it.volume}/pgbosun/fence"))
        self.assertTrue(alive(child), "the fence has waited for the file")

    def test_a_killed_file_worker_is_replaced_and_nothing_is_lost(self):
        child = wait_for("it is there", lambda: self.it.processes().get("pgbosun-files"))
        os.kill(child, signal.SIGKILL)

        answer = self.it.http("POST", "/v1/fence?wait=60s", {"reason": "a test"})

        self.assertEqual(answer.status, 200, answer)
        self.assertTrue(os.path.exists(f"{self.it.volume}/pgbosun/fence"))

    def test_a_stop_while_file_work_hangs_ends_within_its_budget(self):
        self.stop_child("pgbosun-files")

        self.assertEqual(self.it.stop(budget=20), 0)

        self.assertEqual(instance.server_processes(self.it.data_directory), [])


if __name__ == "__main__":
    instance.main()
