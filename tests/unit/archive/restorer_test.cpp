#include "archive/restorer.hpp"

#include <algorithm>
#include <condition_variable>
#include <iterator>
#include <map>
#include <mutex>

#include "archive/layout.hpp"
#include "codec/compressor.hpp"
#include "pgbosun/hook_protocol.hpp"
#include "support/catch.hpp"
#include "support/fake_object_store.hpp"
#include "unit/archive/wal_files.hpp"
#include "unit/archive/watch.hpp"

using namespace pgbosun;
using namespace pgbosun::archive;
using namespace pgbosun::test;
using namespace std::chrono_literals;

namespace {

constexpr Pace fast{1ms, 4ms, 5ms};

void plant(FakeObjectStore& store, const std::string& name, const std::string& content,
           Compression compression = Compression::zstd) {
    const auto compressor = codec::make_compressor(compression, 1).value();
    std::vector<std::byte> body;
    REQUIRE(compressor->begin(content.size(), body));
    REQUIRE(compressor->append(std::as_bytes(std::span(content)), body));
    REQUIRE(compressor->finish(body));
    store.plant(wal_key("orders", *wal::parse_archive_name(name)) + std::string(extension(encoding_of(compression))),
                std::move(body));
}

struct Standby {
    Standby() : restorer(store, "orders", own.path() + "/prefetch", 2, fast, watch.callback()) {
        restorer.obey(data.order());
    }
    void sign(const char* name) const { write_file(data.path() + "/" + name, ""); }
    [[nodiscard]] std::string target() const { return data.wal_path("RECOVERYXLOG"); }
    HookAnswer ask(const std::string& name) {
        std::filesystem::remove(target());
        Reply reply;
        restorer.ask({*wal::parse_archive_name(name), target()}, reply.later());
        return reply.get();
    }

    DataDirectory data;
    TemporaryDirectory own;
    FakeObjectStore store;
    Watch watch;
    Restorer restorer;
};

std::size_t files_in(const std::string& directory) {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(directory), {}));
}

}  // namespace

TEST_CASE("a segment comes back byte for byte, however it was compressed") {
    const auto compression = GENERATE(Compression::none, Compression::zstd, Compression::gzip, Compression::lz4);
    Standby standby;
    plant(standby.store, segment_name(5), segment_content(segment_name(5)), compression);

    CHECK(standby.ask(segment_name(5)) == HookAnswer{hook::done, {}});
    CHECK(read_file(standby.target()) == segment_content(segment_name(5)));
    CHECK(standby.restorer.restored() == 1);
}

