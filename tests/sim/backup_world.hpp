#pragma once
// A small primary with its archive in a directory: one process archives its WAL and backs it up over a store that fails
// and kills, another one looks at what is left. The server itself is a fake behind PgSession; the files, the store, the
// processes and the kills are real.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "support/faulty_object_store.hpp"
#include "support/temporary_directory.hpp"

namespace pgbosun::test {

// What a process said before it ended, a line each: "archived <segment>", "done <backup>", "parted <key>" for an upload in
// parts that it began.
struct Said {
    std::set<std::string> archived;
    std::set<std::string> done;
    std::set<std::string> parted;
};

class BackupWorld {
public:
    // Large: a tar of it is uploaded in parts.
    enum class Size { small, large };
    BackupWorld(std::uint64_t seed, Size size);

    // A process archives all WAL and takes a backup; it may be killed on the way.
    Said work(Faults faults);
    struct Restored {
        bool killed;
        std::vector<std::string> findings;  // as below
    };
    // A process restores this backup; it may be killed on the way. What must hold then.
    Restored restore_in_process(const std::string& backup, Faults faults);

    // What must hold now, as findings for a person; empty: all is well.
    std::vector<std::string> judge(const Said& said);
    // Expires what is left over, and what must hold then.
    std::vector<std::string> judge_after_expiry();

    [[nodiscard]] std::vector<std::string> done_backups();
    // Uploads in parts that whoever began them has left: expire is to remove them.
    [[nodiscard]] std::size_t unfinished_uploads() const;

private:
    void fill();
    void archive_and_back_up(Faults faults, int report);
    std::vector<std::string> compare_restored(const std::string& backup);
    [[nodiscard]] std::vector<std::string> compare_files() const;
    // The archive, sealed or not, as the world's seed says; `faults` are of the store beneath.
    using Parted = std::function<void(const std::string& key)>;
    [[nodiscard]] std::unique_ptr<ObjectStore> open_store(std::optional<Faults> faults = std::nullopt,
                                                          Parted parted = {}) const;
    [[nodiscard]] std::string archive() const { return root_.path() + "/archive"; }
    [[nodiscard]] std::string data() const { return root_.path() + "/data"; }
    [[nodiscard]] std::string restored() const { return root_.path() + "/restored"; }

    std::mt19937_64 random_;
    const bool sealed_;  // the archive is encrypted
    const bool large_;
    TemporaryDirectory root_;
    std::map<std::string, std::string> files_;     // below data(), that a restore must bring back
    std::map<std::string, std::string> segments_;  // name -> content
};

}  // namespace pgbosun::test
