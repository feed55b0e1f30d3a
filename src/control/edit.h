// A change by hand as a value: what REST, the command line and ipvsadm ask for.
//
//   Edit edit = PatchReal{"shop", "10.0.0.11:80", R"({"weight": 0})"};
//   control.Change(std::move(edit), done);        // control_api.h; carried out by apply_edit.h
//
// Bodies have the keys of the configuration file and are read by the same readers: YAML, hence JSON
// too; kBodyLimits bounds them. A patch is an RFC 7396 merge patch over what there is: null takes a
// key back to its default. Services are named by their name, or by the name they would have had
// without one ("tcp-192.0.2.10-80"); reals by ADDRESS:PORT, or the address alone where the service
// has it once.
//
// Threads: values; an edit may be made on one thread and applied on another.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/result.h"

namespace fairlead::control {

class Problems;
struct ConfigModel;
struct LoadResult;
struct ServiceConfig;
struct YamlNode;
enum class SyncRole : uint8_t;

// What somebody sent, parsed where it is made: by the thread that has the text, which is not the
// control core's. Copies share it.
class EditBody {
 public:
  // Converts, so that an edit can be written down with its text. Empty: nothing was sent.
  EditBody(const std::string& text = {});  // NOLINT(google-explicit-constructor)
  EditBody(const char* text)
      : EditBody(std::string(text)) {}  // NOLINT(google-explicit-constructor)

  [[nodiscard]] const std::string& text() const;
  // As ParseYaml gave it; null: it could not be parsed. Good as long as this object.
  [[nodiscard]] const YamlNode* tree() const;
  [[nodiscard]] const Problems& problems() const;

 private:
  struct Parsed;
  std::shared_ptr<const Parsed> parsed_;
};

struct AddService {
  EditBody body;
};
struct PatchService {
  std::string service;
  EditBody body;
};
struct RemoveService {
  std::string service;
};
struct RemoveAllServices {};
struct AddReal {
  std::string service;
  EditBody body;
};
struct PatchReal {
  std::string service, real;
  EditBody body;
};
// State drain, with an optional `deadline` (duration), `then_remove` and `all` (bools). While the
// real is drained already, what is not given stays as it is.
struct DrainReal {
  std::string service, real;
  EditBody body;
};
struct RemoveReal {
  std::string service, real;
};
// The keys of defaults.timeouts. Services that have the default of a key so far follow.
struct PatchTimeouts {
  EditBody body;
};
// The keys of the top-level policy. Services that have the global value of a key so far follow.
struct PatchPolicy {
  EditBody body;
};
// One half of sync.ipvs, kMaster or kBackup, with the keys that its body has. Refused when it runs
// already (kExists), or when the other half runs with other values. What the body may say and does
// not is the default; other keys are as the file has them.
struct StartIpvsSync {
  SyncRole half{};
  EditBody body;
};
// Refused when it does not run (kNotFound).
struct StopIpvsSync {
  SyncRole half{};
};
// All of these at once, from a whole configuration as a file would have it, which whoever asks has
// loaded. Refused when it differs in what cannot be changed by hand.
struct ReplaceConfig {
  std::shared_ptr<const LoadResult> loaded;
};

using AnyEdit = std::variant<AddService, PatchService, RemoveService, RemoveAllServices, AddReal,
                             PatchReal, DrainReal, RemoveReal, PatchTimeouts, PatchPolicy,
                             StartIpvsSync, StopIpvsSync, ReplaceConfig>;

struct Edit : AnyEdit {
  using AnyEdit::AnyEdit;

  // Who asks, where that is worth a word in the log and in what differs from the file: "ipvs:
  // keepalived, pid 123, uid 0". Empty: an operator.
  std::string author{};
};

struct EditRefusal {
  ErrorCode code = ErrorCode::kInvalid;
  std::vector<Error> errors;  // at least one
};

// By name or by the name it would have had; null when there is none.
const ServiceConfig* FindService(const ConfigModel& model, const std::string& name);

}  // namespace fairlead::control
