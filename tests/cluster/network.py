"""Machines as network namespaces that a router joins, whose links can be cut and slowed (root, Linux, iproute2).

The router is a namespace of its own, which this process enters: nothing of the host's network is touched, and all of it
is gone with the processes.
"""

import collections
import ctypes
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))

import instance  # noqa: E402

CLONE_NEWNET = 0x40000000
CUT = 100  # preference of the rules that cut
LIBC = ctypes.CDLL(None, use_errno=True)


class Impossible(Exception):
    """This machine makes no namespaces, and why."""


def run(*words, text=None):
    done = subprocess.run(words, input=text, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Impossible(f"{' '.join(words)} {text or ''}: {done.stderr.strip()}")
    return done.stdout


def namespace_of(pid):
    return os.readlink(f"/proc/{pid}/ns/net")


class Node:
    def __init__(self, name, number):
        self.name = name
        self.number = number
        self.address = f"10.87.{number}.2"
        self.link = f"to-{number}"  # the router's end
        self.holder = subprocess.Popen(["unshare", "--net", "sleep", "infinity"], stdin=subprocess.DEVNULL)
        instance._started.add(self.holder.pid)
        ours = namespace_of(os.getpid())
        instance.wait_for("a namespace", lambda: self.holder.poll() is not None or namespace_of(self.holder.pid) != ours)

    @property
    def enter(self):
        """The words before a command that is to run there; it keeps its pid."""
        return ["nsenter", f"--net=/proc/{self.holder.pid}/ns/net"]


class Network:
    def __init__(self):
        if os.geteuid() != 0:
            raise Impossible("only root may make network namespaces")
        self._before = os.open("/proc/self/ns/net", os.O_RDONLY)
        if LIBC.unshare(CLONE_NEWNET) != 0:
            raise Impossible(f"no network namespace: {os.strerror(ctypes.get_errno())}")
        self.nodes = {}
        self._cuts = collections.Counter()  # (from, to) -> how many faults cut that way
        run("ip", "link", "set", "lo", "up")
        try:
            with open("/proc/sys/net/ipv4/ip_forward", "w", encoding="ascii") as file:
                file.write("1")
        except OSError as error:
            raise Impossible(f"no router: {error}") from error

    def add(self, name):
        node = Node(name, len(self.nodes) + 1)
        self.nodes[name] = node
        router = node.address[:-1] + "1"
        run("ip", "link", "add", node.link, "type", "veth", "peer", "name", "eth0", "netns", str(node.holder.pid))
        run("ip", "-batch", "-", text=f"addr add {router}/24 dev {node.link}\nlink set {node.link} up\n")
        run(*node.enter, "ip", "-batch", "-",
            text=f"link set lo up\naddr add {node.address}/24 dev eth0\nlink set eth0 up\nroute add default via {router}\n")
        return node

    def close(self):
        for node in self.nodes.values():
            node.holder.kill()
            node.holder.wait()
        LIBC.setns(self._before, CLONE_NEWNET)
        os.close(self._before)

    # Faults, each of which returns how it is undone. What is cut is dropped without a word, as by a dead switch.

    def cut(self, one, others, ways=("from", "to")):
        """Between node `one` and each of `others`; with one way only what goes `from` or `to` the one."""
        here = self.nodes[one].address
        there = [self.nodes[name].address for name in others if name != one]
        pairs = [(here, it) for it in there if "from" in ways] + [(it, here) for it in there if "to" in ways]
        self._rules("add", [pair for pair in pairs if not self._cuts[pair]])
        self._cuts.update(pairs)
        return lambda: self._join(pairs)

    def isolate(self, name, ways=("from", "to")):
        return self.cut(name, list(self.nodes), ways)

    def _join(self, pairs):
        held = [pair for pair in pairs if self._cuts[pair]]  # by this cut, unless all was healed before
        self._cuts.subtract(held)
        self._rules("del", [pair for pair in held if not self._cuts[pair]])

    @staticmethod
    def _rules(verb, pairs):
        lines = [f"rule {verb} from {one} to {other} pref {CUT} blackhole\n" for one, other in pairs]
        run("ip", "-batch", "-", text="".join(lines))

    def slow(self, name, rate="200kbit", ways=("from", "to")):
        """What goes through it waits in a queue of up to 400 ms, and beyond that is lost."""
        node = self.nodes[name]
        devices = [([], node.link)] * ("to" in ways) + [(node.enter, "eth0")] * ("from" in ways)
        for words, device in devices:
            run(*words, "tc", "qdisc", "replace", "dev", device, "root", "tbf", "rate", rate, "burst", "16kbit",
                "latency", "400ms")
        return lambda: self._quicken(devices)

    @staticmethod
    def _quicken(devices):
        for words, device in devices:
            if " tbf " in run(*words, "tc", "qdisc", "show", "dev", device):
                run(*words, "tc", "qdisc", "del", "dev", device, "root")

    def heal(self):
        """All links are as they were."""
        self._rules("del", [pair for pair, count in self._cuts.items() if count])
        self._cuts.clear()
        for node in self.nodes.values():
            self._quicken([([], node.link), (node.enter, "eth0")])
