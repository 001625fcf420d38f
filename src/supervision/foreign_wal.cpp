#include "supervision/foreign_wal.hpp"

#include <string>
#include <utility>

namespace pgbosun::supervision {
namespace {

std::string memory_path(const Settings& settings) { return settings.state_directory() + "/foreign-wal"; }

}  // namespace

Task<Result<>> ForeignWal::recall() {
    if (replayed_) co_return Result<>();
    std::string path = memory_path(settings_);
    const auto there = co_await files_.inspect(std::move(path));
    if (!there && there.error().kind != FaultKind::not_found) co_return std::unexpected(there.error());
    replayed_ = there.has_value();
    co_return Result<>();
}

Task<Result<>> ForeignWal::begins() {
    auto known = co_await recall();
    if (!known || *replayed_) co_return known;
    std::string path = memory_path(settings_);
    auto written = co_await files_.write_durably(std::move(path), std::string());
    if (written) replayed_ = true;
    co_return written;
}

Task<Result<>> ForeignWal::ends() {
    auto known = co_await recall();
    if (!known || !*replayed_) co_return known;
    std::string path = memory_path(settings_);
    auto removed = co_await files_.remove_durably(std::move(path));
    if (removed) replayed_ = false;
    co_return removed;
}

}  // namespace pgbosun::supervision
