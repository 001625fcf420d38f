"""A standby of a cluster that gets its WAL from the archive alone."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cluster"))

import instance
from cluster import Cluster
from instance import Case, wait_for


class Nostream(Case):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster()
        cls.addClassCleanup(cls.cluster.stop)
        cls.apart = cls.cluster.members.pop()
        cls.apart.config["postgresql"]["replication"]["stream"] = False
        cls.apart.write_config()
        cls.cluster.start()
        cls.apart.start()
        cls.addClassCleanup(cls.apart.destroy)
        cls.cluster.wait_whole()

    def has(self, rows):
        wait_for(f"it has the rows {rows}", lambda: self.apart.psql(
            "select coalesce(string_agg(i::text, ',' order by i), '') from t").stdout.strip() == rows)

    def test_it_has_what_is_archived_and_goes_on_after_a_failover_though_nobody_counts_on_it(self):
        before = self.cluster.wait_whole()
        before.sql("create table t(i int); insert into t values (1); select pg_switch_wal()")
        self.has("1")
        status = self.apart.wait_status("it waits for the next segment", lambda it: it["lsn"]["from_archive"] and
                                        it["archive"]["awaited"])
        self.assertEqual((status["role"], status["ready"], status["lsn"]["streaming"]), ("standby", True, False))
        self.assertIsNone(status["lsn"]["lag_bytes"], "what is not archived yet it does not know")
        self.assertFalse(status["managed"]["able"])
        self.assertIn("replays the archive, waits for ", self.apart.client("status").stdout)
        self.assertNotIn(self.apart.name, {it["name"] for it in before.status()["standbys"]})
        self.assertNotIn(self.apart.name, self.cluster.said()["promotable"])
        self.assertEqual(before.sql("select count(*) from pg_replication_slots where slot_name like '%3'"), "0")

        before.kill()
        wait_for("another primary", lambda: self.cluster.primary() not in (None, before))
        after = self.cluster.primary()
        after.sql("insert into t values (2); select pg_switch_wal()")
        self.has("1,2")
        code, said = self.cluster.ask("failover", "--to", self.apart.name)
        self.assertNotEqual(code, 0, said)
        before.start()
        self.cluster.wait_whole()
        log = self.apart.log()
        self.assertNotIn("cloned anew", log)


if __name__ == "__main__":
    instance.main()
