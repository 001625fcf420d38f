#include <chrono>

#include "archive/hook_request.hpp"
#include "archive/identity.hpp"
#include "archive/layout.hpp"
#include "archive/prefetch_window.hpp"
#include "archive/restore_policy.hpp"
#include "pgbosun/hook_protocol.hpp"
#include "support/catch.hpp"

using namespace pgbosun;
using namespace pgbosun::archive;
using namespace std::string_literals;

TEST_CASE("WAL lies where Barman looks for it") {
    const std::pair<const char*, const char*> table[] = {
        {"000000010000000A000000FF", "orders/wals/000000010000000A/000000010000000A000000FF"},
        {"000000010000000A000000FF.partial", "orders/wals/000000010000000A/000000010000000A000000FF.partial"},
        {"000000010000000A000000FF.00000028.backup",
         "orders/wals/000000010000000A/000000010000000A000000FF.00000028.backup"},
        {"0000000B.history", "orders/wals/0000000B.history"},
    };
    for (const auto& [name, key] : table) CHECK(wal_key("orders", *wal::parse_archive_name(name)) == key);
    const std::string identity = identity_key("orders");
    CHECK_FALSE(identity.starts_with("orders/wals/"));
    CHECK_FALSE(identity.starts_with("orders/base/"));
}

TEST_CASE("an object's extension says how it is encoded, and a .partial is never taken for the segment") {
    const std::pair<const char*, std::optional<Encoding>> table[] = {
        {"k", Encoding::plain},          {"k.zst", Encoding::zstd},
        {"k.gz", Encoding::gzip},        {"k.lz4", Encoding::lz4},
        {"k.bz2", Encoding::bzip2},      {"k.xz", Encoding::xz},
        {"k.snappy", Encoding::snappy},  {"k.partial", std::nullopt},
        {"k.partial.zst", std::nullopt}, {"k.00000028.backup.zst", std::nullopt},
        {"k.zst.tmp", std::nullopt},     {"k.ZST", std::nullopt},
        {"kk.zst", std::nullopt},        {"x", std::nullopt},
    };
    for (const auto& [key, encoding] : table) {
        CAPTURE(key);
        CHECK(encoding_of_key("k", key) == encoding);
    }
    CHECK(encoding_of_key("k.partial", "k.partial.zst") == Encoding::zstd);
}

TEST_CASE("a request of the hook is read") {
    const auto archive = parse_hook_request("pgbosun-wal 1\narchive\0/data/pg_wal/000000010000000000000003\0"s).value();
    REQUIRE(std::holds_alternative<ArchiveRequest>(archive));
    CHECK(to_string(std::get<ArchiveRequest>(archive).name) == "000000010000000000000003");

    const auto restore =
        parse_hook_request("pgbosun-wal 1\nrestore\0"s + "00000002.history\0/data/pg_wal/RECOVERYHISTORY\0"s).value();
    REQUIRE(std::holds_alternative<RestoreRequest>(restore));
    CHECK(std::get<RestoreRequest>(restore).path == "/data/pg_wal/RECOVERYHISTORY");
}

TEST_CASE("what is no request of the hook is refused") {
    const std::string magic = "pgbosun-wal 1\n";
    const std::string table[] = {
        "",
        "pgbosun-wal 2\narchive\0/a/000000010000000000000003\0"s,
        magic,
        magic + "archive\0"s,
        magic + "archive\0/a/000000010000000000000003"s,
        magic + "archive\0pg_wal/000000010000000000000003\0"s,
        magic + "archive\0/a/000000010000000000000003\0more\0"s,
        magic + "archive\0/a/nonsense\0"s,
        magic + "archive\0/a/\0"s,
        magic + "Archive\0/a/000000010000000000000003\0"s,
        magic + "restore\0"s + "000000010000000000000003\0"s,
        magic + "restore\0"s + "../etc/passwd\0/a\0"s,
        magic + "restore\0"s + "000000010000000000000003\0a\0"s,
        magic + "archive\0/"s + std::string(hook::longest_request, 'x') + "/000000010000000000000003\0"s,
    };
    for (const auto& bytes : table) {
        CAPTURE(bytes);
        const auto request = parse_hook_request(bytes);
        REQUIRE_FALSE(request);
        CHECK(request.error().kind == FaultKind::refused);
    }
}

TEST_CASE("an answer is one byte and a line that a terminal survives") {
    CHECK(render(HookAnswer{'0', {}}) == "0");
    CHECK(render(HookAnswer{'1', "a\nb\x1b[0m"}) == "1a b [0m");
    CHECK(render(HookAnswer{'1', std::string(5000, 'x')}).size() == 1 + hook::longest_text);
    const auto cut = render(HookAnswer{'1', std::string(hook::longest_text - 1, 'x') + "\xC3\xA4"});
    CHECK(cut == "1" + std::string(hook::longest_text - 1, 'x'));
}

