#include "control/survival/state_store.h"

#include "base/log.h"
#include "control/survival/stored_file.h"

namespace fairlead::control {
namespace {

// Nothing when there is no such file, or none that can be used.
template <typename T, typename Decode>
std::optional<T> Read(const std::string& directory, const StoredKind& kind, const char* effect,
                      Decode decode, std::vector<std::string>* problems) {
  const Result<std::optional<StoredContents>> contents = ReadStored(directory, kind);
  if (contents && !*contents) return std::nullopt;
  Result<T> value = contents ? decode(**contents) : Result<T>(contents.error());
  if (value) return *std::move(value);
  const Error error{value.error().code, value.error().message,
                    directory + "/" + std::string(kind.name)};
  problems->push_back(error.ToString() + "; " + effect);
  return std::nullopt;
}

}  // namespace

KeptState ReadState(const std::string& directory, uint32_t real_capacity) {
  KeptState state;
  state.names = Read<StoredNames>(
      directory, kNamesFile, "the tables start empty",
      [real_capacity](const StoredContents& names) {
        return DecodeNames(names.bytes, real_capacity, names.version);
      },
      &state.problems);
  const size_t before = state.problems.size();
  state.intent = Read<StoredIntent>(
      directory, kIntentFile,
      "a start takes the configuration file alone, without changes by hand, and keeps them in "
      "intent.refused: to have them again, stop the director, rename that to intent and start the "
      "version of fairleadd that has written it",
      [](const StoredContents& intent) { return DecodeIntent(intent.bytes, intent.version); },
      &state.problems);
  state.is_intent_refused = state.problems.size() > before;
  auto health = Read<KnownHealth>(
      directory, kHealthFile, "all real servers count as up until a check says otherwise",
      [](const StoredContents& checks) { return DecodeHealth(checks.bytes); }, &state.problems);
  if (health) state.health = *std::move(health);
  return state;
}

void SetAsideRefused(const std::string& directory, const KeptState& state) {
  if (!state.is_intent_refused || SetAsideStored(directory, kIntentFile)) return;
  LogWarning("cannot keep the changes by hand that cannot be read: they will be overwritten",
             {{"file", directory + "/" + kIntentFile.name}});
}

}  // namespace fairlead::control
