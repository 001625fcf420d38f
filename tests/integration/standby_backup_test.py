"""Scheduled backups with `prefer-standby`: while a standby streams it takes them, and they restore; without it the primary
does."""

import os

import base_backups as backups
import instance
from instance import wait_for
from join_test import Pair

EACH_FEW_SECONDS = {"backup": {"schedule": "*/4 * * * * *", "target": "prefer-standby"}}


class StandbyBackup(Pair):
    def done(self, it, before=()):
        """The facts of the newest backup that is done and not in `before`; none yet: nothing."""
        top = backups.base(it)
        for name in sorted(os.listdir(top) if os.path.isdir(top) else [], reverse=True):
            if name not in before and os.path.exists(f"{top}/{name}/backup.info"):
                facts = backups.info(it, name)
                if facts["status"] == "DONE":
                    return {"id": name, **facts}
        return None

    def test_the_standby_takes_it_while_it_streams_and_the_primary_without_it(self):
        one = self.primary(**EACH_FEW_SECONDS)
        two = self.standby(one, **EACH_FEW_SECONDS)
        one.config["backup"]["schedule"] = "0 0 0 1 1 *"
        one.write_config()
        one.start().up()
        one.sql("create table kept as select g as i, repeat('x', 300) as filler from generate_series(1, 20000) g")
        two.start()
        self.streams(two)
        one.config["backup"]["schedule"] = EACH_FEW_SECONDS["backup"]["schedule"]
        one.write_config()
        self.assertEqual(one.client("reload").returncode, 0)

        taken = wait_for(f"a backup\n{one.tail()}{two.tail()}", lambda: self.done(one), 180)

        self.assertEqual((taken["#taken_from"], taken["#instance"]), ("standby", "pg-2"), taken)
        self.assertIn("BACKUP FROM: standby", taken["backup_label"])
        directory = f"{one.directory}/restored"
        self.addCleanup(backups.remove, directory)
        backups.unpack(one, taken["id"], directory)
        backups.verify(one, directory)
        again = backups.Recovered(one, directory).start()
        self.assertEqual(again.sql("select count(*), sum(i) from kept"), f"20000|{20000 * 20001 // 2}")
        again.amcheck()
        again.stop()
        backups.tool(one, "pg_checksums", "--check", "-D", directory)

        two.stop()
        one.wait_status("the standby has gone", lambda status: not status["standbys"])
        before = set(os.listdir(backups.base(one)))
        taken = wait_for(f"a backup of the primary\n{one.tail()}", lambda: self.done(one, before), 180)
        self.assertEqual((taken["#taken_from"], taken["#instance"]), ("primary", "pg-1"), taken)


if __name__ == "__main__":
    instance.main()
