#pragma once
// The data that a clone replaces: kept as <data directory>.old until the clone streams, with the tablespaces and the WAL that it
// has outside of itself; where bootstrap.keep_replaced_data says so, as <data directory>.replaced until the next one comes.
// Control thread; links are for the archiver's program (backup/linked_data), a child.
//
// The bootstrap's marker says what is under way: killed at any step, the next life goes on from there. While <data directory>.old
// is there, no clone has streamed since: what is removed gets another name first.

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "supervision/job_process.hpp"
#include "supervision/surroundings.hpp"

namespace pgbosun::supervision {

// What the marker says: the data directory is whole, and to be moved aside;
inline constexpr std::string_view keeping_marker = "old data\n";
// pg_rewind has changed it, and it is to be moved aside;
inline constexpr std::string_view keeping_rewound_marker = "old data that pg_rewind has changed\n";
// pg_rewind has begun to change it;
inline constexpr std::string_view rewind_marker = "pg_rewind\n";
// it is not kept.
inline constexpr std::string_view given_up_marker = "given up\n";

constexpr bool says_keeping(std::string_view marker) {
    return marker == keeping_marker || marker == keeping_rewound_marker;
}

std::string kept_data(const Settings& settings);
std::string replaced_data(const Settings& settings);

// Empty: there is none.
Task<Result<std::string>> read_bootstrap_marker(FileSystem& files, const Settings& settings);
Task<Result<>> write_bootstrap_marker(FileSystem& files, const Settings& settings, std::string text);

class OldData {
public:
    explicit OldData(Surroundings& outside) : outside_(outside) {}

    // Marks the data directory as one to be kept, and moves it aside; goes on with what was begun. There is none kept before.
    // refused: it cannot be, and is as it was.
    Task<Result<>> keep(const Settings& settings);
    // Before a data directory that was not finished is removed: what its links lead to.
    Task<Result<>> empty_tablespaces(const Settings& settings);
    void cancel(bool kill);

private:
    Task<Result<>> take_back(const Settings& settings, bool rewound);

    Surroundings& outside_;
    std::unique_ptr<JobProcess> job_;
};

// Whether some tablespace is not in its base.
Task<Result<bool>> has_tablespaces(FileSystem& files, std::string data_directory);

enum class OldDataEnd { there_was_none, removed, kept };  // kept: as replaced_data()

// The clone streams. `still`: asked after what an earlier life has left is gone, which may take minutes: what is kept now may
// have been kept since.
Task<Result<OldDataEnd>> retire_kept_data(Surroundings& outside, const Settings& settings, std::function<bool()> still);
// Before other data is replaced: what was kept until then, however.
Task<Result<>> remove_kept_data(Surroundings& outside, const Settings& settings);

}  // namespace pgbosun::supervision
