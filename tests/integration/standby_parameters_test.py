"""Parameters that a standby must not have lower than its primary never make it crash, whatever the order of changes."""

import instance
from instance import Case, wait_for

WATCHED = ("max_connections", "max_worker_processes", "max_wal_senders", "max_prepared_transactions",
           "max_locks_per_transaction")


class StandbyParameters(Case):
    def setUp(self):
        self.primary = self.make()
        password = self.primary.secret("replication", "to follow")
        self.primary.config["postgresql"]["replication"] = {"password_file": password}
        self.primary.write_config()
        self.primary.start().up()
        self.standby = self.make({"bootstrap": {"join": {
            "primary_conninfo": f"host=127.0.0.1 port={self.primary.port}", "password_file": password}}}, name="pg-2")
        del self.standby.config["bootstrap"]["initdb"]
        self.standby.write_config()
        self.standby.start()
        self.follows()

    def follows(self):
        self.standby.wait_status("it streams", lambda status: status["ready"] and status["role"] == "standby"
                                 and status["lsn"]["streaming"])

    def restart_with(self, it, values):
        it.config["postgresql"]["parameters"] |= values
        it.write_config()
        done = it.client("reload")
        self.assertEqual(done.returncode, 0, done.stderr)
        done = it.client("restart", "--wait", "60s")
        self.assertEqual(done.returncode, 0, done.stderr + it.tail())

    def everything_flows(self):
        self.primary.up()
        self.primary.sql("create table if not exists rows(n serial); insert into rows default values")
        count = self.primary.sql("select count(*) from rows")
        wait_for("the standby has it", lambda: self.standby.psql("select count(*) from rows").stdout.strip() == count)
        self.assertEqual(self.standby.status()["postgres"]["restarts"], 0, self.standby.tail())

    def test_lower_on_the_standby_first_then_on_the_primary(self):
        lower = {"max_connections": 12, "max_wal_senders": 5, "max_worker_processes": 4}

        self.restart_with(self.standby, lower)
        self.follows()
        self.everything_flows()
        self.restart_with(self.primary, lower)
        self.everything_flows()
        self.restart_with(self.standby, {})
        self.everything_flows()

        self.assertEqual(self.standby.sql("show max_connections"), "12")

    def test_higher_on_the_primary_first_then_on_the_standby(self):
        higher = {name: 40 for name in WATCHED} | {"max_locks_per_transaction": 100}

        self.restart_with(self.primary, higher)
        self.primary.up()
        self.primary.sql("create table rows(n serial); insert into rows default values")
        # The replay of the change pauses the standby, which goes on answering, or it is there already.
        self.standby.wait_status("the standby says that replay is paused",
                                 lambda status: status["lsn"]["replay_paused"])
        self.assertEqual(self.standby.status()["postgres"]["restarts"], 0)

        self.restart_with(self.standby, higher)
        self.follows()
        self.everything_flows()
        self.assertEqual(self.standby.sql("show max_connections"), "40")

    def test_higher_on_the_primary_and_a_restart_of_the_standby_without_the_change(self):
        self.restart_with(self.primary, {"max_connections": 50})
        self.primary.up()
        self.standby.wait_status("the standby says that replay is paused",
                                 lambda status: status["lsn"]["replay_paused"])

        self.restart_with(self.standby, {})

        self.follows()
        self.everything_flows()


if __name__ == "__main__":
    instance.main()
