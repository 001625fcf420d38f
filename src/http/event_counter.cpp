#include "http/event_counter.hpp"

#include <utility>

namespace pgbosun::http {
namespace {

constexpr std::string_view progress = "event: progress";

}  // namespace

bool EventCounter::take(std::string_view piece) {
    bool ended = false;
    for (const char c : piece) {
        if (c != '\n') {
            if (line_.size() <= progress.size()) line_ += c;
            continue;
        }
        // An empty line ends an event.
        if (line_.empty()) {
            ended |= std::exchange(in_event_, false);
            of_progress_ = false;
        }
        if (line_ == progress) of_progress_ = true;
        if (line_.starts_with("data:")) in_event_ = !of_progress_;
        line_.clear();
    }
    return ended;
}

}  // namespace pgbosun::http
