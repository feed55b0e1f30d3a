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

// In the head; those of a director's other files are lower.
constexpr uint32_t kFleetNumber = 16, kPeersNumber = 17;

StoredKind KindOf(const std::string& file) { return {file.c_str(), kFleetNumber, 2, 1}; }
StoredKind PeersKindOf(const std::string& file) { return {file.c_str(), kPeersNumber, 1, 1}; }

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

void Put(const EtcdPlace& place, ByteWriter* out) {
  out->Text(place.prefix);
  out->U32(static_cast<uint32_t>(place.servers.size()));
  for (const EtcdServer& server : place.servers) out->Text(server.ToString());
}

std::vector<std::string> TakeServers(ByteReader* in) {
  std::vector<std::string> servers;
  const uint32_t count = in->U32();
  for (uint32_t i = 0; i < count && i < EtcdPlace::kMostServers; ++i) servers.push_back(in->Text());
  return servers;
}

Status MakeDirectory(const std::string& directory) {
  if (::mkdir(directory.c_str(), 0700) == 0 || errno == EEXIST) return Done{};
  return Failure("make the directory", directory, errno);
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
  if (Status s = MakeDirectory(directory); !s) return s;
  ByteWriter out;
  Put(place, &out);
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
  const bool has_servers = (*contents)->version >= 2;
  const std::vector<std::string> servers =
      has_servers ? TakeServers(&in) : std::vector<std::string>();
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

Status KeepPeers(const std::string& directory, const std::string& name, const EtcdPlace& place,
                 const std::vector<SyncPeer>& peers) {
  if (Status s = MakeDirectory(directory); !s) return s;
  ByteWriter out;
  Put(place, &out);
  out.U32(static_cast<uint32_t>(peers.size()));
  for (const SyncPeer& peer : peers) {
    out.Text(peer.name);
    out.Text(peer.address.ToString());
  }
  const std::string file = "peers-" + name;
  return WriteStored(directory, PeersKindOf(file), out.Take(), Durability::kToDisk);
}

Result<std::optional<std::vector<SyncPeer>>> ReadKeptPeers(const std::string& directory,
                                                           const std::string& name,
                                                           const EtcdPlace& place) {
  using Peers = std::vector<SyncPeer>;
  const std::string file = "peers-" + name;
  const auto contents = ReadStored(directory, PeersKindOf(file));
  if (!contents) return contents.error();
  if (!*contents) return std::optional<Peers>();
  const Error wrong{ErrorCode::kInvalid, "the contents are not those of a fleet's peers",
                    directory + "/" + file};
  ByteReader in((*contents)->bytes);
  const std::string prefix = in.Text();
  const std::vector<std::string> servers = TakeServers(&in);
  const uint32_t count = in.U32();
  if (count > kMostStreamPeers) return wrong;
  Peers peers;
  for (uint32_t i = 0; i < count; ++i) {
    std::string peer = in.Text();
    const auto address = Endpoint::Parse(in.Text());
    if (!address) return wrong;
    peers.push_back({std::move(peer), *address});
  }
  if (!in.is_done()) return wrong;
  if (prefix != place.prefix || !HasOneOf(servers, place)) return std::optional<Peers>();
  return std::optional<Peers>(std::move(peers));
}

}  // namespace fairlead::control
