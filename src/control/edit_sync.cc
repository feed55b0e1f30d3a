// Switching synchronisation with a kernel director on and off by hand: each half of sync.ipvs by
// itself, as ipvsadm's daemons.
#include "control/config/names.h"
#include "control/config/section_readers.h"
#include "control/editor.h"

namespace fairlead::control {
namespace {

bool Runs(const std::optional<IpvsSyncConfig>& sync, SyncRole half) {
  return sync && (half == SyncRole::kMaster ? sync->sends() : sync->receives());
}

SyncRole OtherOf(SyncRole half) {
  return half == SyncRole::kMaster ? SyncRole::kBackup : SyncRole::kMaster;
}

// What whoever starts a half may say; the rest is as the file has it.
IpvsSyncConfig WithoutWhatIsSaid(IpvsSyncConfig config) {
  const IpvsSyncConfig defaults;
  config.interface = defaults.interface;
  config.syncid = defaults.syncid;
  config.group = defaults.group;
  config.udp_port = defaults.udp_port;
  config.maxlen = defaults.maxlen;
  config.ttl = defaults.ttl;
  return config;
}

}  // namespace

EditResult Editor::operator()(const StartIpvsSync& edit) {
  const YamlNode* const body = ReadBody(edit.body);
  if (body == nullptr) return refusal_;
  std::optional<IpvsSyncConfig>& running = model_.sync.ipvs;
  const std::string half(ToWord(edit.half));
  if (Runs(running, edit.half)) {
    return Refuse(ErrorCode::kExists, "The " + half + " runs already; stop it first");
  }
  const std::optional<IpvsSyncConfig>& of_file = before_.file_model()->sync.ipvs;
  IpvsSyncConfig wanted =
      WithoutWhatIsSaid(running ? *running : of_file.value_or(IpvsSyncConfig{}));
  MapReader reader(problems_, *body, "", kIpvsSyncSection);
  if (reader.Find("role") != nullptr) {
    problems_.Add("role", "is said by which half is started");
  }
  wanted.role = edit.half;
  ReadIpvsSync(reader, wanted);
  if (HasProblems("")) return refusal_;
  if (running) {
    wanted.role = running->role;
    if (wanted != *running) {
      return Refuse(
          ErrorCode::kInvalid,
          "The " + std::string(ToWord(OtherOf(edit.half))) +
              " runs with another interface, syncid, group, port, length or TTL, and both "
              "have the same; stop it first");
    }
    wanted.role = SyncRole::kBoth;
  }
  running = std::move(wanted);
  return Finish();
}

EditResult Editor::operator()(const StopIpvsSync& edit) {
  std::optional<IpvsSyncConfig>& running = model_.sync.ipvs;
  if (!Runs(running, edit.half)) {
    return Refuse(ErrorCode::kNotFound, "No " + std::string(ToWord(edit.half)) + " runs");
  }
  if (running->role == SyncRole::kBoth) {
    running->role = OtherOf(edit.half);
  } else {
    running.reset();
  }
  return Finish();
}

}  // namespace fairlead::control
