"""One real instance below a temporary directory, for tests that are programs.

Every wait has a deadline that is far above what is needed, and looks again instead of sleeping for a guessed time.
What a test started is killed at its end, by process id: the test program is a subreaper, so nothing escapes it.
"""

import contextlib
import copy
import ctypes
import fcntl
import glob
import http.client
import json
import os
import pwd
import random
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import unittest

DEADLINE = 90.0  # of one wait: sanitizers, a busy machine
BUSY = 15.0  # what a busy machine may add to a budget
LOOK_AGAIN, AT_MOST, LONGER = 0.02, 0.2, 1.3  # the pause between two looks, in seconds, grows from the first to the second
SHORT_STATE = 0.01  # between looks for what is soon over
TAIL_LINES = 60

BUILD = os.environ.get("PGBOSUN_BUILD", "build")
PROGRAMS = os.environ.get("PGBOSUN_PROGRAMS") or os.path.join(BUILD, "src")
PGBOSUN = os.path.abspath(os.path.join(PROGRAMS, "pgbosun"))
PROJECT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ROOT = os.geteuid() == 0

PR_SET_CHILD_SUBREAPER = 36
ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)

_started = set()  # pids of our direct children that a Popen answers for


def bin_dir():
    """PGBOSUN_BIN_DIR, which ends in <major version>/bin; else the newest that is installed."""
    if chosen := os.environ.get("PGBOSUN_BIN_DIR"):
        return chosen.rstrip("/")
    found = glob.glob("/usr/lib/postgresql/*/bin/postgres")
    return os.path.dirname(max(found, key=lambda path: int(path.split("/")[4])))


def server_major():
    return int(bin_dir().split("/")[-2])


