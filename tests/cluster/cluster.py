"""A whole cluster of real programs: instances under `mode: managed`, etcd, controllers; on loopback, or each on a machine
of its own (network.py). Tests, benchmarks and scripts/cluster-demo bring it up with this."""

import contextlib
import http.client
import json
import os
import pwd
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))

import instance  # noqa: E402
from certificates import certificate  # noqa: E402
from instance import Instance, free_port, wait_for  # noqa: E402

import writer  # noqa: E402

TOKEN = "tell-nobody"
WHOLE = 120.0  # seconds until all is well again
ETCD = os.environ.get("PGBOSUN_ETCD") or shutil.which("etcd")
MEMORY = "/dev/shm" if os.path.isdir("/dev/shm") else "/tmp"  # a slow disk makes slow clones, which nobody looks at here
CONTROLLER = os.path.join(os.path.dirname(instance.PGBOSUN), "pgbosun-controller")


class Program:
    """A process with a log of its own, which can be killed and started again with the same words."""

    def __init__(self, name, command, directory, enter=(), **popen):
        self.name = name
        self.command = [*enter, *command]
        self.log_file = f"{directory}/{name}.log"
        self.popen = popen
        self.process = None

    def start(self):
        with open(self.log_file, "ab") as log:
            self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/",
                                            **self.popen)
        instance._started.add(self.process.pid)
        return self

    @property
    def runs(self):
        return self.process is not None and self.process.poll() is None

    def send_signal(self, number):
        if self.runs:
            self.process.send_signal(number)

    def kill(self):
        self.send_signal(signal.SIGKILL)
        if self.process is not None:
            self.process.wait()

    def tail(self):
        with contextlib.suppress(FileNotFoundError), open(self.log_file, encoding="utf-8", errors="replace") as file:
            lines = file.read().splitlines()[-instance.TAIL_LINES:]
            return f"--- the log of {self.name} ---\n" + "\n".join(line[:600] for line in lines) + "\n---\n"
        return ""


class Place:
    """Where a process of the cluster runs: an address, and the words that take a command there."""

    def __init__(self, network, name):
        self.node = network.add(name) if network else None
        self.address = self.node.address if self.node else "127.0.0.1"
        self.enter = self.node.enter if self.node else []

    def port(self, usual):
        return usual if self.node else free_port()


class Member(Instance):
    """One instance. Alone on its machine it is PID 1 of its processes, as in a container."""

    def __init__(self, place, config, name, directory):
        self.place = place
        super().__init__(config, name=name, directory=directory, pid_1=place.node is not None)
        self.tls_words = ""  # what others write into its conninfo of TLS

    def command(self):
        return [*self.place.enter, *super().command()]

    @property
    def server(self):
        return f"{self.place.address}:{self.port}"

    @property
    def conninfo(self):
        return f"host={self.place.address} port={self.port}{self.tls_words}"

    @property
    def url(self):
        http_config = self.config["http"]
        return f"{'https' if 'cert_file' in http_config else 'http'}://{http_config['listen']}"

    @property
    def runs(self):
        return self.process is not None and self.process.poll() is None

    def kill(self):
        """The agent and all that it started, at once."""
        if self.runs:
            self.send_signal(signal.SIGKILL)
            self.process.wait()
        wait_for("its processes to be gone", lambda: not instance.server_processes(self.data_directory))

    def end(self):
        """As kubelet asks for it; it goes in its own time."""
        self.send_signal(signal.SIGTERM)

    def kill_postmaster(self):
        os.kill(self.postmaster(), signal.SIGKILL)

    def freeze(self):
        self.send_signal(signal.SIGSTOP)

    def thaw(self):
        self.send_signal(signal.SIGCONT)

    def said(self):
        """Its status, or nothing when it does not answer at once."""
        try:
            return self.http("GET", "/v1/status", timeout=1.0).json
        except (OSError, ValueError, http.client.HTTPException):
            return None

    def destroy(self):
        if self.runs:
            with contextlib.suppress(ProcessLookupError):
                self.send_signal(signal.SIGCONT)
        super().destroy()


class Controller(Program):
    def __init__(self, name, config_file, listen, directory, enter, ca_file=None):
        self.address, port = listen.rsplit(":", 1)
        self.port = int(port)
        self.ca_file = ca_file  # given: it speaks TLS
        super().__init__(name, [CONTROLLER, "run", "--config", config_file], directory, enter)

    @property
    def url(self):
        return f"{'https' if self.ca_file else 'http'}://{self.address}:{self.port}"

    def said(self):
        if self.ca_file:
            context = ssl.create_default_context(cafile=self.ca_file)
            connection = http.client.HTTPSConnection(self.address, self.port, timeout=1.0, context=context)
        else:
            connection = http.client.HTTPConnection(self.address, self.port, timeout=1.0)
        try:
            connection.request("GET", "/v1/status")
            return json.loads(connection.getresponse().read())
        except (OSError, ValueError, http.client.HTTPException):
            return None
        finally:
            connection.close()


