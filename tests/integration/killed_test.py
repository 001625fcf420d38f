"""kill -9 of anything at any moment loses no acknowledged segment and no fence."""

import os
import random
import signal
import subprocess
import threading
import time
import unittest

import archives
import instance
from instance import SHORT_STATE, Case, children, process_name, wait_for

SEED = int(os.environ.get("PGBOSUN_TEST_SEED", "0")) or random.randrange(1, 1 << 31)
FENCE_ROUNDS = 10
WAL_ROUNDS = 15
START_ROUNDS = 8
MOST_ROUNDS = 40  # until a short moment was met often enough


class Killed(Case):
    def setUp(self):
        self.random = random.Random(SEED)
        print(f"PGBOSUN_TEST_SEED={SEED}", flush=True)

    def test_a_fence_survives_the_death_of_everything_right_after_its_answer(self):
        it = self.existing().start().up()
        for turn in range(FENCE_ROUNDS):
            with self.subTest(turn=turn, seed=SEED):
                reason = f"round {turn}"
                self.assertEqual(self.random.choice((self.fence_by_http, self.fence_by_client))(it, reason), "fenced")
                time.sleep(self.random.choice((0, 0, self.random.random() / 20)))

                it.kill_everything()
                it.start()

                status = it.wait_status("the phase is told", lambda status: status["phase"] == "fenced")
                self.assertEqual((status["fenced"] or {}).get("reason"), reason)
                self.assertEqual(instance.server_processes(it.data_directory), [])
                self.assertEqual(it.http("GET", "/readyz").status, 503)
                self.assertEqual(it.http("GET", "/livez").status, 200)
                self.assertEqual(it.http("POST", "/v1/unfence").status, 200)
                it.up()
        it.kill_everything()
        it.start().up()
        self.assertIsNone(it.status()["fenced"], "a lifted fence stays lifted")

    def fence_by_http(self, it, reason):
        answer = it.http("POST", "/v1/fence", {"reason": reason})
        return "fenced" if answer.status == 200 else answer

    def fence_by_client(self, it, reason):
        done = it.client("fence", "--reason", reason)
        return done.stdout.strip() if done.returncode == 0 else done

    def test_a_fence_that_was_never_answered_is_there_or_is_not_and_the_instance_says_which(self):
        it = self.existing().start().up()
        for turn in range(4):
            with self.subTest(turn=turn, seed=SEED):
                asker = subprocess.Popen([instance.PGBOSUN, "fence", "--socket", it.control_socket],
                                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                instance._started.add(asker.pid)
                time.sleep(self.random.random() / 5)
                it.kill_everything()
                told = asker.wait(instance.DEADLINE) == 0
                it.start()
                status = it.wait_status("it has decided", lambda status: status["phase"] == "fenced" or status["ready"])
                if told:
                    self.assertEqual(status["phase"], "fenced", "it was told that it is fenced")
                if status["phase"] == "fenced":
                    self.assertEqual(it.http("POST", "/v1/unfence").status, 200)
                    it.up()

    def test_a_start_that_was_killed_at_any_moment_begins_again(self):
        # Checkpoints are far away, so that there is something to recover.
        it = self.existing({"postgresql": {"parameters": {"max_wal_size": "4GB", "checkpoint_timeout": "1h"}}}).start().up()
        it.sql("create table kept as select i, repeat('x', 500) as filler from generate_series(1, 100000) i")
        it.sql("update kept set filler = 'y'")
        it.kill_everything()
        for turn in range(START_ROUNDS // 2):
            with self.subTest(turn=turn, seed=SEED):
                it.start()
                time.sleep(self.random.random() / 2)
                it.kill_everything()
        met = 0
        for _ in range(MOST_ROUNDS):
            it.start()
            wait_for("PostgreSQL recovers", lambda: "redo starts at" in it.log(), pause=SHORT_STATE)
            it.kill_everything()
            met += "redo done at" not in it.log()
            if met == START_ROUNDS // 2:
                break
        self.assertEqual(met, START_ROUNDS // 2, "it was hardly ever met while it recovered")
        it.start().up()
        self.assertEqual(it.sql("select count(*), sum(i) from kept where filler = 'y'"), "100000|5000050000")

    def test_a_reload_that_was_killed_at_any_moment_holds_after_the_next_start(self):
        it = self.existing().start().up()
        moments = ("", "the configuration has been read again", "received SIGHUP, reloading configuration files")
        for value, said in enumerate(moments, 1):
            with self.subTest(said or "at once"):
                before = it.log().count(said)
                it.config["postgresql"]["parameters"]["work_mem"] = f"{value}MB"
                it.write_config()
                it.send_signal(signal.SIGHUP)
                if said:
                    wait_for(said, lambda said=said, before=before: it.log().count(said) > before, pause=SHORT_STATE)
                it.kill_everything()
                it.start().up()
                self.assertEqual(it.sql("show work_mem"), f"{value}MB")
                self.assertFalse(it.status()["pending_restart"])

    def test_an_acknowledged_segment_is_in_the_archive_whoever_was_killed(self):
        it = self.existing({"bootstrap": {}, "restart": {"intensity": 100}})
        archive = f"{it.directory}/archive"
        it.config["archive"] = {"destination": f"file://{archive}"}
        it.write_config()
        it.start().up()
        it.sql("create table load(i serial, t text)")
        stop = threading.Event()
        load = threading.Thread(target=self.load, args=(it, stop))
        load.start()
        self.addCleanup(load.join)
        self.addCleanup(stop.set)

        for turn in range(WAL_ROUNDS):
            time.sleep(0.1 + self.random.random() / 2)
            victim = self.random.choice(("archiver", "hook", "postmaster", "child of postgres", "pgbosun", "everything"))
            with self.subTest(turn=turn, victim=victim, seed=SEED):
                if victim in ("pgbosun", "everything"):
                    self.kill_and_start(it, victim)
                else:
                    wait_for("it was killed", lambda victim=victim: self.kill(it, victim), pause=SHORT_STATE)
                it.up()
        stop.set()
        load.join()
        # A killed child of postgres makes it recover in place, which pgbosun's status sees a moment later.
        wait_for("it accepts queries", lambda: subprocess.run(
            it.psql_command() + ["-c", "select 1"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, check=False, cwd="/").returncode == 0)

        name = archives.switch(it)
        archives.wait_archived(it, name)
        wait_for("the backlog is drained", lambda: not archives.waiting(it))
        names = archives.check_acknowledged(it, archive)
        segments = [segment for segment in names if archives.is_segment(segment)]
        self.assertGreaterEqual(len(segments), WAL_ROUNDS // 3)
        last = it.sql("select last_archived_wal from pg_stat_archiver")
        files = archives.wal_files(archive)
        if last:
            self.assertIn(last, files)
        # PostgreSQL marks a segment after it has filled it; killed in between, it leaves that to us.
        wait_for("no full segment is left out", lambda: not {left for left in archives.unmarked(it) if left < name})
        wait_for("the backlog is drained", lambda: not archives.waiting(it))
        files = archives.wal_files(archive)
        present = sorted(int(name[8:16] + name[18:], 16) for name in files if archives.is_segment(name))
        self.assertEqual(present, list(range(present[0], present[-1] + 1)), "no gap")
        it.wait_status("nothing is wrong", lambda status: status["archive"] and not status["archive"]["last_error"])
        self.assertIn(name, files)

    def test_a_segment_that_postgres_was_killed_before_marking_is_archived_soon(self):
        it = self.existing()
        archive = f"{it.directory}/archive"
        it.config["archive"] = {"destination": f"file://{archive}"}
        it.write_config()
        it.start().up()
        left, after = archives.switch(it), archives.switch(it)
        archives.wait_archived(it, after)
        self.assertEqual(it.http("POST", "/v1/fence", {"reason": "test"}).status, 200)
        it.wait_status("it is fenced", lambda status: status["phase"] == "fenced")
        # As if it had died between filling the segment and marking it.
        os.remove(f"{it.data_directory}/pg_wal/archive_status/{left}.done")
        os.remove(archives.wal_files(archive)[left])

        self.assertEqual(it.http("POST", "/v1/unfence").status, 200)

        it.up()
        wait_for("it is archived", lambda: left in archives.wal_files(archive))
        self.assertIn(f'"segment":"{left}"', it.log())

    def load(self, it, stop):
        while not stop.is_set():
            # It fails whenever the server has just been killed: that is the point.
            subprocess.run(it.psql_command() + ["-c", "insert into load(t) select repeat('x', 1000) from generate_series"
                                                "(1, 500)", "-c", "select pg_switch_wal()"],
                           stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False,
                           cwd="/", timeout=instance.DEADLINE)
            stop.wait(0.05)

    def kill(self, it, victim):
        """Whether it was there to be killed."""
        postmaster = it.postmaster()
        if victim == "archiver":
            targets = [pid for pid in children(it.pid) if process_name(pid).startswith("pgbosun-archive")]
        elif victim == "hook":
            targets = [pid for pid in instance.descendants(it.pid) if process_name(pid) == "pgbosun-wal"]
        elif victim == "postmaster":
            targets = [postmaster] if postmaster else []
        else:
            those = sorted(children(postmaster)) if postmaster else []
            targets = [self.random.choice(those)] if those else []
        for pid in targets:
            instance.send(pid, signal.SIGKILL)
        return bool(targets)

    def kill_and_start(self, it, victim):
        if victim == "pgbosun":
            it.send_signal(signal.SIGKILL)
            it.wait_exit()
            wait_for("the guard has killed postgres", lambda: not instance.server_processes(it.data_directory))
        it.kill_everything()
        it.start()


if __name__ == "__main__":
    instance.main()