def as_user(user):
    """The words before a command that make it run as `user` (a name or a uid); nothing when we are not root."""
    if not ROOT or user is None:
        return []
    if isinstance(user, str):
        account = pwd.getpwnam(user)
        return ["setpriv", f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups"]
    return ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"]


def listening_ports():
    """Not those that the kernel gives to outgoing connections: one of them may have such a port before the program listens there."""
    with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as file:
        first, last = map(int, file.read().split())
    return range(10240, first) if first > 12000 else range(last + 1, 65536)


def free_port():
    """Nobody listens there; that another test has just been given it is unlikely."""
    for port in random.SystemRandom().sample(listening_ports(), 100):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise RuntimeError("no port is free")


def merge(base, more):
    for key, value in more.items():
        if isinstance(value, dict) and isinstance(base.get(key), dict):
            merge(base[key], value)
        else:
            base[key] = value
    return base


def pauses(always=None):
    """Of a wait that looks again and again: what takes long is not asked all the time; `always`: the same pause each time."""
    pause = always or LOOK_AGAIN
    while True:
        yield pause
        pause = always or min(pause * LONGER, AT_MOST)


def wait_for(what, condition, deadline=DEADLINE, pause=None):
    """The first answer of `condition` that is true; it is asked again until the deadline."""
    end = time.monotonic() + deadline
    for before_next in pauses(pause):
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > end:
            raise AssertionError(f"waited {deadline:.0f} s in vain: {what}")
        time.sleep(before_next)


def alive(pid):
    """A process that runs; a zombie does not."""
    return process_state(pid) not in (None, "Z", "X")


def process_state(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="latin-1") as file:
            return file.read().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return None


def parents():
    """pid -> pid of the parent, for all processes."""
    table = {}
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        with contextlib.suppress(OSError):
            with open(f"/proc/{name}/stat", encoding="latin-1") as file:
                table[int(name)] = int(file.read().rsplit(")", 1)[1].split()[1])
    return table


def descendants(pid):
    table = parents()
    found, grown = {pid}, True
    while grown:
        more = {child for child, parent in table.items() if parent in found} - found
        found |= more
        grown = bool(more)
    return found - {pid}


def children(pid):
    return [child for child, parent in parents().items() if parent == pid]


def process_name(pid):
    with contextlib.suppress(OSError):
        with open(f"/proc/{pid}/comm", encoding="latin-1") as file:
            return file.read().strip()
    return ""


def command_line(pid):
    with contextlib.suppress(OSError):
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read().replace(b"\0", b" ").decode("utf-8", "replace").strip()
    return ""


def send(pid, number):
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def server_processes(data_directory):
    """Every postgres that works in this directory, whoever started it."""
    found = []
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        with contextlib.suppress(OSError):
            working = os.readlink(f"/proc/{name}/cwd").removesuffix(" (deleted)")
            if working == data_directory and os.readlink(f"/proc/{name}/exe").endswith("/postgres"):
                found.append(int(name))
    return found


def raw_session(port, **startup):
    """A session over TCP that sends and reads no more than its start-up (a server that trusts is needed)."""
    session = socket.create_connection(("127.0.0.1", port), 30)
    words = b"".join(f"{key}\0{value}\0".encode() for key, value in startup.items()) + b"\0"
    session.sendall(struct.pack("!II", 8 + len(words), 196608) + words)
    stream = session.makefile("rb")
    while True:
        kind, length = struct.unpack("!cI", stream.read(5))
        body = stream.read(length - 4)
        if kind == b"E":
            raise AssertionError(f"the server refuses: {body!r}")
        if kind == b"Z":
            return session


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.text = response.read().decode()

    @property
    def json(self):
        return json.loads(self.text)

    def __repr__(self):
        return f"{self.status} {self.text}"


class Instance:
    """`config` is merged into the default one and written as JSON, which is YAML."""

    def __init__(self, config=None, name="pg-1", user="postgres", pid_1=False, directory=None, environment=None):
        self.name = name
        self.user = user if ROOT else None  # whom postgres runs as; None: as we do
        self.pid_1 = pid_1
        self.environment = environment or {}
        self.process = None
        self._owns_directory = directory is None
        self.directory = directory or tempfile.mkdtemp(prefix="pgb-", dir="/tmp")
        os.chmod(self.directory, 0o755)
        self.volume = f"{self.directory}/v"
        self.run_dir = f"{self.directory}/r"
        self.config_file = f"{self.directory}/pgbosun.yaml"
        self.log_file = f"{self.directory}/log"
        self.port = free_port()
        self.config = merge({
            "cluster": "orders",
            "instance": name,
            "volume": self.volume,
            "run_dir": self.run_dir,
            "bootstrap": {"initdb": {"options": ["--no-sync"]}},
            "postgresql": {
                "port": self.port,
                "listen_addresses": "127.0.0.1",
                "bin_dir": bin_dir(),
                "parameters": {"shared_buffers": "16MB", "max_connections": 20},
            },
            "http": {"listen": "127.0.0.1:0"},
            "log": {"format": "json"},
        }, copy.deepcopy(config or {}))
        self._give(self.directory)
        self.write_config()

    # Files

    def _give(self, path):
        if ROOT and self.user is not None:
            uid = pwd.getpwnam(self.user).pw_uid if isinstance(self.user, str) else self.user
            os.chown(path, uid, uid if not isinstance(self.user, str) else pwd.getpwnam(self.user).pw_gid)

    def write_config(self):
        """By rename, as a mounted ConfigMap changes."""
        self.write_file(self.config_file, json.dumps(self.config, indent=1))

    def write_file(self, path, text, mode=0o640):
        beside = f"{path}.new"
        with open(beside, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(beside, mode)
        self._give(beside)
        os.rename(beside, path)
        return path

    def wal_volume(self):
        """Makes a directory for WAL outside of the volume, and says so in the configuration."""
        path = f"{self.directory}/w"
        os.mkdir(path, 0o700)
        self._give(path)
        self.config["postgresql"]["wal_dir"] = path
        self.write_config()
        return path

    def secret(self, name, text):
        return self.write_file(f"{self.directory}/{name}", text, 0o600)

    @property
    def data_directory(self):
        return f"{self.volume}/pgdata"

    @property
    def control_socket(self):
        return f"{self.run_dir}/control.sock"

    # Life

    def command(self):
        command = [PGBOSUN, "run", "--config", self.config_file]
        if not isinstance(self.user, str):
            command = as_user(self.user) + command  # else pgbosun itself drops to the user
        if self.pid_1:
            command = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"] + command
        return command

    def start(self, stdout=None):
        """Its log goes to a file, over all lives of the instance, or to `stdout`."""
        environment = {key: value for key, value in os.environ.items() if not key.startswith("PG")}
        environment |= {"LC_ALL": "C"} | self.environment
        output = stdout if stdout is not None else open(self.log_file, "ab")
        try:
            self._log_begins = os.path.getsize(self.log_file) if os.path.exists(self.log_file) else 0
            self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=output,
                                            stderr=subprocess.STDOUT if stdout is None else None,
                                            cwd="/", env=environment)
        finally:
            if stdout is None:
                output.close()
        _started.add(self.process.pid)
        return self

    @property
    def pid(self):
        """Of pgbosun, as we see it."""
        if not self.pid_1:
            return self.process.pid
        return wait_for("unshare to fork", lambda: children(self.process.pid))[0]

    def up(self, deadline=DEADLINE):
        """Waits until PostgreSQL takes queries and status knows it."""
        self.wait_status("the instance is ready", lambda status: status["ready"], deadline)
        return self

    def send_signal(self, number):
        os.kill(self.pid, number)

    def wait_exit(self, deadline=DEADLINE):
        try:
            return self.process.wait(deadline)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"pgbosun did not end within {deadline:.0f} s\n{self.tail()}") from None

    def stop(self, number=signal.SIGTERM, budget=None):
        """`budget`: shutdown.timeout in seconds, which the stop may exceed only by what a busy machine takes."""
        self.send_signal(number)
        return self.wait_exit(DEADLINE if budget is None else budget + BUSY)

    def kill_everything(self):
        """Whatever is left of it, with SIGKILL; nothing of another instance of this program."""
        if self.process is None:
            return
        mine = set()
        for _ in range(100):
            tree = descendants(self.process.pid) if self.process.poll() is None else set()
            orphans = [pid for pid in children(os.getpid()) if pid not in _started]
            for orphan in orphans:
                tree |= {orphan} | descendants(orphan)
            if self.process.poll() is None:
                tree.add(self.process.pid)
            tree = {pid for pid in tree if alive(pid)}
            if not tree:
                break
            mine |= self._shared_memory(tree)
            for pid in tree:
                send(pid, signal.SIGKILL)
            self.process.poll()
            self.reap()
            time.sleep(0.01)
        self.reap()
        for path in mine:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
        with contextlib.suppress(OSError, IndexError):
            with open(f"{self.data_directory}/postmaster.pid", encoding="latin-1") as file:
                number = file.read().split("\n")[6].split()[1]
            subprocess.run(["ipcrm", "-m", number], stderr=subprocess.DEVNULL, check=False)

    @staticmethod
    def _shared_memory(pids):
        found = set()
        for pid in pids:
            with contextlib.suppress(OSError):
                with open(f"/proc/{pid}/maps", encoding="latin-1") as file:
                    found |= set(re.findall(r"/dev/shm/PostgreSQL\.\d+", file.read()))
        return found

    @staticmethod
    def reap():
        """Orphans that came to us; what a Popen answers for is left to it."""
        for pid in children(os.getpid()):
            if pid not in _started and process_state(pid) == "Z":
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(pid, os.WNOHANG)

    def destroy(self):
        self.kill_everything()
        if self._owns_directory:
            shutil.rmtree(self.directory, ignore_errors=True)

    # Processes

    def processes(self):
        """name -> pid of pgbosun's own children (postgres, pgbosun-guard, pgbosun-files, ...)."""
        return {process_name(pid): pid for pid in children(self.pid)}

    def postmaster(self):
        """As we see it; within a PID namespace status has another number."""
        found = [pid for pid in children(self.pid) if process_name(pid) == "postgres"]
        return found[0] if found else None

    # HTTP

    def http(self, method, path, body=None, headers=None, timeout=60.0):
        """Through the Unix socket."""
        return self._ask(UnixConnection(self.control_socket, timeout), method, path, body, headers)

    def tcp(self, method, path, body=None, headers=None, timeout=60.0, context=None):
        """Through the TCP port; with TLS when an ssl.SSLContext is given."""
        if context is not None:
            connection = http.client.HTTPSConnection("127.0.0.1", self.http_port(), timeout=timeout, context=context)
        else:
            connection = http.client.HTTPConnection("127.0.0.1", self.http_port(), timeout=timeout)
        return self._ask(connection, method, path, body, headers)

    @staticmethod
    def _ask(connection, method, path, body, headers):
        headers = dict(headers or {})
        if body is not None and not isinstance(body, (str, bytes)):
            body = json.dumps(body)
            headers.setdefault("Content-Type", "application/json")
        try:
            connection.request(method, path, body, headers)
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def http_port(self):
        """The port that the kernel chose, from the log of this life."""
        def listening():
            return [record for record in self.records() if record.get("msg") == "listening" and "port" in record]
        return wait_for("the log names the HTTP port", listening)[-1]["port"]

    def status(self):
        return self.http("GET", "/v1/status").json

    def try_status(self):
        try:
            return self.status()
        except OSError:
            return None

    def wait_status(self, what, condition, deadline=DEADLINE, pause=None):
        """The first status for which `condition` holds."""
        last = None
        end = time.monotonic() + deadline
        for before_next in pauses(pause):
            last = self.try_status()
            if last is not None and condition(last):
                return last
            if time.monotonic() > end or last is None and self.process.poll() is not None:
                break
            time.sleep(before_next)
        raise AssertionError(f"in vain: {what}; exit {self.process.poll()}; the last status was\n{json.dumps(last)}"
                             f"\n{self.tail()}")

    def client(self, *arguments, check=False):
        """A client command, `pgbosun ARGUMENTS --socket ...`."""
        command = [PGBOSUN, *arguments, "--socket", self.control_socket]
        return subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE, check=check,
                              stdin=subprocess.DEVNULL)

    # SQL

    def psql_command(self, database="postgres"):
        return as_user(self.user) + [f"{bin_dir()}/psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-h", self.run_dir,
                                     "-p", str(self.port), "-U", "postgres", "-d", database]

    def psql(self, sql, database="postgres"):
        """The finished psql; its returncode is not 0 when the SQL failed."""
        return subprocess.run(self.psql_command(database), input=sql, capture_output=True, text=True,
                              timeout=DEADLINE, env={"PATH": os.environ["PATH"], "LC_ALL": "C"}, check=False, cwd="/")

    def sql(self, sql, database="postgres"):
        """What it prints; the statement must succeed."""
        done = self.psql(sql, database)
        if done.returncode != 0:
            raise AssertionError(f"{sql}: {done.stderr}\n{self.tail()}")
        return done.stdout.strip()

    def control_data(self):
        """pg_controldata as a dictionary."""
        command = as_user(self.user) + [f"{bin_dir()}/pg_controldata", "-D", self.data_directory]
        text = subprocess.run(command, capture_output=True, text=True, check=True, cwd="/",
                              env={"LC_ALL": "C"}).stdout
        return {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in text.splitlines())}

    # Log

    def log(self, life="this"):
        """The text since the last start, or of every life ("all")."""
        if not os.path.exists(self.log_file):
            return ""
        with open(self.log_file, "rb") as file:
            file.seek(self._log_begins if life == "this" else 0)
            return file.read().decode("utf-8", "replace")

    def records(self, life="this"):
        """The lines of the log that are JSON (sanitizers write others)."""
        found = []
        for line in self.log(life).splitlines():
            with contextlib.suppress(ValueError):
                found.append(json.loads(line))
        return found

    def wait_log(self, pattern, deadline=DEADLINE):
        wait_for(f"the log says {pattern}\n{self.tail()}", lambda: re.search(pattern, self.log()), deadline)

    def tail(self):
        lines = self.log("all").splitlines()[-TAIL_LINES:]
        return f"--- the log of {self.name} ---\n" + "\n".join(line[:600] for line in lines) + "\n---"


