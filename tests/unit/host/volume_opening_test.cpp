#include "host/volume_opening.hpp"

#include <boost/asio/io_context.hpp>
#include <csignal>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/child_processes.hpp"
#include "pgbosun/descriptor.hpp"
#include "support/catch.hpp"
#include "support/run.hpp"
#include "support/temporary_directory.hpp"

using namespace pgbosun;
using namespace std::chrono_literals;
using host::OpenedVolume;
using host::VolumeLock;
using host::VolumeOpening;

namespace {

struct World {
    test::TemporaryDirectory directory;
    boost::asio::io_context loop;
    host::ChildProcesses processes{loop};

    [[nodiscard]] std::string lock() const { return directory / "lock"; }
    Result<OpenedVolume> open() const {
        auto taken = VolumeLock::take(lock());
        if (!taken) return std::unexpected(std::move(taken.error()));
        return OpenedVolume{std::move(*taken), "/the/data"};
    }
};

Task<bool> over(VolumeOpening& opening) {
    co_await opening.finished(60s);
    co_return true;
}

Task<bool> open(VolumeOpening& opening, std::optional<Result<OpenedVolume>>& opened) {
    opened = co_await opening.opened();
    co_return true;
}

}  // namespace

TEST_CASE("a volume that was opened by a child is locked by us, for as long as we hold it") {
    World world;
    VolumeOpening opening(world.loop, world.processes, {[&] { return world.open(); }, [] {}});

    auto opened = opening.wait(60s);

    REQUIRE(opened.has_value());
    REQUIRE(opened->has_value());
    CHECK((*opened)->data_directory == "/the/data");
    CHECK(test::run(world.loop, over(opening)));
    CHECK(VolumeLock::take(world.lock()).error().kind == FaultKind::conflict);
    opened.reset();
    CHECK(VolumeLock::take(world.lock()).has_value());
}

TEST_CASE("why a volume cannot be opened arrives whole, and nothing is done afterwards") {
    World world;
    const auto mark = world.directory / "afterwards";
    VolumeOpening opening(world.loop, world.processes,
                          {[]() -> Result<OpenedVolume> { return fail(FaultKind::refused, "no room", "make room"); },
                           [&] { std::ignore = VolumeLock::take(mark); }});

    const auto opened = opening.wait(60s);

    REQUIRE(opened.has_value());
    REQUIRE_FALSE(opened->has_value());
    CHECK(opened->error().kind == FaultKind::refused);
    CHECK(opened->error().what == "no room");
    CHECK(opened->error().hint == "make room");
    CHECK(test::run(world.loop, over(opening)));
    CHECK(::access(mark.c_str(), F_OK) != 0);
}

TEST_CASE("a volume that hangs is waited for on the loop, and opened when it answers") {
    World world;
    const auto gate = world.directory / "gate";
    REQUIRE(::mkfifo(gate.c_str(), 0600) == 0);
    VolumeOpening opening(world.loop, world.processes,
                          {[&] {
                               const Descriptor waits(::open(gate.c_str(), O_RDONLY | O_CLOEXEC));
                               return world.open();
                           },
                           [] {}});
    CHECK_FALSE(opening.wait(1ms).has_value());

    const Descriptor opens(::open(gate.c_str(), O_WRONLY | O_CLOEXEC));
    std::optional<Result<OpenedVolume>> opened;
    REQUIRE(test::run(world.loop, open(opening, opened)));

    REQUIRE(opened->has_value());
    CHECK(VolumeLock::take(world.lock()).error().kind == FaultKind::conflict);
}

TEST_CASE("a child that dies while it opens the volume is told as such") {
    World world;
    VolumeOpening opening(world.loop, world.processes,
                          {[]() -> Result<OpenedVolume> {
                               ::raise(SIGKILL);
                               return fail(FaultKind::refused, "not reached");
                           },
                           [] {}});

    std::optional<Result<OpenedVolume>> opened;
    REQUIRE(test::run(world.loop, open(opening, opened)));

    REQUIRE_FALSE(opened->has_value());
    CHECK(opened->error().kind == FaultKind::unavailable);
    CHECK(opened->error().what.find("has died") != std::string::npos);
}
