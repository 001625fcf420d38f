"""How an instance comes (back) to follow another: what must not be followed, what is made anew by itself, and what is refused."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cluster"))

import instance
from certificates import certificate
from instance import Case, wait_for
from played import Played

REPLACED = "the data that the clone has replaced is removed"


class Rejoin(Case):
    def played(self, size, standbys=None, **config):
        self.cluster = Played(size, config)
        self.addCleanup(self.cluster.stop)
        return self.cluster.start(size - 1 if standbys is None else standbys)

    def tearDown(self):
        if instance.has_failed(self):
            print(self.cluster.tail(), flush=True)

    def check_cloned_once(self, member, plans):
        """Told by its journal and its log of this life; what it had was kept until the clone streamed."""
        wait_for("what it had is removed", lambda: [it for it in member.records() if it["msg"] == REPLACED])
        self.assertEqual(len([it for it in member.records() if it["msg"] == REPLACED]), 1)
        self.assertFalse(os.path.exists(f"{member.data_directory}.old"))
        self.assertEqual([plan for plan in plans if not plan.startswith("rejoin: reclone")], [], plans)


class Apart(Rejoin):
    """Two standbys of one primary, promoted apart to one timeline's number at one place of the WAL."""

    def apart(self):
        one, two, three = self.played(3)
        for it in (two, three):
            self.cluster.has(it, "1")
        self.cluster.end(one)
        ends = wait_for("both have replayed all that they have", lambda: self.ends(two, three))
        self.assertEqual(ends[0], ends[1])
        for it in (two, three):
            self.cluster.promote(it, 2)
        histories = [self.history(it) for it in (two, three)]
        self.assertEqual(histories[0], histories[1], "else this shows nothing")
        two.sql("insert into t values (2)")
        three.sql("insert into t values (3)")
        return one, two, three

    @staticmethod
    def ends(*standbys):
        ends = [it.sql("select pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn(), not exists(select from pg_stat_wal_receiver)")
                .split("|") for it in standbys]
        return [end[0] for end in ends] if all(end[0] == end[1] and end[2] == "t" for end in ends) else None

    @staticmethod
    def history(member):
        with open(f"{member.data_directory}/pg_wal/00000002.history", encoding="ascii") as file:
            return file.read()

    def test_one_that_is_told_to_follow_the_other_is_cloned_anew_once(self):
        _, two, three = self.apart()
        self.cluster.promote(two, 3)
        self.cluster.follow(three, 3, two)
        self.cluster.has(three, "1,2")
        self.check_cloned_once(three, self.cluster.entries(three)[1:])
        two.sql("insert into t values (4)")
        self.cluster.has(three, "1,2,4")

    def test_one_that_came_up_while_the_other_was_silent_is_cloned_anew_once(self):
        _, two, three = self.apart()
        self.cluster.promote(two, 3)
        self.assertEqual(two.http("POST", "/v1/fence?wait=60s", "{}").status, 200)
        self.cluster.assign(three, 3, two)
        three.wait_status("it is up for reading", lambda said: said["role"] == "standby" and said["phase"] == "running")
        self.cluster.has(three, "1,3")
        self.assertEqual(two.http("POST", "/v1/unfence?wait=60s", "{}").status, 200)
        self.cluster.streams(three)
        self.cluster.has(three, "1,2")
        self.check_cloned_once(three, self.cluster.entries(three)[1:])

    def later(self):
        """The line of the third goes on, on a timeline that began later."""
        one, two, three = self.apart()
        self.cluster.forget(one)
        one.start()
        self.cluster.follow(one, 2, three)
        self.cluster.has(one, "1,3")
        return one, two, three

    def end_line(self, one, three):
        self.cluster.end(three)
        self.cluster.promote(one, 3)
        self.assertEqual(one.status()["timeline"], 3)

    def test_one_that_ended_before_the_others_line_went_to_its_next_timeline_is_cloned_anew(self):
        one, two, three = self.later()
        three.sql("create table more as select i, repeat('x', 100) from generate_series(1, 10000) i")
        self.end_line(one, three)
        self.cluster.follow(two, 3, one)
        self.cluster.has(two, "1,3")
        self.check_cloned_once(two, self.cluster.entries(two)[1:])

    def test_one_that_crashed_after_that_place_is_cloned_anew_and_not_rewound(self):
        one, two, three = self.later()
        two.sql("create table more as select i, repeat('x', 100) from generate_series(1, 50000) i")
        end = two.sql("select pg_current_wal_flush_lsn()")
        two.kill()
        self.cluster.forget(two)
        self.end_line(one, three)
        with open(f"{one.data_directory}/pg_wal/00000003.history", encoding="ascii") as file:
            fork = [line for line in file if line.strip()][-1].split()[1]
        self.assertEqual(one.sql(f"select '{end}'::pg_lsn > '{fork}'::pg_lsn"), "t", "else this shows nothing")
        two.start()
        self.cluster.follow(two, 3, one)
        self.cluster.has(two, "1,3")
        self.check_cloned_once(two, self.cluster.entries(two)[1:])


