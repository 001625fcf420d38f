#pragma once
// A PostgreSQL of its own in a temporary directory, reachable through its Unix socket only. It dies with the test.

#include <string>
#include <string_view>
#include <vector>

#include "support/read_file.hpp"

namespace pgbosun::test {

class RealPostgres {
public:
    struct Options {
        std::vector<std::string> initdb_arguments;
        std::string configuration;                 // appended to postgresql.conf
        const RealPostgres* standby_of = nullptr;  // cloned from it with pg_basebackup instead of initdb
    };

    // initdb, start, and wait until it accepts connections. Throws std::runtime_error with the log when it does not.
    RealPostgres() : RealPostgres(Options{}) {}
    explicit RealPostgres(const Options& options);
    ~RealPostgres();
    RealPostgres(const RealPostgres&) = delete;
    RealPostgres& operator=(const RealPostgres&) = delete;

    // PGBOSUN_TEST_PG_BINDIR, else the newest below /usr/lib/postgresql.
    static std::string bin_dir();
    static int major();

    [[nodiscard]] const std::string& directory() const { return directory_; }  // everything is below it
    [[nodiscard]] std::string data_directory() const { return directory_ + "/data"; }
    [[nodiscard]] const std::string& socket_directory() const { return directory_; }
    [[nodiscard]] int port() const { return 5432; }
    [[nodiscard]] int pid() const { return pid_; }

    void start();
    void stop();              // fast
    void signal(int number);  // to the postmaster

    // Runs one of PostgreSQL's programs as its user and returns what it printed; throws when it fails.
    static std::string run(const std::string& program, const std::vector<std::string>& arguments);

private:
    std::string directory_;
    int pid_ = 0;
};

// A new directory that PostgreSQL's user owns, mode 0700.
std::string make_postgres_directory();

}  // namespace pgbosun::test
