#include "wal/history.hpp"

#include <algorithm>
#include <charconv>

namespace pgbosun::wal {
namespace {

constexpr std::string_view blank = " \t\r\f\v";

std::string_view skip_blank(std::string_view text) {
    const auto begin = text.find_first_not_of(blank);
    return begin == std::string_view::npos ? std::string_view() : text.substr(begin);
}

std::string_view take_word(std::string_view& text) {
    text = skip_blank(text);
    const auto word = text.substr(0, text.find_first_of(blank));
    text.remove_prefix(word.size());
    return word;
}

std::unexpected<Fault> broken(std::size_t line, std::string_view why) {
    return fail(FaultKind::corrupt, "history file, line " + std::to_string(line) + ": " + std::string(why));
}

Result<Ancestor> parse_line(std::string_view text, std::size_t line) {
    const auto word = take_word(text);
    std::uint32_t timeline = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), timeline);
    if (error != std::errc{} || end != word.data() + word.size() || timeline == 0) {
        return broken(line, "a timeline number is expected first");
    }
    const auto fork = parse_lsn(take_word(text));
    if (!fork) return broken(line, "a WAL position is expected after the timeline");
    text = skip_blank(text);
    const auto last = text.find_last_not_of(blank);
    const auto reason = last == std::string_view::npos ? std::string_view() : text.substr(0, last + 1);
    return Ancestor{Timeline{timeline}, *fork, std::string(reason)};
}

}  // namespace

Result<TimelineHistory> parse_history(Timeline timeline, std::string_view text) {
    if (text.size() > longest_history) return fail(FaultKind::corrupt, "history file: longer than 1 MiB");
    TimelineHistory history{timeline, {}};
    for (std::size_t line = 1; !text.empty(); ++line) {
        const auto whole = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(text.size(), whole.size() + 1));
        const auto content = skip_blank(whole);
        if (content.empty() || content.front() == '#') continue;
        auto ancestor = parse_line(content, line);
        if (!ancestor) return std::unexpected(std::move(ancestor.error()));
        if (!history.ancestors.empty()) {
            const Ancestor& last = history.ancestors.back();
            if (ancestor->timeline <= last.timeline) return broken(line, "timelines must grow");
            if (ancestor->fork < last.fork) return broken(line, "fork points must not go back");
        }
        if (ancestor->timeline >= timeline) return broken(line, "an ancestor is not older than its child");
        history.ancestors.push_back(std::move(*ancestor));
    }
    return history;
}

std::string render_history(const TimelineHistory& history) {
    std::string text;
    for (const auto& [timeline, fork, reason] : history.ancestors) {
        text += std::to_string(number(timeline)) + "\t" + to_string(fork) + "\t";
        text += reason.substr(0, reason.find('\n'));
        text += '\n';
    }
    return text;
}

std::optional<Lsn> fork_point(const TimelineHistory& history, Timeline timeline) {
    const auto found = std::ranges::find(history.ancestors, timeline, &Ancestor::timeline);
    if (found == history.ancestors.end()) return std::nullopt;
    return found->fork;
}

TimelineHistory history_of(const TimelineHistory& later, Timeline timeline) {
    TimelineHistory history{timeline, {}};
    for (const auto& ancestor : later.ancestors) {
        if (ancestor.timeline < timeline) history.ancestors.push_back(ancestor);
    }
    return history;
}

bool is_ancestor(const TimelineHistory& history, Timeline timeline) {
    return fork_point(history, timeline).has_value();
}

Timeline timeline_at(const TimelineHistory& history, Lsn position) {
    for (const auto& ancestor : history.ancestors) {
        if (position < ancestor.fork) return ancestor.timeline;
    }
    return history.timeline;
}

}  // namespace pgbosun::wal
