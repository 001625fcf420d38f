#include "http/running_job_wire.hpp"

#include <nlohmann/json.hpp>

namespace pgbosun::http {

nlohmann::ordered_json running_json(const RunningJob& running, Instant now) {
    using Json = nlohmann::ordered_json;
    const auto for_ms = std::chrono::duration_cast<std::chrono::milliseconds>(now - running.since).count();
    return {{"id", running.id.empty() ? Json() : Json(running.id)},
            {"step", running.step},
            {"bytes", running.done_bytes},
            {"total", running.total_bytes == 0 ? Json() : Json(running.total_bytes)},
            {"since", running.began_at},
            {"for_s", static_cast<double>(for_ms) / 1000.0},
            {"cancelling", running.cancelling}};
}

}  // namespace pgbosun::http
