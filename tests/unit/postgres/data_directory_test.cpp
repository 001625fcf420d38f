#include "postgres/data_directory.hpp"

#include "control_bytes.hpp"
#include "support/catch.hpp"

using namespace pgbosun;
using namespace pgbosun::postgres;
using namespace pgbosun::test;

namespace {

DataDirectoryFacts good() {
    DataDirectoryFacts facts;
    facts.directory = FileFacts{.type = FileType::directory, .owner = 999, .mode = 0700};
    facts.entries = {"PG_VERSION", "base", "global"};
    facts.version_text = "17\n";
    facts.control = parse_control_data(control_bytes(1700));
    facts.our_uid = 999;
    return facts;
}

DataDirectoryFacts empty_directory() {
    DataDirectoryFacts facts = good();
    facts.entries.clear();
    facts.version_text.reset();
    facts.control = fail(FaultKind::not_found, "global/pg_control is not there");
    return facts;
}

std::string refusal(const DataDirectoryFacts& facts, int major = 17) {
    const auto verdict = judge(facts, major);
    const auto* refused = std::get_if<Refused>(&verdict);
    if (refused == nullptr) return "not refused";
    CHECK_FALSE(refused->hint.empty());
    return refused->reason;
}

}  // namespace

TEST_CASE("a data directory that is not there or empty may be filled") {
    DataDirectoryFacts absent;
    DataDirectoryFacts lost = empty_directory();
    lost.entries = {"lost+found"};
    DataDirectoryFacts marked = empty_directory();
    marked.marker = BootstrapMarker::present;

    for (const auto& facts : {absent, empty_directory(), lost, marked})
        CHECK(std::holds_alternative<Empty>(judge(facts, 17)));
}

TEST_CASE("a whole data directory of our version and user is used as its signal files say") {
    DataDirectoryFacts facts = good();
    const auto primary = judge(facts, 17);
    facts.entries.insert(facts.entries.end(), {"recovery.signal", "backup_label"});
    const auto recovery = judge(facts, 17);
    facts.entries.push_back("standby.signal");
    const auto standby = judge(facts, 17);

    REQUIRE(std::holds_alternative<Usable>(primary));
    CHECK(std::get<Usable>(primary).start == StartMode::primary);
    CHECK_FALSE(std::get<Usable>(primary).backup_label);
    CHECK(std::get<Usable>(recovery).start == StartMode::recovery);
    CHECK(std::get<Usable>(recovery).backup_label);
    CHECK(std::get<Usable>(standby).start == StartMode::standby);
}

TEST_CASE("a mode that PostgreSQL refuses is to be set, group access is left alone") {
    struct Case {
        std::uint32_t mode;
        std::optional<std::uint32_t> to_set;
    };
    for (const Case& test : {Case{0700, {}}, Case{0750, {}}, Case{02700, {}}, Case{0755, 0700}, Case{02770, 0700},
                             Case{0770, 0700}, Case{0777, 0700}, Case{0500, 0700}}) {
        CAPTURE(test.mode);
        DataDirectoryFacts facts = good();
        facts.directory->mode = test.mode;
        const auto verdict = judge(facts, 17);
        REQUIRE(std::holds_alternative<Usable>(verdict));
        CHECK(std::get<Usable>(verdict).mode_to_set == test.to_set);
    }
}

TEST_CASE("only what our own interrupted bootstrap left may be cleared") {
    DataDirectoryFacts half = good();
    half.version_text.reset();
    half.control = parse_control_data("");
    half.marker = BootstrapMarker::present;
    DataDirectoryFacts whole = good();
    whole.marker = BootstrapMarker::present;
    DataDirectoryFacts foreign = half;
    foreign.directory->owner = 0;

    CHECK(std::holds_alternative<Unfinished>(judge(half, 17)));
    CHECK(std::holds_alternative<Unfinished>(judge(whole, 17)));
    CHECK(refusal(foreign).find("uid 0") != std::string::npos);
}

TEST_CASE("data that is foreign, damaged or of another version is refused and never cleared") {
    DataDirectoryFacts file = good();
    file.directory->type = FileType::regular;
    DataDirectoryFacts link = good();
    link.directory->type = FileType::link;
    DataDirectoryFacts foreign = empty_directory();
    foreign.entries = {"lost+found", "holiday.jpg"};
    DataDirectoryFacts without_control = good();
    without_control.control = fail(FaultKind::not_found, "global/pg_control is not there");
    DataDirectoryFacts damaged = good();
    damaged.control = parse_control_data(std::string(8192, '\0'));
    DataDirectoryFacts newer_control = good();
    newer_control.control = parse_control_data(control_bytes(1800));
    DataDirectoryFacts garbage = good();
    garbage.version_text = "seventeen\n";

    CHECK(refusal(file) == "the data directory is not a directory");
    CHECK(refusal(link) == "the data directory is not a directory");
    CHECK(refusal(foreign).find("no PG_VERSION") != std::string::npos);
    CHECK(refusal(good(), 16).find("of PostgreSQL 17, the server is of 16") != std::string::npos);
    CHECK(refusal(good(), 18).find("of PostgreSQL 17, the server is of 18") != std::string::npos);
    CHECK(refusal(without_control) == "global/pg_control is not there");
    CHECK(refusal(damaged) == "pg_control holds only zeros");
    CHECK(refusal(newer_control).find("version 1800, but PG_VERSION says 17") != std::string::npos);
    CHECK(refusal(garbage) == "PG_VERSION in the data directory does not hold a version");
}

TEST_CASE("each PostgreSQL has its own version of pg_control") {
    struct Case {
        int major;
        std::uint32_t version;
    };
    for (const Case server : {Case{15, 1300}, Case{16, 1300}, Case{17, 1700}, Case{18, 1800}})
        for (const std::uint32_t version : {1300U, 1700U, 1800U}) {
            CAPTURE(server.major, version);
            DataDirectoryFacts facts = good();
            facts.version_text = std::to_string(server.major) + "\n";
            facts.control = parse_control_data(control_bytes(version));
            CHECK(std::holds_alternative<Usable>(judge(facts, server.major)) == (version == server.version));
        }
}

TEST_CASE("PG_VERSION holds one number") {
    CHECK(parse_pg_version("15\n") == 15);
    CHECK(parse_pg_version("18") == 18);
    CHECK(parse_pg_version("9.6\n") == 9);
    for (const char* text : {"", "\n", "17.2\n", "9.", "x17", "17x", "-17", "0", "17\n18", "99999999999"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_pg_version(text));
    }
}