class Template:
    """A volume that was bootstrapped and stopped, so that each test need not run initdb. One for all programs that run the
    same pgbosun: who comes first makes it in the build directory, and the others wait."""

    DIRECTORY = os.path.join(BUILD, "tests", "templates")

    @classmethod
    def fill(cls, instance):
        os.makedirs(instance.volume, exist_ok=True)
        instance._give(instance.volume)
        os.makedirs(cls.DIRECTORY, exist_ok=True)
        path = f"{cls.DIRECTORY}/{cls._name()}"
        with open(f"{cls.DIRECTORY}/lock", "a", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH)
            if not os.path.isdir(path):
                fcntl.flock(lock, fcntl.LOCK_EX)  # which somebody else may have had in between
                if not os.path.isdir(path):
                    cls._make(path)
            subprocess.run(["cp", "-a", f"{path}/pgdata", instance.volume], check=True)

    @staticmethod
    def _name():
        """Says all that makes a template another one. A program of hundreds of megabytes is known by its size and time."""
        program = os.stat(PGBOSUN)
        return f"{server_major()}-{os.geteuid()}-{program.st_size}-{program.st_mtime_ns}"

    @classmethod
    def _make(cls, path):
        for left in set(os.listdir(cls.DIRECTORY)) - {"lock"}:
            # Of another build, or half of one, whose maker was killed.
            if left.split("-")[2:] != os.path.basename(path).split("-")[2:]:
                shutil.rmtree(f"{cls.DIRECTORY}/{left}")
        made = Instance(name="template")
        try:
            made.start().up().stop(signal.SIGINT)
            os.mkdir(f"{path}.new")
            subprocess.run(["cp", "-a", made.data_directory, f"{path}.new"], check=True)
            os.rename(f"{path}.new", path)
        finally:
            made.destroy()


