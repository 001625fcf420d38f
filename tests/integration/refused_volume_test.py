"""A data directory that cannot be used is refused with a reason, left as it is, and started once it is mended."""

import hashlib
import os
import unittest

import instance
from instance import ROOT, Case, server_major


def fingerprint(directory):
    """Names, owners, modes and contents of all that is below."""
    sum_ = hashlib.sha256()
    for folder, folders, files in os.walk(directory):
        folders.sort()
        for name in sorted(files) + folders:
            path = os.path.join(folder, name)
            facts = os.lstat(path)
            sum_.update(f"{path} {facts.st_uid} {facts.st_mode} {facts.st_size} {facts.st_mtime_ns}".encode())
            if name in files and facts.st_size < 1 << 20:
                with open(path, "rb") as file:
                    sum_.update(file.read())
    return sum_.hexdigest()


class RefusedVolume(Case):
    def refused_then_mended(self, it, spoil, mend, reason):
        spoil()
        before = fingerprint(it.data_directory)

        it.start()
        status = it.wait_status("it has failed", lambda status: status["phase"] == "failed")
        self.assertRegex(status["reason"], reason)
        self.assertTrue(status["hint"])
        self.assertEqual(fingerprint(it.data_directory), before)
        self.assertEqual(it.http("GET", "/readyz").status, 503)
        self.assertEqual(it.http("GET", "/livez").status, 200)

        mend()
        done = it.client("restart", "--wait", "60s")
        self.assertEqual(done.returncode, 0, done.stderr)
        it.up()

    def overwrite(self, path, change):
        with open(path, "rb") as file:
            was = file.read()
        with open(path, "r+b") as file:
            file.truncate(0)
            file.write(change(was))
        return was

    def spoiled_file(self, name, change, reason):
        it = self.existing()
        path = f"{it.data_directory}/{name}"
        kept = []
        self.refused_then_mended(it, lambda: kept.append(self.overwrite(path, change)),
                                 lambda: self.overwrite(path, lambda _: kept[0]), reason)

    def test_one_of_an_older_major_version(self):
        self.spoiled_file("PG_VERSION", lambda _: b"14\n", f"PostgreSQL 14, the server is of {server_major()}")

    def test_one_whose_version_is_garbage(self):
        self.spoiled_file("PG_VERSION", lambda _: b"\0\xff", "PG_VERSION")

    def test_one_whose_control_file_has_a_wrong_bit(self):
        self.spoiled_file("global/pg_control", lambda was: was[:40] + bytes([was[40] ^ 4]) + was[41:], "pg_control")

    def test_one_whose_control_file_is_cut_off(self):
        self.spoiled_file("global/pg_control", lambda was: was[:100], "pg_control")

    def test_one_whose_control_file_is_missing(self):
        it = self.existing()
        path = f"{it.data_directory}/global/pg_control"
        self.refused_then_mended(it, lambda: os.rename(path, f"{it.directory}/aside"),
                                 lambda: os.rename(f"{it.directory}/aside", path), "pg_control")

    @unittest.skipUnless(ROOT, "another owner needs root")
    def test_one_of_another_user(self):
        it = self.existing()
        facts = os.stat(it.data_directory)

        def spoil():
            os.chown(it.data_directory, 12345, 12345)
            os.chmod(it.data_directory, 0o755)  # else we could not even look

        def mend():
            os.chown(it.data_directory, facts.st_uid, facts.st_gid)
            os.chmod(it.data_directory, 0o700)
        self.refused_then_mended(it, spoil, mend, "belongs to uid 12345")

    @unittest.skipUnless(ROOT, "another owner needs root")
    def test_one_of_another_user_that_cannot_even_be_read_says_so_and_starts_when_it_is_mended(self):
        it = self.existing()
        facts = os.stat(it.data_directory)
        os.chown(it.data_directory, 12345, 12345)

        it.start()
        status = it.wait_status("it says why", lambda status: status["reason"])
        self.assertRegex(status["reason"], "belongs to uid 12345|ermission denied")
        self.assertIsNone(it.postmaster())

        os.chown(it.data_directory, facts.st_uid, facts.st_gid)
        it.client("restart", "--wait", "60s")
        it.up()

    def test_foreign_files(self):
        it = self.make()
        for path in (it.volume, it.data_directory):
            os.mkdir(path, 0o755)
            it._give(path)
        foreign = it.write_file(f"{it.data_directory}/thesis.tex", "years of work")
        self.refused_then_mended(it, lambda: None, lambda: os.unlink(foreign), "somebody else's files")


if __name__ == "__main__":
    instance.main()
