"""A failover to an instance that holds less than one that must not be promoted: it gets the rest from there first."""

import os
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cluster"))

import instance
from cluster import Cluster
from instance import Case, wait_for

ROWS = 1000
SPARE = "pg-3"


class FastForward(Case):
    def start(self, delayed=False):
        """The primary, the only one that may take over, and the one that must not."""
        cluster = self.cluster = Cluster(known_as={} if delayed else {SPARE: {"priority": -1}})
        self.addCleanup(cluster.stop)
        spare = cluster.member(SPARE)
        if delayed:
            spare.config["postgresql"]["apply_delay"] = "1h"
            spare.write_config()
        cluster.start()
        said = wait_for("one serves, another one may take over", self.has_candidate)
        primary, candidate = cluster.member(said["primary"]), cluster.member(said["promotable"][0])
        for it in (candidate, spare):
            wait_for(f"{it.name} streams", lambda it=it: self.streams_from(it, primary))
        return primary, candidate, spare

    def has_candidate(self):
        said = self.cluster.said()
        return said and said.get("serving") and len(said["promotable"]) == 1 and said

    def streams_from(self, standby, upstream):
        standbys = (upstream.said() or {}).get("standbys", [])
        return any(it["name"] == standby.name and it["state"] == "streaming" for it in standbys)

    def controllers_say(self, text):
        logs = []
        for it in self.cluster.controllers:
            with open(it.log_file, encoding="utf-8") as log:
                logs.append(log.read())
        return any(text in log for log in logs)

    def has_received(self, standby, end):
        return standby.sql(f"select pg_last_wal_receive_lsn() >= '{end}'") == "t"

    def leave_behind(self, primary, candidate, spare):
        """What sends WAL to the candidate stands still, until the primary's machine is gone."""
        primary.sql("create table t(i int)")
        end = primary.sql("select pg_current_wal_flush_lsn()")
        wait_for(f"{candidate.name} has the table", lambda: self.has_received(candidate, end))
        sender = primary.sql(f"select pid from pg_stat_replication where application_name = '{candidate.name}'")
        instance.send(int(sender), signal.SIGSTOP)
        primary.sql("".join(f"insert into t values ({row});\n" for row in range(ROWS)))
        end = primary.sql("select pg_current_wal_flush_lsn()")
        wait_for(f"{spare.name} has received all rows", lambda: self.has_received(spare, end))
        primary.kill()
        self.assertFalse(self.has_received(candidate, end), "it is to be behind")

    def takes_over_with_all_rows(self, candidate):
        wait_for(f"{candidate.name} serves", lambda: self.cluster.primary() is candidate)
        self.assertEqual(candidate.sql("select count(*), min(i), max(i) from t"), f"{ROWS}|0|{ROWS - 1}")
        self.assertTrue(self.controllers_say(f"{candidate.name} first streams from {SPARE}, which holds more"))
        self.assertFalse(self.controllers_say("WAL is given up"))

    def test_what_only_an_instance_holds_that_must_never_be_primary_is_on_the_next_primary(self):
        primary, candidate, spare = self.start()
        self.leave_behind(primary, candidate, spare)
        self.takes_over_with_all_rows(candidate)
        wait_for("it is followed", lambda: self.streams_from(spare, candidate))
        wait_for("it has all rows", lambda: spare.psql("select count(*) from t").stdout.strip() == str(ROWS))

    def test_what_a_delayed_standby_has_received_and_not_replayed_is_on_the_next_primary(self):
        primary, candidate, spare = self.start(delayed=True)
        self.leave_behind(primary, candidate, spare)
        self.takes_over_with_all_rows(candidate)
        self.assertEqual(spare.sql("select to_regclass('t') is null"), "t", "it has not replayed it")


if __name__ == "__main__":
    instance.main()
