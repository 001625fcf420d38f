#include "pgbosun/encryption_key_text.hpp"

#include <algorithm>

namespace pgbosun {
namespace {

constexpr std::size_t bytes = 32, hexadecimal_digits = 64, base64_letters = 43;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_hexadecimal(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
bool is_base64(char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '+' || c == '/';
}

}  // namespace

bool is_encryption_key(std::string_view text) {
    if (text.size() == bytes) return true;
    while (text.ends_with('\n') || text.ends_with('\r') || text.ends_with(' ')) text.remove_suffix(1);
    if (text.size() == hexadecimal_digits) return std::ranges::all_of(text, is_hexadecimal);
    return text.size() == base64_letters + 1 && text.ends_with('=') &&
           std::ranges::all_of(text.substr(0, base64_letters), is_base64);
}

}  // namespace pgbosun
