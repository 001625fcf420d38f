"""mode: managed, with real controllers and a real etcd: who is the primary, and what an instance does when that changes."""

import json
import os
import shutil
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cluster"))

import archives
import instance
from certificates import certificate
from cluster import Cluster
from instance import Case, wait_for


INITDB = "initialising a new data directory"
ROWS = "select coalesce(string_agg(i::text, ',' order by i), '') from t"


def managed(member):
    return (member.said() or {}).get("managed") or {}


def rejoins(member):
    return [it["what"] for it in member.http("GET", "/v1/journal").json["entries"] if it["what"].startswith("rejoin: ")]


class OneCluster(Case):
    """For all tests of a class; each leaves it whole."""

    options = {}

    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(**cls.options)
        cls.addClassCleanup(cls.cluster.stop)
        cls.cluster.start()
        cls.cluster.wait_whole().sql("create table t(i int)")

    def tearDown(self):
        if instance.has_failed(self):
            print(self.cluster.tail(), flush=True)

    def whole(self):
        return self.cluster.wait_whole()

    def has(self, member, rows):
        wait_for(f"{member.name} has the rows {rows}", lambda: member.psql(ROWS).stdout.strip() == rows)

    def others(self, primary):
        return [it for it in self.cluster.members if it is not primary]

    def streaming_from(self, member):
        return {it["name"] for it in (member.said() or {}).get("standbys", []) if it["state"] == "streaming"}

    def replaced(self, before):
        """The primary that serves in its place."""
        return wait_for("another primary serves",
                        lambda: self.cluster.primary() not in (None, before) and self.cluster.primary())


class InNoHurry(OneCluster):
    options = {"controller_config": {"failover": {"restart_window": "2min"}}}

    def test_a_primary_whose_postmaster_dies_is_back_before_anybody_takes_over(self):
        primary = self.whole()
        term = primary.status()["term"]
        pid = primary.postmaster()
        primary.kill_postmaster()
        wait_for("it serves again", lambda: primary.postmaster() not in (None, pid) and managed(primary).get("serving"))
        self.assertIs(self.whole(), primary)
        self.assertEqual(primary.status()["term"], term)


