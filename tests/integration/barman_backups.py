"""A server whose WAL goes into an archive in Barman's layout, backups in it, and what is restored from it. No pgbosun run
is needed: the archive's files are laid by PostgreSQL's own programs, and read by ours."""

import atexit
import datetime
import json
import os
import shutil
import subprocess
import tempfile

import instance
from instance import ROOT, as_user, bin_dir, free_port, wait_for

ARCHIVER = os.path.join(os.path.dirname(instance.PGBOSUN), "pgbosun-archiver")
USER = "postgres" if ROOT else None


def run(*command, check=True, **more):
    done = subprocess.run([*as_user(USER), *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          stdin=subprocess.DEVNULL, cwd="/", check=False, **more)
    if check and done.returncode != 0:
        raise AssertionError(f"{command} ended with {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done


class Place:
    """A temporary directory that PostgreSQL's user owns, and the archive in it."""

    def __init__(self):
        self.directory = tempfile.mkdtemp(prefix="pgr-", dir="/tmp")
        os.chmod(self.directory, 0o755)
        self.own(self.directory)
        self.archive = f"{self.directory}/archive"
        self.servers = []
        self.made = 0
        atexit.register(self.destroy)
        run("mkdir", "-p", f"{self.archive}/orders/wals", f"{self.archive}/orders/base")

    @staticmethod
    def own(path):
        if ROOT:
            shutil.chown(path, USER, USER)

    def destroy(self):
        for server in self.servers:
            server.stop("immediate")
        shutil.rmtree(self.directory, ignore_errors=True)

    def write(self, name, text, mode=0o644):
        path = f"{self.directory}/{name}"
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, mode)
        self.own(path)
        return path

    def config(self, **more):
        """The path of pgbosun's configuration for this archive."""
        config = {"cluster": "orders", "instance": "pg-1", "volume": f"{self.directory}/volume",
                  "run_dir": f"{self.directory}/run", "postgresql": {"bin_dir": bin_dir()},
                  "archive": {"destination": f"file://{self.archive}", "data": {"max_parallel": 2}}}
        return self.write("pgbosun.yaml", json.dumps(instance.merge(config, more)))

    def archive_command(self):
        """Without compression: as simple as it can be."""
        return self.write("archive.sh", f"""#!/bin/sh
case $2 in *.history) d={self.archive}/orders/wals;; *) d={self.archive}/orders/wals/$(echo $2 | cut -c1-16);; esac
mkdir -p $d && test ! -e $d/$2 && cp $1 $d/$2.new && mv $d/$2.new $d/$2
""", 0o755) + ' %p %f'

    def new(self, name):
        self.made += 1
        return f"{self.directory}/{name}{self.made}"

    def archiver(self, *arguments, check=True, **more):
        return run(ARCHIVER, arguments[0], "--config", self.config(), *arguments[1:], check=check, **more)

    def restore(self, *options, check=True):
        """The directory and what the program said."""
        target = self.new("restored")
        return target, self.archiver("restore", "--target", target, *options, check=check)

    def wals(self):
        found = set()
        for _, _, names in os.walk(f"{self.archive}/orders/wals"):
            found |= set(names)
        return found


class Server:
    """postgres in a data directory, over its own socket."""

    def __init__(self, place, data):
        self.place, self.data, self.port = place, data, free_port()
        place.servers.append(self)

    @classmethod
    def initialise(cls, place, *options):
        it = cls(place, place.new("data"))
        run(f"{bin_dir()}/initdb", "-D", it.data, "-U", "postgres", "-A", "trust", "--no-sync", "--data-checksums", *options)
        it.configure(f"archive_mode = on\narchive_command = '{place.archive_command()}'\nwal_level = replica\n"
                     "max_wal_senders = 4\nfsync = off\n")
        return it

    def configure(self, text):
        with open(f"{self.data}/postgresql.conf", "a", encoding="utf-8") as file:
            file.write(text)

    def start(self, wait=True):
        options = (f"-c port={self.port} -c unix_socket_directories={self.place.directory} -c listen_addresses= "
                   "-c shared_buffers=16MB -c max_connections=20")
        run(f"{bin_dir()}/pg_ctl", "-D", self.data, "-l", f"{self.data}.log", "-o", options, "-w" if wait else "-W",
            "start", check=wait)
        return self

    def stop(self, how="fast"):
        run(f"{bin_dir()}/pg_ctl", "-D", self.data, "-m", how, "-w", "stop", check=False)

    def log(self):
        with open(f"{self.data}.log", encoding="utf-8", errors="replace") as file:
            return file.read()

    def ask(self, sql, check=True):
        return run(f"{bin_dir()}/psql", "-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-h", self.place.directory,
                   "-p", str(self.port), "-U", "postgres", "-c", sql, "postgres", check=check)

    def sql(self, sql):
        return self.ask(sql).stdout.strip()

    def promoted(self):
        """Waits for the end of recovery."""
        wait_for("the end of recovery",
                 lambda: self.ask("select pg_is_in_recovery()", check=False).stdout.strip() == "f")
        return self

    def gone(self):
        """Waits until the server has ended by itself; its log."""
        def ended():
            return "database system is shut down" in self.log()
        wait_for("the server to end", ended)
        return self.log()

    def switch(self):
        """Ends the segment, waits until it is archived, and returns its name."""
        name = self.sql("select pg_create_restore_point('switch'); select pg_walfile_name(pg_switch_wal())").split()[-1]
        wait_for(f"{name} in the archive", lambda: name in self.place.wals())
        return name

    def backup(self, identifier, compress=("cat", "")):
        """In Barman's layout, made with pg_basebackup: a tar of the data directory, and one of each tablespace."""
        staging = self.place.new("staging")
        run(f"{bin_dir()}/pg_basebackup", "-D", staging, "-Ft", "-X", "none", "-c", "fast", "-h", self.place.directory,
            "-p", str(self.port), "-U", "postgres", "--no-sync", "--no-manifest")
        base = f"{self.place.archive}/orders/base/{identifier}"
        run("mkdir", "-p", base)
        for name in os.listdir(staging):
            to = f"{base}/{'data.tar' if name == 'base.tar' else name}{compress[1]}"
            with open(to, "wb") as out:
                subprocess.run([*compress[0].split(), f"{staging}/{name}"], stdout=out, check=True)
            self.place.own(to)
        label = subprocess.run(["tar", "-xOf", f"{staging}/base.tar", "backup_label"], check=True,
                               stdout=subprocess.PIPE, text=True).stdout
        shutil.rmtree(staging)
        self.place.write(f"archive/orders/base/{identifier}/backup.info", self.info(label))
        return identifier

    def info(self, label):
        words = label.splitlines()[0].split()
        begin, segment = words[3], words[5].rstrip(")")
        history = wait_for("the backup's history file",
                           lambda: [name for name in self.place.wals() if name.startswith(segment) and name.endswith(".backup")])
        with open(f"{self.place.archive}/orders/wals/{segment[:16]}/{sorted(history)[-1]}", encoding="utf-8") as file:
            stop = [line for line in file if line.startswith("STOP WAL")][0].split()
        end, end_wal = stop[3], stop[5].rstrip(")")
        wait_for(f"{end_wal} in the archive", lambda: end_wal in self.place.wals())
        now = datetime.datetime.now(datetime.timezone.utc).isoformat(" ")
        tablespaces = [row.split("|") for row in self.sql(
            "select oid, spcname, pg_tablespace_location(oid) from pg_tablespace where spcname !~ '^pg_'").splitlines()]
        spaces = [(name, int(oid), path) for oid, name, path in tablespaces]
        return "".join(f"{key}={value}\n" for key, value in {
            "backup_label": repr(label), "begin_time": now, "begin_wal": segment, "begin_xlog": begin,
            "end_time": now, "end_wal": end_wal, "end_xlog": end, "pgdata": self.data, "status": "DONE",
            "systemid": self.sql("select system_identifier from pg_control_system()"), "timeline": 1,
            "version": self.sql("show server_version_num"), "xlog_segment_size": 16777216,
            "tablespaces": spaces or None}.items())
