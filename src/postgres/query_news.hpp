#pragma once
// Decision: what is said of metric queries that fail: once when one begins to, again when it fails for another reason, and
// once when it works again. What says no more than that the server did not answer is said when it comes twice in a row:
// a server that is being stopped fails the query that it is asked.

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "pgbosun/fault.hpp"

namespace pgbosun::postgres {

// In a query's place: what every collection begins with.
inline constexpr const char* whole_collection = "Collect.up";

struct QueryNews {
    std::string query;
    std::string database;
    std::optional<Fault> fault;  // none: it works again
};

class QueryTroubles {
public:
    using Place = std::pair<std::string, std::string>;  // query, database

    // None: nothing is new.
    std::optional<QueryNews> failed(const Place& place, const Fault& fault);
    std::optional<QueryNews> worked(const Place& place);
    // The server has gone: what did not answer last is not held against the next time.
    void server_gone();
    void keep_only(const std::function<bool(const Place&)>& wanted);

private:
    struct Trouble {
        std::string said;             // what; empty: nothing yet
        bool did_not_answer = false;  // the last time
    };
    std::map<Place, Trouble> troubles_;
};

}  // namespace pgbosun::postgres
