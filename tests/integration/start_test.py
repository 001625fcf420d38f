"""A start ends in a running server, and a stop in a clean data directory within its budget."""

import os
import signal
import subprocess
import unittest

import archives
import instance
from instance import ROOT, Case, alive, as_user, bin_dir, process_name, wait_for


class Stop(Case):
    def stop_by(self, number, pid_1):
        it = self.existing(pid_1=pid_1).start().up()
        self.assertEqual(it.sql("create table kept(); select 1"), "1")
        postmaster = it.postmaster()

        exit_status = it.stop(number)

        self.assertEqual(exit_status, 0, it.tail())
        self.assertFalse(alive(postmaster))
        self.assertEqual(instance.server_processes(it.data_directory), [])
        return it

    def test_sigterm_ends_it_cleanly(self):
        it = self.stop_by(signal.SIGTERM, pid_1=False)
        self.assertEqual(it.control_data()["Database cluster state"], "shut down")

    @unittest.skipUnless(ROOT, "a PID namespace needs root")
    def test_sigterm_ends_it_cleanly_as_pid_1(self):
        it = self.stop_by(signal.SIGTERM, pid_1=True)
        self.assertEqual(it.control_data()["Database cluster state"], "shut down")

    def test_sigint_ends_it_cleanly(self):
        it = self.stop_by(signal.SIGINT, pid_1=False)
        self.assertEqual(it.control_data()["Database cluster state"], "shut down")

    def test_sigquit_ends_it_at_once_and_the_next_start_recovers(self):
        it = self.stop_by(signal.SIGQUIT, pid_1=False)
        self.assertEqual(it.control_data()["Database cluster state"], "in production")

        it.start().up()

        self.assertEqual(it.sql("select count(*) from kept"), "0")

    def test_the_wal_that_is_ready_is_archived_before_it_ends(self):
        it = self.existing()
        it.config["archive"] = {"destination": f"file://{it.directory}/archive"}
        it.write_config()
        it.start().up()
        archives.wait_archived(it, archives.switch(it))
        wals = f"{it.directory}/archive/orders/wals/0000000100000000"
        os.chmod(wals, 0o500)
        names = [archives.switch(it) for _ in range(3)]
        it.wait_status("they wait", lambda status: status["archive"]["backlog"] >= 3)

        os.chmod(wals, 0o700)
        exit_status = it.stop(signal.SIGTERM)

        self.assertEqual(exit_status, 0, it.tail())
        self.assertLessEqual(set(names), archives.check_acknowledged(it, f"{it.directory}/archive"))
        self.assertEqual(archives.waiting(it), set())

    def test_an_archive_that_is_away_does_not_hold_a_stop_up(self):
        it = self.existing({"shutdown": {"timeout": "10min"}})  # far more than a stop is waited for
        it.config["archive"] = {"destination": f"file://{it.directory}/archive"}
        it.write_config()
        it.start().up()
        archives.wait_archived(it, archives.switch(it))
        os.rename(f"{it.directory}/archive", f"{it.directory}/away")
        name = archives.switch(it)
        it.wait_status("it waits", lambda status: status["archive"]["failing_since"])

        exit_status = it.stop(signal.SIGTERM)

        self.assertEqual(exit_status, 0, it.tail())
        self.assertNotIn("received immediate shutdown request", it.log("all"))
        self.assertIn(name, archives.waiting(it))

    def test_a_stop_with_a_hundred_idle_sessions_is_clean(self):
        it = self.existing({"shutdown": {"timeout": "30s"},
                            "postgresql": {"parameters": {"max_connections": 110},
                                           "pg_hba": ["host all all 127.0.0.1/32 trust"]}}).start().up()
        sessions = [instance.raw_session(it.port, user="postgres", database="postgres") for _ in range(100)]

        exit_status = it.stop(signal.SIGTERM, budget=30)

        self.assertEqual(exit_status, 0)
        self.assertEqual(it.control_data()["Database cluster state"], "shut down")
        for session in sessions:
            session.close()

    def test_a_short_time_for_the_stop_is_enough_for_a_clean_one(self):
        it = self.existing({"shutdown": {"timeout": "5s"},
                            "postgresql": {"pg_hba": ["host all all 127.0.0.1/32 trust"]}}).start().up()
        sessions = [instance.raw_session(it.port, user="postgres", database="postgres") for _ in range(3)]

        exit_status = it.stop(signal.SIGTERM)

        self.assertEqual(exit_status, 0)
        self.assertEqual(it.control_data()["Database cluster state"], "shut down")
        for session in sessions:
            session.close()

    def test_a_backend_that_does_not_end_is_killed_when_the_time_for_the_stop_is_over(self):
        it = self.existing({"shutdown": {"timeout": "7s", "checkpoint_timeout": "1s"}}).start().up()
        client = subprocess.Popen(it.psql_command() + ["-c", "select pg_sleep(600)"], stderr=subprocess.DEVNULL)
        self.addCleanup(client.wait)
        instance._started.add(client.pid)
        backend = wait_for("the backend sleeps", lambda: it.sql(
            "select pid from pg_stat_activity where query ~ '^select pg_sleep'"))
        os.kill(int(backend), signal.SIGSTOP)

        exit_status = it.stop(signal.SIGTERM, budget=7)

        self.assertEqual(exit_status, 0)
        self.assertEqual(instance.server_processes(it.data_directory), [])

    def test_a_receiver_of_wal_that_hangs_holds_no_stop_beyond_its_time(self):
        # Shorter than PostgreSQL's own patience with it (wal_sender_timeout).
        it = self.existing({"shutdown": {"timeout": "5s", "checkpoint_timeout": "1s"}}).start().up()
        directory = f"{it.directory}/received"
        subprocess.run(as_user(it.user) + ["mkdir", directory], check=True)
        command = as_user(it.user) + [f"{bin_dir()}/pg_receivewal", "-h", it.run_dir, "-p", str(it.port),
                                      "-U", "postgres", "-D", directory, "--no-sync"]
        receiver = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                    stderr=subprocess.DEVNULL, cwd="/")
        instance._started.add(receiver.pid)
        self.addCleanup(receiver.wait)
        self.addCleanup(receiver.kill)
        wait_for("it streams", lambda: it.sql(
            "select count(*) from pg_stat_replication where state = 'streaming'") == "1")
        os.kill(receiver.pid, signal.SIGSTOP)
        it.sql("create table unreceived()")  # PostgreSQL's stop waits until this has been received

        exit_status = it.stop(signal.SIGTERM, budget=5)

        self.assertEqual(exit_status, 0)
        self.assertIn("received immediate shutdown request", it.log(), "nothing held this stop up")
        self.assertEqual(instance.server_processes(it.data_directory), [])


