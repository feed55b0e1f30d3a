// dns (RFC 1035): one question over UDP, over TCP when the answer says that it was cut. Datagrams
// that answer something else are passed over, kMostStrangers of them.
#include <algorithm>
#include <cctype>

#include "control/health/dialogue/dns_name.h"
#include "control/health/dialogue/make_dialogue.h"

namespace fairlead::control {

namespace {

constexpr int kMostStrangers = 16;
constexpr size_t kDnsHeader = 12;

unsigned Number(std::string_view bytes, size_t at) {
  return static_cast<unsigned>(static_cast<unsigned char>(bytes[at]) << 8 |
                               static_cast<unsigned char>(bytes[at + 1]));
}

void AppendNumber(unsigned number, std::string* bytes) {
  bytes->push_back(static_cast<char>(number >> 8));
  bytes->push_back(static_cast<char>(number & 255));
}

std::string RcodeText(unsigned rcode) {
  constexpr std::string_view kWords[] = {"NOERROR",  "FORMERR", "SERVFAIL",
                                         "NXDOMAIN", "NOTIMP",  "REFUSED"};
  return rcode < std::size(kWords) ? std::string(kWords[rcode]) : "rcode " + std::to_string(rcode);
}

// Whether all records are there.
bool AreRecordsWhole(std::string_view message, size_t at) {
  const unsigned records = Number(message, 6) + Number(message, 8) + Number(message, 10);
  for (unsigned i = 0; i < records; ++i) {
    at = EndOfDnsName(message, at);
    if (at == message.npos || message.size() - at < 10) return false;
    const size_t data = Number(message, at + 8);
    at += 10;
    if (message.size() - at < data) return false;
    at += data;
  }
  return true;
}

class DnsDialogue : public Dialogue {
 public:
  DnsDialogue(const DnsProbe& dns, Way way, uint16_t id) : is_tcp_(way == Way::kTcp), id_(id) {
    const std::optional<std::string> name = EncodeDnsName(dns.name);
    if (!name) return;
    question_ = *name;
    AppendNumber(static_cast<unsigned>(dns.type), &question_);
    AppendNumber(1, &question_);  // IN
  }

 protected:
  void OnBegin() override {
    // The loader refuses such names.
    if (question_.empty()) return Reject("the name to ask for is no DNS name");
    std::string message;
    AppendNumber(id_, &message);
    AppendNumber(0x0100, &message);  // recursion desired
    AppendNumber(1, &message);
    message.append(6, '\0').append(question_);
    std::string frame;
    if (is_tcp_) AppendNumber(static_cast<unsigned>(message.size()), &frame);
    Send(frame + message);
  }

  void OnBytes(std::string_view bytes) override {
    if (!is_tcp_) return OnMessage(bytes);
    stream_.append(bytes);
    while (!is_over() && stream_.size() >= 2 && stream_.size() - 2 >= Number(stream_, 0)) {
      const size_t length = Number(stream_, 0);
      OnMessage(std::string_view(stream_).substr(2, length));
      stream_.erase(0, 2 + length);
    }
  }

  void OnSilence() override {
    if (strangers_ > 0) Reject("only answers to other questions");
  }

 private:
  void OnMessage(std::string_view message) {
    if (message.size() < kDnsHeader || Number(message, 0) != id_ || (message[2] & 0x80) == 0) {
      return OnStranger();
    }
    const unsigned flags = Number(message, 2);
    const unsigned rcode = flags & 15, questions = Number(message, 4);
    // A server that did not understand the question may leave it out.
    if (questions == 0 && rcode != 0) return Reject("DNS " + RcodeText(rcode));
    if (questions != 1 || !IsOurQuestion(message.substr(kDnsHeader))) return OnStranger();
    if ((flags & 0x7800) != 0) return Reject("a DNS answer to another kind of request");
    if (rcode != 0) return Reject("DNS " + RcodeText(rcode));
    if ((flags & 0x0200) != 0) {
      return is_tcp_ ? Reject("a cut DNS answer over TCP") : AskAgainOverTcp();
    }
    if (!AreRecordsWhole(message, kDnsHeader + question_.size())) {
      return Reject("a malformed DNS answer");
    }
    const unsigned answers = Number(message, 6);
    Accept("DNS NOERROR with " + std::to_string(answers) + (answers == 1 ? " answer" : " answers"));
  }

  // Servers may answer in other case than they are asked.
  [[nodiscard]] bool IsOurQuestion(std::string_view asked) const {
    if (asked.size() < question_.size()) return false;
    return std::ranges::equal(
        asked.substr(0, question_.size()), question_,
        [](unsigned char a, unsigned char b) { return std::tolower(a) == std::tolower(b); });
  }

  void OnStranger() {
    if (++strangers_ == kMostStrangers || is_tcp_) Reject("an answer to another question");
  }

  const bool is_tcp_;
  const uint16_t id_;
  std::string question_;  // name, type, class
  std::string stream_;    // TCP: a message of at most 64 KiB, as it comes
  int strangers_ = 0;
};

}  // namespace

std::unique_ptr<Dialogue> MakeDnsDialogue(const DnsProbe& dns, Way way, uint16_t id) {
  return std::make_unique<DnsDialogue>(dns, way, id);
}

}  // namespace fairlead::control
