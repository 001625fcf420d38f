"""Backups through PID 1: begun over HTTP and by the command line, shown, cancelled, refused; what is left of them."""


import json
import os
import re
import signal
import subprocess

import archives
import instance
from instance import PGBOSUN, Case, alive, children, process_name, wait_for




class Backups(Case):
    def setUp(self):
        self.it = self.make()
        self.archive = f"{self.it.directory}/archive"
        self.it.config["archive"] = {"destination": f"file://{self.archive}"}
        self.it.write_config()
        instance.Template.fill(self.it)

    def up(self):
        return self.it.start().up()

    def slow(self):
        """A backup reads so little a second that it lasts for the whole test."""
        self.it.config["archive"]["data"] = {"max_rate": "256kB"}
        self.it.write_config()
        return self.up()

    def job(self):
        """The process of the backup, as we see it."""
        for pid in children(self.it.pid):
            if process_name(pid).startswith("pgbosun-archiv") and "backup" in instance.command_line(pid):
                return pid
        return None

    def begin(self, **fields):
        answer = self.it.http("POST", "/v1/backups", fields or None)
        self.assertEqual(answer.status, 202, answer)
        return answer.json["id"]

    def test_a_backup_is_begun_shown_and_listed_and_metrics_know_it(self):
        it = self.up()
        answer = it.http("POST", "/v1/backups?wait=60s", {"name": "nightly"})
        self.assertEqual(answer.status, 200, answer)
        name = answer.json["id"]
        self.assertRegex(name, r"^\d{8}T\d{6}$")

        status = it.wait_status("the catalog has it", lambda status: status["backup"]["last_id"] == name)
        self.assertIsNone(status["backup"]["running"])
        self.assertIsNotNone(status["backup"]["first_recoverable_at"])
        self.assertEqual(status["backup"]["holes"], [])
        listed = it.http("GET", "/v1/backups").json
        self.assertEqual([(backup["id"], backup["state"], backup["name"]) for backup in listed["backups"]],
                         [(name, "done", "nightly")])
        self.assertEqual(it.http("GET", f"/v1/backups/{name}").json["id"], name)
        self.assertEqual(it.http("DELETE", f"/v1/backups/{name}", {"only_running": True}).status, 409)
        self.assertEqual(it.http("GET", f"/v1/backups/{name}").status, 200)
        self.assertEqual(it.http("GET", "/v1/backups/nightly").json["id"], name)
        self.assertEqual(it.http("GET", "/v1/backups/20000101T000000").status, 404)
        metrics = it.http("GET", "/metrics").text
        self.assertRegex(metrics, r"(?m)^cnpg_collector_last_available_backup_timestamp 1[0-9.e+]+")
        self.assertRegex(metrics, r"(?m)^cnpg_collector_first_recoverability_point 1[0-9.e+]+")
        self.assertRegex(metrics, r"(?m)^pgbosun_backup_taken_total 1$")
        events = [entry["what"] for entry in it.http("GET", "/v1/journal").json["entries"] if entry["kind"] == "backup"]
        self.assertIn(f"backup {name} is done", events)

        # The catalog is read again by the next life.
        self.assertEqual(it.stop(), 0)
        it.start().up()
        it.wait_status("it is known again", lambda status: status["backup"]["last_id"] == name)

        # It is the only one: no failure, but a refusal with its hint.
        refused = it.http("DELETE", f"/v1/backups/{name}?wait=60s")
        self.assertEqual(refused.status, 409, refused)
        self.assertIn("is the only one that is done", refused.json["detail"])
        self.assertIn(f"pgbosun backup delete --force {name}", refused.json["hint"])
        self.assertEqual(it.http("GET", f"/v1/backups/{name}").status, 200)

    def program(self, *words):
        return subprocess.run(instance.as_user(self.it.user) + [PGBOSUN, *words, "--config", self.it.config_file],
                              capture_output=True, text=True, check=False, cwd="/", timeout=instance.DEADLINE)

    def test_what_is_of_another_cluster_is_neither_changed_nor_shown_as_this_ones(self):
        it = self.up()
        for name in ("one", "two"):
            self.assertEqual(it.http("POST", "/v1/backups?wait=60s", {"name": name}).status, 200)
        first = it.wait_status("both are there", lambda status: status["backup"]["count"] == 2)["backup"]["last_id"]
        self.assertEqual(it.stop(), 0)
        path = f"{self.archive}/orders/pgbosun/identity.json"
        with open(path, encoding="utf-8") as file:
            identity = json.load(file)
        it.write_file(path, json.dumps({**identity, "system_id": "4242"}))
        before = sorted(os.listdir(f"{self.archive}/orders/base"))

        for words in (("delete", "oldest"), ("expire",), ("keep", "latest"), ("keep", "--release", "latest")):
            refused = self.program("backup", *words)
            self.assertEqual(refused.returncode, 3, refused.stdout + refused.stderr)
            self.assertIn("is the archive of the cluster with system identifier 4242", refused.stderr)
        self.assertEqual(sorted(os.listdir(f"{self.archive}/orders/base")), before)

        it.start().up()
        status = it.wait_status("it is known", lambda status: status["backup"]["catalog_error"])
        self.assertIn("is of the cluster with system identifier 4242", status["backup"]["catalog_error"])
        self.assertIsNone(status["backup"]["last_id"])
        self.assertRegex(it.http("GET", "/metrics").text, r"(?m)^cnpg_collector_last_available_backup_timestamp 0")
        self.assertEqual(it.http("DELETE", f"/v1/backups/{first}?wait=60s").status, 409)
        self.assertEqual(sorted(os.listdir(f"{self.archive}/orders/base")), before)

        # Where there is no data, the configuration alone decides.
        self.assertEqual(it.stop(), 0)
        os.rename(it.data_directory, it.data_directory + ".away")
        self.assertEqual(self.program("backup", "delete", "oldest").returncode, 0)

    def test_an_encrypted_archive_without_its_key_says_so_and_looks_neither_damaged_nor_empty(self):
        it = self.it
        key = it.write_file(f"{it.directory}/key", "a" * 64)
        it.config["archive"]["encryption"] = {"key_file": key}
        it.write_config()
        self.up()
        self.assertEqual(it.http("POST", "/v1/backups?wait=60s", {"name": "one"}).status, 200)
        self.assertEqual(it.stop(), 0)
        del it.config["archive"]["encryption"]
        it.write_config()

        for words in (("backup", "list"), ("backup", "expire", "--dry-run"), ("backup", "delete", "oldest"), ("wal", "verify"),
                      ("restore", "--target", f"{it.directory}/restored")):
            refused = self.program(*words)
            said = refused.stdout + refused.stderr
            self.assertEqual(refused.returncode, 3, f"{words}: {said}")
            self.assertIn("and archive.encryption is not configured", said)
            self.assertIn("archive.encryption.key_file", said)
            self.assertNotIn("delete it", said)

        it.start().up()
        status = it.wait_status("it is known", lambda status: status["backup"]["catalog_error"])
        self.assertIn("archive.encryption is not configured", status["backup"]["catalog_error"])
        archives.switch(it)
        status = it.wait_status("archiving says it too", lambda status: status["archive"]["last_error"])
        self.assertIn("archive.encryption is not configured", status["archive"]["last_error"])

    def test_what_a_backup_lacks_or_tells_wrongly_is_found_by_verify(self):
        self.up()
        backup = self.it.http("POST", "/v1/backups?wait=60s", {"name": "one"}).json["id"]
        base = f"{self.archive}/orders/base/{backup}"
        whole = self.program("backup", "verify", backup)
        self.assertEqual(whole.returncode, 0, whole.stdout + whole.stderr)

        os.rename(f"{base}/backup_manifest.zst", f"{base}/hidden")
        done = self.program("backup", "verify", backup)
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertIn("backup_manifest.zst is missing", done.stderr)
        os.rename(f"{base}/hidden", f"{base}/backup_manifest.zst")

        with open(f"{base}/backup.info", encoding="utf-8") as file:
            info = file.read()
        self.it.write_file(f"{base}/backup.info", re.sub(r"(?m)^version=\d+$", "version=130001", info))
        done = self.program("backup", "verify", backup)
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertIn("backup.info says 13", done.stderr)

    def test_a_removal_without_an_identifier_removes_nothing(self):
        it = self.up()
        for name in ("one", "two"):
            self.assertEqual(it.http("POST", "/v1/backups?wait=60s", {"name": name}).status, 200)
        for words in ([], ["--force"]):
            done = subprocess.run(instance.as_user(it.user) + [PGBOSUN, "backup", "delete", "--config", it.config_file, *words],
                                  capture_output=True, text=True, check=False, cwd="/", timeout=instance.DEADLINE)
            self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
        it.wait_status("both are there", lambda status: status["backup"]["count"] == 2)
        listing = subprocess.run(instance.as_user(it.user) + [PGBOSUN, "backup", "list", "--config", it.config_file],
                                 capture_output=True, text=True, check=False, cwd="/", timeout=instance.DEADLINE)
        self.assertIn("one", listing.stdout)
        self.assertIn("two", listing.stdout)

    def test_one_backup_at_a_time_and_the_running_one_can_be_cancelled(self):
        it = self.slow()
        name = self.begin()
        running = it.wait_status("it runs", lambda status: status["backup"]["running"])["backup"]["running"]
        self.assertEqual(running["id"], name)
        self.assertEqual(it.http("GET", f"/v1/backups/{name}").json["state"], "running")

        second = it.http("POST", "/v1/backups")
        self.assertEqual(second.status, 409, second)
        self.assertIn(f"{name}, since 20", second.json["detail"])
        refused = it.client("backup")
        self.assertEqual(refused.returncode, 3, refused.stderr)

        process = wait_for("the job's process is there", self.job)
        cancelled = it.client("backup", "cancel")
        self.assertEqual((cancelled.returncode, cancelled.stdout), (0, f"backup {name} is cancelled\n"), cancelled.stderr)
        self.assertFalse(alive(process))
        status = it.wait_status("none runs", lambda status: not status["backup"]["running"])
        self.assertEqual(status["backup"]["failed"], 0)
        self.assertEqual(it.client("backup", "cancel").returncode, 3)
        # The session is gone, and PostgreSQL is in no backup mode.
        self.assertEqual(it.sql("select count(*) from pg_stat_activity where application_name = 'pgbosun backup'"), "0")

    def test_a_job_that_does_not_heed_the_order_to_end_is_killed(self):
        it = self.slow()
        name = self.begin()
        process = wait_for("the job's process is there", self.job)
        os.kill(process, signal.SIGSTOP)
        self.assertEqual(it.http("DELETE", f"/v1/backups/{name}?wait=0s", {"only_running": True}).status, 202)
        wait_for("it is killed", lambda: not alive(process))
        it.wait_status("none runs", lambda status: not status["backup"]["running"])

    def test_a_backup_that_is_killed_failed_and_the_next_life_still_knows(self):
        it = self.slow()
        name = self.begin()
        os.kill(wait_for("the job's process is there", self.job), signal.SIGKILL)
        status = it.wait_status("it failed", lambda status: status["backup"]["last_error"])
        self.assertIn("signal 9", status["backup"]["last_error"])
        self.assertRegex(it.http("GET", "/metrics").text, r"(?m)^cnpg_collector_last_failed_backup_timestamp 1")
        self.assertTrue(status["ready"])
        # The archive says so too, and has nothing of it but that.
        wait_for("it is recorded", lambda: it.http("GET", f"/v1/backups/{name}").json.get("state") == "failed")
        self.assertIn("signal 9", it.http("GET", f"/v1/backups/{name}").json["error"])
        self.assertEqual([names for _, _, names in os.walk(f"{self.archive}/orders/base/{name}") if names], [["backup.info"]])

        it.stop()
        it.start().up()
        it.wait_status("it is still known", lambda status: status["backup"]["last_error"])

    def test_pgbosun_does_not_end_before_its_backup_and_leaves_no_process(self):
        it = self.slow()
        self.begin()
        process = wait_for("the job's process is there", self.job)
        self.assertEqual(it.stop(), 0)
        self.assertFalse(alive(process))

    def test_the_command_line_waits_and_tells_the_end(self):
        it = self.up()
        done = it.client("backup", "--wait", "--name", "by-hand")
        self.assertEqual(done.returncode, 0, done.stderr + it.tail())
        self.assertRegex(done.stdout, r"backup \d{8}T\d{6} is done")
        listing = subprocess.run(instance.as_user(it.user) + [PGBOSUN, "backup", "list", "--config", it.config_file],
                                 capture_output=True, text=True, check=False, cwd="/", timeout=instance.DEADLINE)
        self.assertEqual(listing.returncode, 0, listing.stderr)
        self.assertIn("by-hand", listing.stdout)

    def test_without_an_archive_or_a_server_it_is_refused_with_a_hint(self):
        it = self.up()
        it.http("POST", "/v1/fence", {"reason": "a test"})
        answer = it.http("POST", "/v1/backups")
        self.assertEqual(answer.status, 409, answer)
        self.assertIn("the phase is", answer.json["detail"])
        other = self.existing().start().up()
        answer = other.http("POST", "/v1/backups")
        self.assertEqual(answer.status, 409, answer)
        self.assertIn("there is no archive", answer.json["detail"])

    def test_a_scheduled_backup_is_taken_and_its_moment_claimed(self):
        self.it.config["backup"] = {"schedule": "* * * * * *"}
        self.it.write_config()
        it = self.up()
        it.wait_status("a backup was taken", lambda status: status["backup"]["taken"] > 0)
        claims = os.listdir(f"{self.archive}/orders/schedule")
        self.assertRegex(sorted(claims)[0], r"^\d{8}T\d{6}Z")

    def test_wrong_requests_are_named(self):
        it = self.up()
        for body, complaint in (({"nmae": "x"}, "nmae"), ({"name": ""}, "name"), ({"name": "-rf"}, "name"), ({"name": "latest"}, "name"),
                                ({"name": "20261121T010203"}, "name"),
                                ({"incremental": 1}, "incremental")):
            answer = it.http("POST", "/v1/backups", body)
            self.assertEqual(answer.status, 400, answer)
            self.assertIn(complaint, answer.json["detail"])
        self.assertEqual(it.http("DELETE", "/v1/backups/..%2Fx").status, 404)
        self.assertEqual(it.tcp("POST", "/v1/backups").status, 403)


if __name__ == "__main__":
    instance.main()
