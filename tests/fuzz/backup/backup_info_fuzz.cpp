#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "backup/backup_info.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace pgbosun::backup;
    const auto info = parse_backup_info({reinterpret_cast<const char*>(data), size});
    if (!info) return 0;
    // What is read is written so that it reads the same, but for what backup.info has no place for.
    const auto once = parse_backup_info(render(*info));
    if (!once || once->status != info->status) std::abort();
    const auto twice = parse_backup_info(render(*once));
    if (!twice || *twice != *once) std::abort();
    return 0;
}
