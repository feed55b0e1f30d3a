#include "cli/config_edit.h"

#include <algorithm>
#include <optional>
#include <unordered_map>
#include <utility>

#include "cli/entry_edits.h"
#include "cli/map_edit.h"
#include "cli/service_tree.h"
#include "cli/text_edits.h"
#include "control/config/dump.h"

namespace fairlead::cli {

namespace {

using control::ConfigModel;
using control::RealConfig;
using control::ServiceConfig;
using control::YamlNode;

std::string RealName(const RealConfig& real) {
  return "real " + Endpoint{real.address, Be16::FromHost(real.port)}.ToString();
}

// How a list becomes another one: most of what is in both stays where it is.
struct ListPlan {
  static constexpr ptrdiff_t kNone = -1;
  std::vector<bool> goes;         // of the old ones
  std::vector<ptrdiff_t> stays;   // of each new one the old one that stays, or kNone
  std::vector<ptrdiff_t> before;  // of each new one the last that stays before it

  [[nodiscard]] bool is_emptied() const {
    return std::ranges::count(goes, true) == std::ssize(goes);
  }
};

// The longest rising run of `places` (patience sorting); kNone is passed over.
std::vector<bool> LongestRising(const std::vector<ptrdiff_t>& places) {
  std::vector<size_t> tops;
  std::vector<ptrdiff_t> previous(places.size(), ListPlan::kNone);
  for (size_t i = 0; i < places.size(); ++i) {
    if (places[i] == ListPlan::kNone) continue;
    const auto top =
        std::ranges::lower_bound(tops, places[i], {}, [&](size_t index) { return places[index]; });
    if (top != tops.begin()) previous[i] = static_cast<ptrdiff_t>(*(top - 1));
    if (top == tops.end()) {
      tops.push_back(i);
    } else {
      *top = i;
    }
  }
  std::vector<bool> is_in(places.size());
  for (ptrdiff_t i = tops.empty() ? ListPlan::kNone : static_cast<ptrdiff_t>(tops.back());
       i != ListPlan::kNone; i = previous[static_cast<size_t>(i)]) {
    is_in[static_cast<size_t>(i)] = true;
  }
  return is_in;
}

ListPlan PlanOf(const std::vector<std::string>& old_names,
                const std::vector<std::string>& new_names) {
  std::unordered_map<std::string, ptrdiff_t> known;
  for (size_t i = 0; i < old_names.size(); ++i) known[old_names[i]] = static_cast<ptrdiff_t>(i);
  ListPlan plan{std::vector<bool>(old_names.size(), true), {}, {}};
  for (const std::string& name : new_names) {
    const auto at = known.find(name);
    plan.stays.push_back(at == known.end() ? ListPlan::kNone : at->second);
  }
  const std::vector<bool> is_in = LongestRising(plan.stays);
  ptrdiff_t last = ListPlan::kNone;
  for (size_t i = 0; i < new_names.size(); ++i) {
    if (!is_in[i]) plan.stays[i] = ListPlan::kNone;
    plan.before.push_back(last);
    if (!is_in[i]) continue;
    last = plan.stays[i];
    plan.goes[static_cast<size_t>(last)] = false;
  }
  return plan;
}

std::vector<std::string> NamesOf(const SharedList<ServiceConfig>& services) {
  std::vector<std::string> names;
  for (const ServiceConfig& service : services) names.push_back(service.name);
  return names;
}

std::vector<std::string> NamesOf(const std::vector<RealConfig>& reals) {
  std::vector<std::string> names;
  for (const RealConfig& real : reals) names.push_back(RealName(real));
  return names;
}

YamlNode WithoutReals(const ServiceConfig& service) {
  ServiceConfig alone = service;
  alone.reals.clear();
  return TreeOfDump(control::DumpOf(alone));
}

class FileEditor {
 public:
  FileEditor(const std::string& text, const ConfigModel& from, const ConfigModel& to)
      : text_(text), root_(TreeOfDump(text)), yaml_(text, root_), from_(from), to_(to) {}

  ConfigEdit Edit() {
    const ListPlan plan = PlanOf(NamesOf(from_.services), NamesOf(to_.services));
    const YamlNode* const written = ValueAt(root_, "services");
    const size_t count = written != nullptr && written->is_list() ? written->items.size() : 0;
    if (!root_.is_map() || count != from_.services.size()) {
      left_.emplace_back("services");
      return Finish();
    }
    std::vector<YamlNode> trees;
    std::vector<std::string> names, old_names;
    for (size_t i = 0; i < to_.services.size(); ++i) {
      const ServiceConfig& service = to_.services[i];
      names.push_back("service " + service.name);
      const ptrdiff_t old = plan.stays[i];
      trees.push_back(old == ListPlan::kNone ? TreeOfNew(service, from_) : YamlNode{});
      if (old != ListPlan::kNone) {
        EditService(from_.services[static_cast<size_t>(old)], service,
                    written->items[static_cast<size_t>(old)]);
      }
    }
    for (const ServiceConfig& service : from_.services)
      old_names.push_back("service " + service.name);
    EditList("services", root_, plan, trees, names, old_names);
    return Finish();
  }

