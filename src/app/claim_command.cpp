// `pgbosun-archiver claim MOMENT`: of the instances of a cluster, the first one to ask does what is due at a
// scheduled moment. 0: it is ours; 3: another one has it.

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <cstdint>
#include <random>
#include <string>
#include <tuple>
#include <vector>

#include "app/archiver_program.hpp"
#include "app/own_cluster.hpp"
#include "archive/identity.hpp"
#include "backup/moment_claim.hpp"
#include "pgbosun/log.hpp"

namespace pgbosun::app {
namespace {

constexpr std::size_t most_kept = 20;  // claims of earlier moments: for people, and for a clock that is set back

std::string prefix_of(const Settings& settings) { return settings.archive->server_name + "/schedule/"; }

// The instance is for people; the number, so that no two claims are alike.
std::string text_of_claim(const Settings& settings) {
    std::random_device random;
    const auto number = (std::uint64_t{random()} << 32) | random();
    return settings.instance + "\n" + std::to_string(number) + "\n";
}

// What is left of earlier moments grows with no end otherwise. That it fails is the next one's matter.
void remove_old_claims(ObjectStore& store, const std::string& prefix) {
    const auto listing = store.list(prefix, "", std::nullopt);
    if (!listing || listing->objects.size() <= most_kept) return;
    std::vector<std::string> old;
    for (std::size_t i = 0; i + most_kept < listing->objects.size(); ++i) old.push_back(listing->objects[i].key);
    std::ignore = store.remove(old);
}

// Another cluster's moments are not ours to take, and a volume that is not mounted has none.
Result<> check_archive(ObjectStore& store, const Settings& settings) {
    const std::string& server = settings.archive->server_name;
    backup::Catalog catalog(store, server);
    if (auto own = expect_own_archive(catalog, settings); !own) return own;
    const auto control = control_data_of_volume(settings);
    if (!control) return std::unexpected(control.error());
    if (!*control) return {};
    return archive::IdentityCheck(store, server, settings.state_directory())
        .check((*control)->system_id, (*control)->timeline);
}

}  // namespace

ExitCode claim_command(Arguments arguments) {
    CLI::App line("Claims a scheduled moment in the archive; started by pgbosun run.", "pgbosun-archiver claim");
    std::optional<std::string> config;
    std::string moment;
    line.add_option("--config", config, "configuration file")->type_name("FILE");
    line.add_option("MOMENT", moment, "in UTC, as 20261121T020000Z")->required();
    if (const auto end = parse_command_line(line, arguments)) return *end;
    const bool plain =
        !moment.empty() && moment.size() <= 32 && moment.find_first_not_of("0123456789TZ") == std::string::npos;
    if (!plain) return ExitCode::wrong_usage;
    const auto settings = read_configuration(config);
    if (!settings) return ExitCode::wrong_usage;
    const auto store = open_archive(*settings->archive, missing_root_of(*settings));
    if (!store) return ExitCode::failed;
    const auto own = check_archive(*store, *settings);
    const std::string prefix = prefix_of(*settings);
    const auto claimed =
        own ? backup::claim_moment(*store, prefix + moment, text_of_claim(*settings)) : std::unexpected(own.error());
    if (!claimed) {
        log::error("the scheduled moment cannot be claimed: " + claimed.error().what, {{"hint", claimed.error().hint}});
        return ExitCode::failed;
    }
    if (*claimed == backup::MomentClaim::of_another) return ExitCode::refused;
    remove_old_claims(*store, prefix);
    return ExitCode::done;
}

}  // namespace pgbosun::app
