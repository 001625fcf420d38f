"""What scripts/cluster-demo shows, once everything is built: demo.py SCRATCH_DIRECTORY [--once]"""

import datetime
import json
import os
import shutil
import signal
import sys
import time

import cluster
import writer
from instance import free_port, wait_for

HAPROXY = shutil.which("haproxy") or shutil.which("haproxy", path="/usr/sbin")
HAPROXY_CONFIG = """
global
    maxconn 100
defaults
    mode tcp
    retries 2
    timeout client 30m
    timeout connect 1s
    timeout server 30m
    timeout check 5s
    default-server inter 1s fastinter 300ms downinter 300ms fall 2 rise 1 on-marked-down shutdown-sessions
"""
UNDER_LOAD = 2.0  # seconds before the primary is killed
MOST_EVENTS = 40


def say(text):
    print(f"\n\033[1m==> {text}\033[0m", flush=True)


def haproxy(them):
    """Its ports: to the primary, to the standbys."""
    ports, text = (free_port(), free_port()), HAPROXY_CONFIG
    for port, path in zip(ports, ("/primary", "/replica")):
        text += f"listen {path[1:]}\n    bind 127.0.0.1:{port}\n    option httpchk OPTIONS {path}\n"
        text += "    http-check expect status 200\n"
        for it in them.members:
            text += f"    server {it.name} {it.server} check port {it.url.rsplit(':', 1)[1]}\n"
    file_name = f"{them.directory}/haproxy.cfg"
    with open(file_name, "w", encoding="ascii") as file:
        file.write(text)
    them.add(cluster.Program("haproxy", [HAPROXY, "-db", "-f", file_name], them.directory)).start()
    return ports


def logged(path, since):
    """(seconds since the epoch, record) of the lines of a log after a moment."""
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            try:
                record = json.loads(line)
                at = datetime.datetime.fromisoformat(record["ts"].replace("Z", "+00:00")).timestamp()
            except (ValueError, KeyError, TypeError):
                continue
            if at >= since:
                yield at, record


def told(it, record):
    """What one line of a log is worth telling; nothing for most."""
    text = record.get("msg", "")
    more = {key: record[key] for key in ("instance", "from", "to", "primary", "term", "names", "port") if key in record}
    if record.get("logger") == "postgres":
        wanted = ("database system is ready to accept", "selected new timeline", "received promote request",
                  "started streaming", "redo done", "rewind")
        return f"postgres: {text}" if any(word in text for word in wanted) else None
    # The first assignment of a term has no lease, and is refused on purpose: it only tells of the term.
    if isinstance(it, cluster.Controller):
        return None if text.startswith("an assignment was not taken") else f"{text} {more or ''}".strip()
    return f"{text} {more or ''}".strip() if record.get("level") in ("warning", "error") or "term" in more else None


def timeline(them, writers, since):
    """Everything that happened since a moment of CLOCK_MONOTONIC, in its order, in ms."""
    epoch = time.time() - time.monotonic()
    events = []
    for it in (*them.controllers, *them.members):
        for at, record in logged(it.log_file, since + epoch):
            text = told(it, record)
            if text:
                events.append((at - epoch, it.name, text))
    for it in writers:
        rows = it.rows()
        gap, began = writer.longest_gap(rows, since - 1, time.monotonic())
        after = next((row for row in rows if row.acknowledged and row.acknowledged > began), None)
        events.append((began, it.label, "its last row is acknowledged before the gap"))
        if after:
            events.append((began + gap, it.label, f"a row is acknowledged again, by {after.server}: {gap * 1000:.0f} ms "
                                                  "without one"))
    events.append((since, "you", "begin"))
    events.sort()
    last = None
    for at, who, text in events[:MOST_EVENTS]:
        if (who, text) != last:
            print(f"{(at - since) * 1000:8.0f} ms  {who:<14} {text[:150]}")
        last = (who, text)


def status(them):
    code, text = them.ask("status")
    print(text if code == 0 else f"(no answer: {text})")


def lost(them, writers):
    """Rows that were acknowledged and are not there."""
    primary = them.primary()
    missing = {}
    for it in writers:
        there = set(primary.sql(f"select id from acknowledged where label = '{it.label}'").split())
        missing[it.label] = sum(str(row.number) not in there for row in it.acknowledged())
        print(f"{it.label:<14} {len(it.acknowledged())} rows acknowledged, {missing[it.label]} of them lost")


def show(them):
    say(f"Starting etcd, three instances and two controllers below {them.directory}")
    began = time.monotonic()
    them.start()
    them.prepare_writes()
    to_primary, to_standbys = haproxy(them)
    print(f"a primary and two standbys that could take over, after {time.monotonic() - began:.1f} s")

    say("pgbosun-controller status")
    status(them)

    say("Writing: a row every 10 ms, through libpq with all three hosts, and through HAProxy")
    writers = [them.write("libpq"), them.write("haproxy", [f"127.0.0.1:{to_primary}"])]
    for it in writers:
        wait_for(f"{it.label} to write", it.acknowledged)
    time.sleep(UNDER_LOAD)

    old = them.primary()
    say(f"Killing {old.name}: pgbosun and its PostgreSQL, with SIGKILL (lease.ttl is {them.ttl})")
    since = time.monotonic()
    old.kill()
    for it in writers:
        wait_for(f"{it.label} to write again",
                 lambda it=it: [row for row in it.acknowledged(since) if row.sent > since + 0.5])
    time.sleep(0.5)
    timeline(them, writers, since)

    say(f"Starting {old.name} again: it comes back as a standby")
    since = time.monotonic()
    old.start()
    them.wait_whole()
    print(f"it streams, and could take over, after {time.monotonic() - since:.1f} s")

    say("A switchover")
    since = time.monotonic()
    print(them.ask("switchover")[1].strip())
    them.wait_whole()
    timeline(them, writers, since)

    say("What was acknowledged, and what is there")
    for it in writers:
        it.stop()
    lost(them, writers)
    status(them)
    return to_primary, to_standbys


def go_on(them, ports):
    say("It goes on running until Ctrl-C")
    directory, controller = os.path.dirname(cluster.CONTROLLER), them.controllers[0].url
    print(f"the primary:   psql -h 127.0.0.1 -p {ports[0]} -U postgres postgres\n"
          f"a standby:     psql -h 127.0.0.1 -p {ports[1]} -U postgres postgres\n"
          f"the cluster:   {directory}/pgbosun-controller status --url {controller}\n"
          f"switch over:   {directory}/pgbosun-controller switchover --url {controller} --token-file {them.directory}/token")
    for it in them.members:
        print(f"kill {it.name}:     kill -KILL {it.process.pid}      its log: {it.log_file}")
    while True:
        signal.pause()


def main():
    if cluster.ETCD is None or HAPROXY is None:
        sys.exit("etcd and haproxy are needed: scripts/setup demo installs them")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    them = cluster.Cluster(directory=f"{sys.argv[1]}/cluster")
    try:
        ports = show(them)
        if "--once" not in sys.argv:
            go_on(them, ports)
    except KeyboardInterrupt:
        print()
    except AssertionError as error:
        sys.exit(f"demo: {error}")
    finally:
        say("Ending everything")
        them.stop()


if __name__ == "__main__":
    main()
