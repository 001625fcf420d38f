#pragma once
// Fact: which files of WAL an archive has, by their names alone. A million names take some 20 MB.

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "wal/archive_name.hpp"
#include "wal/segment.hpp"

namespace pgbosun::backup {

class WalInventory {
public:
    static constexpr std::size_t most_examples = 20;

    // `below`: a key without "<server>/wals/", such as "0000000100000000/000000010000000000000001.zst". In
    // any order.
    void add(std::string_view below);
    // An object of 0 bytes holds nothing, whatever its name: what it names is not there.
    void add_empty(std::string_view below);
    // After the last add(), before any question.
    void finish();

    // Sorted, each once.
    [[nodiscard]] const std::vector<wal::SegmentName>& segments() const { return segments_; }
    [[nodiscard]] bool has(wal::SegmentName name) const;
    // Timelines whose history file is there, ascending, with what its key is called below wals/.
    [[nodiscard]] const std::map<Timeline, std::string>& histories() const { return histories_; }
    [[nodiscard]] std::uint64_t partials() const { return partials_; }
    [[nodiscard]] std::uint64_t backup_histories() const { return backup_histories_; }
    // Segments that are there in two encodings or more.
    [[nodiscard]] const std::vector<wal::SegmentName>& duplicates() const { return duplicates_; }
    // Objects of 0 bytes: how many, and the first few.
    [[nodiscard]] std::uint64_t empty() const { return empty_; }
    [[nodiscard]] const std::vector<std::string>& empty_examples() const { return empty_examples_; }
    // Objects that no archiver of PostgreSQL's WAL puts there: how many, and the first few.
    [[nodiscard]] std::uint64_t foreign() const { return foreign_; }
    [[nodiscard]] const std::vector<std::string>& foreign_examples() const { return foreign_examples_; }

private:
    void add_foreign(std::string_view below);

    std::vector<wal::SegmentName> segments_, duplicates_;
    std::map<Timeline, std::string> histories_;
    std::uint64_t partials_ = 0, backup_histories_ = 0, foreign_ = 0, empty_ = 0;
    std::vector<std::string> foreign_examples_, empty_examples_;
};

// What an object of wals/ is, without its encoding. None: a foreign one, or one in a directory that is not
// its own.
std::optional<wal::ArchiveName> name_below_wals(std::string_view below);

}  // namespace pgbosun::backup
