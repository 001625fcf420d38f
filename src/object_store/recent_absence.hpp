#pragma once
// Which keys a store without conditional writes did not hold a moment ago: one listing instead of one
// question for each of many uploads to one directory. Pure but for its state; not thread-safe.

#include <chrono>
#include <map>
#include <set>
#include <string>

#include "pgbosun/object_store.hpp"

namespace pgbosun::object_store {

// How old a listing may be that stands for the question: so much longer is the moment in which two writers do
// not see each other.
inline constexpr std::chrono::milliseconds absence_lifetime{1000};

class RecentAbsence {
public:
    using Moment = std::chrono::steady_clock::time_point;
    enum class Known { absent, present, unknown };

    // Somebody wants to write `key`. absent: it may; until it has said release(), and until a listing that is
    // younger than that, the key is unknown to all others.
    Known claim(const std::string& key, Moment now);
    // The same for a key of which the store itself was asked.
    void begin(const std::string& key) { ++claims_[key].open; }
    void release(const std::string& key, Moment now);

    // Whether to ask for a listing: another key of this directory was claimed within the lifetime.
    [[nodiscard]] bool is_busy(const std::string& directory, Moment now) const;

    // All keys of `directory` ("a/b/") after `from`, as the store told when asked at `asked`. One that goes
    // on
    // (`next`) is worth nothing: stores differ in the order in which they list.
    void learn(const std::string& directory, const std::string& from, const Listing& listing, Moment asked);

private:
    struct Claim {
        int open = 0;
        Moment ended;
    };

    std::string directory_;
    std::string from_;
    std::set<std::string> keys_;
    Moment asked_;
    std::map<std::string, Claim> claims_;
    std::string last_directory_;
    Moment last_claim_;
};

// "a/b/" of "a/b/c".
std::string directory_of(const std::string& key);

}  // namespace pgbosun::object_store
