// agent: what HAProxy's agent-check understands, in the first line of at most kMostAgentLine bytes.
//
//   "up 75%\n"   "drain\n"   "ready, 100%"   "down # disk full\n"   "maxconn:30 up"
//
// What follows a # is a reason for people. A percentage beyond kMostPercent is nobody's mistake to
// guess at.
#include <algorithm>
#include <cctype>

#include "control/health/dialogue/line_reader.h"
#include "control/health/dialogue/make_dialogue.h"

namespace fairlead::control {
namespace {

constexpr size_t kMostAgentLine = 1024;
constexpr uint32_t kMostPercent = 1000;

using Mode = AgentWords::Mode;

// False: no word of agents.
bool Read(std::string_view word, AgentWords* words) {
  if (word.starts_with("maxconn:")) return true;  // there is no such limit here
  if (word == "ready" || word == "drain" || word == "maint") {
    words->mode = word == "ready" ? Mode::kReady : word == "drain" ? Mode::kDrain : Mode::kMaint;
    return true;
  }
  if (word == "up" || word == "down" || word == "failed" || word == "fail" || word == "stopped") {
    words->is_up = word == "up";
    return true;
  }
  if (word.size() < 2 || !word.ends_with('%')) return false;
  uint32_t percent = 0;
  for (const char c : word.substr(0, word.size() - 1)) {
    if (c < '0' || c > '9' || percent > kMostPercent) return false;
    percent = percent * 10 + static_cast<uint32_t>(c - '0');
  }
  words->percent = percent;
  return percent <= kMostPercent;
}

class AgentDialogue : public Dialogue {
 public:
  explicit AgentDialogue(const AgentProbe& agent) : send_(agent.send) {}

 protected:
  void OnBegin() override { Send(send_); }

  void OnBytes(std::string_view bytes) override {
    lines_.Feed(bytes);
    if (const auto line = lines_.Next()) {
      OnLine(*line);
    } else if (lines_.is_too_long()) {
      Reject("an agent's line of more than 1 KiB");
    }
  }
  void OnEnd() override {
    if (has_heard()) OnLine(lines_.rest());
  }

 private:
  void OnLine(std::string_view line) {
    const std::string_view said = line.substr(0, line.find('#'));
    constexpr std::string_view kBlanks = " \t,\r";
    AgentWords words;
    bool has_words = false;
    for (size_t at = said.find_first_not_of(kBlanks); at < said.size();
         at = said.find_first_not_of(kBlanks, at)) {
      const size_t end = std::min(said.find_first_of(kBlanks, at), said.size());
      std::string word(said.substr(at, end - at));
      for (char& c : word) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      if (!Read(word, &words)) return Reject("not an agent's answer: " + Quoted(line));
      has_words = true;
      at = end;
    }
    if (!has_words) return Reject("not an agent's answer: " + Quoted(line));
    set_agent(words);
    const std::string detail = "agent says " + Quoted(line);
    if (words.is_up == false) return Reject(detail);
    Accept(detail);
  }

  const std::string send_;
  LineReader lines_{kMostAgentLine};
};

}  // namespace

std::unique_ptr<Dialogue> MakeAgentDialogue(const AgentProbe& agent) {
  return std::make_unique<AgentDialogue>(agent);
}

}  // namespace fairlead::control
