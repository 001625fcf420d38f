#pragma once
// Whose archive it is. An object beside base/ and wals/ names the cluster; it is made by the first that archives here
// and refuses every other one. (The page header of each segment is checked as well.)

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "archive/known_archive.hpp"
#include "pgbosun/archive_link.hpp"
#include "pgbosun/object_store.hpp"
#include "wal/segment.hpp"

namespace pgbosun::archive {

// Of the data directory that is archived.
struct ClusterIdentity {
    SystemId system_id{};
    wal::SegmentSize segment_size;
    bool operator==(const ClusterIdentity&) const = default;
};

// None: the data directory is not known yet.
std::optional<ClusterIdentity> cluster_of(const ArchiveOrder& order);

struct ArchiveIdentity {
    SystemId system_id{};
    std::string server;
    // That was archived here. None: an older pgbosun was the first here, or it did not know.
    std::optional<Timeline> first_timeline = std::nullopt;
    std::string before{};  // where whoever was the first here had archived until then; empty: nowhere
    bool operator==(const ArchiveIdentity&) const = default;
};

inline constexpr std::size_t longest_identity = std::size_t{16} * 1024;  // bytes

std::string render(const ArchiveIdentity& identity);
// corrupt: no such object; further keys are ignored.
Result<ArchiveIdentity> parse_identity(std::string_view text);

// Whose archive it is. None: nobody has said so yet, for nothing was archived here by pgbosun.
Result<std::optional<ArchiveIdentity>> read_identity(ObjectStore& store, const std::string& server);
// For a person: "... is the archive of the cluster with system identifier ..., ours is ...".
Fault of_another_cluster(const std::string& archive, SystemId theirs, SystemId ours);

class IdentityCheck {
public:
    // `state_directory`: of the instance, which remembers there that it has archived here; empty: it does not.
    IdentityCheck(ObjectStore& store, std::string server, const std::string& state_directory)
        : store_(store), server_(std::move(server)), known_(state_directory) {}

    // Success: the archive is this cluster's (made so, when it was nobody's). refused: it is another's, or this instance has
    // archived elsewhere until now and there is something here: a recovered cluster has its source's system identifier.
    // unavailable: it is known as this cluster's, and is empty. `timeline`: of what is to be archived, when that is known. One to
    // three requests for each system identifier and place; any thread.
    Result<> check(SystemId system_id, std::optional<Timeline> timeline);

private:
    Result<> ask(const ArchiveIdentity& ours);
    Result<> look_for_what_was_there(const std::string& place);
    // `before`: where it has archived until now.
    Result<> expect_free(const std::string& place, const std::string& before, SystemId system_id);
    Result<bool> is_empty();

    ObjectStore& store_;
    std::string server_;
    const KnownArchive known_;
    std::mutex mutex_;
    std::optional<SystemId> confirmed_;
    std::uint64_t confirmed_at_ = 0;  // ObjectStore::place
};

}  // namespace pgbosun::archive
