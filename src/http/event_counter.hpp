#pragma once
// Fact: whether a piece of an instance's event stream ends an event that somebody waits for. A comment is none, and the progress
// of a job changes nothing that a controller goes by.

#include <string>
#include <string_view>

namespace pgbosun::http {

class EventCounter {
public:
    // Pieces come as they were received, cut anywhere.
    bool take(std::string_view piece);

private:
    std::string line_;  // its beginning, as far as it matters
    bool in_event_ = false, of_progress_ = false;
};

}  // namespace pgbosun::http
