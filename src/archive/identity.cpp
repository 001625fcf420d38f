#include "archive/identity.hpp"

#include <charconv>
#include <limits>
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
    json object{{"system_id", std::to_string(number(identity.system_id))}, {"server_name", identity.server}};
    if (identity.first_timeline) object["first_timeline"] = number(*identity.first_timeline);
    if (!identity.before.empty()) object["before"] = identity.before;
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
    ArchiveIdentity identity{SystemId{value}, server->get<std::string>()};
    if (const auto first = object.find("first_timeline"); first != object.end()) {
        const auto timeline = first->is_number_unsigned() ? first->get<std::uint64_t>() : 0;
        if (timeline == 0 || timeline > std::numeric_limits<std::uint32_t>::max()) {
            return broken("first_timeline is no timeline");
        }
        identity.first_timeline = Timeline{static_cast<std::uint32_t>(timeline)};
    }
    if (const auto before = object.find("before"); before != object.end()) {
        if (!before->is_string()) return broken("before is no text");
        identity.before = before->get<std::string>();
    }
    return identity;
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

Result<> IdentityCheck::check(SystemId system_id, std::optional<Timeline> timeline) {
    const std::lock_guard lock(mutex_);
    const std::uint64_t at = store_.place();
    if (confirmed_ == system_id && confirmed_at_ == at) return {};
    const std::string place = store_.describe() + "/" + server_;
    const std::string before = known_.of(system_id);
    if (before == place) {
        if (auto there = look_for_what_was_there(place); !there) return there;
    } else if (!before.empty()) {
        if (auto free = expect_free(place, before, system_id); !free) return free;
    }
    if (auto asked = ask({system_id, server_, timeline, before == place ? std::string() : before}); !asked)
        return asked;
    confirmed_ = system_id;
    confirmed_at_ = at;
    // A volume that is full, and cannot remember it, must not keep WAL from being archived.
    std::ignore = known_.remember(place, system_id);
    return {};
}

Result<bool> IdentityCheck::is_empty() {
    const auto found = store_.list(server_ + "/", "/", std::nullopt);
    if (!found) return std::unexpected(found.error());
    return found->objects.empty() && found->prefixes.empty();
}

// One whose identity object alone is gone (a bucket's rule for old objects) is not empty, and gets it again.
Result<> IdentityCheck::look_for_what_was_there(const std::string& place) {
    const auto empty = is_empty();
    if (!empty) return std::unexpected(empty.error());
    if (!*empty) return {};
    return fail(FaultKind::unavailable, place + " is empty, and this cluster has archived there before",
                "mount its volume again, or name the right place; if it was emptied on purpose, remove " +
                    known_.file() + ", and take a backup");
}

// Another instance of this cluster may have been here first, and has said that it came from the same place.
Result<> IdentityCheck::expect_free(const std::string& place, const std::string& before, SystemId system_id) {
    const auto empty = is_empty();
    if (!empty) return std::unexpected(empty.error());
    if (*empty) return {};
    const auto theirs = read_identity(store_, server_);
    if (!theirs) return std::unexpected(theirs.error());
    if (*theirs && ((*theirs)->before == before || (*theirs)->system_id != system_id)) return {};
    return fail(
        FaultKind::refused,
        place + " holds an archive already, and this instance has archived in " + before + " until now",
        "name the former archive again, or an empty one (archive.destination, archive.server_name); if the former "
        "one was moved there with all that is in it, remove " +
            known_.file());
}

Result<> IdentityCheck::ask(const ArchiveIdentity& ours) {
    const std::string body = render(ours);
    const auto made = store_.put_if_absent(identity_key(server_), std::as_bytes(std::span(body)), {});
    if (made) return {};
    if (made.error().kind != FaultKind::conflict) return made;
    const auto theirs = read_identity(store_, server_);
    if (!theirs) return std::unexpected(theirs.error());
    // It was there a moment ago: whoever removed it has to be seen again.
    if (!*theirs) return fail(FaultKind::unavailable, "the archive's identity object has just been removed");
    if ((*theirs)->system_id == ours.system_id && (*theirs)->server == ours.server) return {};
    auto fault = of_another_cluster(store_.describe() + "/" + server_, (*theirs)->system_id, ours.system_id);
    if ((*theirs)->server != server_) fault.what += " (its server is \"" + (*theirs)->server + "\")";
    return std::unexpected(std::move(fault));
}

}  // namespace pgbosun::archive
