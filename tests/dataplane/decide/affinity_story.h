// Stories for the affinity property: what clients, reals and operators do, one plain step each.
//
//   const Story story = Draw(seed, 300);
//   Text(story);                             // "  connect 198.51.100.1:1030\n  drain 10.0.0.11\n"…
#pragma once

#include <algorithm>
#include <array>
#include <random>
#include <string>
#include <vector>

#include "dataplane/snapshot/snapshot.h"

namespace fairlead::dataplane::affinity {

enum class Do : uint8_t {
  kConnect,
  kData,
  kReply,
  kFin,
  kRst,
  kTurn,
  kSettle,
  kAdvance,
  kAddReal,
  kWeight,
  kScheduler,
  kUp,
  kQuiesce,
  kDrain,
  kDown,
  kRemove,
  kRevive,
};

// Plain values: what a step speaks of may be missing in a shrunk story; then it does nothing.
struct Step {
  Do what;
  uint32_t a = 0;  // client, real, seconds, number of the scheduler
  uint32_t b = 0;  // port, weight, what remains
};
using Story = std::vector<Step>;

constexpr uint32_t kClients = 6, kFirstReals = 4, kMaxReals = 8;
// The last: one that may find nobody although somebody could.
constexpr std::array kSchedulers = {sched::Kind::kRr,  sched::Kind::kWrr, sched::Kind::kLc,
                                    sched::Kind::kWlc, sched::Kind::kMh,  sched::Kind::kSh};
constexpr std::array kLeft = {Remains::kContinue, Remains::kHold, Remains::kExpire,
                              Remains::kReset};
constexpr const char* kLeftNames[] = {"continue", "hold", "expire", "reset"};

inline std::string ClientName(uint32_t client) {
  return "198.51.100." + std::to_string(client + 1);
}
inline std::string RealName(uint32_t real) { return "10.0.0." + std::to_string(real + 11); }

inline std::string Text(const Step& s) {
  const std::string flow = ClientName(s.a) + ":" + std::to_string(s.b), real = RealName(s.a);
  switch (s.what) {
    case Do::kConnect:
      return "connect " + flow;
    case Do::kData:
      return "data " + flow;
    case Do::kReply:
      return "reply " + flow;
    case Do::kFin:
      return "FIN " + flow;
    case Do::kRst:
      return "RST " + flow;
    case Do::kTurn:
      return "turn of some worker";
    case Do::kSettle:
      return "settle";
    case Do::kAdvance:
      return "advance " + std::to_string(s.a) + " s";
    case Do::kAddReal:
      return "add a real";
    case Do::kWeight:
      return "weight " + real + " " + std::to_string(s.b);
    case Do::kScheduler:
      return "scheduler " + std::string(KindName(kSchedulers[s.a]));
    case Do::kUp:
      return "up " + real;
    case Do::kQuiesce:
      return "quiesce " + real;
    case Do::kDrain:
      return "drain " + real;
    case Do::kDown:
      return "down " + real;
    case Do::kRemove:
      return "remove " + real + " (" + kLeftNames[s.b] + ")";
    case Do::kRevive:
      return "revive " + real;
  }
  return "?";
}

inline std::string Text(const Story& story) {
  std::string text;
  for (const Step& step : story) text += "  " + Text(step) + "\n";
  return text;
}

// Timers stay out of it: a story is over before any template or established connection could be.
constexpr uint32_t kLongestSeconds = 240, kEstablished = 300, kPersistence = 600, kQuiet = 1000;

inline Story Draw(uint32_t seed, size_t steps) {
  std::mt19937 random(seed);
  const auto below = [&](uint32_t n) { return static_cast<uint32_t>(random() % n); };
  Story story, connects;
  uint32_t seconds = 0;
  while (story.size() < steps) {
    const uint32_t dice = below(100), real = below(kMaxReals);
    if (dice < 28 || connects.empty()) {
      story.push_back({Do::kConnect, below(kClients), 1024 + below(30)});
      connects.push_back(story.back());
    } else if (dice < 56) {
      const Step& flow = connects[below(static_cast<uint32_t>(connects.size()))];
      constexpr std::array kinds = {Do::kData,  Do::kData,  Do::kData, Do::kData, Do::kReply,
                                    Do::kReply, Do::kReply, Do::kFin,  Do::kRst};
      story.push_back({kinds[below(kinds.size())], flow.a, flow.b});
    } else if (dice < 70) {
      story.push_back({Do::kTurn});
    } else if (dice < 76) {
      story.push_back({Do::kSettle});
    } else if (dice < 80) {
      const uint32_t step = std::min(1 + below(20), kLongestSeconds - seconds);
      seconds += step;
      story.push_back({Do::kAdvance, step});
    } else if (dice < 81) {
      story.push_back({Do::kAddReal});
    } else if (dice < 84) {
      story.push_back({Do::kWeight, real, 1 + below(5)});
    } else if (dice < 85) {
      story.push_back({Do::kScheduler, below(kSchedulers.size())});
    } else {
      constexpr std::array kinds = {Do::kUp,    Do::kUp,   Do::kUp,     Do::kRevive,  Do::kRevive,
                                    Do::kDrain, Do::kDown, Do::kRemove, Do::kQuiesce, Do::kQuiesce};
      story.push_back({kinds[below(kinds.size())], real, below(kLeft.size())});
    }
  }
  return story;
}

}  // namespace fairlead::dataplane::affinity
