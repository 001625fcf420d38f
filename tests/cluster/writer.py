"""Inserts a row every 10 ms and notes what was acknowledged, and when.

As a program: writer.py LABEL FILE HOST:PORT[,HOST:PORT...]     the table must be there (`TABLE`)
Several hosts are one libpq connection that looks for the primary (target_session_attrs=read-write); with one host
the writer stays there whatever it is. What does not answer in time is given up. Each acknowledgement is one line of FILE:
    ID SENT ACKNOWLEDGED HOST:PORT TIMELINE      (seconds of CLOCK_MONOTONIC, which all namespaces share)
and "ID SENT" alone is a row that was sent and of which nobody knows.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time

import libpq

EVERY = 0.01
PATIENCE_TO_CONNECT = 0.2  # what is measured is no finer than this
PATIENCE_TO_COMMIT = 0.5
PAUSE = 0.01  # after a failure to connect
PAUSE_BESIDE = 0.1  # after a refusal, for one that stays where it is

TABLE = "create table if not exists acknowledged(label text, id bigint, at timestamptz default now(), primary key (label, id))"


def conninfo(servers, attributes="read-write"):
    hosts = ",".join(server.rpartition(":")[0] for server in servers)
    ports = ",".join(server.rpartition(":")[2] for server in servers)
    return (f"host={hosts} port={ports} user=postgres dbname=postgres target_session_attrs={attributes} "
            "application_name=writer sslmode=disable gssencmode=disable")


def insert(label, number):
    return (f"insert into acknowledged(label, id) values ('{label}', {number}) "
            "returning left(pg_walfile_name(pg_current_wal_insert_lsn()), 8)")


def connect(servers):
    """The next try begins at the next host, so that one which is silent is not always the first."""
    attributes = "read-write" if len(servers) > 1 else "any"
    try:
        return libpq.Connection(conninfo(servers, attributes), PATIENCE_TO_CONNECT)
    except libpq.Lost:
        servers.append(servers.pop(0))
        time.sleep(PAUSE)
        return None


def write(label, servers, out):
    """Until SIGTERM; what was sent by then is noted."""
    asked_to_end = []
    signal.signal(signal.SIGTERM, lambda *_: asked_to_end.append(True))
    connection, number, due = None, time.time_ns() // 1_000_000, time.monotonic()
    while not asked_to_end:
        connection = connection or connect(servers)
        if connection is None:
            continue
        time.sleep(max(0.0, due - time.monotonic()))
        sent = time.monotonic()
        due = max(due + EVERY, sent)
        number += 1
        try:
            timeline = connection.execute(insert(label, number), PATIENCE_TO_COMMIT)[0][0]
            out.write(f"{number} {sent:.6f} {time.monotonic():.6f} {connection.server} {timeline}\n")
        except libpq.Refused as refused:
            out.write(f"{number} {sent:.6f}\n")
            # A standby says read-only; whoever looks for the primary must look elsewhere.
            if len(servers) > 1 or refused.sqlstate.startswith("57"):
                connection.close()
                connection = None
            time.sleep(PAUSE if len(servers) > 1 else PAUSE_BESIDE)
        except libpq.Lost:
            out.write(f"{number} {sent:.6f}\n")
            connection.close()
            connection = None
        out.flush()


class Row:
    def __init__(self, line):
        words = line.split()
        self.number, self.sent = int(words[0]), float(words[1])
        self.acknowledged = float(words[2]) if len(words) == 5 else None
        self.server, self.timeline = words[3:5] if len(words) == 5 else (None, None)


class Writer:
    """One as a process, in a namespace when `enter` names one."""

    def __init__(self, label, file, servers, enter=()):
        self.label, self.file = label, file
        with open(file, "wb"):
            pass
        self.process = subprocess.Popen([*enter, sys.executable, os.path.abspath(__file__), label, file, ",".join(servers)],
                                        stdin=subprocess.DEVNULL, env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"})

    def rows(self):
        """All that was sent so far."""
        with open(self.file, encoding="ascii") as file:
            return [Row(line) for line in file if line.endswith("\n")]

    def acknowledged(self, since=0.0):
        return [row for row in self.rows() if row.acknowledged is not None and row.acknowledged >= since]

    def stop(self):
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGTERM)
        self.process.wait()


def longest_gap(rows, since, until):
    """The longest time without an acknowledgement between two moments, and when it began."""
    moments = [since] + sorted(row.acknowledged for row in rows if row.acknowledged and since < row.acknowledged < until)
    moments.append(until)
    return max((later - earlier, earlier) for earlier, later in zip(moments, moments[1:]))


def reigns(rows):
    """(server, timeline) -> from its first acknowledgement to when the last that it gave was asked for: in all of that
    time it took commits."""
    found = {}
    for row in rows:
        if row.acknowledged is None:
            continue
        key = (row.server, row.timeline)
        first, last = found.get(key, (row.acknowledged, row.sent))
        found[key] = (min(first, row.acknowledged), max(last, row.sent))
    return found


def overlaps(rows):
    """Pairs of primaries that both took commits in the same moment, and for how many seconds."""
    ordered = sorted(reigns(rows).items(), key=lambda it: it[1])
    found = []
    for place, (one, (_, end)) in enumerate(ordered):
        for other, (begin, other_end) in ordered[place + 1:]:
            if begin < end:
                found.append((one, other, min(end, other_end) - begin))
    return found


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt), open(sys.argv[2], "a", encoding="ascii") as output:
        write(sys.argv[1], sys.argv[3].split(","), output)
