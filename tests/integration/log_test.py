"""The one log: every line arrives once, and a reader that is slow is noticed."""

import json
import os
import subprocess
import threading

import instance
from instance import Case, wait_for


def write_lines(first, last):
    return f"do $$ begin for i in {first}..{last} loop raise log 'line % {'x' * 200}', i; end loop; end $$"


class Log(Case):
    def test_every_line_is_json_and_postgres_lines_carry_their_logger_and_fields(self):
        it = self.existing({"postgresql": {"parameters": {"log_min_duration_statement": -1}}}).start().up()
        it.psql("select 1 / 0")
        it.wait_log("division by zero")
        self.assertEqual(it.stop(), 0)

        records = []
        for line in it.log().splitlines():
            records.append(json.loads(line))
        self.assertEqual({record["logger"] for record in records} - {"pgbosun", "postgres"}, set())
        errors = [record for record in records if "division by zero" in json.dumps(record)]
        self.assertEqual(errors[0]["logger"], "postgres")
        self.assertIn("select 1 / 0", json.dumps(errors[0]))
        self.assertTrue(all("ts" in record for record in records))
        self.assertTrue(any("database system is shut down" in json.dumps(record) for record in records),
                        "the last lines of the server are there too")

    def test_a_statement_with_line_breaks_quotes_and_odd_bytes_stays_one_line(self):
        it = self.existing().start().up()

        it.psql("select 'a\nb\"c\\d\te' / 0")

        it.wait_log("division by zero|invalid input syntax")
        for line in it.log().splitlines():
            json.loads(line)

    def test_when_nobody_reads_stdout_status_says_so_and_nothing_is_lost_when_it_is_read_again(self):
        it = self.existing()
        reading, writing = os.pipe()
        with os.fdopen(writing, "wb") as stdout:
            it.start(stdout=stdout)
        held = os.fdopen(reading, "rb")
        self.addCleanup(held.close)
        it.up()

        # As much as the buffers hold is written although nobody reads.
        it.sql(write_lines(1, 500))
        it.wait_status("the log is blocked", lambda status: status["log"]["blocked_for_s"] is not None)
        self.assertEqual(it.sql("select 1"), "1")

        # Far more than they hold: the writer waits, and pgbosun goes on answering.
        count = 8_000
        writer = subprocess.Popen(it.psql_command() + ["-c", write_lines(501, count)], stdout=subprocess.DEVNULL)
        instance._started.add(writer.pid)
        self.addCleanup(writer.kill)
        it.wait_status("more waits", lambda status: status["log"]["waiting_bytes"] > 400_000)
        self.assertEqual(it.http("GET", "/livez").status, 200)
        self.assertIsNone(writer.poll())

        seen, lines = [], []

        def read():
            for line in held:
                lines.append(line)
                message = line.find(b'line ')
                if b'"postgres"' in line and b"xxxx" in line and b"DO" not in line[:40]:
                    seen.append(int(line[message + 5:].split(b" ", 1)[0]))
        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        self.assertEqual(writer.wait(instance.DEADLINE), 0)
        wait_for("the last line is read", lambda: seen and seen[-1] == count)
        it.wait_status("the log flows", lambda status: status["log"]["blocked_for_s"] is None)
        self.assertEqual(it.stop(), 0)
        reader.join(instance.DEADLINE)

        self.assertEqual(seen, list(range(1, count + 1)))

    def test_a_reader_that_has_gone_does_not_stop_postgres(self):
        it = self.existing()
        reading, writing = os.pipe()
        with os.fdopen(writing, "wb") as stdout:
            it.start(stdout=stdout)
        it.up()
        os.close(reading)

        it.sql(write_lines(1, 5000))

        self.assertEqual(it.sql("select 1"), "1")
        self.assertEqual(it.stop(), 0)


if __name__ == "__main__":
    instance.main()
