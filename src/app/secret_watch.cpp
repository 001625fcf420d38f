#include "app/secret_watch.hpp"

#include <utility>

namespace pgbosun::app {

Task<bool> SecretWatch::changed(std::vector<std::string> paths) {
    std::map<std::string, std::size_t> now;
    for (const auto& path : paths) {
        std::string name = path;
        const auto content = co_await files_.read(std::move(name), largest_file);
        // A disk that does not answer is not a change.
        if (!content && content.error().kind == FaultKind::unavailable) co_return false;
        now[path] = content ? std::hash<std::string>{}(*content) : 0;
    }
    const bool different = looked_ && now != hashes_;
    looked_ = true;
    hashes_ = std::move(now);
    co_return different;
}

}  // namespace pgbosun::app
