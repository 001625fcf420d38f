#pragma once
// What the commands of the catalog print: aligned text for people, and JSON (`--json`) with the keys that
// docs/http-api.md names. Each ends with a line end.

#include <string>

#include "backup/catalog_commands.hpp"

namespace pgbosun::backup {

std::string to_text(const std::vector<CatalogEntry>& backups);
std::string to_json(const std::vector<CatalogEntry>& backups);
std::string to_text(const CatalogEntry& entry);
std::string to_json(const CatalogEntry& entry);
std::string to_text(const ShownBackup& backup);
std::string to_json(const ShownBackup& backup);
std::string to_text(const Deleted& deleted);
std::string to_json(const Deleted& deleted);
std::string to_text(const Expired& expired);
std::string to_json(const Expired& expired);
// In one line, for a log: what went.
std::string told(const Deleted& deleted);
std::string told(const Expired& expired);
std::string to_text(const WalListing& listing);
std::string to_json(const WalListing& listing);
std::string to_text(const WalReport& report);
std::string to_json(const WalReport& report);

}  // namespace pgbosun::backup
