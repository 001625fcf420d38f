#pragma once
// Decision: whether the addresses that are known of a host will do, or a name server is asked and waited for. One that is
// silent costs who was found before a moment, and anybody else no more than the asker's time.

#include <chrono>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace pgbosun::http {

// Said of a silent one the same way, whoever notices first.
inline constexpr std::string_view unanswered = "no name server has given an answer";

// What came of one lookup.
struct Looked {
    // silent: no name server has said whether there is such a host.
    enum class Answer { found, absent, silent };
    Answer answer = Answer::silent;
    std::vector<std::string> addresses;  // found: at least one, as numbers
    std::string why;                     // else: in the C library's words
};

class NameMemory {
public:
    using Time = std::chrono::steady_clock::time_point;
    static constexpr std::size_t most_names = 64;
    // An answer is good for so long without another look.
    static constexpr std::chrono::milliseconds fresh{1000};
    // So long a lookup may take before what was found earlier is used instead.
    static constexpr std::chrono::milliseconds patience{200};

    struct Asker {
        std::string host;
        Time since, until;
    };
    struct Take {
        std::vector<std::string> addresses;
    };
    enum class Lookup { to_begin, under_way };
    struct Wait {
        Time until;  // or for the answer
        Lookup lookup;
    };
    struct Lack {
        std::string why;
    };
    using Step = std::variant<Take, Wait, Lack>;

    [[nodiscard]] Step next(const Asker& asker, Time now) const;
    // A lookup begins, as next() wanted it; what was not asked for longest is forgotten for it.
    void begin(const std::string& host, Time now);
    // The end of that lookup.
    void note(const std::string& host, Looked looked, Time now);

    [[nodiscard]] std::size_t size() const { return names_.size(); }

private:
    struct Name {
        std::vector<std::string> addresses;  // of the last good answer; empty: there was none, or no such host since
        Time found_at{};
        bool under_way = false;
        Time asked_at{};  // when the lookup began that is under way, or was the last one
        std::optional<Time> answered_at;
        std::string why;  // of the last answer, unless it was good
    };
    [[nodiscard]] bool has_room() const;

    std::map<std::string, Name> names_;
};

}  // namespace pgbosun::http
