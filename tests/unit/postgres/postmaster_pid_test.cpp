#include "postgres/postmaster_pid.hpp"

#include "support/catch.hpp"

using namespace pgbosun;
using namespace pgbosun::postgres;

namespace {

const std::string written = "41\n/data/pgdata\n1700000000\n5432\n/run/pgbosun\n*\n  5432001     32769\nready   \n";

PidFileFacts with_process(std::optional<ProcessFacts> process) {
    return {.file = parse_postmaster_pid(written), .process = std::move(process), .data_directory = "/data/pgdata"};
}

ProcessFacts postmaster() {
    return {.executable = "postgres", .working_directory = "/data/pgdata", .started_at = 1700000000};
}

}  // namespace

TEST_CASE("postmaster.pid is read at every stage of its growth") {
    const auto whole = parse_postmaster_pid(written);
    REQUIRE(whole);
    CHECK(whole->pid == 41);
    CHECK(whole->holder == LockHolder::postmaster);
    CHECK(whole->port == 5432);
    CHECK(whole->socket_directory == "/run/pgbosun");
    CHECK(whole->listen_address == "*");
    CHECK(whole->shared_memory_key == "5432001     32769");
    CHECK(whole->state == PostmasterState::ready);

    const auto young = parse_postmaster_pid("-41\n/data/pgdata\n1700000000\n");
    REQUIRE(young);
    CHECK(young->pid == 41);
    CHECK(young->holder == LockHolder::single_user);
    CHECK_FALSE(young->port);
    CHECK_FALSE(young->state);
}

TEST_CASE("a damaged postmaster.pid is not guessed at") {
    for (const std::string& text :
         {std::string(), std::string("\n"), std::string("41\n"), std::string("41\n/data\n"),
          std::string("0\n/data\n1\n"), std::string("4x\n/data\n1\n"), std::string("99999999999\n/data\n1\n"),
          std::string("-2147483648\n/data\n1\n"), std::string("41\ndata\n1\n"), std::string("41\n/data\nsoon\n"),
          std::string("41\n/data\n-1\n"), std::string(200, '\0'), std::string("41\0\n/data\n1\n", 12),
          std::string(9000, '1')}) {
        CAPTURE(text);
        CHECK_FALSE(parse_postmaster_pid(text));
        CHECK(std::holds_alternative<UnreadableLock>(judge_stale({.file = parse_postmaster_pid(text)})));
    }
}

TEST_CASE("a socket's lock is taken away when a server of this directory left it, whole or empty, and no other's") {
    CHECK(is_left_socket_lock(written, "/data/pgdata"));
    CHECK(is_left_socket_lock(written, "/data//./pgdata"));
    CHECK(is_left_socket_lock("", "/data/pgdata"));
    CHECK_FALSE(is_left_socket_lock(written, "/data/pgdata2"));
    CHECK_FALSE(is_left_socket_lock("41\n/elsewhere\n1700000000\n", "/data/pgdata"));
}

TEST_CASE("without a lock file nothing stands in the way") { CHECK(std::holds_alternative<NoLock>(judge_stale({}))); }

TEST_CASE("a live PostgreSQL on this directory is refused, everything else is overruled") {
    const auto changed = [](auto change) {
        ProcessFacts process = postmaster();
        change(process);
        return judge_stale(with_process(process));
    };
    const auto live = [](const LockVerdict& verdict) { return std::holds_alternative<LiveLock>(verdict); };
    const auto stale = [](const LockVerdict& verdict) {
        const auto* lock = std::get_if<StaleLock>(&verdict);
        return lock != nullptr && lock->pid == 41;
    };

    CHECK(live(judge_stale(with_process(postmaster()))));
    CHECK(live(changed([](ProcessFacts& p) { p.started_at += 5000; })));
    CHECK(live(changed([](ProcessFacts& p) { p.working_directory.reset(); })));

    CHECK(stale(judge_stale(with_process(std::nullopt))));
    CHECK(stale(changed([](ProcessFacts& p) { p.liveness = Liveness::zombie; })));
    CHECK(stale(changed([](ProcessFacts& p) { p.executable = "pgbosun"; })));
    CHECK(stale(changed([](ProcessFacts& p) { p.executable = "postgres-exporter"; })));
    CHECK(stale(changed([](ProcessFacts& p) { p.working_directory = "/data/pgdata2"; })));
    CHECK(stale(changed([](ProcessFacts& p) { p.executable.reset(), p.working_directory.reset(); })));
    CHECK(stale(changed([](ProcessFacts& p) { p.working_directory.reset(), p.started_at += 3; })));
}
