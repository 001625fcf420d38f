"""A managed cluster with synchronous replication: who may read what a primary holds after it was started anew."""

import contextlib
import os
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cluster"))

import instance
import libpq
from cluster import Cluster
from instance import Case, wait_for


def freeze_receiver(test, standby):
    """Its connection stays, and nothing comes from it. Returns the process and when."""
    receiver = int(standby.sql("select pid from pg_stat_wal_receiver"))
    os.kill(receiver, signal.SIGSTOP)
    test.addCleanup(instance.send, receiver, signal.SIGCONT)
    return receiver, time.monotonic()


class WithCluster(Case):
    def tearDown(self):
        if instance.has_failed(self):
            print(self.cluster.tail(), flush=True)


class Synchronous(WithCluster):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(size=2, controllers=1,
                              controller_config={"synchronous": {"method": "any", "number": 1, "data_durability": "required"}})
        cls.addClassCleanup(cls.cluster.stop)
        cls.cluster.start()
        cls.cluster.wait_whole().sql("create table t(i int)")

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


class JustStarted(WithCluster):
    """A standby that has just been started has more WAL than it has read."""

    def setUp(self):
        self.cluster = Cluster(size=3, controllers=1,
                               controller_config={"synchronous": {"method": "any", "number": 1, "data_durability": "required"}})
        self.addCleanup(self.cluster.stop)
        self.cluster.start()

    def only_one_is_left(self):
        """The primary, the standby that is left, and the other one, which alone has confirmed the rows."""
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
        return primary, behind, confirms

    def test_it_is_waited_for_until_it_knows_what_it_holds(self):
        primary, _, confirms = self.only_one_is_left()

        confirms.start()

        wait_for("who has the rows is the primary", lambda: self.cluster.primaries() == [confirms], deadline=90)
        self.assertEqual(confirms.sql("select count(*) from t"), "1000")
        primary.start()
        self.assertIs(self.cluster.wait_whole(), confirms)

    def test_who_is_left_is_promoted_by_force_and_the_others_give_up_what_only_they_have(self):
        primary, behind, confirms = self.only_one_is_left()
        self.assertEqual(self.cluster.primaries(), [])

        code, said = self.cluster.ask("failover", "--to", behind.name)
        if code == 3:  # it was recorded before the quorum was missed, and waits
            self.assertIn(f"{behind.name} is the primary already", said)
            self.assertIn(f"failover --to {behind.name} --lost", said)
            code, said = self.cluster.ask("failover", "--to", behind.name, "--lost", f"{primary.name},{confirms.name}")

        self.assertEqual(code, 0, said)
        self.assertEqual(self.cluster.primaries(), [behind])
        primary.start()
        confirms.start()
        self.assertIs(self.cluster.wait_whole(), behind)
        behind.sql("insert into t values (0)")
        for it in self.cluster.members:
            wait_for(f"{it.name} has the same rows",
                     lambda it=it: it.psql("select string_agg(i::text, ',') from t").stdout.strip() == "0")


class Preferred(WithCluster):
    """Without standbys it goes on alone, and what it acknowledged before and after is there when one of them takes over."""

    def setUp(self):
        self.cluster = Cluster(size=2, controllers=1,
                               controller_config={"synchronous": {"method": "any", "number": 1, "data_durability": "preferred"}})
        self.addCleanup(self.cluster.stop)
        self.cluster.start()

    def test_alone_and_started_anew_it_lets_clients_in_and_they_write(self):
        primary = self.cluster.wait_whole()
        standby = next(it for it in self.cluster.members if it is not primary)
        wait_for("the standby is waited for", lambda: self.rule() == 1)
        primary.sql("create table t(i int)")
        standby.kill()
        wait_for("it goes on alone", lambda: self.rule() == 0 and primary.sql("show synchronous_standby_names") == "")
        term, postmaster = primary.status()["term"], primary.postmaster()

        primary.kill_postmaster()

        wait_for("its postgres is another", lambda: primary.postmaster() not in (None, postmaster))
        wait_for("a client writes", lambda: self.writes(primary, 1))
        wait_for("others are let in too", lambda: primary.http("GET", "/primary").status == 200)
        standby.start()
        self.assertIs(self.cluster.wait_whole(), primary)
        self.assertEqual(primary.status()["term"], term)
        wait_for("the standby has it", lambda: standby.psql("select distinct i from t").stdout.strip() == "1")

    @staticmethod
    def writes(member, row):
        """As a client does, over TCP; who gets no answer tries again."""
        with contextlib.suppress(libpq.Lost, libpq.Refused), \
                contextlib.closing(libpq.Connection(f"{member.conninfo} user=postgres dbname=postgres", 5)) as session:
            return session.execute(f"insert into t values ({row}) returning i", 5) == [[str(row)]]
        return False

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
        self.check_kept(writer, standby)

    def test_writes_go_on_when_the_standby_confirms_nothing_any_more(self):
        primary = self.cluster.prepare_writes()
        standby = next(it for it in self.cluster.members if it is not primary)
        wait_for("the standby is waited for", lambda: self.rule() == 1)
        writer = self.cluster.write()
        self.addCleanup(writer.stop)
        wait_for("a first row", writer.acknowledged)

        receiver, frozen = freeze_receiver(self, standby)

        wait_for("writes go on alone", lambda: writer.acknowledged(frozen + 1), deadline=60)
        instance.send(receiver, signal.SIGCONT)
        self.assertIs(self.cluster.wait_whole(), primary)
        wait_for("the standby is waited for again", lambda: self.rule() == 1)
        writer.stop()
        self.check_kept(writer, primary)
        end = primary.sql("select pg_current_wal_flush_lsn()")
        wait_for("the standby has replayed it", lambda: standby.sql(f"select pg_last_wal_replay_lsn() >= '{end}'") == "t")
        self.check_kept(writer, standby)

    def check_kept(self, writer, member):
        there = set(map(int, member.sql(f"select id from acknowledged where label = '{writer.label}'").split()))
        self.assertEqual({row.number for row in writer.rows() if row.acknowledged is not None} - there, set())


class First(WithCluster):
    """Those of the highest priority confirm, for as long as they do."""

    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(known_as={"pg-2": {"priority": 200}, "pg-3": {"priority": 150}}, controller_config={
            "synchronous": {"method": "first", "number": 1, "data_durability": "required"}})
        cls.addClassCleanup(cls.cluster.stop)
        cls.cluster.start()
        cls.cluster.prepare_writes()

    def test_who_confirms_nothing_any_more_is_replaced_by_the_next_until_it_does_again(self):
        primary = self.cluster.wait_whole()
        preferred = next(it for it in map(self.cluster.member, ("pg-2", "pg-3")) if it is not primary)
        wait_for(f"{preferred.name} confirms", lambda: self.confirm(primary) == [preferred.name])
        writer = self.cluster.write()
        self.addCleanup(writer.stop)
        wait_for("a first row", writer.acknowledged)

        receiver, frozen = freeze_receiver(self, preferred)

        wait_for("writes go on", lambda: writer.acknowledged(frozen + 1), deadline=60)
        self.assertNotIn(preferred.name, self.confirm(primary))
        self.assertEqual(len(self.confirm(primary)), 1)
        instance.send(receiver, signal.SIGCONT)
        self.assertIs(self.cluster.wait_whole(), primary)
        wait_for(f"{preferred.name} confirms again", lambda: self.confirm(primary) == [preferred.name])

    def confirm(self, primary):
        return primary.sql("select application_name from pg_stat_replication where sync_state = 'sync'").split()


if __name__ == "__main__":
    instance.main()
