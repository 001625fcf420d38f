"""/metrics: the format, the names that CloudNativePG's users know, and queries of one's own."""

import re
import subprocess
import unittest

import instance
from instance import Case, as_user, bin_dir, wait_for

ALWAYS = """
cnpg_collector_up cnpg_collector_pg_wal cnpg_collector_pg_wal_archive_status cnpg_collector_fencing_on
cnpg_collector_collections_total cnpg_collector_last_collection_error cnpg_last_error cnpg_collector_collection_duration_seconds
cnpg_collector_postgres_version
cnpg_pg_replication_lag cnpg_pg_replication_in_recovery cnpg_pg_replication_is_wal_receiver_up
cnpg_pg_replication_streaming_replicas
cnpg_pg_stat_archiver_archived_count cnpg_pg_stat_archiver_failed_count
cnpg_pg_stat_archiver_seconds_since_last_archival cnpg_pg_stat_archiver_seconds_since_last_failure
cnpg_pg_stat_archiver_last_archived_time cnpg_pg_stat_archiver_last_failed_time
cnpg_pg_stat_archiver_last_archived_wal_start_lsn cnpg_pg_stat_archiver_last_failed_wal_start_lsn
cnpg_pg_stat_archiver_stats_reset_time
cnpg_pg_stat_database_xact_commit cnpg_pg_stat_database_xact_rollback cnpg_pg_stat_database_blks_read
cnpg_pg_stat_database_blks_hit cnpg_pg_stat_database_tup_returned cnpg_pg_stat_database_tup_fetched
cnpg_pg_stat_database_tup_inserted cnpg_pg_stat_database_tup_updated cnpg_pg_stat_database_tup_deleted
cnpg_pg_stat_database_conflicts cnpg_pg_stat_database_temp_files cnpg_pg_stat_database_temp_bytes
cnpg_pg_stat_database_deadlocks cnpg_pg_stat_database_blk_read_time cnpg_pg_stat_database_blk_write_time
cnpg_backends_total cnpg_backends_max_tx_duration_seconds cnpg_backends_waiting_total
cnpg_pg_database_size_bytes cnpg_pg_database_xid_age cnpg_pg_database_mxid_age
cnpg_pg_postmaster_start_time cnpg_pg_settings_setting cnpg_pg_stat_bgwriter_buffers_clean
cnpg_pg_stat_bgwriter_maxwritten_clean cnpg_pg_stat_bgwriter_buffers_alloc
pgbosun_phase pgbosun_ready pgbosun_postgres_running pgbosun_postgres_silent pgbosun_orphans_reaped_total
pgbosun_http_requests_total
""".split()
BEFORE_17 = """
cnpg_pg_stat_bgwriter_checkpoints_timed cnpg_pg_stat_bgwriter_checkpoints_req
cnpg_pg_stat_bgwriter_checkpoint_write_time cnpg_pg_stat_bgwriter_checkpoint_sync_time
cnpg_pg_stat_bgwriter_buffers_checkpoint cnpg_pg_stat_bgwriter_buffers_backend
cnpg_pg_stat_bgwriter_buffers_backend_fsync
""".split()
FROM_17 = """
cnpg_pg_stat_checkpointer_checkpoints_timed cnpg_pg_stat_checkpointer_checkpoints_req
cnpg_pg_stat_checkpointer_restartpoints_timed cnpg_pg_stat_checkpointer_restartpoints_req
cnpg_pg_stat_checkpointer_restartpoints_done cnpg_pg_stat_checkpointer_write_time
cnpg_pg_stat_checkpointer_sync_time cnpg_pg_stat_checkpointer_buffers_written
""".split()
WITH_A_STANDBY = """
cnpg_pg_stat_replication_backend_start cnpg_pg_stat_replication_backend_xmin_age
cnpg_pg_stat_replication_sent_diff_bytes cnpg_pg_stat_replication_write_diff_bytes
cnpg_pg_stat_replication_flush_diff_bytes cnpg_pg_stat_replication_replay_diff_bytes
cnpg_pg_stat_replication_write_lag_seconds cnpg_pg_stat_replication_flush_lag_seconds
cnpg_pg_stat_replication_replay_lag_seconds
cnpg_pg_replication_slots_active cnpg_pg_replication_slots_pg_wal_lsn_diff
""".split()

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\\\|\\"|\\n)*)"'
SAMPLE = re.compile(rf"({NAME})(?:\{{((?:{LABEL}(?:,{LABEL})*)?),?\}})? (\S+)")
NUMBER = re.compile(r"[-+]?(\d+\.?\d*([eE][-+]?\d+)?|\.\d+([eE][-+]?\d+)?|Inf)|NaN")


