#include "control/fleet/kept_documents.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include "control/survival/bytes.h"
#include "control/survival/stored_file.h"

namespace fairlead::control {
namespace {

constexpr uint32_t kFleetNumber = 16;  // in the head; those of a director's other files are lower

StoredKind KindOf(const std::string& file) { return {file.c_str(), kFleetNumber, 2, 1}; }

Error Failure(const char* what, const std::string& path, int error) {
  return {ErrorCode::kSystem, std::string("cannot ") + what + ": " + std::strerror(error), path};
}

void Put(const Document& document, ByteWriter* out) {
  out->Text(document.place);
  out->U64(document.revision);
  out->Text(document.text);
}

Document Take(ByteReader* in) {
  Document document;
  document.place = in->Text();
  document.revision = in->U64();
  document.text = in->Text();
  return document;
}

// Lists of servers of one cluster may differ, but not in all.
bool HasOneOf(const std::vector<std::string>& kept, const EtcdPlace& place) {
  return std::ranges::any_of(place.servers, [&](const EtcdServer& server) {
    return std::ranges::find(kept, server.ToString()) != kept.end();
  });
}

}  // namespace

Status KeepDocuments(const std::string& directory, const std::string& name, const EtcdPlace& place,
                     const Documents& documents) {
  if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) {
    return Failure("make the directory", directory, errno);
  }
  ByteWriter out;
  out.Text(place.prefix);
  out.U32(static_cast<uint32_t>(place.servers.size()));
  for (const EtcdServer& server : place.servers) out.Text(server.ToString());
  Put(documents.common, &out);
  Put(documents.own, &out);
  const std::string file = "fleet-" + name;
  return WriteStored(directory, KindOf(file), out.Take(), Durability::kToDisk);
}

Result<std::optional<Documents>> ReadKeptDocuments(const std::string& directory,
                                                   const std::string& name,
                                                   const EtcdPlace& place) {
  const std::string file = "fleet-" + name;
  const auto contents = ReadStored(directory, KindOf(file));
  if (!contents) return contents.error();
  if (!*contents) return std::optional<Documents>();
  ByteReader in((*contents)->bytes);
  const std::string prefix = in.Text();
  std::vector<std::string> servers;
  const bool has_servers = (*contents)->version >= 2;
  const uint32_t count = has_servers ? in.U32() : 0;
  for (uint32_t i = 0; i < count && i < EtcdPlace::kMostServers; ++i) servers.push_back(in.Text());
  Documents documents;
  documents.common = Take(&in);
  documents.own = Take(&in);
  if (!in.is_done()) {
    return Error{ErrorCode::kInvalid, "the contents are not those of a fleet's documents",
                 directory + "/" + file};
  }
  const bool is_of_here = prefix == place.prefix && (!has_servers || HasOneOf(servers, place));
  if (!is_of_here) return std::optional<Documents>();
  return std::optional<Documents>(std::move(documents));
}

}  // namespace fairlead::control
