#include "archive/archiver.hpp"

#include <algorithm>

#include "archive/decoded_object.hpp"
#include "codec/content_hash.hpp"
#include "pgbosun/hook_protocol.hpp"
#include "support/catch.hpp"
#include "support/fake_object_store.hpp"
#include "support/seed.hpp"
#include "unit/archive/wal_files.hpp"
#include "unit/archive/watch.hpp"

using namespace pgbosun;
using namespace pgbosun::archive;
using namespace pgbosun::test;
using namespace std::chrono_literals;

namespace {

constexpr Pace fast{1ms, 4ms, 5ms};
constexpr Pace never_looks_again{1ms, 4ms, 3'600'000ms};

std::string key_of(const std::string& name) { return wal_key("orders", *wal::parse_archive_name(name)) + ".zst"; }

std::string decoded(ObjectStore& store, const std::string& key) {
    std::string text;
    const auto sink = [&](std::span<const std::byte> part) -> Result<> {
        text.append(reinterpret_cast<const char*>(part.data()), part.size());
        return {};
    };
    REQUIRE(read_decoded(store, key, *encoding_of_key(key.substr(0, key.rfind('.')), key), 1 << 30, sink,
                         [&] { text.clear(); }));
    return text;
}

struct Instance {
    Instance(ObjectStore& store, const DataDirectory& directory, Pace pace = fast, int workers = 2)
        : data(directory),
          archiver(store, {"orders", Compression::zstd, 1, directory.path()}, workers, pace, watch.callback()) {}

    // Waits as the hook does, without end.
    HookAnswer ask(const std::string& name) {
        Reply reply;
        auto asked = archiver.ask({*wal::parse_archive_name(name), data.wal_path(name)}, reply.later());
        if (auto* answer = std::get_if<HookAnswer>(&asked)) return *answer;
        return reply.get();
    }
    bool is_at_hand(const std::string& name) {
        auto asked = archiver.ask({*wal::parse_archive_name(name), data.wal_path(name)}, [](const HookAnswer&) {});
        if (auto* ticket = std::get_if<Ticket>(&asked)) archiver.withdraw(*ticket);
        return std::holds_alternative<HookAnswer>(asked) && std::get<HookAnswer>(asked).status == hook::done;
    }
    void until_drained() {
        watch.until([&] { return archiver.report().archived > 0 && archiver.report().backlog == 0; });
    }

