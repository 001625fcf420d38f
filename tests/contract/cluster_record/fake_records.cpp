#include "contract/cluster_record/benches.hpp"
#include "support/fake_clock.hpp"
#include "support/fake_cluster_record.hpp"

namespace pgbosun::test {

std::vector<RecordKind> record_kinds() {
    return {{"the fake", [] {
                 struct Engine {
                     boost::asio::io_context loop;
                     FakeClock clock;
                     FakeRecordEngine records{loop, clock};
                 };
                 const auto engine = std::make_shared<Engine>();
                 RecordBench bench;
                 bench.loop = &engine->loop;
                 bench.engine = engine;
                 bench.candidate = [engine](const std::string& name) {
                     return std::make_unique<FakeClusterRecord>(engine->records, name);
                 };
                 bench.let_pass = [engine](Duration by) { engine->clock.advance(by); };
                 return bench;
             }}};
}

}  // namespace pgbosun::test
