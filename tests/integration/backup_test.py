"""A base backup of a running instance: it recovers, its pages are checked, and what ends early says so."""

import os
import random
import signal
import subprocess
import threading

import archives
import base_backups as backups
import instance
from instance import Case, wait_for

SLOW = {"max_rate": "1MB", "max_parallel": 1}  # per second: long enough to interfere


class Load(threading.Thread):
    """Somebody who works on the database meanwhile: inserts, updates, a new table now and then."""

    def __init__(self, it):
        super().__init__()
        self.it, self.ending, self.rounds = it, threading.Event(), 0
        self.seed = random.randrange(2**32)

    def run(self):
        chance = random.Random(self.seed)
        while not self.ending.is_set():
            self.rounds += 1
            self.it.sql(f"""
                insert into accounts select g, repeat(md5(g::text), 4) from generate_series(1, 300) g;
                update accounts set filler = md5(random()::text) where id % 37 = {chance.randrange(37)};
                insert into spaced select g, 'x' from generate_series(1, 200) g;
                create table t{self.rounds} as select g from generate_series(1, 100) g;
                drop table if exists t{max(self.rounds - 3, 0)};
                insert into sums values ({self.rounds}, {self.rounds});
            """)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.ending.set()
        self.join()


class Backup(Case):
    @classmethod
    def setUpClass(cls):
        it = cls.it = cls.shared = instance.Instance()
        cls.addClassCleanup(it.destroy)
        it.config["archive"] = {"destination": f"file://{it.directory}/archive", "wal": {"compression": "zstd"}}
        it.write_config()
        instance.Template.fill(it)
        it.start().up()
        cls.spaces = {}
        for name in ("one", "two words"):
            directory = f"{it.directory}/space {name}"
            os.mkdir(directory, 0o700)
            it._give(directory)
            it.sql(f"create tablespace \"{name}\" location '{directory}'")
            oid = it.sql(f"select oid from pg_tablespace where spcname = '{name}'")
            cls.spaces[oid] = directory
        it.sql("""
            create table accounts(id int, filler text);
            create table spaced(id int, filler text) tablespace one;
            create index on spaced(id) tablespace "two words";
            create unlogged table lost as select g from generate_series(1, 1000) g;
            create table sums(round int, value int);
            insert into accounts select g, repeat('x', 200) from generate_series(1, 50000) g;
            create index on accounts(id);
        """)

    def done(self, data=None, *more):
        job = backups.take(self.it, data, *more)
        self.assertEqual(job.code, 0, job)
        self.assertTrue(job.result["done"], job)
        return job

    def restored(self, backup, name="restored"):
        directory = f"{self.it.directory}/{name}"
        spaces = {oid: f"{self.it.directory}/{name}-{oid}" for oid in self.spaces}
        for path in (directory, *spaces.values()):
            backups.remove(path)
            self.addCleanup(backups.remove, path)
        backups.unpack(self.it, backup, directory, spaces)
        return directory

    def test_a_busy_database_with_tablespaces_comes_back_whole(self):
        with Load(self.it) as load:
            before = wait_for("load", lambda: self.it.sql("select max(round) from sums where round > 2"))
            job = self.done({"max_parallel": 3}, "--name", "first one")
        after = self.it.sql("select max(round) from sums")
        facts = backups.info(self.it, job.result["id"])

        self.assertEqual(facts["status"], "DONE")
        self.assertEqual(facts["backup_name"], "first one")
        self.assertEqual(facts["#bad_pages"], "0", job)
        self.assertEqual(facts["#taken_from"], "primary")
        self.assertEqual(facts["#instance"], "pg-1")
        for name in (facts["begin_wal"], facts["end_wal"]):
            self.assertIn(name, archives.wal_files(f"{self.it.directory}/archive"))
        for step in ("waiting for a checkpoint", "copying", "writing the manifest"):
            self.assertIn(step, job.steps)
        self.assertNotIn("pgbosun.claim", backups.objects(self.it, job.result["id"]))

        directory = self.restored(job.result["id"])
        backups.verify(self.it, directory)
        self.assertFalse(os.path.exists(f"{directory}/postmaster.pid"))
        self.assertFalse(os.path.exists(f"{directory}/tablespace_map"))
        self.assertEqual(os.listdir(f"{directory}/pg_wal"), [])
        again = backups.Recovered(self.it, directory).start()
        restored = again.sql("select max(round) from sums")
        self.assertLessEqual(int(before), int(restored), "all that was committed before it began")
        self.assertLessEqual(int(restored), int(after))
        self.assertEqual(again.sql("select count(*), count(distinct round) from sums"), f"{restored}|{restored}", "no round is lost")
        self.assertEqual(again.sql("select count(*) from lost"), "0")
        self.assertGreater(int(again.sql("select count(*) from spaced")), 0)
        again.amcheck()
        again.stop()
        backups.tool(self.it, "pg_checksums", "--check", "-D", directory)

    def test_every_compression_is_one_that_its_tool_reads(self):
        for compression, extension in archives.EXTENSIONS.items():
            with self.subTest(compression):
                job = self.done({"compression": compression})
                names = backups.objects(self.it, job.result["id"])
                self.assertIn(f"data.tar{extension}", names)
                for oid in self.spaces:
                    self.assertIn(f"{oid}.tar{extension}", names)
                backups.verify(self.it, self.restored(job.result["id"], compression))

    def test_the_last_tar_ends_with_the_control_file_and_the_label(self):
        job = self.done({"compression": "none"})
        last = sorted(name for name in backups.objects(self.it, job.result["id"]) if name.startswith("data"))[-1]
        listed = subprocess.run(["tar", "-tf", f"{backups.base(self.it)}/{job.result['id']}/{last}"], check=True,
                                capture_output=True, text=True).stdout.splitlines()
        self.assertEqual(listed, ["global/pg_control", "backup_label"])
        first = subprocess.run(["tar", "-tf", f"{backups.base(self.it)}/{job.result['id']}/data.tar"], check=True,
                               capture_output=True, text=True).stdout.splitlines()
        self.assertEqual(first[0], "./")
        self.assertIn("pg_wal/", first)
        self.assertFalse([name for name in first if name.startswith(("pg_wal/0", "pg_tblspc/1"))])

    def test_a_cancelled_backup_is_recorded_as_failed_and_leaves_no_data(self):
        job = backups.start(self.it, SLOW)
        backup = self.begun(job)
        job.send_signal(signal.SIGTERM)
        ended = backups.finish(job)

        self.assertEqual(ended.code, 1, ended)
        self.assertFalse(ended.result["done"])
        facts = backups.info(self.it, backup)
        self.assertEqual(facts["status"], "FAILED")
        self.assertIn("cancelled", facts["error"])
        self.assertEqual(backups.objects(self.it, backup), ["backup.info"])
        self.assertEqual(self.sessions(), "0")

    def test_a_killed_backup_is_not_done_and_the_next_one_is(self):
        job = backups.start(self.it, SLOW)
        backup = self.begun(job)
        job.kill()
        job.communicate()

        self.assertNotIn("backup.info", backups.objects(self.it, backup))
        wait_for("the server noticed", lambda: self.sessions() == "0")
        after = self.done()
        self.assertGreater(after.result["id"], backup)

    def test_a_second_backup_is_refused_while_one_runs(self):
        job = backups.start(self.it, SLOW)
        backup = self.begun(job)
        second = backups.take(self.it)
        job.send_signal(signal.SIGTERM)
        backups.finish(job)

        self.assertEqual(second.code, 3, second)
        self.assertIn(backup, second.result["detail"])
        self.assertIn(str(job.pid), second.result["detail"])

    def test_a_damaged_page_is_named_and_fails_the_backup_when_configured(self):
        it = self.it
        it.sql("create table damaged as select g, repeat('x', 500) from generate_series(1, 5000) g; checkpoint")
        path = it.sql("select pg_relation_filepath('damaged')")
        self.addCleanup(it.sql, "drop table if exists damaged")
        with open(f"{it.data_directory}/{path}", "r+b") as file:
            file.seek(17 * 8192 + 4000)
            byte = file.read(1)
            file.seek(-1, os.SEEK_CUR)
            file.write(bytes([byte[0] ^ 1]))
        it.sql("checkpoint")

        job = self.done()
        self.assertEqual(backups.info(it, job.result["id"])["#bad_pages"], "1")
        named = [(line["file"], line["page"]) for line in job.log if line["msg"] == "A page has a wrong checksum"]
        self.assertEqual(named, [(path, 17)])

        strict = backups.take(it, {"bad_pages": "fail"})
        self.assertEqual(strict.code, 1, strict)
        self.assertIn(f"page 17 of {path}", strict.result["detail"])
        self.assertEqual(backups.info(it, strict.result["id"])["status"], "FAILED")

    def begun(self, job):
        """The identifier of a backup that is copying."""
        self.addCleanup(backups.end, job)
        seen = []

        def copying():
            line = job.stdout.readline()
            self.assertTrue(line, f"the job ended: {job.stderr.read() if not line else ''}")
            seen.append(line)
            return '"copying"' in line and '"bytes_done":0,' not in line and line
        line = wait_for(f"the backup copies {seen}", copying)
        return instance.json.loads(line)["id"]

    def sessions(self):
        return self.it.sql("select count(*) from pg_stat_activity where application_name = 'pgbosun backup'")


if __name__ == "__main__":
    instance.main()
