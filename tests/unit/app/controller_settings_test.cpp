#include "app/controller_settings.hpp"

#include <algorithm>

#include "pgbosun/assignment.hpp"
#include "support/catch.hpp"

using namespace pgbosun;
using namespace pgbosun::app;
using namespace std::chrono_literals;

namespace {

constexpr auto whole = R"(cluster: orders
record: {etcd: {endpoints: ["http://etcd-0:2379", "http://etcd-1:2379"]}}
instances:
  - {name: pg-1, url: "http://pg-1:8008", conninfo: "host=pg-1 port=5432"}
  - {name: pg-2, url: "http://pg-2:8008", conninfo: "host=pg-2 port=5432", priority: 10}
token_file: /etc/secrets/token
lease: {ttl: 3s}
failover: {max_lag: 16MB, restart_window: 5s}
synchronous: {method: any, number: 1, data_durability: required}
http: {listen: 0.0.0.0:8009}
)";

ReadControllerSettings read(const std::string& text) {
    EnvironmentView environment;
    environment.variable = [](std::string_view name) {
        return name == "POD_IP" ? std::optional<std::string>("10.0.0.7") : std::nullopt;
    };
    return read_controller_settings(text, "controller.yaml", environment);
}

std::string with(std::string text, const std::string& from, const std::string& to) {
    const auto at = text.find(from);
    REQUIRE(at != std::string::npos);
    return text.replace(at, from.size(), to);
}

}  // namespace

TEST_CASE("the whole configuration of a controller is read") {
    const auto got = read(whole);
    for (const auto& finding : got.findings) UNSCOPED_INFO(to_text(finding));
    REQUIRE(got.usable());
    const auto& s = got.settings;
    CHECK(s.cluster == "orders");
    REQUIRE(s.etcd);
    CHECK(s.etcd->endpoints.size() == 2);
    REQUIRE(s.instances.size() == 2);
    CHECK(s.instances[1].priority == 10);
    CHECK(s.ttl == 3s);
    CHECK(s.max_lag == 16U << 20U);
    REQUIRE(s.synchronous);
    CHECK(s.http.token_file == "/etc/secrets/token");
    CHECK(s.http.listen == "0.0.0.0:8009");
}

TEST_CASE("under Kubernetes a selector may stand for the instances") {
    const std::string text = R"(cluster: orders
record: {kubernetes: {}}
instances: {selector: "pgbosun.io/cluster=orders", url: "http://{pod}.orders-pods:8008", conninfo: "host={pod}.orders-pods"}
synchronous: {number: 2}
)";
    const auto got = read(text);
    for (const auto& finding : got.findings) UNSCOPED_INFO(to_text(finding));
    REQUIRE(got.usable());
    REQUIRE(got.settings.selector);
    CHECK(got.settings.selector->labels == "pgbosun.io/cluster=orders");
    CHECK(got.settings.selector->url == "http://{pod}.orders-pods:8008");
    CHECK(got.settings.instances.empty());

    const std::pair<const char*, const char*> wrong[] = {
        {"kubernetes: {}", "etcd: {endpoints: [\"http://e:2379\"]}"},
        {"http://{pod}.", "http://pg-0."},
        {"host={pod}.", "host=pg-0."},
        {"host={pod}", "password=secret host={pod}"},
        {"selector: \"pgbosun.io/cluster=orders\", ", ""},
        {"cluster=orders\"", "cluster=orders&limit=0\""},
        {"selector:", "labels:"},
    };
    for (const auto& [from, to] : wrong) {
        CAPTURE(from, to);
        CHECK_FALSE(read(with(text, from, to)).usable());
    }
}

TEST_CASE("Kubernetes needs no more than its name, and variables are put in") {
    const auto got = read(
        with(with(whole, "{etcd: {endpoints: [\"http://etcd-0:2379\", \"http://etcd-1:2379\"]}}", "{kubernetes: {}}"),
             "{listen: 0.0.0.0:8009}", "{advertise: \"http://${POD_IP}:8009\"}"));
    for (const auto& finding : got.findings) UNSCOPED_INFO(to_text(finding));
    REQUIRE(got.usable());
    CHECK(got.settings.kubernetes);
    CHECK(got.settings.advertise == "http://10.0.0.7:8009");
}

