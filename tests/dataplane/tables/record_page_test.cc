// docs/connection_record.md says of every byte of a record what the compiler says.
#include <gtest/gtest.h>

#include <cstddef>
#include <fstream>
#include <iterator>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

#include "dataplane/tables/connection_record.h"
#include "dataplane/tables/side_record.h"
#include "dataplane/tables/template_record.h"

namespace fairlead::dataplane {
namespace {

struct Field {
  std::string name;
  size_t at, bytes;
};

#define FIELD(Record, name, member) \
  Field { name, offsetof(Record, member), sizeof(std::declval<Record>().member) }

template <typename Record>
std::vector<Field> ConnectionFields() {
  return {FIELD(Record, "client_address", client_address),
          FIELD(Record, "virtual_address", virtual_address),
          FIELD(Record, "real_address", real_address),
          FIELD(Record, "client_port", client_port),
          FIELD(Record, "virtual_port", virtual_port),
          FIELD(Record, "real_port", real_port),
          FIELD(Record, "protocol", protocol),
          FIELD(Record, "method", method),
          FIELD(Record, "state", state),
          FIELD(Record, "sync", sync),
          FIELD(Record, "flags", flags),
          FIELD(Record, "real_id", real_id),
          FIELD(Record, "side_slot", side_slot),
          FIELD(Record, "deadline", deadline),
          FIELD(Record, "timeout", timeout),
          FIELD(Record, "packets", packets),
          FIELD(Record, "wheel_next", wheel_next),
          FIELD(Record, "wheel_prev", wheel_prev),
          FIELD(Record, "children", children),
          FIELD(Record, "generation", generation),
          FIELD(Record, "template_ref.slot", template_ref.slot),
          FIELD(Record, "template_ref.generation", template_ref.generation),
          FIELD(Record, "template_ref.owner", template_ref.owner),
          FIELD(Record, "template_ref.reserved", template_ref.reserved)};
}

std::vector<Field> ConnectionFields6() {
  auto fields = ConnectionFields<Connection6>();
  fields.push_back(FIELD(Connection6, "reserved", reserved));
  return fields;
}

std::vector<Field> TemplateFields() {
  using R = TemplateRecord;
  return {FIELD(R, "key.client", key.client),
          FIELD(R, "key.virtual_address", key.virtual_address),
          FIELD(R, "key.virtual_port", key.virtual_port),
          FIELD(R, "key.family", key.family),
          FIELD(R, "key.protocol", key.protocol),
          FIELD(R, "key.scope", key.scope),
          FIELD(R, "key.spread", key.spread),
          FIELD(R, "state", state),
          FIELD(R, "flags", flags),
          FIELD(R, "generation", generation),
          FIELD(R, "destination_port", destination_port),
          FIELD(R, "real_id", real_id),
          FIELD(R, "children", children),
          FIELD(R, "deadline", deadline),
          FIELD(R, "timeout", timeout),
          FIELD(R, "renew", renew),
          FIELD(R, "client_prefix_length", client_prefix_length),
          FIELD(R, "origin", origin),
          FIELD(R, "created", created),
          FIELD(R, "wheel_next", wheel_next),
          FIELD(R, "wheel_prev", wheel_prev),
          FIELD(R, "service_timeout", service_timeout),
          FIELD(R, "step", step),
          FIELD(R, "lifetime_end", lifetime_end),
          FIELD(R, "client_mask", client_mask),
          FIELD(R, "side_slot", side_slot),
          FIELD(R, "origin_created", origin_created),
          FIELD(R, "sync_end", sync_end),
          FIELD(R, "sync", sync),
          FIELD(R, "engine_length", engine_length),
          FIELD(R, "reserved", reserved)};
}

// The head that all side records have, then the body of one kind.
std::vector<Field> SideFields(const std::vector<Field>& body) {
  using R = SideRecord;
  std::vector<Field> fields{FIELD(R, "next", next), FIELD(R, "owner_slot", owner_slot),
                            FIELD(R, "owner_generation", owner_generation),
                            FIELD(R, "owner_table", owner_table), FIELD(R, "kind", kind)};
  fields.insert(fields.end(), body.begin(), body.end());
  return fields;
}

std::vector<Field> FlowFields() {
  using R = SideRecord;
  return SideFields(
      {FIELD(R, "to_real.initial", flow.to_real.initial),
       FIELD(R, "to_real.delta", flow.to_real.delta),
       FIELD(R, "to_real.previous_delta", flow.to_real.previous_delta),
       FIELD(R, "to_client.initial", flow.to_client.initial),
       FIELD(R, "to_client.delta", flow.to_client.delta),
       FIELD(R, "to_client.previous_delta", flow.to_client.previous_delta),
       FIELD(R, "local_address", flow.local_address), FIELD(R, "local_port", flow.local_port),
       FIELD(R, "local_family", flow.local_family), FIELD(R, "client_told", flow.client_told),
       FIELD(R, "header_bytes", flow.header_bytes), FIELD(R, "helper", flow.helper),
       FIELD(R, "reserved", flow.reserved), FIELD(R, "timestamp_shift", flow.timestamp_shift)});
}

std::vector<Field> SyncFields() {
  using R = SideRecord;
  return SideFields({FIELD(R, "mark", sync.mark), FIELD(R, "sent_end", sync.sent_end),
                     FIELD(R, "real_address", sync.real_address),
                     FIELD(R, "reserved", sync.reserved)});
}

std::vector<Field> TextFields() {
  using R = SideRecord;
  return SideFields({FIELD(R, "length", text.length), FIELD(R, "text", text.text)});
}

// The list names every byte: a member that is added to the record and not to the list leaves a gap.
std::vector<Field> Whole(std::vector<Field> fields, size_t record_bytes) {
  size_t end = 0;
  for (const Field& field : fields) {
    EXPECT_EQ(field.at, end) << "a gap before " << field.name;
    end = field.at + field.bytes;
  }
  EXPECT_EQ(end, record_bytes);
  return fields;
}

// The cells of the rows of the first table under the heading.
std::vector<std::vector<std::string>> RowsUnder(const std::string& heading) {
  std::ifstream file(FAIRLEAD_SOURCE "/docs/connection_record.md");
  const std::string page{std::istreambuf_iterator<char>(file), {}};
  const size_t begin = page.find("\n## " + heading + "\n");
  EXPECT_NE(begin, std::string::npos) << heading;
  std::istringstream lines(page.substr(begin, page.find("\n## ", begin + 1) - begin));
  std::vector<std::vector<std::string>> rows;
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("| ") || line.starts_with("|---")) continue;
    std::vector<std::string> cells;
    const std::regex cell(R"(\|([^|]*))");
    for (std::sregex_iterator it(line.begin(), line.end(), cell), end; it != end; ++it) {
      cells.push_back(std::regex_replace((*it)[1].str(), std::regex("^[ `]+|[ `]+$"), ""));
    }
    rows.push_back(cells);
  }
  if (!rows.empty()) rows.erase(rows.begin());  // the titles
  return rows;
}

