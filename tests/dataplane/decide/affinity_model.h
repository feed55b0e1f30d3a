// What may become of clients while reals come and go, told without a table or a timer.
//
//   model.Connect({client, port});           // before the SYN goes in
//   model.SetState(real, RealState::kDrained);
//   std::string wrong = model.Note(sent);    // each frame that came out, in its order
//   wrong = model.NoteSettled();             // the rings are empty
//
// A client has one home. It may get another only when its real was drained, down or removed since;
// a quiesced real keeps its clients and gets no other; nobody else gets a connection at all; what
// is established stays, and arrives, while its real serves or is drained.
#pragma once

#include <array>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "affinity_story.h"
#include "byte_director.h"

namespace fairlead::dataplane::affinity {

enum class RealState : uint8_t { kUp, kQuiesced, kDrained, kDown, kRemoved };
constexpr const char* kStateNames[] = {"up", "quiesced", "drained", "down", "removed"};

// What may be, told by what was done and what came out. Reals are bits of a mask. A decision may
// be older than its packet, which waits in rings between workers: a SYN may use every real that was
// open at some time of its way.
class Model {
 public:
  struct Flow {
    int real = -1;           // of the last SYN that came out
    bool is_held = false;    // established at a real that serves it: may not move
    bool is_closed = false;  // a FIN or RST was sent: nothing is promised any more
    uint32_t owed = 0;       // packets that must come out
    // Of its SYNs that are under way.
    uint32_t syns = 0;
    bool is_known = false;     // the client had a home when it sent the first of them
    bool was_changed = false;  // reals have changed since
    uint32_t open = 0, up = 0;
  };
  using FlowKey = std::pair<uint32_t, uint32_t>;  // client, port

  void AddReal() {
    Change([&] { states.push_back(RealState::kUp); });
  }
  void SetState(uint32_t real, RealState state, Remains left = Remains::kServe) {
    Change([&] { states[real] = state; });
    const bool goes_on = left == Remains::kServe || left == Remains::kContinue;
    for (auto& [key, flow] : flows) {
      if (flow.real != static_cast<int>(real)) continue;
      if (!goes_on || state == RealState::kDown) flow.owed = 0;
      // A SYN may begin anew where a real is down; the others have ended, or will with a packet.
      if (state == RealState::kDown || (!goes_on && left != Remains::kHold)) flow.is_held = false;
    }
    if (IsOpen(real)) return;
    // Its templates are invalid, but only for who asks meanwhile: it may still be home afterwards.
    for (Client& client : clients_) client.may_move |= (client.homes & Bit(real)) != 0;
  }

  void Connect(FlowKey key) {
    Flow& flow = flows[key];
    if (flow.syns++ == 0) {
      flow.open = flow.up = 0;
      flow.is_known = !clients_[key.first].may_move;
    }
    Widen(&flow);
  }
  void Data(Flow* flow) {
    if (flow->is_held && states[Index(*flow)] != RealState::kRemoved) ++flow->owed;
  }
  void Close(Flow* flow) {
    flow->is_closed = true;
    flow->is_held = false;
    flow->owed = 0;
  }

  // What came out; in the words of ByteDirector's Text. Empty: as it should be.
  std::string Note(const Sent& sent) {
    const std::string text = dataplane::Text(sent.frame);
    if (text.find("BAD") != std::string::npos) return text;
    const size_t arrow = text.find(" <- ");
    const auto to = Endpoint::Parse(text.substr(0, arrow));
    const auto from =
        Endpoint::Parse(text.substr(arrow + 4, text.find(' ', arrow + 4) - arrow - 4));
    const size_t flags = text.find(" TCP ");
    if (!to || !from || flags == std::string::npos) return "";
    const bool is_forward = sent.port == kInside;
    const Endpoint& client = is_forward ? *from : *to;
    const Endpoint& server = is_forward ? *to : *from;
    const FlowKey key{(client.address.Fold() & 0xff) - 1, client.port.host()};
    const auto found = flows.find(key);
    if (found == flows.end()) return "nobody asked for " + text;
    Flow& flow = found->second;
    if (!is_forward) {
      const bool is_naked = server.address != *IpAddress::Parse("192.0.2.10");
      if (!is_naked || !flow.is_held || server.address.ToString() != RealName(Index(flow))) {
        return "";
      }
      return "a reply was not translated: " + text;
    }
    const uint32_t real = (server.address.Fold() & 0xff) - 11;
    if (text.compare(flags + 5, 2, "S ") == 0) return NoteSyn(key.first, &flow, real, text);
    if (static_cast<int>(real) != flow.real) return "a packet of a connection elsewhere: " + text;
    if (text.compare(flags + 5, 2, "A ") == 0) {
      flow.owed -= flow.owed > 0;
      // With the real removed or down its end may have begun already.
      flow.is_held |= !flow.is_closed && states[real] <= RealState::kDrained;
    }
    return "";
  }