  ConfigEdit EditShared() {
    const auto compare = [&](const YamlNode& above, const std::string& key, const YamlNode& was,
                             const YamlNode& is) {
      if (IsSame(was, is)) return;
      const YamlNode* const written = ValueAt(above, key);
      MapEdit map(yaml_, &edits_, &left_);
      if (written == nullptr) return map.Add(above, key, Differing(is, was), "the file");
      if (!written->is_map()) return left_.push_back(key);
      map.Compare(was, is, *written, key);
    };
    compare(root_, "policy", TreeOfDump(control::DumpOf(from_.policy)),
            TreeOfDump(control::DumpOf(to_.policy)));
    const YamlNode was = TreeOfDump(control::DumpOf(from_.defaults.timeouts));
    const YamlNode is = TreeOfDump(control::DumpOf(to_.defaults.timeouts));
    const YamlNode* const defaults = ValueAt(root_, "defaults");
    if (defaults != nullptr && defaults->is_map()) {
      compare(*defaults, "timeouts", was, is);
    } else {
      compare(root_, "defaults", Under("timeouts", was), Under("timeouts", is));
    }
    return Finish();
  }

 private:
  static YamlNode Under(const std::string& key, const YamlNode& value) {
    YamlNode map;
    map.kind = YamlNode::Kind::kMap;
    map.keys = {{.text = key, .mark = {}}};
    map.items = {value};
    return map;
  }

  ConfigEdit Finish() {
    auto text = edits_.ApplyTo(text_);
    if (!text) return {text_, {}, {"services"}};
    return {*std::move(text), edits_.Changes(yaml_), left_};
  }

  void EditService(const ServiceConfig& from, const ServiceConfig& to, const YamlNode& written) {
    if (from == to) return;
    const std::string whose = "service " + to.name;
    if (!written.is_map()) return left_.push_back(whose);
    MapEdit map(yaml_, &edits_, &left_);
    map.Compare(WithoutReals(from), WithoutReals(to), written, whose);
    EditReals(from, to, written);
  }

  void EditReals(const ServiceConfig& from, const ServiceConfig& to, const YamlNode& service) {
    if (from.reals == to.reals) return;
    const std::string of = " of service " + to.name;
    const YamlNode* const written = ValueAt(service, "reals");
    const ListPlan plan = PlanOf(NamesOf(from.reals), NamesOf(to.reals));
    const size_t count = written != nullptr && written->is_list() ? written->items.size() : 0;
    if (count != from.reals.size()) return left_.push_back("service " + to.name + ": reals");
    std::vector<YamlNode> trees;
    std::vector<std::string> names, old_names;
    for (size_t i = 0; i < to.reals.size(); ++i) {
      names.push_back(RealName(to.reals[i]) + of);
      const ptrdiff_t old = plan.stays[i];
      trees.push_back(old == ListPlan::kNone ? TreeOfNew(to.reals[i], to) : YamlNode{});
      if (old == ListPlan::kNone) continue;
      EditReal(from.reals[static_cast<size_t>(old)], to.reals[i],
               written->items[static_cast<size_t>(old)], to.name);
    }
    for (const RealConfig& real : from.reals) old_names.push_back(RealName(real) + of);
    EditList("reals", service, plan, trees, names, old_names);
  }

  void EditReal(const RealConfig& from, const RealConfig& to, const YamlNode& written,
                const std::string& service) {
    if (from == to) return;
    const std::string whose = "service " + service + ": " + RealName(to);
    if (!written.is_map()) return left_.push_back(whose);
    MapEdit(yaml_, &edits_, &left_)
        .Compare(TreeOfDump(control::DumpOf(from)), TreeOfDump(control::DumpOf(to)), written,
                 whose);
  }

