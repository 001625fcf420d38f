#pragma once
// One conversation with an API server: what the controller asks, well and badly, and as much of each answer as it goes by.
// kubernetes_conversation.txt is what Kubernetes 1.34.2 said; the fake must say the same.

#include <boost/asio/io_context.hpp>
#include <string>

#include "cluster_record/kubernetes_client.hpp"

namespace pgbosun::test {

// In a namespace that has nothing but a pod pg-1 with the label app: x.
std::string converse(boost::asio::io_context& loop, const cluster_record::KubernetesOptions& options);

std::string recorded_conversation();
// Takes the place of the recorded one when PGBOSUN_RECORD_CONVERSATION is set: for another version of Kubernetes.
void record_conversation(const std::string& said);

}  // namespace pgbosun::test
