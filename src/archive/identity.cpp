#include "archive/identity.hpp"

#include <charconv>
#include <nlohmann/json.hpp>
#include <tuple>

#include "archive/layout.hpp"

namespace pgbosun::archive {

using nlohmann::json;

std::optional<ClusterIdentity> cluster_of(const ArchiveOrder& order) {
    const auto size = wal::SegmentSize::from_bytes(order.wal_segment_size);
    if (!order.system_id || !size || order.data_directory.empty()) return std::nullopt;
    return ClusterIdentity{*order.system_id, *size};
}

std::string render(const ArchiveIdentity& identity) {
    const json object{{"system_id", std::to_string(number(identity.system_id))}, {"server_name", identity.server}};
    return object.dump(-1, ' ', true, json::error_handler_t::replace) + "\n";
}

Result<ArchiveIdentity> parse_identity(std::string_view text) {
    const auto broken = [](const char* why) {
        return fail(FaultKind::corrupt, std::string("the archive's identity object: ") + why);
    };
    if (text.size() > longest_identity) return broken("too long");
    const auto object = json::parse(text, nullptr, false);
    if (!object.is_object()) return broken("no JSON object");
    const auto id = object.find("system_id");
    const auto server = object.find("server_name");
    if (id == object.end() || !id->is_string() || server == object.end() || !server->is_string()) {
        return broken("system_id or server_name is missing");
    }
    const auto& digits = id->get_ref<const std::string&>();
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error != std::errc{} || end != digits.data() + digits.size()) return broken("system_id is no number");
    return ArchiveIdentity{SystemId{value}, server->get<std::string>()};
}

Result<std::optional<ArchiveIdentity>> read_identity(ObjectStore& store, const std::string& server) {
    std::string text;
    const auto sink = [&](std::span<const std::byte> part) -> Result<> {
        if (text.size() + part.size() > longest_identity) {
            return fail(FaultKind::corrupt, "the archive's identity object: too long");
        }
        text.append(reinterpret_cast<const char*>(part.data()), part.size());
        return {};
    };
    const auto got = store.get(identity_key(server), sink, [&] { text.clear(); });
    if (!got && got.error().kind == FaultKind::not_found) return std::nullopt;
    if (!got) return std::unexpected(got.error());
    auto identity = parse_identity(text);
    if (!identity) return std::unexpected(std::move(identity).error());
    return *std::move(identity);
}

Fault of_another_cluster(const std::string& archive, SystemId theirs, SystemId ours) {
    return {FaultKind::refused,
            archive + " is the archive of the cluster with system identifier " + std::to_string(number(theirs)) +
                ", ours is " + std::to_string(number(ours)),
            "give each cluster an archive of its own (archive.server_name or archive.destination)"};
}

Result<> IdentityCheck::check(SystemId system_id) {
    const std::lock_guard lock(mutex_);
    const std::uint64_t at = store_.place();
    if (confirmed_ == system_id && confirmed_at_ == at) return {};
    const std::string place = store_.describe() + "/" + server_;
    if (known_.holds(place, system_id)) {
        if (auto there = look_for_what_was_there(place); !there) return there;
    }
    if (auto asked = ask(system_id); !asked) return asked;
    confirmed_ = system_id;
    confirmed_at_ = at;
    // A volume that is full, and cannot remember it, must not keep WAL from being archived.
    std::ignore = known_.remember(place, system_id);
    return {};
}

// One whose identity object alone is gone (a bucket's rule for old objects) is not empty, and gets it again.
Result<> IdentityCheck::look_for_what_was_there(const std::string& place) {
    const auto found = store_.list(server_ + "/", "/", std::nullopt);
    if (!found) return std::unexpected(found.error());
    if (!found->objects.empty() || !found->prefixes.empty()) return {};
    return fail(FaultKind::unavailable, place + " is empty, and this cluster has archived there before",
                "mount its volume again, or name the right place; if it was emptied on purpose, remove " +
                    known_.file() + ", and take a backup");
}

Result<> IdentityCheck::ask(SystemId system_id) {
    const ArchiveIdentity ours{system_id, server_};
    const std::string body = render(ours);
    const auto made = store_.put_if_absent(identity_key(server_), std::as_bytes(std::span(body)), {});
    if (made) return {};
    if (made.error().kind != FaultKind::conflict) return made;
    const auto theirs = read_identity(store_, server_);
    if (!theirs) return std::unexpected(theirs.error());
    // It was there a moment ago: whoever removed it has to be seen again.
    if (!*theirs) return fail(FaultKind::unavailable, "the archive's identity object has just been removed");
    if (**theirs == ours) return {};
    auto fault = of_another_cluster(store_.describe() + "/" + server_, (*theirs)->system_id, system_id);
    if ((*theirs)->server != server_) fault.what += " (its server is \"" + (*theirs)->server + "\")";
    return std::unexpected(std::move(fault));
}

}  // namespace pgbosun::archive
