#include "app/own_cluster.hpp"

#include <unistd.h>

#include <tuple>

#include "archive/identity.hpp"
#include "archive/known_archive.hpp"
#include "backup/archive_owner.hpp"
#include "backup/small_file.hpp"

namespace pgbosun::app {

Result<std::optional<postgres::ControlData>> control_data_of_volume(const Settings& settings) {
    const auto file = backup::read_control_file(settings.data_directory());
    if (!file) {
        const auto kind = file.error().kind;
        if (kind == FaultKind::not_found || kind == FaultKind::refused) return std::nullopt;
        return std::unexpected(file.error());
    }
    const auto control = postgres::parse_control_data(file->content);
    if (!control) return std::unexpected(Fault(control.error()).in(settings.data_directory()));
    return *control;
}

Result<std::optional<SystemId>> system_id_of_volume(const Settings& settings) {
    const auto control = control_data_of_volume(settings);
    if (!control) return std::unexpected(control.error());
    return *control ? std::optional((*control)->system_id) : std::nullopt;
}

Result<> expect_own_archive(backup::Catalog& catalog, const Settings& settings) {
    const auto ours = system_id_of_volume(settings);
    if (!ours) return std::unexpected(ours.error());
    return *ours ? backup::expect_owner(catalog, **ours) : Result<>();
}

void remember_archive_of_standby(backup::Catalog& catalog, const Settings& settings) {
    if (::access((settings.data_directory() + "/standby.signal").c_str(), F_OK) != 0) return;
    const auto ours = system_id_of_volume(settings);
    if (!ours || !*ours) return;
    const archive::KnownArchive known(settings.state_directory());
    if (!known.of(**ours).empty()) return;
    const auto identity = archive::read_identity(catalog.store(), catalog.server());
    if (!identity || !*identity || (*identity)->system_id != **ours) return;
    // The next look at the catalog does it again.
    std::ignore = known.remember(catalog.store().describe() + "/" + catalog.server(), **ours);
}

}  // namespace pgbosun::app
