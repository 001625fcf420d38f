#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "backup/backup_label.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto label = pgbosun::backup::parse_backup_label({reinterpret_cast<const char*>(data), size});
    if (label && label->start_timeline != label->start_file.timeline) std::abort();
    if (label && label->incremental_from.has_value() != label->incremental_timeline.has_value()) std::abort();
    return 0;
}
