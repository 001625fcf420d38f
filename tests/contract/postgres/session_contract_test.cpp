#include <algorithm>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <csignal>
#include <functional>
#include <memory>

#include "run_task.hpp"
#include "shared_server.hpp"
#include "support/catch.hpp"
#include "support/fake_pg_session.hpp"

using namespace pgbosun;
using namespace pgbosun::test;
using namespace std::chrono_literals;

namespace {

constexpr Duration plenty = 10min;  // a busy machine with sanitizers has taken longer than 30 s for 100,000 rows

// What both implementations must do; hang and resume act on the server behind the session.
struct Subject {
    std::string name;
    std::unique_ptr<PgSession> session;
    std::function<void()> hang;
    std::function<void()> resume;
};

Result<Rows> ask(boost::asio::io_context& io, PgSession& session, std::string sql, std::vector<Field> parameters = {},
                 Duration timeout = plenty) {
    return test::run(io, session.query(std::move(sql), std::move(parameters), timeout));
}

Subject real_subject(boost::asio::io_context& io) {
    return {"libpq", std::make_unique<postgres::LibpqSession>(io, target_of(shared_server())),
            [] { shared_server().signal(SIGSTOP); }, [] { shared_server().signal(SIGCONT); }};
}

Subject walsender_subject(boost::asio::io_context& io) {
    auto target = target_of(shared_server());
    target.route = postgres::Route::walsender;
    return {"walsender", std::make_unique<postgres::LibpqSession>(io, std::move(target)),
            [] { shared_server().signal(SIGSTOP); }, [] { shared_server().signal(SIGCONT); }};
}

Result<Rows> answer(const std::string& sql, const std::vector<Field>& parameters) {
    if (sql == "select $1::text as a, $2::text as b") return Rows{{"a", "b"}, {{parameters.at(0), parameters.at(1)}}};
    if (sql == "select 1 where false") return Rows{{"?column?"}, {}};
    return fail(FaultKind::refused, "42601 syntax error");
}

Subject fake_subject() {
    auto server = std::make_shared<FakeServer>();
    server->answer = answer;
    return {"fake", std::make_unique<FakePgSession>(server), [server] { server->state = FakeServerState::hanging; },
            [server] { server->state = FakeServerState::up; }};
}

void check_contract(boost::asio::io_context& io, Subject subject) {
    INFO(subject.name);
    PgSession& session = *subject.session;

    SECTION("values come back as text and NULL as nothing") {
        const auto rows = ask(io, session, "select $1::text as a, $2::text as b", {"it's \\ ä", std::nullopt});

        REQUIRE(rows);
        CHECK(rows->columns == std::vector<std::string>{"a", "b"});
        REQUIRE(rows->rows.size() == 1);
        CHECK(rows->rows[0][0] == "it's \\ ä");
        CHECK_FALSE(rows->rows[0][1]);
    }

    SECTION("an answer without rows still names its columns") {
        const auto rows = ask(io, session, "select 1 where false");

        REQUIRE(rows);
        CHECK(rows->rows.empty());
        CHECK(rows->columns.size() == 1);
    }

    SECTION("an error of the server is refused and begins with its SQLSTATE, and the session goes on") {
        const auto failed = ask(io, session, "selec 1");
        const auto next = ask(io, session, "select 1 where false");

        REQUIRE_FALSE(failed);
        CHECK(failed.error().kind == FaultKind::refused);
        CHECK(failed.error().what.starts_with("42601"));
        CHECK(next);
    }

    SECTION("a closed session opens itself again") {
        REQUIRE(ask(io, session, "select 1 where false"));
        session.close();

        CHECK(ask(io, session, "select 1 where false"));
    }

    SECTION("a server that does not answer is unavailable, and usable when it answers again") {
        session.close();
        subject.hang();
        const auto silent = ask(io, session, "select 1 where false", {}, 50ms);
        subject.resume();

        REQUIRE_FALSE(silent);
        CHECK(silent.error().kind == FaultKind::unavailable);
        CHECK(ask(io, session, "select 1 where false"));
    }
}

}  // namespace

