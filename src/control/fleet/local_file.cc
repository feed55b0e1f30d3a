#include "control/fleet/local_file.h"

#include <unistd.h>

#include <cerrno>

#include "base/private_file.h"
#include "control/config/section_readers.h"

namespace fairlead::control {
namespace {

constexpr size_t kMostLocalBytes = 64 << 10;
constexpr size_t kMostListed = 64;

constexpr KeyInfo kLocalKeys[] = {
    {"user", {}, true},        {"password", {}, true},    {"ca", {}, true},
    {"certificate", {}, true}, {"key", {}, true},         {"address", {}, true},
    {"scripts", {}, true},     {"script_user", {}, true}, {"password_files", {}, true},
    {"eal", {}, true},         {"devices", {}, true},     {"state", {}, true}};
constexpr Section kLocalSection{"", kLocalKeys};

void ReadPaths(MapReader& reader, std::string_view key, std::vector<std::string>* to) {
  reader.ReadOneOrMany(key, to, [](const YamlNode& node) -> Result<std::string> {
    if (node.is_scalar() && IsCommandPath(node.text)) return node.text;
    return WrongValue(node, kCommandPathForm);
  });
  if (to->size() > kMostListed) {
    reader.problems().Add(reader.PathOf(key),
                          "has more than " + std::to_string(kMostListed) + " paths");
  }
}

// As ReadText, but what is wrong is not shown.
Result<std::string> ReadSecret(const YamlNode& node) {
  auto text = ReadText(node);
  if (text) return text;
  return Error{ErrorCode::kInvalid, "must be one text without control characters, in quotes", ""};
}

void ReadTexts(MapReader& reader, std::string_view key, std::vector<std::string>* to) {
  reader.ReadOneOrMany(key, to, ReadText);
  if (to->size() > kMostListed) {
    reader.problems().Add(reader.PathOf(key),
                          "has more than " + std::to_string(kMostListed) + " values");
  }
}

// "system" or an absolute path.
void ReadAuthority(MapReader& reader, std::string* to) {
  const YamlNode* const node = reader.Find("ca");
  if (node != nullptr && node->is_scalar() && node->text == "system") {
    *to = node->text;
  } else {
    ReadFilePath(reader, "ca", to);
  }
}

void CheckTogether(MapReader& reader) {
  const auto need = [&](const char* key, const char* other, const char* why) {
    if (!reader.Has(key) || reader.Has(other)) return;
    reader.problems().Add(reader.PathOf(key),
                          std::string("needs the key \"") + other + "\" beside it" + why);
  };
  need("user", "password", "");
  need("password", "user", "");
  need("certificate", "key", "");
  need("key", "certificate", "");
  need("certificate", "ca",
       ", as certificates are for https; write \"ca: system\" for the "
       "authorities of the system");
}

}  // namespace

Result<LocalFile> ParseLocalFile(const std::string& text, const std::string& path) {
  LocalFile local;
  local.path = path;
  Problems problems(path);
  const auto root = ParseYaml(text, problems, 1, kBodyLimits);
  if (root && root->kind != YamlNode::Kind::kNull) {
    MapReader reader(problems, *root, "", kLocalSection);
    reader.Read("user", &local.user, ReadText);
    reader.Read("password", &local.password, ReadSecret);
    ReadAuthority(reader, &local.ca);
    ReadFilePath(reader, "certificate", &local.certificate);
    ReadFilePath(reader, "key", &local.key);
    IpAddress address;
    if (reader.Read("address", &address, ReadUnicast)) local.address = address;
    ReadPaths(reader, "scripts", &local.scripts);
    reader.Read("script_user", &local.script_user,
                [](const YamlNode& node) { return ReadAccountName(node, "the name of a user"); });
    ReadPaths(reader, "password_files", &local.password_files);
    ReadTexts(reader, "eal", &local.eal);
    ReadTexts(reader, "devices", &local.devices);
    ReadFilePath(reader, "state", &local.state);
    CheckTogether(reader);
  }
  if (problems.empty()) return local;
  Error first = problems.Take().front();
  return first;
}

Result<LocalFile> ReadLocalFile(const std::string& path, bool must_exist) {
  if (!must_exist && ::access(path.c_str(), F_OK) != 0 && errno == ENOENT) {
    LocalFile none;
    none.path = path;
    return none;
  }
  auto text = ReadPrivateFile(path, kMostLocalBytes);
  if (!text) return text.error();
  auto local = ParseLocalFile(*text, path);
  if (!local || local->key.empty() || ::access(local->key.c_str(), F_OK) != 0) return local;
  if (Status s = CheckPrivateFile(local->key); !s) return s.error();
  return local;
}

}  // namespace fairlead::control