def parse(text):
    """The text format 0.0.4, strictly: {family: (kind, {(sample name, labels): value})}."""
    if not text.endswith("\n"):
        raise AssertionError("the last line has no end")
    families, current, seen = {}, None, set()
    for number, line in enumerate(text[:-1].split("\n"), 1):
        where = f"line {number}: {line[:200]}"
        if comment := re.fullmatch(rf"# (HELP|TYPE) ({NAME}) (.*)", line):
            what, name, rest = comment.groups()
            if what == "HELP":
                if name in families:
                    raise AssertionError(f"a family comes twice, {where}")
                if not rest or re.search(r"\\(?![\\n])", rest):
                    raise AssertionError(f"help, {where}")
                families[name], current = [None, {}], name
            else:
                if name != current or families[name][0] or families[name][1] or rest not in ("counter", "gauge",
                                                                                             "histogram"):
                    raise AssertionError(f"type, {where}")
                families[name][0] = rest
            continue
        sample = SAMPLE.fullmatch(line)
        if not sample or not NUMBER.fullmatch(sample[sample.lastindex]):
            raise AssertionError(f"no sample, {where}")
        name, value = sample[1], float(sample[sample.lastindex])
        family = current if name == current else re.sub("_(bucket|sum|count)$", "", name)
        if family != current or families[current][0] is None:
            raise AssertionError(f"not in its family, {where}")
        labels = tuple(re.findall(LABEL, sample[2] or ""))
        if len({label for label, _ in labels}) != len(labels):
            raise AssertionError(f"a label comes twice, {where}")
        key = (name, tuple(sorted(labels)))
        if key in seen:
            raise AssertionError(f"a sample comes twice, {where}")
        seen.add(key)
        if families[current][0] == "counter" and not value >= 0:
            raise AssertionError(f"a counter below 0, {where}")
        families[current][1][key] = value
    return families


def scrape(it):
    answer = it.http("GET", "/metrics")
    if answer.status != 200 or not answer.headers["Content-Type"].startswith("text/plain; version=0.0.4"):
        raise AssertionError(f"{answer.status} {answer.headers}")
    return parse(answer.text)


def wait_scrape(it, names):
    """The first scrape that has samples of all these families."""
    missing = set(names)

    def complete():
        nonlocal missing
        families = scrape(it)
        missing = {name for name in names if name not in families or not families[name][1]}
        return families if not missing else None
    try:
        return wait_for("the scrape is complete", complete)
    except AssertionError:
        raise AssertionError(f"never in /metrics: {sorted(missing)}\n{it.tail()}") from None


def values(families, metric, /, **labels):
    wanted = set(labels.items())
    return [number for (_, has), number in families.get(metric, (None, {}))[1].items() if wanted <= set(has)]


def value(families, metric, /, **labels):
    found = values(families, metric, **labels)
    if len(found) != 1:
        raise AssertionError(f"{metric}{labels}: {families.get(metric)}")
    return found[0]


