"""Clients find the primary: the recipes of docs/routing.md with the real HAProxy, PgBouncer and libpq, through a failover.

Exits with 77 when there is no etcd; HAProxy's and PgBouncer's tests are skipped when they are not there.
"""

import os
import re
import shutil
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cluster"))

import cluster  # noqa: E402
import instance  # noqa: E402
import libpq  # noqa: E402
import writer  # noqa: E402
from instance import free_port, wait_for  # noqa: E402

PATIENCE = 10.0
HAPROXY = shutil.which("haproxy") or shutil.which("haproxy", path="/usr/sbin")
PGBOUNCER = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")


def recipe(kind):
    with open(os.path.join(instance.PROJECT, "docs", "routing.md"), encoding="utf-8") as file:
        return re.search(rf"```{kind}\n(.*?)```", file.read(), re.DOTALL).group(1)


def ask(conninfo, sql):
    """The first field; nothing when there is no answer."""
    try:
        connection = libpq.Connection(conninfo, PATIENCE)
    except libpq.Lost:
        return None
    try:
        return connection.execute(sql, PATIENCE)[0][0]
    except (libpq.Lost, libpq.Refused):
        return None
    finally:
        connection.close()


def by_port(port):
    return f"host=127.0.0.1 port={port} user=postgres dbname=postgres sslmode=disable gssencmode=disable"


WHO = "select inet_server_port() || case when pg_is_in_recovery() then ' standby' else ' primary' end"