class Managed(OneCluster):
    options = {"known_as": {"pg-3": {"upstream": "pg-2"}},
               # What would hold a stop up until its time is over is noticed (instance.DEADLINE).
               "member_config": {"monitor": {"exhausted_connections": "2s"}, "shutdown": {"timeout": "10min"},
                                 "replication_slots": {"synchronize_replicas": {"enabled": False}}}}

    def test_a_new_cluster_forms_by_itself_and_all_instances_have_the_same_data(self):
        primary = self.whole()
        primary.sql("truncate t; insert into t values (1)")
        for standby in self.others(primary):
            self.has(standby, "1")
            status = standby.status()
            self.assertEqual((status["role"], status["managed"]["primary"], status["ready"]), ("standby", primary.name, True))
        status = primary.status()
        self.assertEqual(status["managed"]["accepted"], status["term"])
        self.assertTrue(status["managed"]["serving"])

    def test_a_switchover_keeps_everything_and_the_old_primary_follows_without_a_rewind(self):
        before = self.whole()
        before.sql("truncate t; insert into t values (1); select pg_create_physical_replication_slot('forgotten', true)")
        code, said = self.cluster.ask("switchover")
        self.assertEqual(code, 0, said)
        after = self.whole()
        self.assertIsNot(after, before)
        after.sql("insert into t values (2)")
        for it in self.cluster.members:
            self.has(it, "1,2")
        plans = rejoins(before)
        self.assertTrue(plans[-1].startswith("rejoin: follow"), plans)
        self.assertEqual(before.sql("select count(*) from pg_replication_slots where slot_name = 'forgotten'"), "0",
                         "it would keep WAL for ever")

    def test_a_fenced_primary_hands_over_by_a_switchover_and_unfenced_it_may_serve_again(self):
        before = self.whole()
        before.sql("truncate t; insert into t values (1)")
        self.assertEqual(before.client("fence", "--reason", "a test").returncode, 0)
        self.addCleanup(before.client, "unfence")
        wait_for("it waits", lambda: (self.cluster.said() or {}).get("waits_for") == "the primary is fenced")
        self.assertEqual(before.client("unfence").returncode, 0)
        self.assertIs(self.whole(), before, "it had its restart_window")

        self.assertEqual(before.client("fence", "--reason", "a test").returncode, 0)
        wait_for("it waits again", lambda: (self.cluster.said() or {}).get("waits_for") == "the primary is fenced")
        code, said = self.cluster.ask("switchover")
        self.assertEqual(code, 0, said)
        after = wait_for("another one serves", self.cluster.primary)
        self.assertIsNot(after, before)
        self.assertEqual(before.client("unfence").returncode, 0)
        self.assertIs(self.whole(), after)
        for it in self.cluster.members:
            self.has(it, "1")

    def test_a_primary_that_is_asked_to_end_hands_over_all_it_has_before_it_is_gone(self):
        before = self.whole()
        before.sql("truncate t")
        term = before.status()["term"]
        self.assertEqual(before.sql("insert into t values (1); select 1"), "1")

        self.assertEqual(before.stop(), 0)

        # It has stayed until the next one was named; killed, it would still be the primary of its term for a while.
        self.assertGreater(self.cluster.said()["term"], term)
        after = wait_for("another one serves", lambda: self.cluster.primary() not in (None, before) and self.cluster.primary())
        after.sql("insert into t values (2)")
        before.start()
        self.assertIs(self.whole(), after)
        self.has(before, "1,2")
        plans = rejoins(before)
        self.assertTrue(plans[-1].startswith("rejoin: follow"), plans)

    def test_a_switchover_does_not_wait_for_an_archive_that_hangs(self):
        before = self.whole()
        before.sql("truncate t; insert into t values (1)")
        archiver = [pid for pid in instance.children(before.pid) if instance.process_name(pid) == "pgbosun-archive"][0]
        os.kill(archiver, signal.SIGSTOP)
        self.addCleanup(instance.send, archiver, signal.SIGCONT)
        before.sql("select pg_switch_wal()")

        code, said = self.cluster.ask("switchover")

        self.assertEqual(code, 0, said)
        self.assertEqual(instance.process_state(archiver), "T", "else this shows nothing")
        instance.send(archiver, signal.SIGCONT)
        after = self.whole()
        self.assertIsNot(after, before)
        self.has(before, "1")
        # However slow all is: the next one was promoted while the server that waits for its archiver was there.
        promoted, ended = (max(record["ts"] for record in it.records() if record["msg"] == what) for it, what in (
            (after, "this instance is to be the primary"), (before, "postgres has ended")))
        self.assertLess(promoted, ended)

    def test_a_standby_that_is_asked_to_end_ends_at_once(self):
        primary = self.whole()
        standby = self.others(primary)[0]
        self.assertEqual(standby.stop(), 0)
        self.assertNotIn("it stays until a controller", standby.log())
        standby.start()
        self.assertIs(self.whole(), primary)

    def first_is_primary(self):
        one = self.cluster.members[0]
        if self.whole() is not one:
            self.cluster.switch_over(one)
        self.assertIs(self.whole(), one)
        return self.cluster.members

    def test_a_standby_streams_from_the_one_that_is_named_for_it_and_from_the_primary_while_that_one_is_away(self):
        one, two, three = self.first_is_primary()
        one.sql("truncate t; insert into t values (1)")
        wait_for("pg-3 streams from pg-2", lambda: self.streaming_from(two) == {three.name})
        wait_for("the primary has pg-2 alone", lambda: self.streaming_from(one) == {two.name})
        self.has(three, "1")
        postmaster = three.postmaster()
        two.kill()
        wait_for("pg-3 streams from the primary", lambda: self.streaming_from(one) == {three.name})
        one.sql("insert into t values (2)")
        self.has(three, "1,2")
        two.start()
        self.whole()
        wait_for("pg-3 streams from pg-2 again", lambda: self.streaming_from(two) == {three.name})
        self.assertEqual(three.postmaster(), postmaster, "a change of upstream is a reload")
        one.sql("insert into t values (3)")
        self.has(three, "1,2,3")

    def test_a_primary_that_has_no_connection_left_for_its_users_is_replaced(self):
        primary = self.whole()
        words = [f"{instance.bin_dir()}/psql", "-X", "-c", "select pg_sleep(3600)", f"{primary.conninfo} user=app dbname=app"]
        users = []
        self.addCleanup(lambda: [(it.kill(), it.wait()) for it in users])

        def exhausted():
            # Users come again when they were refused because a session of pgbosun's own was in their place.
            users[:] = [it for it in users if it.poll() is None]
            while len(users) < 50:
                users.append(subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                              stderr=subprocess.DEVNULL))
            said = primary.said()
            return said and said["postgres"]["exhausted_for_s"] is not None and said

        said = wait_for("it says so", exhausted)
        self.assertIn("no connection is free", said["reason"])
        wait_for("another primary serves", lambda: self.cluster.primary() not in (None, primary) or (exhausted() and False))
        self.assertIsNot(self.whole(), primary)

    def test_a_primary_that_is_gone_is_replaced_and_comes_back_with_a_rewind(self):
        before = self.whole()
        before.sql("truncate t; insert into t values (1)")
        for standby in self.others(before):
            self.has(standby, "1")
        # What only it has: it writes while all that sends its WAL stands still, until it is killed.
        for pid in before.sql("select pid from pg_stat_replication").split():
            instance.send(int(pid), signal.SIGSTOP)
        before.sql("insert into t values (9)")
        before.kill()
        wait_for("another primary serves", lambda: self.cluster.primary() not in (None, before))
        after = self.cluster.primary()
        after.sql("insert into t values (2)")
        self.has(after, "1,2")
        before.start()
        self.assertIs(self.whole(), after)
        self.has(before, "1,2")
        self.assertEqual(before.status()["timeline"], after.status()["timeline"])
        self.assertTrue(rejoins(before)[-1].startswith("rejoin: rewind"), rejoins(before))

    def test_a_primary_whose_data_is_gone_makes_no_new_database_is_replaced_and_cloned(self):
        before = self.whole()
        before.sql("truncate t; insert into t values (1)")
        for standby in self.others(before):
            self.has(standby, "1")
        system, made = before.control_data()["Database system identifier"], before.log("all").count(INITDB)
        self.assertEqual(before.client("fence", "--reason", "a test").returncode, 0)
        lost = f"{before.directory}/lost"
        self.addCleanup(shutil.rmtree, lost)
        os.rename(before.data_directory, lost)
        before.http("POST", "/v1/unfence?wait=0s", "{}")

        status = before.wait_status("it rests", lambda it: it["phase"] == "failed", pause=instance.SHORT_STATE)
        self.assertIn("the data directory is gone, although this instance is the primary of its cluster", status["reason"])
        self.assertFalse(status["managed"]["able"])
        self.assertFalse(os.path.exists(before.data_directory))
        after = self.replaced(before)
        after.sql("insert into t values (2)")
        self.assertIs(self.whole(), after)
        self.assertEqual(before.log("all").count(INITDB), made)
        self.assertEqual(before.control_data()["Database system identifier"], system)
        self.assertTrue(rejoins(before)[-1].startswith("rejoin: clone"), rejoins(before))
        for it in self.cluster.members:
            self.has(it, "1,2")

    def test_a_primary_whose_postgres_cannot_start_any_more_is_replaced_and_cloned_anew(self):
        before = self.whole()
        before.sql("truncate t; insert into t values (1)")
        for standby in self.others(before):
            self.has(standby, "1")
        plans = len(rejoins(before))
        self.remove_wal(before)
        before.kill_postmaster()

        before.wait_status("it says why", lambda it: "could not locate a valid checkpoint record" in (it["reason"] or ""))
        after = self.replaced(before)
        after.sql("insert into t values (2)")
        self.assertIs(self.whole(), after)
        for it in self.cluster.members:
            self.has(it, "1,2")
        self.assertTrue(any(plan.startswith("rejoin: reclone") for plan in rejoins(before)[plans:]), rejoins(before))

    @staticmethod
    def remove_wal(member):
        wal = os.path.join(member.data_directory, "pg_wal")
        for name in os.listdir(wal):
            if len(name) == 24:
                os.remove(os.path.join(wal, name))

    def test_a_standby_whose_postgres_cannot_start_any_more_is_cloned_anew(self):
        primary = self.whole()
        primary.sql("truncate t; insert into t values (1)")
        broken = self.others(primary)[0]
        self.has(broken, "1")
        broken.kill()
        self.remove_wal(broken)
        broken.start()
        self.assertIs(self.whole(), primary)
        self.has(broken, "1")
        plans = rejoins(broken)
        self.assertTrue(any(plan.startswith("rejoin: reclone, for PostgreSQL cannot start on it") for plan in plans), plans)

        pid = broken.postmaster()
        broken.kill_postmaster()
        wait_for("another one runs", lambda: broken.postmaster() not in (None, pid))
        self.assertIs(self.whole(), primary)
        again = rejoins(broken)
        self.assertEqual([plan for plan in again[len(plans):] if plan.startswith("rejoin: reclone")], [], "cloned once")

    def test_a_primary_that_nobody_answers_stops_and_goes_on_by_itself(self):
        primary = self.whole()
        primary.sql("truncate t; insert into t values (1)")
        term = primary.status()["term"]
        for program in self.cluster.controllers:
            program.kill()
        # The promises of its standbys hold it.
        primary.sql("insert into t values (2)")
        for standby in self.others(primary):
            standby.freeze()
        status = wait_for("it is isolated", lambda: (said := primary.said()) and said["phase"] == "isolated"
                          and not said["postgres"]["pid"] and said)
        self.assertIn("no right to write", status["reason"])
        self.assertFalse(status["managed"]["serving"])
        for standby in self.others(primary):
            standby.thaw()
        wait_for("it serves again", lambda: managed(primary).get("serving"))
        self.assertEqual(primary.status()["term"], term)
        primary.sql("insert into t values (3)")
        for program in self.cluster.controllers:
            program.start()
        self.whole()
        self.has(primary, "1,2,3")

    def test_a_standby_that_somebody_promotes_by_hand_comes_back_without_its_rows_and_so_does_who_streams_from_it(self):
        one, two, three = self.first_is_primary()
        one.sql("truncate t; insert into t values (1)")
        wait_for("pg-3 streams from pg-2", lambda: self.streaming_from(two) == {three.name})
        self.has(three, "1")
        timeline, term, postmaster = one.status()["timeline"], one.status()["term"], one.postmaster()
        plans = {it: len(rejoins(it)) for it in (two, three)}

        # Whether the row gets in before it is stopped is a matter of chance.
        two.psql("select pg_promote(); insert into t values (9)")
        two.wait_log("selected new timeline ID")
        two.wait_log("somebody has promoted this standby by hand")

        one.sql("insert into t values (2)")
        for it in (two, three):
            wait_for(f"{it.name} has been brought back", lambda it=it: len(rejoins(it)) > plans[it])
        self.assertIs(self.whole(), one)
        for it in self.cluster.members:
            self.has(it, "1,2")
        status = one.status()
        self.assertEqual((status["timeline"], status["term"], one.postmaster()), (timeline, term, postmaster))
        archived = {int(name[:8], 16) for name in archives.wal_files(f"{self.cluster.directory}/archive")}
        self.assertLessEqual(max(archived, default=0), timeline, "what it wrote is in the archive")

    def test_an_agent_that_is_stopped_loses_its_postgres_at_the_end_of_its_right(self):
        primary = self.whole()
        primary.freeze()
        self.addCleanup(primary.thaw)
        wait_for("its guard has killed postgres", lambda: not instance.server_processes(primary.data_directory))
        # The first that is asked of it, before any timer of its own: it answers when it goes on.
        asked = instance.UnixConnection(primary.control_socket, instance.DEADLINE)
        self.addCleanup(asked.close)
        asked.request("GET", "/primary")
        after = self.replaced(primary)
        primary.thaw()
        self.assertEqual(asked.getresponse().status, 503)
        self.assertIs(self.whole(), after)

    def test_what_makes_no_sense_is_refused_and_changes_nothing(self):
        primary = self.whole()
        before = primary.status()
        given = {"cluster": "orders", "instance": primary.name, "term": before["term"], "primary": primary.name,
                 "promotable": {"version": 1, "names": []},
                 "synchronous": {"version": 0, "method": "any", "number": 0, "names": []}, "peers": [],
                 "former": "stopped", "at_least": {"term": 0, "timeline": 1, "lsn": "0/0"}}
        for change, status, why in (
                ({"term": 0}, 409, "makes no sense"),
                ({"term": before["term"] - 1} if before["term"] > 1 else {"term": 0}, 409, ""),
                ({"cluster": "another"}, 409, "another cluster"),
                ({"instance": "somebody"}, 409, "another instance"),
                ({"primary": "somebody"}, 409, "another primary is known"),
                ({"surprise": 1}, 400, "surprise"),
                ({"promotable": {"version": 1, "names": [primary.name]}}, 409, "makes no sense"),
                ({"term": before["term"] + 1}, 409, "makes no sense")):
            answer = primary.http("PUT", "/v1/assignment", json.dumps({**given, **change}))
            self.assertEqual(answer.status, status, (change, answer))
            self.assertIn(why, answer.json["detail"])
            self.assertTrue(answer.json.get("hint"), answer)
        promise = {"cluster": "orders", "from": "pg-9", "term": before["term"],
                   "lease": {"boot_id": "x", "monotonic_ms": 1, "ttl_ms": 3000}}
        answer = primary.http("POST", "/v1/promise", json.dumps(promise))
        self.assertEqual(answer.status, 409, answer)
        for verb in ("promote", "demote"):
            answer = primary.http("POST", f"/v1/{verb}", "{}")
            self.assertEqual(answer.status, 409, answer)
            self.assertIn("pgbosun-controller", answer.json["hint"])
        after = primary.status()
        self.assertEqual((after["term"], after["role"], after["managed"]["primary"]),
                         (before["term"], "primary", primary.name))

    def test_an_assignment_over_tcp_needs_the_token(self):
        primary = self.whole()
        self.assertEqual(primary.tcp("PUT", "/v1/assignment", body="{}").status, 401)


