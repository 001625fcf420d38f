#include "object_store/directory_store.hpp"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "object_store/directory_files.hpp"
#include "support/catch.hpp"
#include "support/temporary_directory.hpp"

using namespace pgbosun;
using namespace pgbosun::object_store;
namespace fs = std::filesystem;

namespace {

std::span<const std::byte> bytes(std::string_view text) { return std::as_bytes(std::span(text.data(), text.size())); }

int temporaries(const std::string& root) {
    int count = 0;
    for (const auto& entry : fs::recursive_directory_iterator(root))
        count += is_temporary(entry.path().filename().string()) ? 1 : 0;
    return count;
}

template <class Child>
int status_of_child(const Child& child) {
    const pid_t pid = fork();
    if (pid == 0) {
        child();
        _exit(0);
    }
    int status = 0;
    REQUIRE(waitpid(pid, &status, 0) == pid);
    return status;
}

}  // namespace

TEST_CASE("killed after any step, a put leaves the whole object or none") {
    const test::TemporaryDirectory place;
    const std::string root = place.path() + "/archive";
    const auto step = GENERATE(WriteStep::directories_made, WriteStep::created, WriteStep::written, WriteStep::synced,
                               WriteStep::named, WriteStep::temporary_removed, WriteStep::directory_synced);
    const bool replacing = GENERATE(false, true);
    CAPTURE(static_cast<int>(step), replacing);
    const std::string before = replacing ? "before" : "";
    if (replacing) REQUIRE(DirectoryStore::open(root)->put("o/wals/1/a", bytes(before), {}));

    const int status = status_of_child([&] {
        auto store = DirectoryStore::open(root, MissingRoot::make, [&](WriteStep passed) {
            if (passed == step) raise(SIGKILL);
        });
        static_cast<void>(replacing ? store->put("o/wals/1/a", bytes("content"), {{"n", "v"}})
                                    : store->put_if_absent("o/wals/1/a", bytes("content"), {{"n", "v"}}));
    });
    REQUIRE(WIFSIGNALED(status));

    auto store = DirectoryStore::open(root);
    const auto facts = store->head("o/wals/1/a");
    if (step >= WriteStep::named) {
        REQUIRE(facts);
        CHECK(facts->size == 7);
    } else if (replacing) {
        REQUIRE(facts);
        CHECK(facts->size == before.size());
    } else {
        REQUIRE_FALSE(facts);
        CHECK(facts.error().kind == FaultKind::not_found);
    }
    const auto listing = store->list("", "", std::nullopt);
    REQUIRE(listing);
    CHECK(listing->objects.size() == (facts ? 1 : 0));
    const auto again = store->put_if_absent("o/wals/1/a", bytes("content"), {});
    CHECK(again.has_value() == !facts.has_value());
    if (!again) CHECK(again.error().kind == FaultKind::conflict);
}

TEST_CASE("killed after any step, a parted upload leaves the whole object or none, and what can be aborted") {
    const test::TemporaryDirectory place;
    const std::string root = place.path() + "/archive";
    const auto step = GENERATE(WriteStep::directories_made, WriteStep::created, WriteStep::written, WriteStep::synced,
                               WriteStep::named, WriteStep::directory_synced);
    CAPTURE(static_cast<int>(step));
    const std::string first(smallest_part, 'f');

    const int status = status_of_child([&] {
        auto store = DirectoryStore::open(root, MissingRoot::make, [&](WriteStep passed) {
            if (passed == step) raise(SIGKILL);
        });
        auto upload = store->begin_parted("o/base/1/data.tar", smallest_part, {});
        if (!upload) return;
        static_cast<void>((*upload)->put_part(1, bytes(first)));
        static_cast<void>((*upload)->put_part(2, bytes("end")));
        static_cast<void>((*upload)->complete(2));
    });
    REQUIRE(WIFSIGNALED(status));

    auto store = DirectoryStore::open(root);
    const auto facts = store->head("o/base/1/data.tar");
    CHECK(facts.has_value() == (step >= WriteStep::named));
    if (facts) CHECK(facts->size == smallest_part + 3);
    const auto listing = store->list("", "", std::nullopt);
    REQUIRE(listing);
    CHECK(listing->objects.size() == (facts ? 1 : 0));
    const bool left = step > WriteStep::directories_made && step < WriteStep::named;
    CHECK(store->abort_unfinished("o/") == std::uint64_t{left ? 1U : 0U});
    CHECK(temporaries(root) == 0);
}

TEST_CASE("an object that is there and cannot be read is damaged, not away") {
    const auto ignored = [](std::span<const std::byte>) -> Result<> { return {}; };
    // The kernel answers EIO where no memory is.
    const auto unreadable = DirectoryStore::open("/proc/self")->get("mem", ignored, {});
    REQUIRE_FALSE(unreadable);
    CHECK(unreadable.error().kind == FaultKind::corrupt);
    CHECK_FALSE(unreadable.error().hint.empty());

    const test::TemporaryDirectory place;
    fs::create_symlink("/etc/passwd", place.path() + "/link");
    CHECK(DirectoryStore::open(place.path())->get("link", ignored, {}).error().kind == FaultKind::corrupt);
}

TEST_CASE("no listing removes the parts of an upload, however old they are") {
    const test::TemporaryDirectory place;
    auto store = DirectoryStore::open(place.path());
    const auto upload = store->begin_parted("w/a", smallest_part, {});
    REQUIRE(upload);
    REQUIRE((*upload)->put_part(1, bytes("x")));
    for (const auto& entry : fs::directory_iterator(place.path() + "/w")) {
        fs::last_write_time(entry, fs::file_time_type::clock::now() - std::chrono::hours(100));
    }

    REQUIRE(store->list("", "", std::nullopt));

    CHECK((*upload)->complete(1));
    CHECK(store->head("w/a")->size == 1);
}

