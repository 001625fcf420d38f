"""Base backups: taken through the program, unpacked with tar and the tools of each compression, never with our code."""

import contextlib
import copy
import glob
import json
import os
import re
import shutil
import subprocess

import archives
import instance
from instance import ROOT, as_user, bin_dir, merge

ARCHIVER = os.path.join(os.path.dirname(instance.PGBOSUN), "pgbosun-archiver")


def job_config(it, data=None):
    """A file with the instance's configuration, changed for one job; the instance itself is not told."""
    config = copy.deepcopy(it.config)
    merge(config, {"archive": {"data": data or {}}})
    return it.write_file(f"{it.directory}/job.yaml", json.dumps(config))


def command(it, data=None, *more):
    return as_user(it.user) + [ARCHIVER, "backup", "--config", job_config(it, data), "--report", "json", *more]


def start(it, data=None, *more):
    job = subprocess.Popen(command(it, data, *more), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd="/")
    instance._started.add(job.pid)
    return job


class Finished:
    def __init__(self, code, out, err):
        self.code, self.err = code, err
        self.lines = [json.loads(line) for line in out.splitlines()]
        self.result = self.lines[-1] if self.lines and "done" in self.lines[-1] else None
        self.steps = [line["step"] for line in self.lines if "step" in line]
        self.log = []
        for line in err.splitlines():
            if line.startswith("{"):
                self.log.append(json.loads(line))

    def __repr__(self):
        return f"exit {self.code}: {self.result}\n{self.err}"


def finish(job, timeout=300):
    out, err = job.communicate(timeout=timeout)
    return Finished(job.returncode, out, err)


def end(job):
    """Whatever became of it."""
    job.kill()
    with contextlib.suppress(ValueError):
        job.communicate()


def take(it, data=None, *more):
    return finish(start(it, data, *more))


def base(it):
    return f"{it.config['archive']['destination'].removeprefix('file://')}/orders/base"


def info(it, backup):
    """backup.info as a dictionary; our remarks with '#'."""
    with open(f"{base(it)}/{backup}/backup.info", encoding="utf-8") as file:
        lines = file.read().splitlines()
    found = {}
    for line in lines:
        if match := re.fullmatch(r"# pgbosun\.(\w+): (.*)", line):
            found["#" + match.group(1)] = match.group(2)
        elif not line.startswith("#"):
            key, _, value = line.partition("=")
            found[key] = value
    return found


def objects(it, backup):
    top = f"{base(it)}/{backup}"
    return sorted(os.path.relpath(os.path.join(directory, name), top)
                  for directory, _, names in os.walk(top) for name in names)


def unpack(it, backup, to, tablespaces=None):
    """As a person would: each tar in order; links to tablespaces by hand. `tablespaces`: oid -> directory."""
    os.makedirs(to, mode=0o700)
    tablespaces = tablespaces or {}
    for path in sorted(glob.glob(f"{base(it)}/{backup}/*.tar*")):
        name = os.path.basename(path)
        oid = re.match(r"(data|\d+)[._]", name).group(1)
        directory = to if oid == "data" else tablespaces[oid]
        os.makedirs(directory, mode=0o700, exist_ok=True)
        subprocess.run(["tar", "-x", "-p", "-C", directory], input=archives.decoded(path), check=True)
    for oid, directory in tablespaces.items():
        os.symlink(directory, f"{to}/pg_tblspc/{oid}")
    manifest = archives.decoded(f"{base(it)}/{backup}/backup_manifest.zst")
    with open(f"{to}/backup_manifest", "wb") as file:
        file.write(manifest)
    if ROOT and it.user is not None:
        for directory in [to, *tablespaces.values()]:
            subprocess.run(["chown", "-R", f"{it.user}:", directory], check=True)


def tool(it, name, *arguments):
    done = subprocess.run(as_user(it.user) + [f"{bin_dir()}/{name}", *arguments], capture_output=True, text=True,
                          check=False, cwd="/", env={"PATH": os.environ["PATH"], "LC_ALL": "C"})
    if done.returncode != 0:
        raise AssertionError(f"{name} {' '.join(arguments)}: {done.stdout}{done.stderr}")
    return done.stdout


def verify(it, directory):
    """pg_verifybackup; the WAL is elsewhere."""
    return tool(it, "pg_verifybackup", "-n", directory)


class Recovered:
    """A PostgreSQL that recovers what was unpacked, from the WAL archive, with a restore_command of its own."""

    def __init__(self, it, directory):
        self.it, self.directory = it, directory
        self.port = instance.free_port()
        archive = it.config["archive"]["destination"].removeprefix("file://") + "/orders/wals"
        script = it.write_file(f"{it.directory}/restore.sh", f"""#!/bin/sh
for path in {archive}/$(echo "$1" | cut -c 1-16)/$1 {archive}/$1; do
    if [ -e $path.zst ]; then exec zstd -dcq $path.zst > "$2"; fi
done
exit 1
""", 0o755)
        it.write_file(f"{directory}/pgbosun.conf", f"""
port = {self.port}
listen_addresses = ''
unix_socket_directories = '{it.directory}'
restore_command = '{script} %f %p'
shared_buffers = 16MB
archive_mode = off
""")
        it.write_file(f"{directory}/recovery.signal", "")
        it.write_file(f"{directory}/pg_hba.conf", "local all all trust\n")

    def start(self):
        log = f"{self.directory}.log"
        try:
            tool(self.it, "pg_ctl", "-D", self.directory, "-l", log, "-w", "-t", "120", "-s", "start")
        except AssertionError as failed:
            with open(log, encoding="utf-8", errors="replace") as file:
                raise AssertionError(f"{failed}\n{file.read()[-4000:]}") from None
        instance.wait_for("the recovery ends", self.is_over)
        return self

    def is_over(self):
        """A copy that is restored by hand takes no connection before."""
        try:
            return self.sql("select pg_is_in_recovery()") == "f"
        except AssertionError as refused:
            if "not accepting connections" in str(refused):
                return False
            raise

    def sql(self, sql, database="postgres"):
        return tool(self.it, "psql", "-XAtq", "-h", self.it.directory, "-p", str(self.port), "-U", "postgres", "-d", database,
                    "-c", sql).strip()

    def amcheck(self):
        return tool(self.it, "pg_amcheck", "-h", self.it.directory, "-p", str(self.port), "-U", "postgres", "--all",
                    "--install-missing", "--heapallindexed")

    def stop(self):
        tool(self.it, "pg_ctl", "-D", self.directory, "-m", "fast", "-w", "-s", "stop")


def remove(path):
    shutil.rmtree(path, ignore_errors=True)


