#include "control/api/ipvs/message.h"

#include <libmnl/libmnl.h>
#include <linux/genetlink.h>

#include <algorithm>
#include <cerrno>

namespace fairlead::ipvs {

namespace {

size_t LeastBytes(Form form) {
  switch (form) {
    case Form::kU8:
      return 1;
    case Form::kU16:
      return 2;
    case Form::kU32:
      return 4;
    case Form::kText:
      return 1;
    case Form::kBytes:
    case Form::kNested:
      break;
  }
  return 0;
}

std::string Count(size_t bytes) {
  return std::to_string(bytes) + (bytes == 1 ? " byte" : " bytes");
}

}  // namespace

bool Message::IsDump() const { return (flags & NLM_F_DUMP) == NLM_F_DUMP; }

bool Message::WantsAck() const { return (flags & NLM_F_ACK) != 0; }

std::optional<Message> RecordReader::Next() {
  // Not mnl_nlmsg_ok, which takes a length above 2^31 for a negative one and so for a short one.
  if (rest_.size() < sizeof(nlmsghdr)) return std::nullopt;
  const auto* const header = reinterpret_cast<const nlmsghdr*>(rest_.data());
  if (header->nlmsg_len < sizeof *header || header->nlmsg_len > rest_.size()) return std::nullopt;
  Message message;
  message.type = header->nlmsg_type;
  message.flags = header->nlmsg_flags;
  message.sequence = header->nlmsg_seq;
  message.port_id = header->nlmsg_pid;
  message.whole = rest_.first(header->nlmsg_len);
  constexpr size_t kHeaders = NLMSG_HDRLEN + GENL_HDRLEN;
  if (message.whole.size() >= kHeaders) {
    message.has_command = true;
    message.command = message.whole[NLMSG_HDRLEN];
    message.attributes = message.whole.subspan(kHeaders);
  }
  rest_ = rest_.subspan(std::min<size_t>(rest_.size(), MNL_ALIGN(header->nlmsg_len)));
  return message;
}

Fault CheckAttribute(const AttributeRule& rule, Bytes value) {
  const std::string name = rule.name;
  const size_t least = LeastBytes(rule.form);
  if (value.size() < least) {
    return {ERANGE, name + " needs " + Count(least) + " and has " + Count(value.size())};
  }
  if (rule.form == Form::kBytes && value.size() > rule.most_bytes) {
    return {ERANGE, name + " has " + Count(value.size()) + ", more than " +
                        std::to_string(rule.most_bytes)};
  }
  if (rule.form != Form::kText) return {};
  const auto end = std::ranges::find(value, uint8_t{0});
  const auto length = static_cast<size_t>(end - value.begin());
  if (length > rule.most_bytes) {
    return {ERANGE, name + " has more than " + Count(rule.most_bytes)};
  }
  if (end == value.end()) return {EINVAL, name + " has no zero byte at its end"};
  return {};
}

Fault Attributes::Read(Bytes bytes, std::span<const AttributeRule> rules) {
  const auto* attribute = reinterpret_cast<const nlattr*>(bytes.data());
  const uint8_t* const end = bytes.data() + bytes.size();
  const auto left = [&] {
    return static_cast<int>(end - reinterpret_cast<const uint8_t*>(attribute));
  };
  while (left() > 0 && mnl_attr_ok(attribute, left())) {
    const uint16_t type = mnl_attr_get_type(attribute);
    const Bytes value(static_cast<const uint8_t*>(mnl_attr_get_payload(attribute)),
                      mnl_attr_get_payload_len(attribute));
    const auto rule = std::ranges::find(rules, type, &AttributeRule::type);
    if (rule != rules.end()) {
      if (Fault fault = CheckAttribute(*rule, value)) return fault;
      found_[type] = value;
    }
    attribute = mnl_attr_next(attribute);
  }
  return {};
}

std::string Attributes::Text(uint16_t type) const {
  const Bytes value = found_[type];
  return {value.begin(), std::ranges::find(value, uint8_t{0})};
}

}  // namespace fairlead::ipvs
