#include "http/event_counter.hpp"

#include <vector>

#include "support/catch.hpp"

using namespace pgbosun::http;

TEST_CASE("an event that somebody waits for ends with an empty line; a comment is none, nor is progress") {
    struct Row {
        const char* what;
        std::vector<const char*> pieces;
        int events;
    };
    const Row rows[] = {
        {"an event", {"id: 1\nevent: phase\ndata: {}\n\n"}, 1},
        {"without a name", {"data: {}\n\n"}, 1},
        {"that has not ended", {"id: 1\nevent: phase\ndata: {}\n"}, 0},
        {"that ends in another piece", {"event: phase\nda", "ta: {}\n", "\n"}, 1},
        {"cut at each letter of what matters", {"event: progr", "ess\nda", "ta: {}\n\n", "d", "ata: {}\n\n"}, 1},
        {"two, each in its piece", {"data: 1\n\n", "data: 2\n\n"}, 2},
        {"two in one piece are one reason to look", {"data: 1\n\ndata: 2\n\n"}, 1},
        {"a comment", {": still here\n\n"}, 0},
        {"what the stream begins with", {"retry: 1000\n\n"}, 0},
        {"empty lines", {"\n\n\n"}, 0},
        {"progress of a job", {"event: progress\ndata: {}\n\n"}, 0},
        {"an event after progress", {"event: progress\ndata: {}\n\n", "event: phase\ndata: {}\n\n"}, 1},
        {"what only begins like it", {"event: progressive\ndata: {}\n\n"}, 1},
        {"a field without data", {"event: phase\nid: 7\n\n"}, 0},
        {"data longer than what is kept of a line", {"data: {\"phase\": \"running\", \"event: progress\": 1}\n\n"}, 1},
    };
    for (const Row& row : rows) {
        INFO(row.what);
        EventCounter counter;
        int events = 0;
        for (const char* piece : row.pieces) events += counter.take(piece) ? 1 : 0;
        CHECK(events == row.events);
    }
}
