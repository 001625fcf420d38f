// The configuration's text: whatever it is, reading it ends, and what is usable is shown as text that reads
// the same.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "app/settings_reader.hpp"
#include "app/settings_text.hpp"

using namespace pgbosun::app;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    EnvironmentView environment;
    environment.hostname = "pg-1";
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto first = read_settings(text, "fuzz", environment);
    if (!first.usable()) return 0;
    const auto shown = settings_text(first.settings);
    const auto second = read_settings(shown, "fuzz", environment);
    if (!second.usable() || settings_text(second.settings) != shown) std::abort();
    return 0;
}
