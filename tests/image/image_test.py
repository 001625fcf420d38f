"""The image as its users run it: podman, PID 1, a read-only root, any uid. Started by scripts/test-image.

image_test.py IMAGE [further arguments of podman run]
"""

import http.client
import json
import os
import pathlib
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import unittest

IMAGE = sys.argv[1]
RUN_ARGUMENTS = sys.argv[2:]
DEADLINE_S = 180
ANY_UID = 1000650123
SOCKET_DIRECTORY = "/run/pgbosun"


def podman(*arguments, check=True):
    done = subprocess.run(["podman", "--cgroup-manager=cgroupfs", *arguments], capture_output=True, text=True,
                          timeout=DEADLINE_S)
    if check and done.returncode != 0:
        raise AssertionError(f"podman {' '.join(arguments)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done


class SocketConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=10)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Container:
    """One container of the image on a volume of its own, locked down as images/kubernetes does it."""

    def __init__(self, user=None, run_directory=None):
        self.name = "pgbosun-test-" + secrets.token_hex(4)
        self.run_directory = run_directory
        run = ["--volume", f"{run_directory}:{SOCKET_DIRECTORY}"] if run_directory else ["--tmpfs", SOCKET_DIRECTORY]
        # As in Kubernetes the uid has no line in /etc/passwd, and, as in OpenShift, the group of root.
        as_user = ["--user", f"{user}:0", "--passwd=false"] if user else []
        podman("volume", "create", self.name)
        podman("run", "--detach", "--name", self.name, "--network=none", "--read-only", "--read-only-tmpfs=false",
               "--cap-drop=all", "--security-opt=no-new-privileges",
               "--volume", f"{self.name}:/var/lib/postgresql/data", *run, *as_user,
               *RUN_ARGUMENTS, IMAGE)
        self.seen = 0

    def remove(self):
        podman("rm", "--force", "--time", "5", self.name, check=False)
        podman("volume", "rm", "--force", self.name, check=False)

    def state(self):
        return json.loads(podman("inspect", self.name).stdout)[0]["State"]

    def pid(self):
        return self.state()["Pid"]

    def log_lines(self):
        done = podman("logs", self.name)
        return (done.stdout + done.stderr).splitlines()

    def new_log(self):
        """What was logged since the last call."""
        lines = self.log_lines()
        new, self.seen = lines[self.seen:], len(lines)
        return "\n".join(new)

    def over_socket(self, path):
        connection = SocketConnection(os.path.join(self.run_directory, "control.sock"))
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def over_tcp(self, path):
        """As the kubelet asks: over TCP, in the network of the container."""
        program = ("import http.client, sys; c = http.client.HTTPConnection('127.0.0.1', 8008, timeout=10);"
                   "c.request('GET', sys.argv[1]); print(c.getresponse().status)")
        done = subprocess.run(["nsenter", "--net", "--target", str(self.pid()), sys.executable, "-c", program, path],
                              capture_output=True, text=True, check=True, timeout=DEADLINE_S)
        return int(done.stdout)

    def status(self):
        done = podman("exec", self.name, "pgbosun", "status", "--json", check=False)
        return json.loads(done.stdout) if done.returncode == 0 else {}

    def until_ready(self):
        deadline = time.monotonic() + DEADLINE_S
        while not self.status().get("ready"):
            if not self.state()["Running"] or time.monotonic() > deadline:
                raise AssertionError("it did not become ready:\n" + "\n".join(self.log_lines()[-60:]))
            time.sleep(0.2)

    def sql(self, statement):
        return podman("exec", self.name, "psql", "-XAtc", statement, "postgres").stdout.strip()


class TheImage(unittest.TestCase):
    def start(self, **arguments):
        container = Container(**arguments)
        self.addCleanup(container.remove)
        container.until_ready()
        return container

    def start_as_any_uid(self):
        run_directory = tempfile.mkdtemp(prefix="pgbosun-run-")
        self.addCleanup(shutil.rmtree, run_directory)
        os.chown(run_directory, ANY_UID, 0)
        return self.start(user=ANY_UID, run_directory=run_directory)

    def test_probes_answer_through_the_socket_and_over_tcp(self):
        container = self.start_as_any_uid()

        for probe in ("/livez", "/startupz", "/readyz"):
            with self.subTest(probe):
                self.assertEqual(container.over_socket(probe)[0], 200)
                self.assertEqual(container.over_tcp(probe), 200)
        self.assertEqual(container.over_tcp("/replica"), 503)
        self.assertIn("pgbosun_", container.over_socket("/metrics")[1])

    def test_pgbosun_is_pid_1_and_everything_runs_as_the_uid_it_was_given(self):
        container = self.start_as_any_uid()

        first = pathlib.Path(f"/proc/{container.pid()}")
        fields = dict(line.split(":\t", 1) for line in (first / "status").read_text().splitlines() if ":\t" in line)
        self.assertEqual(fields["Name"], "pgbosun")
        self.assertEqual(fields["NSpid"].split()[-1], "1")
        own = os.readlink(first / "ns/pid")
        users = {path.stat().st_uid for path in pathlib.Path("/proc").iterdir()
                 if path.name.isdigit() and namespace_of(path) == own}
        self.assertEqual(users, {ANY_UID})

    def test_status_is_shown_to_a_person_inside_the_container(self):
        container = self.start()

        shown = podman("exec", container.name, "pgbosun", "status").stdout

        self.assertIn("running", shown)
        self.assertIn("primary", shown)

    def test_stop_is_a_clean_shutdown_and_a_start_finds_the_rows(self):
        container = self.start_as_any_uid()
        container.sql("create table kept as select 42 as answer")
        container.new_log()

        podman("stop", "--time", "90", container.name)

        log = container.new_log()
        self.assertIn("database system is shut down", log)
        self.assertEqual(container.state()["ExitCode"], 0, log)
        podman("start", container.name)
        container.until_ready()
        self.assertEqual(container.sql("select answer from kept"), "42")
        log = container.new_log()
        self.assertIn("database system was shut down at", log)
        self.assertNotIn("not properly shut down", log)

    def test_a_killed_container_recovers_and_loses_no_committed_row(self):
        container = self.start_as_any_uid()
        container.sql("create table kept as select 42 as answer")
        container.new_log()

        podman("kill", container.name)
        podman("wait", container.name)

        self.assertEqual(container.state()["ExitCode"], 137)
        podman("start", container.name)
        container.until_ready()
        self.assertEqual(container.sql("select answer from kept"), "42")
        self.assertIn("automatic recovery in progress", container.new_log())

    def test_the_image_s_own_user_and_a_tmpfs_for_the_sockets_are_enough(self):
        container = self.start()

        container.sql("create table kept as select 42 as answer")
        podman("stop", "--time", "90", container.name)
        podman("start", container.name)
        container.until_ready()

        self.assertEqual(container.sql("select answer from kept"), "42")

    def test_a_configuration_that_cannot_be_used_ends_the_container_with_2_and_says_why(self):
        done = podman("run", "--rm", "--network=none", *RUN_ARGUMENTS, "--env", "PGBOSUN_CLUSTER=Not A Name", IMAGE,
                      check=False)

        self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
        self.assertIn("cluster", done.stdout)


def namespace_of(process):
    try:
        return os.readlink(process / "ns/pid")
    except (FileNotFoundError, ProcessLookupError, PermissionError):  # gone, or the machine's own
        return None


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
