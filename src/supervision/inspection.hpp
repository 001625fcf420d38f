#pragma once
// Gathers what is known of the data directory and has it judged.

#include <optional>
#include <string>

#include "instance/events.hpp"
#include "pgbosun/file_system.hpp"
#include "postgres/data_directory.hpp"
#include "supervision/surroundings.hpp"

namespace pgbosun::supervision {

struct Inspection {
    instance::VolumeVerdict verdict{};
    std::optional<postgres::Usable> usable;
    std::optional<int> stale_pid;  // of a postmaster.pid whose owner is gone
    // postmaster.pid cannot be read as one; to be moved aside once no stray process is left.
    std::optional<std::string> damaged_pid_file;
    bool bootstrap_marker = false;
    // It was restored by bootstrap.recovery and has not reached its target yet.
    bool recovering = false;
    // It was restored by hand, and has not been started by pgbosun with an archive of its own.
    bool restored_copy = false;
    std::string reason;  // occupied, unreadable, refused
    std::string hint;
};

inline constexpr std::string_view bootstrap_marker = "/bootstrapping";  // below the state directory

// Below the state directory, from the restore of bootstrap.recovery until the target is reached: what recovery was told.
inline constexpr std::string_view recovery_marker = "/recovery";

Task<Inspection> inspect_volume(Surroundings& outside, const Settings& settings);

}  // namespace pgbosun::supervision
