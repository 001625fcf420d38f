"""What befalls a whole cluster, or one machine of it, seldom and at once: nobody decides any more, one is frozen or moved
elsewhere, nothing is left but the archive."""

import json
import os
import shutil
import signal
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cluster"))

import archives
import instance
import libpq
import managed_test
from cluster import MEMORY, Cluster
from instance import Case, free_port, wait_for
from managed_test import managed

TTL = 3000  # milliseconds
RESTART_WINDOW = 5000


class Machines(managed_test.OneCluster):
    def session(self, member):
        """Of a client, which stays open."""
        session = libpq.Connection(f"{member.conninfo} user=postgres dbname=postgres", instance.DEADLINE)
        self.addCleanup(session.close)
        return session

    def passes(self, milliseconds, clock):
        """Until so much time has passed for that member."""
        begun = clock.status()["monotonic_ms"]
        wait_for(f"{milliseconds} ms pass", lambda: clock.status()["monotonic_ms"] > begun + milliseconds)

    def freeze(self, member):
        """All of it, as a machine that stands still."""
        frozen = [member.pid]
        instance.send(member.pid, signal.SIGSTOP)
        while more := instance.descendants(member.pid) - set(frozen):  # nobody who is stopped starts another one
            frozen += more
            for pid in more:
                instance.send(pid, signal.SIGSTOP)
        self.addCleanup(self.thaw, frozen)
        return frozen

    @staticmethod
    def thaw(frozen):
        for pid in reversed(frozen):
            instance.send(pid, signal.SIGCONT)

    def test_with_nobody_to_decide_the_primary_goes_on_by_promises_and_stops_when_one_of_them_is_missing(self):
        primary = self.whole()
        primary.sql("truncate t; insert into t values (1)")
        session = self.session(primary)
        term, postmaster = primary.status()["term"], primary.postmaster()
        for program in self.cluster.programs:
            program.kill()

        self.passes(3 * TTL, primary)

        self.assertEqual(session.execute("insert into t values (2) returning i", instance.DEADLINE), [["2"]])
        self.assertEqual((primary.postmaster(), primary.status()["term"]), (postmaster, term))

        standby = self.others(primary)[0]
        frozen = self.freeze(standby)
        wait_for("it is isolated", lambda: (said := primary.said()) and said["phase"] == "isolated"
                 and not said["postgres"]["pid"])
        self.assertRaises((libpq.Lost, libpq.Refused), session.execute, "insert into t values (9)", instance.DEADLINE)
        self.thaw(frozen)
        wait_for("it serves again", lambda: managed(primary).get("serving"))
        primary.sql("insert into t values (3)")
        for program in self.cluster.programs:
            program.start()
        self.assertIs(self.whole(), primary)
        self.assertEqual(primary.status()["term"], term)
        for it in self.cluster.members:
            self.has(it, "1,2,3")

    def test_a_primary_that_is_frozen_as_a_whole_is_replaced_and_serves_nobody_when_it_goes_on(self):
        before = self.whole()
        before.sql("truncate t; insert into t values (1)")
        for standby in self.others(before):
            self.has(standby, "1")
        frozen = self.freeze(before)
        after = self.replaced(before)
        after.sql("insert into t values (2)")
        asked = instance.UnixConnection(before.control_socket, instance.DEADLINE)
        self.addCleanup(asked.close)
        asked.request("GET", "/primary")

        self.thaw(frozen)

        self.assertEqual(asked.getresponse().status, 503)
        self.assertIs(self.whole(), after)
        for it in self.cluster.members:
            self.has(it, "1,2")

    def paused(self):
        code, said = self.cluster.ask("pause")
        self.assertEqual(code, 0, said)
        self.addCleanup(self.cluster.ask, "resume")

    def resumed(self):
        code, said = self.cluster.ask("resume")
        self.assertEqual(code, 0, said)

    def test_paused_nobody_replaces_a_primary_that_is_away_and_an_operator_may_still_switch_over(self):
        primary = self.whole()
        primary.sql("truncate t; insert into t values (1)")
        term = primary.status()["term"]
        standby = self.others(primary)[0]
        self.paused()

        primary.kill()
        self.passes(TTL + RESTART_WINDOW, standby)

        self.assertEqual(self.cluster.said()["waits_for"], "it is paused")
        primary.start()
        self.assertIs(self.whole(), primary)
        self.assertEqual(primary.status()["term"], term)
        postmaster = primary.postmaster()
        primary.kill_postmaster()
        wait_for("a postgres that crashed is started again", lambda: primary.postmaster() not in (None, postmaster))
        self.assertIs(self.whole(), primary)

        code, said = self.cluster.ask("switchover", "--to", standby.name)

        self.assertEqual(code, 0, said)
        self.assertIs(self.whole(), standby)
        self.assertTrue(self.cluster.said()["paused"])
        for it in self.cluster.members:
            self.has(it, "1")
        self.resumed()

    def move(self, member):
        """To other ports, while it is stopped, and says so to the controllers."""
        old = member.url, member.conninfo
        member.port = member.config["postgresql"]["port"] = free_port()
        member.config["http"]["listen"] = f"127.0.0.1:{free_port()}"
        member.write_config()
        for controller in self.cluster.controllers:
            file_name = f"{self.cluster.directory}/{controller.name}.yaml"
            with open(file_name, encoding="utf-8") as file:
                config = json.load(file)
            known = next(it for it in config["instances"] if it["name"] == member.name)
            self.assertEqual((known["url"], known["conninfo"]), old)
            known.update(url=member.url, conninfo=member.conninfo)
            with open(f"{file_name}.new", "w", encoding="utf-8") as file:
                json.dump(config, file)
            os.rename(f"{file_name}.new", file_name)
            controller.send_signal(signal.SIGHUP)
            wait_for("a controller leads", self.cluster.said)

    def test_a_primary_and_a_standby_that_come_back_at_other_addresses_are_found_there(self):
        primary = self.whole()
        primary.sql("truncate t; insert into t values (1)")
        term = primary.status()["term"]
        standby, other = self.others(primary)
        postmaster = other.postmaster()
        self.paused()  # as one does before work on machines

        for member in (primary, standby):
            member.kill()
            self.move(member)
            member.start()

            self.assertIs(self.whole(), primary)
        self.resumed()
        primary.sql("insert into t values (2)")
        for it in (standby, other):
            self.has(it, "1,2")
            self.assertIn(f"port='{primary.port}'", it.sql("show primary_conninfo"))
        self.assertEqual((primary.status()["term"], other.postmaster()), (term, postmaster))
        code, said = self.cluster.ask("switchover", "--to", standby.name)
        self.assertEqual(code, 0, said)
        self.assertIs(self.whole(), standby)


