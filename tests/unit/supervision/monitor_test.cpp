#include "supervision/monitor.hpp"

#include "support/catch.hpp"

using namespace pgbosun;
using namespace pgbosun::supervision;
using namespace std::chrono_literals;

TEST_CASE("a server whose WAL is streamed is looked at twice in the time that may be lost") {
    Settings settings;
    settings.monitor.interval = 1s;
    CHECK(looking_pace(settings) == 1s);
    settings.archive.emplace();
    CHECK(looking_pace(settings) == 1s);
    settings.archive->stream = 1s;
    CHECK(looking_pace(settings) == 500ms);
    settings.archive->stream = 10s;
    CHECK(looking_pace(settings) == 1s);
}
