#include "supervision/notices.hpp"

#include <algorithm>

namespace pgbosun::supervision {
namespace {

std::string joined(const std::vector<std::string>& words) {
    std::string text;
    for (const auto& word : words) text.append(text.empty() ? "" : ", ").append(word);
    return text;
}

void about_volumes(const Noticed& before, const Noticed& after, const InstanceStatus& now,
                   std::vector<Notice>& notices) {
    for (const auto& volume : after.volumes) {
        if (std::ranges::find(before.volumes, volume) != before.volumes.end()) continue;
        notices.push_back({"volume", "the " + volume.first + " volume " + volume.second, {{"reason", now.reason}}});
    }
    for (const auto& volume : before.volumes) {
        const bool still = std::ranges::any_of(after.volumes, [&](const auto& it) { return it.first == volume.first; });
        if (!still) notices.push_back({"volume", "the " + volume.first + " volume works again", {}});
    }
}

}  // namespace

Noticed noticed(const InstanceStatus& status) {
    Noticed result{status.ready,
                   status.postgres.silent_since.has_value(),
                   status.postgres.exhausted_since.has_value(),
                   status.pending_restart,
                   status.archive && status.archive->restore_error,
                   status.role,
                   {}};
    for (const auto& volume : status.volumes) {
        if (volume.hangs_since) result.volumes.emplace_back(volume.name, "hangs");
        if (!volume.hangs_since && volume.error) result.volumes.emplace_back(volume.name, "fails");
        if (!volume.hangs_since && !volume.error && volume.full_since)
            result.volumes.emplace_back(volume.name, "is full");
    }
    return result;
}

std::vector<Notice> notices(const Noticed& before, const InstanceStatus& now) {
    const Noticed after = noticed(now);
    std::vector<Notice> notices;
    if (after == before) return notices;
    about_volumes(before, after, now, notices);
    if (after.role != before.role) {
        notices.push_back({"postgres",
                           "the role is " + std::string(to_string(after.role)),
                           {{"was", std::string(to_string(before.role))}}});
    }
    if (after.silent && !before.silent) {
        notices.push_back({"postgres", "PostgreSQL does not answer", {{"reason", now.postgres.silent_reason}}});
    }
    if (!after.silent && before.silent) notices.push_back({"postgres", "PostgreSQL answers, or has ended", {}});
    if (after.exhausted != before.exhausted) {
        notices.push_back({"postgres", after.exhausted ? "no connection is free" : "connections are free again", {}});
    }
    if (after.pending_restart && !before.pending_restart) {
        notices.push_back({"postgres",
                           "parameters have changed that count after a restart only",
                           {{"parameters", joined(now.pending_restart_parameters)}}});
    }
    if (after.restore_fails && !before.restore_fails) {
        notices.push_back({"archive", "the archive does not give WAL back", {{"reason", *now.archive->restore_error}}});
    }
    if (!after.restore_fails && before.restore_fails)
        notices.push_back({"archive", "WAL is given back, or not asked for", {}});
    if (after.ready && !before.ready) notices.push_back({"probe", "ready", {}});
    if (!after.ready && before.ready) notices.push_back({"probe", "not ready", {{"reason", now.ready_reason}}});
    return notices;
}

}  // namespace pgbosun::supervision
