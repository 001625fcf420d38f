#include "app/upstream_addresses.hpp"

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include "http/names.hpp"

namespace pgbosun::app {
namespace {

constexpr Duration longest_lookup = std::chrono::seconds(3);  // of all names together; each has its share
constexpr std::size_t most_addresses = 4;                     // of one name

bool is_named(const postgres::Conninfo& one) {
    const auto host = one.find("host");
    return host != one.end() && !host->second.starts_with('/') && !one.contains("hostaddr");
}

}  // namespace

Task<Result<std::vector<postgres::Conninfo>>> with_addresses(boost::asio::io_context& loop,
                                                             std::vector<postgres::Conninfo> hosts) {
    const auto until = std::chrono::steady_clock::now() + longest_lookup;
    std::vector<postgres::Conninfo> found;
    std::optional<Fault> lack;
    for (std::size_t left = hosts.size(); left > 0; --left) {
        auto& one = hosts[hosts.size() - left];
        if (!is_named(one)) {
            found.push_back(std::move(one));
            continue;
        }
        std::string name = one.at("host");
        const auto share = (until - std::chrono::steady_clock::now()) / static_cast<int>(left);
        const auto addresses = co_await http::Names::of(loop).find(std::move(name), share);
        if (!addresses) {
            lack = addresses.error();
            continue;
        }
        for (std::size_t at = 0; at < std::min(addresses->size(), most_addresses); ++at) {
            found.push_back(one);
            found.back()["hostaddr"] = (*addresses)[at];
        }
    }
    if (found.empty() && lack) co_return std::unexpected(std::move(*lack));
    co_return found;
}

}  // namespace pgbosun::app
