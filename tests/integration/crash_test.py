"""What happens when PostgreSQL crashes, is killed or cannot start."""

import os
import signal
import subprocess

import instance
from instance import Case, alive, wait_for


class Crash(Case):
    def busy_clients(self, it, count):
        it.sql("create table busy(n int)")
        loop = "insert into busy select generate_series(1, 100) \\watch 0.01\n"
        clients = []
        for _ in range(count):
            client = subprocess.Popen(it.psql_command(), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                                      stderr=subprocess.DEVNULL, text=True)
            instance._started.add(client.pid)
            self.addCleanup(client.communicate)
            self.addCleanup(client.kill)
            client.stdin.write(loop)
            client.stdin.flush()
            clients.append(client)
        wait_for("the clients write", lambda: int(it.sql("select count(*) from busy")) > 0)
        return clients

    def test_a_killed_backend_is_recovered_by_the_same_postmaster(self):
        it = self.existing().start().up()
        postmaster = it.postmaster()
        clients = self.busy_clients(it, 2)
        backend = int(it.sql("select pid from pg_stat_activity where query ~ 'insert' and pid <> pg_backend_pid() "
                             "limit 1"))

        os.kill(backend, signal.SIGKILL)

        wait_for("a client is cut", lambda: any(client.poll() is not None for client in clients))
        wait_for("it takes writes again", lambda: it.psql("insert into busy values (0)").returncode == 0)
        it.up()
        self.assertEqual(it.postmaster(), postmaster)
        self.assertEqual(it.status()["postgres"]["restarts"], 0)

    def test_a_killed_postmaster_with_busy_backends_is_replaced_on_the_same_timeline(self):
        it = self.existing().start().up()
        before = it.status()
        self.busy_clients(it, 4)
        old = set(instance.server_processes(it.data_directory))

        os.kill(it.postmaster(), signal.SIGKILL)

        wait_for("the old processes are gone", lambda: not any(alive(pid) for pid in old))
        wait_for("it takes writes again", lambda: it.psql("insert into busy values (0)").returncode == 0)
        after = it.wait_status("it is ready", lambda status: status["ready"] and status["postgres"]["restarts"] == 1)
        self.assertEqual(after["timeline"], before["timeline"])
        self.assertEqual(after["system_id"], before["system_id"])
        self.assertRegex(it.log(), r'"postgres ended with signal 9 \(KILL\)"')

    def test_a_socket_lock_that_a_killed_server_left_is_taken_away_whosever_its_number_is_now(self):
        it = self.existing().start().up()
        lock = f"{it.run_dir}/.s.PGSQL.{it.port}.lock"
        with open(lock, encoding="ascii") as file:
            lines = file.read().splitlines()
        guard = next(pid for pid in instance.children(it.pid) if instance.process_name(pid) == "pgbosun-guard")
        for left in ("\n".join([str(guard)] + lines[1:]) + "\n", ""):
            with self.subTest(left=left):
                self.assertEqual(it.http("POST", "/v1/fence", {"reason": "test"}).status, 200)
                it.wait_status("it is fenced", lambda status: status["phase"] == "fenced")
                for path in (lock, lock.removesuffix(".lock")):
                    with open(path, "w", encoding="ascii") as file:
                        file.write(left)
                    os.chmod(path, 0o666)

                self.assertEqual(it.http("POST", "/v1/unfence").status, 200)

                it.up()
                self.assertEqual(it.status()["postgres"]["restarts"], 0)

    def test_another_servers_socket_lock_is_left_and_named(self):
        it = self.existing({"restart": {"intensity": 20}}).start().up()
        self.assertEqual(it.http("POST", "/v1/fence", {"reason": "test"}).status, 200)
        it.wait_status("it is fenced", lambda status: status["phase"] == "fenced")
        lock = f"{it.run_dir}/.s.PGSQL.{it.port}.lock"
        guard = next(pid for pid in instance.children(it.pid) if instance.process_name(pid) == "pgbosun-guard")
        with open(lock, "w", encoding="ascii") as file:
            file.write(f"{guard}\n/elsewhere\n1700000000\n{it.port}\n{it.run_dir}\n")
        os.chmod(lock, 0o666)

        self.assertEqual(it.http("POST", "/v1/unfence").status, 202)

        it.wait_status("the reason is known", lambda status: "already exists" in (status["reason"] or ""))
        os.remove(lock)
        it.up()

    def test_more_crashes_than_the_intensity_end_it_with_1_and_the_reason(self):
        it = self.existing({"restart": {"intensity": 2, "period": "10min"}}).start().up()

        for _ in range(2):
            killed = it.postmaster()
            os.kill(killed, signal.SIGKILL)
            it.wait_status("another one is ready", lambda status: status["ready"] and
                           status["postgres"]["pid"] not in (None, killed))
        os.kill(it.postmaster(), signal.SIGKILL)

        self.assertEqual(it.wait_exit(), 1)
        self.assertRegex(it.log(), r'"giving up: postgres ended with signal 9 \(KILL\)"')
        self.assertEqual(instance.server_processes(it.data_directory), [])

    def test_a_server_that_cannot_start_says_why_in_status_and_the_restart_after_the_repair_works(self):
        it = self.existing({"postgresql": {"parameters": {"shared_preload_libraries": "no_such_library"}},
                            "restart": {"intensity": 20}}).start()

        status = it.wait_status("the reason is known", lambda status: "no_such_library" in (status["reason"] or ""))
        self.assertFalse(status["ready"])
        probe = it.http("GET", "/readyz")
        self.assertEqual(probe.status, 503)

        del it.config["postgresql"]["parameters"]["shared_preload_libraries"]
        it.write_config()
        answer = it.http("POST", "/v1/reload")
        self.assertEqual(answer.status, 200, answer)
        it.up()

    def test_a_server_that_never_starts_ends_it_with_1_and_the_reason(self):
        it = self.existing({"postgresql": {"parameters": {"shared_preload_libraries": "no_such_library"}},
                            "restart": {"intensity": 1}}).start()

        self.assertEqual(it.wait_exit(), 1)
        self.assertRegex(it.log(), "giving up: .*no_such_library")

    def test_a_stop_while_it_waits_for_the_next_try_ends_it_with_0(self):
        it = self.existing({"postgresql": {"parameters": {"shared_preload_libraries": "no_such_library"}},
                            "restart": {"intensity": 20}}).start()
        it.wait_status("it has crashed more than once", lambda status: status["postgres"]["restarts"] > 1)

        self.assertEqual(it.stop(), 0)


if __name__ == "__main__":
    instance.main()
