"""Replication slots in a managed cluster: who reads WAL from the primary goes on where it was after a failover, and nobody who
stays away fills a disk."""

import os
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cluster"))

import instance
from cluster import Cluster
from instance import Case, server_major, wait_for

OFTEN = {"update_interval": "200ms"}


def positions(member, condition="true"):
    """restart_lsn of its slots, by name."""
    rows = member.sql(f"select slot_name, restart_lsn from pg_replication_slots where {condition} order by 1")
    return dict(line.split("|") for line in rows.splitlines())


class Slots(Case):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(member_config={
            "replication_slots": {**OFTEN, "member_slots_ttl": "3s",
                                  "synchronize_replicas": {"exclude_patterns": ["^unmanaged_"]}},
            "postgresql": {"parameters": {"wal_level": "logical"}}})
        cls.addClassCleanup(cls.cluster.stop)
        cls.cluster.start()
        cls.cluster.wait_whole()

    def tearDown(self):
        if instance.has_failed(self):
            print(self.cluster.tail(), flush=True)

    def whole(self):
        return self.cluster.wait_whole()

    def others(self, primary):
        return [it for it in self.cluster.members if it is not primary]

    def streams_by_slots(self, primary):
        wanted = sorted(f"_pgbosun_{it.name}".replace("-", "_") for it in self.others(primary))
        wait_for(f"its standbys stream from {primary.name} by {wanted}", lambda: sorted(
            positions(primary, "slot_name like E'\\\\_pgbosun\\\\_%' and active")) == wanted)

    def in_step(self, primary, slot):
        """The same slot at the same position on each instance."""
        def lacks():
            there = positions(primary)[slot]
            return [it.name for it in self.others(primary) if positions(it).get(slot) != there]
        wait_for(f"{slot} is in step everywhere", lambda: not lacks())

    def move(self, primary, slot):
        """As a consumer that has read everything."""
        primary.sql(f"select pg_switch_wal(); select pg_replication_slot_advance('{slot}', pg_current_wal_flush_lsn())")

    def test_who_reads_from_the_primary_goes_on_at_the_next_one(self):
        before = self.whole()
        self.streams_by_slots(before)
        before.sql("select pg_create_physical_replication_slot('consumer', true), "
                   "pg_create_physical_replication_slot('passing', true)")
        self.addCleanup(lambda: self.whole().sql(
            "select pg_drop_replication_slot(slot_name) from pg_replication_slots where slot_name = 'consumer'"))
        for slot in ("consumer", "passing"):
            self.in_step(before, slot)
        self.move(before, "consumer")
        self.in_step(before, "consumer")
        read = positions(before)["consumer"]
        before.sql("select pg_drop_replication_slot('passing')")
        for it in self.others(before):
            wait_for(f"{it.name} has no slot that its primary has not", lambda it=it: "passing" not in positions(it))

        before.kill()
        wait_for("another primary", lambda: self.cluster.primary() not in (None, before))
        after = self.cluster.primary()
        self.assertEqual(positions(after)["consumer"], read, "what the consumer has not read is kept")
        before.start()
        self.assertIs(self.whole(), after)
        self.streams_by_slots(after)
        self.move(after, "consumer")
        self.in_step(after, "consumer")
        own = "_pgbosun_" + after.name.replace("-", "_")
        for it in self.cluster.members:
            self.assertNotIn(own, positions(it), f"{it.name} keeps WAL for {after.name}, which streams from nobody")

    def test_slots_are_kept_in_step_while_the_record_is_away(self):
        primary = self.whole()
        primary.sql("select pg_create_physical_replication_slot('steady', true)")
        self.in_step(primary, "steady")
        for program in self.cluster.programs:
            program.kill()
            self.addCleanup(program.start)
        self.move(primary, "steady")
        self.in_step(primary, "steady")
        primary.sql("select pg_drop_replication_slot('steady')")

    def test_a_member_that_stays_away_holds_no_wal_back_and_streams_by_a_slot_again_when_it_returns(self):
        primary = self.whole()
        self.streams_by_slots(primary)
        away = self.others(primary)[0]
        slot = "_pgbosun_" + away.name.replace("-", "_")
        away.kill()
        wait_for(f"{slot} is gone", lambda: slot not in positions(primary))
        self.assertIn("the member has been away for longer than member_slots_ttl", primary.log())
        away.start()
        self.whole()
        self.streams_by_slots(primary)

    def test_a_standby_streams_on_when_its_slot_is_dropped_behind_its_back(self):
        primary = self.whole()
        self.streams_by_slots(primary)
        slot = "_pgbosun_" + self.others(primary)[0].name.replace("-", "_")
        wait_for("it is dropped", lambda: primary.psql(
            f"select pg_terminate_backend(active_pid, 1000) from pg_replication_slots where slot_name = '{slot}'; "
            f"select pg_drop_replication_slot('{slot}')").returncode == 0)
        self.whole()
        self.streams_by_slots(primary)

    def test_slots_that_others_look_after_stay_where_they_are(self):
        before = self.whole()
        for slot in ("unmanaged_0", "dummy"):
            before.sql(f"select pg_create_logical_replication_slot('{slot}', 'test_decoding')")
        before.sql("select pg_create_physical_replication_slot('unmanaged_1', true)")
        code, said = self.cluster.ask("switchover")
        self.assertEqual(code, 0, said)
        after = self.whole()
        self.streams_by_slots(after)
        self.assertEqual(sorted(name for name in positions(before) if not name.startswith("_pgbosun_")),
                         ["unmanaged_0", "unmanaged_1"])
        self.assertEqual([name for name in positions(after) if not name.startswith("_pgbosun_")], [])
        before.sql("select pg_drop_replication_slot(slot_name) from pg_replication_slots where slot_name ~ '^unmanaged_'")


