#include "main/predecessor.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/log.h"

namespace fairlead {
namespace {

using namespace std::chrono_literals;

// It has started us, so it is there.
constexpr std::chrono::milliseconds kFirstWord = 5s;
// It gives up after a while itself, so this is for one that hangs.
constexpr std::chrono::milliseconds kStop = 120s;

}  // namespace

Result<Predecessor> Predecessor::Meet(int descriptor) {
  auto channel = HandoverChannel::Adopt(descriptor);
  if (!channel) return channel.error();
  const Result<HandoverMessage> offer = channel->Receive(kFirstWord);
  if (!offer) {
    // So that the other one can say it too, when it can read it.
    (void)channel->Send(HandoverWord::kRefused, offer.error().message);
    return offer.error();
  }
  const bool is_known = offer->text == "hugepages" || offer->text == "ordinary";
  if (offer->word != HandoverWord::kOffer || !is_known) {
    return Error{ErrorCode::kInvalid, "the hand-over does not begin with an offer", ""};
  }
  return Predecessor(*std::move(channel), offer->text == "hugepages");
}

void Predecessor::Refuse(const std::string& why) const {
  if (Status sent = channel_.Send(HandoverWord::kRefused, why); !sent) {
    LogWarning("cannot tell the director before why there is no upgrade",
               {{"reason", sent.error().message}});
  }
}

Result<Estate> Predecessor::TakeOver() const {
  if (Status said = channel_.Send(HandoverWord::kReady, FAIRLEAD_VERSION); !said) {
    return said.error();
  }
  Result<Estate> estate = ReceiveEstate(channel_, kStop);
  if (!estate) return estate;
  if (estate->standard_error && ::dup2(estate->standard_error.get(), STDERR_FILENO) < 0) {
    LogWarning("cannot write the log where the director before has written it",
               {{"error", std::strerror(errno)}});
  }
  estate->standard_error = {};
  return estate;
}

void Predecessor::SayForwarding() const {
  if (Status said = channel_.Send(HandoverWord::kForwarding); !said) {
    LogInfo("the director before has left early", {{"reason", said.error().message}});
  }
}

}  // namespace fairlead
