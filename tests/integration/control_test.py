"""Commands through the Unix socket, over TCP and with the client: what they do, whom they obey, how they refuse."""

import os
import re
import signal
import ssl
import subprocess
import unittest

import instance
from certificates import certificate
from instance import Case, alive, children, wait_for


def problem(answer):
    """(status, detail, hint) of a refusal."""
    if answer.headers["Content-Type"] != "application/problem+json":
        raise AssertionError(f"not a problem document: {answer}")
    return answer.status, answer.json["detail"], answer.json.get("hint", "")


class Verbs(Case):
    @classmethod
    def setUpClass(cls):
        cls.it = instance.Instance({"shutdown": {"checkpoint_timeout": "2s"}})
        cls.addClassCleanup(cls.it.destroy)
        instance.Template.fill(cls.it)
        cls.it.start().up()
        cls.shared = cls.it

    def post(self, verb, body=None, query=""):
        return self.it.http("POST", f"/v1/{verb}{query}", body)

    def test_a_fence_stops_postgres_is_idempotent_and_refuses_what_needs_a_server(self):
        postmaster = self.it.postmaster()

        fenced = self.post("fence", {"reason": "disk swap"})

        self.assertEqual(fenced.status, 200, fenced)
        self.assertFalse(alive(postmaster))
        self.assertEqual((fenced.json["phase"], fenced.json["role"], fenced.json["postgres"]["pid"]),
                         ("fenced", "none", None))
        self.assertEqual(fenced.json["fenced"]["reason"], "disk swap")
        self.assertEqual(self.post("fence", {"reason": "again"}).status, 200)
        self.assertEqual(self.it.status()["fenced"], fenced.json["fenced"], "the first reason and moment stay")
        for verb in ("restart", "promote", "demote", "checkpoint"):
            with self.subTest(verb):
                status, detail, hint = problem(self.post(verb))
                self.assertEqual((status, detail), (409, "the instance is fenced"))
                self.assertIn("unfence", hint)
        self.assertEqual(self.post("reload").status, 200)
        for path in ("/readyz", "/primary", "/replica", "/health"):
            with self.subTest(path):
                answer = self.it.http("GET", path)
                self.assertEqual(answer.status, 503)
                self.assertIn("fenced", answer.text)
        self.assertEqual(self.it.http("GET", "/livez").status, 200)

        unfenced = self.post("unfence")

        self.assertEqual(unfenced.status, 200, unfenced)
        self.assertIsNone(unfenced.json["fenced"])
        self.assertEqual(self.post("unfence").status, 200)
        self.it.up()
        self.assertEqual(self.it.sql("select 1"), "1")

    def test_a_restart_makes_a_new_server_and_counts_as_no_crash(self):
        before = self.it.postmaster()

        answer = self.post("restart")

        self.assertEqual(answer.status, 200, answer)
        self.it.up()
        self.assertNotEqual(self.it.postmaster(), before)
        self.assertEqual(self.it.status()["postgres"]["restarts"], 0)
        self.assertEqual(self.it.sql("select 1"), "1")

    def test_a_checkpoint_is_in_the_control_file_when_it_is_answered(self):
        before = self.it.control_data()["Latest checkpoint location"]
        self.it.sql("create table if not exists checkpointed(i int); insert into checkpointed values (1)")

        self.assertEqual(self.post("checkpoint").status, 200)

        self.assertNotEqual(self.it.control_data()["Latest checkpoint location"], before)

    def test_a_reload_reads_the_file_before_it_answers_and_reports_what_waits_for_a_restart(self):
        parameters = self.it.config["postgresql"]["parameters"]
        parameters |= {"work_mem": "7MB", "shared_buffers": "24MB"}
        self.it.write_config()

        self.assertEqual(self.post("reload").status, 200)

        wait_for("the backends see it", lambda: self.it.sql("show work_mem") == "7MB")
        status = self.it.wait_status("a restart is due", lambda status: status["pending_restart"])
        self.assertEqual(status["pending_restart_parameters"], ["shared_buffers"])
        self.assertEqual(self.post("restart").status, 200)
        self.it.up()
        self.assertEqual(self.it.sql("show shared_buffers"), "24MB")
        self.it.wait_status("none is due", lambda status: not status["pending_restart"])

    def test_a_reload_of_a_broken_file_fails_with_the_line_and_changes_nothing(self):
        good = dict(self.it.config["postgresql"]["parameters"])
        self.it.config["postgresql"]["parameters"] = good | {"archive_command": "true", "work_mem": "9MB"}
        self.it.write_config()
        self.addCleanup(self.it.write_config)
        self.addCleanup(self.it.config["postgresql"].__setitem__, "parameters", good)

        status, detail, _ = problem(self.post("reload"))

        self.assertEqual(status, 500)
        self.assertRegex(detail, r"pgbosun\.yaml:\d+")
        self.assertNotEqual(self.it.sql("show work_mem"), "9MB")

    def test_a_primary_is_promoted_already_and_cannot_be_demoted_without_a_primary_to_follow(self):
        self.assertEqual(self.post("promote").status, 200)

        status, detail, hint = problem(self.post("demote"))

        self.assertEqual((status, detail), (409, "there is no primary to follow"))
        self.assertIn("upstream", hint)
        self.assertEqual(self.it.status()["role"], "primary")

    def test_an_upstream_that_is_no_connection_string_is_refused_and_nothing_is_stopped(self):
        postmaster = self.it.postmaster()
        for upstream in ("", "host", "hots=pg-2", "host=pg-2 password=secret", "host='pg-2"):
            with self.subTest(upstream):
                status, detail, hint = problem(self.post("demote", {"upstream": upstream}))
                self.assertEqual(status, 400)
                self.assertIn('field "upstream": ', detail)
                self.assertTrue(hint)
                self.assertNotIn("secret", detail)
        self.assertEqual(self.it.postmaster(), postmaster)

    def test_a_request_that_is_wrong_is_refused_by_name_and_does_nothing(self):
        postmaster = self.it.postmaster()
        for verb, body, query, names in (
                ("fence", '{"reason": 1}', "", "reason"), ("fence", '{"raison": "x"}', "", "raison"),
                ("fence", '{"reason": "x"', "", "JSON"), ("fence", '["x"]', "", "object"),
                ("fence", '{"reason": "a", "reason": "b"}', "", "reason"), ("restart", None, "?wait=900s", "wait"),
                ("restart", None, "?wait=soon", "wait"), ("restart", None, "?weit=1s", "weit"),
                ("restart", '{"force": true}', "", "force")):
            with self.subTest(verb=verb, body=body, query=query):
                status, detail, _ = problem(self.post(verb, body, query))
                self.assertEqual(status, 400)
                self.assertIn(names, detail)
        wrong_method = self.it.http("GET", "/v1/fence")
        self.assertEqual((wrong_method.status, wrong_method.headers["Allow"]), (405, "POST"))
        self.assertEqual(self.it.http("POST", "/v1/fense").status, 404)
        self.assertEqual(self.it.postmaster(), postmaster)
        self.assertIsNone(self.it.status()["fenced"])

    def test_the_journal_says_who_asked_for_what(self):
        last = self.it.http("GET", "/v1/journal?limit=1").json["last_id"]

        self.post("restart", {"reason": "new library"})
        # Refused before the state machine is asked.
        self.post("demote", {"upstream": "host", "reason": "a slip"})

        entries = self.it.http("GET", f"/v1/journal?since={last}").json["entries"]
        for reason in ("new library", "a slip"):
            self.assertTrue(any(entry["kind"] == "command" and reason in str(entry) and "uid" in str(entry)
                                for entry in entries), entries)