def has_failed(case):
    """Whether a test has, asked in its tearDown or a cleanup (where `_outcome.success` speaks of these alone)."""
    outcome = case._outcome
    told = [*outcome.result.failures, *outcome.result.errors] if outcome.result else []
    mine = any(getattr(it, "test_case", it) is case for it, _ in told)
    return mine or any(error for _, error in getattr(outcome, "errors", []))  # before Python 3.11


class Case(unittest.TestCase):
    """Instances of a test end with it, and show their log when it fails."""

    shared = None  # an instance of the whole class, when its setUpClass makes one with share()

    def make(self, config=None, **options):
        instance = Instance(config, **options)
        self.addCleanup(self._end, instance)
        return instance

    def started(self, config=None, **options):
        return self.make(config, **options).start().up()

    def existing(self, config=None, **options):
        """An instance, not started, whose volume holds a database already."""
        instance = self.make(config, **options)
        Template.fill(instance)
        return instance

    @classmethod
    def share(cls, config=None, **options):
        cls.shared = Instance(config, **options)
        cls.addClassCleanup(cls.shared.destroy)
        try:
            cls.shared.start().up()
        except AssertionError:
            print(cls.shared.tail(), file=sys.stderr)
            raise
        return cls.shared

    def tearDown(self):
        if self.shared is not None and has_failed(self):
            print(self.shared.tail(), file=sys.stderr)

    def _end(self, instance):
        if has_failed(self):
            print(instance.tail(), file=sys.stderr)
        instance.destroy()


