#include "http/progress_events.hpp"

#include "support/catch.hpp"

using namespace pgbosun;
using namespace pgbosun::http;
using namespace std::chrono_literals;

TEST_CASE("progress is told while work gets on, and not more often than that") {
    const ProgressEvents::Time start{1h};
    ProgressEvents events(1s);
    InstanceStatus status;
    CHECK(events.due(status, start).empty());
    CHECK(events.patience(status) == Duration::max());

    status.backup.running.emplace();
    status.backup.running->id = "20261121T010000";
    status.backup.running->step = "copying";
    status.backup.running->done_bytes = 10;
    status.backup.running->total_bytes = 100;
    CHECK(events.patience(status) == 1s);
    CHECK(events.due(status, start) ==
          "event: progress\ndata: {\"phase\":\"starting\",\"role\":\"none\",\"backup\":{\"id\":\"20261121T010000\","
          "\"step\":\"copying\",\"bytes\":10,\"total\":100},\"drill\":null,\"progress\":null}\n\n");

    status.backup.running->done_bytes = 20;
    CHECK(events.due(status, start + 999ms).empty());
    CHECK(events.due(status, start + 1s).find("\"bytes\":20") != std::string::npos);
    CHECK(events.due(status, start + 1h).empty());

    status.backup.running.reset();
    CHECK(events.due(status, start + 2h).empty());
    status.progress = ProgressStatus{"pg_basebackup", 5, 0, std::nullopt};
    CHECK(events.due(status, start + 2h)
              .find("\"progress\":{\"what\":\"pg_basebackup\",\"done_bytes\":5,\"total_bytes\":null}") !=
          std::string::npos);
}
