#include "app/own_cluster.hpp"

#include "backup/archive_owner.hpp"
#include "backup/small_file.hpp"
#include "postgres/control_data.hpp"

namespace pgbosun::app {

Result<std::optional<SystemId>> system_id_of_volume(const Settings& settings) {
    const auto file = backup::read_control_file(settings.data_directory());
    if (!file) {
        const auto kind = file.error().kind;
        if (kind == FaultKind::not_found || kind == FaultKind::refused) return std::nullopt;
        return std::unexpected(file.error());
    }
    const auto control = postgres::parse_control_data(file->content);
    if (!control) return std::unexpected(Fault(control.error()).in(settings.data_directory()));
    return control->system_id;
}

Result<> expect_own_archive(backup::Catalog& catalog, const Settings& settings) {
    const auto ours = system_id_of_volume(settings);
    if (!ours) return std::unexpected(ours.error());
    return *ours ? backup::expect_owner(catalog, **ours) : Result<>();
}

}  // namespace pgbosun::app
