// One key of the configuration file, declared once: its name, where its value lives, what it may
// be, and what it does.
//
//   constexpr ConfigKey<TimeoutsConfig> kTimeoutKeys[] = {
//       TimeKey<&TimeoutsConfig::tcp>("tcp", {1s, 31d}, "established"), …};
//
//   ReadKeys(reader, kTimeoutKeys, &timeouts);         // what the map has, with a problem for each
//                                                      // value that cannot be
//   for (const auto& key : kTimeoutKeys) key.text(timeouts);   // "15m": as the file would have it
//   constexpr auto names = NamesOf(kTimeoutKeys);      // for the schema
//
// The tables are in keys.h. Reader, dump, schema, inheritance of a change by hand and the table in
// docs/configuration.md follow from them; the default is the member's own initializer. Threads:
// constants and pure functions.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <type_traits>

#include "control/config/json_words.h"
#include "control/config/map_reader.h"
#include "control/config/names.h"
#include "control/config/schema.h"
#include "control/config/units.h"
#include "control/config/yaml_writer.h"

namespace fairlead::control {

template <typename Config>
struct ConfigKey {
  std::string_view name;
  std::string_view effect;    // the first words of its row in the documentation
  uint64_t min = 0, max = 0;  // of numbers; of times in milliseconds
  void (*read)(MapReader& reader, const ConfigKey& key, Config& config) = nullptr;
  // As it stands in the file; empty: there is nothing to write down.
  std::string (*text)(const Config& config) = nullptr;
  bool (*is_equal)(const Config& a, const Config& b) = nullptr;
  void (*assign)(const Config& from, Config& to) = nullptr;
  // What the documentation says of type and range.
  std::string (*range)(const ConfigKey& key) = nullptr;
  std::string_view range_words{};    // instead of `range`
  std::string_view default_words{};  // instead of the text of a default
  // Instead of `text`, what takes more than a line.
  void (*dump)(Writer& w, const Config& config) = nullptr;
  bool is_text = false;  // JSON has it as text, whatever it looks like
  // What it may be, as JSON Schema (json_schema.h).
  std::string (*schema)(const ConfigKey& key) = nullptr;
  std::string_view schema_words{};  // instead of `schema`
  // For some types of the section only, and what else to say. Null: for all.
  bool (*applies)(const Config& config) = nullptr;
  std::string_view refusal{};

