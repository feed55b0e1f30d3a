// redis: AUTH when there is a password, then PING, as RESP arrays. One line of kMostRedisLine bytes
// answers each.
#include <algorithm>
#include <initializer_list>

#include "control/health/dialogue/line_reader.h"
#include "control/health/dialogue/make_dialogue.h"

namespace fairlead::control {
namespace {

constexpr size_t kMostRedisLine = 1024;
constexpr size_t kMostErrorCode = 16;  // "-WRONGPASS"

// A command of these words, as a RESP array.
std::string RespArray(std::initializer_list<std::string_view> words) {
  std::string bytes = "*";
  bytes.append(std::to_string(words.size())).append("\r\n");
  for (const std::string_view word : words) {
    bytes.append("$").append(std::to_string(word.size())).append("\r\n");
    bytes.append(word).append("\r\n");
  }
  return bytes;
}

class RedisDialogue : public Dialogue {
 public:
  explicit RedisDialogue(RedisProbe redis) : redis_(std::move(redis)) {}

 protected:
  void OnBegin() override {
    is_authenticating_ = !redis_.password.empty();
    if (!is_authenticating_) return Ping();
    Send(redis_.user.empty() ? RespArray({"AUTH", redis_.password})
                             : RespArray({"AUTH", redis_.user, redis_.password}));
  }

  void OnBytes(std::string_view bytes) override {
    lines_.Feed(bytes);
    while (const auto line = lines_.Next()) {
      OnLine(*line);
      if (is_over()) return;
    }
    if (lines_.is_too_long()) Reject("a redis line of more than 1 KiB");
  }

 private:
  void OnLine(const std::string& line) {
    if (is_authenticating_) {
      if (line != "+OK") return Reject("redis " + Named(line) + " instead of OK after AUTH");
      is_authenticating_ = false;
      return Ping();
    }
    if (line != "+PONG") return Reject("redis " + Named(line) + " instead of PONG");
    Accept("redis PONG");
  }

  // A server that does not know AUTH repeats its words, and the password with them: of what is said
  // after it only the code of an error is named.
  [[nodiscard]] std::string Named(const std::string& line) const {
    if (redis_.password.empty()) return Quoted(line);
    const std::string code = line.substr(0, line.find(' '));
    const bool is_code =
        code.size() > 1 && code.size() <= kMostErrorCode && code[0] == '-' &&
        std::all_of(code.begin() + 1, code.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
    return is_code ? Quoted(code) : "another answer";
  }

  void Ping() { Send(RespArray({"PING"})); }

  const RedisProbe redis_;
  LineReader lines_{kMostRedisLine};
  bool is_authenticating_ = false;
};

}  // namespace

std::unique_ptr<Dialogue> MakeRedisDialogue(const RedisProbe& redis) {
  return std::make_unique<RedisDialogue>(redis);
}

}  // namespace fairlead::control
