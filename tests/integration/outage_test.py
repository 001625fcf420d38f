"""An archive in a directory that is gone, read-only or cannot be made: told since when and why, nothing is acknowledged
that is not there, and everything drains by itself when it is back."""

import os
import unittest

import archives
import instance
from instance import Case, children, process_name, wait_for


def metric(it, line):
    return line in it.http("GET", "/metrics").text.splitlines()


def archive_entries(it):
    return [entry["what"] for entry in it.http("GET", "/v1/journal").json["entries"] if entry["kind"] == "archive"]


class Outage(Case):
    def archiving(self, archive=None, existing=True):
        it = self.existing() if existing else self.make()
        it.archive = archive or f"{it.directory}/archive"
        it.config["archive"] = {"destination": f"file://{it.archive}"}
        it.write_config()
        return it

    def begin_anew(self, it):
        """A reload, and what the archiver says that it has started."""
        def archivers():
            return [pid for pid in children(it.pid) if process_name(pid).startswith("pgbosun-archive")]
        before = archivers()
        told = it.log().count("This instance may archive")
        self.assertEqual(it.client("reload").returncode, 0)
        wait_for("another archiver runs", lambda: archivers() and not set(archivers()) & set(before))
        wait_for("it may archive, and has said how it is", lambda: it.log().count("This instance may archive") > told)

    def fails_and_drains(self, it, break_it, mend_it, why, between=lambda: None):
        archives.wait_archived(it, archives.switch(it))
        before = archives.acknowledged(it)

        break_it()
        names = [archives.switch(it) for _ in range(3)]
        status = it.wait_status("the outage is told", lambda status: status["archive"]["failing_since"] and
                                status["archive"]["backlog"] >= 3)

        since = status["archive"]["failing_since"]
        self.assertRegex(since, r"^\d{4}-\d\d-\d\dT[\d:.]+Z$")
        self.assertRegex(status["archive"]["last_error"], why)
        self.assertTrue(status["ready"], "a primary goes on to serve")
        self.assertTrue(metric(it, "pgbosun_archive_failing 1"))
        self.assertRegex(it.http("GET", "/metrics").text, r"(?m)^pgbosun_archive_backlog [3-9]$")
        self.assertRegex(it.client("status").stdout, why)
        self.assertEqual(archives.acknowledged(it) - before, set())
        self.assertLessEqual(set(names), archives.waiting(it))
        self.assertEqual(it.status()["archive"]["failing_since"], since, "the first moment stays")
        between()
        self.assertEqual(it.status()["archive"]["failing_since"], since, "another archiver knows it too")
        self.assertRegex(archive_entries(it)[-1], "^WAL archiving fails: ")

        mend_it()
        for name in names:
            archives.wait_archived(it, name)
        it.wait_status("the end of the outage is told", lambda status: status["archive"]["failing_since"] is None and
                       status["archive"]["backlog"] == 0)
        self.assertTrue(metric(it, "pgbosun_archive_failing 0"))
        self.assertLessEqual(set(names), archives.check_acknowledged(it, it.archive))
        entries = archive_entries(it)
        self.assertRegex(entries[-2], "^WAL archiving fails: ")
        self.assertEqual(entries[-1], "WAL archiving works again")
        self.assertEqual(entries.count("WAL archiving works again"), 1)

        archived = it.status()["archive"]
        between()
        self.assertEqual(it.status()["archive"]["last_wal"], archived["last_wal"])
        self.assertEqual(it.status()["archive"]["last_at"], archived["last_at"])

    def test_a_directory_that_is_renamed_away_is_not_made_anew(self):
        it = self.archiving().start().up()
        hidden = it.archive + ".hidden"

        def mend():
            self.assertFalse(os.path.exists(it.archive))
            os.rename(hidden, it.archive)
        self.fails_and_drains(it, lambda: os.rename(it.archive, hidden), mend, "is gone",
                              between=lambda: self.begin_anew(it))

    def test_a_mount_point_whose_volume_is_away_is_no_new_archive(self):
        it = self.archiving().start().up()
        for anew in (False, True):
            with self.subTest(anew=anew):
                self.mount_point_is_bare(it, anew)

    def mount_point_is_bare(self, it, anew):
        archives.wait_archived(it, archives.switch(it))
        hidden = it.archive + ".hidden"
        os.rename(it.archive, hidden)
        os.mkdir(it.archive, 0o700)
        it._give(it.archive)
        if anew:
            self.begin_anew(it)

        name = archives.switch(it)
        status = it.wait_status("it is told", lambda status: status["archive"]["failing_since"])
        self.assertRegex(status["archive"]["last_error"], "is empty, and this cluster has archived there before")
        self.assertEqual(os.listdir(it.archive), [])
        os.rmdir(it.archive)
        os.rename(hidden, it.archive)

        archives.wait_archived(it, name)
        archives.check_acknowledged(it, it.archive)

    def test_a_directory_that_cannot_be_written_is_told_by_name(self):
        it = self.archiving().start().up()
        archives.wait_archived(it, archives.switch(it))
        wals = f"{it.archive}/orders/wals/0000000100000000"
        self.fails_and_drains(it, lambda: os.chmod(wals, 0o500), lambda: os.chmod(wals, 0o700),
                              "Permission denied.*writable", between=lambda: self.begin_anew(it))

    def test_an_archive_that_cannot_be_made_at_the_start_is_told_and_used_when_it_can(self):
        it = self.archiving()
        it.archive = f"{it.directory}/mount/archive"
        it.config["archive"]["destination"] = f"file://{it.archive}"
        it.write_config()
        it.write_file(f"{it.directory}/mount", "in the way", 0o600)

        it.start().up()
        name = archives.switch(it)
        status = it.wait_status("it is told", lambda status: status["archive"] and status["archive"]["failing_since"])
        self.assertIn(f"{it.directory}/mount", status["archive"]["last_error"])
        self.assertEqual(archives.acknowledged(it), set())
        os.unlink(f"{it.directory}/mount")

        archives.wait_archived(it, name)
        archives.check_acknowledged(it, it.archive)

    def test_an_archiver_that_cannot_start_is_told(self):
        it = self.existing()
        it.config["archive"] = {"destination": "s3://bucket/path", "endpoint_url": "http://127.0.0.1:1",
                                "endpoint_ca": f"{it.directory}/none.pem",
                                "credentials": {"access_key_id_file": f"{it.directory}/none",
                                                "secret_access_key_file": f"{it.directory}/none"}}
        it.write_config()
        it.start().up()
        archives.switch(it)

        status = it.wait_status("it is told", lambda status: status["archive"] and status["archive"]["failing_since"])

        self.assertTrue(status["archive"]["last_error"])
        self.assertEqual(archives.acknowledged(it), set())
        self.assertTrue(metric(it, "pgbosun_archive_failing 1"))

    def test_an_archiver_that_hangs_delays_no_answer_and_acknowledges_nothing(self):
        it = self.archiving().start().up()
        archives.wait_archived(it, archives.switch(it))
        archiver = [pid for pid in children(it.pid) if process_name(pid).startswith("pgbosun-archive")][0]
        before = archives.acknowledged(it)
        os.kill(archiver, 19)
        try:
            name = archives.switch(it)
            wait_for("PostgreSQL asks the hook", lambda: any(
                process_name(pid) == "pgbosun-wal" for pid in instance.descendants(it.pid)))
            for path in ("/livez", "/readyz", "/v1/status", "/metrics"):
                self.assertEqual(it.http("GET", path, timeout=5).status, 200)
            self.assertEqual(archives.acknowledged(it), before)
            status = it.wait_status("the silence is told", lambda status: status["archive"]["failing_since"])
            self.assertIn("hangs", status["archive"]["last_error"])
            wait_for("it is killed", lambda: not instance.alive(archiver))
        finally:
            instance.send(archiver, 18)

        archives.wait_archived(it, name)
        it.wait_status("the end of it is told", lambda status: status["archive"]["failing_since"] is None)
        archives.check_acknowledged(it, it.archive)


if __name__ == "__main__":
    instance.main()
