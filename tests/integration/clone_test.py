"""A member of a managed cluster is cloned from the archive, or from the primary when the archive is of no use."""

import glob
import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cluster"))

import instance
from cluster import Cluster
from instance import Case, wait_for


class Clones(Case):
    """One cluster of two for all tests; each takes a backup of its own, and leaves the cluster whole."""

    @classmethod
    def setUpClass(cls):
        # Small segments: a few of them are little beside the data.
        cls.cluster = Cluster(size=2, controllers=1, member_config={
            "bootstrap": {"initdb": {"wal_segment_size": 1}},
            "postgresql": {"parameters": {"wal_keep_size": "2MB"}}})
        cls.addClassCleanup(cls.cluster.stop)
        cls.cluster.start()
        cls.cluster.wait_whole().sql("create table t(i int)")

    def setUp(self):
        self.primary = self.cluster.wait_whole()
        self.standby = next(it for it in self.cluster.members if it is not self.primary)
        self.primary.sql("truncate t; insert into t values (1)")
        answer = self.primary.http("POST", "/v1/backups?wait=60s")
        self.assertEqual(answer.status, 200, answer)
        self.backup = answer.json["id"]
        self.primary.sql("insert into t values (2)")

    def wipe(self):
        """The standby loses its volume, and comes back as a new member of its name."""
        self.standby.kill()
        shutil.rmtree(self.standby.volume)
        self.standby.start()

    def check_whole(self):
        self.assertIs(self.cluster.wait_whole(), self.primary)
        self.primary.sql("insert into t values (3)")
        wait_for("the clone has all rows", lambda: self.standby.psql(
            "select string_agg(i::text, ',' order by i) from t").stdout.strip() == "1,2,3")
        # Once it streams nothing of the clone's making is left.
        wait_for("how it was cloned is forgotten",
                 lambda: not os.path.exists(f"{self.standby.volume}/pgbosun/archive-clone"))

    def entries(self, begin):
        return [it for it in self.standby.http("GET", "/v1/journal").json["entries"] if it["what"].startswith(begin)]

    def clones(self):
        return [it["what"] for it in self.entries("clone: ")]

    def base_backups(self):
        return [it for it in self.standby.records() if it.get("logger") == "pg_basebackup"]

    def test_a_member_without_data_comes_from_the_archive_and_streams(self):
        self.wipe()
        self.check_whole()
        self.assertEqual(self.clones(), ["clone: from the archive, for little WAL has been written since the backup began"])
        entry = self.entries("clone: ")[0]
        facts = entry["facts"]
        self.assertEqual(facts["backup"], self.backup)
        self.assertIn("backup_begin", facts)
        self.assertLessEqual(int(facts["wal_bytes"]), int(facts["backup_bytes"]) / 4)
        self.assertEqual(self.base_backups(), [])
        self.assertTrue([it for it in self.standby.records() if it["msg"] == "the backup is restored"])

    def test_a_backup_that_lacks_an_object_is_replaced_by_pg_basebackup(self):
        tars = glob.glob(f"{self.cluster.directory}/archive/orders/base/{self.backup}/data.tar*")
        self.assertTrue(tars)
        for tar in tars:
            os.remove(tar)
        self.wipe()
        self.check_whole()
        self.assertEqual(self.clones(), ["clone: from the archive, for little WAL has been written since the backup began",
                                         "clone: from the primary, for the restore of the backup failed"])
        self.assertTrue(self.base_backups())

    def test_wal_that_cannot_be_replayed_leads_to_pg_basebackup_and_not_to_the_archive_again(self):
        info = glob.glob(f"{self.cluster.directory}/archive/orders/base/{self.backup}/backup.info")[0]
        with open(info, encoding="utf-8") as file:
            segment = next(line.split("=")[1].strip() for line in file if line.startswith("begin_wal"))
        objects = glob.glob(f"{self.cluster.directory}/archive/orders/wals/*/{segment}*")
        self.assertEqual(len([it for it in objects if ".backup" not in it]), 1, objects)
        with open(next(it for it in objects if ".backup" not in it), "r+b") as file:
            file.truncate(100)
        self.wipe()
        self.check_whole()
        self.assertEqual(self.clones(), ["clone: from the archive, for little WAL has been written since the backup began",
                                         "clone: from the primary, for the last one from the archive has not come to stream"])
        self.assertTrue(self.base_backups())


if __name__ == "__main__":
    instance.main()
