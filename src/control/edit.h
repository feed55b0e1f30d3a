// A change by hand as a value, and what it makes of an intent: the one path for REST, the command
// line and ipvsadm.
//
//   EditResult result = ApplyEdit(PatchReal{"shop", "10.0.0.11:80", R"({"weight": 0})"}, intent);
//   if (auto* edited = std::get_if<Edited>(&result)) publication.Want(edited->intent, waiter);
//   else …std::get<EditRefusal>(result): every problem, each with its place in the body…
//
// Bodies have the keys of the configuration file and are read by the same readers: YAML, hence JSON
// too; kBodyLimits bounds them. A patch is an RFC 7396 merge patch over what there is: null takes a
// key back to its default. What results must hold as a file would have to. A real that is added is
// the newest, so it goes to the end of the model's list. Services are named by their name, or by
// the name they would have had without one ("tcp-192.0.2.10-80"); reals by ADDRESS:PORT, or the
// address alone where the service has it once.
//
// Threads: pure; an edit may be made on one thread and applied on another. Invariant: a refused
// edit has changed nothing.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/result.h"
#include "control/config/problems.h"
#include "control/config/yaml_tree.h"
#include "control/intent.h"
#include "control/time_point.h"

namespace fairlead::control {

// What somebody sent, parsed where it is made: by the thread that has the text, which is not the
// control core's. Copies share it.
class EditBody {
 public:
  // Converts, so that an edit can be written down with its text. Empty: nothing was sent.
  EditBody(const std::string& text = {});  // NOLINT(google-explicit-constructor)
  EditBody(const char* text)
      : EditBody(std::string(text)) {}  // NOLINT(google-explicit-constructor)

  [[nodiscard]] const std::string& text() const { return parsed_->text; }
  // As ParseYaml gave it. Good as long as this object.
  [[nodiscard]] const std::optional<YamlNode>& tree() const { return parsed_->tree; }
  [[nodiscard]] const Problems& problems() const { return parsed_->problems; }

 private:
  struct Parsed {
    std::string text;
    std::optional<YamlNode> tree;
    Problems problems;
  };
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

using Edit = std::variant<AddService, PatchService, RemoveService, RemoveAllServices, AddReal,
                          PatchReal, DrainReal, RemoveReal, PatchTimeouts, PatchPolicy>;

struct Edited {
  Intent intent;
  std::string service{}, real{};  // the names of what was edited, as the view has them
};
struct EditRefusal {
  ErrorCode code = ErrorCode::kInvalid;
  std::vector<Error> errors;  // at least one
};
using EditResult = std::variant<Edited, EditRefusal>;

// `now`: what deadlines count from.
EditResult ApplyEdit(const Edit& edit, const Intent& before, TimePoint now = {});

// By name or by the name it would have had; null when there is none.
const ServiceConfig* FindService(const ConfigModel& model, const std::string& name);

}  // namespace fairlead::control
