"""A cluster that follows another one, with real controllers, etcd and instances on both sides."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cluster"))

import instance
from cluster import Cluster
from instance import Case, wait_for

ROWS = "select coalesce(string_agg(i::text, ',' order by i), '') from t"


def streams(member):
    said = member.said() or {}
    return said.get("role") == "standby" and said["lsn"]["streaming"]


def standbys(member):
    return {it["name"] for it in (member.said() or {}).get("standbys", []) if it["state"] == "streaming"}


class StandbyCluster(Case):
    def setUp(self):
        self.far = Cluster(size=1, controllers=1)
        self.addCleanup(self.far.stop)
        self.far.start()
        self.source = self.far.wait_whole()
        self.source.sql("create table t(i int); insert into t values (1)")
        self.near = Cluster(size=2, controllers=1,
                            controller_config={"standby_cluster": {"primary_conninfo": self.source.conninfo}})
        self.addCleanup(self.near.stop)
        self.near.start()

    def tearDown(self):
        if instance.has_failed(self):
            print(self.far.tail() + self.near.tail(), flush=True)

    def has(self, member, rows):
        wait_for(f"{member.name} has the rows {rows}", lambda: member.psql(ROWS).stdout.strip() == rows)

    def followers(self):
        """Who streams from the other cluster, and who from that one."""
        for leader, other in (self.near.members, self.near.members[::-1]):
            if standbys(self.source) == {leader.name} and standbys(leader) == {other.name}:
                return leader, other
        return None

    def follows(self, rows):
        leader, other = wait_for("one streams from there, and the other from it", self.followers, deadline=90)
        for it in (leader, other):
            self.has(it, rows)
        self.assertEqual(self.near.primaries(), [])
        return leader, other

    def test_it_follows_is_promoted_and_follows_again(self):
        leader, other = self.follows("1")
        self.source.sql("insert into t values (2)")
        self.has(other, "1,2")
        self.assertIn("follows     host=", self.near.ask("status")[1])
        self.assertEqual(leader.http("GET", "/primary").status, 503)
        code, said = self.near.ask("switchover", "--to", other.name)
        self.assertEqual(code, 3, said)
        self.assertIn("promote-cluster", said)

        leader.kill()
        wait_for("the other one streams from there", lambda: standbys(self.source) == {other.name})
        self.source.sql("insert into t values (3)")
        self.has(other, "1,2,3")
        leader.start()
        self.assertEqual(self.follows("1,2,3"), (other, leader))

        code, said = self.near.ask("promote-cluster", "--to", leader.name)
        self.assertEqual(code, 0, said)
        self.assertIs(self.near.wait_whole(), leader)
        leader.sql("insert into t values (4)")
        self.has(other, "1,2,3,4")
        self.source.sql("insert into t values (5)")
        self.assertEqual(self.source.sql(ROWS), "1,2,3,5", "the other cluster is not touched")

        # What the two wrote apart: this one gives its own up.
        code, said = self.near.ask("demote-cluster", "--source", self.source.conninfo)
        self.assertEqual(code, 0, said)
        self.follows("1,2,3,5")
        plans = [it["what"] for it in leader.http("GET", "/v1/journal").json["entries"] if it["what"].startswith("rejoin: ")]
        self.assertTrue(plans[-1].startswith("rejoin: rewind"), plans)


if __name__ == "__main__":
    instance.main()
