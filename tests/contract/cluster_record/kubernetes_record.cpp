// The record in Kubernetes, against an API server in memory.
#include "cluster_record/kubernetes_record.hpp"
#include "contract/cluster_record/benches.hpp"
#include "support/fake_clock.hpp"
#include "support/fake_kubernetes.hpp"

namespace pgbosun::test {

std::vector<RecordKind> record_kinds() {
    return {{"Kubernetes", [] {
                 struct Engine {
                     boost::asio::io_context loop;
                     FakeClock clock;
                     FakeKubernetes server{loop};
                 };
                 const auto engine = std::make_shared<Engine>();
                 RecordBench bench;
                 bench.loop = &engine->loop;
                 bench.engine = engine;
                 bench.candidate = [engine](const std::string& name) -> std::unique_ptr<ClusterRecord> {
                     cluster_record::KubernetesOptions options;
                     options.server = engine->server.url();
                     options.name_space = "data";
                     options.cluster = "orders";
                     options.candidate = name;
                     options.request_timeout = std::chrono::seconds(10);
                     auto client = cluster_record::KubernetesClient::make(engine->loop, std::move(options));
                     return std::make_unique<cluster_record::KubernetesRecord>(std::move(*client), engine->clock);
                 };
                 bench.let_pass = [engine](Duration by) { engine->clock.advance(by); };
                 return bench;
             }}};
}

}  // namespace pgbosun::test
