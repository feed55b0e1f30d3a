// Records of strangers: what is not there is not read, and what is wrong has a name.

#include "control/api/ipvs/message.h"

#include <gtest/gtest.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>

#include <cerrno>

#include "client.h"

namespace fairlead::testing::message_test {
namespace {

using namespace ipvs;

constexpr AttributeRule kRules[] = {{1, Form::kU16, "PORT"},
                                    {2, Form::kText, "NAME", 4},
                                    {3, Form::kBytes, "ADDR", 4},
                                    {4, Form::kU32, "MARK"}};

Fault Read(const Record& request, Attributes* attributes) {
  RecordReader reader(request);
  const auto message = reader.Next();
  EXPECT_TRUE(message && message->has_command);
  return attributes->Read(message->attributes, kRules);
}

TEST(RecordReader, FindsEveryMessage) {
  Record two = RequestBuilder(kFamilyId, 5, NLM_F_ACK).U16(1, 80).Take();
  two.resize((two.size() + 3) & ~size_t{3});
  const Record second = RequestBuilder(kFilesType, 1, NLM_F_DUMP).Take();
  two.insert(two.end(), second.begin(), second.end());
  RecordReader reader(two);
  const auto first = reader.Next();
  ASSERT_TRUE(first);
  EXPECT_EQ(first->type, kFamilyId);
  EXPECT_EQ(first->command, 5);
  EXPECT_TRUE(first->WantsAck());
  EXPECT_FALSE(first->IsDump());
  EXPECT_EQ(first->sequence, kSequence);
  EXPECT_EQ(first->port_id, kPortId);
  const auto last = reader.Next();
  ASSERT_TRUE(last);
  EXPECT_EQ(last->type, kFilesType);
  EXPECT_TRUE(last->IsDump());
  EXPECT_TRUE(last->attributes.empty());
  EXPECT_FALSE(reader.Next());
}

TEST(RecordReader, StopsWhereNoMessageIs) {
  const Record whole = RequestBuilder(kFamilyId, 1, 0).U32(4, 9).Take();
  for (size_t length = 0; length < whole.size(); ++length) {
    const Record cut(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(length));
    EXPECT_FALSE(RecordReader(cut).Next()) << length;
  }
  Record shorter_than_its_header = whole;
  shorter_than_its_header[0] = 15;
  EXPECT_FALSE(RecordReader(shorter_than_its_header).Next());
  EXPECT_FALSE(RecordReader(Record(whole.size(), 0xff)).Next()) << "a length of 2^32 - 1";
}

TEST(RecordReader, AHeaderAloneHasNoCommand) {
  Record header = RequestBuilder(kFamilyId, 1, 0).Take();
  header.resize(NLMSG_HDRLEN);
  header[0] = NLMSG_HDRLEN;
  const auto message = RecordReader(header).Next();
  ASSERT_TRUE(message);
  EXPECT_FALSE(message->has_command);
}

TEST(Attributes, AreReadByTheirRules) {
  Attributes it;
  const Record request = RequestBuilder(kFamilyId, 1, 0)
                             .U16(1, Be16::FromHost(8080).raw())
                             .Text(2, "wlc")
                             .Bytes(3, "abcd")
                             .U32(20, 1)
                             .Take();
  ASSERT_FALSE(Read(request, &it));
  EXPECT_EQ(it.Port(1), 8080);
  EXPECT_EQ(it.Text(2), "wlc");
  EXPECT_EQ(it.Raw(3).size(), 4u);
  EXPECT_FALSE(it.Has(4));
  EXPECT_EQ(it.U32(4), 0u);
  EXPECT_FALSE(it.Has(20)) << "no rule, so nobody asked for it";
}

TEST(Attributes, TheLastOfOneTypeCounts) {
  Attributes it;
  const Record request = RequestBuilder(kFamilyId, 1, 0).U32(4, 1).U32(4, 2).Take();
  ASSERT_FALSE(Read(request, &it));
  EXPECT_EQ(it.U32(4), 2u);
}

TEST(Attributes, WhatIsWrongHasANameAndTheNumberOfTheKernel) {
  const auto fault_of = [](const Record& request) {
    Attributes it;
    return Read(request, &it);
  };
  const Fault short_port = fault_of(RequestBuilder(kFamilyId, 1, 0).U8(1, 1).Take());
  EXPECT_EQ(short_port.number, ERANGE);
  EXPECT_EQ(short_port.why, "PORT needs 2 bytes and has 1 byte");
  const Fault long_name = fault_of(RequestBuilder(kFamilyId, 1, 0).Text(2, "lblcr").Take());
  EXPECT_EQ(long_name.number, ERANGE);
  const Fault open_name = fault_of(RequestBuilder(kFamilyId, 1, 0).Bytes(2, "wlc").Take());
  EXPECT_EQ(open_name.number, EINVAL);
  EXPECT_EQ(open_name.why, "NAME has no zero byte at its end");
  EXPECT_EQ(fault_of(RequestBuilder(kFamilyId, 1, 0).Bytes(3, "abcde").Take()).number, ERANGE);
}

// An attribute that says it is longer than what is there is not looked at, nor what follows.
TEST(Attributes, EndWhereOneIsCutOff) {
  Record request = RequestBuilder(kFamilyId, 1, 0).U32(4, 7).U16(1, 1).Take();
  request[NLMSG_HDRLEN + GENL_HDRLEN + 8] = 200;  // the length of the second
  Attributes it;
  ASSERT_FALSE(Read(request, &it));
  EXPECT_EQ(it.U32(4), 7u);
  EXPECT_FALSE(it.Has(1));
}

}  // namespace
}  // namespace fairlead::testing::message_test
