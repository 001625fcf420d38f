#include "postgres/slot_names.hpp"

#include <regex.h>

#include <algorithm>
#include <array>

namespace pgbosun::postgres {
namespace {

constexpr std::size_t longest_prefix = 20;
constexpr std::size_t longest_pattern = 200;

bool is_plain(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; }

class Pattern {
public:
    explicit Pattern(const std::string& text) : error_(regcomp(&compiled_, text.c_str(), REG_EXTENDED | REG_NOSUB)) {}
    ~Pattern() {
        if (error_ == 0) regfree(&compiled_);
    }
    Pattern(const Pattern&) = delete;
    Pattern& operator=(const Pattern&) = delete;

    [[nodiscard]] bool matches(const std::string& text) const {
        return error_ == 0 && regexec(&compiled_, text.c_str(), 0, nullptr, 0) == 0;
    }
    [[nodiscard]] std::string error() const {
        if (error_ == 0) return {};
        std::array<char, 100> text{};
        regerror(error_, &compiled_, text.data(), text.size());
        return text.data();
    }

private:
    regex_t compiled_{};
    int error_;
};

}  // namespace

Result<> check_slot_prefix(std::string_view prefix) {
    const bool good = !prefix.empty() && prefix.size() <= longest_prefix &&
                      std::ranges::all_of(prefix, [](char c) { return is_plain(c); });
    if (good) return {};
    return fail(FaultKind::refused, "\"" + std::string(prefix.substr(0, 100)) + "\" cannot begin a slot's name",
                "write 1 to " + std::to_string(longest_prefix) + " of a-z, 0-9 and _");
}

Result<> check_slot_pattern(const std::string& pattern) {
    const std::string what = "\"" + pattern.substr(0, longest_pattern) + "\" is no regular expression";
    if (pattern.empty() || pattern.size() > longest_pattern) {
        return fail(FaultKind::refused, what, "write 1 to " + std::to_string(longest_pattern) + " characters");
    }
    const auto error = Pattern(pattern).error();
    if (error.empty()) return {};
    return fail(FaultKind::refused, what + ": " + error, "write one as grep -E takes it, for example ^debezium_");
}

std::string member_slot(std::string_view prefix, std::string_view instance) {
    std::string name(prefix);
    for (const char c : instance) {
        const char lower = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
        name += is_plain(lower) ? lower : '_';
    }
    // Long names that differ at their end: Kubernetes puts the ordinal there.
    if (name.size() > longest_slot_name) name.erase(prefix.size(), name.size() - longest_slot_name);
    return name;
}

bool is_excluded(const std::string& slot, const std::vector<std::string>& patterns) {
    return std::ranges::any_of(patterns, [&](const auto& pattern) { return Pattern(pattern).matches(slot); });
}

}  // namespace pgbosun::postgres