// "offset bytes name", a line for each field.
std::string Lines(const std::vector<Field>& fields) {
  std::string text;
  for (const Field& f : fields) {
    text += std::to_string(f.at) + " " + std::to_string(f.bytes) + " " + f.name + "\n";
  }
  return text;
}

TEST(RecordPage, ConnectionsAreAsThePageSays) {
  // | IPv4 | IPv6 | bytes v4 / v6 | field | meaning |
  std::string page4, page6;
  for (const auto& row : RowsUnder("Connection")) {
    ASSERT_GE(row.size(), 5u);
    const size_t slash = row[2].find(" / ");
    const std::string bytes4 = row[2].substr(0, slash);
    const std::string bytes6 = slash == std::string::npos ? bytes4 : row[2].substr(slash + 3);
    if (!row[0].empty()) page4 += row[0] + " " + bytes4 + " " + row[3] + "\n";
    if (!row[1].empty()) page6 += row[1] + " " + bytes6 + " " + row[3] + "\n";
  }
  EXPECT_EQ(page4, Lines(Whole(ConnectionFields<Connection4>(), sizeof(Connection4))));
  EXPECT_EQ(page6, Lines(Whole(ConnectionFields6(), sizeof(Connection6))));
}

// | at | bytes | field | meaning |
std::string LinesUnder(const std::string& heading) {
  std::string page;
  for (const auto& row : RowsUnder(heading)) {
    EXPECT_GE(row.size(), 4u);
    page += row[0] + " " + row[1] + " " + row[2] + "\n";
  }
  return page;
}

TEST(RecordPage, TemplatesAreAsThePageSays) {
  EXPECT_EQ(LinesUnder("Template"), Lines(Whole(TemplateFields(), sizeof(TemplateRecord))));
}

TEST(RecordPage, SideRecordsAreAsThePageSays) {
  const std::string head = LinesUnder("Side record");
  EXPECT_EQ(head + LinesUnder("Side record: flow"), Lines(Whole(FlowFields(), sizeof(SideRecord))));
  EXPECT_EQ(head + LinesUnder("Side record: sync"), Lines(Whole(SyncFields(), sizeof(SideRecord))));
  EXPECT_EQ(head + LinesUnder("Side record: text"), Lines(Whole(TextFields(), sizeof(SideRecord))));
}

}  // namespace
}  // namespace fairlead::dataplane
