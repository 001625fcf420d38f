#pragma once
// What a part of the supervision sees of the outside: behaving fakes.

#include <boost/asio/io_context.hpp>
#include <memory>

#include "supervision/surroundings.hpp"
#include "support/fake_clock.hpp"
#include "support/fake_file_system.hpp"
#include "support/fake_pg_session.hpp"
#include "support/fake_process_host.hpp"

namespace pgbosun::test {

class NoProcesses final : public supervision::ProcessTable {
public:
    std::optional<postgres::ProcessFacts> look(int) override { return std::nullopt; }
};

class NoGuard final : public PostgresGuard {
public:
    void expect() override {}
    Result<> watch(ProcessId) override { return {}; }
    void unwatch() override {}
};

struct Outside {
    boost::asio::io_context loop;
    FakeClock clock;
    FakeProcessHost processes;
    FakeFileSystem files;
    FakeFileSystem mounts;
    NoProcesses process_table;
    NoGuard guard;
    std::shared_ptr<FakeServer> server = std::make_shared<FakeServer>();
    FakePgSession session{server};
    Settings settings;
    supervision::Surroundings outside{loop,    clock, processes, process_table, files, mounts,
                                      session, {},    {},        guard,         {},    {}};
};

}  // namespace pgbosun::test
