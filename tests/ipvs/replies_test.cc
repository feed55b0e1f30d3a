// Answers on the wire: the bytes that programs of the kernel's interface look for.

#include "control/api/ipvs/replies.h"

#include <gtest/gtest.h>
#include <linux/genetlink.h>
#include <linux/ip_vs.h>
#include <linux/netlink.h>

#include <cerrno>

#include "client.h"

namespace fairlead::testing::replies_test {
namespace {

using namespace ipvs;

const Message kTo{.type = kFamilyId, .sequence = kSequence, .port_id = kPortId};

constexpr AttributeRule kOldStatistics[] = {{IPVS_STATS_ATTR_CONNS, Form::kU32, "conns"},
                                            {IPVS_STATS_ATTR_INBYTES, Form::kBytes, "in", 8},
                                            {IPVS_STATS_ATTR_INBPS, Form::kU32, "inbps"},
                                            {IPVS_STATS_ATTR_OUTBPS, Form::kU32, "outbps"}};

TEST(Replies, AServiceIsReadBack) {
  RecordWriter record;
  PutService(&record, kTo, NLM_F_MULTI,
             {.key = ServiceAt(6, "192.0.2.10:80"),
              .scheduler = "mh",
              .engine = "",
              .flags = IP_VS_SVC_F_HASHED | IP_VS_SVC_F_SCHED2,
              .timeout_seconds = 0,
              .netmask = 0xffffffff,
              .total = {uint64_t{5} << 32 | 7, 2, 3, 4, 5},
              .rate = {6, 7, 8, uint64_t{1} << 40, 10}});
  const Record bytes = record.Take();
  const auto answers = ReadAnswers(bytes);
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(answers[0].type, kFamilyId);
  EXPECT_EQ(answers[0].flags, NLM_F_MULTI);
  EXPECT_EQ(answers[0].sequence, kSequence);
  EXPECT_EQ(answers[0].port_id, kPortId);
  ASSERT_TRUE(answers[0].service);
  const ServiceEntry& service = *answers[0].service;
  EXPECT_EQ(service.key, ServiceAt(6, "192.0.2.10:80"));
  EXPECT_EQ(service.scheduler, "mh");
  EXPECT_EQ(service.engine, "");
  EXPECT_EQ(service.flags, 0x12u);
  EXPECT_EQ(service.netmask, 0xffffffffu);
  EXPECT_EQ(service.total.connections, uint64_t{5} << 32 | 7);
  EXPECT_EQ(service.total.out_bytes, 5u);
  EXPECT_EQ(service.rate.in_bytes, uint64_t{1} << 40);

  RecordReader reader(bytes);
  Attributes command, it, statistics;
  ASSERT_FALSE(ReadCommand(*reader.Next(), &command));
  ASSERT_FALSE(it.Read(command.Raw(IPVS_CMD_ATTR_SERVICE), kServiceRules));
  ASSERT_FALSE(statistics.Read(it.Raw(IPVS_SVC_ATTR_STATS), kOldStatistics));
  EXPECT_EQ(statistics.U32(IPVS_STATS_ATTR_CONNS), 7u) << "32 bits of a count wrap";
  EXPECT_EQ(statistics.U64(IPVS_STATS_ATTR_INBYTES), 4u);
  EXPECT_EQ(statistics.U32(IPVS_STATS_ATTR_INBPS), 0xffffffffu) << "and of a rate do not";
  EXPECT_EQ(statistics.U32(IPVS_STATS_ATTR_OUTBPS), 10u);
  const Bytes flags = it.Raw(IPVS_SVC_ATTR_FLAGS);
  EXPECT_EQ(std::string(flags.begin(), flags.end()), std::string("\x12\0\0\0\xff\xff\xff\xff", 8));
}

TEST(Replies, AMarkHasNoAddress) {
  RecordWriter record;
  PutService(&record, kTo, 0,
             {.key = ServiceOfMark(9, Family::kIpv6), .scheduler = "rr", .netmask = 128});
  const Record bytes = record.Take();
  RecordReader reader(bytes);
  Attributes command, it;
  ASSERT_FALSE(ReadCommand(*reader.Next(), &command));
  ASSERT_FALSE(it.Read(command.Raw(IPVS_CMD_ATTR_SERVICE), kServiceRules));
  EXPECT_EQ(it.U32(IPVS_SVC_ATTR_FWMARK), 9u);
  EXPECT_FALSE(it.Has(IPVS_SVC_ATTR_ADDR));
  EXPECT_FALSE(it.Has(IPVS_SVC_ATTR_PROTOCOL));
  EXPECT_EQ(it.U32(IPVS_SVC_ATTR_NETMASK), 128u);
}

TEST(Replies, ARealServerIsReadBack) {
  RecordWriter record;
  PutDest(&record, kTo, NLM_F_MULTI,
          {.address = *IpAddress::Parse("2001:db8::11"),
           .port = 8080,
           .method = IP_VS_CONN_F_DROUTE,
           .weight = 3,
           .upper_threshold = 10,
           .lower_threshold = 2,
           .active = 4,
           .inactive = 5,
           .persistent = 6,
           .total = {1, 2, 3, 4, 5},
           .rate = {6, 7, 8, 9, 10}});
  const auto answers = ReadAnswers(record.Take());
  ASSERT_EQ(answers.size(), 1u);
  ASSERT_TRUE(answers[0].dest);
  const DestEntry& dest = *answers[0].dest;
  EXPECT_EQ(dest.address.ToString(), "2001:db8::11");
  EXPECT_EQ(dest.port, 8080);
  EXPECT_EQ(dest.method, 3u);
  EXPECT_EQ(dest.weight, 3);
  EXPECT_EQ(dest.upper_threshold, 10u);
  EXPECT_EQ(dest.lower_threshold, 2u);
  EXPECT_EQ(dest.active, 4u);
  EXPECT_EQ(dest.inactive, 5u);
  EXPECT_EQ(dest.persistent, 6u);
  EXPECT_EQ(dest.total.in_packets, 2u);
  EXPECT_EQ(dest.rate.out_bytes, 10u);
}

TEST(Replies, InfoIsThatOfTheKernel) {
  RecordWriter record;
  PutInfo(&record, kTo);
  const Record bytes = record.Take();
  const auto message = RecordReader(bytes).Next();
  constexpr AttributeRule kInfo[] = {{IPVS_INFO_ATTR_VERSION, Form::kU32, "version"},
                                     {IPVS_INFO_ATTR_CONN_TAB_SIZE, Form::kU32, "size"}};
  Attributes it;
  ASSERT_FALSE(it.Read(message->attributes, kInfo));
  EXPECT_EQ(message->command, IPVS_CMD_SET_INFO);
  EXPECT_EQ(it.U32(IPVS_INFO_ATTR_VERSION), 0x010201u);
  EXPECT_EQ(it.U32(IPVS_INFO_ATTR_CONN_TAB_SIZE), 4096u);
}

TEST(Replies, TheFamilyHasItsNumber) {
  RecordWriter record;
  PutFamily(&record, kTo);
  const Record bytes = record.Take();
  const auto message = RecordReader(bytes).Next();
  EXPECT_EQ(message->type, GENL_ID_CTRL);
  EXPECT_EQ(message->command, CTRL_CMD_NEWFAMILY);
  std::string name;
  uint16_t id = 0;
  ASSERT_FALSE(ReadFamilyQuestion(*message, &name, &id));
  EXPECT_EQ(name, "IPVS");
  EXPECT_EQ(id, 0x7f30);
}

TEST(Replies, ErrorsSendBackWhatTheyAreAbout) {
  const Record request = OfService(IPVS_CMD_DEL_SERVICE, ServiceOfMark(3));
  const Message message = *RecordReader(request).Next();
  const Record refused = ErrorRecord(message, ESRCH);
  const auto answers = ReadAnswers(refused);
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(answers[0].error, ESRCH);
  EXPECT_EQ(answers[0].sequence, kSequence);
  EXPECT_EQ(answers[0].flags, 0);
  EXPECT_EQ(refused.size(), NLMSG_HDRLEN + 4 + request.size());
  EXPECT_TRUE(std::equal(request.begin(), request.end(), refused.begin() + NLMSG_HDRLEN + 4));

  const Record done = ErrorRecord(message, 0);
  EXPECT_EQ(ReadAnswers(done)[0].error, 0);
  EXPECT_EQ(done.size(), NLMSG_HDRLEN + 4 + NLMSG_HDRLEN);
}

TEST(Replies, ALongRequestIsNotSentBack) {
  const Record request = RequestBuilder(kFamilyId, 1, 0).Bytes(30, std::string(5000, 'x')).Take();
  const Record refused = ErrorRecord(*RecordReader(request).Next(), EINVAL);
  EXPECT_EQ(refused.size(), NLMSG_HDRLEN + 4 + NLMSG_HDRLEN);
  EXPECT_EQ(ReadAnswers(refused)[0].flags, NLM_F_CAPPED);
}

TEST(Replies, ARecordHasItsBound) {
  RecordWriter record;
  size_t count = 0;
  for (; record.HasRoom(); ++count) {
    PutDest(&record, kTo, NLM_F_MULTI, {.address = *IpAddress::Parse("10.0.0.1")});
  }
  PutDone(&record, kTo);
  const Record bytes = record.Take();
  EXPECT_LE(bytes.size(), kMostAnswerBytes);
  EXPECT_GT(bytes.size(), kMostAnswerBytes - 2 * RecordWriter::kMostEntryBytes);
  const auto answers = ReadAnswers(bytes);
  ASSERT_EQ(answers.size(), count + 1);
  EXPECT_TRUE(answers.back().is_done);
  EXPECT_EQ(answers.back().flags, NLM_F_MULTI);
}

}  // namespace
}  // namespace fairlead::testing::replies_test