  // The rings are empty: what has not come out will not.
  std::string NoteSettled() {
    std::string wrong;
    for (auto& [key, flow] : flows) {
      const std::string name = ClientName(key.first) + ":" + std::to_string(key.second);
      if (flow.owed > 0) wrong = name + ": a packet of an established connection was lost";
      if (flow.syns > 0 && flow.real < 0 && flow.is_known && !flow.was_changed) {
        wrong = name + ": refused, although the client has a home";
      }
      // Decided, and then held back by a removal: the template is there all the same.
      Client& client = clients_[key.first];
      if (flow.syns > 0 && client.may_move) client.homes |= flow.up;
      flow.syns = flow.owed = 0;
      flow.was_changed = false;
    }
    return wrong;
  }

  std::vector<RealState> states;
  std::map<FlowKey, Flow> flows;

 private:
  struct Client {
    uint32_t homes = 0;    // where its template may point to
    bool may_move = true;  // it has none, or its real was out since
  };

  static uint32_t Bit(uint32_t real) { return uint32_t{1} << real; }
  static uint32_t Index(const Flow& flow) { return static_cast<uint32_t>(flow.real); }
  [[nodiscard]] bool IsOpen(uint32_t real) const { return states[real] <= RealState::kQuiesced; }
  void Widen(Flow* flow) const {
    for (uint32_t r = 0; r < states.size(); ++r) {
      if (IsOpen(r)) flow->open |= Bit(r);
      if (states[r] == RealState::kUp) flow->up |= Bit(r);
    }
  }
  template <typename F>
  void Change(F&& change) {
    change();
    for (auto& [key, flow] : flows) {
      if (flow.syns == 0) continue;
      flow.was_changed = true;
      Widen(&flow);
    }
  }

  std::string NoteSyn(uint32_t number, Flow* flow, uint32_t real, const std::string& text) {
    // Another SYN of the client may have been decided first and come out later.
    bool was_changed = false;
    uint32_t up = flow->up;
    for (const auto& [key, other] : flows) {
      if (key.first != number || other.syns == 0) continue;
      was_changed |= other.was_changed;
      up |= other.up;
    }
    flow->syns -= flow->syns > 0;
    if (flow->syns == 0) flow->was_changed = false;
    Client& client = clients_[number];
    if (flow->real == static_cast<int>(real)) {
      // Sent again; or begun again, which looks the same.
      if (client.may_move) client.homes |= up & Bit(real);
      return "";
    }
    if (flow->is_held) return "an established connection moved: " + text;
    flow->real = static_cast<int>(real);
    if ((flow->open & Bit(real)) == 0) {
      return std::string("a new connection, though ") + kStateNames[size_t(states[real])] + ": " +
             text;
    }
    if ((client.homes & Bit(real)) == 0) {
      if (!client.may_move) return "the client moved: " + text;
      if ((up & Bit(real)) == 0) return "a new client, though quiesced: " + text;
    }
    if (was_changed) {
      client.homes |= Bit(real);  // who decided last shows with the next
    } else {
      client = {.homes = Bit(real), .may_move = false};
    }
    return "";
  }

  std::array<Client, kClients> clients_;
};

}  // namespace fairlead::dataplane::affinity
