#include "supervision/trusted_wal.hpp"

#include "support/catch.hpp"
#include "support/run.hpp"
#include "unit/supervision/outside.hpp"

using namespace pgbosun;
using namespace pgbosun::supervision;
using namespace std::chrono_literals;

namespace {

constexpr std::uint32_t segment_bytes = 16 << 20;
const std::string status_directory = "/volume/pgdata/pg_wal/archive_status/";

// A standby on timeline 2, which left timeline 1 within segment 3, and has its own up to within segment 6.
struct Standby : test::Outside {
    Standby() {
        settings.volume = "/volume";
        settings.archive.emplace();
        outside.open_session = [this](const std::string&, const std::string&) {
            return std::make_unique<test::FakePgSession>(server);
        };
        server->answer = [this](const std::string& sql, const auto&) { return answer(sql); };
        files.add_directory("/volume/pgdata/pg_wal/archive_status");
    }
    Result<Rows> answer(const std::string& sql) const {
        Rows rows;
        if (sql.find("pg_last_wal_replay_lsn") != std::string::npos) {
            rows.rows.push_back({Field("0/6000100")});
        } else if (sql.find("pg_ls_waldir") != std::string::npos) {
            rows.rows.push_back({Field("00000002")});
        } else if (sql.find("pg_control_system") != std::string::npos) {
            rows.rows.push_back(
                {Field(promoted ? "f" : "t"), Field("7"), Field("150000"), Field("3"), Field("0/7000200"), Field("3")});
        } else if (sql.find("pg_read_binary_file") != std::string::npos) {
            const std::string second = "1\t0/3000110\tx\n";
            rows.rows.push_back({Field(promoted ? second + "2\t0/7000100\tx\n" : second)});
        }
        return rows;
    }
    void mark(const std::string& name) { files.add_file(status_directory + name, ""); }
    bool has(const std::string& name) const { return files.nodes.contains(status_directory + name); }
    // As Performer::promote does.
    void before_promotion() {
        bool over = false;
        trusted.begin(Timeline{1}, segment_bytes);
        boost::asio::co_spawn(loop, trusted.wait(), [&](std::exception_ptr) { over = true; });
        test::run_until(loop, [&] { return over; });
    }
    void after_promotion() {
        bool over = false;
        promoted = true;
        test::FakePgSession own{server};
        boost::asio::co_spawn(loop, trusted.finish(own, segment_bytes), [&](std::exception_ptr) { over = true; });
        test::run_until(loop, [&] { return over; });
    }

    bool promoted = false;
    std::vector<std::string> recorded;
    TrustedWal trusted{outside, settings,
                       [this](std::string what, auto facts) { recorded.push_back(what + ": " + facts[0].second); }};
};

}  // namespace

TEST_CASE("before a promotion what lies on the standby's history is marked to be archived, in one go") {
    Standby it;
    for (const char* name : {"000000010000000000000002.done", "000000010000000000000003.done", "00000002.history.done",
                             "000000020000000000000005.done", "000000020000000000000006.done"}) {
        it.mark(name);
    }

    it.before_promotion();

    CHECK(it.has("000000010000000000000002.ready"));
    CHECK(it.has("00000002.history.ready"));
    CHECK(it.has("000000020000000000000005.ready"));
    CHECK(it.has("000000010000000000000003.done"));
    CHECK(it.has("000000020000000000000006.done"));
    CHECK(it.files.changes.size() == 1);
    CHECK(it.recorded == std::vector<std::string>{
                             "WAL that the former primary may not have archived is archived by this instance: 3"});
}

TEST_CASE(
    "what a timeline before left unfinished is marked as archived, before PostgreSQL archives it as if it were whole") {
    Standby it;
    const std::string unfinished = "000000010000000000000003";
    for (const auto* name : {"000000010000000000000002", "000000010000000000000003", "000000020000000000000006"}) {
        it.files.add_file(std::string("/volume/pgdata/pg_wal/") + name, "wal");
    }
    it.mark("000000010000000000000002.done");

    it.before_promotion();

    CHECK(it.has(unfinished + ".done"));
    CHECK(it.has("000000010000000000000002.ready"));
    CHECK_FALSE(it.has("000000020000000000000006.done"));
}

TEST_CASE("after recovery what became whole in between follows, and nothing of the new timeline") {
    Standby it;
    it.before_promotion();
    it.mark("000000020000000000000006.done");
    it.mark("000000020000000000000007.done");
    it.mark("000000030000000000000007.done");

    it.after_promotion();

    CHECK(it.has("000000020000000000000006.ready"));
    CHECK(it.has("000000020000000000000007.done"));
    CHECK(it.has("000000030000000000000007.done"));
}

TEST_CASE("without an archive the marks stay as they are, and the server is not asked") {
    Standby it;
    it.settings.archive.reset();
    it.mark("000000010000000000000002.done");

    it.before_promotion();
    it.after_promotion();

    CHECK(it.has("000000010000000000000002.done"));
    CHECK(it.server->statements.empty());
}

TEST_CASE("a disk that fails does not hold a promotion up") {
    Standby it;
    it.mark("000000010000000000000002.done");
    const char* verb = GENERATE("list", "rename_each_durably");
    it.files.fault = [verb](std::string_view call, const std::string&) -> std::optional<Fault> {
        if (call != verb) return std::nullopt;
        return Fault{FaultKind::unavailable, "the disk does not answer", ""};
    };

    it.before_promotion();

    CHECK(it.has("000000010000000000000002.done"));
    CHECK(it.recorded.empty());

    it.files.fault = {};
    it.after_promotion();
    CHECK(it.has("000000010000000000000002.ready"));
}

TEST_CASE("a server that does not say how far it is holds a promotion up for a moment only") {
    Standby it;
    it.mark("000000010000000000000002.done");
    it.server->state = test::FakeServerState::hanging;

    it.before_promotion();

    CHECK(it.server->unanswered == 1);  // it has not been waited for
    CHECK(it.has("000000010000000000000002.done"));
    it.server->state = test::FakeServerState::up;
    it.after_promotion();
    CHECK(it.has("000000010000000000000002.ready"));
}
