"""What is in an archive, read with the command line tools of each compression and never with our own code."""

import os
import subprocess

from instance import ROOT, as_user, wait_for, PGBOSUN

TOOLS = {".zst": ["zstd", "-dcq"], ".gz": ["gzip", "-dc"], ".lz4": ["lz4", "-dcq"], "": ["cat"]}
EXTENSIONS = {"zstd": ".zst", "gzip": ".gz", "lz4": ".lz4", "none": ""}
HOOK = os.path.join(os.path.dirname(PGBOSUN), "pgbosun-wal")


def split(name):
    """(name of the WAL file, extension)"""
    base, dot, end = name.rpartition(".")
    return (base, dot + end) if dot + end in TOOLS and dot else (name, "")


def decoded(path):
    done = subprocess.run([*TOOLS[split(path)[1]], path], capture_output=True, check=False)
    if done.returncode != 0:
        raise AssertionError(f"{path} cannot be decoded: {done.stderr.decode()}")
    return done.stdout


def wal_files(archive, server="orders"):
    """name of the WAL file -> path in the archive."""
    found = {}
    for directory, _, names in os.walk(f"{archive}/{server}/wals"):
        for name in names:
            if name.startswith(".pgbosun-tmp"):
                continue
            if split(name)[0] in found:
                raise AssertionError(f"{name} is there twice")
            found[split(name)[0]] = f"{directory}/{name}"
    return found


def is_segment(name):
    return len(name) == 24 and all(digit in "0123456789ABCDEF" for digit in name)


def switch(it):
    """Ends a segment that holds something, and returns its name."""
    it.sql("create table if not exists noise(i int); insert into noise select generate_series(1, 100)")
    return it.sql("select pg_walfile_name(pg_switch_wal())")


def acknowledged(it):
    """The names that PostgreSQL was told are archived, as its own marks say."""
    directory = f"{it.data_directory}/pg_wal/archive_status"
    return {name.removesuffix(".done") for name in os.listdir(directory) if name.endswith(".done")}


def waiting(it):
    directory = f"{it.data_directory}/pg_wal/archive_status"
    return {name.removesuffix(".ready") for name in os.listdir(directory) if name.endswith(".ready")}


def unmarked(it):
    """Segments in pg_wal that PostgreSQL has not asked to have archived."""
    directory = f"{it.data_directory}/pg_wal"
    marked = {name.rsplit(".", 1)[0] for name in os.listdir(f"{directory}/archive_status")}
    return {name for name in os.listdir(directory) if is_segment(name)} - marked


def wait_archived(it, name):
    wait_for(f"{name} is archived\n{it.tail()}", lambda: name in acknowledged(it))


def check_acknowledged(it, archive, only=""):
    """Everything that was acknowledged and is still in pg_wal is in the archive with the same bytes; the names, of those
    that begin with `only`."""
    files = wal_files(archive)
    names = {name for name in acknowledged(it) if name.startswith(only)}
    for name in names:
        if name not in files:
            raise AssertionError(f"{name} was acknowledged and is not in the archive")
        try:
            with open(f"{it.data_directory}/pg_wal/{name}", "rb") as file:
                ours = file.read()
        except FileNotFoundError:
            continue  # recycled
        if decoded(files[name]) != ours:
            raise AssertionError(f"{name} was acknowledged and differs in the archive")
    return names


def hook_command(it, *arguments, socket=None):
    return as_user(it.user) + ["env", f"PGBOSUN_ARCHIVE_SOCKET={socket or it.run_dir + '/archive.sock'}", HOOK, *arguments]


def hook(it, *arguments, socket=None, timeout=120):
    return subprocess.run(hook_command(it, *arguments, socket=socket), capture_output=True, text=True, check=False,
                          timeout=timeout, cwd=it.data_directory if not ROOT else "/")