class ByItself(Rejoin):
    def test_pg_rewind_that_was_killed_ends_in_a_clone_by_itself(self):
        one, two = self.played(2)
        self.cluster.has(two, "1")
        self.cluster.end(two)
        one.sql("insert into t values (2)")
        one.kill()
        self.cluster.forget(one)
        two.start()
        self.cluster.promote(two, 2)
        two.sql("insert into t values (3); create table large as select repeat('x', 1000) from generate_series(1, 120000)")
        one.start()
        self.cluster.assign(one, 2, two)
        marker = f"{one.volume}/pgbosun/bootstrapping"

        def rewinds():
            names = {instance.process_name(pid) for pid in instance.children(one.pid)}
            return "pg_rewind" in names and os.path.exists(marker)

        wait_for("pg_rewind works", rewinds, pause=instance.SHORT_STATE)
        one.kill()
        with open(marker, encoding="ascii") as file:
            self.assertEqual(file.read(), "pg_rewind\n", "else this shows nothing")
        one.start()
        self.cluster.streams(one)
        self.cluster.has(one, "1,3")
        self.assertFalse(os.path.exists(marker))

    def test_a_rewind_waits_until_the_new_primary_has_made_its_first_checkpoint(self):
        one, two = self.played(2)
        self.cluster.has(two, "1")
        self.cluster.end(two)
        one.sql("insert into t values (2)")
        one.kill()
        self.cluster.forget(one)
        two.start()
        two.wait_status("it is up", lambda said: said["role"] == "standby" and said["phase"] == "running")
        checkpointer = int(two.sql("select pid from pg_stat_activity where backend_type = 'checkpointer'"))
        instance.send(checkpointer, signal.SIGSTOP)
        self.addCleanup(instance.send, checkpointer, signal.SIGCONT)
        self.cluster.promote(two, 2)
        two.sql("insert into t values (3)")
        self.assertEqual(two.control_data()["Latest checkpoint's TimeLineID"], "1", "else this shows nothing")

        one.start()
        self.cluster.assign(one, 2, two)
        waits = "waiting for the primary's checkpoint"
        said = one.wait_status("it waits, and says for what", lambda said: (said["progress"] or {}).get("what") == waits)
        self.assertIsNone(said["postgres"]["pid"])
        self.assertEqual(self.cluster.entries(one), [], "nothing is done yet")

        instance.send(checkpointer, signal.SIGCONT)
        self.cluster.streams(one)
        self.cluster.has(one, "1,3")
        plans = self.cluster.entries(one)
        self.assertTrue(plans[0].startswith("rejoin: rewind") and len(plans) == 1, plans)

    def test_a_standby_whose_upstream_dies_streams_from_the_primary_although_no_controller_says_so(self):
        one, two, three = self.played(3)
        self.cluster.follow(three, 1, one, upstream=two)
        wait_for("it streams from the one that was named", lambda: self.streams_to(two) == [three.name])
        postmaster = three.postmaster()
        two.kill()
        wait_for("it streams from the primary", lambda: self.streams_to(one) == [three.name])
        one.sql("insert into t values (2)")
        self.cluster.has(three, "1,2")
        self.assertEqual(three.postmaster(), postmaster)
        self.assertEqual(len(self.cluster.entries(three, "nothing comes from its upstream")), 1)

        two.start()
        self.cluster.streams(two)
        wait_for("it stays", lambda: self.streams_to(one) == [two.name, three.name])
        self.cluster.assign(three, 1, one, upstream=two)
        wait_for("what a controller says counts again", lambda: self.streams_to(two) == [three.name])
        one.sql("insert into t values (3)")
        self.cluster.has(three, "1,2,3")

    @staticmethod
    def streams_to(member):
        return sorted(it["name"] for it in (member.said() or {}).get("standbys", []) if it["state"] == "streaming")


