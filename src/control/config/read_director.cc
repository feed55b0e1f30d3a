#include <algorithm>

#include "base/ids.h"
#include "control/config/machine_warnings.h"
#include "control/config/merge_patch.h"
#include "control/config/section_readers.h"

namespace fairlead::control {
namespace {

// Records. The least is one bucket's worth a worker; the most is what 32-bit slots can name.
constexpr uint64_t kMinCapacity = 1u << 10;
constexpr uint64_t kMaxCapacity = 1u << 30;
constexpr uint64_t kMaxCpu = 1023;  // as many as a cpu_set_t knows

Result<uint64_t> ReadCapacity(const YamlNode& node) {
  return ReadSize(node, kMinCapacity, kMaxCapacity);
}

void ReadWorkers(MapReader& reader, WorkersConfig& workers) {
  const YamlNode* const node = reader.Find("workers");
  if (node == nullptr) return;
  if (node->is_scalar() && node->text == "auto") return;
  if (!node->is_list()) {
    workers.kind = WorkersConfig::Kind::kCount;
    if (node->is_scalar() && node->text.find_first_not_of("0123456789") == std::string::npos)
      reader.Number("workers", &workers.count, 1, kMaxWorkers);
    else
      reader.problems().Add(reader.PathOf("workers"),
                            WrongValue(*node, "auto, a number or a list of cores").message);
    return;
  }
  workers.kind = WorkersConfig::Kind::kCores;
  reader.ReadOneOrMany("workers", &workers.cores,
                       [](const YamlNode& n) { return ReadNumber(n, 0, kMaxCpu); });
  auto sorted = workers.cores;
  std::sort(sorted.begin(), sorted.end());
  if (const auto twice = std::adjacent_find(sorted.begin(), sorted.end()); twice != sorted.end())
    reader.problems().Add(reader.PathOf("workers"),
                          "core " + std::to_string(*twice) + " is listed twice");
  if (sorted.size() > kMaxWorkers)
    reader.problems().Add(reader.PathOf("workers"),
                          "at most " + std::to_string(kMaxWorkers) + " workers are possible");
}

Result<std::string> ReadArena(const YamlNode& node) {
  if (node.is_scalar() && (node.text == "auto" || node.text == "none" || node.text[0] == '/'))
    return ReadText(node);
  return WrongValue(node, "auto, none or an absolute path");
}

}  // namespace

// As useradd takes it. Whether there is such a user is for the machine that runs the commands.
Result<std::string> ReadAccountName(const YamlNode& node, const char* what) {
  auto text = ReadText(node);
  if (!text) return text;
  const bool is_name = text->size() <= 32 && (*text)[0] != '-' &&
                       text->find_first_not_of(
                           "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWX"
                           "YZ0123456789_.-") == std::string::npos;
  if (!is_name) return WrongValue(node, what);
  return text;
}

void ReadDirector(MapReader reader, DirectorConfig& director) {
  reader.Read("name", &director.name, ReadName);
  ReadWorkers(reader, director.workers);
  reader.Word("idle", &director.idle);
  reader.Read("connections", &director.connections, ReadCapacity);
  director.connections6 = std::max(director.connections / 4, kMinCapacity);
  director.templates = std::max(director.connections / 4, kMinCapacity);
  reader.Read("connections6", &director.connections6, ReadCapacity);
  reader.Read("templates", &director.templates, ReadCapacity);
  reader.Read("side_records", &director.side_records, ReadCapacity);
  reader.Read("snat_flows", &director.snat_flows, ReadCapacity);
  reader.Read("fragments", &director.fragments, ReadCapacity);
  reader.Read("arena", &director.arena, ReadArena);
  reader.Word("hugepages", &director.hugepages);
  reader.Read("telemetry", &director.telemetry, ReadBool);
  reader.ForEach("eal", [&](const YamlNode& item, const std::string& path) {
    if (item.kind == YamlNode::Kind::kBroken) return;
    auto argument = ReadText(item);
    if (argument)
      director.eal.push_back(*argument);
    else
      reader.problems().Add(path, item.mark, argument.error().message);
  });
  reader.Read("script_user", &director.script_user,
              [](const YamlNode& n) { return ReadAccountName(n, "the name of a user"); });
  reader.ForEach("scripts", [&](const YamlNode& item, const std::string& path) {
    if (item.kind == YamlNode::Kind::kBroken) return;
    if (item.is_scalar() && IsCommandPath(item.text))
      director.scripts.push_back(item.text);
    else
      reader.problems().Add(path, item.mark, WrongValue(item, kCommandPathForm).message);
  });
}

bool SaysSideRecords(const YamlNode* director) {
  return director != nullptr && director->is_map() && FindKey(*director, "side_records") != nullptr;
}

void ChooseSideRecords(ConfigModel* model) {
  DirectorConfig& director = model->director;
  const uint64_t usual = std::max(director.connections / 4, kMinCapacity);
  const uint64_t fullnat = SideRecordsFor(director, model->services);
  director.side_records = std::clamp(fullnat, usual, kMaxCapacity);
}

void ReadLog(MapReader reader, LogConfig& log) { reader.Word("level", &log.level); }

}  // namespace fairlead::control
