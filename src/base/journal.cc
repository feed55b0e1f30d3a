#include "base/journal.h"

#include <sys/stat.h>

#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <system_error>

namespace fairlead {
namespace {

// Takes the number that `text` begins with.
std::optional<uint64_t> TakeNumber(std::string_view* text) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
  if (error != std::errc{}) return std::nullopt;
  text->remove_prefix(static_cast<size_t>(end - text->data()));
  return number;
}

struct Level {
  std::string_view word, priority;
};
constexpr Level kLevels[] = {
    {"debug", "<7>"}, {"info", "<6>"}, {"warning", "<4>"}, {"error", "<3>"}};

}  // namespace

bool IsJournal(int descriptor) noexcept {
  const char* variable = std::getenv("JOURNAL_STREAM");
  if (variable == nullptr) return false;
  std::string_view text = variable;
  const auto device = TakeNumber(&text);
  if (!device || !text.starts_with(':')) return false;
  text.remove_prefix(1);
  const auto inode = TakeNumber(&text);
  if (!inode || !text.empty()) return false;
  struct stat status {};
  return ::fstat(descriptor, &status) == 0 && status.st_dev == *device && status.st_ino == *inode;
}

std::string_view PriorityOf(std::string_view line) noexcept {
  // `time=… level=… msg=…`: in what comes after, the word may be anybody's.
  if (!line.starts_with("time=")) return {};
  const size_t blank = line.find(' ');
  if (blank == std::string_view::npos) return {};
  line.remove_prefix(blank + 1);
  if (!line.starts_with("level=")) return {};
  line.remove_prefix(6);
  const std::string_view word = line.substr(0, line.find(' '));
  for (const Level& level : kLevels) {
    if (word == level.word) return level.priority;
  }
  return {};
}

}  // namespace fairlead