class Https(Case):
    """Agents and controllers with certificates of an authority of their own."""

    def test_another_one_takes_over_and_who_is_not_trusted_any_more_is_named(self):
        cluster = Cluster(https=True)
        self.addCleanup(cluster.stop)
        cluster.start()
        before = cluster.wait_whole()
        before.sql("create table t(i int); insert into t values (1)")
        before.kill()
        after = wait_for("another one serves", cluster.primary)
        after.sql("insert into t values (2)")
        before.start()
        self.assertIs(cluster.wait_whole(), after)
        for it in cluster.members:
            wait_for(f"{it.name} has both rows", lambda it=it: it.psql("select count(*) from t").stdout.strip() == "2")

        with open(cluster.ca_file, encoding="ascii") as file:
            authority = file.read()
        certificate(cluster.directory, "stranger", server=False)
        with open(f"{cluster.directory}/stranger.crt", encoding="ascii") as file:
            before.secret("ca.crt", file.read())
        before.wait_log(f'another member is asked in vain: TLS with .*"member":"{after.name}"')
        silent = before.status()["managed"]["silent_members"]
        self.assertEqual([it["name"] for it in silent], [after.name])
        self.assertIn("TLS with", silent[0]["why"])
        self.assertIn(f"{after.name} is asked in vain for ", before.client("status").stdout)

        before.secret("ca.crt", authority)
        before.wait_log("another member that was asked in vain answers again")
        self.assertEqual(before.status()["managed"]["silent_members"], [])
        self.assertEqual(len([it for it in before.records() if it["msg"].startswith("another member is asked in vain")]), 1)


if __name__ == "__main__":
    instance.main()
