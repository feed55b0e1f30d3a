#include "control/fleet/kept_documents.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/file_descriptor.h"
#include "control/survival/bytes.h"
#include "control/survival/stored_file.h"

namespace fairlead::control {
namespace {

constexpr uint32_t kFleetNumber = 16;  // in the head; those of a director's other files are lower

StoredKind KindOf(const std::string& file) { return {file.c_str(), kFleetNumber, 1, 1}; }

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

Status ForceToDisk(const std::string& path, int flags) {
  const FileDescriptor file(::open(path.c_str(), flags | O_CLOEXEC | O_NOFOLLOW));
  if (file && ::fsync(file.get()) == 0) return Done{};
  return Failure("write to the disk", path, errno);
}

}  // namespace

// A power cut between the rename and the end leaves a file that its checksum tells from a good one.
Status KeepDocuments(const std::string& directory, const std::string& name,
                     const std::string& prefix, const Documents& documents) {
  if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) {
    return Failure("make the directory", directory, errno);
  }
  ByteWriter out;
  out.Text(prefix);
  Put(documents.common, &out);
  Put(documents.own, &out);
  const std::string file = "fleet-" + name;
  if (Status s = WriteStored(directory, KindOf(file), out.Take()); !s) return s;
  if (Status s = ForceToDisk(directory + "/" + file, O_RDONLY); !s) return s;
  return ForceToDisk(directory, O_RDONLY | O_DIRECTORY);
}

Result<std::optional<Documents>> ReadKeptDocuments(const std::string& directory,
                                                   const std::string& name,
                                                   const std::string& prefix) {
  const std::string file = "fleet-" + name;
  const auto contents = ReadStored(directory, KindOf(file));
  if (!contents) return contents.error();
  if (!*contents) return std::optional<Documents>();
  ByteReader in((*contents)->bytes);
  const std::string of = in.Text();
  Documents documents;
  documents.common = Take(&in);
  documents.own = Take(&in);
  if (!in.is_done()) {
    return Error{ErrorCode::kInvalid, "the contents are not those of a fleet's documents",
                 directory + "/" + file};
  }
  if (of != prefix) return std::optional<Documents>();
  return std::optional<Documents>(std::move(documents));
}

}  // namespace fairlead::control
