#pragma once
// Expected failure as a value. A Fault is named by what the caller will do about it, not by where it
// came from; context is added on the way up, and it is logged once, where it is handled.

#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace pgbosun {

enum class FaultKind {
    not_found,    // it is definitely not there: go on without it
    unavailable,  // it could not be asked, or not in time: try again later
    refused,      // it will not be done as asked: the asker must change something
    conflict,     // something else is there already: never overwrite, tell a person
    corrupt,      // what is there is not what it should be: never use it, tell a person
    cancelled,    // we ourselves gave up: nobody needs to be told
};

std::string_view to_string(FaultKind kind);

struct Fault {
    FaultKind kind;
    std::string what;  // one line for a person; never holds a secret
    std::string hint;  // what to change; may be empty

    // "uploading x: " + what. Kind and hint stay.
    [[nodiscard]] Fault in(std::string_view context) &&;
    // what, and after it " (hint: ...)" when there is one.
    [[nodiscard]] std::string text() const;
};

template <class T = void>
using Result = std::expected<T, Fault>;

inline std::unexpected<Fault> fail(FaultKind kind, std::string what, std::string hint = {}) {
    return std::unexpected(Fault{kind, std::move(what), std::move(hint)});
}

}  // namespace pgbosun