class Cluster:
    """`member_config` is merged into each instance's configuration, `controller_config` into the controllers'; `known_as`
    has, by name, what the controllers are told of an instance beside name and addresses. `https`: all of them speak TLS,
    with certificates of an authority of their own; on loopback only."""

    def __init__(self, network=None, size=3, controllers=2, ttl="3s", synchronous=None, member_config=None,
                 controller_config=None, known_as=None, directory=None, called="pg", https=False):
        self._owns_directory = directory is None
        self.directory = directory or tempfile.mkdtemp(prefix="pgb-cluster-", dir=MEMORY)
        os.makedirs(self.directory, exist_ok=True)
        os.chmod(self.directory, 0o755)
        self.network = network
        self.ttl = ttl
        self.synchronous = synchronous
        self.known_as = known_as or {}
        self.ca_file = f"{self.directory}/ca.crt" if https else None
        if https:
            certificate(self.directory, "ca", server=False)
            certificate(self.directory, "server", "ca")
        self.programs = []
        self.etcd = self._make_etcd(Place(network, "etcd"))
        self.members = []
        places = [Place(network, f"{called}-{number}") for number in range(1, size + 1)]
        for number, place in enumerate(places, 1):
            self.members.append(self._make_member(f"{called}-{number}", place, member_config or {}))
        self.controllers = [self._make_controller(f"controller-{number}", Place(network, f"controller-{number}"),
                                                  controller_config or {}) for number in range(1, controllers + 1)]

    # Making

    def _directory(self, name):
        path = f"{self.directory}/{name}"
        os.makedirs(path, exist_ok=True)
        if instance.ROOT:
            account = pwd.getpwnam("postgres")
            os.chown(path, account.pw_uid, account.pw_gid)
        return path

    def _make_etcd(self, place):
        client, peer = (f"http://{place.address}:{place.port(usual)}" for usual in (2379, 2380))
        self.endpoint = client
        return self.add(Program("etcd", [
            ETCD, "--name", "etcd", "--data-dir", f"{self.directory}/etcd", "--listen-client-urls", client,
            "--advertise-client-urls", client, "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
            "--initial-cluster", f"etcd={peer}"], self.directory, place.enter))

    def _make_member(self, name, place, more):
        directory = self._directory(name)
        config = {
            "mode": "managed",
            "lease": {"ttl": self.ttl},
            "http": {"listen": f"{place.address}:{place.port(8008)}"},
            "archive": {"destination": f"file://{self._directory('archive')}"},
            "postgresql": {"port": place.port(5432), "listen_addresses": place.address,
                           "pg_hba": ["host all all all trust"],
                           "parameters": {"wal_keep_size": "128MB", "max_connections": 50}},
        }
        member = Member(place, instance.merge(config, more), name, directory)
        member.port = member.config["postgresql"]["port"]
        member.config["http"]["token_file"] = member.secret("token", TOKEN + "\n")
        member.config["postgresql"]["replication"] = {"user": "streaming_replica",
                                                      "password_file": member.secret("replication", "hush-hush\n")}
        for key, name in (("cert_file", "server.crt"), ("key_file", "server.key"), ("ca_file", "ca.crt")):
            if self.ca_file:
                with open(f"{self.directory}/{name}", encoding="ascii") as file:
                    member.config["http"][key] = member.secret(name, file.read())
        member.write_config()
        return member

    def _make_controller(self, name, place, more):
        listen = f"{place.address}:{place.port(8009)}"
        tls = {"cert_file": f"{self.directory}/server.crt", "key_file": f"{self.directory}/server.key"} if self.ca_file else {}
        token = f"{self.directory}/token"
        with open(token, "w", encoding="ascii") as file:
            file.write(TOKEN + "\n")
        config = instance.merge({
            "cluster": "orders", "record": {"etcd": {"endpoints": [self.endpoint]}}, "token_file": token,
            "lease": {"ttl": self.ttl},
            "http": {"listen": listen, "advertise": f"{'https' if tls else 'http'}://{listen}", **tls},
            **({"ca_file": self.ca_file} if tls else {}),
            "instances": [{"name": it.name, "url": it.url, "conninfo": it.conninfo, **self.known_as.get(it.name, {})}
                          for it in self.members],
        }, more)
        if self.synchronous:
            config["synchronous"] = self.synchronous
        file_name = f"{self.directory}/{name}.yaml"
        with open(file_name, "w", encoding="utf-8") as file:
            json.dump(config, file, indent=1)
        return self.add(Controller(name, file_name, listen, self.directory, place.enter, self.ca_file))

    def add(self, program):
        self.programs.append(program)
        return program

    # Life

    def start(self):
        for program in self.programs:
            program.start()
        for member in self.members:
            member.start()
        return self

    def stop(self):
        """Everything, without a trace."""
        for program in reversed(self.programs):
            program.kill()
        for member in self.members:
            member.destroy()
        if self._owns_directory:
            shutil.rmtree(self.directory, ignore_errors=True)

    def tail(self):
        return "".join(it.tail() for it in [*self.programs, *self.members])

    def keep_logs(self, directory):
        """For later: the logs, journals, configurations and what writers noted."""
        for path, _, names in os.walk(self.directory):
            for name in names:
                wanted = name in ("log", "journal") or name.endswith((".log", ".yaml", ".written"))
                if wanted and os.path.isfile(os.path.join(path, name)):
                    kept = os.path.join(directory, os.path.relpath(path, self.directory))
                    os.makedirs(kept, exist_ok=True)
                    shutil.copy(os.path.join(path, name), kept)

    # What is so

    def said(self):
        """Of the controller that leads; nothing when none does."""
        for controller in self.controllers:
            said = controller.said() if controller.runs else None
            if said and said.get("leads"):
                return said
        return None

    def leader(self):
        for controller in self.controllers:
            said = controller.said() if controller.runs else None
            if said and said.get("leads"):
                return controller
        return None

    def member(self, name):
        return next(it for it in self.members if it.name == name)

    def primaries(self):
        """Who says that it takes writes."""
        return [it for it in self.members if ((it.said() or {}).get("managed") or {}).get("serving")]

    def primary(self):
        found = self.primaries()
        return found[0] if len(found) == 1 else None

    def lacks(self):
        """What keeps the cluster from being whole; empty: one primary, all others stream from it on its timeline, and
        each of them could take over."""
        said = self.said()
        if not said:
            return "no controller leads"
        if not said.get("serving"):
            return f"the recorded primary {said.get('primary')} does not serve: {said.get('waits_for')}"
        states = {it.name: it.said() for it in self.members}
        primary = states.get(said["primary"])
        if not primary or not (primary.get("managed") or {}).get("serving"):
            return f"{said['primary']} does not say that it serves"
        for name, state in states.items():
            if name == said["primary"]:
                continue
            if not state or state.get("role") != "standby" or not (state.get("lsn") or {}).get("streaming"):
                return f"{name} does not stream: {json.dumps(state)[:600]}"
            if state.get("timeline") != primary.get("timeline"):
                return f"{name} is on timeline {state.get('timeline')}, the primary on {primary.get('timeline')}"
        if len(said.get("promotable") or []) != len(self.members) - 1:
            return f"the promotable list is {said.get('promotable')}"
        return ""

    def wait_whole(self, deadline=WHOLE):
        """Returns the primary."""
        end = time.monotonic() + deadline
        while True:
            lack = self.lacks()
            if not lack:
                return self.member(self.said()["primary"])
            if time.monotonic() > end:
                raise AssertionError(f"not whole within {deadline:.0f} s: {lack}\n{self.tail()}")
            time.sleep(0.1)

    # Use

    def servers(self):
        return [it.server for it in self.members]

    def asking(self, controller, *words):
        """The command that asks a controller, on its own machine."""
        enter = self.network.nodes[controller.name].enter if self.network else []
        trust = ["--ca-file", self.ca_file] if self.ca_file else []
        return [*enter, CONTROLLER, *words, "--url", controller.url, "--token-file", f"{self.directory}/token", *trust]

    def ask(self, *words):
        """What a command of pgbosun-controller ends with and says."""
        controller = next(it for it in self.controllers if it.runs)
        done = subprocess.run(self.asking(controller, *words), capture_output=True, text=True,
                              timeout=instance.DEADLINE, check=False)
        return done.returncode, done.stdout + done.stderr

    def switch_over(self, to):
        """On a busy machine another one takes over from who is late: so it is asked until it is done."""
        wait_for(f"a switchover to {to.name}",
                 lambda: self.primary() is to or self.ask("switchover", "--to", to.name)[0] == 0)

    def prepare_writes(self):
        """The table that writers need, on the primary and all its standbys."""
        primary = self.wait_whole()
        primary.sql(writer.TABLE)
        for it in self.members:
            wait_for(f"{it.name} has the table",
                     lambda it=it: it.psql("select from acknowledged limit 1").returncode == 0)
        return primary

    def write(self, label="client", servers=None, place=None):
        """A writer on all servers, on a machine of its own; one of `servers` on the machine of that name."""
        if self.network and place is None:
            place = "client"
            if place not in self.network.nodes:
                self.network.add(place)
        enter = self.network.nodes[place].enter if self.network else ()
        return writer.Writer(label, f"{self.directory}/{label}.written", servers or self.servers(), enter)
