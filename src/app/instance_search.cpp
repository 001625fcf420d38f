#include "app/instance_search.hpp"

#include <algorithm>

#include "cluster_record/kubernetes_pods.hpp"
#include "controller/wake.hpp"
#include "pgbosun/log.hpp"
#include "pgbosun/spawn.hpp"

namespace pgbosun::app {
namespace {

using namespace std::chrono_literals;

constexpr Duration first_pace = 1s;
constexpr Duration pace = 10s;
constexpr std::string_view pod_mark = "{pod}";

std::string filled(std::string text, const std::string& pod) {
    for (auto at = text.find(pod_mark); at != std::string::npos; at = text.find(pod_mark, at + pod.size()))
        text.replace(at, pod_mark.size(), pod);
    return text;
}

// Says what keeps it from finding any, once for each reason.
class Complaint {
public:
    void look(const Result<std::vector<std::string>>& pods) {
        std::string now = pods ? std::string() : pods.error().what;
        if (pods && pods->empty()) now = "no pod has the labels of the selector";
        if (now == said_) return;
        said_ = std::move(now);
        if (said_.empty()) return;
        log::warning("instances are not found: " + said_, {{"hint", pods ? "" : pods.error().hint}});
    }

private:
    std::string said_;
};

Task<> search(boost::asio::io_context& loop, const cluster_record::KubernetesClient& client,
              const InstanceSelector& selector, std::vector<InstanceAddress>& found) {
    controller::Wake pause(loop);
    Complaint complaint;
    for (;;) {
        std::string labels = selector.labels;
        const auto pods = co_await cluster_record::pods_of(client, std::move(labels));
        complaint.look(pods);
        if (pods && !pods->empty()) {
            found = addresses_of(selector, *pods);
            loop.stop();
            co_return;
        }
        co_await pause.wait(first_pace);
    }
}

}  // namespace

std::vector<InstanceAddress> addresses_of(const InstanceSelector& selector, const std::vector<std::string>& pods) {
    std::vector<InstanceAddress> all;
    for (const auto& pod : pods) {
        InstanceAddress address;
        address.name = pod;
        address.url = filled(selector.url, pod);
        address.conninfo = filled(selector.conninfo, pod);
        all.push_back(std::move(address));
    }
    return all;
}

std::vector<InstanceAddress> joined(std::vector<InstanceAddress> known, const std::vector<InstanceAddress>& found) {
    for (const auto& address : found) {
        if (std::ranges::find(known, address.name, &InstanceAddress::name) == known.end()) known.push_back(address);
    }
    std::ranges::sort(known, {}, &InstanceAddress::name);
    return known;
}

std::vector<InstanceAddress> find_instances(boost::asio::io_context& loop,
                                            const cluster_record::KubernetesClient& client,
                                            const InstanceSelector& selector) {
    std::vector<InstanceAddress> found;
    spawn(loop, search(loop, client, selector, found));
    loop.run();
    loop.restart();
    return found;
}

Task<> watch_instances(cluster_record::KubernetesClient client, InstanceSelector selector,
                       std::vector<InstanceAddress> known, std::function<void(std::vector<InstanceAddress>)> more) {
    controller::Wake pause(client.loop());
    Complaint complaint;
    for (;;) {
        co_await pause.wait(pace);
        std::string labels = selector.labels;
        const auto pods = co_await cluster_record::pods_of(client, std::move(labels));
        complaint.look(pods);
        if (!pods) continue;
        auto all = joined(known, addresses_of(selector, *pods));
        if (all.size() == known.size()) continue;
        more(std::move(all));
        co_return;
    }
}

}  // namespace pgbosun::app