class FenceByHand(Case):
    def test_it_says_that_it_was_made_by_hand_and_since_when_also_when_it_cannot_be_read(self):
        it = self.existing()
        path = f"{it.volume}/pgbosun/fence"
        os.makedirs(os.path.dirname(path), mode=0o700)
        it._give(os.path.dirname(path))
        it.write_file(path, "storage moves\n")
        os.utime(path, (1700000000, 1700000000))

        it.start()

        fenced = it.wait_status("it is fenced", lambda status: status["phase"] == "fenced")["fenced"]
        self.assertEqual(fenced, {"reason": "made by hand: storage moves", "since": "2023-11-14T22:13:20.000Z"})
        it.stop()
        os.remove(path)
        os.mkdir(path)  # what no user can read, root included
        os.utime(path, (1700000000, 1700000000))
        it.start()
        fenced = it.wait_status("it is fenced", lambda status: status["phase"] == "fenced")["fenced"]
        self.assertEqual(fenced["since"], "2023-11-14T22:13:20.000Z")
        self.assertIn("the fence on the volume cannot be read: ", fenced["reason"])

    def test_one_that_was_made_while_it_runs_is_taken_away_by_unfence(self):
        it = self.existing().start().up()
        path = f"{it.volume}/pgbosun/fence"
        it.write_file(path, "storage moves\n")

        self.assertEqual(it.client("unfence").returncode, 0)

        wait_for("it is gone", lambda: not os.path.exists(path))
        self.assertTrue(it.status()["ready"])


