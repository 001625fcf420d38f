#include "http/progress_events.hpp"

#include "http/wire.hpp"

namespace pgbosun::http {
namespace {

bool is_under_way(const InstanceStatus& status) {
    return status.backup.running || status.drill.running || status.progress;
}

}  // namespace

std::string ProgressEvents::due(const InstanceStatus& status, Time now) {
    if (!is_under_way(status)) {
        said_.clear();
        return {};
    }
    std::string text = render_progress(status);
    if (text == said_ || (said_at_ != Time{} && now - said_at_ < pace_)) return {};
    said_ = std::move(text);
    said_at_ = now;
    return "event: progress\ndata: " + said_ + "\n\n";
}

Duration ProgressEvents::patience(const InstanceStatus& status) const {
    return is_under_way(status) ? pace_ : Duration::max();
}

}  // namespace pgbosun::http