class Strict(Rejoin):
    """The user's pg_hba lets nobody in over the network: members need lines of their own."""

    def test_members_join_and_rewind_under_it(self):
        one, two = self.played(2, postgresql={"pg_hba": ["host all all all reject"]})
        self.cluster.has(two, "1")
        self.rewinds(one, two)

    def test_with_tls_demanded_members_speak_nothing_else(self):
        directory = tempfile.mkdtemp(prefix="pgb-tls-")
        self.addCleanup(shutil.rmtree, directory)
        os.chmod(directory, 0o755)
        certificate(directory, "ca", server=False)
        certificate(directory, "server", "ca")
        if instance.ROOT:
            shutil.chown(f"{directory}/server.key", "postgres")
        self.cluster = Played(2, {"postgresql": {
            "replication": {"tls": True},
            "parameters": {"ssl": "on", "ssl_cert_file": f"{directory}/server.crt", "ssl_key_file": f"{directory}/server.key"}}})
        self.addCleanup(self.cluster.stop)
        one, two = self.cluster.members
        for it in (one, two):
            it.tls_words = f" sslmode=verify-full sslrootcert={directory}/ca.crt"
        self.cluster.start(1)
        self.cluster.has(two, "1")
        self.assertEqual(one.sql("select ssl from pg_stat_ssl join pg_stat_replication using (pid)"), "t")
        for database in ("postgres", "template1"):
            words = f"host=127.0.0.1 port={one.port} user=streaming_replica dbname={database} sslmode=disable"
            done = subprocess.run([f"{instance.bin_dir()}/psql", "-X", "-c", "select 1", words], capture_output=True, text=True,
                                  env={"PGPASSWORD": "hush-hush", "LC_ALL": "C"}, check=False, cwd="/")
            self.assertIn("pg_hba.conf rejects connection", done.stderr)
        self.rewinds(one, two)

    def rewinds(self, one, two):
        """The primary crashes with a row that the other has not, and comes back."""
        self.cluster.end(two)
        one.sql("insert into t values (2)")
        one.kill()
        self.cluster.forget(one)
        two.start()
        self.cluster.promote(two, 2)
        two.sql("insert into t values (3)")
        one.start()
        self.cluster.follow(one, 2, two)
        self.cluster.has(one, "1,3")
        self.assertTrue(any(plan.startswith("rejoin: rewind") for plan in self.cluster.entries(one)), self.cluster.entries(one))


class Refused(Rejoin):
    def test_a_copy_of_a_volume_does_not_stream_beside_its_original_and_goes_on_when_that_one_has_gone(self):
        one, two = self.played(2)
        self.cluster.end(two)
        copy = self.cluster.make(two.name, directory="copy")
        self.addCleanup(self._end, copy)
        subprocess.run(["cp", "-a", two.volume, copy.volume], check=True)
        two.start()
        self.cluster.streams(two)
        copy.start()
        reason = "another instance streams from the primary under this one's name"
        said = copy.wait_status("it says why not", lambda said: reason in (said["reason"] or ""))
        self.assertIn("a copy of this volume", said["hint"])
        self.assertFalse(said["lsn"]["streaming"])
        self.assertEqual([it["name"] for it in one.status()["standbys"]], [two.name])
        refused = self.cluster.entries(copy, "rejoin: refuse")
        self.assertEqual(refused, [f"rejoin: refuse, for {reason}"], "once")
        self.assertTrue(two.status()["lsn"]["streaming"])
        two.kill()
        self.cluster.streams(copy)
        one.sql("insert into t values (2)")
        self.cluster.has(copy, "1,2")

    def test_data_of_another_system_is_refused_and_left_alone(self):
        one, two = self.played(2, standbys=0)
        instance.Template.fill(two)
        two.start()
        self.cluster.assign(two, 1, one)
        said = two.wait_status("it refuses", lambda said: said["phase"] == "failed")
        self.assertIn("it cannot follow the primary: its data is of another system", said["reason"])
        self.assertIn("move its data directory away", said["hint"])
        self.assertFalse(said["managed"]["able"])
        self.assertEqual(self.cluster.entries(two), ["rejoin: refuse, for its data is of another system"])
        self.assertNotEqual(two.control_data()["Database system identifier"], one.control_data()["Database system identifier"])
        shutil.rmtree(two.data_directory)
        two.client("restart")
        self.cluster.streams(two)

    def test_a_standby_whose_disk_takes_no_writes_is_no_candidate(self):
        _, two = self.played(2)
        two.wait_status("it is one", lambda said: said["managed"]["able"])
        probe = f"{two.volume}/pgbosun/.pgbosun-volume-check"

        def in_the_way():
            with contextlib.suppress(FileExistsError, FileNotFoundError):
                os.remove(probe)
                os.mkdir(probe)
            return os.path.isdir(probe)

        wait_for("its check is not under way", in_the_way)
        said = two.wait_status("it is none", lambda said: not said["managed"]["able"])
        self.assertIn("fails", said["reason"])
        os.rmdir(probe)
        two.wait_status("it is one again", lambda said: said["managed"]["able"])


if __name__ == "__main__":
    instance.main()
