#include <cstddef>
#include <cstdint>
#include <string_view>

#include "postgres/end_of_server.hpp"
#include "postgres/log_record.hpp"
#include <nlohmann/json.hpp>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    // Whatever PostgreSQL writes, our own line is one line of JSON.
    const std::string line = pgbosun::postgres::log_line(text, pgbosun::LogFormat::json, {});
    if (line.find(char{10}) != std::string::npos || !nlohmann::json::accept(line)) __builtin_trap();
    static_cast<void>(pgbosun::postgres::log_line(text, pgbosun::LogFormat::text, {}));
    // And what is quoted of it as a reason is short and one line.
    const auto why = pgbosun::postgres::end_of_server(text);
    const std::size_t most = pgbosun::postgres::longest_fatal_message;
    if (why && (why->find(char{10}) != std::string::npos || why->size() > most)) __builtin_trap();
    return 0;
}