TEST_CASE("what is wrong is found, with its line, its key and a hint") {
    struct Case {
        std::string from, to, key;
        int line;
    };
    const std::vector<Case> table = {
        {"cluster: orders\n", "", "cluster", 0},
        {"cluster: orders", "cluster: Orders", "cluster", 1},
        {"cluster: orders", "clutser: orders", "clutser", 1},
        {"\"http://etcd-0:2379\"", "\"etcd-0\"", "record.etcd.endpoints", 2},
        {"{etcd: {endpoints: [\"http://etcd-0:2379\", \"http://etcd-1:2379\"]}}", "{}", "record", 2},
        {"]}}", "]}, kubernetes: {}}", "record", 2},
        {"]}}", "], user: root}}", "record.etcd", 2},
        {"name: pg-2,", "name: pg-1,", "instances[1].name", 5},
        {"priority: 10", "priority: ten", "instances[1].priority", 5},
        {"priority: 10", "weight: 10", "instances[1].weight", 5},
        {"conninfo: \"host=pg-1 port=5432\"", "conninfo: \"host=pg-1 password=x\"", "instances[0].conninfo", 4},
        {"url: \"http://pg-1:8008\", ", "", "instances[0].url", 4},
        {"ttl: 3s", "ttl: 3", "lease.ttl", 7},
        {"ttl: 3s", "ttl: 100ms", "lease.ttl", 7},
        {"16MB", "16", "failover.max_lag", 8},
        {"method: any", "method: all", "synchronous.method", 9},
        {"number: 1", "number: 2", "synchronous.number", 9},
        {"listen: 0.0.0.0:8009", "listen: 8009", "http.listen", 10},
        {"priority: 10", "upstream: pg-3", "instances.pg-2.upstream", 3},
        {"priority: 10", "upstream: pg-2", "instances.pg-2.upstream", 3},
        {"priority: 10", "upstream: pg-1", "synchronous.number", 9},
        {"priority: 10", "synchronous: false", "synchronous.number", 9},
        {"priority: 10", "synchronous: no", "instances[1].synchronous", 5},
        {"lease:", "standby_cluster: {primary_conninfo: \"host=far password=x\"}\nlease:",
         "standby_cluster.primary_conninfo", 7},
        {"lease:", "standby_cluster: {archive: yes}\nlease:", "standby_cluster.archive", 7},
        {"lease:", "standby_cluster: {primary_conninfo: \"host=far\", archive: true}\nlease:",
         "standby_cluster.archive", 7},
    };
    for (const auto& it : table) {
        INFO(it.from << " -> " << it.to);
        const auto got = read(with(whole, it.from, it.to));
        const auto found = std::ranges::find(got.findings, it.key, &Finding::key);
        for (const auto& finding : got.findings) UNSCOPED_INFO(to_text(finding));
        REQUIRE(found != got.findings.end());
        CHECK(found->line == it.line);
        CHECK(found->file == "controller.yaml");
    }
}

TEST_CASE("a slip of the finger is answered with the key that was meant") {
    const auto got = read(with(whole, "restart_window", "restart_windwo"));
    REQUIRE(got.findings.size() == 1);
    CHECK(got.findings.front().hint.find("failover.restart_window") != std::string::npos);
}

TEST_CASE("a standby may stream from another one, and a cluster may follow another one") {
    const auto got = read(with(with(with(whole, "priority: 10", "upstream: pg-1"),
                                    "synchronous: {method: any, number: 1, data_durability: required}\n", ""),
                               "lease:", "standby_cluster: {primary_conninfo: \"host=far port=5432\"}\nlease:"));
    for (const auto& finding : got.findings) UNSCOPED_INFO(to_text(finding));
    REQUIRE(got.usable());
    CHECK(got.settings.instances[1].upstream == "pg-1");
    CHECK(got.settings.source == "host=far port=5432");
}

TEST_CASE("an instance may be one for which no commit waits") {
    const std::string third = "  - {name: pg-3, url: \"http://pg-3:8008\", conninfo: \"host=pg-3\", synchronous: ";
    for (const bool synchronous : {true, false}) {
        const auto got =
            read(with(whole, "token_file:", third + (synchronous ? "true}\ntoken_file:" : "false}\ntoken_file:")));
        for (const auto& finding : got.findings) UNSCOPED_INFO(to_text(finding));
        REQUIRE(got.usable());
        CHECK(got.settings.instances[1].synchronous);
        CHECK(got.settings.instances[2].synchronous == synchronous);
    }
}

TEST_CASE("a cluster may follow another one's archive") {
    const auto following = [](const char* archive) {
        return read(with(whole, "lease:", std::string("standby_cluster: {archive: ") + archive + "}\nlease:"));
    };
    REQUIRE(following("true").usable());
    CHECK(following("true").settings.source == archive_source);
    REQUIRE(following("false").usable());
    CHECK(following("false").settings.source.empty());
}

TEST_CASE("a cluster without instances is refused, and so is no configuration at all") {
    CHECK_FALSE(read("").usable());
    CHECK_FALSE(read("[]").usable());
    CHECK_FALSE(read("cluster: orders\nrecord: {kubernetes: {}}\ninstances: []\n").usable());
    CHECK_FALSE(read("cluster: \"orders").usable());
}
