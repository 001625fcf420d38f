#include "app/substitution.hpp"

#include <algorithm>

namespace pgbosun::app {
namespace {

bool is_variable_name(std::string_view name) {
    const auto letter = [](char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_'; };
    const auto digit = [](char c) { return c >= '0' && c <= '9'; };
    return !name.empty() && letter(name.front()) &&
           std::ranges::all_of(name, [&](char c) { return letter(c) || digit(c); });
}

std::optional<std::string> value_of(std::string_view name, const EnvironmentView& environment) {
    auto value = environment.variable(name);
    if ((!value || value->empty()) && name == "HOSTNAME" && !environment.hostname.empty()) return environment.hostname;
    return value;
}

Result<std::string> expand(std::string_view inside, const EnvironmentView& environment) {
    const auto separator = inside.find(":-");
    const auto name = inside.substr(0, separator);
    if (!is_variable_name(name)) {
        return fail(FaultKind::refused, "\"${" + std::string(inside) + "}\" names no variable",
                    "write ${NAME} or ${NAME:-default}; for a literal ${ write $${");
    }
    const auto value = value_of(name, environment);
    if (separator != std::string_view::npos) {
        return value && !value->empty() ? *value : std::string(inside.substr(separator + 2));
    }
    if (!value) {
        return fail(FaultKind::refused, "the environment variable " + std::string(name) + " is not set",
                    "set it, or give a default: ${" + std::string(name) + ":-value}");
    }
    return *value;
}

}  // namespace

Result<std::string> substitute(std::string_view text, const EnvironmentView& environment) {
    std::string result;
    while (!text.empty()) {
        const auto dollar = text.find('$');
        result += text.substr(0, dollar);
        if (dollar == std::string_view::npos) break;
        text.remove_prefix(dollar);
        if (text.starts_with("$${")) {
            result += "${";
            text.remove_prefix(3);
        } else if (text.starts_with("${")) {
            const auto end = text.find('}');
            if (end == std::string_view::npos) {
                return fail(FaultKind::refused, "\"${\" has no closing \"}\"", "for a literal ${ write $${");
            }
            auto expanded = expand(text.substr(2, end - 2), environment);
            if (!expanded) return expanded;
            result += *expanded;
            text.remove_prefix(end + 1);
        } else {
            result += '$';
            text.remove_prefix(1);
        }
        if (result.size() > longest_scalar) break;
    }
    if (result.size() > longest_scalar) return fail(FaultKind::refused, "the value is longer than 64 KiB");
    if (result.find('\0') != std::string::npos) return fail(FaultKind::refused, "the value holds a NUL byte");
    return result;
}

std::string without_substitution(std::string_view text) {
    std::string result;
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (text.substr(at).starts_with("${")) result += '$';
        result += text[at];
    }
    return result;
}

}  // namespace pgbosun::app
