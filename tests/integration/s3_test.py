"""An S3-compatible store (s3rver) that dies and comes back: WAL waits, is told, and drains."""

import os
import re
import subprocess
import sys
import unittest

import archives
import instance
from instance import Case, wait_for

S3RVER = os.environ.get("PGBOSUN_S3RVER")


class S3rver:
    """Keeps its objects over its deaths, on one port."""

    def __init__(self, directory):
        self.directory = directory
        self.log = f"{directory}.log"
        self.port = instance.free_port()
        os.makedirs(directory, exist_ok=True)
        self.process = None

    def start(self):
        # Its continuation tokens are made with DES, which OpenSSL 3 has in the legacy provider only.
        environment = os.environ | {"NODE_OPTIONS": "--openssl-legacy-provider"}
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([S3RVER, "--directory", self.directory, "--address", "127.0.0.1", "--port",
                                             str(self.port), "--configure-bucket", "bucket"], stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=subprocess.STDOUT, env=environment)
        instance._started.add(self.process.pid)

        def listens():
            with open(self.log, encoding="utf-8", errors="replace") as log:
                said = log.read()
            if self.process.poll() is not None:
                raise AssertionError(f"s3rver ended: {said}")
            return len(re.findall("listening", said)) > self.lives
        self.lives = getattr(self, "lives", 0)
        wait_for("s3rver listens", listens)
        self.lives += 1

    def kill(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def keys(self):
        """s3rver keeps an object's bytes in <key>._S3rver_object."""
        found = {}
        for directory, _, names in os.walk(f"{self.directory}/bucket"):
            for name in names:
                if name.endswith("._S3rver_object"):
                    path = f"{directory}/{name}"
                    found[os.path.relpath(path, f"{self.directory}/bucket").removesuffix("._S3rver_object")] = path
        return found


class S3(Case):
    def test_a_store_that_dies_is_told_and_everything_drains_when_it_is_back_and_restores(self):
        it = self.existing()
        store = S3rver(f"{it.directory}/s3")
        self.addCleanup(store.kill)
        store.start()
        it.config["archive"] = {
            "destination": "s3://bucket/path", "endpoint_url": f"http://127.0.0.1:{store.port}",
            "credentials": {"access_key_id_file": it.secret("id", "S3RVER\n"),
                            "secret_access_key_file": it.secret("key", "S3RVER\n")}}
        it.write_config()
        it.start().up()
        first = archives.switch(it)
        archives.wait_archived(it, first)
        key = f"path/orders/wals/{first[:16]}/{first}.zst"
        self.assertIn(key, store.keys())

        store.kill()
        before = archives.acknowledged(it)
        names = [archives.switch(it) for _ in range(3)]
        status = it.wait_status("the outage is told", lambda status: status["archive"]["failing_since"] and
                                status["archive"]["backlog"] >= 3)
        self.assertTrue(status["archive"]["last_error"])
        self.assertTrue(status["ready"])
        self.assertEqual(archives.acknowledged(it), before)
        metrics = it.http("GET", "/metrics").text
        self.assertIn("pgbosun_archive_failing 1", metrics)
        self.assertRegex(metrics, r"(?m)^pgbosun_archive_backlog [3-9]$")

        store.start()

        for name in names:
            archives.wait_archived(it, name)
        it.wait_status("the end is told", lambda status: status["archive"]["failing_since"] is None and
                       status["archive"]["backlog"] == 0)
        for name in [first, *names]:
            with self.subTest(name):
                with open(f"{it.data_directory}/pg_wal/{name}", "rb") as file:
                    ours = file.read()
                stored = store.keys()[f"path/orders/wals/{name[:16]}/{name}.zst"]
                with open(stored, "rb") as file:
                    decoded = subprocess.run(["zstd", "-dcq"], input=file.read(), capture_output=True, check=True).stdout
                self.assertEqual(decoded, ours)
                out = f"{it.directory}/out"
                done = archives.hook(it, "restore", name, out)
                self.assertEqual(done.returncode, 0, done.stderr)
                with open(out, "rb") as file:
                    self.assertEqual(file.read(), ours)
        self.assertEqual(archives.hook(it, "restore", "0000000100000099000000FF", f"{it.directory}/out").returncode, 1)

        store.kill()
        # No server is in recovery here: it is patient for half a minute, and then does not say that it is missing.
        self.assertEqual(archives.hook(it, "restore", first, f"{it.directory}/out").returncode, 255)


if __name__ == "__main__":
    if not S3RVER:
        print("SKIPPED: PGBOSUN_S3RVER does not name the s3rver program (npm install s3rver)")
        sys.exit(77)
    instance.main()
