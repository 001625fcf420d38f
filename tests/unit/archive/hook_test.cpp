// The static hook against an archiver that follows a script.

#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>
#include <functional>
#include <memory>
#include <optional>
#include <thread>

#include "pgbosun/hook_protocol.hpp"
#include "support/catch.hpp"
#include "unit/archive/child.hpp"
#include "unit/archive/wal_files.hpp"

using namespace pgbosun;
using namespace pgbosun::test;
using namespace std::string_literals;

namespace {

// Takes one connection after the other: reads the request to its end, then does what the script says.
class ScriptedArchiver {
public:
    explicit ScriptedArchiver(const std::string& path) : listener_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::strcpy(address.sun_path, path.c_str());
        REQUIRE(::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
        REQUIRE(::listen(listener_, 8) == 0);
    }
    ScriptedArchiver(const ScriptedArchiver&) = delete;
    ScriptedArchiver& operator=(const ScriptedArchiver&) = delete;
    ~ScriptedArchiver() { ::close(listener_); }

    // Answers, in as many pieces as there are; none: dies with the request in its hands.
    std::string serve(const std::vector<std::string>& pieces) {
        const int connection = take();
        const std::string request = read_all(connection);
        for (const auto& piece : pieces) {
            REQUIRE(::send(connection, piece.data(), piece.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(piece.size()));
        }
        ::close(connection);
        return request;
    }
    int take() const { return ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC); }
    static std::string read_all(int connection) {
        std::string text;
        char part[4096];
        for (ssize_t count = 0; (count = ::recv(connection, part, sizeof part, 0)) > 0;) {
            text.append(part, static_cast<std::size_t>(count));
        }
        return text;
    }

private:
    int listener_;
};

struct Place {
    TemporaryDirectory directory;
    std::string socket = directory.path() + "/archive.sock";

    [[nodiscard]] std::unique_ptr<Child> hook(std::vector<std::string> arguments) const {
        return std::make_unique<Child>(std::getenv("PGBOSUN_WAL"), std::move(arguments),
                                       std::vector{hook::socket_variable + "="s + socket}, directory.path());
    }
};

const std::vector<std::string> archive_call{"archive", "pg_wal/000000010000000000000003"};
const std::vector<std::string> restore_call{"restore", "000000010000000000000003", "pg_wal/RECOVERYXLOG"};

}  // namespace

TEST_CASE("the hook exits as the archiver says, never above 125 for archive_command") {
    const struct {
        std::string answer;
        int archive, restore;
    } table[] = {{"0", 0, 0}, {"1", 1, 1}, {"x", 1, 255}, {"7", 1, 255}, {"00", 0, 0}};
    for (const auto& [answer, archive, restore] : table) {
        CAPTURE(answer);
        const Place place;
        ScriptedArchiver archiver(place.socket);

        const auto first = place.hook(archive_call);
        archiver.serve({answer});
        CHECK(first->wait() == archive);

        const auto second = place.hook(restore_call);
        archiver.serve({answer});
        CHECK(second->wait() == restore);
    }
}

TEST_CASE("the request names the file by its absolute path") {
    const Place place;
    ScriptedArchiver archiver(place.socket);

    const auto archive = place.hook(archive_call);
    CHECK(archiver.serve({"0"}) ==
          "pgbosun-wal 1\narchive\0"s + place.directory.path() + "/pg_wal/000000010000000000000003\0"s);
    const auto absolute = place.hook({"archive", "/x/000000010000000000000003"});
    CHECK(archiver.serve({"0"}) == "pgbosun-wal 1\narchive\0/x/000000010000000000000003\0"s);
    const auto restore = place.hook(restore_call);
    CHECK(archiver.serve({"0"}) == "pgbosun-wal 1\nrestore\0"s + "000000010000000000000003\0"s +
                                       place.directory.path() + "/pg_wal/RECOVERYXLOG\0"s);
}

TEST_CASE("the archiver's text reaches PostgreSQL's log, also when it comes in pieces") {
    const Place place;
    ScriptedArchiver archiver(place.socket);

    const auto hook = place.hook(archive_call);
    archiver.serve({"1", "the store ", "does not answer"});

    CHECK(hook->wait() == 1);
    CHECK(hook->error_text() == "pgbosun-wal: the store does not answer\n");
}

