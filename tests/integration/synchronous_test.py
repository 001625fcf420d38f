"""A managed cluster with synchronous replication: who may read what a primary holds after it was started anew."""

import os
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cluster"))

import instance
from cluster import Cluster
from instance import Case, wait_for


class Synchronous(Case):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(size=2, controllers=1,
                              controller_config={"synchronous": {"method": "any", "number": 1, "data_durability": "required"}})
        cls.addClassCleanup(cls.cluster.stop)
        cls.cluster.start()
        cls.cluster.wait_whole().sql("create table t(i int)")

    def tearDown(self):
        if instance.has_failed(self):
            print(self.cluster.tail(), flush=True)

    def let_in(self, member):
        """A client over TCP; pgbosun itself comes by the socket."""
        done = subprocess.run([f"{instance.bin_dir()}/psql", "-XAtqd", f"{member.conninfo} user=postgres dbname=postgres",
                               "-c", "select count(*) from t"], capture_output=True, text=True, check=False,
                              timeout=instance.DEADLINE, env={"PATH": os.environ["PATH"], "PGCONNECT_TIMEOUT": "10"})
        return done.returncode == 0

    def test_a_primary_that_starts_anew_lets_clients_in_when_its_standby_has_all_that_it_has(self):
        primary = self.cluster.wait_whole()
        standby = next(it for it in self.cluster.members if it is not primary)
        wait_for("a client is let in", lambda: self.let_in(primary))
        standby.kill()
        primary.kill_postmaster()
        status = primary.wait_status("it says why it waits", lambda it: "clients wait" in (it["reason"] or ""))
        self.assertEqual((status["role"], status["ready"], status["managed"]["holds_clients"]), ("primary", False, True))
        self.assertFalse(self.let_in(primary))
        refused = primary.http("GET", "/primary")
        self.assertEqual(refused.status, 503)
        self.assertIn("clients wait", refused.text)
        self.assertEqual(primary.sql("select count(*) from t"), "0", "pgbosun's own way in is open")

        standby.start()
        wait_for("a client is let in again", lambda: self.let_in(primary))
        self.assertEqual(primary.http("GET", "/primary").status, 200)
        self.assertIs(self.cluster.wait_whole(), primary)


class JustStarted(Case):
    """A standby that has just been started has more WAL than it has read."""

    def setUp(self):
        self.cluster = Cluster(size=3, controllers=1,
                               controller_config={"synchronous": {"method": "any", "number": 1, "data_durability": "required"}})
        self.addCleanup(self.cluster.stop)
        self.cluster.start()

    def tearDown(self):
        if instance.has_failed(self):
            print(self.cluster.tail(), flush=True)

    def test_it_is_waited_for_until_it_knows_what_it_holds(self):
        primary = self.cluster.wait_whole()
        primary.sql("create table t(i int)")
        behind, confirms = (it for it in self.cluster.members if it is not primary)
        wait_for("it has the table", lambda: behind.psql("table t").returncode == 0)
        receiver = int(behind.sql("select pid from pg_stat_wal_receiver"))
        os.kill(receiver, signal.SIGSTOP)
        primary.sql("insert into t select generate_series(1, 1000)")
        primary.kill()
        confirms.kill()
        os.kill(receiver, signal.SIGKILL)
        wait_for("nobody is promoted alone", lambda: "too few synchronous standbys answer" in self.cluster.ask("status")[1])

        confirms.start()

        wait_for("who has the rows is the primary", lambda: self.cluster.primaries() == [confirms], deadline=90)
        self.assertEqual(confirms.sql("select count(*) from t"), "1000")
        primary.start()
        self.assertIs(self.cluster.wait_whole(), confirms)


class Preferred(Case):
    """Without standbys it goes on alone, and what it acknowledged before and after is there when one of them takes over."""

    def setUp(self):
        self.cluster = Cluster(size=2, controllers=1,
                               controller_config={"synchronous": {"method": "any", "number": 1, "data_durability": "preferred"}})
        self.addCleanup(self.cluster.stop)
        self.cluster.start()

    def tearDown(self):
        if instance.has_failed(self):
            print(self.cluster.tail(), flush=True)

    def rule(self):
        return (self.cluster.said() or {}).get("synchronous", {}).get("number")

    def test_writes_go_on_when_the_standby_is_gone_and_nothing_is_lost_when_it_is_back_and_takes_over(self):
        primary = self.cluster.prepare_writes()
        standby = next(it for it in self.cluster.members if it is not primary)
        wait_for("the standby is waited for", lambda: self.rule() == 1)
        writer = self.cluster.write()
        self.addCleanup(writer.stop)
        wait_for("a first row", writer.acknowledged)

        standby.kill()
        gone = time.monotonic()
        wait_for("writes go on alone", lambda: writer.acknowledged(gone + 1), deadline=30)
        wait_for("it is nobody's standby that is waited for", lambda: self.rule() == 0)

        standby.start()
        self.assertIs(self.cluster.wait_whole(), primary)
        wait_for("the standby is waited for again", lambda: self.rule() == 1)
        wait_for("it is in force", lambda: primary.sql("select count(*) from pg_stat_replication "
                                                       "where sync_state in ('sync', 'quorum')") == "1")
        back = time.monotonic()
        wait_for("a row since", lambda: writer.acknowledged(back))
        wait_for("it may take over", lambda: (self.cluster.said() or {}).get("candidates") == [standby.name])
        primary.kill()
        killed = time.monotonic()
        wait_for("the standby takes over", lambda: self.cluster.primaries() == [standby])
        wait_for("a row from there", lambda: writer.acknowledged(killed + 1))
        primary.start()
        self.assertIs(self.cluster.wait_whole(), standby)

        writer.stop()
        there = set(map(int, standby.sql(f"select id from acknowledged where label = '{writer.label}'").split()))
        self.assertEqual({row.number for row in writer.rows() if row.acknowledged is not None} - there, set())


if __name__ == "__main__":
    instance.main()
