#include "dataplane/shard/take_up.h"

#include <functional>
#include <set>

#include "take_up_bed.h"

namespace fairlead::dataplane::take_up_test {
namespace {

constexpr TickCount kMinute = TicksFromSeconds(60);

TEST(TakeUp, WhatWasThereIsThereAgain) {
  TakeUpBed bed(2);
  const TemplateRef ref = bed.Bind(3);
  for (uint32_t n = 0; n < 40; ++n) bed.Connect(n, n < 5 ? ref : TemplateRef{});
  bed.Connect<Ipv6Address>(7);
  const TakeUpReport report = bed.Restart(kMinute);
  EXPECT_EQ(Losses(report), "");
  EXPECT_EQ(report.connections, 41u);
  EXPECT_EQ(report.templates, 1u);
  for (uint32_t n = 0; n < 40; ++n) EXPECT_NE(bed.Find(n), kNoSlot) << n;
  EXPECT_NE(bed.Find<Ipv6Address>(7), kNoSlot);
  ASSERT_NE(bed.FindTemplate(3), nullptr);
  EXPECT_EQ(bed.FindTemplate(3)->children, 5u);
  EXPECT_EQ(bed.FindTemplate(3)->deadline.Remaining(bed.now), 30000 - kMinute);
  EXPECT_EQ(bed.LoadOf(3), (sched::Load{4, 0, 1}));
  EXPECT_EQ(bed.shard(0).counters.connections.value() + bed.shard(1).counters.connections.value(),
            41u);
}

// A crash in the middle of a take-up loses nothing either.
TEST(TakeUp, ItCanBeDoneAgain) {
  TakeUpBed bed(2);
  const TemplateRef ref = bed.Bind(3);
  for (uint32_t n = 0; n < 40; ++n) bed.Connect(n, ref);
  for (int i = 0; i < 3; ++i) {
    const TakeUpReport report = bed.Restart();
    EXPECT_EQ(Losses(report), "");
    EXPECT_EQ(report.connections, 40u);
    EXPECT_EQ(bed.FindTemplate(3)->children, 40u);
  }
}

// ---- one fault each

struct ConnectionFault {
  const char* name;
  TakeUpCause cause;
  std::function<void(Connection4&)> damage;
};
void PrintTo(const ConnectionFault& fault, std::ostream* out) { *out << fault.name; }

class FaultyConnection : public testing::TestWithParam<ConnectionFault> {};

TEST_P(FaultyConnection, IsDroppedByCauseAndTheOthersStay) {
  TakeUpBed bed(1);
  bed.Connect(1);
  const uint32_t slot = bed.Connect(2);
  bed.Connect(3);
  const uint16_t generation = bed.connection(slot).generation;
  GetParam().damage(bed.connection(slot));
  const TakeUpReport report = bed.Restart();
  EXPECT_EQ(report.of(GetParam().cause), 1u);
  EXPECT_EQ(report.dropped(), 1u);
  EXPECT_EQ(report.connections, 2u);
  EXPECT_EQ(bed.Find(2), kNoSlot);
  // The slot is used next, under a generation of its own.
  EXPECT_EQ(bed.Connect(4), slot);
  if (GetParam().cause != TakeUpCause::kGeneration) {
    EXPECT_EQ(bed.connection(slot).generation, generation + 1);
  }
}

const ConnectionFault kConnectionFaults[] = {
    {"generation", TakeUpCause::kGeneration, [](Connection4& c) { c.generation = 0; }},
    {"protocol", TakeUpCause::kProtocol, [](Connection4& c) { c.protocol = 132; }},
    {"method", TakeUpCause::kMethod, [](Connection4& c) { c.method = ForwardMethod{1}; }},
    {"methodbeyond", TakeUpCause::kMethod, [](Connection4& c) { c.method = ForwardMethod{200}; }},
    {"tcpstate", TakeUpCause::kState, [](Connection4& c) { c.state = kTcpStateCount; }},
    {"udpstate", TakeUpCause::kState, [](Connection4& c) { c.protocol = 17; }},
    {"parent", TakeUpCause::kFlags, [](Connection4& c) { c.Set(ConnectionFlag::kHasParent); }},
    {"anyport", TakeUpCause::kFlags, [](Connection4& c) { c.Set(ConnectionFlag::kNoClientPort); }},
    {"noclient", TakeUpCause::kEndpoint, [](Connection4& c) { c.client_address = {}; }},
    {"multicast", TakeUpCause::kEndpoint,
     [](Connection4& c) { c.virtual_address = Ipv4Address::FromHost(0xe0000001); }},
    {"noreal", TakeUpCause::kEndpoint, [](Connection4& c) { c.real_address = {}; }},
    {"unknownreal", TakeUpCause::kReal, [](Connection4& c) { c.real_id = RealId{10}; }},
    {"realbeyond", TakeUpCause::kReal, [](Connection4& c) { c.real_id = RealId{1u << 31}; }},
    {"noid", TakeUpCause::kReal, [](Connection4& c) { c.real_id = {}; }},
    {"deadline", TakeUpCause::kTime,
     [](Connection4& c) { c.deadline = Tick{50'000} + kMaxTimeout + 1; }},
    {"timeout", TakeUpCause::kTime, [](Connection4& c) { c.timeout = kMaxTimeout + 1; }},
    {"noside", TakeUpCause::kSideList, [](Connection4& c) { c.Set(ConnectionFlag::kSideTable); }},
    {"sidebeyond", TakeUpCause::kSideList,
     [](Connection4& c) {
       c.Set(ConnectionFlag::kSideTable);
       c.side_slot = 1u << 30;
     }},
    {"duplicate", TakeUpCause::kDuplicate,
     [](Connection4& c) {
       c.client_address = MakeDraft<Ipv4Address>(3).client_address;
       c.client_port = MakeDraft<Ipv4Address>(3).client_port;
     }},
};
INSTANTIATE_TEST_SUITE_P(All, FaultyConnection, testing::ValuesIn(kConnectionFaults),
                         [](const auto& p) { return std::string(p.param.name); });

TEST(TakeUp, AKeyOfAnotherWorkerIsDropped) {
  TakeUpBed bed(2);
  // Two of one worker, and one of the other whose record it then looks like.
  std::array<uint32_t, 2> flow = {0, 0};
  while (bed.Owner(MakeDraft<Ipv4Address>(flow[1])).me == bed.Owner(MakeDraft<Ipv4Address>(0)).me) {
    ++flow[1];
  }
  const size_t worker = bed.Owner(MakeDraft<Ipv4Address>(0)).me.index();
  Connection4& c = bed.connection(bed.Connect(flow[0]), worker);
  c.client_address = MakeDraft<Ipv4Address>(flow[1]).client_address;
  c.client_port = MakeDraft<Ipv4Address>(flow[1]).client_port;
  const TemplateRef ref = bed.Bind(1);
  TemplateKey& key = bed.record(ref).key;
  while (bed.Home(key).me == ref.owner) ++key.client[3];
  const TakeUpReport report = bed.Restart();
  EXPECT_EQ(report.of(TakeUpCause::kOwner), 2u);
  EXPECT_EQ(report.connections + report.templates, 0u);
}

struct TemplateFault {
  const char* name;
  TakeUpCause cause;
  std::function<void(TemplateRecord&)> damage;
};
void PrintTo(const TemplateFault& fault, std::ostream* out) { *out << fault.name; }

class FaultyTemplate : public testing::TestWithParam<TemplateFault> {};

// Its connections stay, without it.
TEST_P(FaultyTemplate, IsDroppedByCauseAndTheOthersStay) {
  TakeUpBed bed(1);
  bed.Bind(1);
  const TemplateRef ref = bed.Bind(2);
  bed.Bind(3);
  bed.Connect(5, ref);
  GetParam().damage(bed.record(ref));
  const TakeUpReport report = bed.Restart();
  EXPECT_EQ(report.of(GetParam().cause), 1u);
  EXPECT_EQ(report.dropped(), 1u);
  EXPECT_EQ(report.of(TakeUpCause::kTemplateReference), 1u);
  EXPECT_EQ(report.templates, 2u);
  EXPECT_EQ(bed.FindTemplate(2), nullptr);
  const uint32_t slot = bed.Find(5);
  ASSERT_NE(slot, kNoSlot);
  EXPECT_FALSE(bed.connection(slot).HasAny(
      FlagMask(ConnectionFlag::kHasTemplate, ConnectionFlag::kOwesTemplate)));
  EXPECT_TRUE(bed.connection(slot).template_ref.is_none());
  EXPECT_EQ(bed.Bind(4).slot, ref.slot);  // used next
}

const TemplateFault kTemplateFaults[] = {
    {"generation", TakeUpCause::kGeneration, [](TemplateRecord& t) { t.generation = 0; }},
    {"protocol", TakeUpCause::kProtocol, [](TemplateRecord& t) { t.key.protocol = 1; }},
    {"family", TakeUpCause::kEndpoint, [](TemplateRecord& t) { t.key.family = Family{5}; }},
    {"scope", TakeUpCause::kFlags, [](TemplateRecord& t) { t.key.scope = 0x10; }},
    {"state", TakeUpCause::kState, [](TemplateRecord& t) { t.state = TemplateState{2}; }},
    {"unknownflag", TakeUpCause::kFlags, [](TemplateRecord& t) { t.flags |= 0x80; }},
    {"bothflags", TakeUpCause::kFlags,
     [](TemplateRecord& t) { t.Set(TemplateFlag::kInvalidated); }},
    {"renew", TakeUpCause::kFlags, [](TemplateRecord& t) { t.renew = RenewMode{6}; }},
    {"prefix", TakeUpCause::kEndpoint, [](TemplateRecord& t) { t.client_prefix_length = 129; }},
    {"real", TakeUpCause::kReal, [](TemplateRecord& t) { t.real_id = RealId{11}; }},
    {"timeout", TakeUpCause::kTime, [](TemplateRecord& t) { t.timeout = kMaxTimeout + 1; }},
    {"servicetimeout", TakeUpCause::kTime, [](TemplateRecord& t) { t.service_timeout = 0; }},
    {"step", TakeUpCause::kTime, [](TemplateRecord& t) { t.step = kMaxTimeout + 1; }},
    {"deadline", TakeUpCause::kTime,
     [](TemplateRecord& t) { t.deadline = Tick{50'001} + TemplateTable::kFarAhead; }},
    {"lifetime", TakeUpCause::kTime,
     [](TemplateRecord& t) {
       t.Set(TemplateFlag::kHasLifetime);
       t.lifetime_end = Tick{50'001} + kMaxTimeout;
     }},
    {"duplicate", TakeUpCause::kDuplicate, [](TemplateRecord& t) { t.key = TakeUpBed::KeyOf(3); }},
};
INSTANTIATE_TEST_SUITE_P(All, FaultyTemplate, testing::ValuesIn(kTemplateFaults),
                         [](const auto& p) { return std::string(p.param.name); });

TEST(TakeUp, EveryCauseHasAName) {
  std::set<std::string_view> names;
  for (size_t i = 0; i < kTakeUpCauseCount; ++i) {
    names.insert(CauseName(static_cast<TakeUpCause>(i)));
  }
  EXPECT_EQ(names.size(), kTakeUpCauseCount);
  EXPECT_FALSE(names.contains("?"));
  EXPECT_EQ(CauseName(static_cast<TakeUpCause>(kTakeUpCauseCount)), "?");
}

// ---- references

TEST(TakeUp, AReferenceToNoTemplateIsCut) {
  const std::vector<std::function<void(TemplateRef*)>> damages = {
      [](TemplateRef* r) { r->owner = WorkerId{1}; }, [](TemplateRef* r) { r->owner = {}; },
      [](TemplateRef* r) { r->slot = 63; },           [](TemplateRef* r) { r->slot = 0xffff'ffff; },
      [](TemplateRef* r) { ++r->generation; },        [](TemplateRef* r) { r->generation = 0; }};
  for (const auto& damage : damages) {
    TakeUpBed bed(1);
    const TemplateRef ref = bed.Bind(2);
    bed.Connect(4, ref);
    damage(&bed.connection(bed.Connect(5, ref)).template_ref);
    const TakeUpReport report = bed.Restart();
    EXPECT_EQ(Losses(report), "template_reference 1; ");
    EXPECT_EQ(report.connections, 2u);
    EXPECT_EQ(bed.record(ref).children, 1u);
  }
}

TEST(TakeUp, ATemplateIsAssuredIfAChildHadSaidSo) {
  struct Child {
    uint8_t protocol;
    ForwardMethod method;
    uint16_t flags;
    bool has_assured;
  };
  constexpr auto kOwes = FlagMask(ConnectionFlag::kOwesTemplate);
  constexpr auto kSilent = FlagMask(ConnectionFlag::kNoOutput);
  const Child children[] = {
      {6, ForwardMethod::kNat, 0, true},
      {6, ForwardMethod::kNat, kOwes, false},
      {6, ForwardMethod::kDr, kSilent, true},
      {17, ForwardMethod::kNat, 0, true},
      {17, ForwardMethod::kNat, kOwes, false},
      {17, ForwardMethod::kDr, kSilent, false},  // never owed anything
      {17, ForwardMethod::kDr, 0, true},         // a reply came by all the same
      {6, ForwardMethod::kNat,
       static_cast<uint16_t>(kOwes | FlagMask(ConnectionFlag::kAssuredOwed)), true}};
  for (const Child& child : children) {
    TakeUpBed bed(1);
    const TemplateRef ref = bed.Bind(2);
    Connection4& c = bed.connection(bed.Connect(5, ref));
    c.protocol = child.protocol;
    c.state = child.protocol == 6 ? 1 : 0;
    c.method = child.method;
    c.Clear(ConnectionFlag::kOwesTemplate);
    c.flags |= child.flags;
    bed.Restart();
    EXPECT_EQ(bed.record(ref).state == TemplateState::kAssured, child.has_assured)
        << int{child.protocol} << " " << int(child.method) << " " << child.flags;
    EXPECT_EQ(bed.record(ref).children, 1u);
  }
}

// ---- time

TEST(TakeUp, TimeGoesOnWhileWeAreDown) {
  TakeUpBed bed(1);
  const TemplateRef ref = bed.Bind(1);
  bed.Connect(1);
  bed.connection(bed.Connect(2)).deadline = bed.now + kMinute;
  bed.connection(bed.Connect(3)).deadline = bed.now + kMinute + 1;
  bed.record(ref).deadline = bed.now + kMinute;
  const TakeUpReport report = bed.Restart(kMinute);
  EXPECT_EQ(Losses(report), "expired 2; ");
  EXPECT_EQ(bed.Find(2), kNoSlot);
  EXPECT_NE(bed.Find(3), kNoSlot);
  EXPECT_EQ(bed.LoadOf(1), (sched::Load{1, 0, 0}));
}

// What its children did to its timer until they ended, they do.
TEST(TakeUp, ATemplateOutlivesChildrenThatEndedMeanwhile) {
  TakeUpBed bed(1);
  const TemplateRef after_last =
      bed.Bind(1, {.service_timeout = kMinute, .renew = RenewMode::kAfterLastClose});
  const TemplateRef linux = bed.Bind(2, {.service_timeout = kMinute});
  const TemplateRef childless = bed.Bind(3, {.service_timeout = kMinute});
  for (const TemplateRef& ref : {after_last, linux}) {
    Connection4& child = bed.connection(bed.Connect(ref.slot, ref));
    child.deadline = bed.now + 2 * kMinute + 10;
  }
  // One lives from the child's end, the other until the timer has fired for the third time.
  const TakeUpReport report = bed.Restart(2 * kMinute + 20);
  EXPECT_EQ(Losses(report), "expired 3; ");
  EXPECT_EQ(bed.record(after_last).deadline.Remaining(bed.now), kMinute - 10);
  EXPECT_EQ(bed.record(linux).deadline.Remaining(bed.now), kMinute - 20);
  EXPECT_EQ(bed.record(linux).children, 0u);
  EXPECT_FALSE(bed.record(childless).Has(TemplateFlag::kLive));
}

TEST(TakeUp, AFiredTemplateStaysForItsChildren) {
  TakeUpBed bed(1);
  const TemplateRef ref = bed.Bind(1, {.service_timeout = kMinute});
  bed.Connect(1, ref);
  EXPECT_EQ(Losses(bed.Restart(2 * kMinute)), "");
  EXPECT_EQ(bed.record(ref).children, 1u);
  ASSERT_NE(bed.FindTemplate(1), nullptr);
}

// A template whose time was over is still there when its successor is made.
TEST(TakeUp, OfAnOldTemplateAndItsSuccessorTheLaterStays) {
  for (const bool is_older_first : {true, false}) {
    TakeUpBed bed(1);
    const TemplateRef first = bed.Bind(1), second = bed.Bind(2);
    bed.record(second).key = TakeUpBed::KeyOf(1);
    const TemplateRef older = is_older_first ? first : second;
    const TemplateRef later = is_older_first ? second : first;
    bed.record(older).deadline = bed.now - 5;
    EXPECT_EQ(Losses(bed.Restart()), "expired 1; ");
    EXPECT_TRUE(bed.shard().templates().IsCurrent(later));
    EXPECT_FALSE(bed.shard().templates().IsCurrent(older));
  }
}

TEST(TakeUp, WhatWasEndingHasEnded) {
  TakeUpBed bed(1);
  const TemplateRef ref = bed.Bind(1);
  bed.connection(bed.Connect(1, ref)).Set(ConnectionFlag::kReleasePending);
  bed.connection(bed.Connect(2, ref)).Clear(ConnectionFlag::kIndexed);
  bed.record(bed.Bind(2)).Clear(TemplateFlag::kIndexed);
  EXPECT_EQ(Losses(bed.Restart()), "ended 3; ");
  EXPECT_EQ(bed.record(ref).children, 0u);
  EXPECT_EQ(bed.FindTemplate(2), nullptr);
}

TEST(TakeUp, WhatTwoStoresSayIsMadeToAgree) {
  TakeUpBed bed(1);
  Connection4& syn = bed.connection(bed.Connect(1));
  syn.state = static_cast<uint8_t>(TcpState::kFinWait);  // before kInactive was set
  bed.connection(bed.Connect(2)).Set(ConnectionFlag::kInactive);
  Connection4& learnt = bed.connection(bed.Connect(3));
  learnt.sync = kSyncLearnt;
  learnt.Set(ConnectionFlag::kInactive);
  const TemplateRef ref = bed.Bind(4);
  bed.record(ref).renew = RenewMode::kStep;
  const uint32_t streamed = bed.Connect(5);
  bed.connection(streamed).Set(ConnectionFlag::kFromSync);  // before kInactive was set
  EXPECT_EQ(Losses(bed.Restart()), "");
  EXPECT_EQ(bed.LoadOf(1), (sched::Load{0, 1, 0}));
  EXPECT_EQ(bed.LoadOf(2), (sched::Load{1, 0, 0}));
  EXPECT_EQ(bed.LoadOf(3), (sched::Load{0, 1, 0}));  // as the peer has told
  EXPECT_EQ(bed.record(ref).step, 30000u);
  EXPECT_EQ(bed.LoadOf(5), (sched::Load{0, 1, 0}));  // no packet has passed here
  EXPECT_TRUE(bed.connection(streamed).Has(ConnectionFlag::kFromSync));
}

TEST(TakeUp, AnInvalidatedTemplateIsListedAndNotFound) {
  TakeUpBed bed(2);
  const TemplateRef ref = bed.Bind(1);
  bed.Connect(1, ref);
  bed.shard(ref.owner.index()).templates().Invalidate(ref.slot, bed.now);
  EXPECT_EQ(Losses(bed.Restart()), "");
  EXPECT_EQ(bed.record(ref).children, 1u);
  EXPECT_EQ(bed.FindTemplate(1), nullptr);
}

}  // namespace
}  // namespace fairlead::dataplane::take_up_test
