#pragma once
// One session with a PostgreSQL server, opened when it is first needed and again after it was lost.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "pgbosun/fault.hpp"
#include "pgbosun/task.hpp"
#include "pgbosun/time.hpp"

namespace pgbosun {

using Field = std::optional<std::string>;  // SQL NULL is nullopt

using TypeOid = std::uint32_t;  // of pg_type; 0: not known

struct Rows {
    std::vector<std::string> columns;
    std::vector<std::vector<Field>> rows;
    std::vector<TypeOid> types;  // of the columns; empty: not known
};

class PgSession {
public:
    virtual ~PgSession() = default;

    // One statement, text format. unavailable: no connection, or no answer within `timeout` (the connection is
    // then dropped, and the statement may or may not have happened); refused: the server answered with an error,
    // `what` begins with its SQLSTATE. At most one query at a time: a second one waits for the first.
    virtual Task<Result<Rows>> query(std::string sql, std::vector<Field> parameters, Duration timeout) = 0;

    // Drops the connection; the next query opens a new one.
    virtual void close() = 0;

    // One statement or several, without parameters, in one transaction where they do not end it themselves; what they answer
    // is dropped. Faults as above; refused also when a transaction is open at its end, and none is then.
    virtual Task<Result<>> script(std::string sql, Duration timeout) = 0;
};

}  // namespace pgbosun
