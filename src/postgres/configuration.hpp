#pragma once
// Decision: the texts of pgbosun.conf, pg_hba.conf and pg_ident.conf. All three are generated as a whole, written
// durably into the data directory, and never edited.
//
// The log. The logging collector writes jsonlog into <run_dir>/log/postgres.json, and what cannot be put there into
// <run_dir>/log/postgres.log; the name is fixed because log_filename has no % in it and rotation is off. Both must be
// FIFOs that pgbosun holds open for reading and writing before PostgreSQL starts: the postmaster opens them at its
// start and would wait in open(2) for a reader. A full pipe makes the collector wait and so, in time, every backend
// that logs: nothing is lost, and a slow reader shows in the status. What postmaster and collector say before the
// pipe is open comes through standard error.
//
// The socket. With a passwd entry for our uid `peer` with the map `pgbosun` admits exactly that operating system user
// as superuser. Without one (OpenShift gives random uids) peer cannot work, for the server must find a name for the
// uid; then `trust` is used together with unix_socket_permissions 0700, which lets only the same uid connect.

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pgbosun/settings.hpp"
#include "postgres/control_data.hpp"

namespace pgbosun::postgres {

inline constexpr std::string_view superuser = "postgres";
// Login role of the metrics queries: a member of pg_monitor and nothing else.
inline constexpr std::string_view metrics_role = "pgbosun_metrics";

inline constexpr std::string_view configuration_file = "pgbosun.conf";  // below the data directory
std::string log_directory(const Settings& settings);
std::string json_log_fifo(const Settings& settings);
std::string plain_log_fifo(const Settings& settings);

struct Following {
    std::string primary_conninfo;  // rendered, without a password
    std::string slot;              // there, by which it streams; empty: by none
};

// Name and value, not quoted.
using RecoveryParameters = std::vector<std::pair<std::string, std::string>>;

// A restore_command that asks the archiver of bootstrap.recovery.source.
std::string recovery_restore_command(const Settings& settings, const std::string& wal_program);

// What pg_rewind reads in place of postgresql.conf: the same, with the own archive. A standby that follows nobody yet has none.
std::string rewind_conf(const Settings& settings, const std::string& wal_program);

// Where a server gets WAL from that is not in its pg_wal, beside streaming.
enum class RestoresFrom {
    own_archive,
    source_archive,  // of the cluster that its own one follows: bootstrap.recovery.source
    // A standby that has not been compared with whom it follows: the archive may have another history at the same places, and
    // PostgreSQL takes that before its own.
    nowhere,
};

struct ConfigurationFacts {
    int server_major = 0;
    bool syncfs_tells_errors = false;        // of the kernel
    std::string wal_program;                 // absolute path of pgbosun-wal
    std::optional<std::string> account;      // name of our uid in passwd; none: it has no entry
    std::optional<Following> following;      // standby
    std::optional<HotStandbyLimits> limits;  // standby: of its control data
    // Names for synchronous_standby_names when they come from elsewhere (a controller), as PostgreSQL's value.
    std::optional<std::string> synchronous_standby_names;
    RestoresFrom restores_from = RestoresFrom::own_archive;
    bool on_own_timeline = false;  // standby: it is to be promoted, and looks for no other timeline before that
    std::vector<std::string> connected_standbys;  // counted by data_durability: preferred
    std::string confirming_slots;                 // of a primary, as PostgreSQL's synchronized_standby_slots
    bool holds_clients = false;                   // nobody is let in but pgbosun itself and standbys
    std::optional<RecoveryParameters>
        recovery;  // the server is on its way to a recovery target, or was when it started
};

std::string pgbosun_conf(const Settings& settings, const ConfigurationFacts& facts);
std::string pg_hba_conf(const Settings& settings, const ConfigurationFacts& facts);
std::string pg_ident_conf(const Settings& settings, const ConfigurationFacts& facts);

// postgresql.conf with one `include 'pgbosun.conf'`, as its last line; does it again without change.
std::string with_include(std::string_view postgresql_conf);

// postgresql.auto.conf is read after everything else, so ALTER SYSTEM could overrule what pgbosun owns: this is the
// text without such lines. Equal to `auto_conf` when there are none.
std::string without_owned_parameters(std::string_view auto_conf);
// The same, but with what says where a recovery ends: somebody has restored by hand, and knows.
std::string without_owned_but_recovery(std::string_view auto_conf);
// Of a copy that was restored by hand, and becomes an instance: without what kept its subscriptions from running.
std::string without_copys_parameters(std::string_view auto_conf);

// The value that PostgreSQL gets. With data_durability preferred only connected standbys are listed, and none at all
// makes it empty: then commits do not wait.
std::string synchronous_standby_names(const SynchronousSettings& settings,
                                      const std::vector<std::string>& connected_standbys);

}  // namespace pgbosun::postgres
