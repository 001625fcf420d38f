#include "backup/backup_info.hpp"

#include <utility>

#include "backup/timestamp.hpp"
#include "support/catch.hpp"

using namespace pgbosun;
using namespace pgbosun::backup;

namespace {

const std::string label =
    "START WAL LOCATION: 0/C000028 (file 00000001000000000000000C)\nLABEL: Barman's \"cloud\" backup\n";

const std::string ours = R"(# pgbosun.instance: pg-1
# pgbosun.size: 31457280
backup_label='START WAL LOCATION: 0/C000028 (file 00000001000000000000000C)\nLABEL: Barman\'s "cloud" backup\n'
backup_name=before the upgrade
begin_offset=40
begin_time=2026-11-21 01:41:32.725612+00:00
begin_wal=00000001000000000000000C
begin_xlog=0/C000028
compression=None
config_file=/etc/postgresql/postgresql.conf
copy_stats=None
deduplicated_size=None
end_offset=312
end_time=2026-11-21 01:41:40+00:00
end_wal=00000001000000000000000D
end_xlog=0/D000138
error=None
hba_file=/data/pg_hba.conf
ident_file=/data/pg_ident.conf
included_files=['/etc/postgresql/conf.d/a.conf']
mode=None
pgdata=/data
server_name=cloud
size=None
status=DONE
systemid=7710436416726794584
tablespaces=[('ts1', 16384, '/tablespaces/one'), ("it's", 16385, '/tablespaces/two')]
timeline=1
version=170011
xlog_segment_size=16777216
)";

BackupInfo done() {
    BackupInfo info;
    info.status = BackupStatus::done;
    info.name = "before the upgrade";
    info.begin = WalPosition{Lsn{0xC000028}, *wal::parse_segment_name("00000001000000000000000C"),
                             *parse_timestamp("2026-11-21 01:41:32.725612")};
    info.end = WalPosition{Lsn{0xD000138}, *wal::parse_segment_name("00000001000000000000000D"),
                           *parse_timestamp("2026-11-21 01:41:40")};
    info.timeline = Timeline{1};
    info.system_id = SystemId{7710436416726794584};
    info.version = 170011;
    info.backup_label = label;
    info.tablespaces = {{"ts1", 16384, "/tablespaces/one"}, {"it's", 16385, "/tablespaces/two"}};
    info.pgdata = "/data";
    info.config_file = "/etc/postgresql/postgresql.conf";
    info.hba_file = "/data/pg_hba.conf";
    info.ident_file = "/data/pg_ident.conf";
    info.included_files = {"/etc/postgresql/conf.d/a.conf"};
    info.remarks = {{"instance", "pg-1"}, {"size", "31457280"}};
    return info;
}

std::string with(const std::string& text, const std::string& from, const std::string& to) {
    std::string changed = text;
    const auto at = changed.find(from);
    REQUIRE(at != std::string::npos);
    return changed.replace(at, from.size(), to);
}

}  // namespace

TEST_CASE("a done backup is written with the keys that every Barman knows") { CHECK(render(done()) == ours); }

TEST_CASE("what is written is read back") {
    const auto read = parse_backup_info(ours);
    REQUIRE(read);
    CHECK(*read == done());
}

TEST_CASE("a failed backup says why, and nulls what it does not know") {
    BackupInfo info;
    info.status = BackupStatus::failed;
    info.error = "failure uploading data\n(no space)";
    const auto text = render(info);
    CHECK(text.find("status=FAILED\n") != std::string::npos);
    CHECK(text.find("error=failure uploading data (no space)\n") != std::string::npos);
    CHECK(text.find("begin_wal=None\n") != std::string::npos);
    CHECK(text.find("backup_name") == std::string::npos);
    CHECK(text.find("systemid=None\ntablespaces=None\ntimeline=None\nversion=None\n") != std::string::npos);
    const auto read = parse_backup_info(text);
    REQUIRE(read);
    CHECK(read->status == BackupStatus::failed);
    CHECK(read->error == "failure uploading data (no space)");
    CHECK_FALSE(read->begin);
}

TEST_CASE("a file of a newer Barman is read: unknown keys, any order, remarks of others") {
    const auto read = parse_backup_info(
        "# a remark of somebody\n\n"
        "version=150020\r\n"
        "status = DONE\n"
        "children_backup_ids=None\ncluster_size=31457280\ndata_checksums=on\nencryption=None\ngp_dbid=1\n"
        "copy_stats={'total_time': 1.5, 'number_of_workers': 2}\n"
        "timeline=2\n"
        "end_xlog=0/E000000\nend_wal=00000002000000000000000D\nend_time=2026-11-21 01:41:40+01:00\n"
        "begin_xlog=0/C000028\nbegin_wal=00000002000000000000000C\nbegin_time=2026-11-21 "
        "01:41:32.725612+01:00");
    REQUIRE(read);
    CHECK(read->status == BackupStatus::done);
    CHECK(read->segment_size == 16 << 20);
    CHECK_FALSE(read->system_id);
    CHECK(read->end->lsn == Lsn{0xE000000});
    CHECK(to_timestamp(read->end->time) == "2026-11-21 00:41:40+00:00");
    CHECK(read->remarks.empty());
    CHECK(read->tablespaces.empty());
    CHECK_FALSE(read->snapshots);
}

TEST_CASE("a backup of volume snapshots is known as one") {
    CHECK(parse_backup_info(ours + "snapshots_info={'provider': 'aws'}\n")->snapshots);
    CHECK_FALSE(parse_backup_info(ours + "snapshots_info=None\n")->snapshots);
}

