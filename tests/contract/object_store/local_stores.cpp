#include <cstdlib>
#include <filesystem>
#include <stdexcept>

#include "contract/object_store/stores.hpp"
#include "object_store/directory_store.hpp"
#include "object_store/s3_store.hpp"
#include "support/fake_object_store.hpp"
#include "support/s3_options.hpp"
#include "support/scripted_s3.hpp"
#include "support/temporary_directory.hpp"

namespace pgbosun::test {
namespace {

Subject scripted(ScriptedS3::Conditional conditional) {
    auto server = std::make_shared<ScriptedS3>();
    server->set_conditional(conditional);
    return {server, std::make_unique<object_store::S3ObjectStore>(s3_options(*server))};
}

Subject directory() {
    auto place = std::make_shared<TemporaryDirectory>();
    return {place, object_store::DirectoryStore::open(place->path() + "/new/archive")};
}

}  // namespace

std::vector<StoreKind> store_kinds() {
    using Conditional = ScriptedS3::Conditional;
    return {{"fake", [] { return Subject{nullptr, std::make_unique<FakeObjectStore>()}; }},
            {"directory", directory},
            {"S3, scripted", [] { return scripted(Conditional::honoured); }},
            {"S3, scripted, HEAD first", [] { return scripted(Conditional::ignored); }},
            {"S3, scripted, 501 and HEAD first", [] { return scripted(Conditional::not_implemented); }}};
}

}  // namespace pgbosun::test
