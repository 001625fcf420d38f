#include "app/file_watch.hpp"

#include <utility>

#include "app/posix_outside.hpp"

namespace pgbosun::app {
namespace {

constexpr std::size_t largest_file = 1024 * 1024;

}  // namespace

std::size_t content_hash(const std::vector<std::string>& paths) {
    std::string content;
    for (const auto& path : paths) content += PosixOutside().read(path, largest_file).value_or("");
    return std::hash<std::string>{}(content);
}

FileWatch::FileWatch(boost::asio::io_context& loop, std::vector<std::string> paths, std::size_t before, Calls calls)
    : paths_(std::move(paths)), calls_(std::move(calls)), told_(before), seen_(before), timer_(loop) {
    look_later();
}

void FileWatch::look_later() {
    timer_.expires_after(pace);
    timer_.async_wait([this](const boost::system::error_code& error) {
        if (!error) look();
    });
}

void FileWatch::look() {
    const std::size_t now = content_hash(paths_);
    const bool seen_before = now == std::exchange(seen_, now);
    const bool due = seen_before || !calls_.is_patient || !calls_.is_patient();
    if (now != told_ && due) {
        told_ = now;
        calls_.changed();
    }
    look_later();
}

}  // namespace pgbosun::app