class Signals(Case):
    def stop_during_initdb(self, number, pid_1):
        it = self.make(pid_1=pid_1).start()
        wait_for("initdb runs", lambda: any(process_name(pid) in ("initdb", "postgres")
                                            for pid in instance.descendants(it.process.pid)), pause=instance.SHORT_STATE)

        exit_status = it.stop(number)

        self.assertEqual(exit_status, 0, it.tail())
        self.assertEqual(instance.server_processes(it.data_directory), [])
        it.start().up()
        self.assertEqual(it.sql("select 1"), "1")

    def test_sigterm_during_initdb_ends_it_and_the_next_start_begins_anew(self):
        self.stop_during_initdb(signal.SIGTERM, pid_1=False)

    @unittest.skipUnless(ROOT, "a PID namespace needs root")
    def test_sigquit_during_initdb_as_pid_1_ends_it_and_the_next_start_begins_anew(self):
        self.stop_during_initdb(signal.SIGQUIT, pid_1=True)

    def test_a_broken_configuration_ends_it_with_2_and_the_line(self):
        it = self.make({"volume": "not/absolute"}).start()

        self.assertEqual(it.wait_exit(), 2)
        self.assertRegex(it.log(), r"pgbosun\.yaml:\d+.*volume")


# A /dev of its own, with a file for the last reason as kubelet mounts it: $1 is an empty directory, $2 the file.
POD_DEVICES = """
devices=$1 told=$2; shift 2
mount -t tmpfs -o mode=755 tmpfs "$devices"
for node in null zero full random urandom termination-log; do : > "$devices/$node"; done
for node in null zero full random urandom; do mount --bind "/dev/$node" "$devices/$node"; done
mount --bind "$told" "$devices/termination-log"
mkdir "$devices/shm"; mount --bind /dev/shm "$devices/shm"
ln -s /proc/self/fd "$devices/fd"
mount --rbind "$devices" /dev
exec "$@"
"""


