#pragma once
// What is wrong, or looks wrong, with a configuration: one place, one sentence, one thing to change.

#include <string>

namespace pgbosun::app {

enum class Severity { error, warning };

struct Finding {
    Severity severity = Severity::error;
    std::string file;
    int line = 0;     // from 1; 0: not a place in the file
    std::string key;  // "http.listen"; empty when it is about the file
    std::string what;
    std::string hint;  // may be empty
    bool operator==(const Finding&) const = default;
};

// "pgbosun.yaml:7: error: http.listen: what is wrong (hint: what to change)"
std::string to_text(const Finding& finding);

}  // namespace pgbosun::app
