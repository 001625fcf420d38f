"""With the real barman-cloud-* over S3 (s3rver), both ways: they list, restore and delete what we wrote; we list, verify,
restore and recover what they wrote. The database has a tablespace, and what comes back passes PostgreSQL's own checks."""

import json
import os
import shutil
import subprocess
import sys
import unittest

import archives
import base_backups
import instance
from barman_backups import Server
from instance import Case, as_user, bin_dir, wait_for
from s3_test import S3RVER, S3rver

ROWS = 20000


def barman_version():
    """None: its programs are not installed."""
    if shutil.which("barman-cloud-backup") is None:
        return None
    said = subprocess.run(["barman-cloud-backup", "--version"], capture_output=True, text=True, check=True).stdout
    return tuple(int(part) for part in said.split()[1].split(".")[:2])


BARMAN = barman_version()


class Store:
    """s3rver, and Barman's programs at it as the user who runs PostgreSQL."""

    def __init__(self, it):
        self.it, self.path = it, "s3://bucket/path"
        self.s3 = S3rver(f"{it.directory}/s3")
        self.s3.start()
        self.url = f"http://127.0.0.1:{self.s3.port}"
        self.settings = {
            "destination": self.path, "endpoint_url": self.url,
            "credentials": {"access_key_id_file": it.secret("id", "S3RVER\n"),
                            "secret_access_key_file": it.secret("key", "S3RVER\n")}}

    # Newer clients send checksums in trailers, which many a store that calls itself compatible does not know: s3rver too.
    ENVIRONMENT = {"AWS_ACCESS_KEY_ID": "S3RVER", "AWS_SECRET_ACCESS_KEY": "S3RVER", "AWS_DEFAULT_REGION": "us-east-1",
                   "AWS_REQUEST_CHECKSUM_CALCULATION": "when_required", "AWS_RESPONSE_CHECKSUM_VALIDATION": "when_required"}

    def words(self, program, *options, server="orders", behind=()):
        return [shutil.which(f"barman-cloud-{program}"), "--endpoint-url", self.url, *options, self.path, server, *behind]

    def barman(self, program, *options, server="orders", behind=(), check=True):
        environment = {"PATH": os.environ["PATH"], "HOME": self.it.directory, "LC_ALL": "C.UTF-8", **self.ENVIRONMENT}
        done = subprocess.run(as_user(self.it.user) + self.words(program, *options, server=server, behind=behind),
                              env=environment, cwd="/", capture_output=True, text=True, check=False, timeout=300)
        if check and done.returncode != 0:
            raise AssertionError(f"barman-cloud-{program} ended with {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done

    def list(self, server="orders"):
        return json.loads(self.barman("backup-list", "--format", "json", server=server).stdout)["backups_list"]

    def keys(self, server):
        return [key.removeprefix(f"path/{server}/") for key in self.s3.keys() if key.startswith(f"path/{server}/")]

    def script(self, program, server="orders", behind=""):
        """One of Barman's programs as PostgreSQL is told to call it."""
        words = " ".join(f"'{word}'" for word in self.words(program[0], *program[1:], server=server))
        names = " ".join(f"{key}={value}" for key, value in self.ENVIRONMENT.items())
        return self.it.write_file(f"{self.it.directory}/{program[0]}-{server}.sh",
                                  f"#!/bin/sh\nexec env {names} {words} {behind}\n", 0o755)


class Recovered(base_backups.Recovered):
    """A server in a restored directory, which fetches WAL with `command`, or as the directory already says."""

    def __init__(self, it, directory, command=None):  # pylint: disable=super-init-not-called
        self.it, self.directory, self.port = it, directory, instance.free_port()
        told = f"restore_command = '{command} %f %p'\n" if command else ""
        with open(f"{directory}/postgresql.auto.conf", "a", encoding="utf-8") as file:
            file.write(f"port = {self.port}\nlisten_addresses = ''\nunix_socket_directories = '{it.directory}'\n"
                       f"shared_buffers = 16MB\narchive_mode = off\nlogging_collector = off\nlog_destination = stderr\n{told}")
        it.write_file(f"{directory}/recovery.signal", "")
        it.write_file(f"{directory}/pg_hba.conf", "local all all trust\n")


class BarmanCase(Case):
    def check_whole(self, it, directory, spaces, command=None):
        """Recovers, and judges with PostgreSQL's own programs; the rows of `noted`."""
        for space in spaces:
            self.assertTrue(os.listdir(space), f"nothing was restored into the tablespace {space}")
        server = Recovered(it, directory, command).start()
        self.assertEqual(server.sql("select count(*), sum(id) from accounts"), f"{ROWS}|{ROWS * (ROWS + 1) // 2}")
        self.assertEqual(server.sql("select count(*), sum(id) from spaced"), f"{ROWS}|{ROWS * (ROWS + 1) // 2}")
        server.amcheck()
        rows = server.sql("select string_agg(i::text, ',' order by i) from noted")
        server.stop()
        base_backups.tool(it, "pg_checksums", "--check", "-D", directory)
        return rows

    @staticmethod
    def fill(run, space):
        run(f"create tablespace fast location '{space}'")
        run(f"""
            create table noted(i int);
            create table accounts(id int primary key, filler text);
            create table spaced(id int primary key using index tablespace fast, filler text) tablespace fast;
            insert into accounts select g, repeat(md5(g::text), 3) from generate_series(1, {ROWS}) g;
            insert into spaced select g, repeat(md5(g::text), 3) from generate_series(1, {ROWS}) g;
        """)

    @staticmethod
    def directory(it, name):
        os.mkdir(f"{it.directory}/{name}", 0o700)
        it._give(f"{it.directory}/{name}")
        return f"{it.directory}/{name}"


class Theirs(BarmanCase):
    """What we wrote."""

    @classmethod
    def setUpClass(cls):
        it = cls.it = cls.shared = instance.Instance()
        cls.addClassCleanup(it.destroy)
        store = cls.store = Store(it)
        cls.addClassCleanup(store.s3.kill)
        # The oldest Barman reads no zstd.
        it.config["archive"] = {**store.settings, "wal": {"compression": "gzip"}, "data": {"compression": "gzip"}}
        it.write_config()
        instance.Template.fill(it)
        it.start().up()
        cls.fill(it.sql, cls.directory(it, "fast"))

    def taken(self, compression, name):
        job = base_backups.take(self.it, {"compression": compression, "max_parallel": 2}, "--name", name)
        self.assertEqual(job.code, 0, job)
        return job.result["id"]

    def test_they_list_restore_recover_and_delete_our_backups(self):
        it, store = self.it, self.store
        it.sql("truncate noted; insert into noted values (1)")
        ids = {"gzip": self.taken("gzip", "pressed"), "none": self.taken("none", "plain")}
        it.sql("insert into noted values (2)")
        last = archives.switch(it)
        archives.wait_archived(it, last)

        listed = {backup["backup_id"]: backup for backup in store.list()}
        self.assertEqual({ids["gzip"]: "pressed", ids["none"]: "plain"},
                         {each: listed[each]["backup_name"] for each in listed})
        for backup in listed.values():
            self.assertEqual(backup["status"], "DONE")
            self.assertEqual(backup["systemid"], it.status()["system_id"])
            self.assertEqual([space[0] for space in backup["tablespaces"]], ["fast"])

        segment = f"{it.directory}/segment"
        store.barman("wal-restore", behind=[last, segment])
        with open(segment, "rb") as theirs, open(f"{it.data_directory}/pg_wal/{last}", "rb") as ours:
            self.assertEqual(theirs.read(), ours.read())

        fetch = store.script(["wal-restore"], behind='"$1" "$2"')
        for compression, backup in ids.items():
            with self.subTest(compression):
                target, space = f"{it.directory}/{compression}", f"{it.directory}/{compression}-fast"
                store.barman("restore", "--tablespace", f"fast:{space}", behind=[backup, target])
                # It sets no rights, as its manual says.
                os.chmod(target, 0o700)
                self.assertEqual(os.listdir(f"{target}/pg_wal"), [])
                self.check_manifest(backup, target)
                self.assertEqual(self.check_whole(it, target, [space], fetch), "1,2")

        store.barman("backup-delete", "--backup-id", ids["gzip"])

        self.assertEqual([backup["backup_id"] for backup in store.list()], [ids["none"]])
        left = [key for key in store.keys("orders") if key.startswith(f"base/{ids['gzip']}/")]
        self.assertEqual(left, [f"base/{ids['gzip']}/backup_manifest.zst"])
        ours = [entry["id"] for entry in self.catalog("list") if entry["state"] == "done"]
        self.assertEqual(ours, [ids["none"]])
        verified = self.archiver("verify", ids["none"])
        self.assertEqual(verified.returncode, 0, verified.stderr)

    def check_manifest(self, backup, target):
        """Barman passes over our manifest; it tells whether each file is as it was."""
        manifest = self.store.s3.keys()[f"path/orders/base/{backup}/backup_manifest.zst"]
        with open(f"{target}/backup_manifest", "wb") as file:
            subprocess.run(["zstd", "-dcq", manifest], stdout=file, check=True)
        self.it._give(f"{target}/backup_manifest")
        base_backups.verify(self.it, target)
        os.unlink(f"{target}/backup_manifest")

    def archiver(self, *words):
        words = as_user(self.it.user) + [base_backups.ARCHIVER, *words, "--config", self.it.config_file]
        return subprocess.run(words, capture_output=True, text=True, check=False, cwd="/")

    def catalog(self, verb):
        return json.loads(self.archiver("catalog", verb, "--json").stdout)["backups"]


class Ours(BarmanCase):
    """What they wrote."""

    @classmethod
    def setUpClass(cls):
        it = cls.it = instance.Instance()
        cls.addClassCleanup(it.destroy)
        store = cls.store = Store(it)
        cls.addClassCleanup(store.s3.kill)

    def config(self, server, **more):
        config = {**self.it.config, "cluster": server, "archive": {**self.store.settings, "server_name": server}, **more}
        return self.it.write_file(f"{self.it.directory}/{server}.yaml", json.dumps(config))

    def archiver(self, *words, check=True):
        done = subprocess.run(as_user(self.it.user) + [base_backups.ARCHIVER, *words], capture_output=True, text=True,
                              check=False, cwd="/")
        if check and done.returncode != 0:
            raise AssertionError(f"{words} ended with {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done

    def origin(self, server, wal_options):
        """A server that Barman archives."""
        archive = self.store.script(["wal-archive", *wal_options], server=server, behind='"$1"')
        origin = Origin(self.it, server, archive)
        self.addCleanup(origin.stop, "immediate")
        self.fill(origin.sql, self.directory(self.it, f"{server}-fast"))
        origin.sql("insert into noted values (1)")
        return origin

    def backed_up(self, origin, *options):
        """The identifier of a backup that barman-cloud-backup took."""
        before = {backup["backup_id"] for backup in self.store.list(origin.name)} if origin.backups else set()
        self.store.barman("backup", "--immediate-checkpoint", "-J", "1", "-h", self.it.directory, "-p", str(origin.port),
                          "-U", "postgres", *options, server=origin.name)
        origin.backups += 1
        made = {backup["backup_id"] for backup in self.store.list(origin.name)} - before
        self.assertEqual(len(made), 1)
        return made.pop()

    def check_ours(self, name, wal_options, data_options, extension):
        origin = self.origin(name, wal_options)
        backup = self.backed_up(origin, *data_options)
        keys = self.store.keys(name)
        self.assertIn(f"base/{backup}/data.tar{extension}", keys)
        origin.sql("insert into noted values (2)")
        last = origin.switch()
        wait_for(f"{last} in the archive",
                 lambda: any(key.startswith(f"wals/{last[:16]}/{last}") for key in self.store.keys(name)))
        origin.stop()
        config = self.config(name)

        listed = json.loads(self.archiver("catalog", "list", "--json", "--config", config).stdout)["backups"]
        self.assertEqual([(entry["id"], entry["state"], entry["kind"]) for entry in listed], [(backup, "done", "full")])
        found = json.loads(self.archiver("wal", "verify", "--json", "--config", config).stdout)
        self.assertTrue(found["recoverable"], found)
        # A server that stops archives its last segment, too.
        self.assertGreaterEqual(found["last_wal"], last)
        self.archiver("verify", "--config", config, backup)

        target, space = f"{self.it.directory}/{name}-back", f"{self.it.directory}/{name}-back-fast"
        self.archiver("restore", "--config", config, "--target", target, "--tablespace", f"fast={space}")
        self.assertEqual(self.check_whole(self.it, target, [space]), "1,2")

    def test_what_they_wrote_without_compression(self):
        self.check_ours("plain", [], [], "")

    def test_what_they_wrote_with_gzip(self):
        self.check_ours("gzip", ["--gzip"], ["--gzip"], ".gz")

    def test_what_they_wrote_with_bzip2(self):
        self.check_ours("bzip2", ["--bzip2"], ["--bzip2"], ".bz2")

    def test_what_they_wrote_with_snappy(self):
        works = subprocess.run(["/usr/bin/python3", "-c", "import snappy; snappy.StreamCompressor().add_chunk(b'x')"], capture_output=True,
                               text=True, check=False)
        if works.returncode != 0:
            # python3-snappy 0.5 fails with Debian 12's Python 3.11 (PY_SSIZE_T_CLEAN) and crashes with Debian 13's 3.13.
            said = works.stderr.strip().splitlines()
            self.skipTest(f"Barman cannot write snappy here: {said[-1] if said else f'signal {-works.returncode}'}")
        self.check_ours("snappy", ["--snappy"], ["--snappy"], ".snappy")

    def test_what_newer_ones_write_wal_with(self):
        if BARMAN < (3, 13):
            self.skipTest(f"barman-cloud {'.'.join(map(str, BARMAN))} writes WAL with gzip, bzip2 and snappy only")
        for option in ("--xz", "--zstd", "--lz4"):
            with self.subTest(option):
                self.check_ours(option[2:], [option], ["--gzip"], ".gz")

    def test_an_empty_volume_becomes_the_cluster_that_barman_archived(self):
        origin = self.origin("origin", ["--gzip"])
        backup = self.backed_up(origin, "--gzip")
        origin.sql("insert into noted values (2)")
        moment = origin.sql("select now()")
        origin.sql("select pg_sleep(0.05); insert into noted values (3)")
        last = origin.switch()
        wait_for(f"{last} in the archive",
                 lambda: any(key.startswith(f"wals/{last[:16]}/{last}") for key in self.store.keys("origin")))
        origin.stop()
        space = f"{self.it.directory}/new-fast"

        it = self.make({
            "archive": {**self.store.settings, "server_name": "new"},
            "bootstrap": {"recovery": {"source": {**self.store.settings, "server_name": "origin"}, "backup": backup,
                                       "target_time": moment, "tablespaces": {"fast": space}}}})
        it.start().up()

        self.assertEqual(it.sql("select string_agg(i::text, ',' order by i) from noted"), "1,2")
        self.assertEqual(it.sql("select count(*) from spaced"), str(ROWS))
        self.assertEqual(it.sql("select pg_tablespace_location(oid) from pg_tablespace where spcname = 'fast'"), space)
        name = archives.switch(it)
        archives.wait_archived(it, name)
        self.assertTrue([key for key in self.store.keys("new") if name in key])


class Origin(Server):
    """As barman_backups.Server, below an instance's directory and with an archive_command of the caller's."""

    def __init__(self, it, name, archive):
        self.it, self.name, self.data, self.port, self.backups = it, name, f"{it.directory}/{name}", instance.free_port(), 0
        self.run_as(f"{bin_dir()}/initdb", "-D", self.data, "-U", "postgres", "-A", "trust", "--no-sync", "--data-checksums")
        self.configure(f"archive_mode = on\narchive_command = '{archive} %p'\nwal_level = replica\nfsync = off\n")
        self.run_as(f"{bin_dir()}/pg_ctl", "-D", self.data, "-l", f"{self.data}.log", "-w", "-s", "start", "-o",
                    f"-c port={self.port} -c unix_socket_directories={it.directory} -c listen_addresses= "
                    "-c shared_buffers=16MB -c max_connections=20")

    def run_as(self, *command, check=True):
        done = subprocess.run(as_user(self.it.user) + list(command), capture_output=True, text=True, check=False, cwd="/",
                              stdin=subprocess.DEVNULL)
        if check and done.returncode != 0:
            raise AssertionError(f"{command} ended with {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done

    def ask(self, sql, check=True):
        return self.run_as(f"{bin_dir()}/psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-h", self.it.directory, "-p",
                           str(self.port), "-U", "postgres", "-c", sql, "postgres", check=check)

    def switch(self):
        return self.sql("select pg_create_restore_point('switch'); select pg_walfile_name(pg_switch_wal())").split()[-1]

    def stop(self, how="fast"):
        self.run_as(f"{bin_dir()}/pg_ctl", "-D", self.data, "-m", how, "-w", "-s", "stop", check=False)


if __name__ == "__main__":
    for what, there in (("PGBOSUN_S3RVER does not name the s3rver program (npm install s3rver)", S3RVER),
                        ("barman-cloud-* are not installed (Debian's barman-cli-cloud)", BARMAN)):
        if not there:
            print(f"SKIPPED: {what}")
            sys.exit(77)
    instance.main()