@unittest.skipUnless(ROOT, "a /dev of its own needs root")
class TerminationLog(Case):
    def in_a_pod(self, config):
        it = self.make(config, pid_1=True)
        os.mkdir(f"{it.directory}/dev")
        self.told = it.write_file(f"{it.directory}/told", "", 0o666)
        words = it.command()
        place = words.index("--mount-proc") + 1  # its mounts are in a namespace that ends with it
        words[place:place] = ["sh", "-ec", POD_DEVICES, "sh", f"{it.directory}/dev", self.told]
        it.command = lambda: words
        return it

    def last_words(self):
        with open(self.told, encoding="utf-8") as file:
            return file.read()

    def test_a_configuration_that_cannot_be_used_is_the_last_word(self):
        it = self.in_a_pod({"volume": "not/absolute"}).start()

        self.assertEqual(it.wait_exit(), 2)

        self.assertRegex(self.last_words(), r"^the configuration cannot be used: .*pgbosun\.yaml:\d+.*volume")

    def test_why_it_gave_up_is_the_last_word_and_a_clean_stop_has_none(self):
        it = self.in_a_pod({"bootstrap": {"initdb": {"post_init_application_sql": ["select 1 / 0"]}},
                            "restart": {"intensity": 0}}).start()
        self.assertEqual(it.wait_exit(), 1, it.tail())
        self.assertIn("division by zero", self.last_words())

        it.config["bootstrap"]["initdb"]["post_init_application_sql"] = []
        it.write_config()
        it.write_file(self.told, "", 0o666)
        it.start().up()
        self.assertEqual(it.stop(), 0)
        self.assertEqual(self.last_words(), "")


class SlowProgram(Case):
    """PostgreSQL's program does not answer before the test opens a gate: a volume that wakes up, a busy machine."""

    def behind_a_gate(self):
        it = self.existing()
        programs, self.gate = f"{it.directory}/bin", f"{it.directory}/gate"
        os.mkdir(programs)
        os.chmod(programs, 0o755)
        os.mkfifo(self.gate)
        os.chmod(self.gate, 0o644)
        for name in os.listdir(instance.bin_dir()):
            if name != "postgres":
                os.symlink(f"{instance.bin_dir()}/{name}", f"{programs}/{name}")
        it.write_file(f"{programs}/postgres", f"""#!/bin/sh
            [ "$1" != --version ] || read -r line < {self.gate}
            exec {instance.bin_dir()}/postgres "$@"
            """.lstrip(), 0o755)
        it.config["postgresql"]["bin_dir"] = programs
        it.write_config()
        return it

    def test_one_that_is_slow_is_waited_for_and_the_log_says_so(self):
        it = self.behind_a_gate().start()
        it.wait_log("waiting for .*/bin/postgres --version")
        self.assertEqual(it.http("GET", "/livez").status, 200)

        with open(self.gate, "w", encoding="ascii") as gate:
            gate.write("open\n")

        it.up()

    def test_sigterm_ends_it_while_it_waits(self):
        it = self.behind_a_gate().start()
        wait_for("the program is asked", lambda: any("--version" in instance.command_line(pid)
                                                     for pid in instance.descendants(it.process.pid)))

        self.assertEqual(it.stop(signal.SIGTERM), 0, it.tail())

    def test_one_that_is_another_program_ends_it_with_2_and_what_it_said(self):
        it = self.make()
        os.mkdir(f"{it.directory}/bin")
        os.chmod(f"{it.directory}/bin", 0o755)
        it.write_file(f"{it.directory}/bin/postgres", "#!/bin/sh\necho another program\n", 0o755)
        it.config["postgresql"]["bin_dir"] = f"{it.directory}/bin"
        it.write_config()

        self.assertEqual(it.start().wait_exit(), 2)
        self.assertRegex(it.log(), r"does not tell its version: exit status 0, \\\"another program")


if __name__ == "__main__":
    instance.main()
