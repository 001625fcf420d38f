#include "app/journal_text.hpp"

namespace pgbosun::app {
namespace {

// One entry is one line, and drives no terminal.
std::string one_line(std::string_view text) {
    std::string result(text);
    for (char& c : result) {
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
    }
    return result;
}

}  // namespace

std::string journal_text(const JournalEntry& entry) {
    auto kind = one_line(entry.kind);
    if (kind.size() < 8) kind.resize(8, ' ');
    auto text = to_iso8601(entry.at) + "  #" + std::to_string(entry.id) + "  " + kind + "  " + one_line(entry.what);
    if (entry.facts.empty()) return text;
    std::string facts;
    for (const auto& [name, value] : entry.facts) {
        facts += (facts.empty() ? "" : " ") + one_line(name) + "=" + one_line(value);
    }
    return text + "  (" + facts + ")";
}

}  // namespace pgbosun::app
