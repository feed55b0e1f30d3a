#include "control/config/config_loader.h"

#include <algorithm>
#include <charconv>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "control/config/merge_patch.h"
#include "control/config/read_file.h"
#include "control/config/section_readers.h"
#include "control/config/validate.h"

namespace fairlead::control {
namespace {

constexpr size_t kNone = ~size_t{0};
constexpr std::string_view kServices = "services";

std::string CopyOf(const TextPiece& piece, std::string_view text) {
  return std::string(piece.In(text));
}

std::string PathOfService(size_t place) { return "services[" + std::to_string(place) + "]"; }

// The items of `services`; null when the tree has none.
const YamlNode* ServicesOf(const YamlNode& root) {
  if (!root.is_map()) return nullptr;
  for (size_t i = 0; i < root.keys.size(); ++i) {
    if (root.keys[i].text == kServices && root.items[i].is_list()) return &root.items[i];
  }
  return nullptr;
}

// Whether the pieces are the services that the parser has found.
bool AreTheItems(const ServicePieces& pieces, const YamlNode& services) {
  if (pieces.services.size() != services.items.size()) return false;
  for (size_t i = 0; i < pieces.services.size(); ++i) {
    const uint32_t line = services.items[i].mark.line;
    const uint32_t end = i + 1 < pieces.services.size() ? pieces.services[i + 1].line : UINT32_MAX;
    if (line < pieces.services[i].line || line >= end) return false;
  }
  return true;
}

// Whether what stands behind the services begins with the key that the parser has found there. A
// line in the first column may also be the inside of a list in brackets or of a quoted text.
bool BeginsWithKey(const TextPiece& after, const YamlKey* next) {
  if (after.begin == after.end || next == nullptr)
    return after.begin == after.end && next == nullptr;
  return next->mark.line == after.line && next->mark.column == 1;
}

// The key behind `services`; null: it is the last.
const YamlKey* KeyBehindServices(const YamlNode& root) {
  for (size_t i = 0; i + 1 < root.keys.size(); ++i) {
    if (root.keys[i].text == kServices) return &root.keys[i + 1];
  }
  return nullptr;
}

// What services take from elsewhere, and what they are held against.
bool HaveOneFrame(const ConfigModel& a, const ConfigModel& b) {
  return a.defaults == b.defaults && a.policy == b.policy && a.ports == b.ports &&
         a.client_groups == b.client_groups &&
         std::ranges::equal(a.prefix_sets, b.prefix_sets, {}, &PrefixSet::name, &PrefixSet::name);
}

}  // namespace

LoadResult ConfigLoader::Load(const std::string& path) {
  auto text = ReadFile(path, kMaxYamlBytes);
  if (text) {
    LoadResult loaded = LoadText(*text, path);
    RefuseFleetPeers(*text, path, &loaded);
    return loaded;
  }
  return {.model = {}, .errors = {CannotRead(path, text.error())}, .warnings = {}};
}

LoadResult ConfigLoader::LoadText(std::string text, const std::string& file) {
  parsed_services_ = 0;
  if (last_ && !FindUnfit(text, kFileLimits, 1)) {
    if (auto pieces = CutServices(text)) {
      Loaded next;
      next.file = file;
      next.text = std::move(text);
      next.pieces = std::move(*pieces);
      if (auto result = LoadChanges(next)) return *std::move(result);
      text = std::move(next.text);
    }
  }
  prefix_files_.Begin();
  WholeFile whole = ReadWholeFile(text, file, prefix_files_);
  if (whole.result) {
    prefix_files_.End();
    parsed_services_ = whole.result.model->services.size();
    ShareServices(&*whole.result.model);
    services_ = whole.result.model->services;
    Remember(whole, std::move(text), file);
  }
  return std::move(whole.result);
}

void ConfigLoader::ShareServices(ConfigModel* model) const {
  std::unordered_map<std::string_view, size_t> by_name;
  for (size_t i = 0; i < services_.size(); ++i) by_name.emplace(services_[i].name, i);
  for (size_t i = 0; i < model->services.size(); ++i) {
    const auto known = by_name.find(model->services[i].name);
    if (known == by_name.end() || services_[known->second] != model->services[i]) continue;
    model->services.Set(i, services_.item(known->second));
  }
}

void ConfigLoader::Remember(const WholeFile& whole, std::string text, const std::string& file) {
  last_.reset();
  auto pieces = CutServices(text);
  const YamlNode* const services = ServicesOf(*whole.tree);
  if (!pieces || services == nullptr || !AreTheItems(*pieces, *services) ||
      !BeginsWithKey(pieces->after, KeyBehindServices(*whole.tree))) {
    return;
  }
  Loaded loaded;
  loaded.file = file;
  loaded.text = std::move(text);
  loaded.pieces = std::move(*pieces);
  loaded.model = *whole.result.model;
  loaded.other_nodes = CountNodes(*whole.tree);
  loaded.says_side_records = SaysSideRecords(FindKey(*whole.tree, "director"));
  for (const YamlNode& service : services->items) {
    loaded.nodes.push_back(CountNodes(service));
    loaded.other_nodes -= loaded.nodes.back();
  }
  loaded.places =
      std::make_shared<const Problems>(whole.places.PlacesWithout(std::string(kServices)));
  loaded.after_line = loaded.pieces.after.line;
  last_ = std::move(loaded);
}

std::optional<LoadResult> ConfigLoader::LoadChanges(Loaded& next) {
  if (!ReadSurroundings(&next) || !ReadServices(&next)) return std::nullopt;
  size_t nodes = next.other_nodes;
  for (const size_t each : next.nodes) nodes += each;
  if (nodes > kMaxYamlNodes || !AreDistinct(next.model.services)) return std::nullopt;
  if (!next.says_side_records) ChooseSideRecords(&next.model);
  // A service alone does not know who else has its addresses, and one that has not changed
  // may name a prefix set that has.
  Problems shared(next.file);
  ValidateTakenAddresses(next.model, shared);
  if (next.model.prefix_sets != last_->model.prefix_sets) CheckFullnat(next.model, shared);
  if (next.model.routes != last_->model.routes) ValidateServiceAddresses(next.model, shared);
  if (!shared.empty()) return std::nullopt;
  LoadResult result;
  bool has_places = true;
  ServicePlaces places;
  result.warnings = FindWarnings(next.model, [&](const std::string& path) {
    const auto where = has_places ? Where(next, path, &places) : std::nullopt;
    has_places &= where.has_value();
    return where.value_or(path);
  });
  if (!has_places) return std::nullopt;
  result.model = next.model;
  services_ = next.model.services;
  last_ = std::move(next);
  return result;
}

// ---- around the services ----------------------------------------------------------------------

bool ConfigLoader::ReadSurroundings(Loaded* next) {
  const auto is_same = [&](const TextPiece& mine, const TextPiece& theirs) {
    return mine.In(next->text) == theirs.In(last_->text);
  };
  if (next->file == last_->file && is_same(next->pieces.before, last_->pieces.before) &&
      is_same(next->pieces.after, last_->pieces.after) && prefix_files_.AreUnchanged()) {
    next->model = last_->model;
    next->other_nodes = last_->other_nodes;
    next->says_side_records = last_->says_side_records;
    next->places = last_->places;
    next->after_line = last_->after_line;
    return true;
  }
  Problems problems(next->file);
  auto root = ParseYaml(CopyOf(next->pieces.before, next->text), problems);
  if (!root || !root->is_map() || root->keys.empty() || root->keys.back().text != kServices ||
      root->items.back().kind != YamlNode::Kind::kNull) {
    return false;
  }
  root->items.back().kind = YamlNode::Kind::kList;
  const TextPiece& after = next->pieces.after;
  if (after.begin < after.end) {
    auto more = ParseYaml(CopyOf(after, next->text), problems, after.line);
    if (!more || !more->is_map() || more->keys.empty() ||
        !BeginsWithKey(after, more->keys.data())) {
      return false;
    }
    std::ranges::move(more->keys, std::back_inserter(root->keys));
    std::ranges::move(more->items, std::back_inserter(root->items));
  }
  MapReader reader(problems, *root, "", kRootSection);
  prefix_files_.Begin();
  next->model = ReadModel(reader, next->file, prefix_files_);
  Validate(next->model, problems);
  if (!problems.empty() || !HaveOneFrame(next->model, last_->model)) return false;
  prefix_files_.End();
  next->model.services = last_->model.services;
  next->other_nodes = CountNodes(*root);
  next->says_side_records = SaysSideRecords(FindKey(*root, "director"));
  next->places = std::make_shared<const Problems>(std::move(problems));
  next->after_line = after.line;
  return true;
}

// ---- services ---------------------------------------------------------------------------------

std::vector<size_t> ConfigLoader::MatchPieces(const Loaded& next) const {
  const std::vector<TextPiece>& mine = next.pieces.services;
  const std::vector<TextPiece>& theirs = last_->pieces.services;
  std::vector<size_t> matches(mine.size(), kNone);
  const auto text_of = [&](size_t i) { return mine[i].In(next.text); };
  const auto known_text = [&](size_t i) { return theirs[i].In(last_->text); };
  size_t first = 0, end = mine.size(), known_end = theirs.size();
  while (first < std::min(end, known_end) && text_of(first) == known_text(first)) {
    matches[first] = first;
    ++first;
  }
  while (end > first && known_end > first && text_of(end - 1) == known_text(known_end - 1)) {
    matches[--end] = --known_end;
  }
  std::unordered_map<std::string_view, size_t> known;
  for (size_t i = first; i < known_end; ++i) known.emplace(known_text(i), i);
  for (size_t i = first; i < end; ++i) {
    if (const auto it = known.find(text_of(i)); it != known.end()) matches[i] = it->second;
  }
  return matches;
}

bool ConfigLoader::ReadServices(Loaded* next) {
  const std::vector<size_t> matches = MatchPieces(*next);
  const SharedList<ServiceConfig> known = std::exchange(next->model.services, {});
  next->model.services.reserve(matches.size());
  next->nodes.reserve(matches.size());
  for (size_t i = 0; i < matches.size(); ++i) {
    if (matches[i] != kNone) {
      next->model.services.push_back(known.item(matches[i]));
      next->nodes.push_back(last_->nodes[matches[i]]);
    } else if (!ReadPiece(i, next)) {
      return false;
    }
  }
  return true;
}

bool ConfigLoader::ReadPiece(size_t place, Loaded* next) {
  const TextPiece& piece = next->pieces.services[place];
  ++parsed_services_;
  if (!IsSelfContained(piece.In(next->text))) return false;
  Problems problems(next->file);
  const auto tree = ParseYaml(CopyOf(piece, next->text), problems, piece.line);
  if (!tree || !tree->is_list() || tree->items.size() != 1) return false;
  ServiceConfig service;
  ReadService(MapReader(problems, tree->items[0], PathOfService(place), kServiceSection),
              next->model, service);
  next->model.services.push_back(std::move(service));
  next->nodes.push_back(CountNodes(tree->items[0]));
  ValidateService(next->model, place, problems);
  return problems.empty();
}

// ---- places -----------------------------------------------------------------------------------

// As Problems::Where after a load of the whole. What a service's paths are is found out again when
// somebody asks: keeping it for 100,000 reals would cost more memory than all else. Warnings come
// service by service, so the last one's are kept. Nothing when the piece does not say by itself.
std::optional<std::string> ConfigLoader::Where(const Loaded& loaded, const std::string& path,
                                               ServicePlaces* last) {
  const size_t head = kServices.size() + 1;
  size_t place = kNone;
  if (path.starts_with("services[")) {
    std::from_chars(path.data() + head, path.data() + path.size(), place);
  }
  Mark mark;
  if (place != kNone) {
    if (last->place != place) {
      auto places = PlacesOf(loaded, place);
      if (!places) return std::nullopt;
      *last = {place, std::move(places)};
    }
    mark = last->places->MarkOf(path);
  } else {
    mark = loaded.places->MarkOf(path);
    if (mark.line >= loaded.after_line && loaded.pieces.after.begin < loaded.text.size()) {
      mark.line += loaded.pieces.after.line - loaded.after_line;
    }
  }
  return mark.is_known() ? PlaceText(loaded.file, mark) : path;
}

std::unique_ptr<const Problems> ConfigLoader::PlacesOf(const Loaded& loaded, size_t place) {
  const TextPiece& piece = loaded.pieces.services[place];
  auto places = std::make_unique<Problems>(loaded.file);
  ++parsed_services_;
  if (!IsSelfContained(piece.In(loaded.text))) return nullptr;
  const auto tree = ParseYaml(CopyOf(piece, loaded.text), *places, piece.line);
  if (!tree || !tree->is_list() || tree->items.size() != 1) return nullptr;
  ServiceConfig service;
  ReadService(MapReader(*places, tree->items[0], PathOfService(place), kServiceSection),
              loaded.model, service);
  return places;
}

}  // namespace fairlead::control