TEST_CASE("LibpqSession keeps the contract of PgSession") {
    boost::asio::io_context io;
    check_contract(io, real_subject(io));
}

TEST_CASE("LibpqSession keeps the contract of PgSession over a walsender") {
    boost::asio::io_context io;
    check_contract(io, walsender_subject(io));
}

TEST_CASE("a walsender answers when all connections are taken") {
    boost::asio::io_context io;
    std::vector<std::unique_ptr<PgSession>> crowd;
    Result<Rows> taken;
    while (taken && crowd.size() < 200) {
        crowd.push_back(std::make_unique<postgres::LibpqSession>(io, target_of(shared_server())));
        taken = ask(io, *crowd.back(), "select 1");
    }
    REQUIRE_FALSE(taken);
    CHECK(taken.error().what.find("too many clients") != std::string::npos);
    auto target = target_of(shared_server());
    target.route = postgres::Route::walsender;
    postgres::LibpqSession session(io, std::move(target));

    CHECK(ask(io, session, "select $2::text || $1::text", {"a", "b"})->rows.at(0).at(0) == "ba");
}

TEST_CASE("the fake session keeps the contract of PgSession") {
    boost::asio::io_context io;
    check_contract(io, fake_subject());
}

TEST_CASE("a statement that takes too long costs its connection") {
    boost::asio::io_context io;
    postgres::LibpqSession session(io, target_of(shared_server()));
    const auto before = ask(io, session, "select pg_backend_pid()");

    const auto slow = ask(io, session, "select pg_sleep(600)", {}, 50ms);
    const auto after = ask(io, session, "select pg_backend_pid()");

    REQUIRE(before);
    REQUIRE_FALSE(slow);
    CHECK(slow.error().kind == FaultKind::unavailable);
    REQUIRE(after);
    CHECK(before->rows != after->rows);
}

TEST_CASE("a session keeps its connection, and finds a new one after the server dropped it") {
    boost::asio::io_context io;
    postgres::LibpqSession session(io, target_of(shared_server()));
    postgres::LibpqSession other(io, target_of(shared_server()));
    const auto first = ask(io, session, "select pg_backend_pid()");
    const auto second = ask(io, session, "select pg_backend_pid()");
    REQUIRE(first);
    REQUIRE(second);
    CHECK(first->rows == second->rows);

    REQUIRE(ask(io, other, "select pg_terminate_backend($1::int, 10000)", {first->rows[0][0]}));
    const auto third = ask(io, session, "select pg_backend_pid()");

    REQUIRE(third);
    CHECK(third->rows != first->rows);
}

TEST_CASE("a statement whose backend is terminated meanwhile is unavailable") {
    boost::asio::io_context io;
    postgres::LibpqSession session(io, target_of(shared_server()));

    const auto cut = ask(io, session, "select pg_terminate_backend(pg_backend_pid(), 10000)");

    REQUIRE_FALSE(cut);
    CHECK(cut.error().kind == FaultKind::unavailable);
    CAPTURE(cut.error().what);
    CHECK(cut.error().what.find("administrator command") != std::string::npos);
}

TEST_CASE("queries at once wait for each other, and a crowd is turned away") {
    boost::asio::io_context io;
    postgres::LibpqSession session(io, target_of(shared_server()));
    std::vector<std::string> pids;
    int turned_away = 0;
    int ended = 0;
    constexpr int asked = 30;

    for (int i = 0; i < asked; ++i) {
        boost::asio::co_spawn(io, session.query("select pg_backend_pid()", {}, plenty),
                              [&](std::exception_ptr error, Result<Rows> rows) {
                                  REQUIRE_FALSE(error);
                                  ++ended;
                                  if (rows)
                                      pids.push_back(*rows->rows[0][0]);
                                  else
                                      turned_away += rows.error().kind == FaultKind::unavailable ? 1 : 0;
                              });
    }
    while (ended < asked) io.run_one();

    CHECK(pids.size() == 17);
    CHECK(turned_away == asked - 17);
    CHECK(std::equal(pids.begin() + 1, pids.end(), pids.begin()));
}

