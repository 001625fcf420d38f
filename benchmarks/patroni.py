"""The peer of failover.py: Debian's Patroni with etcd and its default settings, on the same machines as ours would be."""

import glob
import json
import os
import signal
import sys
import time

import support

sys.path.insert(0, os.path.join(support.SOURCE, "tests", "cluster"))

import cluster  # noqa: E402
import instance  # noqa: E402

CONFIG = """
scope: orders
name: {name}
restapi: {{listen: "{address}:8008", connect_address: "{address}:8008"}}
etcd3: {{hosts: ["{etcd}"]}}
bootstrap:
  dcs:
    ttl: 30
    loop_wait: 10
    retry_timeout: 10
    maximum_lag_on_failover: 1048576
    postgresql: {{use_pg_rewind: true, use_slots: true}}
  initdb: [{{encoding: UTF8}}, data-checksums]
postgresql:
  listen: "{address}:5432"
  connect_address: "{address}:5432"
  data_dir: {directory}/data
  bin_dir: {bin_dir}
  pgpass: {directory}/pgpass
  authentication:
    replication: {{username: replicator, password: hush}}
    superuser: {{username: postgres, password: hush}}
    rewind: {{username: rewind, password: hush}}
  pg_hba: ["local all all trust", "host all all all trust", "host replication all all trust"]
  parameters: {{unix_socket_directories: {directory}}}
"""


class Member(cluster.Program):
    """PID 1 of its processes, as in a container."""

    def __init__(self, place, name, directory, etcd):
        self.directory = directory
        self.server = f"{place.address}:5432"
        file_name = f"{directory}/patroni.yml"
        with open(file_name, "w", encoding="ascii") as file:
            file.write(CONFIG.format(name=name, address=place.address, etcd=etcd, directory=directory,
                                     bin_dir=support.POSTGRES_BIN))
        super().__init__(name, ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc",
                                *instance.as_user("postgres"), "patroni", file_name], directory, place.enter,
                         env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "HOME": directory})

    def _tree(self):
        return instance.descendants(self.process.pid)

    def kill(self):
        for pid in self._tree() if self.runs else ():
            if os.path.basename(instance.command_line(pid).split(" ")[0]) != "setpriv":
                instance.send(pid, signal.SIGKILL)
        super().kill()
        instance.wait_for("its processes to be gone",
                          lambda: not instance.server_processes(f"{self.directory}/data"))

    def kill_postmaster(self):
        table = instance.parents()
        for pid in self._tree():
            if instance.process_name(pid) == "postgres" and instance.process_name(table[pid]) != "postgres":
                os.kill(pid, signal.SIGKILL)

    def _agents(self):
        return [pid for pid in self._tree() if "/patroni" in instance.command_line(pid)]

    def end(self):
        for pid in self._agents():
            os.kill(pid, signal.SIGTERM)

    def freeze(self):
        for pid in self._agents():
            os.kill(pid, signal.SIGSTOP)

    def thaw(self):
        for pid in self._agents():
            os.kill(pid, signal.SIGCONT)


class Patroni:
    name = "Patroni"

    def __init__(self, bench, network):
        support.need("patroni", "patroni")
        if not glob.glob("/usr/lib/python3/dist-packages/etcd/client.py"):
            support.need("/usr/lib/python3/dist-packages/etcd/client.py", "python3-etcd")
        self.network = network
        self.directory = bench.place("patroni")
        place = cluster.Place(network, "etcd")
        client, peer = f"http://{place.address}:2379", f"http://{place.address}:2380"
        self.etcd = cluster.Program("etcd", [
            cluster.ETCD, "--name", "etcd", "--data-dir", bench.place("patroni-etcd"), "--listen-client-urls", client,
            "--advertise-client-urls", client, "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
            "--initial-cluster", f"etcd={peer}"], self.directory, place.enter)
        self.members = [Member(cluster.Place(network, name), name, bench.place(f"patroni-{name}"),
                               f"{place.address}:2379") for name in ("pg-1", "pg-2", "pg-3")]

    def start(self):
        for program in (self.etcd, *self.members):
            program.start()
        return self

    def stop(self):
        for program in (*self.members, self.etcd):
            program.send_signal(signal.SIGCONT)
            program.kill()

    def deciders(self):
        return [self.etcd]

    def tail(self):
        return "".join(it.tail() for it in self.members)

    def servers(self):
        return [it.server for it in self.members]

    def _ctl(self, *words):
        member = next(it for it in self.members if it.runs)
        return support.subprocess.run(
            [*self.network.nodes[member.name].enter, "patronictl", "-c", f"{member.directory}/patroni.yml", *words],
            capture_output=True, text=True, check=False,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "HOME": self.directory})

    def _lacks(self):
        done = self._ctl("list", "-f", "json")
        try:
            rows = json.loads(done.stdout)
        except ValueError:
            return done.stderr[-300:], None
        leaders = [row["Member"] for row in rows if row["Role"] == "Leader" and row["State"] == "running"]
        good = [row for row in rows if row["State"] in ("running", "streaming") and row.get("TL")]
        one_timeline = len({row["TL"] for row in good}) == 1
        if len(leaders) != 1 or len(good) != len(self.members) or not one_timeline:
            return done.stdout, None
        return "", next(it for it in self.members if it.name == leaders[0])

    def wait_whole(self, deadline=300):
        end = time.monotonic() + deadline
        while True:
            lack, leader = self._lacks()
            if leader:
                return leader
            if time.monotonic() > end:
                raise RuntimeError(f"Patroni's cluster is not whole: {lack}\n" + self.tail())
            time.sleep(1)

    def switchover(self):
        done = self._ctl("switchover", "--force")
        if done.returncode != 0:
            raise RuntimeError(done.stdout + done.stderr)
