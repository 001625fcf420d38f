#pragma once
// The whole state of the instance as it is shown: /v1/status, the probes, the role checks and the metrics all read
// this one value. It is rebuilt from facts in memory; nothing here asks PostgreSQL or a disk.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pgbosun/archive_link.hpp"
#include "pgbosun/assignment.hpp"
#include "pgbosun/lsn.hpp"
#include "pgbosun/time.hpp"

namespace pgbosun {

enum class Phase {
    starting,
    bootstrapping,
    running,
    stopping,
    stopped,
    fenced,
    isolated,
    demoting,
    promoting,
    rejoining,
    restarting,
    failed,
};
enum class Role { primary, standby, none };

std::string_view to_string(Phase phase);
std::string_view to_string(Role role);

struct FenceStatus {
    std::string reason;
    std::string since;  // ISO 8601
    bool operator==(const FenceStatus&) const = default;
};

struct PostgresStatus {
    int pid = 0;      // 0: not running
    int version = 0;  // server_version_num; 0: not known
    std::optional<Instant> started_at;
    std::uint32_t restarts = 0;  // crash restarts since pgbosun started
    std::optional<bool> checksums;
    // Set while the server does not answer queries although it runs: since when, and why.
    std::optional<Instant> silent_since;
    std::string silent_reason;
    std::optional<int> free_connections;     // for users that are nobody special
    std::optional<Instant> exhausted_since;  // there has been none
    std::uint64_t run = 0;                   // another number after each start and each crash recovery; 0: not known
};

struct StandbyStatus {
    std::string name;   // application_name
    std::string state;  // as in pg_stat_replication: startup, catchup, streaming, ...
    std::string sync;   // sync_state: async, potential, sync, quorum
    std::string client_address;
    std::optional<std::uint64_t> replay_lag_bytes;
    std::optional<Lsn> flushed;  // all before it is on its disk
};

struct SlotStatus {
    std::string name;
    std::string type;  // physical, logical
    bool active = false;
    std::optional<std::uint64_t> kept_bytes;  // of WAL, for it alone or for others too; none: it keeps nothing
    std::string wal_status;  // as in pg_replication_slots: reserved, extended, unreserved, lost; or empty
};

struct LsnStatus {
    std::optional<Lsn> current;              // primary
    std::optional<Lsn> received;             // standby
    std::optional<Lsn> replayed;             // standby
    std::optional<std::uint64_t> lag_bytes;  // standby: behind the newest position that it knows of
    bool streaming = false;                  // standby: a WAL receiver streams
    std::optional<std::string> sender;       // from there, "10.0.0.7:5432"; none: it streams from nobody
    // Standby: it streams from nobody, and replays its cluster's archive or that of the cluster which its own one follows.
    bool from_archive = false;
    bool replay_paused = false;
    bool replay_stands_still = false;  // standby: for long, with WAL to replay
    std::optional<Lsn> flushed;        // primary: all before it is on disk
};

struct VolumeStatus {
    std::string name;  // "data" or "wal"
    std::string path;
    std::uint64_t total_bytes = 0;
    std::uint64_t available_bytes = 0;
    std::optional<Instant> hangs_since;  // the last write-and-fsync has not returned in time
    std::optional<std::string> error;    // it returned, with this error
    std::optional<Instant> full_since;   // no room is left on it, and that is not a matter of a moment
    double last_write_s = 0;             // how long the last one took
};

// Long work under way: initdb, pg_basebackup.
struct ProgressStatus {
    std::string what;
    std::uint64_t done_bytes = 0;
    std::uint64_t total_bytes = 0;  // 0: not known
    std::optional<Instant> since;
};

// A backup or a drill under way.
struct RunningJob {
    std::string id;    // of the backup; empty until the job has said it
    std::string step;  // "copying", "waiting for WAL 00..."
    std::uint64_t done_bytes = 0;
    std::uint64_t total_bytes = 0;  // 0: not known
    Instant since{};
    std::string began_at;     // the same, ISO 8601
    bool cancelling = false;  // it was told to end
};

// What is known of the archive's backups, from the last look at its catalog and from the jobs of this instance. Times
// are UTC, ISO 8601.
struct BackupsStatus {
    std::optional<std::string> last_id, last_at;  // the newest one that is done
    std::optional<std::string> last_failed_at, last_error;
    std::optional<std::string> first_recoverable_at;
    std::optional<std::string> recoverable_to;  // the last segment that recovery reaches without a hole
    std::vector<std::string> holes;             // of the archive's WAL: "00...5", "00...7 to 00...9"
    std::uint64_t hole_count = 0;
    std::optional<std::uint64_t> count;  // all that the catalog has; none: not looked at yet
    std::optional<std::string> next_at;  // by schedule
    std::optional<RunningJob> running;
    std::optional<double> last_seconds;  // of the last one that this instance took
    std::optional<std::uint64_t> last_bytes, last_stored_bytes;
    std::uint64_t taken = 0, failed = 0;       // by this instance since pgbosun started
    std::optional<Instant> looked_at;          // when the catalog was last read
    std::optional<std::string> catalog_error;  // why it could not be read, the last time
};

// The last rehearsal of a recovery.
struct DrillStatus {
    std::optional<std::string> last_at;
    std::optional<bool> last_ok;
    std::optional<std::string> last_id;  // the backup that was restored
    std::optional<std::string> last_error;
    std::optional<double> recovery_s;  // of the last one that succeeded
    std::optional<std::string> last_ok_at;
    std::optional<std::string> next_at;
    std::optional<RunningJob> running;
};

struct LogStatus {
    std::uint64_t waiting_bytes = 0;
    std::optional<Instant> blocked_since;  // stdout is not being read
    std::uint64_t lost_lines = 0;          // since pgbosun's start: see docs/decisions/0009
};

// Another member that this one asks, and gets nothing from that it can use.
struct SilentMember {
    std::string name;
    std::string why;  // of the last question
    Instant since{};
    bool operator==(const SilentMember&) const = default;
};

// With `mode: managed`: what a controller has to know beside all else.
struct ManagedStatus {
    Term accepted = 0;    // the last term as whose primary it accepted; equal to `term`: it is the primary
    Term first_term = 0;  // AgentRecord::first_term
    std::string primary;  // of `term`, as it was told; empty: nobody has said
    // The conninfo that it was told to stream from; empty: none is known to it. No value: it does not say.
    std::optional<std::string> upstream;
    bool leads_standbys = false;          // of a cluster that follows another one: the member that streams from there
    std::optional<Duration> apply_delay;  // it replays so much later than it receives, as configured
    bool serving = false;                 // postgres takes writes, and may
    bool holds_clients = false;  // started anew, it lets nobody in before its synchronous standbys have all it has
    bool stopped = true;         // there is no postgres that takes writes, or could without a new right
    bool able = false;           // it could be promoted: there is data, and a postgres that runs or can
    bool ending = false;         // pgbosun has been asked to end: it serves no more in this life
    Reach reach;                 // all that it holds, as far as it knows
    // How old that knowledge is; nobody may rely on it for what came after. none: it may hold more, which it has not read
    // since it was started, or nothing of what it held.
    std::optional<Duration> reach_age = Duration{};
    std::uint64_t promotable_version = 0;              // as primary: the list it has taken over
    std::optional<std::uint64_t> synchronous_version;  // as primary: the rule that it has taken over; none: not yet
    Term promised_term = 0;
    Duration promised_for{};  // how long it is still bound by a promise for that term
    Duration bound_for{};     // how long it accepts no promotion: promises, and those of a life before
    std::vector<SilentMember> silent;
    bool operator==(const ManagedStatus&) const = default;
};

struct InstanceStatus {
    std::string instance;
    std::string cluster;
    std::string version;
    std::string boot_id;
    Instant now{};
    Phase phase = Phase::starting;
    Role role = Role::none;
    // Why the phase is what it is, for a person; empty when all is well.
    std::string reason;
    std::string hint;
    std::uint64_t term = 0;
    std::optional<Timeline> timeline;
    std::optional<SystemId> system_id;
    std::optional<FenceStatus> fenced;
    bool started = false;  // /startupz: PostgreSQL has come up once, by the configured strategy
    bool live = true;      // /livez
    std::string live_reason;
    bool ready = false;        // /readyz
    std::string ready_reason;  // why not
    bool pending_restart = false;
    std::vector<std::string> pending_restart_parameters;
    std::optional<Instant> valid_until;    // right to write; none: has none, or needs none
    std::optional<ManagedStatus> managed;  // none: it is its own authority
    PostgresStatus postgres;
    LsnStatus lsn;
    std::vector<StandbyStatus> standbys;
    std::vector<SlotStatus> slots;  // those that keep the most WAL first
    bool synchronous = false;       // standby: the upstream counts it as synchronous (not known yet: false)
    std::optional<ArchiveReport> archive;
    std::optional<std::string> archive_refused;  // why WAL is not archived now, when that is on purpose
    BackupsStatus backup;
    DrillStatus drill;
    std::vector<VolumeStatus> volumes;
    std::optional<ProgressStatus> progress;
    LogStatus log;
    std::optional<Instant> facts_at;  // when the figures from SQL were taken
};

}  // namespace pgbosun
