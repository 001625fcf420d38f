// The archiver as a process, asked by the real hook, killed in the middle of its work.

#include <map>
#include <memory>
#include <random>

#include "archive/link_wire.hpp"
#include "pgbosun/hook_protocol.hpp"
#include "support/catch.hpp"
#include "support/seed.hpp"
#include "unit/archive/child.hpp"
#include "unit/archive/wal_files.hpp"

using namespace pgbosun;
using namespace pgbosun::test;

namespace {

class Pod {
public:
    Pod() {
        std::filesystem::create_directories(own_.path() + "/volume");
        std::filesystem::create_directories(own_.path() + "/run");
        std::filesystem::create_directories(store());
        start();
    }

    void start() {
        archiver_ = std::make_unique<Child>(std::getenv("PGBOSUN_ARCHIVER_PROCESS"),
                                            std::vector{own_.path() + "/volume", own_.path() + "/run", store()},
                                            std::vector<std::string>{});
        give(data.order());
    }
    void give(const ArchiveOrder& order) const { archiver_->write(archive::render(order)); }
    void kill() {
        archiver_->send(SIGKILL);
        archiver_->wait();
    }
    [[nodiscard]] Child& archiver() const { return *archiver_; }

    [[nodiscard]] int hook(std::vector<std::string> arguments) const {
        return start_hook(std::move(arguments))->wait();
    }
    [[nodiscard]] std::unique_ptr<Child> start_hook(std::vector<std::string> arguments) const {
        return std::make_unique<Child>(
            std::getenv("PGBOSUN_WAL"), std::move(arguments),
            std::vector{std::string(hook::socket_variable) + "=" + own_.path() + "/run/archive.sock"}, data.path());
    }
    [[nodiscard]] int archive(const std::string& name) const { return hook({"archive", "pg_wal/" + name}); }
    // As PostgreSQL asks: again and again until the file is archived.
    void archive_at_last(const std::string& name) const {
        while (archive(name) != 0) {
        }
    }
    // The restored content; none when it is definitely not there.
    [[nodiscard]] std::optional<std::string> restore(const std::string& name) const {
        const int status = hook({"restore", name, "pg_wal/RECOVERYXLOG"});
        if (status == 1) return std::nullopt;
        REQUIRE(status == 0);
        return read_file(data.wal_path("RECOVERYXLOG"));
    }
    [[nodiscard]] std::string store() const { return own_.path() + "/store"; }

    DataDirectory data;

private:
    TemporaryDirectory own_;
    std::unique_ptr<Child> archiver_;
};

}  // namespace

TEST_CASE("a segment goes through the hook into the archive and back") {
    Pod pod;
    pod.data.make_ready(segment_name(1));

    pod.archive_at_last(segment_name(1));

    CHECK(pod.restore(segment_name(1)) == segment_content(segment_name(1)));
    CHECK_FALSE(pod.restore(segment_name(2)));
    CHECK(std::filesystem::exists(pod.store() + "/orders/wals/0000000100000000/" + segment_name(1) + ".zst"));
}

TEST_CASE("PID 1 is told what was archived, and why something is not") {
    Pod pod;
    const auto report_with = [&](const auto& wanted) {
        for (;;) {
            const auto line = pod.archiver().read_line();
            REQUIRE_FALSE(line.empty());
            const auto report = archive::parse_report(line);
            REQUIRE(report);
            if (wanted(*report)) return *report;
        }
    };
    pod.data.make_ready(segment_name(1));
    pod.archive_at_last(segment_name(1));
    const auto archived = report_with([](const auto& report) { return report.archived == 1; });
    CHECK(archived.last_wal == segment_name(1));
    CHECK(archived.target.ends_with("/orders"));

    pod.data.make_ready(segment_name(2), "no segment");
    CHECK(pod.archive(segment_name(2)) == 1);
    const auto failing = report_with([](const auto& report) { return report.last_error.has_value(); });
    CHECK(failing.last_error->find(segment_name(2)) != std::string::npos);
    CHECK(failing.failing_since);
}

TEST_CASE("when PID 1's end closes the archiver ends, and its socket is gone") {
    Pod pod;
    pod.data.make_ready(segment_name(1));
    pod.archive_at_last(segment_name(1));

    pod.archiver().close_input();

    CHECK(pod.archiver().wait() == 0);
    CHECK_FALSE(std::filesystem::exists(pod.data.path() + "/../run/archive.sock"));
}

TEST_CASE("SIGTERM ends the archiver in good order") {
    Pod pod;
    pod.data.make_ready(segment_name(1));
    pod.archive_at_last(segment_name(1));

    pod.archiver().send(SIGTERM);

    CHECK(pod.archiver().wait() == 0);
}

TEST_CASE("an instance that may not archive says why through the hook") {
    Pod pod;
    pod.data.make_ready(segment_name(1));
    auto order = pod.data.order();
    order.may_archive = false;
    order.reason = "fenced by hand";
    pod.give(order);

    std::string text;
    // Orders and requests come over different channels: the first answers may still be of the former order.
    do {
        const auto hook = pod.start_hook({"archive", "pg_wal/" + segment_name(9)});
        CHECK(hook->wait() == 1);
        text = hook->error_text();
    } while (text.find("fenced by hand") == std::string::npos);
}

TEST_CASE("whenever the archiver is killed, what was acknowledged is in the archive and comes back byte for byte") {
    std::minstd_rand random(static_cast<std::uint32_t>(seed()));
    Pod pod;
    constexpr std::uint64_t all = 24;
    for (std::uint64_t i = 1; i <= all; ++i) pod.data.make_ready(segment_name(i));
    std::map<std::string, int> statuses;

    for (std::uint64_t i = 1; i <= all; ++i) {
        const auto name = segment_name(i);
        if (random() % 3 == 0) {
            const auto hook = pod.start_hook({"archive", "pg_wal/" + name});
            pod.kill();
            const bool acknowledged = hook->wait() == 0;
            if (acknowledged) {
                CHECK(std::filesystem::exists(pod.store() + "/orders/wals/0000000100000000/" + name + ".zst"));
            }
            pod.start();
        }
        pod.archive_at_last(name);
        pod.data.make_done(name);
    }
    pod.kill();
    pod.start();

    CAPTURE(seed());
    for (std::uint64_t i = 1; i <= all; ++i) CHECK(pod.restore(segment_name(i)) == segment_content(segment_name(i)));
}

TEST_CASE("bytes that are no request are answered, not believed, and do not stop the archiver") {
    Pod pod;
    CHECK(pod.hook({"archive", "pg_wal/nonsense"}) == 1);
    CHECK(pod.hook({"restore", "nonsense", "x"}) == 255);
    pod.archiver().write("this is no order\n");
    pod.data.make_ready(segment_name(1));

    pod.archive_at_last(segment_name(1));
}