class OnlyTheArchive(Case):
    """All instances of a cluster are lost, and an empty one begins from its archive, under a name of its own in there."""

    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.mkdtemp(prefix="pgb-lost-", dir=MEMORY)
        cls.addClassCleanup(shutil.rmtree, cls.directory, ignore_errors=True)
        os.chmod(cls.directory, 0o755)
        lost = Cluster(size=1, controllers=1, directory=cls.directory)
        cls.addClassCleanup(lost.stop)
        lost.start()
        primary = lost.wait_whole()
        primary.sql("create table t(i int); insert into t values (1)")
        primary.client("backup", "--wait", check=True)
        primary.sql("insert into t values (2)")
        cls.moment = primary.sql("select now()")
        primary.sql("select pg_sleep(0.05); insert into t values (3)")
        archives.wait_archived(primary, archives.switch(primary))
        cls.system = primary.control_data()["Database system identifier"]
        cls.archive = primary.config["archive"]["destination"]
        cls.backup = wait_for("its backup is listed",
                              lambda: [it["id"] for it in primary.http("GET", "/v1/backups").json["backups"]])[0]
        lost.stop()

    def tearDown(self):
        if instance.has_failed(self):
            print(self.cluster.tail(), flush=True)

    def restored(self, server, **recovery):
        source = {"destination": self.archive, "server_name": "orders"}
        self.cluster = Cluster(member_config={"archive": {"destination": self.archive, "server_name": server},
                                              "bootstrap": {"recovery": {"source": source, **recovery}},
                                              "restart": {"period": "10min"}})
        self.addCleanup(self.cluster.stop)
        self.cluster.start()
        return self.cluster.members

    def archived(self, server="orders"):
        return archives.wal_files(self.archive.removeprefix("file://"), server)

    def check_whole(self, rows):
        primary = self.cluster.wait_whole()
        for it in self.cluster.members:
            self.assertEqual(it.control_data()["Database system identifier"], self.system)
            wait_for(f"{it.name} has the rows {rows}", lambda it=it: it.psql(managed_test.ROWS).stdout.strip() == rows)
        return primary

    def first(self):
        """Whom the controllers have told to recover it."""
        return self.cluster.member(wait_for("a primary is named", lambda: (self.cluster.said() or {}).get("primary"),
                                            pause=instance.SHORT_STATE))

    def test_one_member_recovers_it_the_others_are_cloned_and_it_goes_on_as_any_cluster(self):
        content = {name: os.stat(path).st_mtime_ns for name, path in self.archived().items()}
        self.restored("orders-2")
        primary = self.check_whole("1,2,3")
        self.assertEqual((primary.status()["term"], primary.status()["timeline"]), (1, 2))
        for it in self.cluster.members:
            plans = managed_test.rejoins(it)
            self.assertEqual(len(plans), 0 if it is primary else 1, plans)
            self.assertTrue(all(plan.startswith("rejoin: clone") for plan in plans), plans)
        archives.wait_archived(primary, archives.switch(primary))
        self.assertIn("00000002", {name[:8] for name in self.archived("orders-2")})

        primary.kill()
        after = wait_for("another one serves", lambda: self.cluster.primary() not in (None, primary) and self.cluster.primary())
        after.sql("insert into t values (4)")
        primary.start()
        self.assertIs(self.check_whole("1,2,3,4"), after)
        self.assertEqual({name: os.stat(path).st_mtime_ns for name, path in self.archived().items()}, content,
                         "nothing is written to what it was recovered from")

    def replays(self):
        """The first, held in the middle of its replay, and the process that it waits for."""
        first = self.first()
        service = wait_for("its recovery begins", lambda: [
            pid for pid in instance.children(first.pid) if "recovery-service" in instance.command_line(pid)],
            pause=instance.SHORT_STATE)[0]
        instance.send(service, signal.SIGSTOP)
        self.addCleanup(instance.send, service, signal.SIGCONT)
        status = first.wait_status("it waits for WAL", lambda it: it["postgres"]["pid"] and it["phase"] == "bootstrapping")
        self.assertFalse(status["managed"]["serving"])
        self.assertEqual(self.cluster.primaries(), [])
        return first

    def test_killed_while_it_replays_the_first_is_waited_for_and_goes_on(self):
        self.restored("orders-3", target_time=self.moment)
        first = self.replays()

        first.kill()

        wait_for("nobody takes its place", lambda: (self.cluster.said() or {}).get("waits_for") ==
                 "it is not on the promotable list")
        first.start()
        self.assertIs(self.check_whole("1,2"), first)
        self.assertEqual(first.status()["term"], 1)

    def test_lost_while_it_replays_another_one_recovers_it_and_the_first_follows_when_it_is_found(self):
        self.restored("orders-4", target_time=self.moment)
        first = self.replays()
        first.kill()
        to = next(it for it in self.cluster.members if it is not first)
        wait_for("its place is given away", lambda: self.cluster.ask("failover", "--to", to.name, "--lost", first.name)[0] == 0)

        first.start()

        self.assertIs(self.check_whole("1,2"), to)
        to.sql("insert into t values (4)")
        self.check_whole("1,2,4")
        # Nothing of its recovery is left, which it would begin again when it is started anew as the primary.
        self.cluster.switch_over(first)
        self.assertIs(self.cluster.wait_whole(), first)
        status, postmaster = first.status(), first.postmaster()
        first.kill_postmaster()
        wait_for("it serves again", lambda: first.postmaster() not in (None, postmaster) and managed(first).get("serving"))
        self.assertIs(self.check_whole("1,2,4"), first)
        self.assertEqual([first.status()[it] for it in ("term", "timeline")], [status[it] for it in ("term", "timeline")])

    def test_killed_while_it_restores_and_back_at_once_it_begins_again(self):
        self.restored("orders-5")
        first = self.first()
        marker = f"{first.volume}/pgbosun/bootstrapping"
        wait_for("it restores", lambda: os.path.exists(marker), pause=instance.SHORT_STATE)

        first.kill()
        first.start()

        self.check_whole("1,2,3")
        self.assertFalse(os.path.exists(marker))

    def test_short_of_its_target_nothing_is_promoted_whoever_tries(self):
        members = self.restored("orders-6", backup=self.backup, target_name="nobody made it")

        def tried():
            self.assertEqual(self.cluster.primaries(), [])
            return [it for it in members if "the recovery did not reach its target" in it.log()]
        wait_for("each has tried", lambda: len(tried()) == len(members))
        wait_for("that is all", lambda: tried() and (self.cluster.said() or {}).get("waits_for") ==
                 "no candidate has answered in time")
        self.assertEqual(self.cluster.said()["term"], len(members))
        for it in members:
            self.assertNotIn("selected new timeline", it.log())


if __name__ == "__main__":
    instance.main()