TEST_CASE("what a killed writer left is removed when it is older than an hour, by any listing") {
    const test::TemporaryDirectory place;
    auto store = DirectoryStore::open(place.path());
    REQUIRE(store->put("w/a", bytes("x"), {}));
    const std::string young = place.path() + "/w/.pgbosun-tmp.1.2.3";
    const std::string old = place.path() + "/w/.pgbosun-tmp.4.5.6";
    for (const auto& path : {young, old}) std::ofstream(path) << "part";
    fs::last_write_time(old, fs::file_time_type::clock::now() - std::chrono::minutes(61));

    const auto listing = store->list("", "", std::nullopt);

    REQUIRE(listing);
    CHECK(listing->objects.size() == 1);
    CHECK(fs::exists(young));
    CHECK_FALSE(fs::exists(old));
}

TEST_CASE("a key with the name of a temporary file is refused") {
    const test::TemporaryDirectory place;
    auto store = DirectoryStore::open(place.path());

    const auto key = GENERATE(std::string(".pgbosun-tmp.1"), "a/.pgbosun-tmp.1", "a/.pgbosun-tmp.1/b");

    const auto put = store->put(key, bytes("x"), {});
    REQUIRE_FALSE(put);
    CHECK(put.error().kind == FaultKind::refused);
}

TEST_CASE("files and directories are for their owner only") {
    const test::TemporaryDirectory place;
    auto store = DirectoryStore::open(place.path() + "/new");
    REQUIRE(store->put("w/a", bytes("x"), {}));

    struct stat facts{};
    for (const auto& [path, mode] :
         {std::pair<std::string, mode_t>{"/new", 0700}, {"/new/w", 0700}, {"/new/w/a", 0600}}) {
        REQUIRE(stat((place.path() + path).c_str(), &facts) == 0);
        CHECK((facts.st_mode & 0777) == mode);
    }
}

TEST_CASE("a disk without room makes the put unavailable, with a hint, and leaves nothing behind") {
    const test::TemporaryDirectory place;

    const int status = status_of_child([&] {
        signal(SIGXFSZ, SIG_IGN);
        const rlimit room{100'000, 100'000};
        setrlimit(RLIMIT_FSIZE, &room);
        auto store = DirectoryStore::open(place.path());
        const auto put = store->put_if_absent("w/a", std::vector<std::byte>(200'000), {});
        const bool told =
            !put && put.error().kind == FaultKind::unavailable && put.error().hint.starts_with("make room");
        _exit(told ? 42 : 1);
    });

    REQUIRE(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 42);
    CHECK(temporaries(place.path()) == 0);
    CHECK_FALSE(DirectoryStore::open(place.path())->head("w/a"));
}

TEST_CASE("when the volume is gone, nothing is `not found` and nothing is written elsewhere") {
    const test::TemporaryDirectory place;
    const std::string root = place.path() + "/mount";
    auto store = DirectoryStore::open(root);
    REQUIRE(store->put("a/b", bytes("x"), {}));
    fs::remove_all(root);

    const auto is_unavailable = [](const auto& result) {
        return !result && result.error().kind == FaultKind::unavailable;
    };
    CHECK(is_unavailable(store->head("a/b")));
    CHECK(is_unavailable(store->put("a/b", bytes("x"), {})));
    CHECK(is_unavailable(store->put_if_absent("c", bytes("x"), {})));
    CHECK(is_unavailable(store->list("", "", std::nullopt)));
    CHECK(is_unavailable(store->remove({"a/b"})));
    CHECK_FALSE(fs::exists(root));
}

TEST_CASE("a root that cannot be made yet is unavailable, and is made when it can be") {
    const test::TemporaryDirectory place;
    std::ofstream(place.path() + "/mount") << "in the way";
    const auto store = DirectoryStore::open(place.path() + "/mount/archive");

    const auto early = store->put("a/b", bytes("x"), {});
    REQUIRE_FALSE(early);
    CHECK(early.error().kind == FaultKind::unavailable);
    fs::remove(place.path() + "/mount");

    CHECK(store->put("a/b", bytes("x"), {}));
}

TEST_CASE("a recovery does not make the root that it waits for, and takes nothing for missing before it is there") {
    const test::TemporaryDirectory place;
    const std::string root = place.path() + "/mount";
    const auto store = DirectoryStore::open(root, MissingRoot::wait);

    CHECK(store->head("a/b").error().kind == FaultKind::unavailable);
    CHECK(store->list("", "", std::nullopt).error().kind == FaultKind::unavailable);
    CHECK_FALSE(fs::exists(root));
    fs::create_directory(root);

    CHECK(store->head("a/b").error().kind == FaultKind::not_found);
}

TEST_CASE("links and other things in the archive are not followed") {
    const test::TemporaryDirectory place;
    auto store = DirectoryStore::open(place.path() + "/archive");
    std::ofstream(place.path() + "/outside") << "secret";
    fs::create_symlink(place.path() + "/outside", place.path() + "/archive/link");
    REQUIRE(mkfifo((place.path() + "/archive/fifo").c_str(), 0600) == 0);

    CHECK_FALSE(store->head("link"));
    CHECK_FALSE(store->head("fifo"));
    const auto listing = store->list("", "", std::nullopt);
    REQUIRE(listing);
    CHECK(listing->objects.empty());
    const auto put = store->put_if_absent("link", bytes("x"), {});
    REQUIRE_FALSE(put);
    CHECK(put.error().kind == FaultKind::conflict);
}
