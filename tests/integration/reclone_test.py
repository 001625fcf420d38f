"""What becomes of the data that pg_rewind or a clone replaces, and of what it has outside of its directory."""

import os
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cluster"))

import instance
from instance import wait_for
from played import Played
from rejoin_test import REPLACED, Rejoin

# A standby that was away for a moment lacks WAL that is nowhere.
SHORT = {"replication_slots": {"high_availability": {"enabled": False}},
         "bootstrap": {"initdb": {"wal_segment_size": 1}},
         "postgresql": {"parameters": {"wal_keep_size": "0", "min_wal_size": "2MB", "max_wal_size": "3MB"}}}
NEVER_STREAMED = "clone: a clone that never streamed is made anew"


def without(tool, member):
    """The server's programs under another path, but one."""
    directory = f"{member.directory}/{instance.server_major()}/bin"
    os.makedirs(directory)
    for name in os.listdir(instance.bin_dir()):
        if name != tool:
            os.symlink(f"{instance.bin_dir()}/{name}", f"{directory}/{name}")
    member.config["postgresql"]["bin_dir"] = directory
    member.config["restart"] = {"intensity": 100}
    member.write_config()
    return directory


class Rewinds(Rejoin):
    def test_data_is_left_as_it_is_while_pg_rewind_cannot_be_started_and_is_rewound_when_it_can(self):
        one, two = self.played(2)
        self.cluster.has(two, "1")
        self.cluster.end(two)
        one.sql("insert into t values (2)")
        one.kill()
        self.cluster.forget(one)
        two.start()
        self.cluster.promote(two, 2)
        two.sql("insert into t values (3)")
        tools = without("pg_rewind", one)
        one.start()
        self.cluster.assign(one, 2, two)
        one.wait_status("it says why not", lambda said: "pg_rewind" in (said["reason"] or ""))
        self.assertFalse(os.path.exists(f"{one.volume}/pgbosun/bootstrapping"))
        self.assertFalse(os.path.exists(f"{one.data_directory}.old"))
        self.assertTrue(os.path.exists(f"{one.data_directory}/PG_VERSION"))

        os.symlink(f"{instance.bin_dir()}/pg_rewind", f"{tools}/pg_rewind")
        self.cluster.streams(one)
        self.cluster.has(one, "1,3")
        plans = set(self.cluster.entries(one))
        self.assertEqual({plan.split(",")[0] for plan in plans}, {"rejoin: rewind"}, plans)


class Short(Rejoin):
    def short(self, prepare):
        self.cluster = Played(2, SHORT)
        self.addCleanup(self.cluster.stop)
        for member in self.cluster.members:
            prepare(member)
        return self.cluster.start(1)

    def fall_behind(self, one, two):
        """The second is stopped meanwhile."""
        self.cluster.end(two)
        begins = {it for it in os.listdir(f"{one.data_directory}/pg_wal") if len(it) == 24}
        for _ in range(6):
            one.sql("insert into t values (2); delete from t where i = 2; select pg_switch_wal(); checkpoint")
        one.sql("insert into t values (3)")
        self.assertFalse(begins & set(os.listdir(f"{one.data_directory}/pg_wal")), "else this shows nothing")

    def comes_back(self, two):
        self.cluster.has(two, "1,3")
        self.cluster.streams(two)
        wait_for("what it had is removed", lambda: [it for it in two.records() if it["msg"] == REPLACED])
        plans = self.cluster.entries(two)
        self.assertTrue([it for it in plans if it.startswith("rejoin: reclone, for WAL that it needs is nowhere any more")], plans)
        wait_for("nothing else is left", lambda: [it for it in os.listdir(two.volume) if it.startswith("pgdata")] == ["pgdata"])


class Replaced(Short):
    def test_wal_on_a_volume_of_its_own_is_set_aside_with_the_data(self):
        one, two = self.short(lambda member: member.wal_volume())
        wal = f"{two.directory}/w"
        self.cluster.has(two, "1")
        self.fall_behind(one, two)
        two.start()
        self.comes_back(two)
        self.assertEqual(len(self.cluster.entries(two, "WAL that this standby needs is gone")), 1)
        self.assertEqual(os.readlink(f"{two.data_directory}/pg_wal"), f"{wal}/pg_wal")
        self.assertEqual([it for it in os.listdir(wal) if it.startswith("pg_wal")], ["pg_wal"])

    def test_a_clone_that_never_streamed_does_not_take_the_place_of_the_old_data(self):
        one, two = self.short(lambda member: None)
        self.cluster.has(two, "1")
        self.fall_behind(one, two)
        tools = without("pg_basebackup", two)
        two.start()
        two.wait_status("it cannot be cloned", lambda said: "pg_basebackup" in (said["reason"] or ""))
        old = f"{two.data_directory}.old"
        self.assertTrue(os.path.exists(f"{old}/PG_VERSION"))
        two.kill()
        # As a backup that lacks WAL would be restored.
        subprocess.run(["rm", "-rf", two.data_directory], check=True)
        subprocess.run(["cp", "-a", old, two.data_directory], check=True)
        os.remove(f"{two.volume}/pgbosun/bootstrapping")
        kept = os.stat(old).st_ino
        two.start()
        two.wait_status("it is to be cloned again", lambda said: "pg_basebackup" in (said["reason"] or ""))
        wait_for("the journal says so", lambda: NEVER_STREAMED in self.cluster.entries(two, "clone: "))
        self.assertEqual(os.stat(old).st_ino, kept)
        os.symlink(f"{instance.bin_dir()}/pg_basebackup", f"{tools}/pg_basebackup")
        self.comes_back(two)


