#pragma once
// Shell: asks the archive of the cluster that this one follows for what a session with that cluster's primary would tell, by the
// archiver's program. Control thread.

#include <memory>
#include <string>
#include <vector>

#include "instance/archive_upstream.hpp"
#include "supervision/job_process.hpp"
#include "supervision/surroundings.hpp"
#include "supervision/wal_comparison.hpp"

namespace pgbosun::supervision {

// Whether the configuration names an archive that a cluster can follow; refused: why not, and what to write.
Result<> names_source_archive(const Settings& settings);

// Why an instance that has to be made anew stays what it is, while look() tells no restorable_from.
Fault no_copy_can_be_made();

class SourceArchive {
public:
    // `scratch`: name of a directory below the state directory that nobody else uses, for segments to be compared.
    SourceArchive(Surroundings& outside, std::string scratch);

    // `otherwise`: the system where the archive does not say it. refused: as above. unavailable: it does not answer, or has
    // nothing yet.
    Task<Result<instance::ArchiveUpstream>> look(const Settings& settings, SystemId otherwise);
    // Never unknown. unavailable: the archive, or the volume, does not answer.
    Task<Result<instance::SharedWal>> compare(const Settings& settings, std::vector<instance::WalPiece> pieces,
                                              ReadWal ours, wal::SegmentSize size);
    void cancel();

private:
    struct Place {
        std::string directory;
        wal::SegmentSize size;
    };
    Task<Result<std::vector<std::string>>> read(Place place, std::vector<wal::SegmentName> names, Lsn begin, Lsn end);
    Task<Result<>> fetch(std::string name, std::string path);

    Surroundings& outside_;
    const std::string scratch_;
    std::unique_ptr<JobProcess> process_;
};

}  // namespace pgbosun::supervision
