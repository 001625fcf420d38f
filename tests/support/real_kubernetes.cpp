#include "support/real_kubernetes.hpp"

#include <sys/wait.h>

#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <thread>

#include "support/real_program.hpp"
#include "support/read_file.hpp"

namespace pgbosun::test {
namespace {

constexpr auto patience = std::chrono::seconds(120);  // it makes its own roles and objects first
constexpr auto look_again = std::chrono::milliseconds(50);
constexpr int most_namespaces = 50;  // accounts are named when it starts
constexpr const char* administrator = "administrator";

std::string kube_apiserver() {
    const auto variable = [](const char* name) { return std::string(std::getenv(name) ? std::getenv(name) : ""); };
    std::string path = variable("PGBOSUN_KUBE_APISERVER");
    if (path.empty()) {
        const auto cache = variable("XDG_CACHE_HOME");
        path = (cache.empty() ? variable("HOME") + "/.cache" : cache) + "/pgbosun/kubernetes/kube-apiserver";
    }
    return find_program({path},
                        "there is no kube-apiserver (scripts/kube-apiserver builds it from its Go modules; "
                        "PGBOSUN_KUBE_APISERVER names the program)");
}

std::string name_of(int number) { return "n" + std::to_string(number); }
std::string token_of(int number) { return "account-of-" + name_of(number); }

void run_command(const std::string& command) {
    if (std::system(command.c_str()) != 0) throw std::runtime_error("cannot run " + command);
}

// The documents of a file of YAML.
std::vector<std::string> documents(const std::string& text) {
    std::vector<std::string> found;
    std::size_t from = 0;
    for (;;) {
        const auto end = text.find("\n---\n", from);
        found.push_back(text.substr(from, end == std::string::npos ? end : end + 1 - from));
        if (end == std::string::npos) return found;
        from = end + 5;
    }
}

// Where objects of a document's kind are created.
std::string collection_of(const std::string& document, const std::string& name_space) {
    const auto is = [&](const std::string& kind) {
        return document.find("\nkind: " + kind + "\n") != std::string::npos;
    };
    const std::string rbac = "/apis/rbac.authorization.k8s.io/v1/namespaces/" + name_space;
    if (is("ServiceAccount")) return "/api/v1/namespaces/" + name_space + "/serviceaccounts";
    if (is("RoleBinding")) return rbac + "/rolebindings";
    if (is("Role")) return rbac + "/roles";
    throw std::runtime_error("the account has an object that nobody expected: " + document);
}

// Until `done` says so, or the patience is over.
template <class Done>
void wait_for(const std::string& what, const Done& done) {
    const auto give_up = std::chrono::steady_clock::now() + patience;
    while (!done()) {
        if (std::chrono::steady_clock::now() > give_up) throw std::runtime_error("waited in vain for " + what);
        std::this_thread::sleep_for(look_again);
    }
}

}  // namespace

RealKubernetes::RealKubernetes() : program_(kube_apiserver()), port_(free_port()) {
    run_command("openssl ecparam -genkey -name prime256v1 -noout -out " + place_ / "accounts.key");
    std::ofstream tokens(place_ / "tokens");
    tokens << administrator << ",administrator,administrator,system:masters\n";
    for (int number = 1; number <= most_namespaces; ++number) {
        tokens << token_of(number) << ",system:serviceaccount:" << name_of(number) << ":orders-controller," << number
               << ",\"system:serviceaccounts,system:serviceaccounts:" << name_of(number) << "\"\n";
    }
    tokens.close();
    start();
}

RealKubernetes::~RealKubernetes() { end_program(pid_); }

void RealKubernetes::start() {
    pid_ = start_program(
        {program_, "--etcd-servers=" + etcd_.endpoints().front(), "--bind-address=127.0.0.1",
         "--secure-port=" + std::to_string(port_), "--cert-dir=" + place_.path(),
         "--token-auth-file=" + place_ / "tokens", "--authorization-mode=RBAC",
         "--disable-admission-plugins=ServiceAccount", "--service-account-issuer=https://kubernetes.default.svc",
         "--service-account-key-file=" + place_ / "accounts.key",
         "--service-account-signing-key-file=" + place_ / "accounts.key", "--service-cluster-ip-range=10.96.0.0/24",
         "--endpoint-reconciler-type=none"},
        place_ / "log");
    wait_for("the API server, which says " + place_ / "log", [&] {
        if (::waitpid(pid_, nullptr, WNOHANG) == pid_) {
            pid_ = -1;
            throw std::runtime_error("the API server has ended: " + read_file(place_ / "log"));
        }
        return try_to_ask("GET", "/readyz", "", "", administrator).first == 200;
    });
}

void RealKubernetes::kill_and_start() {
    end_program(pid_);
    start();
}

// 0: nobody answers.
std::pair<int, std::string> RealKubernetes::try_to_ask(const std::string& method, const std::string& target,
                                                       const std::string& body, const std::string& type,
                                                       const std::string& token) const {
    http::ClientTrust trust;
    trust.ca_file = ca();
    http::Question question;
    question.method = method;
    question.target = target;
    question.body = body;
    question.content_type = type;
    question.token = token;
    const auto client = http::Client::url("https://127.0.0.1:" + std::to_string(port_), std::move(trust));
    if (!client) throw std::runtime_error(client.error().text());
    const auto answered = client->request(question);
    if (!answered) return {0, answered.error().text()};
    return {answered->status, answered->body};
}

RealKubernetes::Json RealKubernetes::ask(const std::string& method, const std::string& target, const Json& body) const {
    const std::string type = method == "PATCH" ? "application/merge-patch+json" : "application/json";
    const auto [status, text] = try_to_ask(method, target, body.is_null() ? "" : body.dump(), type, administrator);
    if (status < 200 || status > 299) throw std::runtime_error(method + " " + target + ": " + text);
    return Json::parse(text);
}

cluster_record::KubernetesOptions RealKubernetes::add_namespace() {
    const int number = ++namespaces_;
    if (number > most_namespaces) throw std::runtime_error("more namespaces than there are accounts");
    const std::string name = name_of(number);
    ask("POST", "/api/v1/namespaces", {{"apiVersion", "v1"}, {"kind", "Namespace"}, {"metadata", {{"name", name}}}});
    for (auto document : documents(read_file(PGBOSUN_CONTROLLER_ACCOUNT))) {
        const auto target = collection_of(document, name);
        // As kustomize does: the subject is its last entry.
        if (target.ends_with("rolebindings")) document += "    namespace: " + name + "\n";
        const auto [status, text] = try_to_ask("POST", target, document, "application/yaml", administrator);
        if (status != 201) throw std::runtime_error(target + ": " + text);
    }
    // Rights are known to the server a moment after they were written.
    wait_for("the rights of the account", [&] {
        const auto record = "/api/v1/namespaces/" + name + "/configmaps/pgbosun-orders";
        return try_to_ask("GET", record, "", "", token_of(number)).first == 404;
    });
    cluster_record::KubernetesOptions options;
    options.server = "https://127.0.0.1:" + std::to_string(port_);
    options.name_space = name;
    options.cluster = "orders";
    options.token_file = place_ / ("token-" + name);
    options.ca_file = ca();
    options.request_timeout = std::chrono::seconds(10);
    std::ofstream(*options.token_file) << token_of(number);
    return options;
}

}  // namespace pgbosun::test
