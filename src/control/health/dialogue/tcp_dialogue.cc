// tcp: that there is a connection is the answer.
#include "control/health/dialogue/make_dialogue.h"

namespace fairlead::control {
namespace {

class TcpDialogue : public Dialogue {
 protected:
  void OnBegin() override { Accept("connected"); }
  void OnBytes(std::string_view) override {}
};

}  // namespace

std::unique_ptr<Dialogue> MakeTcpDialogue() { return std::make_unique<TcpDialogue>(); }

}  // namespace fairlead::control
