"""A cluster that follows another one by a connection, with real controllers, etcd and instances on both sides."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cluster"))

import instance
from cluster import Cluster
from instance import Case, wait_for

ROWS = "select coalesce(string_agg(i::text, ',' order by i), '') from t"


def plans(member):
    entries = member.http("GET", "/v1/journal").json["entries"]
    return [it["what"] for it in entries if it["what"].startswith("rejoin: ")]


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
        self.assertTrue(plans(leader)[-1].startswith("rejoin: rewind"), plans(leader))


class ByListOfHosts(Case):
    def setUp(self):
        self.far = Cluster(size=2, controllers=1)
        self.addCleanup(self.far.stop)
        self.far.start()
        self.source = self.far.wait_whole()
        self.source.sql("create table t(i int); insert into t values (1)")

    def tearDown(self):
        if instance.has_failed(self):
            print(self.far.tail() + self.near.tail(), flush=True)

    def follow(self, conninfo):
        # Of another name: the far cluster's own pg-1 comes to stream from the same primary.
        self.near = Cluster(size=1, controllers=1, called="near",
                            controller_config={"standby_cluster": {"primary_conninfo": conninfo}})
        self.addCleanup(self.near.stop)
        self.near.start()
        return self.near.members[0]

    def has(self, member, rows):
        wait_for(f"{member.name} has the rows {rows}", lambda: member.psql(ROWS).stdout.strip() == rows, deadline=90)

    def test_it_follows_the_primary_among_several_hosts_over_a_change_of_it(self):
        other = next(it for it in self.far.members if it is not self.source)
        dead = instance.free_port()
        follower = self.follow(f"host=127.0.0.1,localhost,127.0.0.1 port={dead},{other.port},{self.source.port} "
                               "target_session_attrs=read-write")
        self.has(follower, "1")
        wait_for("it streams from the primary", lambda: follower.said()["lsn"]["sender"] ==
                 f"127.0.0.1:{self.source.port}")
        self.assertIn(f"streaming from 127.0.0.1:{self.source.port}", follower.client("status").stdout)

        code, said = self.far.ask("switchover")
        self.assertEqual(code, 0, said)
        self.assertIs(self.far.wait_whole(), other)
        other.sql("insert into t values (2)")
        self.has(follower, "1,2")
        wait_for("it streams from the new one", lambda: str(follower.said()["lsn"]["sender"]).endswith(f":{other.port}"))

    def test_it_is_not_promoted_before_it_has_got_anything(self):
        member = self.follow(f"host=127.0.0.1 port={instance.free_port()}")
        wait_for("it is known", lambda: (self.near.said() or {}).get("source") and member.said() and
                 (member.said()["managed"] or {}).get("primary"))

        code, said = self.near.ask("promote-cluster")

        self.assertEqual(code, 3, said)
        self.assertIn("holds no data", said)
        self.assertFalse(os.path.exists(f"{member.data_directory}/PG_VERSION"))


if __name__ == "__main__":
    instance.main()
