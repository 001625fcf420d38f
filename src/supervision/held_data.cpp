#include "supervision/held_data.hpp"

#include <utility>

namespace pgbosun::supervision {

Task<> HeldData::note() {
    if (noted_) co_return;
    const auto held = co_await recall();
    if (!held) co_return;
    if (!*held) {
        std::string path = file();
        const auto written = co_await files_.write_durably(std::move(path), std::string());
        if (!written) co_return;
    }
    noted_ = true;
}

Task<Result<bool>> HeldData::recall() {
    std::string path = file();
    const auto there = co_await files_.inspect(std::move(path));
    if (!there && there.error().kind != FaultKind::not_found) co_return std::unexpected(there.error());
    co_return there.has_value();
}

}  // namespace pgbosun::supervision
