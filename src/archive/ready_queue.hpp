#pragma once
// Which file goes into the archive next. PostgreSQL marks each file that waits with archive_status/<name>.ready and
// asks for them one at a time; we read the marks ourselves to upload ahead of it. Decisions only: the archiver reads
// directories and uploads.
//
// Order: what PostgreSQL waits for now, then history files, then by name, the oldest timeline first, as PostgreSQL's
// own archiver does. A file of a timeline whose history still waits is not uploaded ahead: the history goes first.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "wal/archive_name.hpp"

namespace pgbosun::archive {

// What makes a file the same file, unchanged. A segment that PostgreSQL wrote again after a crash differs.
struct FileIdentity {
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    std::uint64_t size = 0;
    std::int64_t modified_ns = 0;
    bool operator==(const FileIdentity&) const = default;
};

// At most so many files are uploaded ahead and not yet asked for; past it the queue waits for PostgreSQL.
inline constexpr std::size_t most_acknowledged = 16'384;
// So many names of one look at archive_status are kept; the next look finds the rest.
inline constexpr std::size_t longest_look = 1'024;
// So many files that PostgreSQL was told of are remembered until a look shows that it has removed their marks.
inline constexpr std::size_t longest_told = 256;

// Whether `left` is archived before `right`; both are names of WAL files.
struct ArchiveOrderOfNames {
    bool operator()(std::string_view left, std::string_view right) const;
};

// The files behind the .ready marks among the names in archive_status, in the order to archive them.
struct ReadyFiles {
    std::vector<std::string> first;  // at most longest_look
    std::uint64_t beyond = 0;        // how many more
};
ReadyFiles ready_files(std::span<const std::string> names_in_archive_status);

class ReadyQueue {
public:
    // Grows with every acknowledgement.
    [[nodiscard]] std::uint64_t moment() const { return moment_; }
    // A look at archive_status that began at the moment `began`. Older acknowledgements whose mark has gone are
    // forgotten: PostgreSQL has renamed it to .done and will not ask again. What failed is offered again.
    void looked(ReadyFiles files, std::uint64_t began);

    // Somebody waits for this file; an older acknowledgement no longer holds.
    void ask(const std::string& name);
    void withdraw(const std::string& name);

    enum class Ahead { allowed, stopped };
    // What to do next; it is under way until acknowledged or put back. None: look at archive_status again.
    std::optional<std::string> take(Ahead ahead);

    // It is durable with the content that the file had while it was `identity`.
    void acknowledge(const std::string& name, FileIdentity identity);
    // PostgreSQL knows it now and removes the mark soon.
    void told(const std::string& name);
    // It was not archived. Offered again when it is asked for, or after the next look.
    void put_back(const std::string& name);

    [[nodiscard]] bool is_acknowledged(const std::string& name, const FileIdentity& identity) const;
    [[nodiscard]] bool is_waiting(const std::string& name) const;
    // Files that wait and are not acknowledged, as far as the last look knew.
    [[nodiscard]] std::uint64_t backlog() const { return waiting_.size() + beyond_; }

    // Another data directory: nothing that was known holds. What is under way stays so.
    void forget();

private:
    struct Acknowledgement {
        FileIdentity identity;
        std::uint64_t moment = 0;
    };
    using Names = std::set<std::string, ArchiveOrderOfNames>;  // the next one first

    std::optional<std::string> take_ahead();

    Names asked_;
    Names waiting_;  // those under way included
    Names under_way_;
    Names put_back_;  // since the last look
    std::map<std::string, Acknowledgement> acknowledged_;
    std::deque<std::string> told_;  // acknowledged ones, oldest first
    std::uint64_t beyond_ = 0;
    std::uint64_t moment_ = 0;
};

}  // namespace pgbosun::archive