TEST_CASE("a session that ends takes its waiting queries with it") {
    boost::asio::io_context io;
    auto session = std::make_unique<postgres::LibpqSession>(io, target_of(shared_server()));
    int unavailable = 0;
    for (int i = 0; i < 3; ++i)
        boost::asio::co_spawn(io, session->query("select pg_sleep(600)", {}, plenty),
                              [&](std::exception_ptr, Result<Rows> rows) {
                                  unavailable += !rows && rows.error().kind == FaultKind::unavailable ? 1 : 0;
                              });
    for (int i = 0; i < 3; ++i) io.poll();

    session.reset();
    while (unavailable < 3) io.run_one();

    CHECK(unavailable == 3);
}

TEST_CASE("a caller that gives up leaves a usable session to the next one") {
    boost::asio::io_context io;
    postgres::LibpqSession session(io, target_of(shared_server()));
    REQUIRE(ask(io, session, "select 1"));
    boost::asio::cancellation_signal give_up;
    bool ended = false;
    bool succeeded = false;
    boost::asio::co_spawn(
        io, session.query("select pg_sleep(600)", {}, plenty),
        boost::asio::bind_cancellation_slot(give_up.slot(), [&](std::exception_ptr error, Result<Rows> rows) {
            ended = true;
            succeeded = !error && rows;
        }));
    bool next_ended = false;
    Result<Rows> next;
    boost::asio::co_spawn(io, session.query("select 7", {}, plenty), [&](std::exception_ptr error, Result<Rows> rows) {
        REQUIRE_FALSE(error);
        next_ended = true;
        next = std::move(rows);
    });
    io.restart();
    for (int i = 0; i < 10; ++i) io.poll();
    REQUIRE_FALSE(ended);

    give_up.emit(boost::asio::cancellation_type::terminal);
    while (!ended || !next_ended) io.run_one();

    CHECK_FALSE(succeeded);
    REQUIRE(next);
    CHECK(next->rows[0][0] == "7");
}

TEST_CASE("of several hosts the first that takes the connection has it, and a silent one is passed by") {
    boost::asio::io_context io;
    // It accepts nobody: the kernel completes the connection, and no answer comes.
    boost::asio::ip::tcp::acceptor silent(io, {boost::asio::ip::make_address("127.0.0.1"), 0});
    const postgres::Conninfo mute{
        {"hostaddr", "127.0.0.1"}, {"host", "127.0.0.1"}, {"port", std::to_string(silent.local_endpoint().port())}};
    const postgres::Conninfo nobody{{"host", "/nonexistent"}};
    auto here = target_of(shared_server());
    const postgres::Conninfo real{
        {"host", here.host}, {"port", std::to_string(here.port)}, {"target_session_attrs", "read-write"}};
    postgres::Conninfo read_only = real;
    read_only["target_session_attrs"] = "standby";
    here.host.clear();
    here.any_of = {nobody, mute, read_only, real};
    postgres::LibpqSession session(io, here);

    const auto rows = ask(io, session, "select 7", {}, 8s);

    REQUIRE(rows);
    CHECK(rows->rows[0][0] == "7");
    here.any_of = {nobody, mute};
    postgres::LibpqSession lost(io, here);
    const auto none = ask(io, lost, "select 7", {}, 1s);
    REQUIRE_FALSE(none);
    CHECK(none.error().kind == FaultKind::unavailable);
}

