"""A cluster that follows another one by its archive alone, with real controllers, etcd and instances on both sides."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cluster"))

import archives
import instance
from cluster import Cluster
from instance import Case, wait_for
from standby_cluster_test import ROWS, plans, standbys


def replays_archive(member):
    said = member.said() or {}
    return said.get("ready") and said["role"] == "standby" and said["lsn"]["from_archive"]


class ByArchive(Case):
    """The far cluster archives, and the near one has no connection to it."""

    far_size = 1

    def setUp(self):
        self.far = Cluster(size=self.far_size, controllers=1)
        self.addCleanup(self.far.stop)
        self.far.start()
        self.source = self.far.wait_whole()
        self.source.sql("create table t(i int); insert into t values (1)")
        self.source.client("backup", "--wait", check=True)
        source = {"destination": self.source.config["archive"]["destination"], "server_name": "orders"}
        self.near = Cluster(size=2, controllers=1, controller_config={"standby_cluster": {"archive": True}},
                            member_config={"bootstrap": {"recovery": {"source": source}}})
        self.addCleanup(self.near.stop)
        self.near.start()

    def tearDown(self):
        if instance.has_failed(self):
            print(self.far.tail() + self.near.tail(), flush=True)

    def archived(self, cluster):
        return archives.wal_files(f"{cluster.directory}/archive")

    def inserted(self, row):
        """In the far cluster; what is archived is whole segments."""
        self.source.sql(f"insert into t values ({row}); select pg_switch_wal()")

    def follow(self, rows):
        for it in self.near.members:
            wait_for(f"{it.name} has the rows {rows}", lambda it=it: it.psql(ROWS).stdout.strip() == rows, deadline=90)
            wait_for(f"{it.name} says that it replays the archive", lambda it=it: replays_archive(it))
            self.assertEqual(it.http("GET", "/primary").status, 503)
        self.assertEqual(self.near.primaries(), [])
        self.assertEqual(len(standbys(self.source)), self.far_size - 1, "nobody of the near cluster streams from there")

    def promoted(self, *words):
        code, said = self.near.ask("promote-cluster", *words)
        self.assertEqual(code, 0, said)
        return self.near.wait_whole()

    def test_it_follows_is_promoted_and_follows_again(self):
        self.follow("1")
        self.inserted(2)
        self.follow("1,2")
        self.assertIn("follows     the archive", self.near.ask("status")[1])
        first, second = self.near.members
        wait_for("it is at the archive's end", lambda: first.status()["lsn"]["lag_bytes"] == 0)
        self.assertIn("replays the source's archive", first.client("status").stdout)

        second.kill()
        self.inserted(3)
        second.start()
        self.follow("1,2,3")
        self.assertNotIn("rejoin: reclone", "".join(plans(second)))

        self.assertIs(self.promoted("--to", second.name), second)
        self.assertEqual(second.status()["timeline"], 2)
        second.sql("insert into t values (4)")
        wait_for("the other one has its row", lambda: first.psql(ROWS).stdout.strip() == "1,2,3,4")
        own = archives.switch(second)
        wait_for("the own archive has it", lambda: own in self.archived(self.near))
        self.inserted(5)
        self.assertEqual(self.source.sql(ROWS), "1,2,3,5", "the far cluster is not touched")
        self.assertEqual({name[:8] for name in self.archived(self.far)}, {"00000001"})

        # What the two wrote apart: the near one gives its own up, and nothing can be rewound.
        code, said = self.near.ask("demote-cluster", "--source-archive")
        self.assertEqual(code, 0, said)
        self.follow("1,2,3,5")
        for it in self.near.members:
            self.assertTrue(plans(it)[-1].startswith("rejoin: reclone"), plans(it))
            wait_for("what it had is removed", lambda it=it: not os.path.exists(f"{it.data_directory}.old"))

        self.inserted(6)
        self.follow("1,2,3,5,6")
        self.assertEqual(self.promoted().status()["timeline"], 3, "the own archive has timeline 2 already")
        self.assertEqual({name[:8] for name in self.archived(self.far)}, {"00000001"})

    def test_what_an_earlier_promotion_wrote_does_not_come_back(self):
        self.follow("1")
        promoted = self.promoted()
        promoted.sql("insert into t values (2)")
        own = archives.switch(promoted)
        wait_for("the own archive has it", lambda: own in self.archived(self.near))
        code, said = self.near.ask("demote-cluster", "--source-archive")
        self.assertEqual(code, 0, said)
        self.follow("1")

        # Replay stands where the earlier promotion left the far cluster's timeline.
        self.near.ask("promote-cluster", "--wait", "5s")
        wait_for("one says what it waits for", lambda: any(
            "left this one at" in ((it.said() or {}).get("reason") or "") for it in self.near.members))
        for it in self.near.members:
            it.kill()
        for it in self.near.members:
            it.start()
        wait_for("one that was killed meanwhile says it again", lambda: any(
            "left this one at" in ((it.said() or {}).get("reason") or "") for it in self.near.members))
        self.assertEqual(self.near.primaries(), [])
        for it in self.near.members:
            it.config["archive"]["server_name"] = "another"
            it.write_config()
        after = self.near.wait_whole(deadline=180)
        self.assertEqual(after.sql(ROWS), "1")

    def test_it_is_made_anew_when_the_segment_that_it_needs_has_expired(self):
        self.follow("1")
        first, second = self.near.members
        second.stop()
        self.inserted(2)
        self.source.client("backup", "--wait", check=True)

        def listed():
            return sorted(it["begin_wal"] for it in self.source.http("GET", "/v1/backups").json["backups"])
        wait_for("both backups are listed", lambda: len(listed()) == 2)
        for name, path in archives.wal_files(f"{self.far.directory}/archive").items():
            if archives.is_segment(name) and name < listed()[-1]:
                os.unlink(path)
        self.inserted(3)
        second.start()
        self.follow("1,2,3")
        self.assertIn("rejoin: reclone", "".join(plans(second)))
        self.assertNotIn("rejoin: reclone", "".join(plans(first)))


class ByArchiveOfTwo(ByArchive):
    """The far cluster may change its primary."""

    far_size = 2
    test_it_follows_is_promoted_and_follows_again = None
    test_what_an_earlier_promotion_wrote_does_not_come_back = None
    test_it_is_made_anew_when_the_segment_that_it_needs_has_expired = None

    def test_it_follows_over_a_change_of_primary_and_says_what_keeps_it_from_following(self):
        self.follow("1")
        code, said = self.far.ask("switchover")
        self.assertEqual(code, 0, said)
        self.source = self.far.wait_whole()
        self.inserted(2)
        self.follow("1,2")

        first = self.near.members[0]
        recovery = first.config["bootstrap"]["recovery"]
        recovery["target_name"] = "nobody made it"
        first.write_config()
        first.stop()
        first.start()
        first.wait_status("it says why it does not follow", lambda status: "has a target" in (status["reason"] or ""))
        self.inserted(3)
        self.assertEqual(first.sql(ROWS), "1,2")
        del recovery["target_name"]
        first.write_config()
        self.follow("1,2,3")

        self.assertEqual(self.promoted().status()["timeline"], 3)


if __name__ == "__main__":
    instance.main()
