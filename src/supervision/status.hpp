#pragma once
// Decision: the status and what the probes say, from everything that is known. Pure.

#include <optional>
#include <string>
#include <vector>

#include "instance/state.hpp"
#include "pgbosun/instance_status.hpp"
#include "pgbosun/settings.hpp"
#include "supervision/inspection.hpp"
#include "supervision/monitor.hpp"

namespace pgbosun::supervision {

// No process can be made: process numbers or memory are used up.
struct Shortage {
    Instant since{};
    std::string why;
};
// So long without any process, and without a server that a restart would take down: then a new container helps.
inline constexpr Duration longest_shortage = std::chrono::seconds(60);

// How far a standby is that streams from nobody: it replays its cluster's archive, or that of the cluster which its own one
// follows.
enum class SourceReading {
    none,        // it is no such standby
    behind,      // or not known
    at_its_end,  // it has replayed all that the archive has, or had just now
};

struct Known {
    const Settings& settings;
    const instance::InstanceState& state;
    const MonitoredFacts& facts;
    const std::optional<Inspection>& inspection;
    const std::optional<FenceStatus>& fence;
    std::optional<ProgressStatus> progress;
    std::string reason;
    std::string hint;
    std::string boot_id;
    std::optional<int> postmaster_pid;
    std::optional<Instant> postmaster_since;
    std::uint32_t restarts = 0;
    std::optional<ArchiveReport> archive;
    std::vector<VolumeStatus> volumes;
    LogStatus log;
    std::optional<Shortage> shortage;
    Instant now{};
    SourceReading source = SourceReading::none;
    bool holds_clients = false;  // as ManagedStatus has it
    bool started = false;        // it was, in this life of pgbosun
    int synchronous = 0;         // so many standbys have to confirm each commit of a primary
};

InstanceStatus assemble(const Known& known);

// Why nothing is archived now, where that is on purpose. After all that archive_order() looks at is known.
void explain_archive(InstanceStatus& status, const Settings& settings, const std::optional<Inspection>& inspection);

// Says of a running standby that it gets no WAL, where nothing else is said of it.
void explain_cut_off(InstanceStatus& status);

// Has the right to add to the archive, and if not, why.
ArchiveOrder archive_order(const InstanceStatus& status, const Settings& settings,
                           const std::optional<Inspection>& inspection);

}  // namespace pgbosun::supervision