class Result(unittest.TextTestResult):
    """Knows which tests ran, as unittest counts those that are skipped differently from version to version, and says how
    long each took."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.ran = set()
        self.began = {}

    def startTest(self, test):
        super().startTest(test)
        self.ran.add(test.id())
        self.began[test.id()] = time.monotonic()

    def stopTest(self, test):
        super().stopTest(test)
        if began := self.began.pop(test.id(), None):  # Python 3.12 begins none that is skipped, and ends it
            self.stream.writeln(f"    {time.monotonic() - began:.1f} s")

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.ran.discard(test.id())


class Runner(unittest.TextTestRunner):
    resultclass = Result


def main():
    if not os.access(PGBOSUN, os.X_OK):
        sys.exit(f"{PGBOSUN} is not there: set PGBOSUN_BUILD to the build directory")
    program = unittest.main(verbosity=2, testRunner=Runner, exit=False)
    result = program.result
    # tests/summary.py reads these lines.
    for reason in sorted({reason for _, reason in result.skipped}):
        print(f"SKIPPED: {reason}", file=sys.stderr)
    if result.skipped:
        missed = program.test.countTestCases() - len(result.ran)
        print(f"skipped: {missed} of {program.test.countTestCases()}", file=sys.stderr, flush=True)
    if not result.wasSuccessful():
        sys.exit(1)
    sys.exit(77 if result.skipped and not result.ran else 0)