  // `map` has the list under `key`, or is to have it.
  void EditList(const std::string& key, const YamlNode& map, const ListPlan& plan,
                const std::vector<YamlNode>& trees, const std::vector<std::string>& names,
                const std::vector<std::string>& old_names) {
    std::vector<EntryEdits::New> added;
    for (size_t i = 0; i < trees.size(); ++i) {
      if (plan.stays[i] != ListPlan::kNone) continue;
      added.push_back({plan.before[i], &trees[i], names[i] + " added"});
    }
    std::vector<std::string> cut;
    for (const std::string& name : old_names) cut.push_back(name + " removed");
    const bool has_cut = std::ranges::count(plan.goes, true) > 0;
    TextEdits together = edits_;
    if ((has_cut && !CutFrom(key, map, plan, cut, !added.empty(), &together)) ||
        (!added.empty() && !PutInto(key, map, plan, added, &together))) {
      for (size_t i = 0; i < cut.size(); ++i) {
        if (plan.goes[i]) left_.push_back(cut[i]);
      }
      for (const EntryEdits::New& item : added) left_.push_back(item.what);
      return;
    }
    edits_ = std::move(together);
  }

  bool CutFrom(const std::string& key, const YamlNode& map, const ListPlan& plan,
               const std::vector<std::string>& what, bool is_refilled, TextEdits* edits) {
    const auto key_end = KeyEndOf(key, map);
    return key_end &&
           EntryEdits(yaml_, edits).Cut(*ValueAt(map, key), plan.goes, what, *key_end, is_refilled);
  }

  bool PutInto(const std::string& key, const YamlNode& map, const ListPlan& plan,
               const std::vector<EntryEdits::New>& added, TextEdits* edits) {
    EntryEdits entries(yaml_, edits);
    const YamlNode* const list = ValueAt(map, key);
    if (list != nullptr && !list->items.empty()) {
      return entries.Insert(*list, added, plan.is_emptied());
    }
    const auto key_end = KeyEndOf(key, map);
    if (list != nullptr && !yaml_.IsFlow(map)) {
      for (const control::YamlKey& k : map.keys) {
        if (k.text != key || !key_end) continue;
        if (entries.Fill(*list, *key_end, k.mark.column - 1, key == "reals", added)) return true;
      }
    }
    return PutList(key, map, list, added, edits);
  }

  // A list that the map does not have yet, or has empty in brackets.
  bool PutList(const std::string& key, const YamlNode& map, const YamlNode* list,
               const std::vector<EntryEdits::New>& added, TextEdits* edits) {
    std::string items;
    for (const EntryEdits::New& item : added) {
      items += (items.empty() ? "" : ", ") + yaml_.Flow(*item.node);
    }
    if (list != nullptr) {
      if (!list->is_list()) return false;
      edits->Put(yaml_.OffsetOf(list->mark) + 1, 0, items, added[0].what);
    } else if (yaml_.IsFlow(map)) {
      edits->Put(yaml_.OffsetOf(map.mark) + 1, 0, " " + yaml_.Key(key) + "[" + items + "],",
                 added[0].what);
    } else {
      const auto end = yaml_.EndOf(map);
      if (!end || !yaml_.IsRestBlank(*end)) return false;
      const EntryEdits entries(yaml_, edits);
      const std::string blanks(map.keys[0].mark.column - 1, ' ');
      edits->Put(yaml_.LineEnd(*end), 0, "\n" + blanks + key + ":", "");
      for (const EntryEdits::New& item : added) {
        const std::string lines = entries.LinesOf(item, blanks.size() + 2, key == "reals");
        edits->Put(yaml_.LineEnd(*end), 0, "\n" + lines, item.what);
      }
    }
    return true;
  }

  [[nodiscard]] std::optional<size_t> KeyEndOf(const std::string& key, const YamlNode& map) const {
    for (const control::YamlKey& k : map.keys) {
      if (k.text == key) return yaml_.KeyEnd(k);
    }
    return std::nullopt;
  }

  const std::string& text_;
  const YamlNode root_;
  const YamlText yaml_;
  const ConfigModel& from_;
  const ConfigModel& to_;
  TextEdits edits_;
  std::vector<std::string> left_;
};

}  // namespace

ConfigEdit EditServices(const std::string& text, const ConfigModel& from, const ConfigModel& to) {
  return FileEditor(text, from, to).Edit();
}

ConfigEdit EditShared(const std::string& text, const ConfigModel& from, const ConfigModel& to) {
  return FileEditor(text, from, to).EditShared();
}

// "service web: quorum", "real 10.0.0.11:80 of service web removed". A longer name begins alike.
bool IsAbout(const std::string& left, const std::string& service) {
  if (left == "services") return true;
  const std::string name = "service " + service;
  for (size_t at = left.find(name); at != std::string::npos; at = left.find(name, at + 1)) {
    const size_t end = at + name.size();
    const bool is_begin = at == 0 || left[at - 1] == ' ';
    if (is_begin && (end == left.size() || left[end] == ':' || left[end] == ' ')) return true;
  }
  return false;
}

}  // namespace fairlead::cli