class AndBack(Case):
    """Primaries take turns while their agents live on: each knows of a slot that its upstream has dropped since."""

    def test_who_comes_back_with_a_rewind_streams_by_a_slot_again_each_time(self):
        self.cluster = Cluster(size=2, controllers=1, controller_config={"failover": {"restart_window": "0s"}},
                               member_config={"replication_slots": OFTEN})
        self.addCleanup(self.cluster.stop)
        self.addCleanup(lambda: instance.has_failed(self) and print(self.cluster.tail(), flush=True))
        self.cluster.start()
        self.cluster.prepare_writes()
        writer = self.cluster.write()
        self.addCleanup(writer.stop)
        for _ in range(4):
            before = self.cluster.wait_whole()
            wait_for("a row", lambda: writer.acknowledged(time.monotonic() - 1))
            before.kill_postmaster()
            wait_for("the other one serves", lambda: self.cluster.primary() not in (None, before))
            after = self.cluster.wait_whole()
            wanted = "_pgbosun_" + before.name.replace("-", "_")
            wait_for(f"{before.name} streams by its slot", lambda: positions(after, "active").keys() == {wanted})


@unittest.skipIf(server_major() < 17, f"PostgreSQL {server_major()} synchronizes no logical slots")
class Logical(Case):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(member_config={"replication_slots": {
            **OFTEN, "high_availability": {"synchronize_logical_decoding": True}}})
        cls.addClassCleanup(cls.cluster.stop)
        cls.cluster.start()
        cls.cluster.wait_whole()

    def others(self, primary):
        return [it for it in self.cluster.members if it is not primary]

    def synchronized(self, member):
        return member.psql("select count(*) from pg_replication_slots "
                           "where slot_name = 'changes' and synced and not temporary").stdout.strip() == "1"

    def read(self, primary):
        return primary.sql("select count(*) from pg_logical_slot_get_changes('changes', null, null) where data like '%INSERT%'")

    def test_a_logical_consumer_goes_on_at_the_next_primary_and_is_never_ahead_of_it(self):
        primary = self.cluster.wait_whole()
        primary.sql("create table t(i int)")
        primary.sql("select pg_create_logical_replication_slot('changes', 'test_decoding', false, false, true)")
        confirming = ",".join(sorted("_pgbosun_" + it.name.replace("-", "_") for it in self.others(primary)))
        wait_for("its standbys are waited for", lambda: primary.sql("show synchronized_standby_slots") == confirming)
        primary.sql("insert into t values (1)")
        self.assertEqual(self.read(primary), "1")
        for it in self.others(primary):
            wait_for(f"{it.name} has the slot", lambda it=it: primary.sql("select pg_log_standby_snapshot()") and
                     self.read(primary) and self.synchronized(it))
        primary.sql("insert into t values (2)")

        code, said = self.cluster.ask("switchover")
        self.assertEqual(code, 0, said)
        after = self.cluster.wait_whole()
        self.assertIsNot(after, primary)
        after.sql("insert into t values (3)")
        self.assertEqual(self.read(after), "2", "what was not read before is read now, and nothing twice")
        wait_for("the former primary has it too", lambda: after.sql("insert into t values (4)") is not None and
                 self.read(after) and self.synchronized(primary))

        gone = self.others(after)[0]
        gone.kill()
        wait_for("who is gone is not waited for", lambda: gone.name.replace("-", "_") not in
                 after.sql("show synchronized_standby_slots"))
        after.sql("insert into t values (5)")
        self.assertNotEqual(self.read(after), "0")
        gone.start()
        self.cluster.wait_whole()


if __name__ == "__main__":
    instance.main()
