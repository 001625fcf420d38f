// The record and the published roles in a real API server of Kubernetes, which all cases share: each acts as the account of
// images/kubernetes/controller, in a namespace of its own, and its Role must be enough.
#include <thread>

#include "cluster_record/kubernetes_pods.hpp"
#include "cluster_record/kubernetes_publication.hpp"
#include "cluster_record/kubernetes_record.hpp"
#include "contract/cluster_record/benches.hpp"
#include "contract/cluster_record/kubernetes_conversation.hpp"
#include "support/catch.hpp"
#include "support/real_kubernetes.hpp"
#include "support/run.hpp"

using namespace pgbosun;
using namespace pgbosun::test;
using namespace std::chrono_literals;
using cluster_record::KubernetesClient;
using cluster_record::KubernetesOptions;
using cluster_record::KubernetesRecord;

namespace {

class SteadyClock final : public Clock {
public:
    [[nodiscard]] Instant now() const override { return Instant(std::chrono::steady_clock::now().time_since_epoch()); }
    [[nodiscard]] WallTime wall() const override {
        return std::chrono::time_point_cast<WallTime::duration>(std::chrono::system_clock::now());
    }
};

RealKubernetes& server() {
    static RealKubernetes server;
    return server;
}

KubernetesClient client(boost::asio::io_context& loop, KubernetesOptions options, const std::string& name) {
    options.candidate = name;
    return *KubernetesClient::make(loop, std::move(options));
}

struct World {
    KubernetesOptions options = server().add_namespace();
    boost::asio::io_context loop;
    SteadyClock clock;

    KubernetesRecord record(const std::string& name) { return {client(loop, options, name), clock}; }
    [[nodiscard]] std::string path(const std::string& kind) const {
        return "/api/v1/namespaces/" + options.name_space + "/" + kind;
    }
    void plant_pod() const {
        server().ask("POST", path("pods"),
                     {{"metadata", {{"name", "pg-1"}, {"labels", {{"app", "x"}}}}},
                      {"spec", {{"containers", {{{"name", "pgbosun"}, {"image", "pgbosun"}}}}}}});
    }
};

}  // namespace

namespace pgbosun::test {

std::vector<RecordKind> record_kinds() {
    server();
    return {{"a real API server", [] {
                 const auto world = std::make_shared<World>();
                 RecordBench bench;
                 bench.loop = &world->loop;
                 bench.engine = world;
                 bench.candidate = [world](const std::string& name) -> std::unique_ptr<ClusterRecord> {
                     return std::make_unique<KubernetesRecord>(client(world->loop, world->options, name), world->clock);
                 };
                 // Leases run out by the candidate's clock, and it asks the server in the same time.
                 bench.let_pass = [](Duration by) { std::this_thread::sleep_for(by); };
                 return bench;
             }}};
}

}  // namespace pgbosun::test

TEST_CASE("a watch goes on after the API server was away, and tells of what was changed meanwhile") {
    World world;
    auto one = world.record("one");
    auto two = world.record("two");
    const auto first = run(world.loop, one.create("first"));
    REQUIRE(first);
    REQUIRE(run(world.loop, one.changed(1s)).value() == RecordChange::seen);
    REQUIRE(run(world.loop, one.changed(50ms)).value() == RecordChange::none);

    server().kill_and_start();
    REQUIRE(run(world.loop, two.replace("second", *first)));

    CHECK(run(world.loop, one.changed(10s)).value() == RecordChange::seen);
    CHECK(run(world.loop, one.read())->text == "second");
    CHECK(run(world.loop, one.changed(50ms)).value() == RecordChange::none);
}

TEST_CASE("a watch from before the server's history begins anew, and tells") {
    World world;
    auto one = world.record("one");
    auto two = world.record("two");
    const auto first = run(world.loop, one.create("first"));
    REQUIRE(first);
    REQUIRE(run(world.loop, one.changed(1s)).value() == RecordChange::seen);
    REQUIRE(run(world.loop, one.changed(50ms)).value() == RecordChange::none);

    // The history that it keeps in memory begins when it starts.
    REQUIRE(run(world.loop, two.replace("second", *first)));
    server().kill_and_start();
    std::string told;
    const http::Sink sink = [&told](std::string_view piece) {
        told.append(piece);
        return http::Flow::enough;
    };
    std::ignore = run(world.loop, client(world.loop, world.options, "one")
                                      .watch(world.path("configmaps") + "?watch=1&fieldSelector=metadata.name%3D" +
                                                 "pgbosun-orders&resourceVersion=" + first->value,
                                             5s, sink));
    CHECK(told.find("410") != std::string::npos);

    CHECK(run(world.loop, one.changed(10s)).value() == RecordChange::seen);
    CHECK(run(world.loop, one.changed(50ms)).value() == RecordChange::none);
    server().ask("DELETE", world.path("configmaps/pgbosun-orders"));
    CHECK(run(world.loop, one.changed(10s)).value() == RecordChange::seen);
}