class Metrics(Case):
    @classmethod
    def setUpClass(cls):
        it = cls.it = cls.shared = instance.Instance({"metrics": {"cache_time": "1s", "listen": "127.0.0.1:0"}})
        cls.addClassCleanup(it.destroy)
        it.config["archive"] = {"destination": f"file://{it.directory}/archive"}
        it.write_config()
        instance.Template.fill(it)
        it.start().up()

    def test_the_parser_of_this_test_is_strict(self):
        for text in ("a 1", "a 1\n", "# HELP a x\n# TYPE a gauge\na{b=c} 1\n", "# HELP a x\n# TYPE a gauge\na 1\na 1\n",
                     "# HELP a x\n# TYPE a gauge\na one\n", "# HELP a x\n# TYPE a counter\na -1\n",
                     "# HELP a x\n# TYPE a gauge\nb 1\n", "# HELP a x\n# TYPE a gauge\na{b=\"\\x\"} 1\n",
                     "# HELP a x\n# TYPE a gauge\n\na 1\n", "# TYPE a gauge\na 1\n"):
            with self.subTest(text), self.assertRaises((AssertionError, KeyError)):
                parse(text)
        self.assertEqual(parse('# HELP a x\n# TYPE a gauge\na{b="c\\"d",e=""} 1e+06\n')["a"][1],
                         {("a", (("b", 'c\\"d'), ("e", ""))): 1e6})

    def test_every_name_is_there_without_a_standby(self):
        families = wait_scrape(self.it, ALWAYS + (BEFORE_17 if instance.server_major() < 17 else FROM_17))

        self.assertEqual(value(families, "cnpg_collector_up", cluster="orders"), 1)
        self.assertEqual(value(families, "cnpg_collector_fencing_on"), 0)
        self.assertEqual(value(families, "cnpg_pg_replication_in_recovery"), 0)
        self.assertEqual(value(families, "cnpg_pg_replication_streaming_replicas"), 0)
        self.assertEqual(value(families, "cnpg_collector_last_collection_error"), 0)
        self.assertEqual(value(families, "cnpg_pg_settings_setting", name="max_connections"), 20)
        self.assertEqual(value(families, "pgbosun_phase", phase="running"), 1)
        self.assertGreater(value(families, "cnpg_pg_database_size_bytes", datname="app"), 1 << 20)
        self.assertGreaterEqual(value(families, "cnpg_collector_pg_wal", value="count"), 1)
        for label in ("ready", "done"):
            self.assertGreaterEqual(value(families, "cnpg_collector_pg_wal_archive_status", value=label), 0)
        self.assertEqual(families["cnpg_pg_stat_archiver_archived_count"][0], "counter")
        self.assertEqual(families["cnpg_pg_replication_lag"][0], "gauge")
        self.assertFalse(families.get("cnpg_pg_stat_replication_sent_diff_bytes", (None, {}))[1])

    def test_every_name_of_replication_is_there_with_a_standby(self):
        directory = f"{self.it.directory}/received"
        command = as_user(self.it.user) + [f"{bin_dir()}/pg_receivewal", "-h", self.it.run_dir, "-p", str(self.it.port),
                                           "-U", "postgres", "-D", directory, "-S", "a_slot", "--no-sync"]
        self.it.sql("select pg_create_physical_replication_slot('a_slot', true)")
        subprocess.run(as_user(self.it.user) + ["mkdir", directory], check=True)
        standby = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL, cwd="/")
        instance._started.add(standby.pid)
        self.addCleanup(wait_for, "the slot is dropped", lambda: self.it.psql(
            "select pg_drop_replication_slot('a_slot')").returncode == 0)
        self.addCleanup(standby.wait)
        self.addCleanup(standby.kill)

        # It receives and does not replay; join_test has a whole standby.
        families = wait_scrape(self.it, ALWAYS + [name for name in WITH_A_STANDBY if "replay_diff" not in name])

        self.assertEqual(value(families, "cnpg_pg_replication_slots_active", slot_name="a_slot"), 1)
        self.assertEqual(value(families, "cnpg_pg_replication_streaming_replicas"), 1)
        self.assertGreaterEqual(value(families, "cnpg_pg_stat_replication_sent_diff_bytes",
                                      application_name="pg_receivewal"), 0)

    def test_while_it_is_fenced_the_scrape_says_so_and_stays_well_formed(self):
        self.assertEqual(self.it.http("POST", "/v1/fence").status, 200)
        try:
            families = wait_for("it is told", lambda: value(scrape(self.it), "cnpg_collector_fencing_on") == 1
                                and scrape(self.it))
            self.assertEqual(value(families, "pgbosun_phase", phase="fenced"), 1)
            self.assertEqual(value(families, "pgbosun_postgres_running"), 0)
            self.assertEqual(value(families, "cnpg_collector_up"), 0, "PostgreSQL does not run")
            self.assertEqual(values(families, "cnpg_pg_settings_setting"), [], "nothing is said of a server that is gone")
        finally:
            self.it.http("POST", "/v1/unfence")
            self.it.up()
        wait_for("it is up again", lambda: value(scrape(self.it), "cnpg_collector_up") == 1)


