#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "wal/history.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace pgbosun;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto history = wal::parse_history(Timeline{1000}, text);
    if (!history) return 0;
    const auto again = wal::parse_history(Timeline{1000}, wal::render_history(*history));
    if (!again || *again != *history) std::abort();
    return 0;
}