class Client(Case):
    @classmethod
    def setUpClass(cls):
        cls.it = instance.Instance({"shutdown": {"checkpoint_timeout": "1s"}})
        cls.addClassCleanup(cls.it.destroy)
        instance.Template.fill(cls.it)
        cls.it.start().up()
        cls.shared = cls.it

    def ends_with(self, code, *arguments):
        done = self.it.client(*arguments)
        self.assertEqual(done.returncode, code, f"{arguments}: {done.stdout}{done.stderr}")
        return done

    def test_what_is_done_ends_with_0_and_says_so(self):
        for verb, says in (("checkpoint", "checkpoint done"), ("reload", "reloaded"), ("restart", "restarted"),
                           ("promote", "is the primary"), ("fence", "fenced"), ("fence", "fenced"),
                           ("unfence", "no longer fenced"), ("unfence", "no longer fenced")):
            with self.subTest(verb):
                self.assertEqual(self.ends_with(0, verb).stdout.strip(), says)
        self.it.up()

    def test_what_fails_ends_with_1_and_the_reason(self):
        stopped = [self.it.postmaster(), *instance.descendants(self.it.postmaster())]
        for pid in stopped:
            instance.send(pid, signal.SIGSTOP)
        try:
            self.assertIn("pgbosun: ", self.ends_with(1, "checkpoint").stderr)
        finally:
            for pid in stopped:
                instance.send(pid, signal.SIGCONT)
        self.it.up()

    def test_wrong_usage_ends_with_2(self):
        for arguments in (("fense",), ("fence", "--wait", "soon"), ("demote", "--upstream", "password=x host=y"),
                          ("fence", "--raison", "x"), ("checkpoint", "--url", "http://127.0.0.1:1")):
            with self.subTest(arguments):
                self.ends_with(2, *arguments)

    def test_what_is_refused_ends_with_3_and_says_what_to_do(self):
        self.assertIn("upstream", self.ends_with(3, "demote").stderr)
        self.ends_with(0, "fence", "--reason", "a test")
        self.assertIn("pgbosun unfence", self.ends_with(3, "restart").stderr)
        self.assertIn("a test", self.ends_with(0, "status").stdout)
        self.ends_with(0, "unfence")
        self.it.up()

    def test_nobody_who_answers_ends_with_4(self):
        for where in (("--socket", f"{self.it.directory}/none.sock"), ("--url", "http://127.0.0.1:1")):
            done = subprocess.run([instance.PGBOSUN, "checkpoint", *where], capture_output=True, text=True, check=False,
                                  timeout=60)
            self.assertEqual(done.returncode, 4, done.stderr)


