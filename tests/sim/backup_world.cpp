#include "sim/backup_world.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <future>
#include <optional>
#include <sstream>

#include "archive/archiver.hpp"
#include "archive/decoded_object.hpp"
#include "archive/layout.hpp"
#include "archive/wall_clock.hpp"
#include "backup/base_backup.hpp"
#include "backup/catalog_commands.hpp"
#include "backup/restore.hpp"
#include "backup/verify.hpp"
#include "codec/content_hash.hpp"
#include "backup/restore_target.hpp"
#include "object_store/directory_store.hpp"
#include "object_store/directory_upload.hpp"
#include "object_store/encrypted_store.hpp"
#include "pgbosun/hook_protocol.hpp"
#include "support/fake_pg_session.hpp"
#include "unit/archive/wal_files.hpp"

namespace pgbosun::test {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t first_segment = 3, last_segment = 6;
constexpr archive::Pace quick{1ms, 4ms, 5ms};
const std::string server = "orders";

// The four answers that a backup asks a primary for; its WAL is in segments 3 to 5.
Result<Rows> answer_as_primary(const std::string& data, const std::string& sql) {
    const auto row = [](std::vector<Field> fields) { return Rows{{}, {std::move(fields)}}; };
    if (sql == backup::server_sql) {
        return row({"150004", "7710436416726794584", "f", "t", "f", "f", "1048576", "8192", "131072", data, "", "", "",
                    "PG_15_202209061", std::nullopt, "123", "1"});
    }
    if (sql == backup::tablespaces_sql) return Rows{};
    if (sql == backup::start_sql) return row({"0/300028", "1790000000000000"});
    if (sql == backup::stop_sql) {
        return row({"0/500100", "1790000005000000",
                    "START WAL LOCATION: 0/300028 (file 000000010000000000000003)\nCHECKPOINT LOCATION: 0/300060\n"
                    "BACKUP METHOD: streamed\nBACKUP FROM: primary\nSTART TIME: 2026-09-21 14:13:20 UTC\n"
                    "LABEL: pgbosun\nSTART TIMELINE: 1\n",
                    "1"});
    }
    return row({"123", "f"});
}

void say(int report, const std::string& line) {
    const std::string whole = line + "\n";
    std::ignore = ::write(report, whole.data(), whole.size());
}

std::string as_bytes_text(std::mt19937_64& random, std::size_t size) {
    std::string content(size, '\0');
    for (std::size_t at = 0; at < size; at += 1 + random() % 64) content[at] = static_cast<char>(random());
    return content;
}

struct Ended {
    std::string text;  // that it wrote before
    bool killed;
};

// Forks, and runs `work` in the child.
template <class Work>
Ended in_process(const Work& work) {
    int ends[2];
    if (::pipe(ends) != 0) throw std::runtime_error("pipe failed");
    const auto child = ::fork();
    if (child < 0) throw std::runtime_error("fork failed");
    if (child == 0) {
        ::close(ends[0]);
        work(ends[1]);
        ::_exit(0);
    }
    ::close(ends[1]);
    std::string text;
    char buffer[4096];
    for (;;) {
        const auto count = ::read(ends[0], buffer, sizeof buffer);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) break;
        text.append(buffer, static_cast<std::size_t>(count));
    }
    ::close(ends[0]);
    int status = 0;
    ::waitpid(child, &status, 0);
    const bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    const bool done = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    if (!killed && !done) throw std::runtime_error("the process ended with status " + std::to_string(status));
    return {std::move(text), killed};
}

}  // namespace

BackupWorld::BackupWorld(std::uint64_t seed, Size size)
    : random_(seed), sealed_(random_() % 2 == 0), large_(size == Size::large) {
    write_file(root_.path() + "/key", std::string(64, 'a') + "\n");
    fill();
}

void BackupWorld::fill() {
    files_["PG_VERSION"] = "15\n";
    files_["global/pg_control"] = as_bytes_text(random_, 8192);
    files_["global/1262"] = as_bytes_text(random_, 8192);
    files_["postgresql.conf"] = "# nothing\n";
    const auto relations = 1 + random_() % 12;
    for (std::uint64_t i = 0; i < relations; ++i) {
        files_["base/5/" + std::to_string(16384 + i)] = as_bytes_text(random_, 8192 * (random_() % 40));
    }
    // More than a part, as no store takes smaller ones; it is not compressed.
    if (large_) files_["base/5/99999"] = as_bytes_text(random_, 8192 * (650 + random_() % 100));
    for (const auto& [name, content] : files_) {
        const std::filesystem::path path = data() + "/" + name;
        std::filesystem::create_directories(path.parent_path());
        write_file(path, content);
    }
    std::filesystem::create_directories(data() + "/pg_wal/archive_status");
    std::filesystem::create_directories(root_.path() + "/state");
    for (auto number = first_segment; number <= last_segment; ++number) {
        const auto name = segment_name(number);
        segments_[name] = segment_content(name);
        write_file(data() + "/pg_wal/" + name, segments_[name]);
        write_file(data() + "/pg_wal/archive_status/" + name + ".ready", "");
    }
}