class Rhythm(Case):
    ENDED = ("select max(query_start) from pg_stat_activity where usename = 'pgbosun_metrics' and state = 'idle' "
             "and query = 'rollback' and state_change < now() - interval '300 ms'")

    def test_the_first_scrape_has_the_answers_and_they_are_renewed_while_nobody_asks(self):
        it = self.existing({"metrics": {"cache_time": "2s"}})
        it.start().up()
        asked = wait_for("the queries have been run", lambda: it.sql(self.ENDED))

        families = scrape(it)

        self.assertEqual(value(families, "cnpg_collector_up"), 1)
        self.assertEqual(value(families, "cnpg_pg_settings_setting", name="max_connections"), 20)
        wait_for("they are run again", lambda: it.sql(self.ENDED) not in ("", asked))


class OwnQueries(Case):
    def with_queries(self, text, **metrics):
        it = self.existing()
        it.config["metrics"] = {"cache_time": "1s", "queries": [it.write_file(f"{it.directory}/queries.yaml", text)],
                                **metrics}
        it.write_config()
        return it

    def test_a_query_file_in_cloudnativepgs_format_is_answered(self):
        it = self.with_queries(r"""
my_app:
  query: |
    SELECT current_database() AS datname, 'say "hi" \ ' || chr(10) || 'there' AS kind, 42 AS answer, 7.5 AS total,
           'open' AS state, NULL::float AS nothing
  target_databases: [app, postgres]
  metrics:
    - datname: {usage: "LABEL", description: "Database"}
    - kind: {usage: "LABEL", description: "Kind"}
    - answer: {usage: "GAUGE", description: "The answer"}
    - total: {usage: "COUNTER", description: "A counter"}
    - state: {usage: "MAPPEDMETRIC", description: "State", metric_mapping: {closed: 0, open: 1}}
    - nothing: {usage: "GAUGE", description: "Null"}
for_another_server:
  runonserver: ">=99.0.0"
  query: "SELECT 1 AS one"
  metrics: [{one: {usage: GAUGE, description: One}}]
not_now:
  predicate_query: "SELECT false"
  query: "SELECT 1 AS one"
  metrics: [{one: {usage: GAUGE, description: One}}]
renamed:
  name: other_name
  query: "SELECT 1 AS one"
  metrics: [{one: {usage: GAUGE, name: uno, description: One}}]
broken:
  query: "SELECT 1 / 0 AS one"
  metrics: [{one: {usage: GAUGE, description: One}}]
writes:
  query: "CREATE TABLE made_by_a_query AS SELECT 1 AS one"
  metrics: [{one: {usage: GAUGE, description: One}}]
""").start().up()

        families = wait_scrape(it, ["cnpg_my_app_answer", "cnpg_my_app_total", "cnpg_my_app_state",
                                    "cnpg_other_name_uno", "cnpg_pg_settings_setting"])

        # A scrape while the queries run shows those that have ended.
        families = wait_for("both databases are there", lambda: len(values(scrape(it), "cnpg_my_app_answer")) == 2
                            and scrape(it))
        self.assertEqual(value(families, "cnpg_my_app_answer", datname="app"), 42)
        self.assertEqual(value(families, "cnpg_my_app_answer", datname="postgres"), 42)
        self.assertEqual(value(families, "cnpg_my_app_total", datname="app"), 7.5)
        self.assertEqual(families["cnpg_my_app_total"][0], "counter")
        self.assertEqual(value(families, "cnpg_my_app_state", datname="app"), 1)
        kinds = {dict(labels)["kind"] for _, labels in families["cnpg_my_app_answer"][1]}
        self.assertEqual(kinds, {r'say \"hi\" \\ \nthere'})
        for absent in ("cnpg_for_another_server_one", "cnpg_not_now_one", "cnpg_broken_one", "cnpg_writes_one"):
            self.assertFalse(families.get(absent, (None, {}))[1], absent)
        families = wait_scrape(it, ["cnpg_collector_collection_errors_total"])
        failed = {dict(labels)["collector"] for _, labels in families["cnpg_collector_collection_errors_total"][1]}
        self.assertEqual(failed, {"broken", "writes"})
        self.assertEqual(value(families, "cnpg_collector_last_collection_error"), 1)
        self.assertEqual(value(families, "cnpg_last_error"), 1)
        self.assertEqual(it.sql("select to_regclass('made_by_a_query') is null"), "t")

    def test_a_query_meets_what_cloudnativepg_would_give_it(self):
        it = self.with_queries("""
pg_postmaster:
  query: SELECT 7 AS start_time
  metrics: [{start_time: {usage: GAUGE, description: mine}}]
mine:
  query: |
    SELECT current_database() AS datname, count(*) AS orders, timestamptz '2026-08-21 15:33:31.5+00' AS placed,
           date '1970-01-02' AS day, interval '1 hour' AS waiting, 'open' AS state FROM orders
  metrics:
    - datname: {usage: LABEL, description: Database}
    - orders: {usage: GAUGE, description: Of schema public}
    - placed: {usage: GAUGE, description: A timestamp}
    - day: {usage: GAUGE, description: A date}
    - waiting: {usage: GAUGE, description: An interval}
    - state: {usage: MAPPEDMETRIC, description: State, metrics_mapping: {open: 1}}
""")
        it.start().up()
        it.sql("alter database app set datestyle = 'SQL, DMY'")
        made = it.psql("create table public.orders as select 1 as id; grant select on orders to pgbosun_metrics", "app")
        self.assertEqual(made.returncode, 0, made)

        families = wait_scrape(it, ["cnpg_mine_orders", "cnpg_mine_state", "cnpg_pg_settings_setting"])
        families = wait_for("the session knows the database's settings", lambda: values(scrape(it), "cnpg_mine_placed")
                            and scrape(it))

        self.assertEqual(value(families, "cnpg_mine_orders", datname="app"), 1)
        self.assertEqual(value(families, "cnpg_mine_placed", datname="app"), 1787326411)
        self.assertEqual(value(families, "cnpg_mine_day", datname="app"), 86400)
        self.assertEqual(value(families, "cnpg_mine_state", datname="app"), 1)
        self.assertFalse(values(families, "cnpg_mine_waiting"))
        self.assertEqual(value(families, "cnpg_pg_postmaster_start_time"), 7)
        self.assertEqual(value(families, "cnpg_last_error"), 1)
        it.wait_log("a metric query fails: mine in database app: column waiting: an interval is no number")
        it.wait_log("a metric query takes the place of another one of its name.*pg_postmaster")
        for _ in range(2):
            before = value(scrape(it), "cnpg_collector_collections_total")
            wait_for("it is asked again", lambda: value(scrape(it), "cnpg_collector_collections_total") > before)
        self.assertEqual(len(re.findall("a metric query fails: mine in database app: column waiting", it.log())), 1)

    def test_a_file_with_an_error_is_named_with_its_line_and_costs_only_itself(self):
        it = self.with_queries("fine:\n  query: SELECT 1 AS one\n  metrics:\n    - one: {usage: GAUGES, description: x}\n")

        it.start().up()

        self.assertRegex(it.log(), r"metric queries cannot be used: .*queries\.yaml:4: ")
        checked = subprocess.run([instance.PGBOSUN, "config", "check", "--config", it.config_file],
                                 capture_output=True, text=True, stdin=subprocess.DEVNULL)
        self.assertEqual(checked.returncode, 2, checked)
        self.assertRegex(checked.stdout, r'queries\.yaml:4: error: "GAUGES" is not a usage \(hint: use LABEL')
        wait_scrape(it, ["cnpg_pg_settings_setting"])
        self.assertNotIn("cnpg_fine_one", scrape(it))

    def test_a_query_that_takes_too_long_delays_no_scrape(self):
        it = self.with_queries("slow:\n  query: SELECT 1 AS one FROM pg_sleep(600)\n  metrics:\n"
                               "    - one: {usage: GAUGE, description: x}\n")
        it.config["monitor"] = {"query_timeout": "1s"}
        it.write_config()
        it.start().up()

        families = wait_scrape(it, ["cnpg_collector_collection_errors_total", "cnpg_pg_settings_setting"])

        self.assertEqual({dict(labels)["collector"] for _, labels in
                          families["cnpg_collector_collection_errors_total"][1]}, {"slow"})
        self.assertTrue(it.status()["ready"])


if __name__ == "__main__":
    instance.main()
