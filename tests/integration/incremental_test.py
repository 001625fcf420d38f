"""Incremental backups (PostgreSQL 17 on): a chain is taken, shown, verified, restored and expired as one; a kill at any
moment leaves nothing that counts."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys

import archives
import base_backups as backups
import instance
from instance import Case, as_user, bin_dir, server_major, wait_for

ROWS = 50000


class Incremental(Case):
    @classmethod
    def setUpClass(cls):
        it = cls.it = cls.shared = instance.Instance()
        cls.addClassCleanup(it.destroy)
        it.config["archive"] = {"destination": f"file://{it.directory}/archive", "retention": "REDUNDANCY 1"}
        it.config["backup"] = {"incremental": True}
        it.write_config()
        instance.Template.fill(it)
        it.start().up()
        cls.space = f"{it.directory}/fast"
        os.mkdir(cls.space, 0o700)
        it._give(cls.space)
        it.sql(f"create tablespace fast location '{cls.space}'")
        it.sql(f"""
            create table noted(i int);
            create table accounts(id int primary key, filler text);
            create table spaced(id int primary key using index tablespace fast, filler text) tablespace fast;
            insert into accounts select g, md5(g::text) from generate_series(1, {ROWS}) g;
            insert into spaced select g, md5(g::text) from generate_series(1, {ROWS // 10}) g;
        """)

    def archiver(self, *words, check=True):
        done = subprocess.run(as_user(self.it.user) + [backups.ARCHIVER, *words, "--config", self.it.config_file],
                              capture_output=True, text=True, check=False, cwd="/")
        if check and done.returncode != 0:
            raise AssertionError(f"{words} ended with {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done

    def catalog(self):
        return json.loads(self.archiver("catalog", "list", "--json").stdout)["backups"]

    def done(self):
        return [entry["id"] for entry in self.catalog() if entry["state"] == "done"]

    def taken(self, *more):
        job = backups.take(self.it, None, *more)
        self.assertEqual(job.code, 0, job)
        return job

    def change(self, number):
        """A little of everything that a chain has to carry."""
        self.it.sql(f"""
            insert into noted values ({number});
            update accounts set filler = 'changed {number}' where id % 1000 = {number};
            delete from spaced where id % 1000 = {number};
            drop table if exists made{number - 1};
            create table made{number} as select g from generate_series(1, 5000) g;
            truncate made{number}; insert into made{number} select generate_series(1, {number});
            vacuum accounts;
        """)

    def facts(self, run):
        return [run("select string_agg(i::text, ',' order by i) from noted"),
                run("select md5(string_agg(id || filler, ',' order by id)) from accounts"),
                run("select md5(string_agg(id || filler, ',' order by id)) from spaced"),
                run("select string_agg(relname, ',' order by relname) from pg_class where relname like 'made%'")]

    def check_restored(self, name, *options):
        """The facts of what the options restore, when PostgreSQL's own programs are content with it."""
        target, space = f"{self.it.directory}/{name}", f"{self.it.directory}/{name}=fast"
        self.addCleanup(backups.remove, target)
        self.addCleanup(backups.remove, space)
        said = self.archiver("restore", "--target", target, "--tablespace", f"fast={space}", *options).stdout
        self.assertFalse(os.path.exists(f"{target}/pgbosun.chain"))
        self.assertTrue(os.listdir(space))
        backups.tool(self.it, "pg_verifybackup", "-n", "-i", "postgresql.auto.conf", "-i", "recovery.signal", target)
        server = Restored(self.it, target).start()
        found = self.facts(server.sql)
        server.amcheck()
        server.stop()
        backups.tool(self.it, "pg_checksums", "--check", "-D", target)
        return found, said

    def test_a_chain_is_taken_shown_verified_and_restored_as_one(self):
        it = self.it
        self.assertEqual(it.sql("show summarize_wal"), "on")
        self.change(1)
        full = self.taken().result
        ids = [full["id"]]
        for number in (2, 3):
            self.change(number)
            job = self.taken("--incremental", "--name", f"change {number}")
            self.assertLess(job.result["bytes"], full["bytes"] / 2, job)
            ids.append(job.result["id"])
        at_3 = self.facts(it.sql)
        at_3_time = it.sql("select now()")
        self.change(4)
        last = archives.switch(it)
        archives.wait_archived(it, last)

        shown = [(entry["id"], entry["kind"], entry["parent"]) for entry in self.catalog()
                 if entry["state"] == "done"][-3:]
        self.assertEqual(shown, [(ids[0], "full", None), (ids[1], "incremental", ids[0]), (ids[2], "incremental", ids[1])])
        top = f"{it.directory}/archive/orders"
        self.assertFalse(os.path.exists(f"{top}/base/{ids[1]}"), "Barman must not see it")
        there = sorted(os.listdir(f"{top}/incremental/{ids[2]}"))
        oid = it.sql("select oid from pg_tablespace where spcname = 'fast'")
        self.assertEqual(there, sorted([f"{oid}.tar.zst", "backup.info", "backup_manifest.zst", "data.tar.zst"]))
        listed = subprocess.run(["tar", "-t"], input=archives.decoded(f"{top}/incremental/{ids[2]}/data.tar.zst"), check=True,
                                capture_output=True).stdout.decode()
        self.assertIn("INCREMENTAL.", listed)

        self.assertIn("every file is as the manifest says", self.archiver("verify", ids[2]).stdout)
        found, said = self.check_restored("now")
        self.assertEqual(found, self.facts(it.sql))
        self.assertIn("from a chain of 3 backups", said)
        self.assertEqual(self.check_restored("then", "--to-time", at_3_time)[0], at_3)
        self.assertEqual(self.check_restored("middle", "--backup", ids[1])[0], self.facts(it.sql))
        self.assertEqual(self.check_restored("whole", "--backup", ids[0])[0], self.facts(it.sql))

    def test_what_something_builds_on_stays_whoever_asks_and_a_drill_proves_a_chain(self):
        self.change(41)
        ids = [self.taken().result["id"]]
        for number in (42, 43):
            self.change(number)
            ids.append(self.taken("--incremental").result["id"])
        top = f"{self.it.directory}/archive/orders"

        self.assertIn("all checks passed", self.archiver("drill").stdout)

        refused = self.archiver("catalog", "delete", ids[1], check=False)
        self.assertEqual(refused.returncode, 3, refused)
        self.assertIn(ids[2], refused.stdout + refused.stderr)
        self.archiver("catalog", "expire")
        self.assertEqual([each for each in self.done() if each in ids], ids)
        # The next full one ends the chain.
        following = self.taken().result["id"]
        self.archiver("catalog", "expire")
        self.assertEqual(self.done(), [following])
        self.assertFalse(os.path.exists(f"{top}/incremental/{ids[1]}"))

    # The last by its name: what is killed may be under way, for all that the others know, and keeps what it may build on.
    def test_when_killed_at_any_moment_it_leaves_nothing_that_counts(self):
        self.change(11)
        full = self.taken().result["id"]
        seed = random.randrange(2**32)
        chance = random.Random(seed)
        for round_ in range(6):
            with self.subTest(round_, seed=seed):
                self.change(12 + round_)
                before = self.done()
                job = backups.start(self.it, {"max_rate": "4MB"}, "--incremental")
                lines = chance.randrange(1, 8)
                for _ in range(lines):
                    if not job.stdout.readline():
                        break
                job.send_signal(signal.SIGKILL)
                backups.end(job)
                wait_for("the server has ended it", lambda: self.it.sql(
                    "select count(*) from pg_stat_activity where backend_type = 'walsender'") == "0")
                after = self.done()
                # Killed behind its last step it may be whole; then it must restore.
                self.assertEqual(after[:len(before)], before)
        last = self.taken("--incremental").result["id"]
        archives.wait_archived(self.it, archives.switch(self.it))

        self.assertIn(full, self.done())
        self.assertEqual(self.done()[-1], last)
        self.assertEqual(self.check_restored("after")[0], self.facts(self.it.sql))
        self.archiver("catalog", "expire")
        self.assertEqual(self.done()[-1], last)

    def test_a_cancelled_one_is_recorded_as_failed_and_leaves_no_data(self):
        self.taken()
        self.change(21)
        job = backups.start(self.it, {"max_rate": "1MB"}, "--incremental")
        while '"copying"' not in (line := job.stdout.readline()):
            self.assertTrue(line, "it ended before it copied")
        job.send_signal(signal.SIGTERM)
        ended = backups.finish(job)

        self.assertEqual(ended.code, 1, ended)
        entry = self.catalog()[-1]
        self.assertEqual((entry["kind"], entry["state"]), ("incremental", "failed"))
        self.assertEqual(os.listdir(f"{self.it.directory}/archive/orders/incremental/{entry['id']}"), ["backup.info"])

    def test_where_no_incremental_one_is_possible_a_full_one_is_taken_and_says_why(self):
        self.it.sql("create table if not exists noted(i int)")
        for entry in self.catalog():
            self.archiver("catalog", "delete", entry["id"], "--force", check=False)
        for entry in reversed(self.catalog()):
            self.archiver("catalog", "delete", entry["id"], "--force")

        job = self.taken("--incremental")

        self.assertEqual([entry["kind"] for entry in self.catalog()], ["full"])
        self.assertIn("there is no backup to build on", str(job.log))

    def test_whose_parent_somebody_else_removed_is_an_orphan_that_nothing_counts_on(self):
        self.change(51)
        ids = [self.taken().result["id"]]
        self.change(52)
        ids.append(self.taken("--incremental").result["id"])
        # As barman-cloud-backup-delete does, which does not know of the other.
        shutil.rmtree(f"{self.it.directory}/archive/orders/base/{ids[0]}")

        # What it ends with depends on the other backups here.
        verified = self.archiver("wal", "verify", check=False)
        self.assertIn(f"backup {ids[1]} cannot be restored", verified.stdout)
        refused = self.archiver("restore", "--target", f"{self.it.directory}/orphan", "--backup", ids[1], check=False)
        self.assertEqual(refused.returncode, 3, refused)
        self.assertIn(ids[0], refused.stdout + refused.stderr)
        self.assertFalse(os.path.exists(f"{self.it.directory}/orphan"))

        job = self.taken("--incremental")

        self.assertEqual(self.catalog()[-1]["kind"], "full", "nothing builds on an orphan")
        self.assertIn(ids[1], str(job.log))
        self.archiver("catalog", "expire")
        self.assertNotIn(ids[1], [entry["id"] for entry in self.catalog()])
        self.archiver("wal", "verify")

    def test_a_parent_whose_summaries_are_gone_ends_in_a_full_one(self):
        self.taken()
        self.change(31)
        # A summary ends where a checkpoint begins: then what is behind the parent is in files, and nowhere else.
        lsn = self.it.sql("select pg_current_wal_insert_lsn()")
        self.it.sql("checkpoint")
        wait_for("the summaries", lambda: self.it.sql(
            f"select max(end_lsn) >= '{lsn}' from pg_available_wal_summaries()") == "t")
        summaries = f"{self.it.data_directory}/pg_wal/summaries"
        for name in os.listdir(summaries):
            os.unlink(f"{summaries}/{name}")

        job = self.taken("--incremental")

        self.assertEqual(self.catalog()[-1]["kind"], "full")
        self.assertIn("summaries", str(job.log))


class Restored(backups.Recovered):
    """As the directory says where its WAL comes from."""

    def __init__(self, it, directory):  # pylint: disable=super-init-not-called
        self.it, self.directory, self.port = it, directory, instance.free_port()
        with open(f"{directory}/postgresql.auto.conf", "a", encoding="utf-8") as file:
            file.write(f"port = {self.port}\nlisten_addresses = ''\nunix_socket_directories = '{it.directory}'\n"
                       "shared_buffers = 16MB\narchive_mode = off\nlogging_collector = off\nlog_destination = stderr\n")
        it.write_file(f"{directory}/pg_hba.conf", "local all all trust\n")


if __name__ == "__main__":
    if server_major() < 17:
        print(f"SKIPPED: PostgreSQL {server_major()} in {bin_dir()} makes no incremental backups; 17 or newer is needed")
        sys.exit(77)
    instance.main()