class Tcp(Case):
    def test_without_token_and_ca_it_is_refused_with_403_and_says_how_to_open_it(self):
        it = self.existing().start().up()

        status, detail, hint = problem(it.tcp("POST", "/v1/fence"))

        self.assertEqual(status, 403)
        self.assertIn("TCP", detail)
        for way in ("http.token_file", "http.client_ca", "--unix-socket"):
            self.assertIn(way, hint)
        self.assertIsNone(it.status()["fenced"])
        self.assertEqual(it.tcp("GET", "/v1/status").status, 200)
        self.assertEqual(it.tcp("GET", "/readyz").status, 200)

    def test_with_a_token_it_needs_the_right_one_and_takes_a_new_one_from_the_file(self):
        it = self.existing()
        token_file = it.secret("token", "first-token\n")
        it.config["http"]["token_file"] = token_file
        it.write_config()
        it.start().up()

        def with_token(token):
            return it.tcp("POST", "/v1/checkpoint", headers={"Authorization": f"Bearer {token}"} if token else {})

        for token in (None, "", "first-toke", "first-token2", "other"):
            with self.subTest(token):
                answer = with_token(token)
                self.assertEqual(answer.status, 401)
                self.assertIn("Bearer", answer.headers["WWW-Authenticate"])
                self.assertNotIn("first-token", answer.text)
        self.assertEqual(with_token("first-token").status, 200)
        url = f"http://127.0.0.1:{it.http_port()}"
        for file, code in ((token_file, 0), (it.secret("wrong", "no\n"), 2)):
            done = subprocess.run([instance.PGBOSUN, "checkpoint", "--url", url, "--token-file", file],
                                  capture_output=True, text=True, check=False, timeout=60)
            self.assertEqual(done.returncode, code, done.stderr)
            self.assertNotIn("first-token", done.stdout + done.stderr)

        it.secret("token", "second-token\n")

        wait_for("the new token is taken", lambda: with_token("second-token").status == 200)
        self.assertEqual(with_token("first-token").status, 401)
        for secret in ("first-token", "second-token"):
            self.assertNotIn(secret, it.log("all"))
            self.assertNotIn(secret, it.http("GET", "/v1/journal").text)

    def test_with_a_client_ca_it_needs_a_certificate_of_it_and_a_replaced_certificate_is_served(self):
        it = self.existing()
        directory = it.directory
        for name, issuer, server in (("ca", None, False), ("server", "ca", True), ("client", "ca", False),
                                     ("stranger", None, False)):
            certificate(directory, name, issuer, server)
        for file in ("server.crt", "server.key", "ca.crt"):
            it._give(f"{directory}/{file}")
        it.config["http"] |= {"cert_file": f"{directory}/server.crt", "key_file": f"{directory}/server.key",
                              "client_ca": f"{directory}/ca.crt"}
        it.write_config()
        it.start().up()

        def context(client=None):
            made = ssl.create_default_context(cafile=f"{directory}/ca.crt")
            if client:
                made.load_cert_chain(f"{directory}/{client}.crt", f"{directory}/{client}.key")
            return made

        def serial():
            pem = ssl.get_server_certificate(("127.0.0.1", it.http_port()))
            return subprocess.run(["openssl", "x509", "-noout", "-serial"], input=pem, capture_output=True, text=True,
                                  check=True).stdout

        self.assertEqual(it.tcp("GET", "/readyz", context=context()).status, 200)
        status, detail, hint = problem(it.tcp("POST", "/v1/checkpoint", context=context()))
        self.assertEqual(status, 403)
        self.assertIn("certificate", detail)
        self.assertIn("--cert", hint)
        answer = it.tcp("POST", "/v1/checkpoint", context=context("client"))
        self.assertEqual(answer.status, 200, answer)
        where = ["--url", f"https://localhost:{it.http_port()}", "--ca-file", f"{directory}/ca.crt"]
        for options, code in (([], 2), (["--cert-file", f"{directory}/client.crt", "--key-file", f"{directory}/client.key"], 0)):
            done = subprocess.run([instance.PGBOSUN, "checkpoint", *where, *options], capture_output=True, text=True,
                                  check=False, timeout=60)
            self.assertEqual(done.returncode, code, done)
        with self.assertRaises((ssl.SSLError, OSError)):
            it.tcp("POST", "/v1/checkpoint", context=context("stranger"))

        before = serial()
        certificate(directory, "next", "ca")
        for end in ("key", "crt"):
            it._give(f"{directory}/next.{end}")
            os.rename(f"{directory}/next.{end}", f"{directory}/server.{end}")

        wait_for("the new certificate is served", lambda: serial() != before)
        self.assertEqual(it.tcp("POST", "/v1/checkpoint", context=context("client")).status, 200)

        it.write_file(f"{directory}/server.crt", "this is no certificate\n")
        served = serial()
        it.wait_log(r"keeps what it had")
        self.assertEqual(serial(), served)
        self.assertEqual(it.tcp("GET", "/readyz", context=context()).status, 200)


if __name__ == "__main__":
    instance.main()