TEST_CASE("who asks decides how long is tried and what is said then") {
    using std::chrono::milliseconds;
    const std::pair<std::optional<RecoverySigns>, Purpose> table[] = {
        {std::nullopt, Purpose::recover},
        {RecoverySigns{}, Purpose::rewind},
        {RecoverySigns{.postmaster_pid = true}, Purpose::other},
        {RecoverySigns{.recovery_signal = true}, Purpose::recover},
        {RecoverySigns{.recovery_signal = true, .postmaster_pid = true}, Purpose::recover},
        {RecoverySigns{.standby_signal = true}, Purpose::follow},
        {RecoverySigns{.standby_signal = true, .recovery_signal = true, .postmaster_pid = true}, Purpose::follow},
    };
    for (const auto& [signs, purpose] : table) CHECK(purpose_of(signs) == purpose);

    CHECK(policy_of(Purpose::recover).given_up == hook::stop_recovery);
    CHECK_FALSE(policy_of(Purpose::recover).patience);
    CHECK(policy_of(Purpose::follow).given_up == hook::failed);
    CHECK(policy_of(Purpose::follow).patience == milliseconds(30'000));
    CHECK(policy_of(Purpose::rewind).prefetch == Prefetch::none);
    CHECK(policy_of(Purpose::other).given_up == hook::stop_recovery);
}

TEST_CASE("the window doubles while segments follow each other and begins anew when they do not") {
    PrefetchWindow window;
    const auto serve = [&](std::uint32_t timeline, std::uint64_t number) {
        window.served({Timeline{timeline}, number});
        return window.width();
    };

    CHECK(serve(1, 10) == 1);
    CHECK(serve(1, 11) == 2);
    CHECK(serve(1, 12) == 4);
    CHECK(serve(1, 12) == 1);
    CHECK(serve(1, 14) == 1);
    CHECK(serve(2, 15) == 1);
    for (std::uint64_t number = 16; number < 30; ++number) serve(2, number);
    CHECK(window.width() == widest_window);
    window.reached_the_end();
    CHECK(window.width() == 1);
}

TEST_CASE("segments are fetched ahead up to the fork, over the end of a log, within the bytes allowed") {
    const auto small = *wal::SegmentSize::from_bytes(1 << 20), large = *wal::SegmentSize::from_bytes(1 << 30);
    const wal::WalSegment last_of_log{Timeline{1}, 4095};

    CHECK(following(last_of_log, 2, small, std::nullopt) ==
          std::vector<wal::WalSegment>{{Timeline{1}, 4096}, {Timeline{1}, 4097}});
    CHECK(following({Timeline{1}, 3}, 64, large, std::nullopt).size() == 1);
    CHECK(following({Timeline{1}, 3}, 64, small, Lsn{6 << 20}).size() == 2);
    CHECK(following({Timeline{1}, 3}, 64, small, Lsn{(6 << 20) + 1}).size() == 3);
    CHECK(following({Timeline{1}, 3}, 64, small, Lsn{1}).empty());
    CHECK(following({Timeline{1}, ~0ULL >> 20}, 4, small, std::nullopt).empty());
}

TEST_CASE("of several forks of a timeline the earliest counts") {
    KnownForks forks;
    forks.learn({Timeline{3}, {{Timeline{1}, Lsn{500}, ""}, {Timeline{2}, Lsn{700}, ""}}});
    forks.learn({Timeline{4}, {{Timeline{1}, Lsn{400}, ""}}});

    CHECK(forks.of(Timeline{1}) == Lsn{400});
    CHECK(forks.of(Timeline{2}) == Lsn{700});
    CHECK_FALSE(forks.of(Timeline{3}));
}

TEST_CASE("an identity is read as it was written, and nothing else is one") {
    const ArchiveIdentity identity{SystemId{~0ULL}, "orders \"x\""};
    CHECK(parse_identity(render(identity)).value() == identity);
    CHECK(parse_identity(R"({"system_id": "7", "server_name": "a", "later": 1})"));

    for (const char* text : {"", "{", "[]", "{}", R"({"system_id": 7, "server_name": "a"})",
                             R"({"system_id": "7x", "server_name": "a"})", R"({"system_id": "", "server_name": "a"})",
                             R"({"system_id": "-7", "server_name": "a"})", R"({"system_id": "7"})"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_identity(text));
    }
}