  constexpr ConfigKey Default(std::string_view words) const {
    ConfigKey key = *this;
    key.default_words = words;
    return key;
  }
  constexpr ConfigKey DumpedBy(void (*write)(Writer&, const Config&)) const {
    ConfigKey key = *this;
    key.dump = write;
    return key;
  }
  constexpr ConfigKey Schema(std::string_view words) const {
    ConfigKey key = *this;
    key.schema_words = words;
    return key;
  }
  constexpr ConfigKey OnlyWhen(bool (*is_so)(const Config&), std::string_view otherwise) const {
    ConfigKey key = *this;
    key.applies = is_so;
    key.refusal = otherwise;
    return key;
  }
};

template <typename T, typename Config>
Config ConfigOf(T Config::*);
template <typename T, typename Config>
T ValueOf(T Config::*);

// A key whose value is in these members, all but its reading and writing.
template <auto kMember, auto... kMore>
constexpr auto KeyAt(std::string_view name, std::string_view effect) {
  using Config = decltype(ConfigOf(kMember));
  using Value = decltype(ValueOf(kMember));
  ConfigKey<Config> key{.name = name, .effect = effect};
  key.is_equal = [](const Config& a, const Config& b) {
    return a.*kMember == b.*kMember && ((a.*kMore == b.*kMore) && ...);
  };
  key.assign = [](const Config& from, Config& to) {
    to.*kMember = from.*kMember;
    ((to.*kMore = from.*kMore), ...);
  };
  key.is_text =
      std::is_same_v<Value, std::string> || std::is_same_v<Value, std::vector<std::string>>;
  return key;
}

struct TimeRange {
  Duration min, max;
};

inline constexpr std::string_view kTextSchema = R"({"$ref": "#/$defs/text"})";

// A text; empty: there is nothing to write down.
template <auto kMember, void (*kRead)(MapReader&, std::string_view, std::string*)>
constexpr auto TextKey(std::string_view name, std::string_view range, std::string_view effect) {
  using Config = decltype(ConfigOf(kMember));
  auto key = KeyAt<kMember>(name, effect);
  key.read = [](MapReader& reader, const ConfigKey<Config>& own, Config& config) {
    kRead(reader, own.name, &(config.*kMember));
  };
  key.text = [](const Config& config) {
    return (config.*kMember).empty() ? std::string() : Scalar(config.*kMember);
  };
  key.range_words = range;
  key.schema_words = kTextSchema;
  return key;
}

// 0, which no such key can be set to, is not written.
template <auto kMember>
constexpr auto TimeKey(std::string_view name, TimeRange range, std::string_view effect) {
  using Config = decltype(ConfigOf(kMember));
  auto key = KeyAt<kMember>(name, effect);
  key.min = static_cast<uint64_t>(range.min.count());
  key.max = static_cast<uint64_t>(range.max.count());
  key.read = [](MapReader& reader, const ConfigKey<Config>& own, Config& config) {
    reader.Time(own.name, &(config.*kMember), Duration(own.min), Duration(own.max));
  };
  key.text = [](const Config& config) {
    return config.*kMember == Duration{0} ? std::string() : FormatDuration(config.*kMember);
  };
  key.schema_words = R"({"$ref": "#/$defs/duration"})";
  key.range = [](const ConfigKey<Config>& own) {
    return "duration, " + FormatDuration(Duration(own.min)) + "–" +
           FormatDuration(Duration(own.max));
  };
  return key;
}

// Also std::optional of a number: none is not written.
template <auto kMember>
constexpr auto NumberKey(std::string_view name, uint64_t min, uint64_t max,
                         std::string_view effect) {
  using Config = decltype(ConfigOf(kMember));
  using Value = decltype(ValueOf(kMember));
  auto key = KeyAt<kMember>(name, effect);
  key.min = min;
  key.max = max;
  key.schema = [](const ConfigKey<Config>& own) { return WholeFrom(own.min, own.max); };
  key.range = [](const ConfigKey<Config>& own) {
    return std::to_string(own.min) + "–" + std::to_string(own.max);
  };
  if constexpr (std::is_integral_v<Value>) {
    key.read = [](MapReader& reader, const ConfigKey<Config>& own, Config& config) {
      reader.Number(own.name, &(config.*kMember), own.min, own.max);
    };
    key.text = [](const Config& config) { return std::to_string(config.*kMember); };
  } else {
    key.read = [](MapReader& reader, const ConfigKey<Config>& own, Config& config) {
      typename Value::value_type value{};
      if (reader.Number(own.name, &value, own.min, own.max)) config.*kMember = value;
    };
    key.text = [](const Config& config) {
      return config.*kMember ? std::to_string(*(config.*kMember)) : std::string();
    };
  }
  return key;
}

template <auto kMember>
constexpr auto BoolKey(std::string_view name, std::string_view effect) {
  using Config = decltype(ConfigOf(kMember));
  auto key = KeyAt<kMember>(name, effect);
  key.read = [](MapReader& reader, const ConfigKey<Config>& own, Config& config) {
    reader.Bool(own.name, &(config.*kMember));
  };
  key.text = [](const Config& config) { return std::string(config.*kMember ? "true" : "false"); };
  key.schema_words = R"({"type": "boolean"})";
  key.range_words = "bool";
  return key;
}

// A word of an enum in names.h; kPlanned: words that mean something here but not in this version.
inline constexpr std::array<std::string_view, 0> kNothingPlanned{};
template <auto kMember, const auto& kPlanned = kNothingPlanned>
constexpr auto WordKey(std::string_view name, std::string_view effect) {
  using Config = decltype(ConfigOf(kMember));
  using Value = decltype(ValueOf(kMember));
  auto key = KeyAt<kMember>(name, effect);
  key.read = [](MapReader& reader, const ConfigKey<Config>& own, Config& config) {
    reader.Word(own.name, &(config.*kMember), kPlanned);
  };
  key.text = [](const Config& config) { return std::string(ToWord(config.*kMember)); };
  key.schema = [](const ConfigKey<Config>&) { return EnumOf<Value>(); };
  key.range = [](const ConfigKey<Config>&) {
    std::string words;
    for (const auto& [value, word] : kWords<Value>) {
      words += (words.empty() ? "`" : " \\| `") + std::string(word) + "`";
    }
    return words;
  };
  return key;
}

// A key with a reader and a writer of its own.
template <auto kMember, auto... kMore>
constexpr auto OwnKey(std::string_view name, std::string_view range,
                      void (*read)(MapReader&, const ConfigKey<decltype(ConfigOf(kMember))>&,
                                   decltype(ConfigOf(kMember))&),
                      std::string (*text)(const decltype(ConfigOf(kMember))&),
                      std::string_view effect) {
  auto key = KeyAt<kMember, kMore...>(name, effect);
  key.read = read;
  key.text = text;
  key.range_words = range;
  return key;
}

// What the map has of them, into *config.
template <typename Keys, typename Config>
void ReadKeys(MapReader& reader, const Keys& keys, Config* config) {
  for (const ConfigKey<Config>& key : keys) key.read(reader, key, *config);
}

// What `config` has of them, as lines of the map.
template <typename Keys, typename Config>
void DumpKeys(Writer& w, const Keys& keys, const Config& config) {
  for (const ConfigKey<Config>& key : keys) {
    if (key.applies != nullptr && !key.applies(config)) continue;
    if (key.dump != nullptr) {
      key.dump(w, config);
    } else if (const std::string text = key.text(config); !text.empty()) {
      w.Key(key.name, text);
    }
  }
}

// The same as a map of that name.
template <typename Keys, typename Config>
void DumpSection(Writer& w, std::string_view name, const Keys& keys, const Config& config) {
  w.Open(name, false);
  DumpKeys(w, keys, config);
  w.Close();
}

// Reports the keys that the map has and that are not for such a config.
template <typename Keys, typename Config>
void RefuseKeys(MapReader& reader, const Keys& keys, const Config& config) {
  for (const ConfigKey<Config>& key : keys) {
    if (key.applies == nullptr || key.applies(config) || !reader.Has(key.name)) continue;
    reader.problems().Add(reader.PathOf(key.name), std::string(key.refusal));
  }
}

// `config` with the value in `now` of every key that has its value of `old`.
template <typename Keys, typename Config>
Config Inherit(const Keys& keys, Config config, const Config& old, const Config& now) {
  for (const ConfigKey<Config>& key : keys) {
    if (key.is_equal(config, old)) key.assign(now, config);
  }
  return config;
}

// For a section of the schema.
template <typename Config, size_t N>
constexpr std::array<KeyInfo, N> NamesOf(const ConfigKey<Config> (&keys)[N]) {
  std::array<KeyInfo, N> names{};
  for (size_t i = 0; i < N; ++i) names[i] = {.name = keys[i].name, .is_text = keys[i].is_text};
  return names;
}

// A row's cells in docs/configuration.md.
template <typename Config>
std::string RangeOf(const ConfigKey<Config>& key) {
  return key.range == nullptr ? std::string(key.range_words) : key.range(key);
}
// JSON Schema of its value.
template <typename Config>
std::string SchemaOf(const ConfigKey<Config>& key) {
  if (!key.schema_words.empty()) return std::string(key.schema_words);
  return key.schema == nullptr ? "true" : key.schema(key);
}
template <typename Config>
std::string DefaultOf(const ConfigKey<Config>& key) {
  if (!key.default_words.empty()) return std::string(key.default_words);
  const std::string text = key.text(Config{});
  return text.empty() ? "none" : text;
}

}  // namespace fairlead::control