    const DataDirectory& data;
    Watch watch;
    Archiver archiver;
};

std::string hash_of(const std::string& content) {
    return codec::content_hash(std::as_bytes(std::span(content.data(), content.size())));
}

bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("what is asked for is durable in the archive, byte for byte, before it is acknowledged") {
    DataDirectory data;
    FakeObjectStore store;
    Instance instance(store, data);
    const auto name = segment_name(1);
    write_file(data.wal_path(name), segment_content(name));
    instance.archiver.obey(data.order());

    const auto answer = instance.ask(name);

    CHECK(answer == HookAnswer{hook::done, {}});
    CHECK(decoded(store, key_of(name)) == segment_content(name));
    const auto report = instance.archiver.report();
    CHECK(report.last_wal == name);
    CHECK(report.archived_bytes == small_segment);
    CHECK(report.stored_bytes == store.object(key_of(name))->body.size());
}

TEST_CASE("a backlog drains without being asked for, and is then acknowledged from memory") {
    DataDirectory data;
    FakeObjectStore store;
    Instance instance(store, data);
    for (std::uint64_t i = 1; i <= 9; ++i) data.make_ready(segment_name(i));

    instance.archiver.obey(data.order());
    instance.until_drained();

    const auto puts = store.calls(StoreCall::put_if_absent);
    for (std::uint64_t i = 1; i <= 9; ++i) {
        CHECK(instance.is_at_hand(segment_name(i)));
        CHECK(decoded(store, key_of(segment_name(i))) == segment_content(segment_name(i)));
    }
    CHECK(store.calls(StoreCall::put_if_absent) == puts);
}

TEST_CASE("before pgbosun has said so, and when it says no, nothing is archived") {
    DataDirectory data;
    FakeObjectStore store;
    Instance instance(store, data);
    data.make_ready(segment_name(1));

    CHECK(contains(instance.ask(segment_name(1)).text, "not yet said"));

    auto order = data.order();
    order.may_archive = false;
    order.reason = "it was demoted";
    instance.archiver.obey(order);
    const auto answer = instance.ask(segment_name(1));
    CHECK(answer.status == hook::failed);
    CHECK(contains(answer.text, "it was demoted"));

    order = data.order();
    order.system_id.reset();
    instance.archiver.obey(order);
    CHECK(contains(instance.ask(segment_name(1)).text, "not known yet"));
    CHECK(store.objects().empty());
}

TEST_CASE("a right that is taken away while a segment is on its way keeps it out of the archive") {
    DataDirectory data;
    FakeObjectStore store;
    Instance instance(store, data, fast, 1);
    data.make_ready(segment_name(1));
    store.hold();
    instance.archiver.obey(data.order());
    Reply reply;
    REQUIRE(std::holds_alternative<Ticket>(instance.archiver.ask(
        {*wal::parse_archive_name(segment_name(1)), data.wal_path(segment_name(1))}, reply.later())));
    store.wait_until_waiting(1);

    auto order = data.order();
    order.may_archive = false;
    instance.archiver.obey(order);
    CHECK(reply.get().status == hook::failed);
    store.release();
    instance.archiver.finish(std::chrono::steady_clock::now() + 1h);

    CHECK_FALSE(store.object(key_of(segment_name(1))));
}

TEST_CASE("an outage is waited out, reported, and over when the store answers again") {
    DataDirectory data;
    FakeObjectStore store;
    Instance instance(store, data);
    std::atomic<bool> away = true;
    store.before_each([&](StoreCall, const std::string&) -> Result<> {
        if (away) return fail(FaultKind::unavailable, "503");
        return {};
    });
    for (std::uint64_t i = 1; i <= 4; ++i) data.make_ready(segment_name(i));
    instance.archiver.obey(data.order());

    instance.watch.until([&] { return instance.archiver.report().failures >= 3; });
    const auto failing = instance.archiver.report();
    CHECK(failing.failing_since);
    CHECK(contains(failing.last_error.value(), "503"));
    CHECK(failing.backlog == 4);
    CHECK(store.objects().empty());

    away = false;
    instance.until_drained();
    CHECK_FALSE(instance.archiver.report().failing_since);
    CHECK(instance.ask(segment_name(4)).status == hook::done);
}

TEST_CASE("a store that hangs without an answer is told as a failure, since the upload began") {
    DataDirectory data;
    FakeObjectStore store;
    Instance instance(store, data, {.first_pause = 1ms, .longest_pause = 4ms, .between_looks = 5ms, .slow = 0ms});
    CHECK_FALSE(instance.archiver.report().failing_since);
    data.make_ready(segment_name(1));
    store.hold();
    instance.archiver.obey(data.order());
    store.wait_until_waiting(1);

    const auto report = instance.archiver.report();
    CHECK(report.failing_since);
    CHECK(contains(report.last_error.value(), segment_name(1) + ": under way"));

    store.release();
    instance.until_drained();
    CHECK_FALSE(instance.archiver.report().failing_since);
}

TEST_CASE("an asker that loses patience hears why, and the upload goes on") {
    DataDirectory data;
    FakeObjectStore store;
    Instance instance(store, data);
    std::atomic<bool> away = true;
    store.before_each([&](StoreCall, const std::string&) -> Result<> {
        if (away) return fail(FaultKind::unavailable, "503");
        return {};
    });
    data.make_ready(segment_name(1));
    instance.archiver.obey(data.order());
    const auto asked = instance.archiver.ask(
        {*wal::parse_archive_name(segment_name(1)), data.wal_path(segment_name(1))}, [](const HookAnswer&) {});
    instance.watch.until([&] { return instance.archiver.report().failures >= 1; });

    CHECK(contains(instance.archiver.withdraw(std::get<Ticket>(asked)), "503"));

    away = false;
    instance.until_drained();
    CHECK(instance.is_at_hand(segment_name(1)));
}

TEST_CASE("a lost answer of a put that happened ends in success") {
    DataDirectory data;
    FakeObjectStore store;
    Instance instance(store, data);
    instance.archiver.obey(data.order());
    data.make_ready(segment_name(1));
    std::atomic<int> lost = 0;
    store.after_each([&](StoreCall call, const std::string& key) -> Result<> {
        if (call == StoreCall::put_if_absent && key == key_of(segment_name(1)) && lost++ == 0) {
            return fail(FaultKind::unavailable, "reset");
        }
        return {};
    });

    CHECK(instance.ask(segment_name(1)).status == hook::done);
    CHECK(lost == 2);
}

TEST_CASE("an object with other content is never overwritten, and the answer names both") {
    const bool with_metadata = GENERATE(true, false);
    DataDirectory data;
    FakeObjectStore store;
    const auto theirs = segment_content(segment_name(1), 99);
    const auto hash = hash_of(theirs);
    ObjectMetadata metadata;
    if (with_metadata) metadata.emplace(codec::content_hash_name, hash);
    store.plant(key_of(segment_name(1)), std::string_view("not zstd at all"), metadata);
    Instance instance(store, data);
    for (std::uint64_t i = 1; i <= 3; ++i) data.make_ready(segment_name(i));
    auto order = data.order();
    instance.archiver.obey(order);

    const auto answer = instance.ask(segment_name(1));

    CHECK(answer.status == hook::failed);
    CHECK(contains(answer.text, segment_name(1)));
    CHECK(contains(answer.text, hash_of(segment_content(segment_name(1)))));
    if (with_metadata) CHECK(contains(answer.text, hash));
    CHECK(store.object(key_of(segment_name(1)))->body.size() == 15);
    CHECK(contains(instance.archiver.report().last_error.value(), "other content"));
}

TEST_CASE("an equal object that another tool stored without metadata is recognised by its content") {
    DataDirectory data;
    FakeObjectStore store;
    store.forget_metadata();
    data.make_ready(segment_name(1));
    {
        Instance first(store, data);
        first.archiver.obey(data.order());
        REQUIRE(first.ask(segment_name(1)).status == hook::done);
    }

    Instance second(store, data);
    second.archiver.obey(data.order());

    CHECK(second.ask(segment_name(1)).status == hook::done);
}

TEST_CASE("a segment that is there under another extension is compared, not stored twice") {
    const bool equal = GENERATE(true, false);
    DataDirectory data;
    FakeObjectStore store;
    const auto plain_key = wal_key("orders", *wal::parse_archive_name(segment_name(1)));
    store.plant(plain_key, std::string_view(segment_content(segment_name(1), equal ? 0 : 1)));
    Instance instance(store, data);
    data.make_ready(segment_name(1));
    instance.archiver.obey(data.order());

    CHECK(instance.ask(segment_name(1)).status == (equal ? hook::done : hook::failed));
    CHECK_FALSE(store.object(key_of(segment_name(1))));
}

TEST_CASE("another cluster's archive is refused before anything is written to it") {
    DataDirectory data;
    FakeObjectStore store;
    const auto theirs = render(ArchiveIdentity{SystemId{42}, "orders"});
    store.plant(identity_key("orders"), std::string_view(theirs));
    Instance instance(store, data);
    data.make_ready(segment_name(1));
    instance.archiver.obey(data.order());

    const auto answer = instance.ask(segment_name(1));

    CHECK(answer.status == hook::failed);
    CHECK(contains(answer.text, "42"));
    CHECK(contains(answer.text, "archive.server_name"));
    CHECK(store.objects().size() == 1);
}

TEST_CASE("a file that is not what its name says is refused at once") {
    DataDirectory data;
    FakeObjectStore store;
    Instance instance(store, data, never_looks_again);
    instance.archiver.obey(data.order());
    const auto name = segment_name(1);
    const std::pair<std::string, const char*> table[] = {
        {segment_content(name).substr(1), "bytes long"}, {std::string(), "bytes long"},
        {std::string(small_segment, '\0'), "magic"},     {segment_content(name, 0, SystemId{42}), "42"},
        {segment_content(segment_name(2)), "position"},  {segment_content(segment_name(1, 2)), "timeline 2"},
    };
    for (const auto& [content, why] : table) {
        CAPTURE(why);
        write_file(data.wal_path(name), content);
        const auto answer = instance.ask(name);
        CHECK(answer.status == hook::failed);
        CHECK(contains(answer.text, why));
    }
    CHECK(contains(instance.ask(segment_name(7)).text, "No such file"));
    CHECK_FALSE(store.object(key_of(name)));
}

TEST_CASE("history, backup history and partial files are stored under their own names") {
    DataDirectory data;
    FakeObjectStore store;
    Instance instance(store, data);
    instance.archiver.obey(data.order());
    const auto partial = segment_name(3) + ".partial";
    write_file(data.wal_path("00000002.history"), "1\t0/300000\tno recovery target specified\n");
    write_file(data.wal_path(segment_name(3) + ".00000028.backup"), "START WAL LOCATION\n");
    write_file(data.wal_path(partial), segment_content(segment_name(3)));

    for (const auto& name : {std::string("00000002.history"), segment_name(3) + ".00000028.backup", partial}) {
        CHECK(instance.ask(name).status == hook::done);
        CHECK(decoded(store, key_of(name)) == read_file(data.wal_path(name)));
    }
    CHECK_FALSE(store.object(key_of(segment_name(3))));
}

TEST_CASE("a new timeline's history is in the archive before any of its segments") {
    DataDirectory data;
    FakeObjectStore store;
    std::mutex mutex;
    std::vector<std::string> order;
    store.after_each([&](StoreCall call, const std::string& key) -> Result<> {
        const std::lock_guard lock(mutex);
        if (call == StoreCall::put_if_absent) order.push_back(key);
        return {};
    });
    store.fail_next(StoreCall::put_if_absent, 3);
    for (std::uint64_t i = 3; i < 8; ++i) data.make_ready(segment_name(i, 2), segment_content(segment_name(i, 1)));
    data.make_ready("00000002.history", "1\t0/300000\tno recovery target specified\n");
    Instance instance(store, data, fast, 4);

    instance.archiver.obey(data.order());
    instance.until_drained();

    REQUIRE(order.size() == 7);
    CHECK(order[0] == identity_key("orders"));
    CHECK(order[1] == key_of("00000002.history"));
}

TEST_CASE("a segment that was written again after its upload ahead is not taken as archived") {
    DataDirectory data;
    FakeObjectStore store;
    Instance instance(store, data);
    data.make_ready(segment_name(1));
    instance.archiver.obey(data.order());
    instance.until_drained();

    SECTION("with other content it is refused") {
        write_file(data.wal_path(segment_name(1)), segment_content(segment_name(1), 5));
        std::filesystem::last_write_time(data.wal_path(segment_name(1)),
                                         std::filesystem::file_time_type::clock::now() + 1h);

        CHECK_FALSE(instance.is_at_hand(segment_name(1)));
        CHECK(instance.ask(segment_name(1)).status == hook::failed);
        CHECK(decoded(store, key_of(segment_name(1))) == segment_content(segment_name(1)));
    }
    SECTION("with the same content it is compared anew") {
        std::filesystem::remove(data.wal_path(segment_name(1)));
        write_file(data.wal_path(segment_name(1)), segment_content(segment_name(1)));
        std::filesystem::last_write_time(data.wal_path(segment_name(1)),
                                         std::filesystem::file_time_type::clock::now() + 1h);

        CHECK_FALSE(instance.is_at_hand(segment_name(1)));
        CHECK(instance.ask(segment_name(1)).status == hook::done);
    }
}

TEST_CASE("a restarted archiver acknowledges what the former one stored") {
    DataDirectory data;
    FakeObjectStore store;
    for (std::uint64_t i = 1; i <= 3; ++i) data.make_ready(segment_name(i));
    {
        Instance former(store, data);
        former.archiver.obey(data.order());
        former.until_drained();
    }
    const auto stored = store.objects().size();

    Instance later(store, data);
    later.archiver.obey(data.order());

    for (std::uint64_t i = 1; i <= 3; ++i) CHECK(later.ask(segment_name(i)).status == hook::done);
    CHECK(store.objects().size() == stored);
}

TEST_CASE("a store that hangs does not keep the archiver from stopping, and nobody is told '0'") {
    DataDirectory data;
    FakeObjectStore store;
    Instance instance(store, data);
    data.make_ready(segment_name(1));
    store.hold();
    instance.archiver.obey(data.order());
    Reply reply;
    REQUIRE(std::holds_alternative<Ticket>(instance.archiver.ask(
        {*wal::parse_archive_name(segment_name(1)), data.wal_path(segment_name(1))}, reply.later())));
    store.wait_until_waiting(1);

    instance.archiver.finish(std::chrono::steady_clock::now());

    CHECK(reply.get().status == hook::failed);
    CHECK(store.objects().empty());
}

// PostgreSQL as it behaves towards archive_command: one file at a time, the mark renamed after '0'; the store fails,
// loses answers, and the archiver is restarted at random.
TEST_CASE("whatever the schedule, an acknowledged file is in the archive at that moment") {
    std::minstd_rand random(static_cast<std::uint32_t>(seed()));
    const auto chance = [&](unsigned percent) { return random() % 100 < percent; };
    for (int round = 0; round < 4; ++round) {
        DataDirectory data;
        FakeObjectStore store;
        std::atomic<std::uint32_t> dice{static_cast<std::uint32_t>(random())};
        const auto fault = [&](StoreCall, const std::string&) -> Result<> {
            const auto throwing = dice.fetch_add(0x9E3779B9U);
            if ((throwing >> 13) % 100 < 20) return fail(FaultKind::unavailable, "by chance");
            return {};
        };
        store.before_each(fault);
        store.after_each(fault);
        auto instance = std::make_unique<Instance>(store, data, fast, 1 + static_cast<int>(random() % 3));
        instance->archiver.obey(data.order());
        std::vector<std::string> waiting;
        std::uint64_t written = 0;
        while (written < 12 || !waiting.empty()) {
            if (written < 12 && (waiting.empty() || chance(40))) {
                waiting.push_back(segment_name(++written));
                data.make_ready(waiting.back());
                continue;
            }
            if (chance(10)) {
                instance->archiver.finish(std::chrono::steady_clock::now() + 1h);
                instance = std::make_unique<Instance>(store, data, fast, 1 + static_cast<int>(random() % 3));
                instance->archiver.obey(data.order());
            }
            const auto name = waiting.front();
            const auto answer = instance->ask(name);
            CAPTURE(seed(), round, name, answer.text);
            REQUIRE(answer.status == hook::done);
            const auto object = store.object(key_of(name));
            REQUIRE(object);
            CHECK(object->metadata.at(std::string(codec::content_hash_name)) == hash_of(segment_content(name)));
            data.make_done(name);
            waiting.erase(waiting.begin());
        }
    }
}
