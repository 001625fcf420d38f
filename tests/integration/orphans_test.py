"""Processes that postgres's children leave behind are adopted and reaped, whatever they end with."""

import os
import re
import unittest

import instance
from instance import BUILD, ROOT, Case, children, process_state, wait_for

ORPHANS = 10_000
MAKER = os.path.abspath(os.path.join(BUILD, "tests", "integration", "orphan_maker"))


class Orphans(Case):
    def reap_ten_thousand(self, pid_1):
        it = self.existing(pid_1=pid_1).start().up()
        postmaster = it.postmaster()

        it.sql(f"create table nothing(); copy nothing from program '{MAKER} {ORPHANS}'")

        def reaped():
            metrics = it.http("GET", "/metrics").text
            return int(float(re.search(r"^pgbosun_orphans_reaped_total(?:{.*})? (\S+)$", metrics, re.M)[1])) >= ORPHANS
        wait_for("all orphans are reaped", reaped)
        zombies = [pid for pid in children(it.pid) if process_state(pid) == "Z"]
        self.assertEqual(zombies, [])
        self.assertEqual(it.postmaster(), postmaster)
        self.assertEqual(it.status()["postgres"]["restarts"], 0)
        self.assertNotIn("terminating any other active server processes", it.log())
        self.assertEqual(it.stop(), 0)

    @unittest.skipUnless(ROOT, "a PID namespace needs root")
    def test_ten_thousand_orphans_leave_no_zombie_and_do_not_disturb_postgres_when_it_is_pid_1(self):
        self.reap_ten_thousand(pid_1=True)

    def test_ten_thousand_orphans_leave_no_zombie_and_do_not_disturb_postgres_when_it_is_a_subreaper(self):
        self.reap_ten_thousand(pid_1=False)


if __name__ == "__main__":
    instance.main()
