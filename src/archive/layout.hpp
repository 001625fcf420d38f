#pragma once
// Where things lie in the archive: Barman's layout (keys), so that archives of CloudNativePG are read and ours are
// readable by Barman. Our own objects stay outside base/ and wals/.

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "codec/encoding.hpp"
#include "wal/archive_name.hpp"

namespace pgbosun::archive {

using codec::Encoding;
using codec::encoding_of;
using codec::extension;

// "<server>/wals/<first 16 digits>/<name>", a history file directly below wals/; without extension.
std::string wal_key(std::string_view server, const wal::ArchiveName& name);
// What an object whose key begins with wal_key() holds: none when the rest of the key is no known extension, which
// means that it is another file ("<segment>.partial" beside "<segment>").
std::optional<Encoding> encoding_of_key(std::string_view wal_key, std::string_view object_key);

// Says whose archive it is; see archive/identity.hpp.
std::string identity_key(std::string_view server);

}  // namespace pgbosun::archive
