#pragma once
// Has what a former primary has still to archive archived, before its data follows another one, is rewound or replaced: by a
// child (`pgbosun-archiver left-behind`), for PID 1 touches neither disk nor store. Control thread.
//
// It never fails: what cannot be archived is kept aside by the child, and told; the service goes first.

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "supervision/job_process.hpp"
#include "supervision/job_slot.hpp"
#include "supervision/surroundings.hpp"

namespace pgbosun::supervision {

// elsewhere: all of it is archived or kept aside, or nothing was to be archived.
enum class Left { elsewhere, only_here };

class LeftBehind {
public:
    using Record = std::function<void(std::string what, std::vector<std::pair<std::string, std::string>> facts)>;
    // A child that says nothing for so many looks is killed: it gives a store that does not answer up long before.
    struct Patience {
        Duration look = std::chrono::seconds(1);
        int looks = 30;
    };

    LeftBehind(Surroundings& outside, Record record, Patience patience);

    // `begins` is called when there is something to archive. `of_primary`: the timeline of the primary that is to be followed.
    Task<Left> archive(const Settings& settings, Timeline of_primary, std::function<void()> begins);
    void cancel(bool kill);

private:
    enum class End { by_itself, silent };
    struct Outcome {
        End end{};
        JobOutcome job;
        bool kept = false;  // what is not archived
    };
    Task<Outcome> run(std::vector<std::string> arguments);
    void tell(const JobOutcome& outcome);

    Surroundings& outside_;
    Record record_;
    const Patience patience_;
    std::unique_ptr<JobProcess> child_;
    bool cancelled_ = false;
};

}  // namespace pgbosun::supervision