TEST_CASE("another's ConfigMap is none of ours, and the account may not touch it") {
    World world;
    auto one = world.record("one");
    REQUIRE(run(world.loop, one.changed(1s)).value() == RecordChange::seen);
    server().ask("POST", world.path("configmaps"), {{"metadata", {{"name", "another"}}}, {"data", {{"record", "x"}}}});
    CHECK(run(world.loop, one.changed(50ms)).value() == RecordChange::none);

    const auto account = client(world.loop, world.options, "one");
    for (const auto& [method, target] : {std::pair(http::Method::get, world.path("configmaps/another")),
                                         {http::Method::get, world.path("secrets")},
                                         {http::Method::get, world.path("pods")}}) {
        const auto refused = run(world.loop, account.ask(method, target, ""));
        REQUIRE_FALSE(refused);
        CHECK(refused.error().kind == FaultKind::refused);
        CHECK(refused.error().hint.find("images/kubernetes/controller") != std::string::npos);
    }
}

TEST_CASE("Kubernetes still answers as it did when the conversation was recorded") {
    World world;
    world.plant_pod();
    const auto said = converse(world.loop, world.options);
    record_conversation(said);
    CHECK(said == recorded_conversation());
}

TEST_CASE("a selector chooses real pods, for an account that may list them") {
    World world;
    world.plant_pod();
    const std::string rights = "/apis/rbac.authorization.k8s.io/v1/namespaces/" + world.options.name_space;
    const nlohmann::json everybody = {
        {"kind", "Group"}, {"name", "system:serviceaccounts"}, {"apiGroup", "rbac.authorization.k8s.io"}};
    server().ask("POST", rights + "/roles",
                 {{"metadata", {{"name", "pods"}}},
                  {"rules", {{{"apiGroups", {""}}, {"resources", {"pods"}}, {"verbs", {"list"}}}}}});
    server().ask("POST", rights + "/rolebindings",
                 {{"metadata", {{"name", "pods"}}},
                  {"subjects", {everybody}},
                  {"roleRef", {{"kind", "Role"}, {"name", "pods"}, {"apiGroup", "rbac.authorization.k8s.io"}}}});
    const auto account = client(world.loop, world.options, "one");
    const auto give_up = std::chrono::steady_clock::now() + 20s;
    auto pods = run(world.loop, cluster_record::pods_of(account, "app=x"));
    while (!pods && std::chrono::steady_clock::now() < give_up)
        pods = run(world.loop, cluster_record::pods_of(account, "app=x"));
    CHECK(pods.value() == std::vector<std::string>{"pg-1"});
    CHECK(run(world.loop, cluster_record::pods_of(account, "app in (y, z)")).value().empty());
    CHECK_FALSE(run(world.loop, cluster_record::pods_of(account, "app==,")));
}

TEST_CASE("roles become labels of real pods, and events are told of the record") {
    World world;
    world.plant_pod();
    cluster_record::KubernetesPublication publication(client(world.loop, world.options, "one"), world.clock);
    const auto labels = [&] { return server().ask("GET", world.path("pods/pg-1"))["metadata"]["labels"]; };
    REQUIRE(run(world.loop, publication.publish("pg-1", PublishedRole::primary)));
    CHECK(labels() == nlohmann::json{{"app", "x"}, {"pgbosun.io/role", "primary"}});
    REQUIRE(run(world.loop, publication.publish("pg-1", PublishedRole::none)));
    CHECK(labels() == nlohmann::json{{"app", "x"}});
    const auto nobody = run(world.loop, publication.publish("pg-2", PublishedRole::standby));
    REQUIRE_FALSE(nobody);
    CHECK(nobody.error().kind == FaultKind::not_found);

    REQUIRE(run(world.loop, publication.tell("Failover", "pg-2 is the primary of term 4")));
    const auto events = server().ask("GET", world.path("events"))["items"];
    REQUIRE(events.size() == 1);
    CHECK(events.front()["reason"] == "Failover");
    CHECK(events.front()["involvedObject"]["name"] == "pgbosun-orders");
}

TEST_CASE("the Lease is one that other clients of Kubernetes can read") {
    World world;
    auto one = world.record("one");
    REQUIRE(run(world.loop, one.campaign(3s)));
    const auto target =
        "/apis/coordination.k8s.io/v1/namespaces/" + world.options.name_space + "/leases/pgbosun-orders";
    CHECK(server().ask("GET", target)["spec"]["holderIdentity"] == "one");
    REQUIRE(run(world.loop, one.resign()));
    CHECK(server().ask("GET", target)["spec"].value("holderIdentity", "") == "");
}