TEST_CASE("a transfer that begins again does not leave its first part in the file") {
    Standby standby;
    plant(standby.store, segment_name(5), segment_content(segment_name(5)), Compression::none);
    standby.store.break_next_get_after(100'000);

    CHECK(standby.ask(segment_name(5)).status == hook::done);
    CHECK(read_file(standby.target()) == segment_content(segment_name(5)));
}

TEST_CASE("what the store says is not there is missing, silently") {
    Standby standby;
    standby.sign("recovery.signal");

    CHECK(standby.ask(segment_name(5)) == HookAnswer{hook::failed, {}});
    CHECK(standby.ask("00000002.history") == HookAnswer{hook::failed, {}});
    CHECK_FALSE(std::filesystem::exists(standby.target()));
}

TEST_CASE("the segment that is waited for is told until it has come, and histories are not") {
    Standby standby;
    standby.sign("recovery.signal");
    CHECK_FALSE(standby.restorer.awaited());
    standby.ask("00000002.history");
    CHECK_FALSE(standby.restorer.awaited());

    standby.ask(segment_name(5));
    CHECK(standby.restorer.awaited() == segment_name(5));
    plant(standby.store, "00000002.history", "1\t0/3000000\tno reason\n");
    standby.ask("00000002.history");
    CHECK(standby.restorer.awaited() == segment_name(5));

    plant(standby.store, segment_name(5), segment_content(segment_name(5)));
    standby.ask(segment_name(5));
    CHECK_FALSE(standby.restorer.awaited());
}

TEST_CASE("a missing file that arrives is found at once in recovery to a target") {
    Standby standby;
    standby.sign("recovery.signal");
    REQUIRE(standby.ask(segment_name(5)).status == hook::failed);

    plant(standby.store, segment_name(5), segment_content(segment_name(5)));

    CHECK(standby.ask(segment_name(5)).status == hook::done);
}

TEST_CASE("a .partial is never served as the whole segment") {
    Standby standby;
    plant(standby.store, segment_name(5) + ".partial", segment_content(segment_name(5)));

    CHECK(standby.ask(segment_name(5)).status == hook::failed);
    CHECK(standby.ask(segment_name(5) + ".partial").status == hook::done);
}

TEST_CASE("while the store does not answer nobody is told that a file is missing") {
    Standby standby;
    standby.sign("recovery.signal");
    plant(standby.store, segment_name(5), segment_content(segment_name(5)));
    standby.store.fail_next(StoreCall::list, 3);
    standby.store.fail_next(StoreCall::get, 3);

    CHECK(standby.ask(segment_name(5)).status == hook::done);
}

TEST_CASE("who waits for an archive that does not answer is told of, until a file comes back") {
    Standby standby;
    standby.sign("recovery.signal");
    plant(standby.store, segment_name(1), segment_content(segment_name(1)));
    std::atomic<bool> away = true;
    standby.store.before_each([&](StoreCall, const std::string&) -> Result<> {
        if (away) return fail(FaultKind::unavailable, "503");
        return {};
    });
    CHECK_FALSE(standby.restorer.trouble());

    Reply reply;
    standby.restorer.ask({*wal::parse_archive_name(segment_name(1)), standby.target()}, reply.later());
    standby.watch.until([&] { return standby.restorer.trouble().has_value(); });
    CHECK(standby.restorer.trouble()->why.find(segment_name(1) + ": ") == 0);
    CHECK(standby.restorer.trouble()->why.find("503") != std::string::npos);

    away = false;
    CHECK(reply.get().status == hook::done);
    CHECK_FALSE(standby.restorer.trouble());
}

TEST_CASE("a promotion is not held up by a store that does not answer, and not cut short by one that does") {
    Standby standby;
    standby.sign("standby.signal");
    auto order = standby.data.order();
    order.promoting = true;
    standby.restorer.obey(order);
    plant(standby.store, segment_name(5), segment_content(segment_name(5)));
    CHECK(standby.ask(segment_name(5)).status == hook::done);

    standby.store.fail_next(StoreCall::list, 1'000'000);
    standby.store.fail_next(StoreCall::get, 1'000'000);
    // Far from what was fetched ahead, and found missing, meanwhile. One answer that fails is no reason to leave it.
    const auto patient = [&](const std::string& name) {
        Reply reply;
        const auto asked = standby.restorer.ask({*wal::parse_archive_name(name), standby.target()}, reply.later());
        CHECK(asked.patience == 2s);
        if (reply.is_there()) return reply.get();
        return standby.restorer.give_up(asked.ticket).value();
    };
    CHECK(patient(segment_name(200)).status == hook::failed);
    // Then it is believed to be away; also by PostgreSQL without its signal file, which asks for the last of the histories.
    CHECK(patient("00000007.history").text.find("not waited for") != std::string::npos);
    std::filesystem::remove(standby.data.path() + "/standby.signal");
    standby.sign("postmaster.pid");
    CHECK(patient("00000001.history").status == hook::failed);
}

TEST_CASE("who waits for its file already when the promotion begins is told soon that it got nothing") {
    Standby standby;
    standby.sign("standby.signal");
    standby.store.fail_next(StoreCall::list, 1'000'000);
    standby.store.fail_next(StoreCall::get, 1'000'000);
    Reply reply;
    standby.restorer.ask({*wal::parse_archive_name(segment_name(5)), standby.target()}, reply.later());
    standby.restorer.hurry();
    CHECK_FALSE(reply.is_there());

    auto order = standby.data.order();
    order.promoting = true;
    standby.restorer.obey(order);
    standby.restorer.hurry();
    CHECK(reply.get().status == hook::failed);
}

TEST_CASE("how long is tried and what is said then depends on who asks") {
    const struct {
        const char* sign;
        bool has_patience;
        char status;
    } table[] = {{"recovery.signal", false, hook::stop_recovery},
                 {"standby.signal", true, hook::failed},
                 {"x", true, hook::failed},
                 {"postmaster.pid", true, hook::stop_recovery}};
    for (const auto& [sign, has_patience, status] : table) {
        CAPTURE(sign);
        Standby standby;
        standby.sign(sign);
        standby.store.hold();

        const auto asked = standby.restorer.ask({*wal::parse_archive_name(segment_name(5)), standby.target()},
                                                [](const HookAnswer&) { FAIL("answered"); });
        standby.store.wait_until_waiting(1);

        CHECK(asked.patience.has_value() == has_patience);
        const auto answer = standby.restorer.give_up(asked.ticket);
        REQUIRE(answer);
        CHECK(answer->status == status);
        CHECK_FALSE(standby.restorer.give_up(asked.ticket));
        standby.store.cancel();
    }
}

TEST_CASE("a file never appears for an asker that has gone") {
    Standby standby;
    plant(standby.store, segment_name(5), segment_content(segment_name(5)));
    plant(standby.store, segment_name(6), segment_content(segment_name(6)));
    standby.store.hold();
    const auto asked =
        standby.restorer.ask({*wal::parse_archive_name(segment_name(5)), standby.target()}, [](const HookAnswer&) {});
    standby.store.wait_until_waiting(1);
    standby.restorer.give_up(asked.ticket);
    Reply reply;
    standby.restorer.ask({*wal::parse_archive_name(segment_name(6)), standby.target()}, reply.later());

    standby.store.release();

    REQUIRE(reply.get().status == hook::done);
    standby.restorer.finish();
    CHECK(read_file(standby.target()) == segment_content(segment_name(6)));
}

TEST_CASE("a damaged object is never delivered: recovery stops, a standby streams") {
    const bool follows = GENERATE(true, false);
    Standby standby;
    standby.sign(follows ? "standby.signal" : "recovery.signal");
    const auto good = segment_content(segment_name(5));
    const std::string table[] = {
        good.substr(0, good.size() - 1),
        good + "x",
        std::string(small_segment, '\0'),
        segment_content(segment_name(6)),
        segment_content(segment_name(5), 0, SystemId{42}),
    };
    for (const auto& content : table) {
        plant(standby.store, segment_name(5), content, Compression::none);
        const auto answer = standby.ask(segment_name(5));
        CHECK(answer.status == (follows ? hook::failed : hook::stop_recovery));
        CHECK_FALSE(answer.text.empty());
        CHECK_FALSE(std::filesystem::exists(standby.target()));
    }
}

TEST_CASE("an object that cannot be decoded is no missing file, whatever its encoding") {
    Standby standby;
    standby.sign("recovery.signal");
    standby.store.plant(wal_key("orders", *wal::parse_archive_name(segment_name(5))) + ".bz2", std::string_view("BZh"));

    const auto answer = standby.ask(segment_name(5));

    CHECK(answer.status == hook::stop_recovery);
    CHECK(answer.text.find("bz2") != std::string::npos);
}

TEST_CASE("following segments are fetched ahead, more and more of them, and served from disk") {
    Standby standby;
    standby.sign("standby.signal");
    for (std::uint64_t i = 1; i <= 20; ++i) plant(standby.store, segment_name(i), segment_content(segment_name(i)));

    for (std::uint64_t i = 1; i <= 20; ++i) {
        REQUIRE(standby.ask(segment_name(i)).status == hook::done);
        CHECK(read_file(standby.target()) == segment_content(segment_name(i)));
    }

    CHECK(standby.ask(segment_name(21)).status == hook::failed);
    CHECK(standby.restorer.prefetched() == 0);
}

TEST_CASE("near the archive's end nothing is fetched twice") {
    Standby standby;
    standby.sign("standby.signal");
    for (std::uint64_t i = 1; i <= 20; ++i) plant(standby.store, segment_name(i), segment_content(segment_name(i)));
    std::mutex mutex;
    std::condition_variable changed;
    std::map<std::string, int> gets;
    bool at_the_end = false;
    standby.store.after_each([&](StoreCall call, const std::string& key) -> Result<> {
        const std::lock_guard lock(mutex);
        if (call == StoreCall::get) ++gets[key];
        if (key.find(segment_name(21)) != std::string::npos) at_the_end = true;
        changed.notify_all();
        return {};
    });

    for (std::uint64_t i = 1; i <= 5; ++i) REQUIRE(standby.ask(segment_name(i)).status == hook::done);
    {
        std::unique_lock lock(mutex);
        REQUIRE(changed.wait_for(lock, 60s, [&] { return at_the_end; }));
    }
    for (std::uint64_t i = 6; i <= 20; ++i) REQUIRE(standby.ask(segment_name(i)).status == hook::done);
    standby.restorer.finish();

    for (std::uint64_t i = 1; i <= 20; ++i) {
        const auto key = wal_key("orders", *wal::parse_archive_name(segment_name(i))) + ".zst";
        CHECK(std::pair(key, gets[key]) == std::pair(key, 1));
    }
}

TEST_CASE("pg_rewind gets its files and nothing is fetched ahead") {
    Standby standby;
    for (std::uint64_t i = 1; i <= 5; ++i) plant(standby.store, segment_name(i), segment_content(segment_name(i)));

    REQUIRE(standby.ask(segment_name(1)).status == hook::done);
    REQUIRE(standby.ask(segment_name(2)).status == hook::done);
    standby.restorer.finish();

    CHECK(standby.store.calls(StoreCall::get) == 2);
}

TEST_CASE("nothing is fetched ahead past the fork that the next timeline's history names") {
    Standby standby;
    standby.sign("standby.signal");
    for (std::uint64_t i = 1; i <= 9; ++i) plant(standby.store, segment_name(i), segment_content(segment_name(i)));
    plant(standby.store, "00000002.history", "1\t0/400010\tno recovery target specified\n");
    std::mutex mutex;
    std::vector<std::string> keys;
    standby.store.after_each([&](StoreCall call, const std::string& key) -> Result<> {
        const std::lock_guard lock(mutex);
        if (call == StoreCall::get) keys.push_back(key);
        return {};
    });

    for (std::uint64_t i = 1; i <= 4; ++i) REQUIRE(standby.ask(segment_name(i)).status == hook::done);
    standby.restorer.finish();

    const auto asked_for = [&](std::uint64_t number) {
        return std::ranges::any_of(
            keys, [&](const auto& key) { return key.find(segment_name(number)) != std::string::npos; });
    };
    CHECK(asked_for(4));
    for (std::uint64_t i = 5; i <= 9; ++i) CHECK_FALSE(asked_for(i));
}

TEST_CASE("files fetched in a former life are removed, and none are left behind") {
    TemporaryDirectory own;
    FakeObjectStore store;
    std::filesystem::create_directories(own.path() + "/prefetch");
    write_file(own.path() + "/prefetch/" + segment_name(5), "of a former life");

    Restorer restorer(store, "orders", own.path() + "/prefetch", 2, fast, [] {});

    CHECK(files_in(own.path() + "/prefetch") == 0);
}

TEST_CASE("another data directory does not get what was fetched for the former one") {
    Standby standby;
    standby.sign("standby.signal");
    for (std::uint64_t i = 1; i <= 5; ++i) plant(standby.store, segment_name(i), segment_content(segment_name(i)));
    REQUIRE(standby.ask(segment_name(1)).status == hook::done);

    auto order = standby.data.order();
    order.system_id = SystemId{42};
    standby.restorer.obey(order);

    CHECK(standby.ask(segment_name(2)).status == hook::failed);
    CHECK(standby.restorer.prefetched() == 0);
}
