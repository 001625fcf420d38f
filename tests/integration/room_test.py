"""A full disk: PostgreSQL is not started without room for WAL, and starts by itself when there is room."""

import ctypes
import errno
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cluster"))

import instance
from cluster import Cluster
from instance import ROOT, Case, wait_for

CLONE_NEWNS = 0x20000


class SmallVolumes(Case):
    def mount(self, it, size_mb):
        os.mkdir(it.volume)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size_mb}m,mode=0700", "tmpfs", it.volume], check=True)
        self.addCleanup(subprocess.run, ["umount", "--lazy", it.volume], check=True)
        self.addCleanup(it.kill_everything)  # before the umount

    def small_volume(self, size_mb=80):
        """An existing instance whose volume is a tmpfs of its own."""
        it = self.make()
        self.mount(it, size_mb)
        instance.Template.fill(it)
        return it

    def fill(self, it, leave_bytes):
        """What is free changes meanwhile: a server runs there, perhaps."""
        def is_filled():
            volume = os.statvfs(it.volume)
            try:
                os.posix_fallocate(file.fileno(), 0, max(volume.f_bavail * volume.f_frsize - leave_bytes, 4096))
            except OSError as full:
                if full.errno != errno.ENOSPC:
                    raise
                return False
            return True
        with open(f"{it.volume}/ballast", "wb") as file:
            wait_for("the volume is filled", is_filled)

    def make_room(self, it):
        os.unlink(f"{it.volume}/ballast")


class Room(SmallVolumes):
    def test_a_primary_on_a_full_volume_is_not_ready_and_says_why_until_there_is_room(self):
        it = self.small_volume(160)
        it.start().up()
        it.sql("create table rows(filler text)")
        self.fill(it, 0)
        refused = it.psql("insert into rows select repeat('x', 500) from generate_series(1, 4000)")
        self.assertNotEqual(refused.returncode, 0)

        status = it.wait_status("it says so", lambda status: "volume is full" in (status["reason"] or ""))
        self.assertEqual((status["phase"], status["role"], status["ready"]), ("running", "primary", False))
        self.assertIn("make room", status["hint"])
        self.assertIsNotNone(status["volumes"][0]["full_for_s"])
        probe = it.http("GET", "/readyz")
        self.assertEqual(probe.status, 503)
        self.assertIn("the data volume is full", probe.text)
        self.assertEqual(it.http("GET", "/livez").status, 200)

        self.make_room(it)
        it.wait_status("it is ready again", lambda status: status["ready"])
        it.sql("insert into rows values ('again')")

    def test_without_room_for_a_segment_it_is_not_started_and_says_so_until_there_is_room(self):
        it = self.small_volume()
        self.fill(it, 12 << 20)

        it.start()
        status = it.wait_status("the reason is known", lambda status: "WAL volume" in (status["reason"] or ""))
        self.assertIn("room", status["hint"])
        self.assertIsNone(it.postmaster())
        probe = it.http("GET", "/readyz")
        self.assertEqual(probe.status, 503)
        self.assertIn("WAL volume", probe.text)
        self.assertEqual(it.http("GET", "/livez").status, 200)

        self.make_room(it)
        it.up()
        self.assertEqual(it.status()["postgres"]["restarts"], 0)

    def test_a_volume_that_fills_up_under_load_ends_in_waiting_and_all_committed_rows_are_there_afterwards(self):
        it = self.small_volume()
        it.start().up()
        it.sql("create table rows(n serial, filler text)")
        self.fill(it, 4 << 20)

        committed = 0
        while it.psql("insert into rows(filler) select repeat('x', 500) from generate_series(1, 4000)").returncode == 0:
            committed += 4000
        # That was no room for the table, which PostgreSQL outlives; WAL without room it does not.
        wait_for("no segment can be added", lambda: it.psql(
            "select pg_logical_emit_message(false, 'filler', repeat('x', 1000000))").returncode != 0)
        waiting = it.wait_status("it waits for room", lambda status: status["postgres"]["pid"] is None and
                                 "WAL volume" in (status["reason"] or ""))
        self.assertIn("room", waiting["hint"])
        self.assertFalse(waiting["ready"])
        self.assertIsNone(it.postmaster())
        self.assertLess(waiting["postgres"]["restarts"], 3)
        self.assertEqual(it.http("GET", "/livez").status, 200)

        self.make_room(it)
        it.up()
        self.assertGreaterEqual(int(it.sql("select count(*) from rows")), committed)
        it.sql("insert into rows(filler) values ('again')")

    def test_a_stop_while_it_waits_for_room_ends_it_with_0(self):
        it = self.small_volume()
        self.fill(it, 12 << 20)
        it.start()
        it.wait_status("the reason is known", lambda status: "WAL volume" in (status["reason"] or ""))

        self.assertEqual(it.stop(), 0)

    def test_a_fence_on_a_completely_full_volume_stops_postgres_although_it_cannot_be_stored_yet(self):
        it = self.small_volume()
        it.start().up()
        self.fill(it, 0)

        answer = it.http("POST", "/v1/fence", {"reason": "a test"})

        it.wait_status("postgres is stopped", lambda status: status["postgres"]["pid"] is None)
        self.assertIn(answer.status, (200, 202))
        self.make_room(it)
        it.wait_status("it is fenced", lambda status: status["phase"] == "fenced")
        self.assertEqual(it.http("POST", "/v1/fence?wait=30s", {"reason": "a test"}).status, 200)
        self.assertTrue(os.path.exists(f"{it.volume}/pgbosun/fence"))


class Members(SmallVolumes):
    def test_a_primary_on_a_full_volume_is_replaced_by_who_has_room(self):
        cluster = Cluster(size=3, controllers=1)
        self.addCleanup(cluster.stop)
        for member in cluster.members:
            self.mount(member, 500)
            member._give(member.volume)
        one = cluster.start().wait_whole()
        two, three = (it for it in cluster.members if it is not one)
        one.sql("create table t(i int); insert into t values (1)")
        self.fill(two, 0)
        wait_for("it could not take over", lambda: (two.said() or {}).get("managed", {}).get("able") is False)

        self.fill(one, 0)

        wait_for("the one with room serves", lambda: cluster.primary() is three, deadline=60)
        self.assertEqual(three.sql("select i from t"), "1")
        self.assertIsNotNone(two.said()["volumes"][0]["full_for_s"])
        for member in (one, two):
            self.make_room(member)
        self.assertIs(cluster.wait_whole(), three)


if __name__ == "__main__":
    if not ROOT:
        print("skipped: mounting a small tmpfs needs root", file=sys.stderr)
        sys.exit(77)
    # Mounts of our own, which end with us.
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNS) != 0:
        print("skipped: no mount namespace can be made here", file=sys.stderr)
        sys.exit(77)
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    instance.main()
