#include <algorithm>
#include <charconv>

#include "backup/retention.hpp"

namespace pgbosun::backup {
namespace {

constexpr int most_periods = 9999;

std::vector<std::string_view> words_of(std::string_view text) {
    std::vector<std::string_view> words;
    while (!text.empty()) {
        const auto end = std::min(text.find(' '), text.size());
        if (end > 0) words.push_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return words;
}

std::optional<int> count_of(std::string_view text) {
    int value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool whole = error == std::errc{} && end == text.data() + text.size();
    if (!whole || value < 1 || value > most_periods) return std::nullopt;
    return value;
}

std::optional<std::chrono::days> unit_of(std::string_view word) {
    if (word.ends_with('S')) word.remove_suffix(1);
    if (word == "DAY") return std::chrono::days(1);
    if (word == "WEEK") return std::chrono::days(7);
    if (word == "MONTH") return std::chrono::days(31);
    return std::nullopt;
}

}  // namespace

Result<RetentionPolicy> parse_retention(std::string_view text) {
    const auto words = words_of(text);
    if (words.size() == 2 && words[0] == "REDUNDANCY") {
        if (const auto count = count_of(words[1])) return Redundancy{*count};
    }
    if (words.size() == 5 && words[0] == "RECOVERY" && words[1] == "WINDOW" && words[2] == "OF") {
        const auto count = count_of(words[3]);
        const auto unit = unit_of(words[4]);
        if (count && unit) return RecoveryWindow{*count * *unit};
    }
    return fail(FaultKind::refused, "\"" + std::string(text) + "\" is not a retention policy",
                "write RECOVERY WINDOW OF 30 DAYS (or WEEKS, MONTHS), or REDUNDANCY 3");
}

std::string_view explanation(Reason reason) {
    switch (reason) {
        case Reason::wanted: return "stays: the policy wants it";
        case Reason::before_window: return "stays: recovery to the begin of the window starts from it";
        case Reason::way_to_newest:
            return "stays: newer ones do not lead to the newest timeline, which forked before their end";
        case Reason::needed: return "stays: an incremental backup builds on it";
        case Reason::kept: return "stays: marked with keep";
        case Reason::no_policy: return "stays: there is no retention policy";
        case Reason::under_way: return "stays: not finished, and may be under way";
        case Reason::last_failure: return "stays: the last run, which failed";
        case Reason::damaged: return "stays: its backup.info cannot be read; look at it, then delete it";
        case Reason::elsewhere: return "stays: its volume snapshots are not ours to remove";
        case Reason::changed: return "stays: it has changed meanwhile; the next expire judges it";
        case Reason::obsolete: return "goes: no longer wanted by the policy";
        case Reason::orphaned: return "goes: the backup that it builds on is not there";
        case Reason::failed: return "goes: failed";
        case Reason::unfinished: return "goes: never finished";
    }
    std::unreachable();
}

}  // namespace pgbosun::backup
