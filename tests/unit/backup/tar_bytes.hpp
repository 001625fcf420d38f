#pragma once
// Tars, right and wrong, as bytes.

#include <array>
#include <cstdio>
#include <string>
#include <string_view>

namespace pgbosun::test {

inline std::string tar_header(std::string_view name, char type, std::uint64_t size, std::string_view target = {},
                              std::string_view magic = std::string_view("ustar\0"
                                                                        "00",
                                                                        8)) {
    std::string block(512, '\0');
    const auto put = [&](std::size_t at, std::string_view text) { block.replace(at, text.size(), text); };
    put(0, name.substr(0, 100));
    put(100, "0000644");
    put(108, "0000000");
    put(116, "0000000");
    std::array<char, 32> number{};
    std::snprintf(number.data(), number.size(), "%011llo", static_cast<unsigned long long>(size));
    put(124, number.data());
    put(136, "00000000000");
    block[156] = type;
    put(157, target.substr(0, 100));
    put(257, magic);
    put(148, "        ");
    unsigned sum = 0;
    for (const char c : block) sum += static_cast<unsigned char>(c);
    std::snprintf(number.data(), number.size(), "%06o", sum);
    put(148, std::string_view(number.data(), 7));
    return block;
}

inline std::string padded(std::string_view content) {
    std::string text(content);
    text.resize((text.size() + 511) / 512 * 512, '\0');
    return text;
}

inline std::string tar_file(std::string_view name, std::string_view content) {
    return tar_header(name, '0', content.size()) + padded(content);
}
inline std::string tar_directory(std::string_view name) { return tar_header(name, '5', 0); }
inline std::string tar_link(std::string_view name, std::string_view target) { return tar_header(name, '2', 0, target); }

// "<length> <key>=<value>\n"
inline std::string pax_record(std::string_view key, std::string_view value) {
    const std::string rest = " " + std::string(key) + "=" + std::string(value) + "\n";
    std::size_t length = rest.size() + 1;
    while (std::to_string(length).size() + rest.size() != length) ++length;
    return std::to_string(length) + rest;
}
inline std::string pax(std::string_view records) {
    return tar_header("PaxHeaders", 'x', records.size()) + padded(records);
}

inline std::string tar_end() { return std::string(1024, '\0'); }

}  // namespace pgbosun::test
