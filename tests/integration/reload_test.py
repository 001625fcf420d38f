"""A changed configuration is applied without a restart where PostgreSQL can, and reported where it cannot."""

import copy
import os
import re
import signal
import socket
import ssl
import struct
import subprocess

import archives
import instance
from certificates import certificate
from instance import Case, wait_for


class Signal(Case):
    def test_at_sighup_the_files_are_read_again_and_a_changed_parameter_is_applied(self):
        it = self.existing().start().up()

        def read():
            return it.log().count('"the configuration has been read again"')
        # Nothing has changed: what looks at the files from time to time has nothing to do.
        self.assertEqual(read(), 0)
        it.send_signal(signal.SIGHUP)
        wait_for("the files have been read", lambda: read() == 1)
        self.assertNotIn("has changed", it.log())

        it.config["postgresql"]["parameters"]["work_mem"] = "5MB"
        it.write_config()
        it.send_signal(signal.SIGHUP)
        wait_for("it is applied", lambda: it.sql("show work_mem") == "5MB")
        self.assertEqual(it.status()["postgres"]["restarts"], 0)


class Reload(Case):
    """One instance for all tests; each begins with the same configuration."""

    @classmethod
    def setUpClass(cls):
        it = cls.it = cls.shared = instance.Instance()
        cls.addClassCleanup(it.destroy)
        it.config["http"]["token_file"] = it.secret("token", "first\n")
        it.write_config()
        cls.first_config = copy.deepcopy(it.config)
        instance.Template.fill(it)
        it.start().up()

    def setUp(self):
        self.it.config = copy.deepcopy(self.first_config)
        self.it.secret("token", "first\n")
        self.it.write_config()
        self.reload()
        self.shows("work_mem", "4MB")
        self.before = len(self.it.log())

    def reload(self):
        """Is answered when the files have been read, and does not wait until the watch of the files sees a change."""
        answer = self.it.http("POST", "/v1/reload")
        self.assertEqual(answer.status, 200, answer)

    def says(self, pattern):
        """In this test's part of the log."""
        wait_for(f"the log says {pattern}", lambda: re.search(pattern, self.it.log()[self.before:]))

    def change(self, **parameters):
        self.it.config["postgresql"]["parameters"] |= parameters
        self.it.write_config()

    def shows(self, name, value):
        wait_for(f"{name} is {value}", lambda: self.it.sql(f"show {name}") == value)

    def checkpoint_over_tcp(self, token):
        return self.it.tcp("POST", "/v1/checkpoint?wait=30s", headers={"Authorization": f"Bearer {token}"}).status

    def test_a_changed_file_is_applied_without_a_signal(self):
        self.change(work_mem="6MB")
        self.shows("work_mem", "6MB")

    def test_a_reload_takes_all_of_the_files_or_nothing(self):
        self.it.secret("token", "")
        self.change(work_mem="7MB")
        self.says("nothing of the files is taken")
        answer = self.it.http("POST", "/v1/reload")
        self.assertEqual(answer.status, 500, answer)
        self.assertNotEqual(self.it.sql("show work_mem"), "7MB")

        self.it.secret("token", "third\n")

        self.shows("work_mem", "7MB")
        self.assertEqual(self.checkpoint_over_tcp("third"), 200)

    def test_what_changes_only_at_a_start_is_named(self):
        self.it.config["log"] = {"format": "text"}
        self.it.config["postgresql"]["port"] = instance.free_port()
        self.change(work_mem="8MB")
        self.reload()
        self.shows("work_mem", "8MB")
        self.says('"keys":"log.format, postgresql.port"')
        self.assertEqual(self.it.client("checkpoint").returncode, 0)

    def test_metric_queries_are_read_again_and_a_file_that_is_wrong_costs_only_itself(self):
        query = "mine:\n  query: select 42 as answer\n  metrics:\n    - answer: {usage: GAUGE, description: of all}\n"
        file = self.it.write_file(f"{self.it.directory}/queries.yaml", query)
        self.it.config["metrics"] = {"queries": [file], "cache_time": "1s"}
        self.change(work_mem="9MB")
        self.reload()
        wait_for("the query is asked", lambda: "cnpg_mine_answer 42" in self.it.http("GET", "/metrics").text)

        self.it.write_file(file, query.replace("42", "43"))
        wait_for("the changed one is", lambda: "cnpg_mine_answer 43" in self.it.http("GET", "/metrics").text)
        self.it.write_file(file, "mine: [")
        self.says("metric queries cannot be used: .*queries.yaml:1: ")
        self.change(work_mem="10MB")
        self.reload()

        self.shows("work_mem", "10MB")
        wait_for("what the file said before is asked on",
                 lambda: "cnpg_mine_answer 43" in self.it.http("GET", "/metrics").text)

    def test_a_changed_hba_rule_is_applied(self):
        self.it.config["postgresql"]["pg_hba"] = ["host all postgres 127.0.0.1/32 trust"]
        self.it.write_config()
        self.reload()

        def trusted():
            try:
                instance.raw_session(self.it.port, user="postgres", database="postgres").close()
                return True
            except (AssertionError, OSError, instance.struct.error):
                return False
        wait_for("the new rule holds", trusted)

    def test_a_replaced_certificate_of_postgresql_is_shown_although_nobody_reloads_it(self):
        directory = self.it.directory
        for name, issuer in (("ca", None), ("first", "ca"), ("second", "ca")):
            certificate(directory, name, issuer)
        key = f"{self.it.data_directory}/tls.key"
        with open(f"{directory}/second.key", encoding="ascii") as file:
            second = file.read()
        os.rename(f"{directory}/first.key", key)
        self.it._give(key)
        self.change(ssl="on", ssl_cert_file=f"{directory}/first.crt", ssl_key_file="tls.key")
        self.reload()
        self.shows("ssl", "on")
        self.assertEqual(self.shown_certificate(), self.der(f"{directory}/first.crt"))

        self.it.write_file(key, second, 0o600)
        os.rename(f"{directory}/second.crt", f"{directory}/first.crt")

        wanted = self.der(f"{directory}/first.crt")
        wait_for("the new certificate is shown", lambda: self.shown_certificate() == wanted)

    @staticmethod
    def der(path):
        with open(path, encoding="ascii") as file:
            return ssl.PEM_cert_to_DER_cert(file.read())

    def shown_certificate(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with socket.create_connection(("127.0.0.1", self.it.port), 30) as plain:
            plain.sendall(struct.pack("!II", 8, 80877103))  # SSLRequest
            self.assertEqual(plain.recv(1), b"S")
            with context.wrap_socket(plain) as encrypted:
                return encrypted.getpeercert(binary_form=True)

    def test_a_secret_that_changes_in_place_is_read_again(self):
        self.assertEqual(self.checkpoint_over_tcp("first"), 200)

        self.it.secret("token", "second\n")

        wait_for("the new token is known", lambda: self.checkpoint_over_tcp("second") == 200)
        self.assertIn(self.checkpoint_over_tcp("first"), (401, 403))

    def test_a_secret_that_is_mounted_as_kubernetes_does_is_read_again(self):
        folder = f"{self.it.directory}/secret"

        def mount(version, text):
            os.makedirs(f"{folder}/{version}")
            with open(f"{folder}/{version}/token", "w", encoding="utf-8") as file:
                file.write(text)
            os.symlink(version, f"{folder}/..data_new")
            os.rename(f"{folder}/..data_new", f"{folder}/..data")
        mount("..1", "mounted")
        os.symlink("..data/token", f"{folder}/token")
        self.it.config["http"]["token_file"] = f"{folder}/token"
        self.it.write_config()
        self.reload()
        wait_for("the mounted token is known", lambda: self.checkpoint_over_tcp("mounted") == 200)

        mount("..2", "rotated")

        wait_for("the rotated token is known", lambda: self.checkpoint_over_tcp("rotated") == 200)

    def test_what_needs_a_restart_is_reported_until_it_was_restarted(self):
        self.change(max_connections=30)
        self.reload()

        status = self.it.wait_status("it is reported", lambda status: status["pending_restart"])
        self.assertEqual(status["pending_restart_parameters"], ["max_connections"])
        self.assertTrue(status["ready"])
        self.assertEqual(self.it.sql("show max_connections"), "20")

        done = self.it.client("restart", "--wait", "60s")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.it.wait_status("it is applied", lambda status: status["ready"] and not status["pending_restart"])
        self.assertEqual(self.it.sql("show max_connections"), "30")

    def test_a_file_with_an_error_changes_nothing_and_the_log_names_the_line(self):
        self.it.config["postgresql"]["parameters"]["archive_command"] = "true"
        self.it.config["postgresql"]["parameters"]["work_mem"] = "7MB"
        self.it.write_config()

        self.says(r"pgbosun\.yaml:\d+.*archive_command")
        self.says("the old one stays")
        self.assertEqual(self.it.sql("show work_mem"), "4MB")

        del self.it.config["postgresql"]["parameters"]["archive_command"]
        self.it.write_config()
        self.reload()
        self.shows("work_mem", "7MB")

    def test_a_value_that_postgres_does_not_take_changes_nothing_and_does_not_keep_it_from_its_next_start(self):
        self.change(work_mem="plenty", maintenance_work_mem="33MB")

        self.says("work_mem: PostgreSQL does not take it: invalid value")
        answer = self.it.http("POST", "/v1/reload")
        self.assertEqual(answer.status, 500, answer)
        self.assertIn("postgresql.parameters.work_mem", str(answer))
        self.assertTrue(self.it.status()["ready"])
        done = self.it.client("restart", "--wait", "60s")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.it.sql("show work_mem; show maintenance_work_mem"), "4MB\n64MB")

        self.change(work_mem="5MB")
        self.reload()
        self.shows("work_mem", "5MB")

    def test_a_wrong_access_line_is_named_and_changes_nothing(self):
        for lines, words in (({"pg_hba": ["hst all all samenet trust"]}, '"hst" is no connection type'),
                             ({"pg_ident": ["foo"]}, "the line ends before the system")):
            self.it.config["postgresql"].update({"pg_hba": [], "pg_ident": []} | lines)
            self.it.write_config()
            answer = self.it.http("POST", "/v1/reload")
            self.assertEqual(answer.status, 500, answer)
            self.assertIn(words, answer.text.replace('\\"', '"'))

        # Of addresses PostgreSQL knows more.
        self.it.config["postgresql"].update({"pg_hba": ["host all all 300.0.0.1/32 trust"], "pg_ident": []})
        self.it.write_config()
        answer = self.it.http("POST", "/v1/reload")
        self.assertEqual(answer.status, 500, answer)
        self.assertIn("of pg_hba.conf: specifying both host name and CIDR mask", answer.text)

    def test_config_check_asks_postgres_about_each_parameter(self):
        self.change(work_mem="plenty", max_conections=20, **{"my.own": "3"})
        checked = subprocess.run([instance.PGBOSUN, "config", "check", "--config", self.it.config_file], capture_output=True,
                                 text=True, check=False)
        self.assertEqual(checked.returncode, 2, checked)
        self.assertRegex(checked.stdout, r"work_mem: PostgreSQL does not take it: invalid value")
        self.assertRegex(checked.stdout, r"max_conections: PostgreSQL does not take it: unrecognized")
        self.assertNotIn("my.own: PostgreSQL", checked.stdout)


class Archiver(Case):
    def archiver(self):
        return next((pid for pid in instance.children(self.it.pid)
                     if instance.process_name(pid).startswith("pgbosun-archive")), None)

    def test_the_archiver_goes_by_what_was_taken_and_not_by_what_is_in_the_file(self):
        self.it = self.existing()
        self.it.config["archive"] = {"destination": f"file://{self.it.directory}/archive"}
        self.it.write_config()
        self.it.start().up()
        archives.wait_archived(self.it, archives.switch(self.it))

        before = self.archiver()
        self.it.config["run_dir"] = f"{self.it.directory}/elsewhere"
        self.it.write_config()
        self.it.wait_log('"keys":"run_dir"')
        wait_for("another archiver runs", lambda: self.archiver() not in (None, before))
        archives.wait_archived(self.it, archives.switch(self.it))

        before = self.archiver()
        self.it.write_file(self.it.config_file, "cluster: [")
        self.it.wait_log("nothing of the files is taken")
        instance.send(before, signal.SIGKILL)
        wait_for("another archiver runs", lambda: self.archiver() not in (None, before))
        archives.wait_archived(self.it, archives.switch(self.it))


if __name__ == "__main__":
    instance.main()
