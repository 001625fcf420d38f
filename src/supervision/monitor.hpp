#pragma once
// Gathers facts about the running server, once per interval, over one session, and tells when it accepts queries and
// as what. A server that hangs makes the facts old; it never makes anybody wait.

#include <functional>
#include <optional>
#include <string>

#include "instance/events.hpp"
#include "postgres/server_facts.hpp"
#include "postgres/wal_directory.hpp"
#include "supervision/broadcast.hpp"
#include "supervision/surroundings.hpp"

namespace pgbosun::supervision {

struct MonitoredFacts {
    std::optional<postgres::ServerFacts> server;  // of the postmaster that lives now
    std::optional<Instant> server_at;
    std::optional<Instant> server_asked_at;  // what it says was so then, or later
    // Set while it does not answer, since the first question that stayed without an answer.
    std::optional<Instant> silent_since;
    std::string silent_reason;
    std::optional<Instant> exhausted_since;  // no connection is free
    bool came_up_once = false;               // since pgbosun started
    std::optional<postgres::WalDirectoryFacts> wal;
    std::optional<postgres::ArchiveStatusFacts> archive_status;
    postgres::WalLimits wal_limits;
    std::optional<VolumeFacts> wal_volume;
};

// How often a server that runs is looked at: with archive.stream, twice in its time at least.
Duration looking_pace(const Settings& settings);

class Monitor {
public:
    struct Calls {
        std::function<const instance::InstanceState&()> state;
        std::function<void(const instance::Event&)> answer;
        std::function<void()> changed;
        std::function<bool()> unsettled;  // somebody waits for what it finds
        std::function<std::optional<ProcessId>()> postmaster;
    };
    Monitor(Surroundings& outside, const Settings& settings, Calls calls);

    // Runs until the loop ends.
    Task<> watch_server();
    Task<> watch_wal_directory();
    // The state has changed: look now.
    void look();
    void forget_server();

    [[nodiscard]] const MonitoredFacts& facts() const { return facts_; }

private:
    Task<> ask_server();
    Task<bool> says_ready();
    Task<> read_wal_limits();
    Task<> mark_left_segments(std::vector<std::string> wal, std::vector<std::string> marks);
    [[nodiscard]] Duration pace() const;
    void silent(Instant since, std::string why);
    [[nodiscard]] std::optional<Instant> stopped_since(Instant now);
    void note_connections(int free, Instant asked_at);

    Surroundings& outside_;
    const Settings& settings_;
    Calls calls_;
    Broadcast look_;
    MonitoredFacts facts_;
    std::vector<std::string> unmarked_;  // at the last look at pg_wal
    Instant postmaster_seen_at_{};
    std::optional<Instant> stopped_since_;  // of the postmaster
    std::uint64_t server_number_ = 0;       // grows with each postmaster: answers of an earlier one are dropped
};

}  // namespace pgbosun::supervision
