"""WAL goes out in Barman's layout and comes back byte by byte; what the two hooks answer; a full recovery."""

import os
import re
import shutil
import subprocess
import unittest

import archives
import instance
from instance import Case, as_user, bin_dir, wait_for


NOBODY = ()


def setUpModule():
    # It is patient for a minute, for an archiver that is being started again must not end a recovery; so it runs
    # beside the other tests.
    global NOBODY
    it = instance.Instance(name="nobody")
    unittest.addModuleCleanup(it.destroy)
    nobody = f"{it.directory}/nobody.sock"

    def restore(socket, directory):
        asking = subprocess.Popen(
            archives.hook_command(it, "restore", "000000010000000000000001", f"{it.directory}/out", socket=socket),
            stderr=subprocess.PIPE, text=True, cwd=directory)
        instance._started.add(asking.pid)
        return asking

    # A standby that follows an archive streams from nobody.
    os.mkdir(f"{it.directory}/follower")
    it.write_file(f"{it.directory}/follower/standby.signal", "", 0o644)
    NOBODY = (it, nobody, [restore(nobody, "/"), restore(f"{it.directory}/recovery.sock", f"{it.directory}/follower")])


def overwrite(path, content):
    with open(path, "wb") as file:
        file.write(content)


class Layout(Case):
    @classmethod
    def setUpClass(cls):
        it = cls.it = cls.shared = instance.Instance()
        cls.addClassCleanup(it.destroy)
        cls.archive = f"{it.directory}/archive"
        it.config["archive"] = {"destination": f"file://{cls.archive}", "wal": {"compression": "zstd"}}
        it.write_config()
        instance.Template.fill(it)
        it.start().up()

    def restored(self, name, to="restored"):
        path = f"{self.it.directory}/{to}"
        if os.path.exists(path):
            os.unlink(path)
        done = archives.hook(self.it, "restore", name, path)
        return done, path

    def test_each_compression_is_archived_in_barmans_layout_and_restored_byte_by_byte(self):
        it = self.it
        for compression, extension in archives.EXTENSIONS.items():
            with self.subTest(compression):
                it.config["archive"]["wal"]["compression"] = compression
                it.write_config()
                self.assertEqual(it.http("POST", "/v1/reload").status, 200)
                # The old archiver may still take one; from the next on it is the new one.
                archives.wait_archived(it, archives.switch(it))

                name = archives.switch(it)
                archives.wait_archived(it, name)

                path = f"{self.archive}/orders/wals/{name[:16]}/{name}{extension}"
                self.assertTrue(os.path.exists(path), os.listdir(os.path.dirname(path)))
                with open(f"{it.data_directory}/pg_wal/{name}", "rb") as file:
                    original = file.read()
                self.assertEqual(archives.decoded(path), original)
                done, restored = self.restored(name)
                self.assertEqual(done.returncode, 0, done.stderr)
                with open(restored, "rb") as file:
                    self.assertEqual(file.read(), original)
        archives.check_acknowledged(it, self.archive)
        status = it.wait_status("the archive is told", lambda status: status["archive"]["last_wal"] == name)["archive"]
        self.assertEqual(status["target"], f"file://{self.archive}/orders")
        self.assertIsNone(status["failing_since"])
        self.assertIsNone(status["last_error"])

    def test_a_backup_history_file_is_archived_under_its_own_name_and_restored(self):
        copy = f"{self.it.directory}/copy"
        base_backup(self.it, copy)
        shutil.rmtree(copy)

        def history():
            return [name for name in archives.wal_files(self.archive) if name.endswith(".backup")]
        name = wait_for("the .backup file is archived", history)[-1]

        self.assertRegex(name, r"^[0-9A-F]{24}\.[0-9A-F]{8}\.backup$")
        done, restored = self.restored(name)
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(restored, encoding="utf-8") as file:
            self.assertIn("START WAL LOCATION", file.read())

    def test_the_store_holds_nothing_but_wal_and_who_owns_it(self):
        archives.wait_archived(self.it, archives.switch(self.it))

        self.assertEqual(sorted(os.listdir(self.archive)), ["orders"])
        self.assertEqual(sorted(os.listdir(f"{self.archive}/orders")), ["pgbosun", "wals"])
        with open(f"{self.archive}/orders/pgbosun/identity.json", encoding="utf-8") as file:
            self.assertIn(self.it.status()["system_id"], file.read())
        for directory, _, names in os.walk(f"{self.archive}/orders/wals"):
            for name in names:
                self.assertRegex(archives.split(name)[0], r"^[0-9A-F]{24}(\.[0-9A-F]{8}\.backup)?$")
                self.assertEqual(os.path.basename(directory), name[:16])

    def test_restore_says_1_only_for_what_is_definitely_missing_and_leaves_no_file(self):
        for name in ("0000000100000099000000FF", "00000063.history", "0000000100000099000000FF.partial"):
            with self.subTest(name):
                done, path = self.restored(name)
                self.assertEqual((done.returncode, done.stderr), (1, ""))
                self.assertFalse(os.path.exists(path))

    def test_a_name_that_postgresql_never_asks_for_stops_rather_than_ends_recovery(self):
        for name in ("../../../../etc/passwd", "0000000100000099000000F", "x", "0000000100000099000000ff", "1.history"):
            with self.subTest(name):
                done, path = self.restored(name)
                self.assertEqual(done.returncode, 255)
                self.assertTrue(done.stderr)
                self.assertFalse(os.path.exists(path))

    def test_a_partial_segment_is_never_served_as_the_whole_one(self):
        name = archives.switch(self.it)
        archives.wait_archived(self.it, name)
        stored = archives.wal_files(self.archive)[name]
        _, extension = archives.split(stored)
        absent = name[:16] + "000000F1"
        as_owner = os.stat(stored)
        partial = f"{os.path.dirname(stored)}/{absent}.partial{extension}"
        shutil.copyfile(stored, partial)
        os.chown(partial, as_owner.st_uid, as_owner.st_gid)
        self.addCleanup(os.unlink, partial)

        done, path = self.restored(absent)

        self.assertEqual((done.returncode, done.stderr), (1, ""))
        self.assertFalse(os.path.exists(path))

    def test_an_object_that_is_damaged_truncated_or_another_segment_is_never_handed_out(self):
        name = archives.switch(self.it)
        archives.wait_archived(self.it, name)
        stored = archives.wal_files(self.archive)[name]
        with open(stored, "rb") as file:
            good = file.read()
        self.addCleanup(overwrite, stored, good)
        _, extension = archives.split(stored)
        plain = archives.decoded(stored)

        def encoded(content):
            tool = {".zst": ["zstd", "-cq"], ".gz": ["gzip", "-c"], ".lz4": ["lz4", "-cq"], "": ["cat"]}[extension]
            return subprocess.run(tool, input=content, capture_output=True, check=True).stdout

        for what, content in (("truncated", good[:len(good) // 2]), ("empty", b""), ("noise", b"noise" * 1000),
                              ("short", encoded(plain[:len(plain) // 2])), ("long", encoded(plain + b"x")),
                              ("of another cluster", encoded(plain[:24] + bytes(8) + plain[32:])),
                              ("of another place", encoded(plain[:8] + bytes(8) + plain[16:]))):
            with self.subTest(what):
                overwrite(stored, content)
                done, path = self.restored(name)
                self.assertEqual(done.returncode, 255, f"{what}: {done.stderr}")
                self.assertIn(name, done.stderr)
                self.assertFalse(os.path.exists(path))

    def test_archive_refuses_what_is_not_there_and_what_is_no_wal(self):
        noise = self.it.write_file(f"{self.it.directory}/000000010000009900000001", "x" * 100, 0o644)
        for path in (f"{self.it.directory}/000000010000009900000002", noise, self.it.config_file, self.it.directory):
            with self.subTest(path):
                done = archives.hook(self.it, "archive", path)
                self.assertEqual(done.returncode, 1)
                self.assertTrue(done.stderr)
        self.assertNotIn("000000010000009900000001", archives.wal_files(self.archive))

    def test_a_file_that_is_archived_already_is_archived_again_without_a_change(self):
        name = archives.switch(self.it)
        archives.wait_archived(self.it, name)
        before = os.stat(archives.wal_files(self.archive)[name])

        done = archives.hook(self.it, "archive", f"{self.it.data_directory}/pg_wal/{name}")

        self.assertEqual(done.returncode, 0, done.stderr)
        after = os.stat(archives.wal_files(self.archive)[name])
        self.assertEqual((after.st_ino, after.st_mtime_ns), (before.st_ino, before.st_mtime_ns))

    def test_wrong_usage_of_the_hook_ends_with_2(self):
        for arguments in ((), ("archive",), ("restore", "x"), ("archive", "x", "y"), ("archives", "x")):
            self.assertEqual(archives.hook(self.it, *arguments).returncode, 2, arguments)


class WithoutArchiver(Case):  # the last by its name, for it waits
    def test_without_an_archiver_archive_fails_with_1_and_restore_stops_with_255(self):
        it, nobody, restores = NOBODY

        archive = archives.hook(it, "archive", f"{it.directory}/000000010000000000000001", socket=nobody)

        self.assertEqual(archive.returncode, 1)
        self.assertIn("archiver does not answer", archive.stderr)
        for restore in restores:
            error = restore.communicate(timeout=instance.DEADLINE)[1]
            self.assertEqual(restore.returncode, 255)
            self.assertIn("recovery stops", error)

    def test_a_standby_without_an_archiver_streams_and_is_promoted(self):
        it = self.existing().start().up()
        it.sql("create table kept(i int); insert into kept values (1)")
        copy, port = f"{it.directory}/copy", instance.free_port()
        base_backup(it, copy, "-R", "-X", "stream")
        hook = " ".join(archives.hook_command(it, "restore", "%f", "%p", socket=f"{it.directory}/nobody.sock")[-4:])
        it.write_file(f"{copy}/postgresql.auto.conf", f"""
primary_conninfo = 'host={it.run_dir} port={it.port} user=postgres'
restore_command = 'PGBOSUN_ARCHIVE_SOCKET={it.directory}/nobody.sock {hook}'
archive_mode = off
port = {port}
listen_addresses = ''
unix_socket_directories = '{it.directory}'
external_pid_file = ''
logging_collector = off
log_destination = stderr
""", 0o600)
        tool = as_user(it.user) + [f"{bin_dir()}/pg_ctl", "-D", copy, "-l", f"{copy}.log"]
        self.addCleanup(subprocess.run, [*tool, "-m", "immediate", "stop"], capture_output=True, check=False, cwd="/")

        def sql(text):
            return subprocess.run(as_user(it.user) + [f"{bin_dir()}/psql", "-XAtq", "-h", it.directory, "-p", str(port), "-U",
                                                      "postgres", "-c", text, "postgres"],
                                  capture_output=True, text=True, check=False, cwd="/").stdout.strip()

        subprocess.run([*tool, "-w", "-t", str(instance.DEADLINE), "start"], check=True, capture_output=True, cwd="/",
                       timeout=instance.DEADLINE)
        it.sql("insert into kept values (2)")
        wait_for("the row has been streamed", lambda: sql("select count(*) from kept") == "2")
        self.assertEqual(sql(f"select pg_promote(true, {int(instance.DEADLINE)})"), "t")

        sql("insert into kept values (3)")
        self.assertEqual(sql("select count(*) from kept"), "3")
        with open(f"{copy}.log", encoding="utf-8", errors="replace") as log:
            text = log.read()
        self.assertIn("goes on without the archive", text)
        self.assertNotIn("recovery stops", text)


def base_backup(it, to, *options):
    """Without options without any WAL: that must come from the archive."""
    subprocess.run(as_user(it.user) + [f"{bin_dir()}/pg_basebackup", "-h", it.run_dir, "-p", str(it.port), "-U", "postgres",
                                       "-D", to, "-c", "fast", "--no-sync", *(options or ("-X", "none"))],
                   check=True, capture_output=True, cwd="/", timeout=instance.DEADLINE)


class SegmentSizes(Case):
    def archives_and_restores(self, megabytes):
        it = self.make({"bootstrap": {"initdb": {"wal_segment_size": megabytes}},
                        "postgresql": {"parameters": {"min_wal_size": f"{2 * megabytes}MB"}}})
        archive = f"{it.directory}/archive"
        it.config["archive"] = {"destination": f"file://{archive}"}
        it.write_config()
        it.start().up()

        names = [archives.switch(it) for _ in range(3)]

        for name in names:
            archives.wait_archived(it, name)
            self.assertEqual(len(archives.decoded(archives.wal_files(archive)[name])), megabytes << 20)
            done = archives.hook(it, "restore", name, f"{it.directory}/out")
            self.assertEqual(done.returncode, 0, done.stderr)
            with open(f"{it.directory}/out", "rb") as out, open(f"{it.data_directory}/pg_wal/{name}", "rb") as ours:
                self.assertEqual(out.read(), ours.read())
        archives.check_acknowledged(it, archive)

    def test_segments_of_1_mb(self):
        self.archives_and_restores(1)

    def test_segments_of_64_mb(self):
        self.archives_and_restores(64)


class Recovery(Case):
    @classmethod
    def setUpClass(cls):
        """A primary with a copy from before, and rows that are only in the archive."""
        it = cls.it = cls.shared = instance.Instance()
        cls.addClassCleanup(it.destroy)
        cls.archive = f"{it.directory}/archive"
        it.config["archive"] = {"destination": f"file://{cls.archive}"}
        it.write_config()
        instance.Template.fill(it)
        it.start().up()
        it.sql("create table kept(i int); insert into kept values (0)")
        cls.copy = f"{it.directory}/copy"
        base_backup(it, cls.copy)
        for number in range(1, 4):
            it.sql(f"insert into kept values ({number})")
            last = archives.switch(it)
        archives.wait_archived(it, last)
        it.sql("insert into kept values (99)")  # in no archived segment
        it.kill_everything()

    def restored_copy(self, **config):
        """Ready to recover from a copy of the archive: its own, for it adds a timeline."""
        it = self.make(config, name="pg-2")
        it.config["archive"] = {"destination": f"file://{it.directory}/archive"}
        it.write_config()
        subprocess.run(["cp", "-a", self.archive, f"{it.directory}/archive"], check=True)
        os.mkdir(it.volume)
        it._give(it.volume)
        subprocess.run(["cp", "-a", self.copy, it.data_directory], check=True)
        it.write_file(f"{it.data_directory}/recovery.signal", "", 0o600)
        return it

    def test_the_rows_up_to_the_last_archived_segment_are_there_and_the_new_timeline_is_archived(self):
        it = self.restored_copy()

        it.start()
        it.wait_status("it is the primary", lambda status: status["role"] == "primary" and status["ready"])

        self.assertEqual(it.sql("select string_agg(i::text, ',' order by i) from kept"), "0,1,2,3")
        self.assertEqual(it.status()["timeline"], 2)
        self.assertGreaterEqual(it.status()["archive"]["restored"], 3)
        self.assertNotIn("\"PANIC\"", it.log())
        name = archives.switch(it)
        archives.wait_archived(it, name)
        self.assertTrue(name.startswith("00000002"))
        files = archives.wal_files(f"{it.directory}/archive")
        self.assertLessEqual({"00000002.history", name}, set(files))
        self.assertLessEqual(os.stat(files["00000002.history"]).st_mtime_ns, min(
            os.stat(path).st_mtime_ns for file, path in files.items() if re.match("00000002[0-9A-F]{16}$", file)))
        for file in ("00000002.history", name):
            with open(f"{it.data_directory}/pg_wal/{file}", "rb") as ours:
                self.assertEqual(archives.decoded(files[file]), ours.read())

    def test_a_recovery_waits_for_an_archive_that_is_not_mounted_yet_rather_than_end_too_early(self):
        it = self.restored_copy()
        archive = f"{it.directory}/archive"
        os.rename(archive, archive + ".hidden")

        it.start()
        wait_for("the hook waits for the archive", lambda: [
            pid for pid in instance.descendants(it.pid) if instance.process_name(pid) == "pgbosun-wal"])

        status = it.status()
        self.assertFalse(status["ready"])
        self.assertNotEqual(status["role"], "primary")
        self.assertFalse(os.path.exists(archive), "nothing is made in its place")
        os.rename(archive + ".hidden", archive)

        it.wait_status("it is the primary", lambda status: status["role"] == "primary" and status["ready"])

        self.assertEqual(it.sql("select string_agg(i::text, ',' order by i) from kept"), "0,1,2,3")


class Owners(Case):
    def with_archive(self, archive, fresh=False, name="pg-1"):
        it = self.make(name=name) if fresh else self.existing(name=name)
        it.config["archive"] = {"destination": f"file://{archive}"}
        it.write_config()
        return it

    def test_the_second_of_two_writers_is_refused_and_nothing_is_overwritten(self):
        first = self.existing()
        archive = f"{first.directory}/archive"
        first.config["archive"] = {"destination": f"file://{archive}"}
        first.write_config()
        first.start().up()
        second = self.with_archive(archive, name="pg-2")  # of the same template: the same system identifier
        name = archives.switch(first)
        archives.wait_archived(first, name)
        stored = archives.wal_files(archive)[name]
        with open(stored, "rb") as file:
            content = file.read()

        second.start().up()
        second.sql("create table other(i int); insert into other select generate_series(1, 1000)")
        self.assertEqual(archives.switch(second), name, "this test needs two different segments of one name")

        status = second.wait_status("it is told", lambda status: status["archive"] and status["archive"]["last_error"])
        self.assertIn(name, status["archive"]["last_error"])
        self.assertIn("other content", status["archive"]["last_error"])
        self.assertIn("server_name", status["archive"]["last_error"], "the hint")
        self.assertTrue(status["archive"]["failing_since"])
        wait_for("PostgreSQL counts the failure",
                 lambda: second.sql("select failed_count > 0 from pg_stat_archiver") == "t")
        self.assertNotIn(name, archives.acknowledged(second))
        with open(stored, "rb") as file:
            self.assertEqual(file.read(), content)
        self.assertIsNone(first.status()["archive"]["last_error"])
        self.assertIn("pgbosun_archive_failing 1", second.http("GET", "/metrics").text)
        told = second.client("status").stdout
        self.assertIn("other content", told)

    def test_wal_of_another_cluster_is_refused_before_anything_is_written(self):
        first = self.existing()
        archive = f"{first.directory}/archive"
        first.config["archive"] = {"destination": f"file://{archive}"}
        first.write_config()
        first.start().up()
        archives.wait_archived(first, archives.switch(first))
        before = set(archives.wal_files(archive))
        stranger = self.with_archive(archive, fresh=True, name="pg-2")

        stranger.start().up()
        for _ in range(2):
            archives.switch(stranger)

        status = stranger.wait_status("it is told",
                                      lambda status: status["archive"] and status["archive"]["last_error"])
        self.assertIn(first.status()["system_id"], status["archive"]["last_error"])
        self.assertIn(stranger.status()["system_id"], status["archive"]["last_error"])
        self.assertEqual(archives.acknowledged(stranger), set())
        self.assertEqual(set(archives.wal_files(archive)), before)


if __name__ == "__main__":
    instance.main()
