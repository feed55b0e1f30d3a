// Both ends of the hand-over over a socket pair: a whole exchange, a peer that dies at each point,
// another version, and bytes that are no message.
#include "main/handover.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <optional>

namespace fairlead::handover_test {
namespace {

using namespace std::chrono_literals;

struct Ends {
  Ends() {
    auto pair = HandoverChannel::MakePair();
    EXPECT_TRUE(pair);
    old_one.emplace(std::move(pair->first));
    new_one.emplace(std::move(pair->second));
  }
  std::optional<HandoverChannel> old_one, new_one;
};

FileDescriptor Temporary() {
  return FileDescriptor(::open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
}

ino_t InodeOf(const FileDescriptor& file) {
  struct stat status {};
  EXPECT_EQ(::fstat(file.get(), &status), 0);
  return status.st_ino;
}

// The descriptor's number may be given out again, so it is not compared.
bool IsOpen(int fd, ino_t inode) {
  struct stat status {};
  return ::fstat(fd, &status) == 0 && status.st_ino == inode;
}

struct RawHead {
  uint32_t magic = 0x4f484c46, version = kHandoverVersion, word = 2, text_bytes = 0;
};

void SendRaw(const HandoverChannel& from, const std::string& bytes) {
  ASSERT_EQ(::send(from.fd(), bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
}
std::string Raw(const RawHead& head, const std::string& text = "") {
  return std::string(reinterpret_cast<const char*>(&head), sizeof head) + text;
}

TEST(HandoverTest, WordsAndTextsArrive) {
  const Ends ends;
  ASSERT_TRUE(ends.old_one->Send(HandoverWord::kOffer, "hugepages"));
  ASSERT_TRUE(ends.new_one->Send(HandoverWord::kRefused, "no memory"));
  const auto offer = ends.new_one->Receive(1s);
  ASSERT_TRUE(offer) << offer.error().ToString();
  EXPECT_EQ(offer->word, HandoverWord::kOffer);
  EXPECT_EQ(offer->text, "hugepages");
  EXPECT_FALSE(offer->descriptor);
  EXPECT_EQ(ends.old_one->Receive(1s)->word, HandoverWord::kRefused);
}

TEST(HandoverTest, ALongReasonIsCut) {
  const Ends ends;
  ASSERT_TRUE(ends.new_one->Send(HandoverWord::kRefused,
                                 std::string(HandoverChannel::kMostTextBytes + 1, 'x')));
  EXPECT_EQ(ends.old_one->Receive(1s)->text.size(), HandoverChannel::kMostTextBytes);
}

TEST(HandoverTest, TheEstateArrivesWholeAndIsClosedHere) {
  const Ends ends;
  Estate estate;
  estate.locks.push_back(Temporary());
  estate.locks.push_back(Temporary());
  estate.twins.push_back({"fl-outside", Temporary()});
  estate.listeners.push_back({"unix:/run/fairlead/api.sock", Temporary()});
  estate.listeners.push_back({"http://127.0.0.1:9480", Temporary()});
  estate.standard_error = Temporary();
  const ino_t lock = InodeOf(estate.locks[1]), twin = InodeOf(estate.twins[0].descriptor);
  const ino_t listener = InodeOf(estate.listeners[1].descriptor);
  const ino_t standard_error = InodeOf(estate.standard_error);
  const int twin_fd = estate.twins[0].descriptor.get();
  ASSERT_TRUE(SendEstate(*ends.old_one, std::move(estate)));
  EXPECT_FALSE(IsOpen(twin_fd, twin));

  const Result<Estate> got = ReceiveEstate(*ends.new_one, 1s);
  ASSERT_TRUE(got) << got.error().ToString();
  ASSERT_EQ(got->locks.size(), 2u);
  EXPECT_EQ(InodeOf(got->locks[1]), lock);
  ASSERT_EQ(got->twins.size(), 1u);
  EXPECT_EQ(got->twins[0].name, "fl-outside");
  EXPECT_EQ(InodeOf(got->twins[0].descriptor), twin);
  ASSERT_EQ(got->listeners.size(), 2u);
  EXPECT_EQ(got->listeners[1].name, "http://127.0.0.1:9480");
  EXPECT_EQ(InodeOf(got->listeners[1].descriptor), listener);
  EXPECT_EQ(InodeOf(got->standard_error), standard_error);
  EXPECT_NE(::fcntl(got->twins[0].descriptor.get(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST(HandoverTest, AnEmptyEstateIsAnEstate) {
  const Ends ends;
  ASSERT_TRUE(SendEstate(*ends.old_one, {}));
  const Result<Estate> got = ReceiveEstate(*ends.new_one, 1s);
  ASSERT_TRUE(got);
  EXPECT_TRUE(got->locks.empty());
  EXPECT_FALSE(got->standard_error);
}

// A version that does not say so was in service.
TEST(HandoverTest, TheNewOneLearnsWhetherTheOldOneWasReady) {
  for (const bool was_ready : {false, true}) {
    const Ends ends;
    Estate estate;
    estate.was_ready = was_ready;
    ASSERT_TRUE(SendEstate(*ends.old_one, std::move(estate)));
    EXPECT_EQ(ReceiveEstate(*ends.new_one, 1s)->was_ready, was_ready);
  }
  const Ends ends;
  ASSERT_TRUE(ends.old_one->Send(HandoverWord::kGo));
  EXPECT_TRUE(ReceiveEstate(*ends.new_one, 1s)->was_ready);
  EXPECT_FALSE(Estate{}.was_ready) << "of a start without a predecessor";
}

TEST(HandoverTest, APeerThatDiesBetweenAnyTwoMessagesIsNoticed) {
  for (int messages = 0; messages <= 3; ++messages) {
    Ends ends;
    const FileDescriptor file = Temporary();
    const HandoverWord kWords[] = {HandoverWord::kLock, HandoverWord::kTwin,
                                   HandoverWord::kStandardError};
    for (int i = 0; i < messages; ++i) {
      ASSERT_TRUE(ends.old_one->Send(kWords[i], "fl-a", file.get()));
    }
    ends.old_one.reset();
    const Result<Estate> got = ReceiveEstate(*ends.new_one, 1s);
    ASSERT_FALSE(got) << messages;
    EXPECT_EQ(got.error().code, ErrorCode::kNotFound);
    EXPECT_EQ(got.error().message, "the other program has ended");
  }
}

TEST(HandoverTest, NothingCanBeSentToOneThatHasEnded) {
  Ends ends;
  ends.new_one.reset();
  EXPECT_EQ(ends.old_one->Send(HandoverWord::kOffer).error().code, ErrorCode::kNotFound);
  Estate estate;
  estate.locks.push_back(Temporary());
  EXPECT_FALSE(SendEstate(*ends.old_one, std::move(estate)));
}

TEST(HandoverTest, WhoSaysNothingIsGivenUp) {
  const Ends ends;
  const auto silence = ends.old_one->Receive(5ms);
  ASSERT_FALSE(silence);
  EXPECT_EQ(silence.error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(silence.error().message, "it has said nothing for 5 ms");
}

TEST(HandoverTest, AnotherVersionIsNamed) {
  const Ends ends;
  SendRaw(*ends.new_one, Raw({.version = 2}));
  const auto message = ends.old_one->Receive(1s);
  ASSERT_FALSE(message);
  EXPECT_EQ(message.error().code, ErrorCode::kInvalid);
  EXPECT_EQ(message.error().message,
            "the other program speaks version 2 of the hand-over and this one version 1; stop the "
            "director and start the other program instead");
}

TEST(HandoverTest, BytesThatAreNoMessageAreRefused) {
  const std::string kGarbage[] = {
      "x",
      "GET / HTTP/1.1\r\n\r\n",
      std::string(16, '\0'),
      Raw({.magic = 1}),
      Raw({.word = 0}),
      Raw({.word = kHandoverWords + 1}),
      Raw({.text_bytes = 1}),
      Raw({.text_bytes = UINT32_MAX}),
      Raw({}, "too much"),
      Raw({}).substr(0, 15),
      Raw({.word = static_cast<uint32_t>(HandoverWord::kTwin)}),  // without its descriptor
      std::string(20'000, 'x'),
  };
  for (const std::string& bytes : kGarbage) {
    const Ends ends;
    SendRaw(*ends.new_one, bytes);
    const auto message = ends.old_one->Receive(1s);
    ASSERT_FALSE(message) << bytes.size();
    EXPECT_EQ(message.error().code, ErrorCode::kInvalid) << message.error().message;
  }
}

TEST(HandoverTest, ADescriptorThatNoWordCarriesIsRefusedAndClosed) {
  const Ends ends;
  FileDescriptor file = Temporary();
  ASSERT_TRUE(ends.new_one->Send(HandoverWord::kReady, "0.1.0", file.get()));
  const auto message = ends.old_one->Receive(1s);
  ASSERT_FALSE(message);
  EXPECT_EQ(message.error().message, "a message of the hand-over has 1 descriptors");
}

TEST(HandoverTest, AWordOutOfTurnEndsTheTakeOver) {
  const Ends ends;
  ASSERT_TRUE(ends.old_one->Send(HandoverWord::kForwarding));
  const Result<Estate> got = ReceiveEstate(*ends.new_one, 1s);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().message, "a message of the hand-over came out of turn");
}

TEST(HandoverTest, WhatIsNoSuchSocketIsNotAdopted) {
  EXPECT_FALSE(HandoverChannel::Adopt(-1));
  EXPECT_FALSE(HandoverChannel::Adopt(999'999));
  FileDescriptor file = Temporary();
  const auto adopted = HandoverChannel::Adopt(file.get());
  ASSERT_FALSE(adopted);
  EXPECT_NE(adopted.error().message.find("--hand-over names no socket"), std::string::npos);
}

}  // namespace
}  // namespace fairlead::handover_test
