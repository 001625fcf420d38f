"""A volume that hangs when pgbosun starts, before anything of it was read: probes answer, status says which one hangs,
a stop is obeyed, and the start goes on by itself when the volume comes back.

A file system of its own is frozen (fsfreeze), which holds whoever writes to it. Exits with 77 where that cannot be.
"""

import os
import shutil
import signal
import subprocess
import sys
import unittest

import instance
from instance import Case, wait_for

HANGS = 30.0  # seconds; who waits for the volume waits for ever
SIZE = 400  # MB


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, check=False)


def missing():
    """Why no file system can be frozen here; none: one can."""
    if not instance.ROOT:
        return "a file system of its own needs root"
    for tool in ("mkfs.ext4", "fsfreeze", "mount"):
        if shutil.which(tool) is None:
            return f"there is no {tool}"
    found = run("losetup", "-f")
    return None if found.returncode == 0 else f"there is no loop device: {found.stderr.strip()}"


class HungVolume(Case):
    def setUp(self):
        self.it = self.existing({"monitor": {"volume_deadline": "1s"}, "shutdown": {"timeout": "5s"}})
        image = f"{self.it.directory}/image"
        with open(image, "wb") as file:
            file.truncate(SIZE * 1024 * 1024)
        self.assertEqual(run("mkfs.ext4", "-q", "-m", "0", image).returncode, 0)
        there = f"{self.it.directory}/there"
        os.rename(self.it.volume, there)
        os.mkdir(self.it.volume)
        mounted = run("mount", "-o", "loop", image, self.it.volume)
        if mounted.returncode != 0:
            self.skipTest(f"nothing can be mounted: {mounted.stderr.strip()}")
        self.addCleanup(run, "umount", "--lazy", self.it.volume)
        self.addCleanup(self.thaw)
        self.it._give(self.it.volume)
        os.chmod(self.it.volume, 0o700)
        subprocess.run(["cp", "-a", f"{there}/pgdata", self.it.volume], check=True)
        os.sync()
        # A life before: the lock and the state are there.
        self.it.start().up().stop(signal.SIGINT)
        self.freeze()

    def freeze(self):
        self.assertEqual(run("fsfreeze", "--freeze", self.it.volume).returncode, 0)
        self.frozen = True

    def thaw(self):
        if self.frozen:
            run("fsfreeze", "--unfreeze", self.it.volume)
        self.frozen = False

    def answer(self, path):
        return self.it.http("GET", path, timeout=HANGS)

    def test_status_and_probes_say_which_volume_hangs_and_the_start_goes_on_when_it_is_back(self):
        self.it.start()

        status = self.it.wait_status("the hang is told", lambda status: "hangs" in (status["reason"] or ""))
        self.assertEqual((status["phase"], status["role"], status["ready"]), ("starting", "none", False))
        self.assertIn("data volume", status["reason"])
        self.assertTrue(status["hint"])
        self.assertGreater(status["volumes"][0]["hangs_for_s"], 0)
        self.assertEqual(self.answer("/livez").status, 200)
        self.assertEqual(self.answer("/startupz").status, 503)
        unready = self.answer("/readyz")
        self.assertEqual(unready.status, 503)
        self.assertIn("hangs", unready.text)
        self.assertRegex(self.answer("/metrics").text, r'pgbosun_volume_hang_seconds\{volume="data"\} [1-9]')
        self.assertIn("hangs", self.it.client("status").stdout)
        self.it.wait_log("the volume does not answer")

        self.thaw()

        self.it.up()
        self.it.wait_log("the volume answers")
        self.assertEqual(self.it.sql("select 1"), "1")
        self.assertEqual(self.it.stop(signal.SIGINT), 0)

    def test_a_stop_is_obeyed_while_it_hangs(self):
        self.it.start()
        wait_for("it answers", self.it.try_status)

        exit_status = self.it.stop(signal.SIGTERM, budget=5)

        self.assertEqual(exit_status, 0, self.it.tail())

    def test_a_second_copy_is_refused_also_while_it_hangs(self):
        self.it.start()
        wait_for("it answers", self.it.try_status)
        second = self.make({"volume": self.it.volume, "shutdown": {"timeout": "5s"}}, name="pg-2")

        second.start()

        self.assertEqual(second.wait_exit(), 1)
        self.assertIn("another pgbosun holds", second.log())
        self.thaw()
        self.it.up()


if __name__ == "__main__":
    if why := missing():
        print(f"SKIPPED: {why}")
        sys.exit(77)
    instance.main()