class Asked(Rejoin):
    WHY = "rejoin: reclone, for it was asked for"

    def test_a_standby_is_cloned_anew_when_a_person_asks_for_it_and_a_primary_is_not(self):
        one, two = self.played(2)
        self.cluster.has(two, "1")
        made = os.stat(two.data_directory).st_ino
        answer = two.http("POST", "/v1/reclone?wait=120s", '{"reason": "a damaged index"}')
        self.assertEqual(answer.status, 200, answer)
        self.assertNotEqual(os.stat(two.data_directory).st_ino, made)
        self.cluster.streams(two)
        self.cluster.has(two, "1")
        self.check_cloned_once(two, [it for it in self.cluster.entries(two) if "reclone" in it])
        self.assertEqual([it for it in self.cluster.entries(two) if "reclone" in it], [self.WHY])

        answer = one.http("POST", "/v1/reclone", "{}")
        self.assertEqual((answer.status, answer.json["detail"]), (409, "the instance is not a standby"))
        self.assertIn("switchover", answer.json["hint"])
        one.sql("insert into t values (2)")
        self.cluster.has(two, "1,2")

    def test_killed_while_it_is_cloned_it_goes_on_with_the_clone_and_the_old_data_is_kept_until_then(self):
        one, two = self.played(2)
        self.cluster.has(two, "1")
        tools = without("pg_basebackup", two)
        self.cluster.end(two)
        two.start()
        self.cluster.streams(two)
        self.assertEqual(two.http("POST", "/v1/reclone?wait=1s", "{}").status, 202)
        old = f"{two.data_directory}.old/PG_VERSION"
        two.wait_status("it cannot be cloned", lambda said: "pg_basebackup" in (said["reason"] or ""))
        self.assertTrue(os.path.exists(old))
        two.kill()
        self.assertTrue(os.path.exists(old))
        os.symlink(f"{instance.bin_dir()}/pg_basebackup", f"{tools}/pg_basebackup")
        two.start()
        self.cluster.streams(two)
        self.cluster.has(two, "1")
        wait_for("what it had is removed", lambda: not os.path.exists(f"{two.data_directory}.old"))

    def test_without_a_primary_to_clone_it_comes_up_with_what_it_has_and_is_cloned_when_there_is_one(self):
        one, two = self.played(2)
        self.cluster.has(two, "1")
        one.kill()
        made = os.stat(two.data_directory).st_ino
        self.assertEqual(two.http("POST", "/v1/reclone?wait=1s", "{}").status, 202)
        two.wait_status("it is there to be read", lambda said: said["phase"] == "running" and said["postgres"]["up_s"] < 8)
        self.cluster.has(two, "1")
        self.assertEqual(os.stat(two.data_directory).st_ino, made)
        one.start()
        self.cluster.assign(one, 2, one)
        self.cluster.follow(two, 2, one)
        wait_for("it is cloned", lambda: os.stat(two.data_directory).st_ino != made)
        self.cluster.streams(two)
        self.cluster.has(two, "1")
        self.assertIn(self.WHY, self.cluster.entries(two))


@unittest.skipUnless(instance.ROOT, "it mounts, which needs root")
class Tablespaces(Short):
    def own_spaces(self, member):
        """The same directory for all of them, of which each sees its own."""
        own = f"{member.directory}/spaces"
        os.mkdir(own, 0o700)
        member._give(own)
        os.makedirs(f"{self.cluster.directory}/spaces", exist_ok=True)
        member.place.enter = ["unshare", "--mount", "sh", "-c", f'mount --bind {own} {self.cluster.directory}/spaces && exec "$@"',
                              "sh"]

    def fast(self, member):
        return f"{member.directory}/spaces/fast"

    def cluster_with_a_tablespace(self):
        one, two = self.short(self.own_spaces)
        for member in (one, two):
            os.mkdir(self.fast(member), 0o700)
            member._give(self.fast(member))
        one.sql(f"create tablespace fast location '{self.cluster.directory}/spaces/fast'")
        one.sql("create table quick tablespace fast as select 7 as i")
        wait_for("it has it", lambda: two.psql("select i from quick").stdout.strip() == "7")
        return one, two

    def check_one_copy(self, two):
        self.assertEqual(two.sql("select i from quick"), "7")
        self.assertEqual(os.listdir(f"{two.directory}/spaces"), ["fast"])
        self.assertEqual(len(os.listdir(self.fast(two))), 1)

    def test_they_are_set_aside_with_the_data_that_a_clone_replaces(self):
        one, two = self.cluster_with_a_tablespace()
        self.fall_behind(one, two)
        two.start()
        self.comes_back(two)
        self.check_one_copy(two)

    def test_they_are_emptied_when_a_clone_was_not_finished(self):
        one, two = self.cluster_with_a_tablespace()
        self.cluster.end(two)
        with open(f"{two.volume}/pgbosun/bootstrapping", "w", encoding="ascii") as file:
            file.write("pg_basebackup\n")
        two._give(f"{two.volume}/pgbosun/bootstrapping")
        two.start()
        self.cluster.streams(two)
        self.check_one_copy(two)
        one.sql("insert into quick values (8)")
        wait_for("it follows", lambda: two.psql("select count(*) from quick").stdout.strip() == "2")


if __name__ == "__main__":
    instance.main()