TEST_CASE("an archiver that dies with the request: archive fails, restore asks the next one") {
    const Place place;
    ScriptedArchiver archiver(place.socket);

    const auto archive = place.hook(archive_call);
    archiver.serve({});
    CHECK(archive->wait() == 1);
    CHECK_FALSE(archive->error_text().empty());

    const auto restore = place.hook(restore_call);
    archiver.serve({});
    archiver.serve({});
    archiver.serve({"0"});
    CHECK(restore->wait() == 0);
}

TEST_CASE("an archiver that is just being started is waited for") {
    const auto call = GENERATE(archive_call, restore_call);
    const Place place;
    const auto hook = place.hook(call);

    ScriptedArchiver archiver(place.socket);
    archiver.serve({"0"});

    CHECK(hook->wait() == 0);
}

TEST_CASE("without an archiver an archive request fails, to be asked again by PostgreSQL") {
    const Place place;

    const auto hook = place.hook(archive_call);

    CHECK(hook->wait() == 1);
    CHECK(hook->error_text().find("does not answer") != std::string::npos);
}

TEST_CASE("without an archiver a standby is told that there is no such file, for it streams next") {
    const std::vector<std::string> history_call{"restore", "00000002.history", "pg_wal/RECOVERYHISTORY"};
    const Place following, promoting;
    write_file(following.directory.path() + "/standby.signal", "");
    write_file(following.directory.path() + "/recovery.signal", "");  // PostgreSQL lets the former win
    write_file(promoting.directory.path() + "/PG_VERSION", "15\n");

    const auto segment = following.hook(restore_call);
    const auto history = promoting.hook(history_call);  // the last of a promotion: standby.signal is gone

    CHECK(segment->wait() == 1);
    CHECK(segment->error_text().find("does not answer") != std::string::npos);
    CHECK(history->wait() == 1);
}

TEST_CASE("an archiver that dies twice with a standby's request is not waited for") {
    const Place place;
    write_file(place.directory.path() + "/standby.signal", "");
    ScriptedArchiver archiver(place.socket);

    const auto hook = place.hook(restore_call);
    archiver.serve({});
    archiver.serve({});

    CHECK(hook->wait() == 1);
}

TEST_CASE("a standby's request is answered as the archiver says") {
    const Place place;
    write_file(place.directory.path() + "/standby.signal", "");
    ScriptedArchiver archiver(place.socket);

    const auto first = place.hook(restore_call);
    archiver.serve({});
    archiver.serve({"0"});
    CHECK(first->wait() == 0);
    const auto second = place.hook(restore_call);
    archiver.serve({"x"});
    CHECK(second->wait() == 255);
}

TEST_CASE("SIGTERM ends a hook that waits") {
    const auto call = GENERATE(archive_call, restore_call);
    const Place place;
    ScriptedArchiver archiver(place.socket);
    const auto hook = place.hook(call);
    const int connection = archiver.take();
    ScriptedArchiver::read_all(connection);

    hook->send(SIGTERM);

    CHECK(hook->wait() == 1000 + SIGTERM);
    ::close(connection);
}

TEST_CASE("wrong usage exits with 2 and says what is right") {
    const Place place;
    const std::vector<std::string> table[] = {{},
                                              {"archive"},
                                              {"archive", "a", "b"},
                                              {"restore", "a"},
                                              {"restore", "a", "b", "c"},
                                              {"Archive", "a"},
                                              {"--nonsense"}};
    for (const auto& arguments : table) {
        const auto hook = place.hook(arguments);
        CHECK(hook->wait() == 2);
        CHECK(hook->error_text().starts_with("usage: pgbosun-wal"));
    }
    for (const char* help : {"--help", "-h", "help"}) {
        const auto hook = place.hook({help});
        CHECK(hook->wait() == 0);
        CHECK(hook->output_text().starts_with("usage: pgbosun-wal"));
    }
    const auto version = place.hook({"version"});
    CHECK(version->wait() == 0);
    CHECK(version->output_text() == "pgbosun-wal " PGBOSUN_VERSION "\n");
}

TEST_CASE("a path longer than a request is refused") {
    const Place place;
    const std::string path(hook::longest_request, 'x');

    CHECK(place.hook({"archive", path})->wait() == 1);
    CHECK(place.hook({"restore", "000000010000000000000003", path})->wait() == 255);
}