class Routing(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = cluster.Cluster()
        cls.addClassCleanup(cls.cluster.stop)
        cls.cluster.start()
        cls.cluster.prepare_writes()

    def setUp(self):
        self.primary = self.cluster.wait_whole()

    def tearDown(self):
        if instance.has_failed(self):
            print(self.cluster.tail(), file=sys.stderr)

    # Programs beside the cluster

    def started(self, name, command, **popen):
        program = cluster.Program(name, command, self.cluster.directory, **popen).start()
        self.addCleanup(program.kill)
        return program

    def haproxy(self, quick=False):
        """Ports that lead to the primary, and to the standbys."""
        text, ports = recipe("haproxy"), (free_port(), free_port())
        if quick:
            text = re.sub(r"default-server .*\n", lambda _: recipe("haproxy-server"), text)
        for usual, ours in zip(("5000", "5001"), ports):
            text = text.replace(f"bind *:{usual}", f"bind 127.0.0.1:{ours}")
        for it in self.cluster.members:
            http = it.url.rsplit(":", 1)[1]
            text = re.sub(rf"server {it.name} \S+ (.*) port 8008", rf"server {it.name} {it.server} \1 port {http}", text)
        file_name = f"{self.cluster.directory}/haproxy-{ports[0]}.cfg"
        with open(file_name, "w", encoding="ascii") as file:
            file.write(text)
        self.started("haproxy", [HAPROXY, "-db", "-f", file_name])
        return ports

    def pgbouncer(self, behind):
        port = free_port()
        text = recipe("pgbouncer")
        text = text.replace("host=haproxy port=5000", f"host=127.0.0.1 port={behind}").replace("6432", str(port))
        text = text.replace("listen_addr = *", "listen_addr = 127.0.0.1")
        # The servers of this test trust everybody.
        text = text.replace("auth_type = scram-sha-256\nauth_file = /etc/pgbouncer/userlist.txt",
                            "auth_type = any\nunix_socket_dir =")
        text = text.replace("* = host", "* = user=postgres host")
        file_name = f"{self.cluster.directory}/pgbouncer.ini"
        with open(file_name, "w", encoding="ascii") as file:
            file.write(text)
        os.chmod(file_name, 0o644)
        self.started("pgbouncer", [*instance.as_user("postgres"), PGBOUNCER, file_name])
        return port

    def leads_to(self, conninfo, port, role):
        wait_for(f"{conninfo} to lead to the {role} {port}\n", lambda: ask(conninfo, WHO) == f"{port} {role}")

    def leads_to_a_standby(self, conninfo):
        standbys = {f"{it.port} standby" for it in self.cluster.members if it is not self.primary}
        wait_for(f"{conninfo} to lead to a standby", lambda: ask(conninfo, WHO) in standbys)

    # Failures

    def replaced(self):
        """The primary is killed, and another one serves; the old one comes back."""
        old = self.primary
        old.kill()
        wait_for("another primary", lambda: self.cluster.primaries() not in ([], [old]))
        self.primary = self.cluster.primary()
        return old

    def switched(self):
        old = self.primary
        code, said = self.cluster.ask("switchover")
        self.assertEqual(code, 0, said)
        self.primary = wait_for("another primary", self.cluster.primary)
        self.assertIsNot(self.primary, old)

    def missing(self, written):
        """What a writer was told, and is not there; asked once it has gone on writing."""
        told = len(written.acknowledged())
        wait_for("writes after it", lambda: len(written.acknowledged()) > told + 30)
        written.stop()
        acknowledged = {row.number for row in written.acknowledged()}
        rows = self.cluster.primary().sql(f"select id from acknowledged where label = '{written.label}'").split()
        return acknowledged - {int(row) for row in rows}

    # Tests

    def test_libpq_with_all_hosts_finds_the_primary_again_and_again(self):
        hosts = recipe("conninfo").strip().replace("pg-1,pg-2,pg-3", "127.0.0.1,127.0.0.1,127.0.0.1")
        hosts = hosts.replace("5432,5432,5432", ",".join(str(it.port) for it in self.cluster.members))
        hosts = hosts.replace("dbname=app", "dbname=postgres user=postgres")
        standby = hosts.replace("read-write", "standby")
        self.leads_to(hosts, self.primary.port, "primary")
        self.leads_to_a_standby(standby)
        written = self.cluster.write("multi-host")
        self.addCleanup(written.stop)
        wait_for("writes", lambda: len(written.acknowledged()) > 20)

        self.switched()
        self.leads_to(hosts, self.primary.port, "primary")
        self.leads_to_a_standby(standby)
        self.assertEqual(self.missing(written), set(), "a switchover loses nothing")

        self.cluster.wait_whole()
        old = self.replaced()
        self.leads_to(hosts, self.primary.port, "primary")
        old.start()
        self.cluster.wait_whole()
        self.leads_to(hosts, self.primary.port, "primary")

    @unittest.skipUnless(HAPROXY, "there is no haproxy")
    def test_haproxy_with_a_configuration_of_patroni_leads_to_the_primary_and_to_standbys(self):
        to_primary, to_standby = self.haproxy()
        self.leads_to(by_port(to_primary), self.primary.port, "primary")
        self.leads_to_a_standby(by_port(to_standby))
        idle = libpq.Connection(by_port(to_primary), PATIENCE)
        self.addCleanup(idle.close)

        old = self.replaced()
        self.leads_to(by_port(to_primary), self.primary.port, "primary")
        self.leads_to_a_standby(by_port(to_standby))
        with self.assertRaises(libpq.Lost):
            idle.execute("select", PATIENCE)

        old.start()
        self.cluster.wait_whole()
        self.switched()
        self.leads_to(by_port(to_primary), self.primary.port, "primary")
        self.leads_to_a_standby(by_port(to_standby))

    @unittest.skipUnless(HAPROXY and PGBOUNCER, "there is no haproxy or no pgbouncer")
    def test_pgbouncer_behind_the_quick_haproxy_goes_on_after_a_switchover_and_a_failover(self):
        to_primary, _ = self.haproxy(quick=True)
        through = by_port(self.pgbouncer(to_primary))
        self.leads_to(through, self.primary.port, "primary")
        written = self.cluster.write("pgbouncer", [f"127.0.0.1:{through.split('port=')[1].split()[0]}"])
        self.addCleanup(written.stop)
        wait_for("writes", lambda: len(written.acknowledged()) > 20)

        self.switched()
        self.leads_to(through, self.primary.port, "primary")
        self.assertEqual(self.missing(written), set(), "a switchover loses nothing")

        self.cluster.wait_whole()
        old = self.replaced()
        self.leads_to(through, self.primary.port, "primary")
        old.start()


class SynchronousChecks(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = cluster.Cluster(size=2, controllers=1,
                                      synchronous={"method": "any", "number": 1, "data_durability": "required"})
        cls.addClassCleanup(cls.cluster.stop)
        cls.cluster.start()

    def tearDown(self):
        if instance.has_failed(self):
            print(self.cluster.tail(), file=sys.stderr)

    def test_the_role_checks_know_the_synchronous_standby(self):
        primary = self.cluster.wait_whole()
        standby = next(it for it in self.cluster.members if it is not primary)

        wait_for("the standby knows that it is waited for", lambda: standby.http("GET", "/synchronous").status == 200)
        for path in ("/sync", "/quorum", "/read-only-sync", "/read-only-quorum", "/replica"):
            self.assertEqual(standby.http("GET", path).status, 200, path)
        self.assertEqual(standby.http("GET", "/asynchronous").status, 503)
        self.assertIs(standby.status()["synchronous"], True)
        self.assertEqual(primary.http("GET", "/synchronous").status, 503)
        self.assertEqual(primary.http("GET", "/read-only-sync").status, 200)


if __name__ == "__main__":
    if cluster.ETCD is None:
        print("SKIPPED: there is no etcd (Debian's package is etcd-server; PGBOSUN_ETCD names its program)")
        sys.exit(77)
    instance.main()
