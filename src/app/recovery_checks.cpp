#include "app/recovery_checks.hpp"

#include <array>
#include <string>
#include <utility>

namespace pgbosun::app {
namespace {

void check_target(ReadSettings& read) {
    const auto& target = read.settings.bootstrap.recovery->target;
    const std::array<std::pair<const char*, bool>, 5> given = {{{"target_time", target.time.has_value()},
                                                                {"target_lsn", target.lsn.has_value()},
                                                                {"target_xid", target.xid.has_value()},
                                                                {"target_name", target.name.has_value()},
                                                                {"target_immediate", target.immediate}}};
    const char* first = nullptr;
    for (const auto& [name, present] : given) {
        if (!present) continue;
        if (first != nullptr) {
            read.add(Severity::error, std::string("bootstrap.recovery.") + name,
                     std::string("there is a target already: ") + first, "keep one of the targets");
        } else {
            first = name;
        }
    }
    const bool has_edge = target.time || target.lsn || target.xid;
    if (target.inclusive == Inclusive::no && !has_edge) {
        read.add(Severity::error, "bootstrap.recovery.exclusive",
                 "means nothing without target_time, target_lsn or target_xid",
                 "remove it, or give one of these targets");
    }
}

void check_source(ReadSettings& read) {
    const auto& settings = read.settings;
    const auto& source = settings.bootstrap.recovery->source;
    constexpr auto another_name =
        "give archive.server_name a name that the archive does not have yet, such as orders-2, and "
        "bootstrap.recovery.source.server_name the one to recover from";
    if (!source) {
        read.add(Severity::error, "bootstrap.recovery.source", "must say which archive to recover from",
                 settings.archive ? another_name : "give source.destination and source.server_name");
        return;
    }
    if (source->destination.empty()) {
        read.add(Severity::error, "bootstrap.recovery.source.destination", "must be given",
                 "write file:///path or s3://bucket/path");
    }
    if (source->server_name.empty()) {
        read.add(Severity::error, "bootstrap.recovery.source.server_name", "must be given",
                 "write the name under which the cluster was archived");
    }
    if (!settings.archive) {
        read.add(Severity::error, "bootstrap.recovery", "needs an archive of the recovered cluster's own",
                 "give archive.destination and an archive.server_name that is not there yet");
        return;
    }
    const bool same = source->destination == settings.archive->destination &&
                      source->endpoint_url == settings.archive->endpoint_url &&
                      source->server_name == settings.archive->server_name;
    if (same) {
        read.add(Severity::error, "bootstrap.recovery.source.server_name",
                 "is that of the own archive: the recovered cluster would archive into what it was recovered from",
                 another_name);
    }
}

}  // namespace

void check_recovery(ReadSettings& read) {
    if (!read.settings.bootstrap.recovery) return;
    check_target(read);
    check_source(read);
    if (read.settings.bootstrap.join) {
        read.add(Severity::error, "bootstrap.recovery", "there is bootstrap.join too",
                 "keep one of them: a standby is cloned, a recovered primary is restored");
    }
}

}  // namespace pgbosun::app
