// What is particular to Kubernetes: tokens that are replaced, watches that have fallen behind, answers that are lost.
#include <fstream>

#include "cluster_record/kubernetes_pods.hpp"
#include "cluster_record/kubernetes_publication.hpp"
#include "cluster_record/kubernetes_record.hpp"
#include "contract/cluster_record/kubernetes_conversation.hpp"
#include "support/catch.hpp"
#include "support/fake_clock.hpp"
#include "support/fake_kubernetes.hpp"
#include "support/run.hpp"
#include "support/temporary_directory.hpp"

using namespace pgbosun;
using namespace pgbosun::test;
using namespace std::chrono_literals;
using cluster_record::KubernetesClient;
using cluster_record::KubernetesOptions;
using cluster_record::KubernetesRecord;

namespace {

struct World {
    boost::asio::io_context loop;
    FakeClock clock;
    FakeKubernetes server{loop};
    TemporaryDirectory place;

    KubernetesClient client(const std::string& name) {
        KubernetesOptions options;
        options.server = server.url();
        options.name_space = "data";
        options.cluster = "orders";
        options.candidate = name;
        options.token_file = place / "token";
        write_token("first");
        return *KubernetesClient::make(loop, std::move(options));
    }
    KubernetesRecord record(const std::string& name) { return {client(name), clock}; }
    void write_token(const std::string& token) const { std::ofstream(place / "token") << token; }
};

}  // namespace

TEST_CASE("the API server in memory answers as Kubernetes once did") {
    World world;
    world.server.plant("pods", "pg-1", {{"metadata", {{"labels", {{"app", "x"}}}}}});
    const auto said = converse(world.loop, world.client("one").options());
    CHECK_FALSE(said.empty());
    CHECK(said == recorded_conversation());
}

TEST_CASE("a token that has been replaced is read again") {
    World world;
    auto record = world.record("one");
    world.server.expect_token("first");
    REQUIRE(run(world.loop, record.create("text")));
    world.server.expect_token("second");
    const auto refused = run(world.loop, record.read());
    REQUIRE_FALSE(refused);
    CHECK(refused.error().kind == FaultKind::refused);
    CHECK_FALSE(refused.error().hint.empty());
    world.write_token("second\n");
    CHECK(run(world.loop, record.read()));
}

TEST_CASE("a watch that has fallen behind the server's history begins anew, and tells") {
    World world;
    auto record = world.record("one");
    REQUIRE(run(world.loop, record.create("text")));
    REQUIRE(run(world.loop, record.changed(1s)).value() == RecordChange::seen);
    REQUIRE(run(world.loop, record.changed(50ms)).value() == RecordChange::none);
    world.server.forget_history();
    CHECK(run(world.loop, record.changed(1s)).value() == RecordChange::seen);
    CHECK(run(world.loop, record.changed(50ms)).value() == RecordChange::none);
    world.server.remove("configmaps", "pgbosun-orders");
    CHECK(run(world.loop, record.changed(1s)).value() == RecordChange::seen);
}

TEST_CASE("another object's changes are none of ours") {
    World world;
    auto record = world.record("one");
    REQUIRE(run(world.loop, record.changed(1s)).value() == RecordChange::seen);
    world.server.plant("configmaps", "another", {{"data", {{"record", "x"}}}});
    CHECK(run(world.loop, record.changed(50ms)).value() == RecordChange::none);
}

TEST_CASE("a ConfigMap without a record is not taken for one") {
    World world;
    auto record = world.record("one");
    world.server.plant("configmaps", "pgbosun-orders", {{"data", {{"other", "x"}}}});
    const auto read = run(world.loop, record.read());
    REQUIRE_FALSE(read);
    CHECK(read.error().kind == FaultKind::corrupt);
    CHECK(read.error().hint.find("The record is lost") != std::string::npos);
}

TEST_CASE("failures of the server are unavailable, and a lost answer to an election is found out") {
    World world;
    auto one = world.record("one");
    auto two = world.record("two");
    for (const int status : {429, 500, 503}) {
        world.server.fail_next(status);
        const auto read = run(world.loop, one.read());
        REQUIRE_FALSE(read);
        CHECK(read.error().kind == FaultKind::unavailable);
    }
    world.server.lose_next_answer();
    const auto lost = run(world.loop, one.campaign(3s));
    REQUIRE_FALSE(lost);
    CHECK(lost.error().kind == FaultKind::unavailable);
    CHECK_FALSE(run(world.loop, two.campaign(3s)));
    CHECK(run(world.loop, one.campaign(3s)));
    CHECK(run(world.loop, one.keep()));
}