Said BackupWorld::work(Faults faults) {
    std::istringstream lines(in_process([&](int report) { archive_and_back_up(faults, report); }).text);
    Said said;
    for (std::string word, what; lines >> word >> what;) {
        (word == "done" ? said.done : word == "parted" ? said.parted : said.archived).insert(what);
    }
    return said;
}

void BackupWorld::archive_and_back_up(Faults faults, int report) {
    const auto opened = open_store(faults, [report](const std::string& key) { say(report, "parted " + key); });
    auto& store = *opened;
    archive::Archiver archiver(store, {server, Compression::zstd, 1}, 1, quick, [] {});
    archiver.obey(
        {.may_archive = true, .data_directory = data(), .system_id = our_system, .wal_segment_size = small_segment});
    // As PostgreSQL: one file after the other, again and again until it is archived.
    auto archiving = std::async(std::launch::async, [&] {
        for (const auto& [name, content] : segments_) {
            std::promise<archive::HookAnswer> promise;
            auto asked = archiver.ask({*wal::parse_archive_name(name), data() + "/pg_wal/" + name},
                                      [&](archive::HookAnswer answer) { promise.set_value(std::move(answer)); });
            const auto* at_once = std::get_if<archive::HookAnswer>(&asked);
            const auto answer = at_once != nullptr ? *at_once : promise.get_future().get();
            if (answer.status == hook::done) say(report, "archived " + name);
        }
    });
    boost::asio::io_context io;
    const auto fake = std::make_shared<FakeServer>();
    fake->answer = [&](const std::string& sql, const std::vector<Field>&) { return answer_as_primary(data(), sql); };
    FakePgSession session(fake);
    std::stop_source stop;
    backup::ServerSession server_session(io, session, stop.get_token());
    backup::BaseBackup job({.server = server,
                            .instance = "pg-1",
                            .name = std::nullopt,
                            .data = {.compression = large_ ? Compression::none : Compression::zstd, .max_parallel = 2},
                            .state_directory = root_.path() + "/state",
                            .wal_deadline = 200ms,
                            .least_part = smallest_part},
                           {.data = store,
                            .records = store,
                            .session = server_session,
                            .stop = stop.get_token(),
                            .report = [](const JobProgress&) {},
                            .switch_primary_wal = {}});
    const auto taken = job.run();
    if (taken) say(report, "done " + job.id()->text());
    archiving.wait();
    archiver.finish(std::chrono::steady_clock::now() + 1s);
}

BackupWorld::Restored BackupWorld::restore_in_process(const std::string& wanted, Faults faults) {
    const auto ended = in_process([&](int) {
        const auto store = open_store(faults);
        backup::Catalog catalog(*store, server);
        const auto found = catalog.find(wanted);
        if (!found) return;
        backup::RestoreOrder order{.places = {.target = restored(), .tablespaces = {}, .wal_directory = {}},
                                   .workers = 2,
                                   .parameters = {},
                                   .progress = {}};
        backup::Restoration restoration(catalog, {*found}, order);
        if (restoration.unpack()) std::ignore = restoration.finish();
    });
    // What is whole is not written over by the next restore; what is not, is cleared by it, and says so.
    std::vector<std::string> findings;
    if (std::filesystem::exists(restored() + "/global/pg_control")) {
        findings = compare_files();
        std::filesystem::remove_all(restored());
    } else if (std::filesystem::exists(restored()) && !std::filesystem::is_empty(restored()) &&
               !std::filesystem::exists(restored() + "/" + std::string(backup::restore_marker))) {
        findings.emplace_back("a half restore has no marker");
    }
    return {ended.killed, std::move(findings)};
}

std::vector<std::string> BackupWorld::compare_files() const {
    std::vector<std::string> findings;
    for (const auto& [name, content] : files_) {
        if (read_file(restored() + "/" + name) != content)
            findings.push_back(name + " was restored with other content");
    }
    return findings;
}

