#include "control/config/yaml_loader.h"

#include "control/config/read_file.h"
#include "control/config/section_readers.h"
#include "control/config/validate.h"
#include "control/config/yaml_tree.h"

namespace fairlead::control {
namespace {

// Reads each item of the list `key` with `read(reader of the item, index, new entry)`.
template <typename T, typename ReadItem>
void ReadList(MapReader& root, std::string_view key, const Section& section, std::vector<T>* list,
              ReadItem read) {
  root.ForEach(key, [&](const YamlNode& item, const std::string& path) {
    const size_t index = list->size();
    read(MapReader(root.problems(), item, path, section), index, list->emplace_back());
  });
}

void ReadVersion(MapReader& root) {
  if (!root.Require("version", "write \"version: 1\"")) return;
  const YamlNode* const node = root.Find("version");
  if (node != nullptr && (node->is_quoted || node->text != "1")) {
    root.problems().Add("version", WrongValue(*node, "1, the only version there is").message);
  }
}

// A section that is a map: its reader, or nothing when the file has no such key.
std::optional<MapReader> OpenSection(MapReader& root, const Section& section) {
  const YamlNode* const node = root.Find(section.name);
  if (node == nullptr) return std::nullopt;
  return MapReader(root.problems(), *node, std::string(section.name), section);
}

std::string DirectoryOf(const std::string& file) {
  const size_t slash = file.rfind('/');
  return slash == std::string::npos ? "" : file.substr(0, slash + 1);
}

}  // namespace

ConfigModel ReadModel(MapReader& root, const std::string& file, PrefixFiles& files) {
  ConfigModel model;
  ReadVersion(root);
  if (auto section = OpenSection(root, kDirectorSection)) ReadDirector(*section, model.director);
  if (auto section = OpenSection(root, kApiSection)) ReadApi(*section, model.api);
  if (auto section = OpenSection(root, kLogSection)) ReadLog(*section, model.log);
  if (auto section = OpenSection(root, kMailSection)) ReadMail(*section, model.mail);
  if (auto section = OpenSection(root, kSyncSection)) ReadSync(*section, model.sync);
  // Before the services, which take from them, wherever they stand in the file.
  if (auto section = OpenSection(root, kDefaultsSection)) ReadDefaults(*section, model.defaults);
  if (auto section = OpenSection(root, kPolicySection)) ReadPolicy(*section, model.policy);
  if (const YamlNode* sets = root.Find("prefix_sets"))
    ReadPrefixSets(root.problems(), *sets, DirectoryOf(file), files, model.prefix_sets);

  ReadList(root, "ports", kPortSection, &model.ports,
           [](MapReader reader, size_t, PortConfig& port) { ReadPort(reader, port); });
  ReadList(root, "routes", kRouteSection, &model.routes,
           [](MapReader reader, size_t, RouteConfig& route) { ReadRoute(reader, route); });
  ReadList(root, "classifier", kRuleSection, &model.classifier, ReadRule);
  ReadList(root, "client_groups", kClientGroupSection, &model.client_groups,
           [](MapReader reader, size_t, ClientGroup& group) { ReadClientGroup(reader, group); });
  root.ForEach("services", [&](const YamlNode& item, const std::string& path) {
    ServiceConfig service;
    ReadService(MapReader(root.problems(), item, path, kServiceSection), model, service);
    model.services.push_back(std::move(service));
  });
  ReadList(root, "snat", kSnatSection, &model.snat,
           [](MapReader reader, size_t, SnatConfig& rule) { ReadSnat(reader, rule); });
  if (!SaysSideRecords(root.Find("director"))) ChooseSideRecords(&model);
  return model;
}

WholeFile ReadWholeFile(const std::string& text, const std::string& file, PrefixFiles& files) {
  WholeFile whole{.result = {}, .places = Problems(file), .tree = {}};
  Problems& problems = whole.places;
  whole.tree = ParseYaml(text, problems);
  if (whole.tree && whole.tree->kind == YamlNode::Kind::kNull) {
    problems.Add("", Mark{1, 1}, "is empty; it needs at least \"version: 1\" and a port");
  } else if (whole.tree) {
    MapReader root(problems, *whole.tree, "", kRootSection);
    ConfigModel model = ReadModel(root, file, files);
    Validate(model, problems);
    if (problems.empty()) {
      whole.result.warnings =
          FindWarnings(model, [&](const std::string& path) { return problems.Where(path); });
      whole.result.model = std::move(model);
    }
  }
  whole.result.errors = problems.Take();
  return whole;
}

LoadResult LoadConfigText(const std::string& text, const std::string& file) {
  PrefixFiles files;
  return ReadWholeFile(text, file, files).result;
}

LoadResult LoadConfig(const std::string& path) {
  const auto text = ReadFile(path, kMaxYamlBytes);
  if (text) {
    LoadResult loaded = LoadConfigText(*text, path);
    RefuseFleetPeers(*text, path, &loaded);
    return loaded;
  }
  return {.model = {}, .errors = {CannotRead(path, text.error())}, .warnings = {}};
}

void RefuseFleetPeers(const std::string& text, const std::string& file, LoadResult* loaded) {
  if (!*loaded || !loaded->model->sync.stream.has_fleet_peers) return;
  PrefixFiles files;
  Problems places = ReadWholeFile(text, file, files).places;
  places.Add("sync.peers",
             "\"fleet\" is for a director that has its configuration from etcd: start it by "
             "-c etcd://HOST:2379/PREFIX --name NAME, or list the peers here");
  *loaded = {.model = {}, .errors = places.Take(), .warnings = {}};
}

Error CannotRead(const std::string& path, const Error& why) {
  return {why.code, "cannot be read: " + why.message, path};
}

}  // namespace fairlead::control