TEST_CASE("the last of two values counts, and a null takes one back") {
    CHECK(parse_backup_info(ours + "pgdata=/other\n")->pgdata == "/other");
    CHECK(parse_backup_info(ours + "backup_name=None\n")->name == std::nullopt);
}

TEST_CASE("a done backup with a key that is missing or malformed is corrupt, and the fault names it") {
    const auto [from, to, named] = GENERATE(table<std::string, std::string, std::string>({
        {"status=DONE\n", "", "status"},
        {"begin_wal=00000001000000000000000C\n", "", "begin_wal"},
        {"begin_xlog=0/C000028", "begin_xlog=None", "begin_xlog"},
        {"begin_xlog=0/C000028", "begin_xlog=0/C00002G", "begin_xlog"},
        {"begin_xlog=0/C000028", "begin_xlog=0/BFFFFFF", "begin_xlog"},
        {"begin_time=2026-11-21", "begin_time=2026-11-31", "begin_time"},
        {"end_wal=00000001000000000000000D", "end_wal=0000000100000000000000D", "end_wal"},
        {"end_wal=00000001000000000000000D", "end_wal=00000001000000000000000E", "end_xlog"},
        {"end_xlog=0/D000138\n", "", "end_xlog"},
        {"end_time=2026-11-21 01:41:40+00:00\n", "", "end_time"},
        {"timeline=1\n", "timeline=0\n", "timeline"},
        {"timeline=1\n", "timeline=one\n", "timeline"},
        {"timeline=1\n", "timeline=2\n", "timeline 2 does not agree with 00000001000000000000000C"},
        {"version=170011", "version=17.11", "version"},
        {"version=170011", "version=0", "version"},
        {"systemid=7710436416726794584", "systemid=0x77", "systemid"},
        {"xlog_segment_size=16777216", "xlog_segment_size=16777217", "xlog_segment_size"},
        {"/tablespaces/two')]", "/tablespaces/two')", "tablespaces"},
        {"16384, '", "'16384', '", "tablespaces"},
        {"16384, '", "0, '", "tablespaces"},
        {"'/tablespaces/one'", "'tablespaces/one'", "tablespaces"},
        {"included_files=['", "included_files=[1, '", "included_files"},
        {"backup_label='", "backup_label=", "backup_label"},
        {"server_name=cloud", "server_name", "key=value"},
        {"pgdata=/data", "pgdata=/d\xff", "UTF-8"},
    }));
    CAPTURE(from, to);
    const auto read = parse_backup_info(with(ours, from, to));
    REQUIRE_FALSE(read);
    CHECK(read.error().kind == FaultKind::corrupt);
    CHECK(read.error().what.find(named) != std::string::npos);
    CHECK_FALSE(read.error().hint.empty());
}

TEST_CASE("a file that is cut off is never a done backup while something is missing that matters") {
    const auto end = ours.find("version=170011") + std::string_view("version=1").size();
    for (std::size_t size = 0; size < end; ++size) {
        CAPTURE(size);
        const auto read = parse_backup_info(ours.substr(0, size));
        CHECK_FALSE((read && read->status == BackupStatus::done));
    }
}

TEST_CASE("a backup that is not done needs nothing, and keeps what it has") {
    for (const auto* status : {"FAILED", "STARTED", "EMPTY", "WAITING_FOR_WALS", "done"}) {
        CAPTURE(status);
        const auto read = parse_backup_info(std::string("status=") + status +
                                            "\nbegin_xlog=0/C000028\nbegin_wal=00000001000000000000000C\n"
                                            "begin_time=2026-11-21\nend_xlog=nowhere\ntimeline=1\n");
        REQUIRE(read);
        CHECK(read->status == (status == std::string("FAILED") ? BackupStatus::failed : BackupStatus::unfinished));
        CHECK(read->begin);
        CHECK_FALSE(read->end);
        CHECK(read->timeline == Timeline{1});
    }
}

TEST_CASE("no text can become another key or end a line") {
    BackupInfo info = done();
    info.name = "a\nstatus=FAILED";
    info.pgdata = "/a\nb\x80";
    info.error = "e\r\nf";
    info.remarks["instance"] = "x\ntimeline=9";
    info.backup_label = "l\nstatus=FAILED\x80\n";
    info.tablespaces = {{"a\nb'\"", 1, "/c\nd\xff"}};
    const auto read = parse_backup_info(render(info));
    REQUIRE(read);
    CHECK(read->status == BackupStatus::done);
    CHECK(read->timeline == Timeline{1});
    CHECK(read->name == "a?status=FAILED");
    CHECK(read->pgdata == "/a?b?");
    CHECK(read->remarks.at("instance") == "x timeline=9");
    CHECK(read->backup_label == info.backup_label);
    CHECK(read->tablespaces == info.tablespaces);
}

TEST_CASE("names of backups that mean something else are refused") {
    for (const auto* good : {"nightly", "before the upgrade", "gr\u00fcn", "20261121"}) CHECK(check_backup_name(good));
    for (const std::string bad : {"", "latest", "oldest", "first", "last", "auto", "None", "20261121T010203", " a",
                                  "a ", "a\nb", "a\x7f", "a\xff"}) {
        CAPTURE(bad);
        const auto checked = check_backup_name(bad);
        REQUIRE_FALSE(checked);
        CHECK(checked.error().kind == FaultKind::refused);
    }
    CHECK_FALSE(check_backup_name(std::string(256, 'a')));
}