std::unique_ptr<ObjectStore> BackupWorld::open_store(std::optional<Faults> faults, Parted parted) const {
    std::unique_ptr<ObjectStore> store = object_store::DirectoryStore::open(archive());
    if (faults) store = std::make_unique<FaultyObjectStore>(std::move(store), *faults, std::move(parted));
    if (!sealed_) return store;
    EncryptionSettings settings;
    settings.key.file = root_.path() + "/key";
    return std::make_unique<object_store::EncryptedStore>(std::move(store), object_store::EncryptionKeys(settings));
}

std::vector<std::string> BackupWorld::done_backups() {
    const auto directory = open_store();
    backup::Catalog catalog(*directory, server);
    std::vector<std::string> done;
    const auto list = catalog.list();
    if (!list) throw std::runtime_error(list.error().text());
    for (const auto& backup : *list) {
        if (backup.done()) done.push_back(backup.id.text());
    }
    return done;
}

std::size_t BackupWorld::unfinished_uploads() const {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(archive())) {
        if (entry.path().filename().string().starts_with(object_store::upload_prefix)) ++count;
    }
    return count;
}

std::vector<std::string> BackupWorld::judge(const Said& said) {
    const auto directory = open_store();
    std::vector<std::string> findings;
    for (const auto& name : said.archived) {
        const auto key = archive::wal_key(server, *wal::parse_archive_name(name)) + ".zst";
        const auto hash = archive::hash_decoded(*directory, key, archive::Encoding::zstd, small_segment);
        const auto& content = segments_.at(name);
        if (!hash || *hash != codec::content_hash(std::as_bytes(std::span(content)))) {
            findings.push_back("segment " + name + " was acknowledged, and is not what was archived");
        }
    }
    const auto done = done_backups();
    for (const auto& id : said.done) {
        if (std::ranges::find(done, id) == done.end())
            findings.push_back("backup " + id + " was done, and is not there");
    }
    for (const auto& id : done) {
        for (auto& finding : compare_restored(id)) findings.push_back(id + ": " + finding);
    }
    return findings;
}

std::vector<std::string> BackupWorld::compare_restored(const std::string& wanted) {
    const auto directory = open_store();
    backup::Catalog catalog(*directory, server);
    const auto found = catalog.find(wanted);
    if (!found) return {found.error().text()};
    std::vector<std::string> findings;
    const auto verified = backup::verify(
        catalog, *found, {.workers = 2, .system_id = [](std::string_view) { return our_system; }, .progress = {}});
    if (!verified) return {"it cannot be verified: " + verified.error().text()};
    for (const auto& finding : verified->findings) findings.push_back("verify: " + finding);
    backup::RestoreOrder order{.places = {.target = restored(), .tablespaces = {}, .wal_directory = {}},
                               .workers = 2,
                               .parameters = {},
                               .progress = {}};
    backup::Restoration restoration(catalog, {*found}, order);
    auto unpacked = restoration.unpack();
    const auto finished = unpacked ? restoration.finish() : std::unexpected(std::move(unpacked.error()));
    if (!finished) {
        findings.push_back("it cannot be restored: " + finished.error().text());
        return findings;
    }
    for (auto& finding : compare_files()) findings.push_back(std::move(finding));
    std::filesystem::remove_all(restored());
    return findings;
}

std::vector<std::string> BackupWorld::judge_after_expiry() {
    const auto directory = open_store();
    backup::Catalog catalog(*directory, server);
    const auto later = archive::wall_now() + 48h;
    const auto done_before = done_backups();
    if (const auto expired = backup::expire(catalog, std::nullopt, later, backup::DryRun::no); !expired) {
        return {"expire failed: " + expired.error().text()};
    }
    std::vector<std::string> findings;
    if (done_backups() != done_before) findings.push_back("expire without a policy removed what was done");
    const auto list = catalog.list();
    if (!list) return {list.error().text()};
    std::size_t objects = 0;
    for (const auto& backup : *list) {
        if (!backup.info) findings.push_back(backup.id.text() + " has no backup.info, and expire left it");
        if (backup.info && !backup.done()) {
            const auto left = catalog.objects(backup);
            if (left && left->size() != 1) findings.push_back(backup.id.text() + " failed, and has data still");
        }
        objects += catalog.objects(backup).value().size();
    }
    const auto all = directory->list(server + "/base/", "", std::nullopt);
    if (!all || all->objects.size() != objects) findings.push_back("objects below base/ belong to no backup");
    const auto unfinished = directory->abort_unfinished(server + "/base/");
    if (!unfinished || *unfinished != 0) findings.push_back("expire left unfinished uploads");
    return findings;
}

}  // namespace pgbosun::test