TEST_CASE("what the Lease says of its time is not believed: it must be seen unchanged for its duration") {
    World world;
    auto one = world.record("one");
    auto two = world.record("two");
    REQUIRE(run(world.loop, one.campaign(3s)));
    world.clock.advance(1h);
    CHECK_FALSE(run(world.loop, two.campaign(3s)));
    world.clock.advance(3s);
    CHECK_FALSE(run(world.loop, two.campaign(3s)));
    world.clock.advance(200ms);
    CHECK(run(world.loop, two.campaign(3s)));
    const auto lease = world.server.object("leases", "pgbosun-orders");
    CHECK(lease["spec"]["holderIdentity"] == "two");
    CHECK(lease["spec"]["leaseDurationSeconds"] == 3);
    CHECK(lease["spec"]["leaseTransitions"] == 1);
    CHECK(lease["spec"]["renewTime"].get<std::string>().size() == std::string("2006-01-02T15:04:05.000000Z").size());
}

TEST_CASE("a selector chooses the pods that have all its labels") {
    World world;
    const auto labelled = [](const char* cluster) {
        return nlohmann::json{{"metadata", {{"labels", {{"cluster", cluster}, {"app", "x"}}}}}};
    };
    world.server.plant("pods", "orders-1", labelled("orders"));
    world.server.plant("pods", "orders-0", labelled("orders"));
    world.server.plant("pods", "bills-0", labelled("bills"));
    const auto client = world.client("one");
    CHECK(run(world.loop, cluster_record::pods_of(client, "app=x,cluster=orders")).value() ==
          std::vector<std::string>{"orders-0", "orders-1"});
    CHECK(run(world.loop, cluster_record::pods_of(client, "app=x,cluster=none")).value().empty());

    for (int number = 0; number < 70; ++number)
        world.server.plant("pods", "many-" + std::to_string(number), labelled("many"));
    const auto many = run(world.loop, cluster_record::pods_of(client, "cluster=many"));
    REQUIRE_FALSE(many);
    CHECK(many.error().kind == FaultKind::refused);
}

TEST_CASE("roles become labels of pods, and events can be read") {
    World world;
    cluster_record::KubernetesPublication publication(world.client("one"), world.clock);
    world.server.plant("pods", "pg-1", {{"metadata", {{"labels", {{"app", "x"}}}}}});
    REQUIRE(run(world.loop, publication.publish("pg-1", PublishedRole::primary)));
    CHECK(world.server.object("pods", "pg-1")["metadata"]["labels"] ==
          nlohmann::json{{"app", "x"}, {"pgbosun.io/role", "primary"}});
    REQUIRE(run(world.loop, publication.publish("pg-1", PublishedRole::none)));
    CHECK(world.server.object("pods", "pg-1")["metadata"]["labels"] == nlohmann::json{{"app", "x"}});
    const auto nobody = run(world.loop, publication.publish("pg-2", PublishedRole::standby));
    REQUIRE_FALSE(nobody);
    CHECK(nobody.error().kind == FaultKind::not_found);
    REQUIRE(run(world.loop, publication.tell("Failover", "pg-2 is the primary of term 4")));
    const auto events = world.server.all("events");
    REQUIRE(events.size() == 1);
    CHECK(events.front()["reason"] == "Failover");
    CHECK(events.front()["involvedObject"]["name"] == "pgbosun-orders");
}

TEST_CASE("outside of a cluster there is no account to use") {
    const auto nothing = cluster_record::in_cluster([](std::string_view) { return std::optional<std::string>(); });
    REQUIRE_FALSE(nothing);
    CHECK(nothing.error().kind == FaultKind::refused);
    const auto options = cluster_record::in_cluster(
        [](std::string_view name) { return std::optional<std::string>(name.ends_with("HOST") ? "fd00::1" : "443"); });
    REQUIRE(options);
    CHECK(options->server == "https://[fd00::1]:443");
}
