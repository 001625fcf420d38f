#include <cstddef>
#include <cstdint>
#include <string_view>

#include "postgres/metric_queries.hpp"
#include "postgres/metric_values.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    // What a database answers is from outside as well.
    static_cast<void>(pgbosun::postgres::number_of(text, 1184));
    static_cast<void>(pgbosun::postgres::milliseconds_of(text));
    static_cast<void>(pgbosun::postgres::numbers_of(text));
    const auto queries = pgbosun::postgres::parse_metric_queries(text, "fuzz.yaml");
    if (!queries) return 0;
    for (const auto& query : *queries) static_cast<void>(pgbosun::postgres::to_families(query, {}, 170000));
    return 0;
}
