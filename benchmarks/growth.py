"""The catalog over 10,000 backups and 1,000,000 WAL segments in a directory: seconds and memory of each command. The
archive is made of one real backup's backup.info, with other times and positions, and of links to one file."""

import datetime
import os
import re
import shutil
import subprocess
import time

import support

BACKUPS = 10_000
SEGMENTS = 1_000_000
SEGMENTS_IN_LOG = 256  # of 16 MB in 4 GB
MOST_LINKS = 60_000    # ext4 has 65,000 for a file
EPOCH = datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone.utc)


def segment(number):
    return f"00000001{number // SEGMENTS_IN_LOG:08X}{number % SEGMENTS_IN_LOG:08X}"


class Archive:
    def __init__(self, bench):
        self.bench = bench
        self.instance = support.Instance(bench)
        self.instance.start()
        self.instance.wait_ready()
        self.make_backup()
        self.instance.stop()
        self.server = os.path.join(self.instance.place, "archive/bench")
        support.note(f"making {BACKUPS} backups and {SEGMENTS} segments")
        self.add_backups()
        self.add_segments()
        if os.geteuid() == 0:
            subprocess.run(["chown", "-R", "postgres:postgres", self.server], check=True)

    def make_backup(self):
        subprocess.run([self.bench.program("pgbosun-archiver"), "backup", "--config", self.instance.config], check=True,
                       cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **support.account())

    def add_backups(self):
        base = os.path.join(self.server, "base")
        only = os.path.join(base, os.listdir(base)[0])
        with open(os.path.join(only, "backup.info"), encoding="utf-8") as file:
            text = file.read()
        for number in range(BACKUPS):
            begun = EPOCH + datetime.timedelta(hours=number)
            ended = begun + datetime.timedelta(minutes=5)
            wal = 2 + number * (SEGMENTS // BACKUPS)
            place = os.path.join(base, begun.strftime("%Y%m%dT%H%M%S"))
            os.mkdir(place)
            target = os.path.join(place, "backup.info")
            shutil.copy2(os.path.join(only, "backup.info"), target)
            with open(target, "w", encoding="utf-8") as file:
                file.write(moved(text, begun, ended, wal))
        shutil.rmtree(only)

    def add_segments(self):
        wals = os.path.join(self.server, "wals")
        first = next(os.path.join(place, name) for place, _, names in os.walk(wals) for name in names
                     if re.fullmatch(r"[0-9A-F]{24}\.zst", name))
        shutil.copy2(first, os.path.join(self.instance.place, "segment"))
        shutil.rmtree(wals)
        source = os.path.join(self.instance.place, "segment")
        for number in range(1, SEGMENTS + 1):
            name = segment(number)
            place = os.path.join(wals, name[:16])
            if number == 1 or number % SEGMENTS_IN_LOG == 0:
                os.makedirs(place, exist_ok=True)
            if number % MOST_LINKS == 1:
                shutil.copy2(source, source + str(number))
                linked = source + str(number)
            os.link(linked, os.path.join(place, f"{name}.zst"))

    def set_retention(self, text):
        with open(self.instance.config, encoding="utf-8") as file:
            config = file.read()
        config = config.replace("archive:\n", f"archive:\n  retention: {text}\n")
        with open(self.instance.config, "w", encoding="utf-8") as file:
            file.write(config)

    def measure(self, *arguments):
        """(seconds, MB at most, what it printed)"""
        output = os.path.join(self.instance.place, "output")
        with open(output, "wb") as file:
            begin = time.monotonic()
            process = subprocess.Popen([self.bench.program("pgbosun-archiver"), *arguments, "--config",
                                        self.instance.config], cwd="/", stdout=file, stderr=file, **support.account())
            _, status, usage = os.wait4(process.pid, 0)
            seconds = time.monotonic() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
        with open(output, encoding="utf-8") as file:
            return seconds, usage.ru_maxrss / 1024, process.returncode, file.read()


def moved(text, begun, ended, wal):
    position = f"{wal // SEGMENTS_IN_LOG:X}/{wal % SEGMENTS_IN_LOG << 24 | 0x28:X}"
    end = f"{wal // SEGMENTS_IN_LOG:X}/{wal % SEGMENTS_IN_LOG << 24 | 0x138:X}"
    changes = {"begin_time": begun.isoformat(" "), "end_time": ended.isoformat(" "), "begin_wal": segment(wal),
               "end_wal": segment(wal), "begin_xlog": position, "end_xlog": end, "begin_offset": 0x28, "end_offset": 0x138}
    for key, value in changes.items():
        text, count = re.subn(f"(?m)^{key}=.*$", f"{key}={value}", text)
        if count != 1:
            raise RuntimeError(f"backup.info has no {key}:\n{text}")
    return text


def measure(bench):
    it = Archive(bench)
    it.set_retention(f"REDUNDANCY {BACKUPS // 2}")
    commands = {"catalog list": BACKUPS, "catalog show latest": 1, "wal verify": 1, "catalog expire --dry-run": BACKUPS // 2}
    for command, lines in commands.items():
        seconds, memory, code, said = it.measure(*command.split())
        if code != 0 or said.count("\n") < lines:
            raise RuntimeError(f"{command} ended with {code}: {said[-2000:]}")
        what = f"{command}: {BACKUPS} backups, {SEGMENTS} segments"
        yield support.at_most(what, "", seconds, 5, "s")
        yield support.at_most(what, "", memory, 200, "MB")