TEST_CASE("nobody listening is unavailable at once") {
    boost::asio::io_context io;
    postgres::LibpqSession session(io, {.host = "/nonexistent"});

    const auto rows = ask(io, session, "select 1");

    REQUIRE_FALSE(rows);
    CHECK(rows.error().kind == FaultKind::unavailable);
}

TEST_CASE("a stopped server whose queue of connections is full does not block the thread") {
    boost::asio::io_context io;
    RealPostgres server(
        {.configuration = "max_connections = 4\nsuperuser_reserved_connections = 0\nmax_wal_senders = 0\n"});
    server.signal(SIGSTOP);

    std::vector<std::unique_ptr<postgres::LibpqSession>> sessions;
    int unavailable = 0;
    for (int i = 0; i < 40; ++i) {
        sessions.push_back(std::make_unique<postgres::LibpqSession>(io, target_of(server)));
        boost::asio::co_spawn(io, sessions.back()->query("select 1", {}, Duration(200ms)),
                              [&](std::exception_ptr, Result<Rows> rows) {
                                  unavailable += !rows && rows.error().kind == FaultKind::unavailable ? 1 : 0;
                              });
    }
    while (unavailable < 40) io.run_one();

    CHECK(unavailable == 40);
}

TEST_CASE("two statements in one string are refused, and a flood of rows too") {
    boost::asio::io_context io;
    postgres::LibpqSession session(io, target_of(shared_server()));

    const auto two = ask(io, session, "select 1; select 2");
    const auto flood = ask(io, session, "select generate_series(1, 200000)");
    const auto wide = ask(io, session, "select repeat('x', 20000000)");

    REQUIRE_FALSE(two);
    CHECK(two.error().kind == FaultKind::refused);
    REQUIRE_FALSE(flood);
    INFO(flood.error().text());
    CHECK(flood.error().kind == FaultKind::refused);
    REQUIRE_FALSE(wide);
    CHECK(wide.error().kind == FaultKind::refused);
    CHECK(ask(io, session, "select 1"));
}

TEST_CASE("a script may be several statements, all of which happen or none, and leaves no transaction open") {
    boost::asio::io_context io;
    postgres::LibpqSession session(io, target_of(shared_server()));
    const auto run = [&](std::string sql) { return test::run(io, session.script(std::move(sql), plenty)); };
    const std::string counted = "select count(*)::text from pg_temp.script";

    CHECK(run("create temp table script (n int); insert into script values (1); select n, 2 from script"));
    CHECK(ask(io, session, counted)->rows[0][0] == "1");
    const auto half = run("insert into script values (2); insert into nowhere values (3)");
    REQUIRE_FALSE(half);
    CHECK(half.error().kind == FaultKind::refused);
    CHECK(half.error().what.starts_with("42P01 "));
    CHECK(ask(io, session, counted)->rows[0][0] == "1");
    CHECK(run("do $$ begin perform 1; end $$; begin; insert into script values (2); commit"));
    CHECK(ask(io, session, counted)->rows[0][0] == "2");

    const auto open = run("begin; insert into script values (3)");
    REQUIRE_FALSE(open);
    CHECK(open.error().kind == FaultKind::refused);
    CHECK(open.error().what == "25001 a transaction is left open");
    CHECK(ask(io, session, "select 1"));
}

TEST_CASE("a session has the settings that its SQL relies on") {
    boost::asio::io_context io;
    postgres::LibpqSession session(io, target_of(shared_server()));

    const auto rows = ask(io, session,
                          "select current_setting('application_name'), current_setting('search_path'), "
                          "current_setting('synchronous_commit'), current_setting('statement_timeout'), "
                          "current_setting('client_encoding'), current_setting('DateStyle') like 'ISO, %'");

    REQUIRE(rows);
    CHECK(rows->rows[0] == std::vector<Field>{"pgbosun", "pg_catalog", "local", "1min", "UTF8", "t"});
    CHECK(rows->types == std::vector<TypeOid>{25, 25, 25, 25, 25, 16});
}
